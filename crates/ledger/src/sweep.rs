//! A customer's subscriptions laid over each other: what stands in each currency after every instant of change.

use std::{collections::BTreeMap, ops::Range};

use super::{
    counting::{Counted, Standing, Stretch},
    money::{Currency, Mrr},
    outcome::CountDelta,
    profile::{Profile, ZeroByDiscount},
    time::{UnixTime, Zone},
};

/// A stretch of one subscription begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Boundary {
    pub at: UnixTime,
    /// It is an opening balance: booked at the end of its day, by itself.
    pub opening: bool,
    pub subscription: usize,
    pub stretch: usize,
}

impl Boundary {
    /// The stretch before it.
    pub(super) fn before(self) -> Option<usize> {
        self.stretch.checked_sub(1)
    }
}

/// What a customer has in one currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub mrr: Mrr,
    /// List MRR of what counts: while it stands, a customer at 0 may still be one (knob `zero_by_discount`).
    pub list: Mrr,
    /// Subscriptions put back on trial after they had counted.
    pub granted: i64,
    /// Subscriptions with MRR above 0.
    pub subscriptions: i64,
    /// Subscriptions on trial.
    pub trials: i64,
    /// A paying customer, or one who is only discounted to 0 or on a granted trial (mrr.md 5).
    pub present: bool,
}

/// All boundaries of one instant; an opening balance of that instant is a moment of its own, after it.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    pub at: UnixTime,
    pub opening: bool,
    /// Some item's MRR changes.
    pub moves: bool,
    /// Some item's MRR changes by the passing of time alone.
    pub alone: bool,
    pub boundaries: Range<usize>,
    /// What stands afterwards in the currencies touched.
    pub tallies: Vec<(Currency, Tally)>,
}

/// All moments of a customer in time order.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    pub boundaries: Vec<Boundary>,
    pub moments: Vec<Moment>,
    pub counts: Vec<CountDelta>,
    /// First instant of MRR above 0 that lasts.
    pub first_mrr_at: Option<UnixTime>,
}

