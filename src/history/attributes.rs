//! Attributes of customers from CSV, `customer,key,value[,valid_from]`, into the imports beside the log (rule `attributes`). A line
//! that can't be taken is set aside by its number, and nothing else is lost by it.

use std::collections::{BTreeMap, BTreeSet};

use csv::StringRecord;
use serde::Serialize;
use thiserror::Error;
use utoipa::ToSchema;

use crate::{
    config::{Names, customers::CustomerRules},
    event::CustomerKey,
    ledger::{ids::CustomerId, time::Day},
    limits,
    report::{
        ask::Ask,
        service::{AskError, Reports},
    },
    spreadsheet::records,
    store::{
        StoreError,
        derived::reports::{AccountScope, CustomerTraits},
        records::{audit_trail::Deed, imports::*},
    },
};

/// Why a file holds no attributes at all.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum BadSheet {
    /// The first line names no columns that are known.
    #[error("its first line should be customer,key,value or customer,key,value,valid_from")]
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
pub struct Sheet {
    rows: Vec<Told>,
    set_aside: Vec<SetAside>,
}

/// A line that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    line: i64,
    whose: Named,
    key: String,
    value: String,
    valid_from: Day,
}

/// How a line names a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Named {
    As(Whose),
    /// In lower case; looked up as it is imported, and never kept.
    Email(String),
}

/// What becomes of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ImportAnswer {
    /// Its number; null where nothing was recorded (`dry_run`).
    pub id: Option<i64>,
    /// `attributes` or `spend`.
    pub kind: String,
    /// Rows that are taken.
    pub taken: i64,
    /// Lines that are not, by number.
    pub set_aside: Vec<SetAsideEntry>,
    /// Attributes that are told, by name, or kinds of spend, with the number of rows of each.
    pub keys: BTreeMap<String, i64>,
    /// Customers of whom the log knows nothing yet: their rows are kept, and count once it does. The first of them.
    pub unknown: Vec<String>,
    /// How many they are.
    pub unknown_count: i64,
    /// The seal, in hexadecimal; null where nothing was recorded.
    pub seal: Option<String>,
}

/// A line that isn't taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SetAsideEntry {
    /// Its number, from 1.
    pub line: i64,
    /// What is wrong with it.
    pub reason: String,
}

/// Customers named that nobody knows.
const UNKNOWN_NAMED: usize = 100;

/// The longest text of a cell.
const TEXT_MAX: usize = 200;

/// Where the cells of a line are.
struct Columns {
    customer: usize,
    key: usize,
    value: usize,
    valid_from: Option<usize>,
}

/// Reads a file. `today` is the first day on which a value holds that tells none.
pub fn read(text: &str, today: Day, customers: &CustomerRules) -> Result<Sheet, BadSheet> {
    let mut lines = records(text).into_iter();
    let heading = lines.next().map(|(_, cells)| cells).unwrap_or_default();
    let names: Vec<String> = heading.iter().map(str::to_ascii_lowercase).collect();
    let place = |name: &str| names.iter().position(|one| one == name);
    let (Some(customer), Some(key), Some(value)) = (place("customer"), place("key"), place("value")) else {
        return Err(BadSheet::Heading);
    };
    let columns = Columns { customer, key, value, valid_from: place("valid_from") };
    if names.len() != 3 + usize::from(columns.valid_from.is_some()) {
        return Err(BadSheet::Heading);
    }
    let filled: Vec<_> = lines.filter(|(_, cells)| cells.iter().any(|cell| !cell.is_empty())).collect();
    if filled.is_empty() {
        return Err(BadSheet::Empty);
    }
    if filled.len() > limits::IMPORT_LINES {
        return Err(BadSheet::TooLong(filled.len()));
    }
    let mut sheet = Sheet::default();
    for (line, cells) in filled {
        let line = i64::try_from(line).unwrap_or(i64::MAX);
        match told(line, &cells, &columns, names.len(), today, customers) {
            Ok(row) => sheet.rows.push(row),
            Err(reason) => sheet.set_aside.push(SetAside { line, reason }),
        }
    }
    Ok(sheet)
}

