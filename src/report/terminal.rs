//! A table as people read it: amounts in units of their currency, a block for each currency, never wrapped.

use super::{
    table::{Table, printable},
    units::{Places, grouped},
};
use crate::ledger::money::{Currency, Decimal};

/// How wide it may be, and how exact.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Columns of the terminal; `None` where nothing limits it, as in a pipe.
    pub width: Option<u16>,
    /// Every place of an amount instead of the currency's own.
    pub exact: bool,
    /// Amounts in minor units, as JSON has them.
    pub minor: bool,
}

impl Table {
    /// For people, as wide as their terminal.
    pub fn terminal(&self) -> String {
        self.shown(false)
    }

    /// [`Table::terminal`], with every place of each amount where `exact`.
    pub fn shown(&self, exact: bool) -> String {
        show(self, Style { width: comfy_table::Table::new().width(), exact, minor: false })
    }

    /// [`Table::terminal`], with amounts in minor units, as JSON has them.
    pub fn in_minor_units(&self) -> String {
        show(self, Style { width: comfy_table::Table::new().width(), exact: true, minor: true })
    }
}

/// What leaves first where the terminal is too narrow, one after the other.
const LEAVES: &[&str] = &[
    "id",
    "account",
    "profile",
    "events",
    "subscriptions",
    "closed_seq",
    "effective_at",
    "scheduled",
    "estimated_exact",
    "list_exact",
    "trials",
    "transfer_exact",
    "opening_balance_exact",
    "end_reasons",
    "before_exact",
    "denominator",
    "numerator",
    "scheduled_churn_exact",
    "at_risk_exact",
    "restated",
    "end",
    "fx_exact",
    "prior_period_exact",
    "cohort_customers",
    "reason",
    "partial",
    "reactivation_exact",
];

/// Columns whose sum over the rows says something: what flowed, not what stood.
const FLOWS: &[&str] = &[
    "amount_exact",
    "opening_balance_exact",
    "new_exact",
    "expansion_exact",
    "reactivation_exact",
    "contraction_exact",
    "churn_exact",
    "fx_exact",
    "transfer_exact",
    "prior_period_exact",
];

/// Figures of a `metric` column whose value is an amount; of these the denominator is a number.
const AMOUNTS: &[&str] = &["mrr", "arr", "arpa", "asp", "ltv"];

/// Figures of a `metric` column that count people: nothing of them is an amount.
const COUNTS: &[&str] = &["customer_churn", "trial_conversion", "trial_churn"];

/// The whole table, block by block.
pub fn show(table: &Table, style: Style) -> String {
    if table.rows.is_empty() {
        return "Nothing to show.".into();
    }
    let Some(currency_at) = table.columns.iter().position(|column| *column == "currency") else {
        return block(table, &table.rows.iter().collect::<Vec<_>>(), None, style);
    };
    let mut currencies: Vec<&str> = Vec::new();
    for row in &table.rows {
        if !currencies.contains(&row[currency_at].as_str()) {
            currencies.push(&row[currency_at]);
        }
    }
    let blocks = currencies.into_iter().map(|code| {
        let rows: Vec<_> = table.rows.iter().filter(|row| row[currency_at] == code).collect();
        let Ok(currency) = code.parse::<Currency>() else { return block(table, &rows, None, style) };
        let units = if style.minor { ", minor units" } else { "" };
        format!("In {}{units}\n{}", code.to_uppercase(), block(table, &rows, Some(currency), style))
    });
    blocks.collect::<Vec<_>>().join("\n\n")
}

