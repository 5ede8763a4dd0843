//! Rows with those of some customers exchanged for others: everybody else's, summed, stay as they are read.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{ReportError, memory::Memory};
use crate::{
    event::CustomerKey,
    ledger::{
        money::{Currency, Mrr},
        outcome::Kind,
        time::Day,
    },
    store::derived::{digests::KeptDigest, reports::*, touched::RowsState},
};

/// Customers whose rows are exchanged, with the ledgers that the rows hold and those that take their place.
#[derive(Debug)]
pub(super) struct Exchange {
    /// In which state the rows hold them.
    pub(super) rows: RowsState,
    /// Whose rows are exchanged.
    pub(super) customers: BTreeSet<CustomerKey>,
    /// As the rows hold them.
    pub(super) now: Memory,
    /// The ledgers that take the place of their rows.
    pub(super) then: Memory,
    /// What the rows of those in `now` come to, where it is known to be just that: as long as it is kept of them, they are the same.
    pub(super) digests: BTreeMap<CustomerKey, KeptDigest>,
}

type Group = Option<Arc<str>>;

/// A sum while rows are exchanged in it.
#[derive(Clone, Copy)]
struct Sum<const N: usize> {
    numbers: [i128; N],
    /// Rows were taken off and none put there since: whether any is left can't be told where the sum is nothing.
    doubtful: bool,
}

impl<const N: usize> Default for Sum<N> {
    fn default() -> Self {
        Self { numbers: [0; N], doubtful: false }
    }
}

impl<const N: usize> Sum<N> {
    fn put(&mut self, numbers: [i128; N]) -> Result<(), ReportError> {
        self.doubtful = false;
        self.moved(numbers, i128::checked_add)
    }

    fn take(&mut self, numbers: [i128; N]) -> Result<(), ReportError> {
        self.doubtful = true;
        self.moved(numbers, i128::checked_sub)
    }

    fn moved(&mut self, by: [i128; N], how: fn(i128, i128) -> Option<i128>) -> Result<(), ReportError> {
        for (sum, by) in self.numbers.iter_mut().zip(by) {
            *sum = how(*sum, by).ok_or(ReportError::Overflow)?;
        }
        Ok(())
    }

    fn is_gone(&self) -> bool {
        self.doubtful && self.numbers.iter().all(|number| *number == 0)
    }
}

#[derive(Default)]
struct Sums {
    amounts: BTreeMap<(Currency, Group, Day), Sum<5>>,
    counts: BTreeMap<(Option<Currency>, Group, Day), Sum<3>>,
    lines: BTreeMap<(Currency, Group, Day, Kind), Sum<1>>,
}

impl Sums {
    fn each(&mut self, rows: &LedgerRows, taken: bool) -> Result<(), ReportError> {
        for row in &rows.amounts {
            let sum = self.amounts.entry((row.currency, row.group.clone(), row.day)).or_default();
            let numbers =
                [row.mrr, row.list, row.estimated, row.at_risk, row.scheduled_churn].map(|Mrr(number)| number);
            if taken { sum.take(numbers)? } else { sum.put(numbers)? }
        }
        for row in &rows.counts {
            let sum = self.counts.entry((row.currency, row.group.clone(), row.day)).or_default();
            let numbers = [row.customers, row.subscriptions, row.trials].map(i128::from);
            if taken { sum.take(numbers)? } else { sum.put(numbers)? }
        }
        for row in &rows.lines {
            let sum = self.lines.entry((row.currency, row.group.clone(), row.day, row.kind)).or_default();
            if taken { sum.take([row.amount.0])? } else { sum.put([row.amount.0])? }
        }
        Ok(())
    }

