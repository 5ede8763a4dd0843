//! Stripe's own MRR exports as it writes them: "MRR per subscriber per month" and "Customer MRR changes" (CSV).
//!
//! Stripe publishes no description of the columns, so they are found by name whatever their order, case and spacing; what
//! isn't needed is left aside. Amounts are in major units of the row's currency.

use std::collections::BTreeMap;

use csv::StringRecord;
use thiserror::Error;

use super::month::Month;
use crate::{
    ledger::{
        fx::minor_units,
        ids::CustomerId,
        money::{Currency, Decimal, Mrr},
        outcome::Kind,
        time::Day,
    },
    spreadsheet::records,
};

/// Names of the column that says who.
const CUSTOMER: &[&str] =
    &["customer id", "customer_id", "stripe customer id", "subscriber id", "customer", "subscriber"];
/// Names of the column that says in which currency.
const CURRENCY: &[&str] = &["currency", "mrr currency"];
/// Names of the column of a month, where each row has one.
const MONTH: &[&str] = &["month", "month end", "period", "period end"];
/// Names of the column with what stands at a month's end.
const MRR_AT_END: &[&str] = &["mrr", "monthly recurring revenue", "ending mrr", "mrr amount", "amount"];
/// Names of the column that says when MRR changed.
const WHEN: &[&str] = &[
    "date",
    "day",
    "local event timestamp",
    "event timestamp",
    "timestamp",
    "event date",
    "effective date",
    "created",
];
/// Names of the column with the change.
const CHANGE: &[&str] =
    &["mrr change", "change in mrr", "mrr change amount", "mrr delta", "net mrr change", "change amount"];
/// Names of the column that says what kind of change.
const KIND: &[&str] = &["event type", "change type", "mrr change type", "movement", "type", "category"];

/// Why a file is none of Stripe's exports.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum BadExport {
    /// Columns that are needed have no name that is known.
    #[error(
        "its first line names {found}. \"MRR per subscriber per month\" needs a column \"Customer ID\" and one column for each \
         month (2026-01, …), or \"Month\" and \"MRR\"; \"Customer MRR changes\" needs \"Customer ID\", \"Date\" and \"MRR change\""
    )]
    Columns {
        /// What the first line has.
        found: String,
    },
    /// No row and no option says in which currency.
    #[error("line {line} names no currency: the file has no column \"Currency\", so say it with --currency")]
    NoCurrency {
        /// The number of the line, from 1.
        line: usize,
    },
    /// A line can't be read.
    #[error("line {line}: {reason}")]
    Line {
        /// The number of the line, from 1.
        line: usize,
        /// What is wrong with it, in words.
        reason: String,
    },
    /// The file has no row but its heading.
    #[error("it has no row below its first line")]
    Empty,
}

/// Which of the two a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// What stands at each month's end.
    PerMonth,
    /// What changed, day by day.
    Changes,
}

/// The month at whose end something stands, or the day on which it changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExportPeriod {
    /// What stands at the end of the month.
    Month(Month),
    /// What changed in the course of the day.
    Day(Day),
}

impl std::fmt::Display for ExportPeriod {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Month(month) => month.fmt(f),
            Self::Day(day) => day.fmt(f),
        }
    }
}

/// What a figure is about.
pub type Key = (CustomerId, Currency, ExportPeriod);

/// What Stripe says at one place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// MRR at the month's end, or by how much it changed on the day.
    pub amount: Mrr,
    /// Of which kind, where the file says one and only one.
    pub kind: Option<Kind>,
    /// In how many rows it says so.
    pub rows: usize,
}

/// An export of Stripe's as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// Which of the two it is.
    pub form: Form,
    /// The months it has columns or rows for, or its first and last day.
    pub places: Vec<ExportPeriod>,
    /// What it says, by customer, currency and place.
    pub said: BTreeMap<Key, Said>,
    /// Whether it tells of everybody who has MRR, so that whom it doesn't name has none; of a file that isn't known.
    pub names_all: bool,
}

/// Where the columns of a file are.
struct Columns {
    customer: usize,
    currency: Option<usize>,
    rest: Rest,
}

enum Rest {
    Wide(Vec<(usize, Month)>),
    Long { month: usize, mrr: usize },
    Changes { when: usize, change: usize, kind: Option<usize> },
}

