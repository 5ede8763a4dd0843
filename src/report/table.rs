//! Tables: one shape for CSV and for the terminal.

use std::borrow::Cow;

use super::{
    terminal::{self, Style},
    units::{Places, major},
};

/// A table: what `format=csv` and the commands print.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Column names, as the JSON names the fields.
    pub columns: Vec<&'static str>,
    /// Rows, each as long as `columns`.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// RFC 4180: a header, CRLF line ends, quotes where needed.
    pub fn csv(&self) -> String {
        let mut text = String::new();
        line(&mut text, self.columns.iter().copied());
        for row in &self.rows {
            line(&mut text, row.iter().map(String::as_str));
        }
        text
    }

    /// RFC 4180 for a spreadsheet: amounts in units of the row's currency, their columns named without `_exact`.
    pub fn csv_in_units(&self) -> String {
        let currency_at = self.columns.iter().position(|column| *column == "currency");
        let amounts: Vec<bool> = self.columns.iter().map(|column| column.ends_with("_exact")).collect();
        let mut text = String::new();
        line(&mut text, self.columns.iter().map(|column| column.strip_suffix("_exact").unwrap_or(column)));
        for row in &self.rows {
            let currency = currency_at.and_then(|at| row[at].parse().ok());
            let cells: Vec<String> = row
                .iter()
                .zip(&amounts)
                .map(|(cell, amount)| {
                    let units = currency.filter(|_| *amount).and_then(|currency| major(cell, currency, Places::All));
                    units.unwrap_or_else(|| cell.clone())
                })
                .collect();
            line(&mut text, cells.iter().map(String::as_str));
        }
        text
    }

    /// For people, as wide as their terminal.
    pub fn terminal(&self) -> String {
        self.shown(false)
    }

    /// [`Table::terminal`], with every place of each amount where `exact`.
    pub fn shown(&self, exact: bool) -> String {
        terminal::show(self, Style { width: comfy_table::Table::new().width(), exact })
    }
}

/// Text for a terminal: what would steer it (escapes, other controls, marks that turn the writing's direction) is shown, not
/// sent. Line ends and tabs stay.
pub fn printable(text: &str) -> Cow<'_, str> {
    let steers = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if steers(c) { shown.extend(c.escape_unicode()) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

fn line<'a>(text: &mut String, cells: impl Iterator<Item = &'a str>) {
    for (at, cell) in cells.enumerate() {
        if at > 0 {
            text.push(',');
        }
        text.push_str(&quoted(cell));
    }
    text.push_str("\r\n");
}

fn quoted(cell: &str) -> Cow<'_, str> {
    // A spreadsheet runs a cell that starts like a formula; amounts start with '-' and are left alone.
    let formula = cell.starts_with(['=', '+', '@', '\t', '\r']);
    if formula {
        Cow::Owned(format!("\"'{}\"", cell.replace('"', "\"\"")))
    } else if cell.contains([',', '"', '\n', '\r']) {
        Cow::Owned(format!("\"{}\"", cell.replace('"', "\"\"")))
    } else {
        Cow::Borrowed(cell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheet_gets_numbers_in_units() {
        let table = Table {
            columns: vec!["currency", "amount_exact", "customers"],
            rows: vec![
                vec!["usd".into(), "-833.333333".into(), "3".into()],
                vec!["jpy".into(), "5".into(), String::new()],
            ],
        };
        assert_eq!(table.csv_in_units(), "currency,amount,customers\r\nusd,-8.33333333,3\r\njpy,5,\r\n");
    }

    #[test]
    fn csv_quotes_what_needs_it_and_disarms_formulas() {
        let table = Table {
            columns: vec!["a", "b"],
            rows: vec![vec!["-1.5".into(), "x,\"y\"".into()], vec!["=1+1".into(), String::new()]],
        };
        assert_eq!(table.csv(), "a,b\r\n-1.5,\"x,\"\"y\"\"\"\r\n\"'=1+1\",\r\n");
    }
}
