//! Movements: what changed for a customer within one netting window, and what kind of change that is (mrr.md 5).

use std::collections::{BTreeMap, BTreeSet};

use super::{
    causes::Around,
    counting::Counted,
    money::{Currency, Mrr},
    netting::{Window, windows},
    outcome::{Kind, Movement, Part},
    parts::{Evidence, Reading, parts},
    pricing::Terms,
    profile::{Profile, ReactivationAs},
    sweep::{Moment, Sweep, Tally},
    time::{UnixTime, Zone},
};

/// All movements of a customer, in time order; no window reaches over one of `cuts`.
pub(super) fn movements<'a>(
    subscriptions: &[Counted<'a>],
    sweep: &Sweep,
    terms: &Terms<'a>,
    profile: &Profile,
    zone: &Zone,
    cuts: &[UnixTime],
) -> Vec<Movement> {
    let mut ledger = Ledger {
        subscriptions,
        sweep,
        terms,
        profile,
        zone,
        standing: vec![None; subscriptions.len()],
        history: History::default(),
        movements: Vec::new(),
    };
    for window in windows(sweep, profile.netting, zone, cuts) {
        ledger.net(&window);
    }
    let mut movements = ledger.movements;
    movements.sort_by_key(|one| (one.effective_at, one.window, one.currency, one.visible_from));
    movements
}

/// What a customer had before an instant, in each currency and over all of them.
#[derive(Clone, Debug, Default)]
struct History {
    tallies: BTreeMap<Currency, Tally>,
    /// Currencies that ever had MRR above 0 for more than zero seconds.
    ever: BTreeSet<Currency>,
    /// Since when a currency's customer is gone.
    gone: BTreeMap<Currency, UnixTime>,
}

impl History {
    fn pass(&mut self, moment: &Moment) {
        for (currency, tally) in &moment.tallies {
            let was = self.tallies.insert(*currency, *tally).unwrap_or_default();
            if tally.mrr > Mrr::ZERO {
                self.ever.insert(*currency);
            }
            if was.present && !tally.present {
                self.gone.insert(*currency, moment.at);
            }
        }
    }

    fn tally(&self, currency: Currency) -> Tally {
        self.tallies.get(&currency).copied().unwrap_or_default()
    }

    fn present_anywhere(&self) -> bool {
        self.tallies.values().any(|tally| tally.present)
    }

    /// Whether a start in `currency` is a return, and since when the customer was gone. One who is gone in every
    /// currency returns whichever currency comes back: customers won and lost are counted over all of them.
    fn returns(&self, currency: Currency) -> Option<Option<UnixTime>> {
        if self.ever.contains(&currency) {
            return Some(self.gone.get(&currency).copied());
        }
        (!self.ever.is_empty() && !self.present_anywhere()).then(|| self.gone.values().max().copied())
    }
}

struct Ledger<'c, 'a> {
    subscriptions: &'c [Counted<'a>],
    sweep: &'c Sweep,
    terms: &'c Terms<'a>,
    profile: &'c Profile,
    zone: &'c Zone,
    /// Each subscription's stretch now.
    standing: Vec<Option<usize>>,
    history: History,
    movements: Vec<Movement>,
}

/// One currency over one window.
#[derive(Clone, Copy)]
struct Change {
    before: Tally,
    after: Tally,
    /// As `History::returns`.
    returns: Option<Option<UnixTime>>,
    at: UnixTime,
}

impl Ledger<'_, '_> {
    /// Nets one window: a row for each state of knowledge, cut where time alone changes an amount.
    fn net(&mut self, window: &Window) {
        let sweep = self.sweep;
        let moments = &sweep.moments[window.moments.clone()];
        let Some(first) = moments.iter().position(|moment| moment.moves) else {
            for moment in moments {
                self.pass(moment, None);
            }
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
            let around = Around {
                subscriptions: self.subscriptions,
                after: &self.standing,
                before: &touched,
                opened,
                terms: self.terms,
                zone: self.zone,
            };
            let fresh = self.rows(window, &before, &around, &evidence, &moments[..=place]);
            extend(&mut rows, fresh, from, cut);
            from = cut.unwrap_or(from);
        }
        self.movements.append(&mut rows);
    }

