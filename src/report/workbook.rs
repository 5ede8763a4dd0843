//! Tables as an XLSX workbook: one sheet each, numbers as numbers, and a sheet that says what was asked. The same tables give the
//! same bytes: nothing in the file tells when it was written.

use std::collections::BTreeMap;

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, FormatAlign, Workbook, Worksheet, XlsxError};

use super::{
    ReportError,
    cells::{self, Cell},
    table::Table,
};
use crate::{
    budget::{Charge, compute},
    ledger::time::Day,
    limits,
};

/// The media type of a workbook.
pub const MEDIA_TYPE: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// The most characters that a cell holds.
const TEXT_MOST: usize = 32_767;
/// What stands at the end of a text that doesn't fit.
const CUT: &str = " … (cut: a cell holds no more)";
/// A cell while it is written, with its text.
const CELL_BYTES: usize = 160;

/// A table and the name of its sheet.
pub type Named = (&'static str, Table);

/// The workbook of these tables; `about` says what was asked, in the last sheet.
///
/// Errors with [`ReportError::TooManyEntries`] where a table has more rows than a sheet may have here.
pub fn workbook(about: &[(&str, String)], tables: &[Named]) -> Result<Vec<u8>, ReportError> {
    let mut held = Charge::begin();
    for (_, table) in tables {
        if table.rows.len() > limits::WORKBOOK_ROWS {
            return Err(ReportError::TooManyEntries { max: limits::WORKBOOK_ROWS });
        }
        held.add(table.rows.len() * table.columns.len() * CELL_BYTES)?;
    }
    compute(|| made(about, tables)).map_err(|error| ReportError::Workbook { reason: error.to_string() })
}

fn made(about: &[(&str, String)], tables: &[Named]) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    // Without it the library writes the time of day.
    let never = ExcelDateTime::from_ymd(2000, 1, 1)?;
    workbook.set_properties(&DocProperties::new().set_creation_datetime(&never));
    let mut formats = Formats::default();
    for (name, table) in tables {
        let sheet = workbook.add_worksheet();
        sheet.set_name(*name)?;
        table_into(sheet, table, &mut formats)?;
    }
    let sheet = workbook.add_worksheet();
    sheet.set_name("about")?;
    sheet.set_column_width(0, 24)?.set_column_width(1, 80)?;
    for (row, (what, text)) in (0u32..).zip(about) {
        sheet.write_string_with_format(row, 0, *what, &Format::new().set_bold())?;
        sheet.write_string(row, 1, fitting(text))?;
    }
    workbook.save_to_buffer()
}

fn table_into(sheet: &mut Worksheet, table: &Table, formats: &mut Formats) -> Result<(), XlsxError> {
    let heading = Format::new().set_bold().set_text_wrap().set_align(FormatAlign::Top);
    let names: Vec<&str> = table.columns.iter().map(|name| name.strip_suffix("_exact").unwrap_or(name)).collect();
    let mut widths: Vec<usize> = names.iter().map(|name| name.len()).collect();
    for (at, name) in (0u16..).zip(&names) {
        sheet.write_string_with_format(0, at, *name, &heading)?;
    }
    for (row, cells) in (1u32..).zip(cells::rows(&table.columns, &table.rows)) {
        for ((at, cell), width) in (0u16..).zip(cells).zip(&mut widths) {
            *width = (*width).max(cell_into(sheet, row, at, &cell, formats)?);
        }
    }
    for (at, width) in (0u16..).zip(widths) {
        sheet.set_column_width(at, u32::try_from(width.clamp(8, 48) + 2).unwrap_or(50))?;
    }
    sheet.set_freeze_panes(1, 0)?;
    if let (Some(last), true) = (u16::try_from(names.len()).ok().and_then(|n| n.checked_sub(1)), !table.rows.is_empty())
    {
        sheet.autofilter(0, 0, u32::try_from(table.rows.len()).unwrap_or(u32::MAX), last)?;
    }
    sheet.set_landscape().set_print_fit_to_pages(1, 0).set_repeat_rows(0, 0)?;
    Ok(())
}

