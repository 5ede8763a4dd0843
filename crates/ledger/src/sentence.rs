//! A sentence that names prices by their ids, so that whoever shows it can put beside each what it is called.

use std::fmt;

use serde::{Serialize, Serializer};

use super::ids::PriceId;

/// A sentence in pieces. Written out plainly each price is its id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sentence(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Words(String),
    Price(PriceId),
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

    /// The sentence with each price written as `shown` has it.
    pub fn with_prices(&self, shown: impl Fn(&PriceId) -> String) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Words(words) => words.clone(),
            Piece::Price(price) => shown(price),
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
        })
    }
}

impl Serialize for Sentence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
