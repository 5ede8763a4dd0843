//! Tables of exchange rates from CSV: the European Central Bank's, and the plain `day,currency,rate`.

use csv::StringRecord;
use thiserror::Error;

use crate::{
    ledger::{
        fx::Quote,
        money::{Currency, Decimal},
        time::Day,
    },
    spreadsheet::records,
};

/// Why a file is no table of rates.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum BadTable {
    /// The first line names no columns that are known.
    #[error("its first line should be Date,USD,JPY,… (the European Central Bank's form) or day,currency,rate")]
    Heading,
    /// The first line is that of the plain form, but for a column.
    #[error("its first line names no {missing}: it has {heading}, and day,currency,rate is meant")]
    Column {
        /// The column that isn't there.
        missing: &'static str,
        /// The columns that are.
        heading: String,
    },
    /// The plain form says nothing of its base.
    #[error("day,currency,rate doesn't tell in which currency: name it with --base")]
    NoBase,
    /// A line can't be read.
    #[error("line {line}: {reason}")]
    Line {
        /// The line's number, from 1.
        line: usize,
        /// What is wrong with it, in words.
        reason: String,
    },
    /// There is not one rate.
    #[error("it has no rate")]
    Empty,
}

/// A table as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// What each of its rates says, in the file's order.
    pub quotes: Vec<Quote>,
    /// The line of each of them, from 1.
    pub lines: Vec<usize>,
    /// Whether somebody chose its currencies: the plain form holds what is wanted, the bank's all that the bank tells.
    pub chosen: bool,
}

/// Reads either form; `base` is what the plain form's rates are told in. The first bad line refuses the whole file.
pub fn read(text: &str, base: Option<Currency>) -> Result<Table, BadTable> {
    let mut lines = records(text).into_iter();
    let heading = lines.next().map(|(_, cells)| cells).unwrap_or_default();
    let names: Vec<String> = heading.iter().map(|name| name.to_ascii_lowercase()).collect();
    let place = |name: &str| names.iter().position(|one| one == name);
    let filled: Vec<_> = lines.filter(|(_, cells)| cells.iter().any(|cell| !cell.is_empty())).collect();
    // A decimal comma makes two cells of one rate, and the first of them a rate as well.
    let has_no_heading = |place: usize| heading.get(place).is_none_or(str::is_empty);
    let too_long = |(_, cells): &&(usize, StringRecord)| {
        cells.iter().enumerate().any(|(place, cell)| !cell.is_empty() && has_no_heading(place))
    };
    if let Some((line, cells)) = filled.iter().find(too_long) {
        let (cells, heading) = (cells.len(), heading.len());
        let reason =
            format!("it has {cells} cells, its heading {heading}: a rate is written with a point, such as 1.0957");
        return Err(bad(*line, reason));
    }
    let filled = filled.into_iter();
    // Neither of these is a currency, which the bank's form would have there.
    let chosen = ["currency", "rate"].into_iter().any(|name| place(name).is_some());
    let quotes = if chosen {
        let column = |missing: &'static str, found: Option<usize>| {
            found.ok_or_else(|| BadTable::Column { missing, heading: heading.iter().collect::<Vec<_>>().join(", ") })
        };
        let columns = PlainColumns {
            day: column("day", place("day").or_else(|| place("date")))?,
            currency: column("currency", place("currency"))?,
            rate: column("rate", place("rate"))?,
        };
        plain(filled, &columns, base.ok_or(BadTable::NoBase)?)?
    } else if names.first().is_some_and(|name| name == "date") {
        central_bank(filled, &heading)?
    } else {
        return Err(BadTable::Heading);
    };
    let (lines, quotes): (Vec<usize>, Vec<Quote>) = quotes.into_iter().unzip();
    if quotes.is_empty() { Err(BadTable::Empty) } else { Ok(Table { quotes, lines, chosen }) }
}

/// Where the cells of `day,currency,rate` are, in whatever order a file has them.
struct PlainColumns {
    day: usize,
    currency: usize,
    rate: usize,
}

fn plain(
    lines: impl Iterator<Item = (usize, StringRecord)>,
    columns: &PlainColumns,
    base: Currency,
) -> Result<Vec<(usize, Quote)>, BadTable> {
    let read = |(line, cells): (usize, StringRecord)| {
        let cell = |place: usize| cells.get(place).unwrap_or_default();
        let currency = cell(columns.currency).parse().map_err(|error| bad(line, error))?;
        let day = read_day(line, cell(columns.day))?;
        let rate = positive(line, cell(columns.rate))?;
        if currency == base && rate != Decimal::whole(1) {
            return Err(bad(
                line,
                format_args!("{base} is worth 1 of itself, not {rate}: does --base name the right one?"),
            ));
        }
        Ok((line, Quote { base, day, currency, rate, per_base: false }))
    };
    lines.map(read).collect()
}

