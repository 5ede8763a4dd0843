//! Movements: what changed for a customer within one netting window, and what kind of change that is (rule `netting`).

use std::collections::{BTreeMap, BTreeSet};

use super::{
    causes::Around,
    counting::Counted,
    money::{Currency, Mrr},
    outcome::{Cause, Kind, Movement, Part},
    parts::{Evidence, Reading, parts},
    pricing::Terms,
    profile::{Profile, ReactivationAs},
    replacement::Replacement,
    sweep::{Moment, Sweep, Tally, Window},
    time::{UnixTime, Zone},
};

/// All movements of a customer, in time order.
pub(super) fn movements<'a>(
    subscriptions: &[Counted<'a>],
    sweep: &Sweep,
    windows: &[Window],
    terms: &Terms<'a>,
    profile: &Profile,
    zone: &Zone,
) -> Vec<Movement> {
    let mut ledger = Ledger {
        subscriptions,
        sweep,
        terms,
        profile,
        zone,
        current_stretches: vec![None; subscriptions.len()],
        history: History::default(),
        movements: Vec::new(),
    };
    for window in windows {
        ledger.net(window);
    }
    let mut movements = ledger.movements;
    movements.sort_by_key(|one| (one.effective_at, one.window, one.currency, one.visible_from));
    movements
}

/// What a customer had before an instant: a customer is one over all currencies (rule `customer-over-currencies`).
#[derive(Clone, Debug, Default)]
struct History {
    tallies: BTreeMap<Currency, Tally>,
    /// Whether the customer is one, in whatever currency.
    present: bool,
    /// Ever had MRR above 0 for more than zero seconds.
    ever: bool,
    /// Since when the customer is gone, where that is known.
    gone: Option<UnixTime>,
    /// Why the customer was lost last, where it took money with it, and whether a subscription's end was among it.
    lost_by: BTreeSet<Cause>,
    lost_by_end: bool,
}

impl History {
    fn pass(&mut self, moment: &Moment) {
        for (currency, tally) in &moment.tallies {
            self.tallies.insert(*currency, *tally);
            self.ever |= tally.mrr > Mrr::ZERO;
        }
        self.ever |= moment.ran_before;
        if self.present && !moment.present {
            self.gone = Some(moment.at);
        }
        self.present = moment.present;
    }

    fn mrr(&self, currency: Currency) -> Mrr {
        self.tallies.get(&currency).map_or(Mrr::ZERO, |tally| tally.mrr)
    }

    /// Remembers why the customer was lost, by the rows of the window that has just closed.
    fn lose(&mut self, was_present: bool, rows: &[Movement]) {
        if self.present {
            return;
        }
        let gone = |row: &&Movement| matches!(row.kind, Kind::Churn | Kind::Transient);
        let shown = rows.iter().filter(|row| row.visible_until.is_none()).filter(gone);
        if was_present || shown.clone().next().is_some() {
            let parts = || shown.clone().flat_map(|row| &row.parts).filter(|part| part.amount < Mrr::ZERO);
            self.lost_by_end = parts().any(|part| part.after.is_none());
            self.lost_by = parts().map(|part| part.cause).collect();
        }
    }
}

struct Ledger<'c, 'a> {
    subscriptions: &'c [Counted<'a>],
    sweep: &'c Sweep,
    terms: &'c Terms<'a>,
    profile: &'c Profile,
    zone: &'c Zone,
    /// Each subscription's stretch now.
    current_stretches: Vec<Option<usize>>,
    history: History,
    movements: Vec<Movement>,
}

/// One currency over one window, of a customer who is one over all of them.
#[derive(Clone, Copy)]
struct Change {
    before: Mrr,
    after: Mrr,
    was_present: bool,
    is_present: bool,
    ever: bool,
    gone: Option<UnixTime>,
    at: UnixTime,
}

