//! All currencies in one (rule `rates`): what stands is native MRR × rate, each item rounded once.

use std::collections::BTreeMap;

use mrrd::ledger::{
    fx::minor_units,
    money::Currency,
    outcome::Kind,
    profile::Netting,
    time::{Day, UnixTime},
};
use num_rational::Ratio;

use super::{Moved, Naive, amounts::half_even_units};

/// Millionths of a unit of the reporting currency for one unit of each currency, on every day.
pub(crate) struct Rates {
    pub to: Currency,
    pub by_day: BTreeMap<(Currency, Day), i128>,
}

impl Rates {
    fn convert(&self, amount: i128, from: Currency, day: Day) -> i128 {
        if from == self.to {
            return amount;
        }
        let rate = self.by_day[&(from, day)];
        half_even_units(Ratio::new(amount * rate * minor_units(self.to), 1_000_000 * minor_units(from)))
    }
}

impl Naive<'_> {
    /// What stands at an instant, at the rates of a day.
    pub(crate) fn converted(&self, rates: &Rates, at: i64, day: Day) -> i128 {
        let standing = self.standing(at);
        let items = self
            .lines
            .values()
            .zip(&standing)
            .flat_map(|(line, one)| one.items.iter().map(|(net, _)| rates.convert(*net, line.currency, day)));
        items.sum()
    }

    /// Movements over all currencies, revaluation apart. Which of a month's days one lies on follows from its parts, which the
    /// oracle doesn't tell: `dated` does, by a window's ends.
    pub(crate) fn converted_movements(&self, rates: &Rates, dated: impl Fn(i64, i64) -> Option<Day>) -> Vec<Moved> {
        let day_of = |at: i64| self.zone.day(UnixTime(at));
        let mut moved: BTreeMap<(i64, Kind), Moved> = BTreeMap::new();
        for line in self.lines.values() {
            let Some(at) = line.opening else { continue };
            let items = self.line_standing(line, at).items;
            let amount: i128 = items.iter().map(|(net, _)| rates.convert(*net, line.currency, day_of(at))).sum();
            let opening = Moved { day: day_of(at), currency: rates.to, kind: Kind::OpeningBalance, amount: 0 };
            moved.entry((at, Kind::OpeningBalance)).or_insert(opening).amount += amount;
        }
        moved.retain(|_, one| one.amount != 0);
        let windows = self.windows();
        for window in &windows {
            let last = day_of(self.last_change(*window, |at| self.all_mrr(at)));
            let by_month = self.profile.netting == Netting::Month;
            let day = dated(window.from, window.to).filter(|_| by_month).unwrap_or(last);
            // Both ends at the movement's own day's rates: what rates did before is revaluation.
            let (b, a) = (self.converted(rates, window.from - 1, day), self.converted(rates, window.to, day));
            if let Some(kind) = self.kind(&windows, *window, b, a) {
                moved.insert((window.from, kind), Moved { day, currency: rates.to, kind, amount: a - b });
            }
        }
        let mut moved: Vec<Moved> = moved.into_values().collect();
        moved.sort();
        moved
    }
}