/// Lays the subscriptions over each other.
pub(super) fn sweep(subscriptions: &[Counted<'_>], profile: &Profile, zone: &Zone) -> Sweep {
    let mut boundaries: Vec<Boundary> = Vec::new();
    for (subscription, counted) in subscriptions.iter().enumerate() {
        boundaries.extend(counted.stretches.iter().enumerate().map(|(stretch, one)| Boundary {
            at: one.from,
            opening: stretch == 0 && counted.opens() && changes_mrr(None, one),
            subscription,
            stretch,
        }));
    }
    boundaries.sort_unstable_by_key(|one| (one.at, one.opening, one.subscription, one.stretch));

    let mut sweep = Sweep::default();
    let mut standing: BTreeMap<Currency, Tally> = BTreeMap::new();
    let mut from = 0;
    for group in boundaries.chunk_by(|a, b| (a.at, a.opening) == (b.at, b.opening)) {
        let range = from..from + group.len();
        from = range.end;
        let at = group[0].at;
        let held = standing.clone();
        let (mut moves, mut alone) = (false, false);
        let mut touched: Vec<Currency> = Vec::new();
        let mut trials_unpriced = 0;
        for boundary in group {
            let counted = &subscriptions[boundary.subscription];
            let after = &counted.stretches[boundary.stretch];
            let before = boundary.before().map(|before| &counted.stretches[before]);
            if changes_mrr(before, after) {
                moves = true;
                alone |= after.alone;
            }
            for (stretch, sign) in before.map(|before| (before, -1)).into_iter().chain([(after, 1)]) {
                let Some(currency) = stretch.currency else {
                    trials_unpriced += sign * i64::from(stretch.standing == Standing::Trial);
                    continue;
                };
                let tally = standing.entry(currency).or_default();
                // Item amounts are within i64 (`bound`), so that no number of them leaves i128.
                tally.mrr.0 += i128::from(sign) * stretch.mrr.0;
                tally.list.0 += i128::from(sign) * stretch.list.0;
                tally.granted += sign * i64::from(stretch.granted);
                tally.subscriptions += sign * i64::from(stretch.mrr > Mrr::ZERO);
                tally.trials += sign * i64::from(stretch.standing == Standing::Trial);
                if !touched.contains(&currency) {
                    touched.push(currency);
                }
            }
        }
        touched.sort_unstable();
        for currency in &touched {
            if let Some(tally) = standing.get_mut(currency) {
                tally.present = present(tally, profile);
            }
        }
        let counted = Held { before: &held, after: &standing };
        sweep.counts.extend(counted.deltas(at, &touched, trials_unpriced, zone));
        if sweep.first_mrr_at.is_none() && standing.values().any(|tally| tally.mrr > Mrr::ZERO) {
            sweep.first_mrr_at = Some(at);
        }
        let tallies = touched.into_iter().map(|currency| (currency, standing[&currency])).collect();
        sweep.moments.push(Moment { at, opening: group[0].opening, moves, alone, boundaries: range, tallies });
    }
    sweep.boundaries = boundaries;
    sweep
}

/// A customer at 0 stays one while only a discount (by knob) or a granted trial holds the money back (mrr.md 5).
fn present(tally: &Tally, profile: &Profile) -> bool {
    let discounted = profile.zero_by_discount == ZeroByDiscount::Contraction && tally.list > Mrr::ZERO;
    tally.mrr > Mrr::ZERO || (tally.present && (discounted || tally.granted > 0))
}

/// Whether any item counts another amount than before.
fn changes_mrr(before: Option<&Stretch>, after: &Stretch) -> bool {
    let Some(before) = before else { return after.lines.iter().any(|line| line.mrr != Mrr::ZERO) };
    if before.currency != after.currency {
        return before.mrr != Mrr::ZERO || after.mrr != Mrr::ZERO;
    }
    let same = before.lines.len() == after.lines.len()
        && before.lines.iter().zip(&after.lines).all(|(a, b)| a.lineage == b.lineage && a.mrr == b.mrr);
    let amounts = |stretch: &Stretch| {
        let mut all: Vec<(u32, Mrr)> =
            stretch.lines.iter().filter(|line| line.mrr != Mrr::ZERO).map(|line| (line.lineage, line.mrr)).collect();
        all.sort_unstable();
        all
    };
    !same && amounts(before) != amounts(after)
}

struct Held<'s> {
    before: &'s BTreeMap<Currency, Tally>,
    after: &'s BTreeMap<Currency, Tally>,
}

impl Held<'_> {
    /// What changed in each currency touched, and over all of them.
    fn deltas(&self, at: UnixTime, touched: &[Currency], trials_unpriced: i64, zone: &Zone) -> Vec<CountDelta> {
        let mut rows = Vec::new();
        let day = zone.day(at);
        let mut all = CountDelta { at, day, currency: None, customers: 0, subscriptions: 0, trials: trials_unpriced };
        let anywhere = |tallies: &BTreeMap<Currency, Tally>| i64::from(tallies.values().any(|tally| tally.present));
        all.customers = anywhere(self.after) - anywhere(self.before);
        for currency in touched {
            let before = self.before.get(currency).copied().unwrap_or_default();
            let after = self.after.get(currency).copied().unwrap_or_default();
            let row = CountDelta {
                at,
                day,
                currency: Some(*currency),
                customers: i64::from(after.present) - i64::from(before.present),
                subscriptions: after.subscriptions - before.subscriptions,
                trials: after.trials - before.trials,
            };
            all.subscriptions += row.subscriptions;
            all.trials += row.trials;
            rows.push(row);
        }
        rows.insert(0, all);
        rows.retain(|row| (row.customers, row.subscriptions, row.trials) != (0, 0, 0));
        rows
    }
}
