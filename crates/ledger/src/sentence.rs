//! A sentence that names prices by their ids and amounts exactly, so that whoever shows it can put beside each price what it is
//! called, and round what is read.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{
    ids::PriceId,
    money::{Currency, Mrr},
    units::{self, Places},
};

/// A sentence in pieces. Written out plainly each price is its id, and each amount all that the ledger knows of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sentence(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Words(String),
    Price(PriceId),
    Amount(Mrr, Option<Currency>),
}

/// An amount at so many places; without a currency in minor units, which it says.
fn written(amount: Mrr, currency: Option<Currency>, places: Places) -> String {
    let rounded = match (places, currency) {
        (Places::Currency, Some(currency)) => units::grouped(&amount.to_string(), currency, places),
        _ => None,
    };
    rounded.unwrap_or_else(|| units::within(amount, currency))
}

impl Sentence {
    /// The sentence with words behind it.
    #[must_use]
    pub fn and(mut self, words: impl Into<String>) -> Self {
        self.0.push(Piece::Words(words.into()));
        self
    }

    /// The sentence with a price behind it.
    #[must_use]
    pub fn naming(mut self, price: PriceId) -> Self {
        self.0.push(Piece::Price(price));
        self
    }

    /// The sentence with an amount behind it.
    #[must_use]
    pub fn amount(mut self, amount: Mrr, currency: Option<Currency>) -> Self {
        self.0.push(Piece::Amount(amount, currency));
        self
    }

    /// The same with the currency behind the amount: `1,234.56 EUR`.
    #[must_use]
    pub fn amount_told(self, amount: Mrr, currency: Option<Currency>) -> Self {
        let code = currency.map(|currency| format!(" {}", currency.to_string().to_uppercase()));
        self.amount(amount, currency).and(code.unwrap_or_default())
    }

    /// The sentence with each price written as `shown` has it, and each amount to so many places.
    pub fn shown(&self, places: Places, shown: impl Fn(&PriceId) -> String) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Words(words) => words.clone(),
            Piece::Price(price) => shown(price),
            Piece::Amount(amount, currency) => written(*amount, *currency, places),
        };
        self.0.iter().map(piece).collect()
    }
}

impl From<String> for Sentence {
    fn from(words: String) -> Self {
        Self(vec![Piece::Words(words)])
    }
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Words(words) => f.write_str(words),
            Piece::Price(price) => write!(f, "{price}"),
            Piece::Amount(amount, currency) => f.write_str(&written(*amount, *currency, Places::All)),
        })
    }
}

impl Serialize for Sentence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