/// Reads either export; `currency` is that of rows that name none. The first bad line refuses the whole file.
pub fn read(text: &str, currency: Option<Currency>) -> Result<Export, BadExport> {
    let mut records = records(text).into_iter();
    let heading = records.next().map(|(_, cells)| cells).unwrap_or_default();
    let columns = Columns::from_heading(&heading)?;
    let form = if matches!(columns.rest, Rest::Changes { .. }) { Form::Changes } else { Form::PerMonth };
    let mut said: BTreeMap<Key, Said> = BTreeMap::new();
    let mut places = std::collections::BTreeSet::new();
    if let Rest::Wide(months) = &columns.rest {
        places.extend(months.iter().map(|(_, month)| ExportPeriod::Month(*month)));
    }
    let mut rows = 0;
    for (line, cells) in records.filter(|(_, cells)| cells.iter().any(|cell| !cell.is_empty())) {
        rows += 1;
        let cell = |place: usize| cells.get(place).unwrap_or_default();
        let bad = |reason: String| BadExport::Line { line, reason };
        let customer = CustomerId::from(cell(columns.customer));
        if customer.as_str().is_empty() {
            return Err(bad("it names no customer".into()));
        }
        let own = columns.currency.map(cell).filter(|code| !code.is_empty());
        let currency = match own {
            Some(code) => code.to_ascii_lowercase().parse().map_err(|error| bad(format!("{error}")))?,
            None => currency.ok_or(BadExport::NoCurrency { line })?,
        };
        let amount = |text: &str| amount(text, currency).map_err(bad);
        let mut say = |place: ExportPeriod, amount: Mrr, kind: Option<Kind>| {
            let one = said.entry((customer.clone(), currency, place)).or_default();
            one.amount = one.amount.checked_add(amount).ok_or_else(|| bad("its amount is too large".into()))?;
            one.kind = kind.filter(|_| one.rows == 0);
            one.rows += 1;
            places.insert(place);
            Ok(())
        };
        match &columns.rest {
            Rest::Wide(months) => {
                for (place, month) in months {
                    say(ExportPeriod::Month(*month), amount(cell(*place))?, None)?;
                }
            }
            Rest::Long { month, mrr } => {
                let month = month_of(cell(*month)).ok_or_else(|| bad(format!("{:?} is no month", cell(*month))))?;
                say(ExportPeriod::Month(month), amount(cell(*mrr))?, None)?;
            }
            Rest::Changes { when, change, kind } => {
                let day = day_of(cell(*when)).ok_or_else(|| bad(format!("{:?} is no day", cell(*when))))?;
                say(ExportPeriod::Day(day), amount(cell(*change))?, kind.and_then(|kind| kind_of(cell(kind))))?;
            }
        }
    }
    if rows == 0 {
        return Err(BadExport::Empty);
    }
    Ok(Export { form, places: places.into_iter().collect(), said, names_all: false })
}

impl Columns {
    fn from_heading(heading: &StringRecord) -> Result<Self, BadExport> {
        let names: Vec<String> = heading.iter().map(plain).collect();
        let find = |known: &[&str]| known.iter().find_map(|one| names.iter().position(|name| name == one));
        let months: Vec<(usize, Month)> =
            heading.iter().enumerate().filter_map(|(place, name)| Some((place, month_of(name)?))).collect();
        let rest = if let (Some(when), Some(change)) = (find(WHEN), find(CHANGE)) {
            Some(Rest::Changes { when, change, kind: find(KIND) })
        } else if !months.is_empty() {
            Some(Rest::Wide(months))
        } else {
            find(MONTH).or(find(WHEN)).zip(find(MRR_AT_END)).map(|(month, mrr)| Rest::Long { month, mrr })
        };
        match (find(CUSTOMER), rest) {
            (Some(customer), Some(rest)) => Ok(Self { customer, currency: find(CURRENCY), rest }),
            _ => {
                let found = names.iter().filter(|name| !name.is_empty()).map(|name| format!("{name:?}"));
                let found = found.collect::<Vec<_>>().join(", ");
                Err(BadExport::Columns { found: if found.is_empty() { "nothing".into() } else { found } })
            }
        }
    }
}

