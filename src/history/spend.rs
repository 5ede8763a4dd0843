//! What a company spends, from CSV, `month,amount,currency,kind[,segment]`, into the imports beside the log (rule `unit-economics`). A
//! line that can't be taken is set aside by its number, and nothing else is lost by it.

use std::collections::BTreeMap;

use csv::StringRecord;
use thiserror::Error;

use super::attributes::{ImportAnswer, SetAsideEntry, record};
use crate::{
    ledger::{
        fx::minor_units,
        money::{Currency, Decimal, Mrr},
        month::{Month, NotAMonth},
    },
    limits,
    report::service::{AskError, Reports},
    spreadsheet::records,
    store::records::{audit_trail::Deed, imports::*},
};

/// Why a file holds no spend at all.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum BadSpend {
    /// The first line names no columns that are known.
    #[error("its first line should be month,amount,currency,kind or month,amount,currency,kind,segment")]
    Heading,
    /// Nothing follows it.
    #[error("it has no line but its first")]
    Empty,
    /// More than one import takes.
    #[error("it has {0} lines, more than the {max} of one import: split it", max = limits::IMPORT_LINES)]
    TooLong(usize),
}

/// A file as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpendSheet {
    rows: Vec<SpendRow>,
    set_aside: Vec<SetAside>,
}

/// Where the cells of a line are.
struct Columns {
    month: usize,
    amount: usize,
    currency: usize,
    kind: usize,
    segment: Option<usize>,
}

/// Reads a file.
pub fn read(text: &str) -> Result<SpendSheet, BadSpend> {
    let mut lines = records(text).into_iter();
    let heading = lines.next().map(|(_, cells)| cells).unwrap_or_default();
    let names: Vec<String> = heading.iter().map(str::to_ascii_lowercase).collect();
    let place = |name: &str| names.iter().position(|one| one == name);
    let (Some(month), Some(amount), Some(currency), Some(kind)) =
        (place("month"), place("amount"), place("currency"), place("kind"))
    else {
        return Err(BadSpend::Heading);
    };
    let columns = Columns { month, amount, currency, kind, segment: place("segment") };
    if names.len() != 4 + usize::from(columns.segment.is_some()) {
        return Err(BadSpend::Heading);
    }
    let filled: Vec<_> = lines.filter(|(_, cells)| cells.iter().any(|cell| !cell.is_empty())).collect();
    if filled.is_empty() {
        return Err(BadSpend::Empty);
    }
    if filled.len() > limits::IMPORT_LINES {
        return Err(BadSpend::TooLong(filled.len()));
    }
    let mut sheet = SpendSheet::default();
    for (line, cells) in filled {
        let line = i64::try_from(line).unwrap_or(i64::MAX);
        match told(line, &cells, &columns, names.len()) {
            Ok(row) => sheet.rows.push(row),
            Err(reason) => sheet.set_aside.push(SetAside { line, reason: reason.chars().take(300).collect() }),
        }
    }
    Ok(sheet)
}

fn told(line: i64, cells: &StringRecord, columns: &Columns, width: usize) -> Result<SpendRow, String> {
    if cells.len() > width {
        return Err(format!("it has {} cells, its heading {width}", cells.len()));
    }
    let cell = |at: usize| cells.get(at).unwrap_or_default();
    let month: Month = cell(columns.month).parse().map_err(|error: NotAMonth| error.to_string())?;
    let currency: Currency = cell(columns.currency)
        .parse()
        .map_err(|_| format!("{:?} is no currency such as usd", cell(columns.currency)))?;
    let words = SpendKind::ALL.map(SpendKind::as_str).join(", ");
    let kind =
        SpendKind::parse(cell(columns.kind)).ok_or_else(|| format!("{:?} is none of {words}", cell(columns.kind)))?;
    let amount = amount(cell(columns.amount), currency)?;
    let segment = columns.segment.map(cell).unwrap_or_default();
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    if segment.len() > limits::SEGMENT_NAME_BYTES || !segment.bytes().all(plain) {
        return Err(format!("{segment:?} is no segment's name: lower-case letters, digits, - and _"));
    }
    Ok(SpendRow { line, month, currency, kind, segment: segment.into(), amount })
}

/// An amount in units of its currency, exactly.
fn amount(text: &str, currency: Currency) -> Result<Mrr, String> {
    // What the ledger keeps of a decimal's places: an amount is 10⁻⁶ of a minor unit.
    const KEPT: i128 = Decimal::ONE_UNITS / Mrr::MINOR;
    let units = text.parse::<Decimal>().map_err(|_| format!("{text:?} is no amount such as 1234.56"))?.units();
    let minor = units.checked_mul(minor_units(currency)).ok_or_else(|| format!("{text:?} is too large"))?;
    if minor % KEPT != 0 {
        return Err(format!("{text:?} has more places than the ledger keeps"));
    }
    Ok(Mrr(minor / KEPT))
}

/// Records a file unless it is only to be tried (`deed` is `None`).
pub async fn import(
    reports: &Reports<'_>,
    sheet: SpendSheet,
    file: &str,
    deed: Option<&Deed>,
) -> Result<ImportAnswer, AskError> {
    let SpendSheet { rows: spend, set_aside } = sheet;
    let new = NewImport { kind: ImportKind::Spend, file: file.to_owned(), rows: Vec::new(), spend, set_aside };
    let mut keys: BTreeMap<String, i64> = BTreeMap::new();
    new.spend.iter().for_each(|row| *keys.entry(row.kind.as_str().to_owned()).or_default() += 1);
    let recorded = match deed {
        None => None,
        Some(deed) => Some(record(reports, &new, deed).await?),
    };
    let aside = |one: &SetAside| SetAsideEntry { line: one.line, reason: one.reason.clone() };
    Ok(ImportAnswer {
        id: recorded.as_ref().map(|import| import.id),
        kind: new.kind.as_str().into(),
        taken: i64::try_from(new.spend.len()).unwrap_or(i64::MAX),
        set_aside: new.set_aside.iter().map(aside).collect(),
        keys,
        unknown: Vec::new(),
        unknown_count: 0,
        seal: recorded.map(|import| hex::encode(import.seal)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_to_the_cent_and_bad_ones_set_aside_by_number() {
        let sheet = read(
            "kind,month,amount,currency,segment\nsales,2026-05,1234.56,usd,\nmarketing,2026-05,-10,JPY,large\nrent,2026-05,1,usd,\n\
             sales,May,1,usd,\nsales,2026-05,1.2.3,usd,\nsales,2026-05,0.0000000001,usd,\nsales,2026-05,1,dollars,\nsales,2026-05,1,usd,Large ones\n",
        )
        .unwrap();
        let rows: Vec<_> = sheet.rows.iter().map(|row| (row.line, row.amount.to_string(), &*row.segment)).collect();
        assert_eq!(rows, [(2, "123456".into(), ""), (3, "-10".into(), "large")]);
        assert_eq!(
            sheet.set_aside.iter().map(|one| one.line).collect::<Vec<_>>(),
            [4, 5, 6, 7, 8, 9],
            "{:?}",
            sheet.set_aside
        );
        assert!(sheet.set_aside[0].reason.contains("cost_of_service") && sheet.set_aside[1].reason.contains("2026-10"));
        assert_eq!(read("month,amount\n"), Err(BadSpend::Heading));
        assert_eq!(read("month,amount,currency,kind\n"), Err(BadSpend::Empty));
    }
}