/// How wide it is, in characters.
fn cell_into(
    sheet: &mut Worksheet,
    row: u32,
    at: u16,
    cell: &Cell<'_>,
    formats: &mut Formats,
) -> Result<usize, XlsxError> {
    // A decimal of the ledger always reads as a number; a spreadsheet keeps 15 of its digits.
    let number = |text: &str| text.parse::<f64>().unwrap_or(f64::NAN);
    Ok(match cell {
        Cell::Empty => 0,
        Cell::Text(text) => {
            sheet.write_string(row, at, fitting(text))?;
            text.chars().count()
        }
        Cell::Amount(units, currency, places) => {
            let code = currency.as_str().to_uppercase();
            let zeros = if *places == 0 { String::new() } else { format!(".{}", "0".repeat(*places as usize)) };
            let format = formats.with_code(&format!("#,##0{zeros}\\ [${code}]"));
            sheet.write_number_with_format(row, at, number(units), format)?;
            units.split('.').next().map_or(0, |whole| whole.len() + whole.len() / 3) + zeros.len() + 4
        }
        Cell::Number(text) => {
            sheet.write_number(row, at, number(text))?;
            text.len()
        }
        Cell::Share(text) => {
            sheet.write_number_with_format(row, at, number(text), formats.with_code("0.0 %"))?;
            8
        }
        Cell::Day(day) => match date(*day) {
            Some(date) => {
                sheet.write_date_with_format(row, at, &date, formats.with_code("yyyy\\-mm\\-dd")).map(|_| 10)?
            }
            None => sheet.write_string(row, at, day.to_string()).map(|_| 10)?,
        },
        Cell::Month(day) => match date(*day) {
            Some(date) => sheet.write_date_with_format(row, at, &date, formats.with_code("yyyy\\-mm")).map(|_| 7)?,
            None => sheet.write_string(row, at, day.to_string()).map(|_| 10)?,
        },
        Cell::Instant(instant) => match ExcelDateTime::from_timestamp(instant.0) {
            Ok(date) => {
                let format = formats.with_code("yyyy\\-mm\\-dd\\Thh:mm:ss\\Z");
                sheet.write_datetime_with_format(row, at, &date, format).map(|_| 20)?
            }
            Err(_) => sheet.write_string(row, at, instant.to_string()).map(|_| 20)?,
        },
        Cell::Truth(truth) => sheet.write_boolean(row, at, *truth).map(|_| 5)?,
    })
}

/// A day as a spreadsheet counts it; `None` outside of 1900 to 9999.
fn date(day: Day) -> Option<ExcelDateTime> {
    let (year, month, of_month) = (day.0.year(), day.0.month(), day.0.day());
    ExcelDateTime::from_ymd(u16::try_from(year).ok()?, u8::try_from(month).ok()?, u8::try_from(of_month).ok()?).ok()
}

/// Text that a cell holds, with a word where it is cut.
fn fitting(text: &str) -> String {
    // A spreadsheet counts UTF-16 units; in bytes there are never fewer.
    if text.len() <= TEXT_MOST {
        return text.to_owned();
    }
    let kept = text.chars().scan(0, |units, c| {
        *units += c.len_utf16();
        (*units + CUT.len() <= TEXT_MOST).then_some(c)
    });
    let kept: String = kept.collect();
    if kept.len() == text.len() { kept } else { format!("{kept}{CUT}") }
}

/// Number formats by their code, each made once.
#[derive(Default)]
struct Formats(BTreeMap<String, Format>);

impl Formats {
    fn with_code(&mut self, code: &str) -> &Format {
        if !self.0.contains_key(code) {
            self.0.insert(code.to_owned(), Format::new().set_num_format(code));
        }
        &self.0[code]
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use calamine::{Data, Reader, Xlsx};

    use super::*;

    fn read(bytes: Vec<u8>, sheet: &str) -> Vec<Vec<Data>> {
        let mut book = Xlsx::new(Cursor::new(bytes)).unwrap();
        book.worksheet_range(sheet).unwrap().rows().map(<[Data]>::to_vec).collect()
    }

    #[test]
    fn numbers_are_numbers_and_a_formula_is_text() {
        let table = Table {
            columns: vec!["start", "currency", "amount_exact", "customers", "group"],
            rows: vec![
                vec!["2026-01-01".into(), "usd".into(), "-833.333333".into(), "3".into(), "=1+1".into()],
                vec!["2026-02-01".into(), "jpy".into(), "5".into(), String::new(), "007".into()],
            ],
        };
        let about = [("profile", "stripe".to_owned())];
        let bytes = workbook(&about, &[("mrr", table.clone())]).unwrap();
        let rows = read(bytes.clone(), "mrr");
        assert_eq!(rows[0].iter().map(ToString::to_string).collect::<Vec<_>>()[2], "amount");
        let start = if let Data::DateTime(day) = &rows[1][0] { Some(day.as_f64()) } else { None };
        assert_eq!(start, Some(46_023.0), "2026-01-01 as a spreadsheet counts days");
        assert_eq!(
            rows[1][1..],
            [Data::String("usd".into()), Data::Float(-8.33333333), Data::Float(3.0), Data::String("=1+1".into())]
        );
        assert_eq!(
            rows[2][1..],
            [Data::String("jpy".into()), Data::Float(5.0), Data::Empty, Data::String("007".into())]
        );
        assert_eq!(read(bytes.clone(), "about"), [[Data::String("profile".into()), Data::String("stripe".into())]]);
        // Nothing of the clock, which the library would write to the second.
        std::thread::sleep(std::time::Duration::from_millis(1100));
        assert_eq!(workbook(&about, &[("mrr", table)]).unwrap(), bytes);
    }

    #[test]
    fn what_a_sheet_cannot_hold_is_refused_or_said() {
        let long = Table { columns: vec!["events"], rows: vec![vec!["evt_ ".repeat(10_000)]] };
        let bytes = workbook(&[], &[("events", long)]).unwrap();
        let cell = read(bytes, "events")[1][0].to_string();
        assert!(cell.ends_with(CUT) && cell.encode_utf16().count() <= TEXT_MOST, "{}", cell.len());
        let many = Table { columns: vec!["age"], rows: vec![vec![]; limits::WORKBOOK_ROWS + 1] };
        let refused = workbook(&[], &[("many", many)]).unwrap_err();
        assert_eq!(refused, ReportError::TooManyEntries { max: limits::WORKBOOK_ROWS });
    }
}