    /// Moves the customer past one moment.
    fn pass(&mut self, moment: &Moment, window: Option<(&mut BTreeMap<usize, Option<usize>>, &mut Evidence)>) {
        let mut window = window;
        for boundary in &self.sweep.boundaries[moment.boundaries.clone()] {
            let counted = &self.subscriptions[boundary.subscription];
            if let Some((touched, evidence)) = &mut window {
                touched.entry(boundary.subscription).or_insert(boundary.before());
                witness(counted, boundary.subscription, boundary.stretch, evidence);
            }
            self.standing[boundary.subscription] = Some(boundary.stretch);
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
        let changes: BTreeMap<Currency, Change> = self
            .history
            .tallies
            .iter()
            .map(|(currency, after)| {
                let returns = before.returns(*currency);
                (*currency, Change { before: before.tally(*currency), after: *after, returns, at: opened })
            })
            .collect();
        let switched = if window.opening { BTreeSet::new() } else { switched(&changes) };
        let mut rows = Vec::new();
        for (&currency, change) in &changes {
            let amount = Mrr(change.after.mrr.0 - change.before.mrr.0);
            let switches = switched.contains(&currency);
            let (kind, parts) = if window.opening {
                let reading = Reading { currency, kind: Kind::OpeningBalance, switches };
                (Kind::OpeningBalance, parts(around, evidence, reading))
            } else if amount != Mrr::ZERO {
                let (kind, causes) = self.kind(change, switches);
                (kind, parts(around, evidence, Reading { currency, kind: causes, switches }))
            } else if change.before.mrr == Mrr::ZERO && came_and_went(moments, currency) {
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
                before: change.before.mrr,
                after: change.after.mrr,
                visible_from: opened,
                visible_until: None,
                parts,
            });
        }
        rows
    }

    /// The kind of a change, and the kind whose causes explain it.
    fn kind(&self, change: &Change, switches: bool) -> (Kind, Kind) {
        let (before, after) = (change.before, change.after);
        let rises = after.mrr > before.mrr;
        let plain = |kind| (kind, kind);
        match (before.mrr > Mrr::ZERO, after.mrr > Mrr::ZERO) {
            (false, true) if !switches && !before.present => match change.returns {
                None => plain(Kind::New),
                Some(gone) => (self.of_return(gone, change.at), Kind::Reactivation),
            },
            (true, false) if !switches && !after.present => plain(Kind::Churn),
            _ if rises => plain(Kind::Expansion),
            _ => plain(Kind::Contraction),
        }
    }

    /// What the profile calls a return (knobs `reactivation_within` and `reactivation_as`).
    fn of_return(&self, gone: Option<UnixTime>, at: UnixTime) -> Kind {
        let late = match (self.profile.reactivation_within_days, gone) {
            (Some(days), Some(gone)) => at > gone.plus(i64::from(days) * UnixTime::DAY_SECONDS),
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
            let (was, returns) = (history.tally(currency), history.returns(currency));
            history.pass(moment);
            let change = Change { before: was, after: history.tally(currency), returns, at: moment.at };
            if change.before.mrr == change.after.mrr {
                continue;
            }
            let mut touched = BTreeMap::new();
            let mut evidence = Evidence::new();
            let mut standing = self.standing.clone();
            for boundary in &self.sweep.boundaries[moment.boundaries.clone()] {
                touched.insert(boundary.subscription, boundary.before());
                standing[boundary.subscription] = Some(boundary.stretch);
                let counted = &self.subscriptions[boundary.subscription];
                witness(counted, boundary.subscription, boundary.stretch, &mut evidence);
            }
            let around = Around {
                subscriptions: self.subscriptions,
                after: &standing,
                before: &touched,
                opened: moment.at,
                terms: self.terms,
                zone: self.zone,
            };
            let (_, kind) = self.kind(&change, false);
            all.extend(parts(&around, &evidence, Reading { currency, kind, switches: false }));
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
    let mut changed: Vec<u32> = Vec::new();
    for line in &after.lines {
        if was(line.lineage) != (line.mrr, line.list) {
            changed.push(line.lineage);
        }
    }
    for line in before.into_iter().flat_map(|before| &before.lines) {
        let stays = after.lines.iter().any(|one| one.lineage == line.lineage);
        if !stays && (line.mrr, line.list) != (Mrr::ZERO, Mrr::ZERO) {
            changed.push(line.lineage);
        }
    }
    for lineage in changed {
        let (at, events) = evidence.entry((subscription, lineage)).or_insert_with(|| (after.from, Vec::new()));
        *at = after.from;
        for event in &after.events {
            if !events.contains(event) {
                events.push(event.clone());
            }
        }
    }
}

/// Currencies between which MRR moved: one falls, another rises, and one of the two is left or entered by it. Nobody
/// is won or lost by that (mrr.md 5).
fn switched(changes: &BTreeMap<Currency, Change>) -> BTreeSet<Currency> {
    let fell = |change: &&Change| change.after.mrr < change.before.mrr;
    let rose = |change: &&Change| change.after.mrr > change.before.mrr;
    let left = changes.values().filter(fell).any(|change| change.after.mrr == Mrr::ZERO);
    let entered = changes.values().filter(rose).any(|change| change.before.mrr == Mrr::ZERO);
    let moves = changes.values().any(|change| fell(&change)) && changes.values().any(|change| rose(&change));
    if !moves || !(left || entered) {
        return BTreeSet::new();
    }
    changes.iter().filter(|(_, change)| change.after.mrr != change.before.mrr).map(|(currency, _)| *currency).collect()
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
