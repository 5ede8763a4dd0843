//! What is known ahead of a customer as rows that don't depend on when they are derived (rule `time-alone`): each is shown from
//! one instant to another, and whoever asks at an instant takes those that are shown then. [`told`] gives what
//! [`ahead`](super::ahead) would, without the facts.
//!
//! Between two instants at which anything comes due nothing of it changes: it is looked at once at the beginning of each such
//! window, and what is the same in the next one goes on as the same row.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    known::{Ahead, Change, Renewal, TrialDue, Untold},
    outlook::{Outlook, at_risk, yearly},
    planned::{self, Plan, Schedule},
};
use crate::{
    counting::{CountStatus, Counted},
    derivation::Derivation,
    fact::Fact,
    ids::*,
    money::{Currency, Mrr},
    profile::Profile,
    prospect::{Prospect, ProspectKind},
    time::UnixTime,
};

/// The rows of a customer, in the order in which they are shown.
pub(crate) fn prospects(of: &Derivation<'_>, facts: &[Fact], profile: &Profile) -> Vec<Prospect> {
    let Some(known_at) = facts.iter().map(|fact| fact.at).max() else { return Vec::new() };
    let schedules = planned::schedules(facts);
    let looking = Looking { of, profile, known_at };
    let mut rows = Vec::new();
    for base in &of.subscriptions {
        let Some(last) = base.snapshots.last() else { continue };
        let schedule = schedules.iter().find(|one| one.state.subscription.as_ref() == Some(&last.state.id));
        let plans = |now| planned::of_subscription(&base.snapshots, schedule, now, ALWAYS);
        if changes_ahead(base, schedule, known_at) {
            looking.windows(Some(base), &last.state.id, plans, &mut rows);
        }
    }
    for schedule in schedules.iter().filter(|one| one.begins()) {
        let id = SubscriptionId::from(&*schedule.state.id);
        looking.windows(None, &id, |now| planned::of_schedule(schedule, now, ALWAYS), &mut rows);
    }
    rows.sort_unstable();
    rows
}

const NEVER: UnixTime = UnixTime(i64::MIN);
const ALWAYS: UnixTime = UnixTime(i64::MAX);

/// Whether anything can be known ahead of it: most subscriptions stay as they are.
fn changes_ahead(base: &Counted<'_>, schedule: Option<&Schedule<'_>>, known_at: UnixTime) -> bool {
    let (Some(last), Some(stands)) = (base.snapshots.last(), base.stands_at(known_at)) else { return false };
    let state = &last.state;
    let planned = schedule.is_some()
        || state.cancel_at.is_some()
        || state.cancel_at_period_end
        || state.pause_collection.as_ref().is_some_and(|pause| pause.resumes_at.is_some());
    planned
        || base.stretches.iter().any(|one| one.from > known_at)
        || matches!(stands.count_status, CountStatus::Trial | CountStatus::AtRisk)
        || stands.lines.iter().any(|line| base.item(stands, line).interval.is_some_and(yearly))
}

/// So many windows of a subscription are looked at: several times what ten phases and their discounts make. From the next one on its
/// facts are read.
const WINDOWS: usize = 256;

/// The windows of a subscription that are still to be looked at.
struct Windows {
    /// The instants at which anything comes due.
    due: BTreeSet<UnixTime>,
    /// Where each window begins.
    starts: BTreeSet<UnixTime>,
}

impl Windows {
    /// Takes in what changes of what is overdue, where that is done at `soon`. In the second before anything else comes due both fall
    /// on one instant: a window of its own.
    fn put_off(&mut self, soon: UnixTime, changes: Vec<UnixTime>) {
        self.due.extend(changes);
        self.starts.extend(self.due.iter().filter(|at| **at > soon).flat_map(|at| [at.plus(-1), *at]));
    }
}

struct Looking<'l, 'a> {
    of: &'l Derivation<'a>,
    profile: &'l Profile,
    known_at: UnixTime,
}