/// Rows of one currency.
fn block(table: &Table, rows: &[&Vec<String>], currency: Option<Currency>, style: Style) -> String {
    let columns = &table.columns;
    let silent = |at: usize| {
        // A bridge without its closing isn't one, even where that is 0.
        let amount = columns[at].ends_with("_exact") && columns[at] != "closing_exact";
        let said = rows.iter().all(|row| row[at].is_empty() || (amount && row[at] == "0"));
        said || (currency.is_some() && columns[at] == "currency")
    };
    let mut shown: Vec<usize> = (0..columns.len()).filter(|at| !silent(*at)).collect();
    let mut left_out = Vec::new();
    let mut leaving = LEAVES.iter();
    loop {
        let text = drawn(table, rows, &shown, currency, style);
        let widest = text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
        if style.width.is_none_or(|width| widest <= usize::from(width)) {
            return with_note(text, &left_out);
        }
        let Some(next) = leaving.by_ref().find_map(|name| shown.iter().position(|at| columns[*at] == *name)) else {
            return with_note(text, &left_out);
        };
        left_out.push(heading(columns[shown.remove(next)]));
    }
}

fn with_note(text: String, left_out: &[String]) -> String {
    if left_out.is_empty() {
        return text;
    }
    format!(
        "{text}\n(left out for want of width: {}; a wider terminal, --format csv or --json has all)",
        left_out.join(", ")
    )
}