fn told(
    line: i64,
    cells: &StringRecord,
    columns: &Columns,
    width: usize,
    today: Day,
    customers: &CustomerRules,
) -> Result<Told, String> {
    if cells.len() > width {
        return Err(format!("it has {} cells, its heading {width}", cells.len()));
    }
    let cell = |at: usize| cells.get(at).unwrap_or_default();
    if [columns.customer, columns.value].iter().any(|at| cell(*at).chars().count() > TEXT_MAX) {
        return Err(format!("a cell is longer than {TEXT_MAX} characters"));
    }
    let whose = named(cell(columns.customer), customers)?;
    let key = cell(columns.key);
    if !is_key(key) {
        return Err(format!("{key:?} is no name of an attribute: letters, digits, - _ and . , 64 at most")
            .chars()
            .take(300)
            .collect());
    }
    if cells.get(columns.value).is_none() {
        return Err("it has no value: an empty cell ends what was told before".into());
    }
    let valid_from = match columns.valid_from.map(cell).unwrap_or_default() {
        "" => today,
        text => day(text)
            .ok_or_else(|| format!("{text:?} is not a day such as 2026-01-31").chars().take(300).collect::<String>())?,
    };
    Ok(Told { line, whose, key: key.to_owned(), value: cell(columns.value).to_owned(), valid_from })
}

/// A day as it is written, and nothing after it.
fn day(text: &str) -> Option<Day> {
    text.parse::<Day>().ok().filter(|day| day.to_string() == text)
}

/// Whether a name can be an attribute's.
pub fn is_key(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !text.is_empty() && text.len() <= 64 && text.chars().all(plain)
}

fn named(text: &str, customers: &CustomerRules) -> Result<Named, String> {
    if text.is_empty() {
        return Err("it names no customer".into());
    }
    if let Some(pair) = text.strip_prefix("metadata:") {
        let (key, value) = pair
            .split_once('=')
            .filter(|(key, value)| !key.is_empty() && !value.is_empty())
            .ok_or("a customer by metadata is metadata:KEY=VALUE")?;
        if !customers.metadata_keys.iter().any(|kept| &**kept == key) {
            return Err(format!("the ledger keeps no metadata {key:?}: ledger.metadata_keys names what it keeps"));
        }
        return Ok(Named::As(Whose::Metadata { key: key.into(), value: value.into() }));
    }
    if text.contains('@') {
        return Ok(Named::Email(text.to_lowercase()));
    }
    if text.contains(char::is_whitespace) {
        return Err("its customer is neither an id of Stripe's, nor metadata:KEY=VALUE, nor an e-mail".into());
    }
    Ok(Named::As(Whose::Stripe(CustomerId::new(text))))
}

/// Looks the customers of a file up, and records it unless it is only to be tried (`deed` is `None`).
pub async fn import(
    reports: &Reports<'_>,
    sheet: Sheet,
    file: &str,
    names: Names,
    deed: Option<&Deed>,
) -> Result<ImportAnswer, AskError> {
    let new = resolved(reports, sheet, file, names).await?;
    let unknown = unknown(reports, &new.rows).await?;
    let mut keys: BTreeMap<String, i64> = BTreeMap::new();
    new.rows.iter().for_each(|row| *keys.entry(row.key.to_string()).or_default() += 1);
    let recorded = match deed {
        None => None,
        Some(deed) => Some(record(reports, &new, deed).await?),
    };
    let aside = |one: &SetAside| SetAsideEntry { line: one.line, reason: one.reason.clone() };
    Ok(ImportAnswer {
        id: recorded.as_ref().map(|import| import.id),
        kind: new.kind.as_str().into(),
        taken: i64::try_from(new.rows.len()).unwrap_or(i64::MAX),
        set_aside: new.set_aside.iter().map(aside).collect(),
        keys,
        unknown_count: i64::try_from(unknown.len()).unwrap_or(i64::MAX),
        unknown: unknown.into_iter().take(UNKNOWN_NAMED).map(|whose| whose.to_string()).collect(),
        seal: recorded.map(|import| hex::encode(import.seal)),
    })
}

/// Records it behind whatever other imports come meanwhile.
pub(super) async fn record(reports: &Reports<'_>, new: &NewImport, deed: &Deed) -> Result<Import, StoreError> {
    for _ in 0..limits::IMPORT_TRIES {
        if let Some(import) = reports.store.records.record_import(new, deed).await? {
            return Ok(import);
        }
    }
    let reason = "other imports are being recorded: import the file again".into();
    Err(StoreError::Unavailable { doing: "recording an import", reason })
}