impl<'a> Looking<'_, 'a> {
    /// Adds what is known of a subscription, window by window.
    fn windows(
        &self,
        base: Option<&Counted<'a>>,
        id: &SubscriptionId,
        plans: impl Fn(UnixTime) -> Vec<Plan>,
        rows: &mut Vec<Prospect>,
    ) {
        // None of them is put off, for nothing is overdue before all time.
        let planned = plans(NEVER);
        let due = self.due(base, &planned);
        let mut windows = Windows { starts: due.clone(), due };
        let of_others = rows.len();
        let mut looked_at = 0;
        while let Some(now) = windows.starts.pop_first() {
            looked_at += 1;
            let window = if looked_at <= WINDOWS {
                self.window(base, id, &planned, plans(now), now, &mut windows)
            } else {
                windows.starts.clear();
                vec![self.row(id, now, now, ProspectKind::Overdue)]
            };
            let until = windows.starts.first().copied();
            for row in window {
                let row = Prospect { shown_from: now, shown_until: until, ..row };
                let goes_on = |before: &&mut Prospect| before.shown_until == Some(now) && before.says_as(&row);
                match rows[of_others..].iter_mut().find(goes_on) {
                    Some(before) => before.shown_until = until,
                    None => rows.push(row),
                }
            }
        }
    }

    /// A row of so far only what kind it is of, and when it is due.
    fn row(&self, id: &SubscriptionId, now: UnixTime, at: UnixTime, kind: ProspectKind) -> Prospect {
        Prospect {
            shown_from: now,
            shown_until: None,
            at,
            kind,
            known_at: self.known_at,
            subscription: id.clone(),
            item: None,
            product: None,
            price: None,
            currency: None,
            amount: None,
            estimated: false,
            event: None,
            detail: None,
        }
    }

    /// The instants at which anything comes due, from the last thing known on.
    fn due(&self, base: Option<&Counted<'a>>, planned: &[Plan]) -> BTreeSet<UnixTime> {
        let mut due: BTreeSet<UnixTime> = planned.iter().map(|plan| plan.at).collect();
        if let Some(base) = base {
            due.extend(base.stretches.iter().map(|one| one.from));
            let states = base.snapshots.last().map(|last| &last.state).into_iter();
            for state in states {
                let of_items = state.items.iter().filter_map(|item| item.period);
                due.extend(of_items.chain(state.period).map(|period| period.end));
                due.extend(state.trial_end);
            }
        }
        due.insert(self.known_at);
        due.split_off(&self.known_at)
    }

    /// What is known from `now` to the next instant at which anything comes due. Where something is overdue, it is done a second
    /// after whatever instant is asked about, and what that brings makes further windows.
    fn window(
        &self,
        base: Option<&Counted<'a>>,
        id: &SubscriptionId,
        planned: &[Plan],
        plans: Vec<Plan>,
        now: UnixTime,
        windows: &mut Windows,
    ) -> Vec<Prospect> {
        let row = |at, kind| self.row(id, now, at, kind);
        let mut rows = Vec::new();
        let stands = base.and_then(|base| Some((base, base.stands_at(now)?)));
        if let Some((currency, amount)) = stands.and_then(|(_, stands)| at_risk(stands)) {
            let from = stands.map_or(now, |(_, stands)| stands.from);
            let kind = ProspectKind::AtRisk;
            rows.push(Prospect { currency: Some(currency), amount: Some(amount), ..row(from, kind) });
        }
        let trial_is_over = stands.is_some_and(|(base, stands)| {
            let ends = base.state(stands).trial_end;
            stands.count_status == CountStatus::Trial && !stands.granted && ends.is_some_and(|end| end <= now)
        });
        // Since when something is overdue, if anything is.
        let since = planned.iter().map(|plan| plan.at).find(|at| *at <= now);
        let outlook =
            Outlook { known: &self.of.known, terms: &self.of.terms, profile: self.profile, now, until: ALWAYS };
        if trial_is_over || since.is_some() {
            windows.put_off(now.plus(1), outlook.comes_due(base, &plans));
        }
        // What is overdue is due at once, whenever that is; what comes later keeps its instant.
        let due = |at| since.filter(|_| at == now.plus(1)).unwrap_or(at);
        let mut ahead = Ahead::default();
        outlook.take(base, id.clone(), plans, &mut ahead);
        rows.extend(ahead.changes.drain(..).map(|change| Prospect {
            item: Some(change.item),
            product: change.product,
            price: Some(change.price),
            currency: Some(change.currency),
            amount: Some(change.amount),
            estimated: change.estimated,
            event: Some(change.event),
            ..row(due(change.at), ProspectKind::Line(change.due))
        }));
        rows.extend(ahead.untold.drain(..).map(|untold| Prospect {
            subscription: untold.subscription,
            event: Some(untold.event),
            detail: Some(untold.detail.into()),
            ..row(untold.at, ProspectKind::Untold)
        }));
        if let Some(base) = base {
            outlook.trial(base, &mut ahead);
            rows.extend(ahead.trials.drain(..).map(|trial| Prospect {
                currency: trial.mrr.map(|(currency, _)| currency),
                amount: trial.mrr.map(|(_, amount)| amount),
                event: Some(trial.event),
                ..row(trial.at, ProspectKind::Trial)
            }));
            let renewing = outlook.renewing(base);
            rows.extend(
                renewing
                    .into_iter()
                    .flat_map(|renewing| {
                        let (currency, event) = (renewing.currency, renewing.event);
                        renewing
                            .items
                            .into_iter()
                            .map(move |(item, at, amount)| (item, at, amount, currency, event.clone()))
                    })
                    .map(|(item, at, amount, currency, event)| Prospect {
                        item: Some(item),
                        currency: Some(currency),
                        amount: Some(amount),
                        event: Some(event),
                        ..row(at, ProspectKind::Renewal)
                    }),
            );
        }
        rows
    }
}

