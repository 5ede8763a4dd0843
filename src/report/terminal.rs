//! A table as people read it: amounts in units of their currency, a block for each currency, never wrapped.

use std::collections::BTreeSet;

use super::{
    cells::{AMOUNTS, SHARES, is_amount, is_ratio, is_share},
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
    "prices",
    "products",
    "after_exact",
];

/// What tells rows apart that are alike otherwise: it stays, and nothing is summed, where the rows differ in it.
const TELLS_APART: &[&str] = &["account", "profile", "mode"];

/// Tables with one of these have rows that are others' sums, or hold the same money again: those aren't summed.
const SUMMED_ALREADY: &[&str] = &["rollup", "knob", "segment"];

/// Words that may be cut where the terminal is too narrow: nobody copies them from there.
const CUT: &[&str] = &["causes", "end_reasons", "products", "prices", "name"];

/// What is left of them at most, and at least.
const CUT_TO: usize = 24;
const CUT_LEAST: usize = 12;

/// Figures that hold what stands at two instants against each other, each at the rate of its day.
const RETENTION: &[&str] = &["nrr", "grr", "nrr_12m", "grr_12m"];

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
    let converted_at = table.columns.iter().position(|column| *column == "converted");
    // The currency's own ledger and the one in which everything is converted into it are two.
    let ledger = |row: &Vec<String>| (row[currency_at].clone(), converted_at.is_some_and(|at| row[at] == "true"));
    let mut ledgers: Vec<(String, bool)> = Vec::new();
    for row in &table.rows {
        let of = ledger(row);
        if !ledgers.contains(&of) {
            ledgers.push(of);
        }
    }
    let blocks = ledgers.into_iter().map(|of| {
        let rows: Vec<_> = table.rows.iter().filter(|row| ledger(row) == of).collect();
        let (code, is_converted) = of;
        let Ok(currency) = code.parse::<Currency>() else { return block(table, &rows, None, style) };
        let units = if style.minor { ", minor units" } else { "" };
        let converted = if is_converted { ", everything converted" } else { "" };
        format!("In {}{converted}{units}\n{}", code.to_uppercase(), block(table, &rows, Some(currency), style))
    });
    blocks.collect::<Vec<_>>().join("\n\n")
}

/// Rows of one currency, and what has to be said of them beneath.
fn block(table: &Table, rows: &[&Vec<String>], currency: Option<Currency>, style: Style) -> String {
    let columns = &table.columns;
    let silent = |at: usize| {
        // A bridge without its closing isn't one, even where that is 0.
        let amount = columns[at].ends_with("_exact") && columns[at] != "closing_exact";
        let said = rows.iter().all(|row| row[at].is_empty() || (amount && row[at] == "0"));
        said || (currency.is_some() && matches!(columns[at], "currency" | "converted"))
    };
    let running = running(table, rows);
    let said: Vec<String> = running.iter().cloned().chain(rates(table, rows)).collect();
    let all: Vec<usize> =
        (0..columns.len()).filter(|at| !silent(*at) && (columns[*at] != "partial" || running.is_empty())).collect();
    let Some(width) = style.width.map(usize::from) else {
        return with_notes(drawn(table, rows, &all, currency, style, None), &said, usize::MAX);
    };
    let fits = |text: &str| text.lines().all(|line| line.chars().count() <= width);
    let text = drawn(table, rows, &all, currency, style, None);
    if fits(&text) {
        return with_notes(text, &said, width);
    }
    let (mut shown, mut left_out) = (all.clone(), Vec::new());
    let mut leaving = LEAVES.iter().filter(|name| !TELLS_APART.contains(name) || !differ(table, rows, name));
    loop {
        let text = drawn(table, rows, &shown, currency, style, Some(CUT_TO));
        if fits(&text) {
            return with_notes(text, &notes(table, rows, &said, &left_out), width);
        }
        let Some(next) = leaving.by_ref().find_map(|name| shown.iter().position(|at| columns[*at] == *name)) else {
            break;
        };
        left_out.push(shown.remove(next));
    }
    // A bridge stands on its side then, whole.
    if columns.contains(&"opening_exact") && columns.contains(&"closing_exact") {
        return with_notes(turned(table, rows, &all, currency, style, width), &said, width);
    }
    let mut cuts = (CUT_LEAST..CUT_TO).rev().map(|cut| drawn(table, rows, &shown, currency, style, Some(cut)));
    match cuts.find(|text| fits(text)) {
        Some(text) => with_notes(text, &notes(table, rows, &said, &left_out), width),
        None => with_notes(one_by_one(table, rows, &all, currency, style), &said, width),
    }
}