impl<'a> Ledger<'_, 'a> {
    /// Nets one window: a row for each state of knowledge, cut where time alone changes an amount.
    fn net(&mut self, window: &Window) {
        let sweep = self.sweep;
        let moments = &sweep.moments[window.moments.clone()];
        let was_present = self.history.present;
        let Some(first) = moments.iter().position(|moment| moment.moves) else {
            for moment in moments {
                self.pass(moment, None);
            }
            self.history.lose(was_present, &[]);
            return;
        };
        let opened = moments[first].at;
        let before = self.history.clone();
        let mut touched: BTreeMap<usize, Option<usize>> = BTreeMap::new();
        let mut evidence = Evidence::new();
        let mut rows: Vec<Movement> = Vec::new();
        let mut from = opened;
        for (place, moment) in moments.iter().enumerate() {
            self.pass(moment, Some((&mut touched, &mut evidence)));
            let next_cut = moments[place + 1..].iter().find(|next| next.moves).filter(|next| next.alone);
            let last = place + 1 == moments.len();
            let cut = next_cut.map(|next| next.at).filter(|_| moment.moves);
            if place < first || !(last || cut.is_some()) {
                continue;
            }
            let around = self.around(&before, &touched, &self.current_stretches, opened);
            let fresh = self.rows(window, &before, &around, &evidence, &moments[..=place]);
            extend(&mut rows, fresh, from, cut);
            from = cut.unwrap_or(from);
        }
        self.history.lose(was_present, &rows);
        self.movements.append(&mut rows);
    }

    fn around<'s>(
        &'s self,
        history: &'s History,
        before: &'s BTreeMap<usize, Option<usize>>,
        after: &'s [Option<usize>],
        opened: UnixTime,
    ) -> Around<'s, 'a> {
        Around {
            subscriptions: self.subscriptions,
            after,
            before,
            opened,
            lost_by: &history.lost_by,
            lost_by_end: history.lost_by_end,
            terms: self.terms,
            plans: &self.profile.plans,
            zone: self.zone,
        }
    }

    /// Moves the customer past one moment.
    fn pass(&mut self, moment: &Moment, window: Option<(&mut BTreeMap<usize, Option<usize>>, &mut Evidence)>) {
        let mut window = window;
        for boundary in &self.sweep.boundaries[moment.boundaries.clone()] {
            let counted = &self.subscriptions[boundary.subscription];
            if let Some((touched, evidence)) = &mut window {
                // What is first known as it runs without counting stood so before the window, too.
                let ran = || counted.ran_before().then_some(boundary.stretch);
                touched.entry(boundary.subscription).or_insert_with(|| boundary.before().or_else(ran));
                witness(counted, boundary.subscription, boundary.stretch, evidence);
            }
            self.current_stretches[boundary.subscription] = Some(boundary.stretch);
        }
        self.history.pass(moment);
    }

    /// The movements of a window as it stands now.
    fn rows(
        &self,
        window: &Window,
        before: &History,
        around: &Around<'_, '_>,
        evidence: &Evidence,
        moments: &[Moment],
    ) -> Vec<Movement> {
        let opened = around.opened;
        let replacement = match window.opening {
            true => None,
            false => Replacement::within(self.subscriptions, around.before, around.after),
        };
        // What ran before the log began ran before this window, wherever in it that is first known.
        let ever = before.ever || moments.iter().any(|moment| moment.ran_before);
        let mut rows = Vec::new();
        for &currency in self.history.tallies.keys() {
            let change = Change {
                before: before.mrr(currency),
                after: self.history.mrr(currency),
                was_present: before.present,
                is_present: self.history.present,
                ever,
                gone: before.gone,
                at: opened,
            };
            let amount = Mrr(change.after.0 - change.before.0);
            let (kind, parts) = if window.opening {
                let reading =
                    Reading { currency, kind: Kind::OpeningBalance, named: Kind::OpeningBalance, replacement: None };
                (Kind::OpeningBalance, parts(around, evidence, reading))
            } else if amount != Mrr::ZERO {
                let (kind, causes) = self.kind(&change);
                let reading = Reading { currency, kind: causes, named: kind, replacement: replacement.as_ref() };
                (kind, parts(around, evidence, reading))
            } else if change.before == Mrr::ZERO && came_and_went(moments, currency) {
                (Kind::Transient, self.transient_parts(currency, before, moments))
            } else {
                continue;
            };
            let Some(effective_at) = parts.iter().map(|part: &Part| part.effective_at).max() else { continue };
            rows.push(Movement {
                currency,
                day: self.zone.day(effective_at),
                window: window.start,
                effective_at,
                kind,
                amount,
                before: change.before,
                after: change.after,
                visible_from: opened,
                visible_until: None,
                parts,
            });
        }
        rows
    }

    /// The kind of a change, and the kind whose causes explain it. Who still pays in another currency is neither won nor
    /// lost in this one.
    fn kind(&self, change: &Change) -> (Kind, Kind) {
        let plain = |kind| (kind, kind);
        match (change.before > Mrr::ZERO, change.after > Mrr::ZERO) {
            (false, true) if !change.was_present && change.ever => (self.of_return(change), Kind::Reactivation),
            (false, true) if !change.was_present => plain(Kind::New),
            (true, false) if !change.is_present => plain(Kind::Churn),
            _ if change.after > change.before => plain(Kind::Expansion),
            _ => plain(Kind::Contraction),
        }
    }

    /// What the profile calls a return (knobs `reactivation_within` and `reactivation_as`).
    fn of_return(&self, change: &Change) -> Kind {
        let late = match (self.profile.reactivation_within_days, change.gone) {
            (Some(days), Some(gone)) => change.at > gone.plus(i64::from(days) * UnixTime::DAY_SECONDS),
            _ => false,
        };
        match self.profile.reactivation_as {
            _ if late => Kind::New,
            ReactivationAs::Reactivation => Kind::Reactivation,
            ReactivationAs::Expansion => Kind::Expansion,
            ReactivationAs::New => Kind::New,
        }
    }

    /// The parts of what came and went: each moment's own.
    fn transient_parts(&self, currency: Currency, before: &History, moments: &[Moment]) -> Vec<Part> {
        let mut all = Vec::new();
        let mut history = before.clone();
        for moment in moments {
            let was = history.clone();
            history.pass(moment);
            let change = Change {
                before: was.mrr(currency),
                after: history.mrr(currency),
                was_present: was.present,
                is_present: history.present,
                ever: was.ever,
                gone: was.gone,
                at: moment.at,
            };
            if change.before == change.after {
                continue;
            }
            let mut touched = BTreeMap::new();
            let mut evidence = Evidence::new();
            let mut current_stretches = self.current_stretches.clone();
            for boundary in &self.sweep.boundaries[moment.boundaries.clone()] {
                touched.insert(boundary.subscription, boundary.before());
                current_stretches[boundary.subscription] = Some(boundary.stretch);
                let counted = &self.subscriptions[boundary.subscription];
                witness(counted, boundary.subscription, boundary.stretch, &mut evidence);
            }
            let around = self.around(&was, &touched, &current_stretches, moment.at);
            let (named, kind) = self.kind(&change);
            all.extend(parts(&around, &evidence, Reading { currency, kind, named, replacement: None }));
        }
        all
    }
}