fn drawn(table: &Table, rows: &[&Vec<String>], shown: &[usize], currency: Option<Currency>, style: Style) -> String {
    let mut drawn = comfy_table::Table::new();
    drawn.load_style(comfy_table::presets::NOTHING);
    drawn.set_content_arrangement(comfy_table::ContentArrangement::Disabled);
    drawn.set_header(shown.iter().map(|at| heading(table.columns[*at])));
    for row in rows {
        drawn.add_row(shown.iter().map(|at| printable(&cell(table, row, *at, currency, style)).into_owned()));
    }
    if let Some(totals) = totals(table, rows, shown, currency, style) {
        drawn.add_row(totals);
    }
    for (place, at) in shown.iter().enumerate() {
        let number = |row: &&Vec<String>| row[*at].is_empty() || row[*at].parse::<Decimal>().is_ok();
        if let (true, Some(column)) = (rows.iter().all(number), drawn.column_mut(place)) {
            column.set_cell_alignment(comfy_table::CellAlignment::Right);
        }
    }
    let text = drawn.to_string();
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

fn cell(table: &Table, row: &[String], at: usize, currency: Option<Currency>, style: Style) -> String {
    let places = if style.exact { Places::All } else { Places::Currency };
    let metric = table.columns.iter().position(|column| *column == "metric").map(|at| row[at].as_str());
    let (column, text) = (table.columns[at], &row[at]);
    let amount = match (column, metric) {
        ("value", Some(metric)) if AMOUNTS.contains(&metric) => true,
        ("value", Some(metric)) if metric.starts_with("quick_ratio") => false,
        ("value", Some(_)) if style.exact => return text.clone(),
        ("value", Some(_)) => return percent(text).unwrap_or_else(|| text.clone()),
        ("numerator", Some(metric)) => !COUNTS.contains(&metric),
        ("denominator", Some(metric)) => !COUNTS.contains(&metric) && !AMOUNTS.contains(&metric),
        _ => column.ends_with("_exact"),
    };
    let formed = currency.filter(|_| amount && !style.minor).and_then(|currency| grouped(text, currency, places));
    formed.unwrap_or_else(|| text.clone())
}

/// A share as per cent with one place: 0.9754 is 97.5 %; `None` where it is no decimal.
pub fn percent(text: &str) -> Option<String> {
    let units = text.parse::<Decimal>().ok()?.units();
    let tenths = (units + (Decimal::ONE_UNITS / 2_000) * units.signum()) / (Decimal::ONE_UNITS / 1_000);
    let sign = if tenths < 0 { "-" } else { "" };
    Some(format!("{sign}{}.{} %", (tenths / 10).unsigned_abs(), (tenths % 10).unsigned_abs()))
}

/// The sums of what flowed, where there are several rows.
fn totals(
    table: &Table,
    rows: &[&Vec<String>],
    shown: &[usize],
    currency: Option<Currency>,
    style: Style,
) -> Option<Vec<String>> {
    let flows = |at: &&usize| FLOWS.contains(&table.columns[**at]);
    // A waterfall's rows are opening, lines and closing in one column: their sum says nothing.
    if rows.len() < 2 || currency.is_none() || table.columns.contains(&"line") || !shown.iter().any(|at| flows(&at)) {
        return None;
    }
    let sums = shown.iter().enumerate().map(|(place, at)| {
        if !FLOWS.contains(&table.columns[*at]) {
            return Some(if place == 0 { "total".to_owned() } else { String::new() });
        }
        let units = rows.iter().filter(|row| !row[*at].is_empty()).map(|row| row[*at].parse::<Decimal>().ok());
        let sum = units.into_iter().try_fold(0i128, |sum, one| sum.checked_add(one?.units()))?;
        let mut row = vec![String::new(); table.columns.len()];
        row[*at] = Decimal::from_units(sum).to_string();
        Some(cell(table, &row, *at, currency, style))
    });
    sums.collect()
}

/// A field's name as a person would write it.
fn heading(field: &str) -> String {
    field.strip_suffix("_exact").unwrap_or(field).replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bridge() -> Table {
        let row = |start: &str, currency: &str, new: &str, churn: &str, closing: &str| -> Vec<String> {
            [start, currency, "0", new, churn, closing, "12", ""].map(str::to_owned).to_vec()
        };
        Table {
            columns: vec![
                "start",
                "currency",
                "fx_exact",
                "new_exact",
                "churn_exact",
                "closing_exact",
                "customers",
                "note",
            ],
            rows: vec![
                row("2026-01-01", "usd", "123456.5", "-5000", "1234567.333333"),
                row("2026-02-01", "usd", "100", "0", "1234667.333333"),
                row("2026-01-01", "jpy", "1500", "0", "1500"),
            ],
        }
    }

    const WIDE: Style = Style { width: None, exact: false, minor: false };

    #[test]
    fn amounts_stand_in_units_in_a_block_for_each_currency_with_their_sums() {
        insta::assert_snapshot!(show(&bridge(), WIDE), @r"
        In USD
         start            new   churn    closing  customers
         2026-01-01  1,234.56  -50.00  12,345.67         12
         2026-02-01      1.00    0.00  12,346.67         12
         total       1,235.56  -50.00

        In JPY
         start         new  closing  customers
         2026-01-01  1,500    1,500         12
        ");
    }

    #[test]
    fn what_says_nothing_is_left_out_and_exact_shows_every_place() {
        let text = show(&bridge(), Style { exact: true, ..WIDE });
        assert!(text.contains("12,345.67333333") && !text.contains("fx") && !text.contains("note"), "{text}");
        assert_eq!(show(&Table { columns: vec!["day"], rows: Vec::new() }, WIDE), "Nothing to show.");
    }

    #[test]
    fn a_narrow_terminal_loses_columns_and_never_a_digit() {
        let mut table = bridge();
        table.columns[7] = "events";
        table.rows.iter_mut().for_each(|row| row[7] = "evt_a_rather_long_identifier_of_an_event".into());
        let text = show(&table, Style { width: Some(70), exact: false, minor: false });
        assert!(text.lines().filter(|line| !line.starts_with('(')).all(|line| line.chars().count() <= 70), "{text}");
        assert!(text.contains("left out for want of width: events"), "{text}");
        assert!(text.contains("12,345.67"), "{text}");
    }

    #[test]
    fn a_share_is_told_in_per_cent() {
        assert_eq!(percent("0.9754").unwrap(), "97.5 %");
        assert_eq!(percent("-0.0005").unwrap(), "-0.1 %");
        assert_eq!(percent("1").unwrap(), "100.0 %");
        assert_eq!(percent(""), None);
    }
}
