//! What the cells of a table are, by column: amounts, counts, shares, days. Terminal and spreadsheets read it here.

use super::units::{Places, major};
use crate::ledger::{
    fx::minor_units,
    money::{Currency, Decimal},
    time::{Day, UnixTime},
};

/// Shares of a whole, 1 for all of it.
pub(super) const SHARES: &[&str] = &[
    "customer_retention",
    "mrr_retention",
    "conversion",
    "share",
    "share_30_days",
    "share_90_days",
    "share_180_days",
    "share_365_days",
];

/// Figures of a `metric` column whose value is an amount; of these the denominator is a number.
pub const AMOUNTS: &[&str] =
    &["mrr", "arr", "arpa", "asp", "ltv", "sales", "marketing", "cost_of_service", "operating", "cac"];

/// Figures of a `metric` column that are made of numbers alone: nothing of them is an amount.
pub const OF_NUMBERS: &[&str] = &["customer_churn", "trial_conversion", "trial_churn", "rule_of_40"];

/// Those of them that count something, over nothing: no share.
const COUNTS: &[&str] = &["trial_churn"];

/// Amounts whose columns aren't named `_exact`: an invoice's, in minor units.
pub(super) const BILLED: &[&str] = &["total", "subtotal", "discount"];
/// Lines of a closing whose `amount` counts something.
pub const COUNTED_LINES: &[&str] = &["customers", "subscriptions", "trials"];
const DAYS: &[&str] = &["start", "end", "day", "failed_on", "settled_on"];
const MONTHS: &[&str] = &["month", "cohort", "trials_began"];
const NUMBERS: &[&str] = &[
    "age",
    "closed_seq",
    "converted_trials",
    "cohort_customers",
    "count",
    "customers",
    "customers_in_quality",
    "days",
    "denominator",
    "ended",
    "gaps_healed",
    "numerator",
    "restated_customers",
    "revision",
    "seq",
    "subscriptions",
    "subscriptions_active",
    "trials",
];
const YES_OR_NO: &[&str] = &["converted", "livemode", "partial", "restated", "scheduled"];

/// One cell, by what it is; numbers as decimal text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell<'t> {
    /// Nothing: not known, or not so.
    Empty,
    /// Words, ids, and whatever isn't what its column promises.
    Text(&'t str),
    /// In units of its currency, which has so many places.
    Amount(String, Currency, u32),
    /// A number as it is, without a unit.
    Number(&'t str),
    /// A share, where 1 is the whole.
    Share(&'t str),
    /// An accounting day of the ledger's zone.
    Day(Day),
    /// A calendar month, as its first day.
    Month(Day),
    /// An instant, shown in UTC.
    Instant(UnixTime),
    /// A yes or a no.
    Truth(bool),
}

/// Whether a cell of this column is an amount in minor units, in a row about this metric.
pub(super) fn is_amount(column: &str, metric: Option<&str>) -> bool {
    match (column, metric) {
        ("value", Some(metric)) => AMOUNTS.contains(&metric),
        ("numerator", Some(metric)) => !OF_NUMBERS.contains(&metric),
        ("denominator", Some(metric)) => !OF_NUMBERS.contains(&metric) && !AMOUNTS.contains(&metric),
        _ => column.ends_with("_exact"),
    }
}

/// Whether the value of this metric is a share; else it is a ratio or a count.
pub(super) fn is_share(metric: &str) -> bool {
    !AMOUNTS.contains(&metric) && !is_ratio(metric) && !COUNTS.contains(&metric)
}

/// Whether it is a ratio: so many times, or so many months.
pub(super) fn is_ratio(metric: &str) -> bool {
    metric.starts_with("quick_ratio") || matches!(metric, "cac_ratio" | "payback_months")
}

/// The rows of a table with these columns, each cell by what it is.
pub(super) fn rows<'t>(columns: &'t [&str], rows: &'t [Vec<String>]) -> impl Iterator<Item = Vec<Cell<'t>>> {
    let at = |name: &str| columns.iter().position(|column| *column == name);
    let (currency_at, metric_at) = (at("currency"), at("metric"));
    rows.iter().map(move |row| {
        let currency = currency_at.and_then(|at| row[at].parse().ok());
        let metric = metric_at.map(|at| row[at].as_str());
        let cells = columns.iter().zip(row);
        cells.map(|(column, text)| cell(column, text, currency, metric)).collect()
    })
}

fn cell<'t>(column: &str, text: &'t str, currency: Option<Currency>, metric: Option<&str>) -> Cell<'t> {
    if text.is_empty() {
        return Cell::Empty;
    }
    let read = if is_amount(column, metric) || BILLED.contains(&column) {
        currency.and_then(|currency| {
            let places = minor_units(currency).checked_ilog10()?;
            Some(Cell::Amount(major(text, currency, Places::All)?, currency, places))
        })
    } else if SHARES.contains(&column) || (column == "value" && metric.is_some_and(is_share)) {
        text.parse::<Decimal>().ok().map(|_| Cell::Share(text))
    } else if NUMBERS.contains(&column) || (column == "value" && metric.is_some()) {
        text.parse::<Decimal>().ok().map(|_| Cell::Number(text))
    } else if DAYS.contains(&column) {
        text.parse().ok().map(Cell::Day)
    } else if MONTHS.contains(&column) {
        (text.len() == 7).then(|| format!("{text}-01").parse().ok()).flatten().map(Cell::Month)
    } else if YES_OR_NO.contains(&column) {
        text.parse().ok().map(Cell::Truth)
    } else if column == "at" || column == "created" || column.ends_with("_at") {
        text.parse::<jiff::Timestamp>().ok().map(|at| Cell::Instant(UnixTime(at.as_second())))
    } else {
        None
    };
    read.unwrap_or(Cell::Text(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_what_its_column_says_where_it_can_be_and_text_where_not() {
        let columns = ["start", "currency", "metric", "value", "numerator", "customer", "partial", "closed_at"];
        let table: Vec<Vec<String>> = [
            ["2026-01-01", "usd", "mrr", "1500.5", "1500.5", "007", "true", "2026-02-01T00:00:00Z"],
            ["2026-01-01", "jpy", "nrr", "0.975", "10", "=1+1", "", "later"],
            ["then", "usd", "trial_churn", "3", "3", "", "", ""],
        ]
        .map(|row| row.map(str::to_owned).to_vec())
        .to_vec();
        let day = Cell::Day("2026-01-01".parse().unwrap());
        let (usd, jpy) = ("usd".parse().unwrap(), "jpy".parse().unwrap());
        let cells: Vec<_> = rows(&columns, &table).collect();
        let units = Cell::Amount("15.005".into(), usd, 2);
        let closed = Cell::Instant(UnixTime(1_769_904_000));
        assert_eq!(
            cells[0],
            [
                day.clone(),
                Cell::Text("usd"),
                Cell::Text("mrr"),
                units.clone(),
                units,
                Cell::Text("007"),
                Cell::Truth(true),
                closed
            ]
        );
        assert_eq!(cells[1][3..5], [Cell::Share("0.975"), Cell::Amount("10".into(), jpy, 0)]);
        assert_eq!(cells[1][5..], [Cell::Text("=1+1"), Cell::Empty, Cell::Text("later")]);
        assert_eq!((&cells[2][0], &cells[2][3]), (&Cell::Text("then"), &Cell::Number("3")));
    }
}
