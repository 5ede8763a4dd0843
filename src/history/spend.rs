//! What a company spends, from CSV, `month,amount,currency,kind[,segment]`, into the imports beside the log (rule `unit-economics`). A
//! line that can't be taken is set aside by its number, and nothing else is lost by it.

use super::{
    imported::ImportAnswer,
    sheet::{BadSheet, Layout, Line, Taken},
};
use crate::{
    ledger::{
        fx::minor_units,
        money::{Currency, Decimal, Mrr},
        month::NotAMonth,
    },
    limits,
    report::service::{AskError, Reports},
    store::records::{audit_trail::Deed, imports::*},
};

/// A file as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpendSheet(Taken<SpendRow>);

/// The columns of a file of spend.
const LAYOUT: Layout<5> = Layout(["month", "amount", "currency", "kind", "segment"]);

/// Reads a file of spend; errors where it is none at all.
pub fn read(text: &str) -> Result<SpendSheet, BadSheet> {
    LAYOUT.read(text, told).map(SpendSheet)
}

fn told(line: &Line<'_, 5>) -> Result<SpendRow, String> {
    let [month, written, code, kind, segment] = line.cells.map(Option::unwrap_or_default);
    let month = month.parse().map_err(|error: NotAMonth| error.to_string())?;
    let currency: Currency = code.parse().map_err(|_| format!("{code:?} is no currency such as usd"))?;
    let words = SpendKind::ALL.map(SpendKind::as_str).join(", ");
    let kind = SpendKind::parse(kind).ok_or_else(|| format!("{kind:?} is none of {words}"))?;
    let amount = amount(written, currency)?;
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    if segment.len() > limits::SEGMENT_NAME_BYTES || !segment.bytes().all(plain) {
        return Err(format!("{segment:?} is no segment's name: lower-case letters, digits, - and _"));
    }
    Ok(SpendRow { line: line.number, month, currency, kind, segment: segment.into(), amount })
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
    let SpendSheet(Taken { rows: spend, set_aside }) = sheet;
    let new = NewImport { kind: ImportKind::Spend, file: file.to_owned(), rows: Vec::new(), spend, set_aside };
    ImportAnswer::record(reports, &new, std::iter::empty(), deed).await
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
        .unwrap()
        .0;
        let rows: Vec<_> = sheet.rows.iter().map(|row| (row.line, row.amount.to_string(), &*row.segment)).collect();
        assert_eq!(rows, [(2, "123456".into(), ""), (3, "-10".into(), "large")]);
        assert_eq!(
            sheet.set_aside.iter().map(|one| one.line).collect::<Vec<_>>(),
            [4, 5, 6, 7, 8, 9],
            "{:?}",
            sheet.set_aside
        );
        assert!(sheet.set_aside[0].reason.contains("cost_of_service") && sheet.set_aside[1].reason.contains("2026-10"));
        assert_eq!(read("month,amount\n"), Err(BadSheet::Heading(LAYOUT.heading())));
        assert_eq!(read("month,amount,currency,kind\n"), Err(BadSheet::Empty));
    }
}
