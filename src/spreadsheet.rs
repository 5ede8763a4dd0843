//! CSV (RFC 4180) as spreadsheets write and read it: records by line, and cells that no program runs as a formula.

use std::{borrow::Cow, io::Write};

use csv::{QuoteStyle, ReaderBuilder, StringRecord, Terminator, Trim, Writer, WriterBuilder};

/// The records of `text`, cells trimmed, each with the number of the line it begins on, from 1. Records may have fewer or more
/// cells than the first; lines without any are passed over.
pub(crate) fn records(text: &str) -> Vec<(usize, StringRecord)> {
    let text = text.trim_start_matches('\u{feff}');
    let mut reader =
        ReaderBuilder::new().has_headers(false).flexible(true).trim(Trim::All).from_reader(text.as_bytes());
    // Text is UTF-8, and records may have any length: nothing is left that could be refused.
    let records = reader.records().filter_map(Result::ok);
    records.map(|record| (line_of(text, &record), record)).collect()
}

/// Where a record begins: the reader's place is before the empty lines that it passed over.
fn line_of(text: &str, record: &StringRecord) -> usize {
    let Some(place) = record.position() else { return 0 };
    let begins = usize::try_from(place.byte()).ok().and_then(|byte| text.as_bytes().get(byte..)).unwrap_or_default();
    let passed = begins.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).filter(|byte| **byte == b'\n').count();
    usize::try_from(place.line()).unwrap_or(usize::MAX).saturating_add(passed)
}

/// Writes records to `out`: CRLF line ends, quotes where needed.
pub(crate) struct Sheet<W: Write>(Writer<W>);

impl<W: Write> Sheet<W> {
    /// Nothing written yet.
    pub(crate) fn new(out: W) -> Self {
        // An apostrophe before a formula stands within quotes, where no program takes it for its own mark.
        let mut writer = WriterBuilder::new();
        writer.terminator(Terminator::CRLF).quote_style(QuoteStyle::Necessary).comment(Some(b'\'')).flexible(true);
        Self(writer.from_writer(out))
    }

    /// Writes one record. Errors where `out` does.
    pub(crate) fn write<'a>(&mut self, cells: impl Iterator<Item = &'a str>) -> std::io::Result<()> {
        for cell in cells {
            self.0.write_field(disarmed(cell).as_ref())?;
        }
        Ok(self.0.write_record(None::<&[u8]>)?)
    }

    /// Writes what is still held back. Errors where `out` does.
    pub(crate) fn end(mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// A cell that begins as a formula, behind an apostrophe: spreadsheets show such a cell and don't run it. Numbers stay numbers.
fn disarmed(cell: &str) -> Cow<'_, str> {
    if is_formula(cell) { Cow::Owned(format!("'{cell}")) } else { Cow::Borrowed(cell) }
}

/// Whether a spreadsheet would run this as a formula: it begins as one and is no number. Some look past spaces and quotes.
fn is_formula(cell: &str) -> bool {
    let begins = cell.trim_start_matches([' ', '\'', '"', '\u{feff}', '\u{a0}']);
    // Full-width forms count in some locales.
    begins.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
        && cell.parse::<crate::ledger::money::Decimal>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_found_by_its_line_and_its_quotes_are_read() {
        let text = "\u{feff}a,b\r\n\r\n1,\"x,\n\"\"y\"\"\"\n\n\n 2 ,z,more";
        let read: Vec<(usize, Vec<String>)> =
            records(text).into_iter().map(|(line, cells)| (line, cells.iter().map(str::to_owned).collect())).collect();
        let cells = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        assert_eq!(read, [(1, cells(&["a", "b"])), (3, cells(&["1", "x,\n\"y\""])), (7, cells(&["2", "z", "more"]))]);
    }
}
