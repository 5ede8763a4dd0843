//! Money in an answer: an integer in minor units, and its exact decimal twin (docs/interface.md 5).

use std::fmt;

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::ledger::money::Mrr;

/// An `X_exact`: minor units as a decimal string of at most six places, exact to the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, example = "833.333333")]
pub struct Exact(pub Mrr);

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