fn came_and_went(moments: &[Moment], currency: Currency) -> bool {
    moments.iter().flat_map(|moment| &moment.tallies).any(|(one, tally)| *one == currency && tally.mrr > Mrr::ZERO)
}

/// Notes which items a boundary changes, when, and by which events.
fn witness(counted: &Counted<'_>, subscription: usize, stretch: usize, evidence: &mut Evidence) {
    let after = &counted.stretches[stretch];
    let before = stretch.checked_sub(1).map(|before| &counted.stretches[before]);
    let was = |lineage: u32| {
        let line = before.into_iter().flat_map(|before| &before.lines).find(|line| line.lineage == lineage);
        line.map_or((Mrr::ZERO, Mrr::ZERO), |line| (line.mrr, line.list))
    };
    // What changes only the list MRR explains a change of MRR, but isn't when it took effect.
    let mut changed: Vec<(u32, bool)> = Vec::new();
    for line in &after.lines {
        let (mrr, list) = was(line.lineage);
        if (mrr, list) != (line.mrr, line.list) {
            changed.push((line.lineage, mrr != line.mrr));
        }
    }
    for line in before.into_iter().flat_map(|before| &before.lines) {
        let stays = after.lines.iter().any(|one| one.lineage == line.lineage);
        if !stays && (line.mrr, line.list) != (Mrr::ZERO, Mrr::ZERO) {
            changed.push((line.lineage, line.mrr != Mrr::ZERO));
        }
    }
    for (lineage, moves) in changed {
        let (at, events) = evidence.entry((subscription, lineage)).or_insert_with(|| (after.from, Vec::new()));
        if moves {
            *at = after.from;
        }
        for event in &after.events {
            if !events.contains(event) {
                events.push(event.clone());
            }
        }
    }
}

/// Adds the rows of one state of knowledge; a row that only stays as it was is shown on.
fn extend(rows: &mut Vec<Movement>, fresh: Vec<Movement>, from: UnixTime, until: Option<UnixTime>) {
    for mut row in fresh {
        row.visible_from = from;
        row.visible_until = until;
        let same = rows.iter_mut().rev().find(|old| {
            old.currency == row.currency
                && old.visible_until == Some(from)
                && old.kind == row.kind
                && old.amount == row.amount
                && old.parts == row.parts
        });
        match same {
            Some(old) => old.visible_until = until,
            None => rows.push(row),
        }
    }
}
