//! Attributes of customers from CSV, `customer,key,value[,valid_from]`, into the imports beside the log (rule `attributes`). A line
//! that can't be taken is set aside by its number, and nothing else is lost by it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    imported::ImportAnswer,
    sheet::{BadSheet, Layout, Line, Taken},
};
use crate::{
    config::{Names, customers::CustomerRules},
    event::CustomerKey,
    ledger::{ids::CustomerId, time::Day},
    limits,
    report::{
        ask::Ask,
        service::{AskError, Reports},
    },
    store::{
        StoreError,
        derived::reports::{AccountScope, CustomerTraits},
        records::{audit_trail::Deed, imports::*},
    },
};

/// A file as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet(Taken<Told>);

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

/// The longest text of a cell.
const TEXT_MAX: usize = 200;

/// The columns of a file of attributes.
const LAYOUT: Layout<4> = Layout(["customer", "key", "value", "valid_from"]);

/// Reads a file. `today` is the first day on which a value holds that tells none.
pub fn read(text: &str, today: Day, customers: &CustomerRules) -> Result<Sheet, BadSheet> {
    LAYOUT.read(text, |line| told(line, today, customers)).map(Sheet)
}

fn told(line: &Line<'_, 4>, today: Day, customers: &CustomerRules) -> Result<Told, String> {
    let [customer, key, value, valid_from] = line.cells;
    let (customer, key) = (customer.unwrap_or_default(), key.unwrap_or_default());
    if [customer, value.unwrap_or_default()].iter().any(|cell| cell.chars().count() > TEXT_MAX) {
        return Err(format!("a cell is longer than {TEXT_MAX} characters"));
    }
    let whose = named(customer, customers)?;
    if !is_key(key) {
        return Err(format!("{key:?} is no name of an attribute: letters, digits, - _ and . , 64 at most"));
    }
    let value = value.ok_or("it has no value: an empty cell ends what was told before")?;
    let valid_from = match valid_from.unwrap_or_default() {
        "" => today,
        text => day(text).ok_or_else(|| format!("{text:?} is not a day such as 2026-01-31"))?,
    };
    Ok(Told { line: line.number, whose, key: key.to_owned(), value: value.to_owned(), valid_from })
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
    ImportAnswer::record(reports, &new, unknown.into_iter(), deed).await
}

/// The rows with e-mails looked up: those themselves are never kept.
async fn resolved(reports: &Reports<'_>, sheet: Sheet, file: &str, names: Names) -> Result<NewImport, StoreError> {
    let Sheet(Taken { rows, mut set_aside }) = sheet;
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
        .unwrap()
        .0;
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
        assert_eq!(sheet("day,currency,rate\n2026-01-01,usd,1\n"), Err(BadSheet::Heading(LAYOUT.heading())));
        assert_eq!(sheet("customer,key,value,valid_until\ncus_1,a,b,\n"), Err(BadSheet::Heading(LAYOUT.heading())));
        assert_eq!(sheet("customer,key,value\n"), Err(BadSheet::Empty));
        assert_eq!(sheet(""), Err(BadSheet::Heading(LAYOUT.heading())));
    }
}
