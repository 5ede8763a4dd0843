//! A table as people read it: amounts in units of their currency, a block for each currency, never wrapped.

use super::{
    cells::{AMOUNTS, SHARES, is_amount},
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

/// What leaves first where the terminal is too narrow, one after the other. No line of a bridge is among them: what is printed
/// must sum.
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
    "end_reasons",
    "before_exact",
    "denominator",
    "numerator",
    "scheduled_churn_exact",
    "at_risk_exact",
    "restated",
    "end",
    "cohort_customers",
    "held_365_days_exact",
    "held_180_days_exact",
    "held_90_days_exact",
    "held_30_days_exact",
    "reason",
    "partial",
    "prices",
    "products",
    "after_exact",
];

/// Words that may be cut where the terminal is too narrow: nobody copies them from there.
const CUT: &[&str] = &["causes", "end_reasons", "products", "prices", "name"];

/// What is left of them at most, and at least.
const CUT_TO: usize = 24;
const CUT_LEAST: usize = 12;

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
        let converted_at = table.columns.iter().position(|column| *column == "converted");
        let is_converted = converted_at.is_some_and(|at| rows.iter().all(|row| row[at] == "true"));
        let converted = if is_converted { ", everything converted" } else { "" };
        format!("In {}{converted}{units}\n{}", code.to_uppercase(), block(table, &rows, Some(currency), style))
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
        said || (currency.is_some() && matches!(columns[at], "currency" | "converted"))
    };
    let all: Vec<usize> = (0..columns.len()).filter(|at| !silent(*at)).collect();
    let Some(width) = style.width.map(usize::from) else {
        return drawn(table, rows, &all, currency, style, None);
    };
    let fits = |text: &str| text.lines().all(|line| line.chars().count() <= width);
    let text = drawn(table, rows, &all, currency, style, None);
    if fits(&text) {
        return text;
    }
    let (mut shown, mut left_out, mut leaving) = (all.clone(), Vec::new(), LEAVES.iter());
    loop {
        let text = drawn(table, rows, &shown, currency, style, Some(CUT_TO));
        if fits(&text) {
            return with_note(text, &left_out, width);
        }
        let Some(next) = leaving.by_ref().find_map(|name| shown.iter().position(|at| columns[*at] == *name)) else {
            break;
        };
        left_out.push(heading(columns[shown.remove(next)]));
    }
    // A bridge stands on its side then, whole.
    if columns.contains(&"opening_exact") && columns.contains(&"closing_exact") {
        return turned(table, rows, &all, currency, style, width);
    }
    let mut cuts = (CUT_LEAST..CUT_TO).rev().map(|cut| drawn(table, rows, &shown, currency, style, Some(cut)));
    let text = cuts.find(|text| fits(text));
    with_note(text.unwrap_or_else(|| drawn(table, rows, &shown, currency, style, Some(CUT_LEAST))), &left_out, width)
}

fn with_note(text: String, left_out: &[String], width: usize) -> String {
    if left_out.is_empty() {
        return text;
    }
    let note = format!(
        "(left out for want of width: {}; a wider terminal, --format csv or --json has all)",
        left_out.join(", ")
    );
    let mut lines = vec![text, String::new()];
    for word in note.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}

/// A table without lines.
fn plain() -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_content_arrangement(comfy_table::ContentArrangement::Disabled);
    table
}

