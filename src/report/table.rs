//! Tables: one shape for CSV and for the terminal.

use std::borrow::Cow;

use crate::spreadsheet::Sheet;

/// A table: what `format=csv` and the commands print.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Column names, as the JSON names the fields.
    pub columns: Vec<&'static str>,
    /// Rows, each as long as `columns`.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// With a column `converted` after the currency: whether amounts are converted into it, the same for every row.
    pub fn telling_converted(mut self, converted: bool) -> Self {
        let Some(at) = self.columns.iter().position(|column| *column == "currency") else { return self };
        self.columns.insert(at + 1, "converted");
        self.rows.iter_mut().for_each(|row| row.insert(at + 1, converted.to_string()));
        self
    }

    /// Without a column, where there is one of that name.
    pub fn without(mut self, column: &str) -> Self {
        let Some(at) = self.columns.iter().position(|one| *one == column) else { return self };
        self.columns.remove(at);
        self.rows.iter_mut().for_each(|row| drop(row.remove(at)));
        self
    }

    /// RFC 4180: a header, CRLF line ends, quotes where needed.
    pub fn csv(&self) -> String {
        text(|sheet| {
            sheet.write(self.columns.iter().copied())?;
            self.rows.iter().try_for_each(|row| sheet.write(row.iter().map(String::as_str)))
        })
    }

    /// The same, row by row to `out`; each row is dropped once it is written.
    pub fn write_csv(self, out: &mut impl std::io::Write) -> std::io::Result<()> {
        let mut sheet = Sheet::new(out);
        sheet.write(self.columns.iter().copied())?;
        self.rows.into_iter().try_for_each(|row| sheet.write(row.iter().map(String::as_str)))?;
        sheet.end()
    }
}

/// Whether a terminal may obey this, or a reader be deceived by it.
pub fn steers(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Text for a terminal: what would steer it (escapes, other controls, marks that turn the writing's direction) is shown, not
/// sent. Line ends and tabs stay.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if steers(c) { shown.extend(c.escape_unicode()) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

/// What `write` writes, as text.
fn text(write: impl FnOnce(&mut Sheet<&mut Vec<u8>>) -> std::io::Result<()>) -> String {
    let mut bytes = Vec::new();
    let mut sheet = Sheet::new(&mut bytes);
    // Memory takes everything, and what is written is text.
    let _ = write(&mut sheet).and_then(|()| sheet.end());
    String::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_steer_a_terminal_is_shown_instead() {
        let evil = "cus\u{1b}]0;owned\u{7}\u{9b}31m\rx\u{202e}y\u{8}";
        let shown = "cus\\u{1b}]0;owned\\u{7}\\u{9b}31m\\u{d}x\\u{202e}y\\u{8}";
        assert_eq!(printable(evil), shown);
        assert_eq!(printable("Zürich\t1\n"), "Zürich\t1\n");
        let table = Table { columns: vec!["customer"], rows: vec![vec![evil.into()]] };
        assert!(table.terminal().contains(shown), "{}", table.terminal());
    }

    #[test]
    fn no_cell_begins_a_formula_and_numbers_stay_numbers() {
        for evil in
            ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "-cmd", "@SUM(A1)", "\t=1", "\r=1", " =1", "'=1", "＝1", "--1", "+"]
        {
            let table = Table { columns: vec!["a"], rows: vec![vec![evil.into()]] };
            let cell = table.csv().strip_prefix("a\r\n").unwrap().to_owned();
            assert!(cell.starts_with("\"'"), "{evil:?} became {cell:?}");
        }
        for number in ["-1.5", "0", "-0.000001", "1500"] {
            let table = Table { columns: vec!["a"], rows: vec![vec![number.into()]] };
            assert_eq!(table.csv(), format!("a\r\n{number}\r\n"));
        }
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