/// A column's name without case, underscores and unit: `MRR_Change (USD)` is `mrr change`.
fn plain(name: &str) -> String {
    let name = name.split('(').next().unwrap_or_default().to_lowercase().replace(['_', '-'], " ");
    name.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `2026-01`, `2026-01-31`, `Jan 2026` or `January 2026`.
fn month_of(text: &str) -> Option<Month> {
    let spelled = |form: &str| jiff::civil::Date::strptime(format!("%d {form}"), format!("1 {text}")).ok();
    if let Ok(month) = text.parse() {
        return Some(month);
    }
    let date = day_of(text).map(|day| day.0).or_else(|| spelled("%b %Y")).or_else(|| spelled("%B %Y"))?;
    date.strftime("%Y-%m").to_string().parse().ok()
}

/// `2026-01-31`, alone or before a time of day.
fn day_of(text: &str) -> Option<Day> {
    let day = text.get(..10)?;
    let rest = text.get(10..)?;
    (rest.is_empty() || rest.starts_with([' ', 'T'])).then(|| day.parse().ok()).flatten()
}

/// Stripe's words for a kind of change.
fn kind_of(text: &str) -> Option<Kind> {
    Some(match plain(text).as_str() {
        "new" | "new subscriber" | "active start" => Kind::New,
        "reactivation" | "reactivated" => Kind::Reactivation,
        "expansion" | "upgrade" | "active upgrade" => Kind::Expansion,
        "contraction" | "downgrade" | "active downgrade" => Kind::Contraction,
        "churn" | "churned" | "active end" => Kind::Churn,
        _ => return None,
    })
}

/// Major units with or without sign, thousands and symbol; nothing is 0.
fn amount(text: &str, currency: Currency) -> Result<Mrr, String> {
    let negative = text.starts_with('(') && text.ends_with(')');
    let kept: String = text.chars().filter(|one| one.is_ascii_digit() || matches!(one, '.' | '-')).collect();
    let strange = text.chars().find(|one| one.is_ascii_alphabetic());
    if kept.is_empty() && strange.is_none() {
        return Ok(Mrr::ZERO);
    }
    let major: Decimal = match strange {
        None => kept.parse().map_err(|_| format!("{text:?} is no amount"))?,
        Some(_) => return Err(format!("{text:?} is no amount")),
    };
    // Decimals hold twelve places, the ledger six of a minor unit.
    let scale = Decimal::ONE_UNITS / Mrr::MINOR;
    let units = major.units().checked_mul(minor_units(currency)).ok_or_else(|| format!("{text} is too large"))? / scale;
    Ok(Mrr(if negative { -units } else { units }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let export = read(text, None).unwrap();
        let one = |((customer, currency, place), said): (&Key, &Said)| {
            let place = match place {
                ExportPeriod::Month(month) => month.to_string(),
                ExportPeriod::Day(day) => day.to_string(),
            };
            let kind = said.kind.map(|kind| format!(" {}", kind.as_str())).unwrap_or_default();
            format!("{customer} {place} {} {currency}{kind}", said.amount)
        };
        export.said.iter().map(one).collect()
    }

    #[test]
    fn months_as_columns_are_read_whatever_stands_beside_them() {
        let text = "Customer,Customer Email,Customer ID,Start Date,End Date,Currency,2026-01,2026-02\r\n\
                    \"Doe, Jane \"\"JD\"\"\",j@example.com,cus_1,2026-01-03,,usd,20.00,\"1,035.50\"\r\n\
                    Ltd,l@example.com,cus_2,2026-01-03,2026-02-10,JPY,1000,0\r\n";
        assert_eq!(
            told(text),
            ["cus_1 2026-01 2000 usd", "cus_1 2026-02 103550 usd", "cus_2 2026-01 1000 jpy", "cus_2 2026-02 0 jpy"]
        );
    }

    #[test]
    fn a_row_for_each_month_is_read_and_subscriptions_of_one_customer_add_up() {
        let text = "customer_id,month,mrr,currency\ncus_1,2026-01-31,20,usd\ncus_1,Jan 2026,$5.25,usd\n";
        assert_eq!(told(text), ["cus_1 2026-01 2525 usd"]);
    }

    #[test]
    fn changes_are_read_with_their_kind_where_there_is_one() {
        let text = "Date,Customer ID,Event Type,MRR Change,Currency\n\
                    2026-01-03 10:20:30,cus_1,New,20.00,usd\n\
                    2026-02-03T00:00:00Z,cus_1,Churn,(20.00),usd\n\
                    2026-03-03,cus_2,Upgrade,-1.5,usd\n2026-03-03,cus_2,New,3,usd\n";
        assert_eq!(
            told(text),
            ["cus_1 2026-01-03 2000 usd new", "cus_1 2026-02-03 -2000 usd churn", "cus_2 2026-03-03 150 usd"]
        );
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let said = |text: &str| read(text, None).unwrap_err().to_string();
        assert!(said("name,email\n").contains("names \"name\", \"email\""));
        assert!(said("name,email\n").contains("\"Customer ID\""));
        assert_eq!(said("Customer ID,2026-01\n"), BadExport::Empty.to_string());
        assert!(said("Customer ID,2026-01\ncus_1,20\n").starts_with("line 2 names no currency"));
        assert_eq!(said("Customer ID,Currency,2026-01\ncus_1,usd,twenty\n"), "line 2: \"twenty\" is no amount");
        assert_eq!(said("Customer ID,Currency,2026-01\n,usd,20\n"), "line 2: it names no customer");
        assert_eq!(
            said("Customer ID,Date,MRR change,Currency\n\"cus\n1\",2026-01-01,1,usd\ncus_2,today,1,usd\n"),
            "line 4: \"today\" is no day"
        );
        let one = read("Customer ID,2026-01\ncus_1,20\n", "eur".parse().ok()).unwrap();
        assert_eq!(one.said.len(), 1);
    }
}
