//! Bridges built of rows: a series for each currency and group, period by period, or an error where one doesn't close.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    ReportError,
    bridge::{Bridge, Counts, Grouping, Lines, PeriodTotals, difference, sum},
    period::Period,
};
use crate::{
    budget::charge,
    ledger::{
        money::{Currency, Mrr},
        outcome::Kind,
        time::Day,
    },
    limits,
    store::derived::reports::{DayAmounts, DayCounts, LedgerRows},
};

/// What a series is told apart by.
type Key = (Currency, Option<Arc<str>>);

#[derive(Default)]
struct Series<'a> {
    amounts: BTreeMap<Day, Vec<&'a DayAmounts>>,
    counts: BTreeMap<Day, Vec<&'a DayCounts>>,
    lines: BTreeMap<Day, Vec<(Kind, Mrr)>>,
}

impl Series<'_> {
    /// The first day on which anything is told.
    fn first_day(&self) -> Option<Day> {
        let first = [self.amounts.keys().next(), self.counts.keys().next(), self.lines.keys().next()];
        first.into_iter().flatten().min().copied()
    }
}

/// Builds the bridges of `periods` (which follow each other without a hole) in order of currency, group and time.
///
/// `wanted` makes a series of a currency that has no rows at all. Errors rather than print a bridge that doesn't close.
pub fn bridges(
    rows: &LedgerRows,
    periods: &[Period],
    grouping: Grouping,
    wanted: Option<Currency>,
) -> Result<Vec<Bridge>, ReportError> {
    let mut series = series_of(rows)?;
    if let Some(currency) = wanted {
        series.entry((currency, None)).or_default();
    }
    // One for each currency: there are few.
    let mut bridges = Vec::new();
    for ((currency, group), series) in &series {
        let of_series = one_series(series, periods, grouping, *currency, group.clone())?;
        enough(bridges.len() + of_series.len())?;
        charge(of_series.len() * ENTRY_BYTES)?;
        bridges.extend(of_series);
    }
    if grouping.transfers() {
        transfers_cancel_out(&bridges)?;
    }
    Ok(bridges)
}

/// The same for an answer in groups, without the periods in which a group has nothing. What it costs is known before it is
/// built: how many groups there are, and that no more entries are kept than an answer may have.
pub fn bridges_of_groups(
    rows: &LedgerRows,
    periods: &[Period],
    grouping: Grouping,
) -> Result<Vec<Bridge>, ReportError> {
    let series = series_of(rows)?;
    if series.len().saturating_mul(periods.len()) > limits::SERIES_STEPS {
        return Err(ReportError::TooManySteps { groups: series.len(), periods: periods.len() });
    }
    let mut bridges = Vec::new();
    for ((currency, group), series) in &series {
        // Before its first row a group has nothing.
        let begins = series.first_day().map_or(periods.len(), |first| periods.partition_point(|one| one.end < first));
        let whole = one_series(series, &periods[begins..], grouping, *currency, group.clone())?;
        let before = bridges.len();
        bridges.extend(whole.into_iter().filter(|bridge| !bridge.is_empty()));
        enough(bridges.len())?;
        charge((bridges.len() - before) * ENTRY_BYTES)?;
    }
    if grouping.transfers() {
        transfers_cancel_out(&bridges)?;
    }
    Ok(bridges)
}

/// The most entries one answer may have.
pub const ENTRIES_MAX: usize = 100_000;

/// The most that the entry which is made of a bridge takes in memory, without its texts.
pub(super) const ANSWERED_BYTES: usize = 1024;

/// A bridge and the entry that is made of it.
const ENTRY_BYTES: usize = size_of::<Bridge>() + ANSWERED_BYTES + 256;

fn enough(entries: usize) -> Result<(), ReportError> {
    if entries > ENTRIES_MAX { Err(ReportError::TooManyEntries { max: ENTRIES_MAX }) } else { Ok(()) }
}

/// Rows by series and day.
fn series_of(rows: &LedgerRows) -> Result<BTreeMap<Key, Series<'_>>, ReportError> {
    // A reference to each, and the day it lies under.
    const REFERENCE: usize = 64;
    charge((rows.amounts.len() + rows.counts.len() + rows.lines.len()) * REFERENCE)?;
    let mut series: BTreeMap<Key, Series<'_>> = BTreeMap::new();
    for row in &rows.amounts {
        let one = series.entry((row.currency, row.group.clone())).or_default();
        one.amounts.entry(row.day).or_default().push(row);
    }
    for row in &rows.counts {
        // Counts over all currencies stand beside the series, not in one of them.
        if let Some(currency) = row.currency {
            let one = series.entry((currency, row.group.clone())).or_default();
            one.counts.entry(row.day).or_default().push(row);
        }
    }
    for row in &rows.lines {
        let one = series.entry((row.currency, row.group.clone())).or_default();
        one.lines.entry(row.day).or_default().push((row.kind, row.amount));
    }
    Ok(series)
}