/// A row after the other, a line for each of its columns, whole: where no table fits.
fn one_by_one(
    table: &Table,
    rows: &[&Vec<String>],
    shown: &[usize],
    currency: Option<Currency>,
    style: Style,
) -> String {
    let wide = shown.iter().map(|at| heading(table.columns[*at]).chars().count()).max().unwrap_or(0);
    let said = |row: &Vec<String>| {
        let lines = shown.iter().filter(|at| !row[**at].is_empty()).map(|at| {
            format!(" {:<wide$}  {}", heading(table.columns[*at]), printable(&cell(table, row, *at, currency, style)))
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    rows.iter().map(|row| said(row)).collect::<Vec<_>>().join("\n\n")
}

/// Whether the rows differ in a column.
fn differ(table: &Table, rows: &[&Vec<String>], name: &str) -> bool {
    let at = table.columns.iter().position(|column| *column == name);
    at.is_some_and(|at| rows.windows(2).any(|two| two[0][at] != two[1][at]))
}

/// Which of the periods still run, in a sentence: no column of it can be left out. None where none does.
fn running(table: &Table, rows: &[&Vec<String>]) -> Vec<String> {
    let named = |name: &str| table.columns.iter().position(|column| *column == name);
    let (Some(start), Some(partial)) = (named("start"), named("partial")) else { return Vec::new() };
    let starts: BTreeSet<&str> =
        rows.iter().filter(|row| row[partial] == "true").map(|row| row[start].as_str()).collect();
    starts.into_iter().map(|start| format!("(The period from {start} still runs: its figures are so far.)")).collect()
}

/// That retention in the reporting currency holds what rates moved, where there is any (rule `metrics`).
fn rates(table: &Table, rows: &[&Vec<String>]) -> Option<String> {
    let named = |name: &str| table.columns.iter().position(|column| *column == name);
    let converted = named("converted")?;
    let figures = match (named("metric"), named("mrr_retention")) {
        (Some(metric), _) if rows.iter().any(|row| RETENTION.contains(&row[metric].as_str())) => "nrr and grr",
        (None, Some(_)) => "mrr retention",
        _ => return None,
    };
    rows.iter().any(|row| row[converted] == "true").then(|| format!("(What exchange rates moved is in {figures}.)"))
}

/// What is said beneath a table that lacks columns: also the reasons for what has no value, where they are among these.
fn notes(table: &Table, rows: &[&Vec<String>], said: &[String], left_out: &[usize]) -> Vec<String> {
    let metric = table.columns.iter().position(|column| *column == "metric");
    let reason = left_out.iter().find(|at| table.columns[**at] == "reason");
    let mut notes = said.to_vec();
    if let (Some(metric), Some(reason)) = (metric, reason) {
        for row in rows.iter().filter(|row| !row[*reason].is_empty()) {
            let note = format!("({}: {})", printable(&row[metric]), printable(&row[*reason]));
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
    }
    if !left_out.is_empty() {
        let names: Vec<String> = left_out.iter().map(|at| heading(table.columns[*at])).collect();
        notes.push(format!(
            "(left out for want of width: {}; a wider terminal, --format csv or --json has all)",
            names.join(", ")
        ));
    }
    notes
}

/// A text with notes beneath it, as wide as it may be.
fn with_notes(text: String, notes: &[String], width: usize) -> String {
    let mut lines = vec![text];
    for note in notes {
        lines.push(String::new());
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
    let heads: Vec<usize> = ["start", "group", "segment", "name"].into_iter().filter_map(named).collect();
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
        ("value", Some(metric)) if is_ratio(metric) => {
            return ratio(text).unwrap_or_else(|| text.clone());
        }
        ("value", Some(metric)) if is_share(metric) => return percent(text).unwrap_or_else(|| text.clone()),
        // A count, as of trials.
        ("value", Some(_)) => return text.clone(),
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
    // The same money under two profiles is no sum.
    if TELLS_APART.iter().any(|name| differ(table, rows, name)) {
        return None;
    }
    if SUMMED_ALREADY.iter().any(|name| table.columns.contains(name)) {
        return None;
    }
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
    // Committed MRR has a line of that name, which is less: what of it counts still, and ends within its horizon.
    if field == "scheduled_churn_exact" {
        return "set to end".to_owned();
    }
    field.strip_suffix("_exact").unwrap_or(field).replace('_', " ")
}

#[cfg(test)]
mod tests;