    /// Whether a day on which nothing may be left comes before every day on which something is: a series would begin there.
    fn begin_in_doubt(&self) -> bool {
        let amounts = self.amounts.iter().map(|((currency, _, day), sum)| (Some(*currency), *day, sum.is_gone()));
        let counts = self.counts.iter().map(|((currency, _, day), sum)| (*currency, *day, sum.is_gone()));
        let lines = self.lines.iter().map(|((currency, _, day, _), sum)| (Some(*currency), *day, sum.is_gone()));
        let mut first: BTreeMap<Option<Currency>, [Option<Day>; 2]> = BTreeMap::new();
        for (currency, day, gone) in amounts.chain(counts).chain(lines) {
            let first = &mut first.entry(currency).or_default()[usize::from(gone)];
            *first = Some(first.map_or(day, |first| first.min(day)));
        }
        first.values().any(|[sure, gone]| gone.is_some_and(|gone| sure.is_none_or(|sure| gone < sure)))
    }

    fn rows(self) -> Result<LedgerRows, ReportError> {
        let mut rows = LedgerRows::default();
        for ((currency, group, day), sum) in self.amounts.into_iter().filter(|(_, sum)| !sum.is_gone()) {
            let [mrr, list, estimated, at_risk, scheduled_churn] = sum.numbers.map(Mrr);
            let row = DayAmounts { currency, group, day, mrr, list, estimated, at_risk, scheduled_churn };
            rows.amounts.push(row);
        }
        for ((currency, group, day), sum) in self.counts.into_iter().filter(|(_, sum)| !sum.is_gone()) {
            let count = |at: usize| i64::try_from(sum.numbers[at]).map_err(|_| ReportError::Overflow);
            let (customers, subscriptions, trials) = (count(0)?, count(1)?, count(2)?);
            rows.counts.push(DayCounts { currency, group, day, customers, subscriptions, trials });
        }
        for ((currency, group, day, kind), sum) in self.lines.into_iter().filter(|(_, sum)| !sum.is_gone()) {
            rows.lines.push(DayLine { currency, group, day, kind, amount: Mrr(sum.numbers[0]) });
        }
        Ok(rows)
    }
}

/// `rows` without what is `taken` of them, and with what is `written`; `None` where it can't be told on which day they begin.
pub(super) fn exchanged(
    rows: &LedgerRows,
    taken: &LedgerRows,
    written: &LedgerRows,
) -> Result<Option<LedgerRows>, ReportError> {
    let mut sums = Sums::default();
    sums.each(rows, false)?;
    sums.each(taken, true)?;
    sums.each(written, false)?;
    if sums.begin_in_doubt() { Ok(None) } else { sums.rows().map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(amounts: &[(&str, i128)]) -> LedgerRows {
        let row = |(day, mrr): &(&str, i128)| {
            let nothing = DayAmounts::nothing("usd".parse().unwrap(), None, day.parse().unwrap());
            DayAmounts { mrr: Mrr(*mrr), ..nothing }
        };
        LedgerRows { amounts: amounts.iter().map(row).collect(), ..LedgerRows::default() }
    }

    #[test]
    fn what_is_taken_leaves_what_is_written_stands() {
        let all = rows(&[("2026-01-01", 10), ("2026-01-02", 5), ("2026-01-03", 7)]);
        let (taken, written) =
            (rows(&[("2026-01-02", 5), ("2026-01-03", 3)]), rows(&[("2026-01-03", 1), ("2026-01-04", 2)]));
        let left = rows(&[("2026-01-01", 10), ("2026-01-03", 5), ("2026-01-04", 2)]);
        assert_eq!(exchanged(&all, &taken, &written).unwrap(), Some(left));
    }

    #[test]
    fn a_beginning_of_which_nothing_may_be_left_is_in_doubt() {
        let all = rows(&[("2026-01-01", 10), ("2026-01-02", 5)]);
        assert_eq!(exchanged(&all, &rows(&[("2026-01-01", 10)]), &LedgerRows::default()).unwrap(), None);
        let written = rows(&[("2026-01-01", 0)]);
        let left = rows(&[("2026-01-01", 0), ("2026-01-02", 5)]);
        assert_eq!(exchanged(&all, &rows(&[("2026-01-01", 10)]), &written).unwrap(), Some(left), "nothing, and known");
    }
}