fn text_of(table: &comfy_table::Table) -> String {
    table.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// `cut` is how much of words stays.
fn drawn(
    table: &Table,
    rows: &[&Vec<String>],
    shown: &[usize],
    currency: Option<Currency>,
    style: Style,
    cut: Option<usize>,
) -> String {
    let mut drawn = plain();
    drawn.set_header(shown.iter().map(|at| heading(table.columns[*at])));
    for row in rows {
        drawn.add_row(shown.iter().map(|at| {
            let text = printable(&cell(table, row, *at, currency, style)).into_owned();
            match cut {
                Some(cut) if CUT.contains(&table.columns[*at]) => shortened(&text, cut),
                _ => text,
            }
        }));
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
    text_of(&drawn)
}

/// A bridge on its side: a line for each column, a column for each row, in as many pieces as the width asks for.
fn turned(
    table: &Table,
    rows: &[&Vec<String>],
    shown: &[usize],
    currency: Option<Currency>,
    style: Style,
    width: usize,
) -> String {
    let named = |name: &str| shown.iter().copied().find(|at| table.columns[*at] == name);
    let heads: Vec<usize> = ["start", "group", "name"].into_iter().filter_map(named).collect();
    let lines: Vec<usize> =
        shown.iter().copied().filter(|at| !heads.contains(at) && table.columns[*at] != "end").collect();
    let column_of = |row: &Vec<String>| -> Vec<String> {
        let head = heads.iter().map(|at| shortened(&printable(&row[*at]), CUT_TO)).collect::<Vec<_>>().join("\n");
        let cells = lines.iter().map(|at| printable(&cell(table, row, *at, currency, style)).into_owned());
        [head].into_iter().chain(cells).collect()
    };
    let mut columns: Vec<Vec<String>> = rows.iter().map(|row| column_of(row)).collect();
    if let Some(totals) = totals(table, rows, &lines, currency, style) {
        let mut column = vec!["total".to_owned()];
        column.extend(lines.iter().zip(totals).map(|(at, total)| match FLOWS.contains(&table.columns[*at]) {
            true => total,
            false => String::new(),
        }));
        columns.push(column);
    }
    let first: Vec<String> =
        [String::new()].into_iter().chain(lines.iter().map(|at| heading(table.columns[*at]))).collect();
    let wide = |column: &Vec<String>| {
        // One space on each side, as it is drawn.
        2 + column.iter().flat_map(|cell| cell.lines()).map(|line| line.chars().count()).max().unwrap_or(0)
    };
    let mut pieces: Vec<String> = Vec::new();
    let mut rest = columns.as_slice();
    while !rest.is_empty() {
        let mut room = width.saturating_sub(wide(&first));
        let fitting = rest.iter().take_while(|column| {
            let fits = wide(column) <= room;
            room = room.saturating_sub(wide(column));
            fits
        });
        let (now, later) = rest.split_at(fitting.count().max(1));
        let mut drawn = plain();
        drawn.set_header([&first].into_iter().chain(now).map(|column| column[0].clone()));
        for at in 1..first.len() {
            drawn.add_row([&first].into_iter().chain(now).map(|column| column[at].clone()));
        }
        for place in 1..=now.len() {
            if let Some(column) = drawn.column_mut(place) {
                column.set_cell_alignment(comfy_table::CellAlignment::Right);
            }
        }
        pieces.push(text_of(&drawn));
        rest = later;
    }
    pieces.join("\n\n")
}

/// The first `most` characters, with a mark where more were.
fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

fn cell(table: &Table, row: &[String], at: usize, currency: Option<Currency>, style: Style) -> String {
    let places = if style.exact { Places::All } else { Places::Currency };
    let metric = table.columns.iter().position(|column| *column == "metric").map(|at| row[at].as_str());
    let (column, text) = (table.columns[at], &row[at]);
    let amount = match (column, metric) {
        ("value", Some(metric)) if AMOUNTS.contains(&metric) => true,
        ("value", Some(_)) if style.exact => return text.clone(),
        ("value", Some(metric)) if metric.starts_with("quick_ratio") => {
            return ratio(text).unwrap_or_else(|| text.clone());
        }
        ("value", Some(_)) => return percent(text).unwrap_or_else(|| text.clone()),
        (share, None) if SHARES.contains(&share) && !style.exact => {
            return percent(text).unwrap_or_else(|| text.clone());
        }
        _ => is_amount(column, metric),
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

/// A ratio with two places: 1.742739 is 1.74; `None` where it is no decimal.
pub fn ratio(text: &str) -> Option<String> {
    let units = text.parse::<Decimal>().ok()?.units();
    let hundredths = (units + (Decimal::ONE_UNITS / 200) * units.signum()) / (Decimal::ONE_UNITS / 100);
    let sign = if hundredths < 0 { "-" } else { "" };
    Some(format!("{sign}{}.{:02}", (hundredths / 100).unsigned_abs(), (hundredths % 100).unsigned_abs()))
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
    fn a_bridge_too_wide_stands_on_its_side_and_still_sums() {
        let cells = |row: [&str; 8]| row.map(str::to_owned).to_vec();
        let table = Table {
            columns: vec![
                "start",
                "end",
                "currency",
                "opening_exact",
                "reactivation_exact",
                "fx_exact",
                "closing_exact",
                "list_exact",
            ],
            rows: vec![
                cells(["2026-01-01", "2026-01-31", "usd", "123456700", "2430", "-8581", "123450549", "123450549"]),
                cells(["2026-02-01", "2026-02-28", "usd", "123450549", "0", "100", "123450649", "123450649"]),
            ],
        };
        let text = show(&table, Style { width: Some(46), exact: false, minor: false });
        assert!(text.lines().all(|line| line.chars().count() <= 46), "{text}");
        let words: Vec<String> =
            text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        let whole = [
            "In USD",
            "2026-01-01 2026-02-01",
            "opening 1,234,567.00 1,234,505.49",
            "reactivation 24.30 0.00",
            "fx -85.81 1.00",
            "closing 1,234,505.49 1,234,506.49",
            "list 1,234,505.49 1,234,506.49",
            "",
            "total",
            "opening",
            "reactivation 24.30",
            "fx -84.81",
            "closing",
            "list",
        ];
        assert_eq!(words, whole, "{text}");
    }

    #[test]
    fn words_are_cut_before_a_terminal_wraps_them() {
        let row = [
            "cus_1234567890",
            "-1494.5",
            "product_dropped subscription_dropped quantity_decrease",
            "Business, Starter",
        ];
        let table = Table {
            columns: vec!["customer", "amount_exact", "causes", "products"],
            rows: vec![row.map(str::to_owned).to_vec()],
        };
        let text = show(&table, Style { width: Some(50), exact: false, minor: false });
        assert!(text.lines().all(|line| line.chars().count() <= 50), "{text}");
        assert!(text.contains("cus_1234567890") && text.contains('…') && text.contains("products"), "{text}");
    }

    #[test]
    fn a_ratio_has_two_places() {
        assert_eq!(ratio("1.742739").unwrap(), "1.74");
        assert_eq!(ratio("0.005").unwrap(), "0.01");
        assert_eq!(ratio(""), None);
    }

    #[test]
    fn a_share_is_told_in_per_cent() {
        assert_eq!(percent("0.9754").unwrap(), "97.5 %");
        assert_eq!(percent("-0.0005").unwrap(), "-0.1 %");
        assert_eq!(percent("1").unwrap(), "100.0 %");
        assert_eq!(percent(""), None);
    }
}
