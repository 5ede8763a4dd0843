//! Tables: one shape for CSV and for the terminal.

use std::borrow::Cow;

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

    /// For people: numbers to the right, and no column that says nothing throughout.
    pub fn terminal(&self) -> String {
        if self.rows.is_empty() {
            return "Nothing to show.".into();
        }
        let silent = |at: usize| {
            let amount = self.columns[at].ends_with("_exact");
            self.rows.iter().all(|row| row[at].is_empty() || (amount && row[at] == "0"))
        };
        let shown: Vec<usize> = (0..self.columns.len()).filter(|at| !silent(*at)).collect();
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
        table.set_header(shown.iter().map(|at| heading(self.columns[*at])));
        for row in &self.rows {
            table.add_row(shown.iter().map(|at| row[*at].as_str()));
        }
        for (place, at) in shown.iter().enumerate() {
            let number =
                |row: &Vec<String>| row[*at].is_empty() || row[*at].parse::<crate::ledger::money::Decimal>().is_ok();
            if let (true, Some(column)) = (self.rows.iter().all(number), table.column_mut(place)) {
                column.set_cell_alignment(comfy_table::CellAlignment::Right);
            }
        }
        table.to_string()
    }
}

/// A field's name as a person would write it; amounts are exact wherever the terminal shows them.
fn heading(field: &str) -> String {
    field.strip_suffix("_exact").unwrap_or(field).replace('_', " ")
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
    fn the_terminal_leaves_out_what_says_nothing() {
        let row = |day: &str, mrr: &str| vec![day.into(), "0".into(), mrr.into(), String::new()];
        let columns = vec!["day", "fx_exact", "closing_exact", "note"];
        let table = Table { columns, rows: vec![row("2026-01-01", "0"), row("2026-01-02", "1500")] };
        let text = table.terminal();
        assert!(text.contains("closing") && text.contains("1500"), "{text}");
        assert!(!text.contains("fx") && !text.contains("note"), "{text}");
        assert_eq!(Table { columns: vec!["day"], rows: Vec::new() }.terminal(), "Nothing to show.");
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
