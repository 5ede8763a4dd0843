//! Movements and customers, read off what stands before and after each window (mrr.md 5).

use std::collections::BTreeMap;

use mrrd::ledger::{
    fact::Status,
    money::Currency,
    outcome::Kind,
    profile::*,
    time::{Day, UnixTime},
};

use super::Naive;

/// A movement as far as the oracle tells it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moved {
    pub day: Day,
    pub currency: Currency,
    pub kind: Kind,
    pub amount: i128,
}

impl Naive<'_> {
    fn mrr(&self, at: i64, currency: Currency) -> i128 {
        self.standing(at).get(&currency).map_or(0, |one| one.mrr)
    }

    fn all_mrr(&self, at: i64) -> BTreeMap<Currency, i128> {
        self.standing(at)
            .into_iter()
            .filter(|(_, one)| one.mrr != 0)
            .map(|(currency, one)| (currency, one.mrr))
            .collect()
    }

    fn currencies(&self) -> Vec<Currency> {
        let mut all: Vec<Currency> = self.lines.values().map(|line| line.currency).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Whether the customer is one just now, in a currency: pays, or did and is only held at 0.
    fn is_customer(&self, instants: &[i64], at: i64, currency: Currency) -> bool {
        self.mrr(at, currency) > 0 || self.kept(instants, at + 1, currency)
    }

    /// Whether the customer is one just now, in any currency.
    pub(crate) fn is_anyones(&self, instants: &[i64], at: i64) -> bool {
        self.currencies().into_iter().any(|currency| self.is_customer(instants, at, currency))
    }

    /// MRR fell to 0, and ever since a discount (by knob) or a granted trial held it back: the customer was not lost.
    fn kept(&self, instants: &[i64], from: i64, currency: Currency) -> bool {
        let by_discount = self.profile.zero_by_discount == ZeroByDiscount::Contraction;
        let list = |at: i64| self.standing(at).get(&currency).map_or(0, |one| one.list);
        let since = instants.iter().rev().filter(|at| **at < from);
        for &at in since {
            if self.mrr(at, currency) > 0 {
                return true;
            }
            if !(self.on_granted_trial(at, currency) || by_discount && list(at) > 0) {
                return false;
            }
        }
        false
    }

    /// A subscription that counted before stands on trial now (mrr.md 5: no customer is lost or won by that).
    fn on_granted_trial(&self, at: i64, currency: Currency) -> bool {
        self.lines.values().filter(|line| line.currency == currency).any(|line| {
            let Some(index) = line.states.iter().rposition(|(from, _)| *from <= at) else { return false };
            // What lasted no time never was.
            let lasted = |place: &usize| line.states[place + 1].0 > line.states[*place].0;
            let on_trial = |place: usize| line.states[place].1.status == Status::Trialing;
            let granted = (0..index).rev().filter(lasted).find(|place| !on_trial(*place));
            on_trial(index)
                && line.end.is_none_or(|end| at < end)
                && granted.is_some_and(|last| {
                    let held = self.line_standing(line, line.states[last + 1].0 - 1);
                    held.mrr > 0 || self.profile.zero_by_discount == ZeroByDiscount::Contraction && held.list > 0
                })
        })
    }

    /// First and last second of each window in which something changes.
    fn windows(&self, instants: &[i64]) -> Vec<(i64, i64)> {
        let mut closing = i64::MIN; // last second of the window that is open
        let mut windows: Vec<(i64, i64)> = Vec::new();
        for &at in instants {
            if at <= closing || self.all_mrr(at) == self.all_mrr(at - 1) {
                continue;
            }
            let day = self.zone.day(UnixTime(at));
            let end_of_day = self.zone.end_of(day).0;
            let (from, to) = match self.profile.netting {
                Netting::None => (at, at),
                Netting::Window(minutes) => (at, end_of_day.min(at + i64::from(minutes) * 60 - 1)),
                Netting::Day => (self.zone.start_of(day).0, end_of_day),
                Netting::Month => {
                    let mut last = day;
                    while last.after().0.month() == day.0.month() {
                        last = last.after();
                    }
                    let first = Day(day.0.first_of_month());
                    (self.zone.start_of(first).0, self.zone.end_of(last).0)
                }
            };
            closing = to;
            windows.push((from, to));
        }
        // An opening is never netted with anything: it cuts the window it falls into.
        let opened =
            self.lines.values().filter_map(|line| line.opening.filter(|at| self.line_standing(line, *at).mrr != 0));
        for opening in opened {
            if let Some(hit) = windows.iter().position(|(from, to)| (from..=to).contains(&&opening)) {
                let (from, to) = windows.remove(hit);
                windows.extend([(from, opening - 1), (opening + 1, to)].into_iter().filter(|(from, to)| from <= to));
            }
        }
        windows.sort_unstable();
        windows
    }

    pub(crate) fn movements(&self) -> Vec<Moved> {
        let instants: Vec<i64> = self.instants().into_iter().collect();
        let mut moved = Vec::new();
        let mut openings: BTreeMap<(i64, Currency), i128> = BTreeMap::new();
        for line in self.lines.values() {
            if let Some(at) = line.opening {
                *openings.entry((at, line.currency)).or_default() += self.line_standing(line, at).mrr;
            }
        }
        let opened = openings.into_iter().filter(|(_, amount)| *amount != 0);
        moved.extend(opened.map(|((at, currency), amount)| Moved {
            day: self.zone.day(UnixTime(at)),
            currency,
            kind: Kind::OpeningBalance,
            amount,
        }));
        for (from, to) in self.windows(&instants) {
            let (before, after) = (self.all_mrr(from - 1), self.all_mrr(to));
            let of = |all: &BTreeMap<Currency, i128>, currency| all.get(&currency).copied().unwrap_or(0);
            let changed: Vec<(Currency, i128, i128)> = self
                .currencies()
                .into_iter()
                .map(|currency| (currency, of(&before, currency), of(&after, currency)))
                .filter(|(_, b, a)| a != b)
                .collect();
            // From one currency into another: one falls, one rises, and one of them was left or entered by it.
            let (fell, rose) = (changed.iter().any(|(_, b, a)| a < b), changed.iter().any(|(_, b, a)| a > b));
            let switched = fell && rose && changed.iter().any(|(_, b, a)| *a == 0 || *b == 0);
            for (currency, b, a) in changed {
                let moving =
                    |at: &&i64| (from..=to).contains(*at) && self.mrr(**at, currency) != self.mrr(**at - 1, currency);
                let last = instants.iter().rev().find(moving);
                let kind = match (b, a) {
                    (0, _) if !switched && !self.kept(&instants, from, currency) => {
                        self.begun(&instants, from, to, currency)
                    }
                    (_, 0) if !switched && !self.kept(&instants, to + 1, currency) => Kind::Churn,
                    _ if a > b => Kind::Expansion,
                    _ => Kind::Contraction,
                };
                let day = self.zone.day(UnixTime(*last.unwrap_or(&to)));
                moved.push(Moved { day, currency, kind, amount: a - b });
            }
        }
        moved.sort();
        moved
    }

    /// What a rise from nothing is: one who is gone in every currency comes back whichever of them it is.
    fn begun(&self, instants: &[i64], from: i64, to: i64, currency: Currency) -> Kind {
        let ever = |currency| instants.iter().any(|at| *at < from && self.mrr(*at, currency) > 0);
        let back: Vec<Currency> = if ever(currency) {
            vec![currency]
        } else if !self.is_anyones(instants, from - 1) {
            self.currencies().into_iter().filter(|currency| ever(*currency)).collect()
        } else {
            Vec::new()
        };
        if back.is_empty() {
            return Kind::New;
        }
        let late = self.profile.reactivation_within_days.is_some_and(|days| {
            let lost = |at: i64, currency| {
                self.is_customer(instants, at - 1, currency) && !self.is_customer(instants, at, currency)
            };
            let gone = instants.iter().rev().find(|at| **at < from && back.iter().any(|one| lost(**at, *one)));
            let began =
                instants.iter().find(|at| (from..=to).contains(*at) && self.all_mrr(**at) != self.all_mrr(**at - 1));
            gone.zip(began).is_some_and(|(gone, began)| *began > gone + i64::from(days) * 86_400)
        });
        match self.profile.reactivation_as {
            _ if late => Kind::New,
            ReactivationAs::Reactivation => Kind::Reactivation,
            ReactivationAs::Expansion => Kind::Expansion,
            ReactivationAs::New => Kind::New,
        }
    }
}