/// What is known of a customer from `now` up to `until`, by its rows: without what its MRR is and comes to. `None` where the facts
/// must be read.
pub fn told(rows: &[Prospect], now: UnixTime, until: UnixTime) -> Option<Ahead> {
    let mut ahead = Ahead::default();
    let mut renewals: BTreeMap<(&SubscriptionId, &EventId), (UnixTime, Currency, Mrr)> = BTreeMap::new();
    for row in rows {
        if row.known_at > now {
            return None;
        }
        let shown = row.shown_from <= now && row.shown_until.is_none_or(|end| end > now);
        let at = row.at.max(now.plus(1));
        // What is at risk is so already.
        if !shown || at > until && row.kind != ProspectKind::AtRisk {
            continue;
        }
        let event = || row.event.clone().unwrap_or_else(|| "".into());
        let mrr = row.currency.zip(row.amount);
        let subscription = || row.subscription.clone();
        match (row.kind, mrr) {
            (ProspectKind::Overdue, _) => return None,
            (ProspectKind::Line(due), Some((currency, amount))) => ahead.changes.push(Change {
                at,
                due,
                currency,
                subscription: subscription(),
                item: row.item.clone().unwrap_or_else(|| "".into()),
                product: row.product.clone(),
                price: row.price.clone().unwrap_or_else(|| "".into()),
                amount,
                estimated: row.estimated,
                event: event(),
                pieces: Vec::new(),
            }),
            (ProspectKind::AtRisk, Some((currency, amount))) => {
                ahead.at_risk.entry(currency).or_default().0 += amount.0
            }
            (ProspectKind::Trial, mrr) => {
                ahead.trials.push(TrialDue { at: row.at, subscription: subscription(), mrr, event: event() });
            }
            (ProspectKind::Renewal, Some((currency, amount))) => {
                let Some(event) = &row.event else { continue };
                let sum = renewals.entry((&row.subscription, event)).or_insert((at, currency, Mrr::ZERO));
                *sum = (sum.0.min(at), currency, Mrr(sum.2.0 + amount.0));
            }
            (ProspectKind::Untold, _) => {
                let detail = row.detail.as_deref().unwrap_or_default().to_owned();
                ahead.untold.push(Untold { at, subscription: subscription(), event: event(), detail });
            }
            (ProspectKind::Line(_) | ProspectKind::AtRisk | ProspectKind::Renewal, None) => {}
        }
    }
    ahead.renewals = renewals
        .into_iter()
        .map(|((subscription, event), (at, currency, mrr))| Renewal {
            at,
            subscription: subscription.clone(),
            mrr: (currency, mrr),
            event: event.clone(),
        })
        .collect();
    ahead.changes.sort_by(|a, b| (a.at, a.due, &a.subscription, &a.item).cmp(&(b.at, b.due, &b.subscription, &b.item)));
    ahead.at_risk.retain(|_, mrr| *mrr != Mrr::ZERO);
    Some(ahead)
}