fn one_series(
    series: &Series<'_>,
    periods: &[Period],
    grouping: Grouping,
    currency: Currency,
    group: Option<Arc<str>>,
) -> Result<Vec<Bridge>, ReportError> {
    let Some(first) = periods.first() else { return Ok(Vec::new()) };
    let mut totals = PeriodTotals {
        counts: matches!(grouping, Grouping::Closed | Grouping::Moving).then(Counts::default),
        ..PeriodTotals::default()
    };
    let mut mrr = Mrr::ZERO;
    let mut until = first.start;
    advance(series, None, until, grouping, &mut mrr, &mut totals)?;
    let mut bridges = Vec::with_capacity(periods.len());
    for period in periods {
        let opening = mrr;
        let after = period.end.after();
        advance(series, Some(until), after, grouping, &mut mrr, &mut totals)?;
        let mut lines = Lines::default();
        for (kind, amount) in series.lines.range(period.start..after).flat_map(|(_, lines)| lines) {
            lines.add(*kind, *amount)?;
        }
        let rest = difference(mrr, sum(opening, lines.total()?)?)?;
        let transfer = if grouping.transfers() { rest } else { Mrr::ZERO };
        if rest != transfer {
            return Err(ReportError::DoesNotClose { currency, group, start: period.start, end: period.end, rest });
        }
        bridges.push(Bridge {
            period: *period,
            currency,
            group: group.clone(),
            opening,
            lines,
            transfer,
            prior_period: Mrr::ZERO,
            closing: mrr,
            totals,
        });
        until = after;
    }
    Ok(bridges)
}

/// Adds the days of `from..until` to what stands.
fn advance(
    series: &Series<'_>,
    from: Option<Day>,
    until: Day,
    grouping: Grouping,
    mrr: &mut Mrr,
    totals: &mut PeriodTotals,
) -> Result<(), ReportError> {
    let days = (from.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Included), std::ops::Bound::Excluded(until));
    for row in series.amounts.range(days).flat_map(|(_, rows)| rows) {
        *mrr = sum(*mrr, row.mrr)?;
        totals.list = sum(totals.list, row.list)?;
        totals.estimated = sum(totals.estimated, row.estimated)?;
        totals.at_risk = sum(totals.at_risk, row.at_risk)?;
        totals.scheduled_churn = sum(totals.scheduled_churn, row.scheduled_churn)?;
    }
    if grouping == Grouping::Cause {
        for (_, amount) in series.lines.range(days).flat_map(|(_, lines)| lines) {
            *mrr = sum(*mrr, *amount)?;
        }
    }
    if let Some(counts) = &mut totals.counts {
        for row in series.counts.range(days).flat_map(|(_, rows)| rows) {
            counts.customers = counts.customers.checked_add(row.customers).ok_or(ReportError::Overflow)?;
            counts.subscriptions = counts.subscriptions.checked_add(row.subscriptions).ok_or(ReportError::Overflow)?;
            counts.trials = counts.trials.checked_add(row.trials).ok_or(ReportError::Overflow)?;
        }
    }
    Ok(())
}

