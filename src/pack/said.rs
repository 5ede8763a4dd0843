//! What the pack says: sentences and tables whose numbers each name the answer, and the field of it, that they are.

use crate::{
    ledger::money::Currency,
    report::{
        metrics::Metric,
        money::Exact,
        terminal::{percent, ratio},
        units::{Places, grouped},
    },
};

/// A number and where it is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) text: String,
    /// A route of the API with its query, and after `#` the place in the answer (RFC 6901); of a difference both places, as
    /// `#/a&less=/b`, of a growth `#/a&over=/b`.
    pub(super) source: String,
}

/// A part of a sentence, or a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    Number(Number),
    /// Words that lead to a page.
    Page {
        text: String,
        path: String,
    },
}

impl From<&str> for Piece {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Piece {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Number> for Piece {
    fn from(number: Number) -> Self {
        Self::Number(number)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Said(pub(super) Vec<Piece>);

impl Said {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Goes on with words or a number.
    pub(super) fn and(mut self, piece: impl Into<Piece>) -> Self {
        self.0.push(piece.into());
        self
    }
}

/// A row of a table that people read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// A sum, or where something stands.
    pub(super) strong: bool,
    /// Below another, as a part of it.
    pub(super) inner: bool,
    /// As many as there are columns.
    pub(super) cells: Vec<Piece>,
}

impl Row {
    pub(super) fn of(cells: Vec<Piece>) -> Self {
        Self { strong: false, inner: false, cells }
    }

    /// One that stands out.
    pub(super) fn strong(cells: Vec<Piece>) -> Self {
        Self { strong: true, ..Self::of(cells) }
    }

    /// A part of the row above.
    pub(super) fn inner(cells: Vec<Piece>) -> Self {
        Self { inner: true, ..Self::of(cells) }
    }
}

/// A table that people read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    /// What it is, with its currency.
    pub(super) caption: String,
    /// Headings; words in the first `words` columns, numbers in the others.
    pub(super) columns: Vec<String>,
    /// So many columns hold words.
    pub(super) words: usize,
    pub(super) rows: Vec<Row>,
}

/// What a section holds, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// A heading within the section: a currency.
    Heading(String),
    /// Sentences that make a paragraph.
    Said(Vec<Said>),
    /// A drawing, as SVG, and what it shows in words.
    Chart(String),
    Table(Shown),
    /// Small print below a table.
    Note(String),
}

/// A section of the pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Section {
    /// The name that links to it use.
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    /// The page of the dashboard that shows the same.
    pub(super) page: String,
    pub(super) blocks: Vec<Block>,
}

/// An answer of the API, whose numbers link to their places in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answered<T> {
    pub(super) answer: T,
    /// The route and query that give it.
    pub(super) path: String,
}

impl<T> Answered<T> {
    fn number(&self, text: String, place: &str) -> Number {
        Number { text, source: format!("{}#{place}", self.path) }
    }

    /// An amount of `currency`, at this place of the answer.
    pub(super) fn amount(&self, amount: Exact, currency: Currency, place: &str) -> Number {
        self.number(shown(amount, currency), place)
    }

    /// What the amount is more than another of the same answer: `+12.00`.
    pub(super) fn change(
        &self,
        (amount, place): (Exact, &str),
        (before, other): (Exact, &str),
        currency: Currency,
    ) -> Number {
        let change = amount.0.checked_sub(before.0).map(Exact);
        let text = change.map_or_else(|| "out of range".to_owned(), |change| signed(shown(change, currency)));
        self.number(text, &format!("{place}&less={other}"))
    }

    /// The same in per cent of the other; none where that is 0.
    pub(super) fn growth(&self, (amount, place): (Exact, &str), (before, other): (Exact, &str)) -> Option<Number> {
        let grown = crate::ledger::metrics::mrr_share(amount.0.checked_sub(before.0)?, before.0).value?;
        Some(self.number(signed(percent(&grown)?), &format!("{place}&over={other}")))
    }

    /// A whole number at this place.
    pub(super) fn count(&self, count: impl ToString, place: &str) -> Number {
        self.number(count.to_string(), place)
    }

    /// A share of a whole at this place; the reason why there is none.
    pub(super) fn share(&self, metric: &Metric, place: &str) -> Piece {
        match metric.value.as_deref().and_then(percent) {
            Some(text) => self.number(text, &format!("{place}/value")).into(),
            None => "–".into(),
        }
    }

    /// A metric that is an amount.
    pub(super) fn money(&self, metric: &Metric, currency: Currency, place: &str) -> Piece {
        match metric.value.as_deref().and_then(|text| grouped(text, currency, Places::Currency)) {
            Some(text) => self.number(text, &format!("{place}/value")).into(),
            None => "–".into(),
        }
    }

    /// A metric that is a ratio, with two places; a count as it is.
    pub(super) fn ratio(&self, metric: &Metric, place: &str) -> Piece {
        match metric.value.as_deref() {
            Some(text) => {
                let whole = text.bytes().all(|digit| digit.is_ascii_digit());
                let shown = ratio(text).filter(|_| !whole).unwrap_or_else(|| text.to_owned());
                self.number(shown, &format!("{place}/value")).into()
            }
            None => "–".into(),
        }
    }
}

/// `1,234.56`
pub(super) fn shown(amount: Exact, currency: Currency) -> String {
    grouped(&amount.to_string(), currency, Places::Currency).unwrap_or_else(|| format!("{amount} minor units"))
}

fn signed(text: String) -> String {
    let nothing = text.chars().all(|c| !c.is_ascii_digit() || c == '0');
    if text.starts_with('-') || nothing { text } else { format!("+{text}") }
}

/// `USD`
pub(super) fn code(currency: Currency) -> String {
    currency.as_str().to_uppercase()
}