/// Units of each currency for one euro, a column each; `N/A` where there was none.
fn central_bank(
    lines: impl Iterator<Item = (usize, StringRecord)>,
    heading: &StringRecord,
) -> Result<Vec<(usize, Quote)>, BadTable> {
    let base: Currency = "eur".parse().map_err(|error| bad(1, error))?;
    // The line ends in a comma.
    let columns: Vec<(usize, Currency)> = heading
        .iter()
        .enumerate()
        .skip(1)
        .filter(|(_, code)| !code.is_empty())
        .map(|(place, code)| code.parse().map(|currency| (place, currency)).map_err(|error| bad(1, error)))
        .collect::<Result<_, _>>()?;
    let mut quotes = Vec::new();
    for (line, cells) in lines {
        let day = read_day(line, cells.get(0).unwrap_or_default())?;
        for (place, currency) in &columns {
            let cell = cells.get(*place).unwrap_or_default();
            if !cell.is_empty() && !cell.eq_ignore_ascii_case("n/a") {
                let rate = positive(line, cell)?;
                quotes.push((line, Quote { base, day, currency: *currency, rate, per_base: true }));
            }
        }
    }
    Ok(quotes)
}

/// `2026-01-31`, or the daily file's `31 January 2026`.
fn read_day(line: usize, text: &str) -> Result<Day, BadTable> {
    let spelled = || jiff::civil::Date::strptime("%d %B %Y", text).ok().map(Day);
    text.parse()
        .ok()
        .or_else(spelled)
        .ok_or_else(|| bad(line, format_args!("{text:?} is not a day such as 2026-01-31")))
}

fn positive(line: usize, text: &str) -> Result<Decimal, BadTable> {
    let rate: Decimal = text.parse().map_err(|error| bad(line, error))?;
    if rate.units() > 0 { Ok(rate) } else { Err(bad(line, format_args!("a rate of {text} is no rate"))) }
}

fn bad(line: usize, reason: impl std::fmt::Display) -> BadTable {
    BadTable::Line { line, reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(table: &Table) -> Vec<String> {
        let one = |quote: &Quote| {
            let per = if quote.per_base { "per" } else { "for" };
            format!("{} {} {} {per} {}", quote.day, quote.rate, quote.currency, quote.base)
        };
        table.quotes.iter().map(one).collect()
    }

    #[test]
    fn both_forms_are_read() {
        let bank = "Date,USD,JPY,CYP,\n2026-01-31,1.0842,160.5,N/A,\n2026-01-30,1.08,,0.5,\n";
        assert_eq!(
            told(&read(bank, None).unwrap()),
            [
                "2026-01-31 1.0842 usd per eur",
                "2026-01-31 160.5 jpy per eur",
                "2026-01-30 1.08 usd per eur",
                "2026-01-30 0.5 cyp per eur"
            ]
        );
        let daily = "Date, USD, JPY, \r\n31 January 2026, 1.0842, 160.5, \r\n";
        assert_eq!(
            told(&read(daily, None).unwrap()),
            ["2026-01-31 1.0842 usd per eur", "2026-01-31 160.5 jpy per eur"]
        );
        let quoted = "\"Date\",\"USD\",\"JPY\"\r\n\"31 January 2026\",\"1.0842\",\"160.5\"\r\n";
        assert_eq!(told(&read(quoted, None).unwrap()), told(&read(daily, None).unwrap()));
        let plain = "\u{feff}day,currency,rate\n2026-01-31,USD,0.92\n\n";
        assert_eq!(told(&read(plain, "eur".parse().ok()).unwrap()), ["2026-01-31 0.92 usd for eur"]);
        let date = "Date,Currency,Rate\n2026-01-31,USD,0.92\n";
        assert_eq!(told(&read(date, "eur".parse().ok()).unwrap()), ["2026-01-31 0.92 usd for eur"]);
    }

    #[test]
    fn a_table_that_cannot_be_read_is_refused_whole() {
        for (text, complaint) in [
            ("", "first line"),
            ("a,b\n1,2\n", "first line"),
            ("currency,rate\nusd,1\n", "its first line names no day: it has currency, rate"),
            ("Date,Rate\n2026-01-31,1\n", "its first line names no currency: it has Date, Rate"),
            ("day,currency,rate\n2026-01-31,usd,1\n", "--base"),
            ("Date,USD\n2026-01-31,1\nyesterday,1\n", "line 3"),
            ("Date,USD,\n2026-01-31,1,0957,\n", "line 2: it has 4 cells, its heading 3"),
            ("Date,USD\n2026-01-31,0\n", "line 2"),
            ("Date,USD\n2026-01-31,-1\n", "line 2"),
            ("Date,USD\n2026-01-31,N/A\n", "no rate"),
            ("Date,DOLLARS\n2026-01-31,1\n", "line 1"),
        ] {
            let error = read(text, None).unwrap_err().to_string();
            assert!(error.contains(complaint), "{text:?}: {error}");
        }
        let comma = read("day,currency,rate\n2026-01-31,usd,1\n2026-11-29,usd,1,0957\n", "eur".parse().ok());
        let complaint = "line 3: it has 4 cells, its heading 3: a rate is written with a point, such as 1.0957";
        assert_eq!(comma.unwrap_err().to_string(), complaint);
        let itself = read("day,currency,rate\n2026-01-31,eur,2\n", "eur".parse().ok()).unwrap_err().to_string();
        assert_eq!(itself, "line 2: eur is worth 1 of itself, not 2: does --base name the right one?");
    }
}