/// Over all groups of a currency and period, what changed group sums to 0: nothing is made or lost on the way.
fn transfers_cancel_out(bridges: &[Bridge]) -> Result<(), ReportError> {
    let mut sums: BTreeMap<(Currency, Day), (Day, Mrr)> = BTreeMap::new();
    for bridge in bridges {
        let (_, rest) = sums.entry((bridge.currency, bridge.period.start)).or_insert((bridge.period.end, Mrr::ZERO));
        *rest = sum(*rest, bridge.transfer)?;
    }
    match sums.into_iter().find(|(_, (_, rest))| *rest != Mrr::ZERO) {
        None => Ok(()),
        Some(((currency, start), (end, rest))) => {
            Err(ReportError::DoesNotClose { currency, group: None, start, end, rest })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ledger::time::Zone,
        report::period::{Interval, periods},
        store::derived::reports::DayLine,
    };

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn money(text: &str) -> Mrr {
        Mrr(text.parse::<i128>().unwrap() * Mrr::MINOR)
    }

    /// Rows from lines of `mrr DAY AMOUNT [GROUP]`, `KIND DAY AMOUNT [GROUP]` and `customers DAY N`, all in dollars.
    fn rows(text: &str) -> LedgerRows {
        let currency: Currency = "usd".parse().unwrap();
        let mut rows = LedgerRows::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let words: Vec<_> = line.split_whitespace().collect();
            let (day, group) = (day(words[1]), words.get(3).map(|word| Arc::from(*word)));
            match words[0] {
                "mrr" => rows.amounts.push(DayAmounts {
                    mrr: money(words[2]),
                    list: money(words[2]),
                    ..DayAmounts::nothing(currency, group, day)
                }),
                "customers" => rows.counts.push(DayCounts {
                    currency: Some(currency),
                    group,
                    day,
                    customers: words[2].parse().unwrap(),
                    subscriptions: 0,
                    trials: 0,
                }),
                kind => rows.lines.push(DayLine {
                    currency,
                    group,
                    day,
                    kind: Kind::parse(kind).unwrap(),
                    amount: money(words[2]),
                }),
            }
        }
        rows
    }

    fn months(from: &str, to: &str) -> Vec<Period> {
        let now = Zone::UTC.start_of(day("2030-01-01"));
        periods(Interval::Month, day(from), day(to), now, false, &Zone::UTC).unwrap()
    }

    fn lines_of(bridge: &Bridge) -> String {
        let lines = Kind::ALL.iter().copied().filter(|kind| bridge.lines.get(*kind) != Mrr::ZERO);
        let lines: Vec<_> = lines.map(|kind| format!("{} {}", kind.as_str(), bridge.lines.get(kind))).collect();
        format!("{} [{}] ~{} {}", bridge.opening, lines.join(", "), bridge.transfer, bridge.closing)
    }

    #[test]
    fn a_bridge_closes_month_by_month_and_what_came_before_is_its_opening() {
        let rows = rows(
            "mrr 2025-12-31 1000
             opening_balance 2025-12-31 1000
             mrr 2026-01-31 500
             expansion 2026-01-31 500
             mrr 2026-02-01 -1500
             churn 2026-02-01 -1500
             customers 2025-12-31 1
             customers 2026-02-01 -1",
        );
        let bridges = bridges(&rows, &months("2026-01-01", "2026-02-28"), Grouping::Closed, None).unwrap();
        assert_eq!(
            bridges.iter().map(lines_of).collect::<Vec<_>>(),
            ["1000 [expansion 500] ~0 1500", "1500 [churn -1500] ~0 0"]
        );
        let customers = |bridge: &Bridge| bridge.totals.counts.unwrap().customers;
        assert_eq!(bridges.iter().map(customers).collect::<Vec<_>>(), [1, 0]);
    }

    #[test]
    fn a_bridge_that_does_not_close_is_an_error_that_says_where() {
        let rows = rows("mrr 2026-01-10 500\nnew 2026-01-10 499");
        let error = bridges(&rows, &months("2026-01-01", "2026-01-31"), Grouping::Closed, None).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("2026-01-01") && text.contains("usd"), "{text}");
    }

    #[test]
    fn what_changes_product_is_a_transfer_that_sums_to_nothing() {
        let rows = rows(
            "mrr 2026-01-05 2000 starter
             new 2026-01-05 2000 starter
             mrr 2026-02-05 -2000 starter
             mrr 2026-02-05 3500 pro
             expansion 2026-02-05 1500 pro",
        );
        let grouped = bridges(&rows, &months("2026-02-01", "2026-02-28"), Grouping::Transferring, None).unwrap();
        let text: Vec<_> = grouped.iter().map(|b| format!("{} {}", b.group.as_deref().unwrap(), lines_of(b))).collect();
        assert_eq!(text, ["pro 0 [expansion 1500] ~2000 3500", "starter 2000 [] ~-2000 0"]);
    }

    #[test]
    fn a_transfer_that_loses_money_is_an_error() {
        let rows = rows("mrr 2026-01-05 2000 starter\nnew 2026-01-05 1999 starter");
        assert!(bridges(&rows, &months("2026-01-01", "2026-01-31"), Grouping::Transferring, None).is_err());
    }

    #[test]
    fn a_cause_stands_at_the_sum_of_its_movements() {
        let rows = rows("new 2026-01-05 2000 first_subscription\nnew 2026-02-05 100 first_subscription");
        let grouped = bridges(&rows, &months("2026-02-01", "2026-02-28"), Grouping::Cause, None).unwrap();
        assert_eq!(grouped.iter().map(lines_of).collect::<Vec<_>>(), ["2000 [new 100] ~0 2100"]);
        assert_eq!(grouped[0].totals.counts, None);
    }

    #[test]
    fn a_currency_asked_for_without_rows_is_a_series_of_nothing() {
        let wanted = Some("eur".parse().unwrap());
        let bridges =
            bridges(&LedgerRows::default(), &months("2026-01-01", "2026-02-28"), Grouping::Closed, wanted).unwrap();
        assert_eq!(bridges.len(), 2);
        assert!(bridges.iter().all(Bridge::is_empty));
    }

    #[test]
    fn sums_outside_the_range_are_an_error_never_a_wrap() {
        let mut rows = rows("mrr 2026-01-05 1\nmrr 2026-01-06 1");
        rows.amounts[0].mrr = Mrr(i128::MAX);
        let result = bridges(&rows, &months("2026-01-01", "2026-01-31"), Grouping::Closed, None);
        assert!(matches!(result, Err(ReportError::Overflow)));
    }
}