/// The rows with e-mails looked up: those themselves are never kept.
async fn resolved(reports: &Reports<'_>, sheet: Sheet, file: &str, names: Names) -> Result<NewImport, StoreError> {
    let Sheet { rows, mut set_aside } = sheet;
    let asked = rows.iter().any(|row| matches!(row.whose, Named::Email(_)));
    let mut by_email: BTreeMap<String, BTreeSet<CustomerId>> = BTreeMap::new();
    if asked && names == Names::Shown {
        for (email, customer) in reports.store.derived.emails().await? {
            by_email.entry(email.to_lowercase()).or_default().insert(customer);
        }
    }
    let mut taken = Vec::with_capacity(rows.len());
    for Told { line, whose, key, value, valid_from } in rows {
        let whose = match whose {
            Named::As(whose) => Ok(whose),
            Named::Email(_) if names == Names::Hidden => {
                Err("it names a customer by e-mail, and privacy.show_names is off: name Stripe's id")
            }
            Named::Email(email) => match by_email.get(&email).map(|found| (found.len(), found.first())) {
                Some((1, Some(customer))) => Ok(Whose::Stripe(customer.clone())),
                None => Err("no customer has its e-mail: name Stripe's id"),
                Some(_) => Err("several customers have its e-mail: name Stripe's id"),
            },
        };
        match whose {
            Ok(whose) => taken.push(AttributeRow { line, whose, key: key.into(), value: value.into(), valid_from }),
            Err(reason) => set_aside.push(SetAside { line, reason: reason.into() }),
        }
    }
    set_aside.sort_by_key(|one| one.line);
    Ok(NewImport { kind: ImportKind::Attributes, file: file.to_owned(), rows: taken, spend: Vec::new(), set_aside })
}

/// Customers named of whom the log tells nothing, in their order.
async fn unknown(reports: &Reports<'_>, rows: &[AttributeRow]) -> Result<BTreeSet<Whose>, AskError> {
    let mut named: BTreeSet<Whose> = rows.iter().map(|row| row.whose.clone()).collect();
    let mut after: Option<CustomerKey> = None;
    while named.iter().any(|whose| matches!(whose, Whose::Stripe(_))) {
        let page = reports.store.log.customers(after.as_ref(), limits::JOIN_PAGE, None).await?;
        for key in &page {
            named.remove(&Whose::Stripe(key.customer.clone()));
        }
        match page.into_iter().last() {
            None => break,
            last => after = last,
        }
    }
    if named.iter().any(|whose| matches!(whose, Whose::Metadata { .. })) {
        for livemode in [true, false] {
            let ask = Ask { livemode: Some(livemode), account: AccountScope::All, ..Ask::default() };
            for CustomerTraits { metadata, .. } in reports.traits(&ask).await? {
                for (key, value) in metadata {
                    named.remove(&Whose::Metadata { key, value });
                }
            }
        }
    }
    Ok(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> CustomerRules {
        CustomerRules { metadata_keys: vec!["crm".into()], ..CustomerRules::default() }
    }

    fn sheet(text: &str) -> Result<Sheet, BadSheet> {
        read(text, "2026-06-01".parse().unwrap(), &rules())
    }

    #[test]
    fn lines_are_read_by_the_names_of_their_columns_and_bad_ones_set_aside_by_number() {
        let read = sheet(
            "value,customer,valid_from,key\n200,cus_1,2026-05-10,size\n\n,cus_2,,size\n7,metadata:crm=77,,seats.paid\n\
             1,a@b.example,,size\n1,,,size\n1,cus_3,10.5.2026,size\n1,cus_3,,two words\n1,metadata:other=1,,size\n\
             1,cus_3,,size,more\n1,cus 3,,size\n",
        )
        .unwrap();
        let rows: Vec<_> =
            read.rows.iter().map(|row| (row.line, &*row.key, &*row.value, row.valid_from.to_string())).collect();
        assert_eq!(
            rows,
            [
                (2, "size", "200", "2026-05-10".into()),
                (4, "size", "", "2026-06-01".into()),
                (5, "seats.paid", "7", "2026-06-01".into()),
                (6, "size", "1", "2026-06-01".into()),
            ]
        );
        assert_eq!(read.rows[3].whose, Named::Email("a@b.example".into()));
        let lines: Vec<i64> = read.set_aside.iter().map(|one| one.line).collect();
        assert_eq!(lines, [7, 8, 9, 10, 11, 12], "{:?}", read.set_aside);
        let said = |at: usize| read.set_aside[at].reason.as_str();
        assert!(said(0).contains("no customer") && said(1).contains("2026-01-31") && said(2).contains("two words"));
        assert!(said(3).contains("metadata_keys") && said(4).contains("5 cells"), "{:?}", read.set_aside);
    }

    #[test]
    fn what_is_no_sheet_of_attributes_is_refused_whole() {
        assert_eq!(sheet("day,currency,rate\n2026-01-01,usd,1\n"), Err(BadSheet::Heading));
        assert_eq!(sheet("customer,key,value,valid_until\ncus_1,a,b,\n"), Err(BadSheet::Heading));
        assert_eq!(sheet("customer,key,value\n"), Err(BadSheet::Empty));
        assert_eq!(sheet(""), Err(BadSheet::Heading));
    }
}
