//! Names and e-mails of customers as they are kept beside the ledger, where they are shown at all (privacy.show_names).

use crate::{
    event::{CustomerKey, Seq},
    ledger::time::UnixTime,
};

/// What a state of a customer says of who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerNamed {
    /// The customer as Stripe knows it, whatever ledger it is in.
    pub key: CustomerKey,
    /// When it was so: of two states the later one holds, whichever came first.
    pub at: UnixTime,
    /// The event's place in the log.
    pub seq: Seq,
    /// Its name; empty where it has none.
    pub name: String,
    /// Its e-mail; empty where it has none.
    pub email: String,
}

/// What a name is sorted by, in lower case: its beginning, for an index holds no text of any length. Empty where there is none.
pub fn sorted_by(name: &str) -> String {
    name.to_lowercase().chars().take(SORTED_CHARS).collect()
}

/// Whoever's names are the same up to here is sorted by id.
const SORTED_CHARS: usize = 100;

/// What stands before the name in the key of whoever has one, in a list by name.
pub const NAMED: &str = "0";
/// The key of whoever has none: behind all others.
pub const NAMELESS: &str = "1";
