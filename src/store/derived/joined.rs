//! Customers of Stripe's that are one in the ledger (`ledger.customer_key`): who belongs to whom, from which place of the
//! log on.

use crate::{
    event::{CustomerKey, Seq},
    ledger::{
        fact::{Fact, Role},
        ids::{CustomerId, EventId},
        time::UnixTime,
    },
};

/// A state of a customer as an event of the log told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerTold {
    /// The event's place in the log.
    pub seq: Seq,
    /// The customer as Stripe knows it, whatever ledger it is in.
    pub key: CustomerKey,
    /// The customer's state, as its fact tells it.
    pub fact: Fact,
    /// The event's body; `None` where it was erased.
    pub body: Option<Vec<u8>>,
}

/// What one state says of where its customer belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Belongs {
    /// The event's place in the log.
    pub seq: Seq,
    /// The customer as Stripe knows it, whatever ledger it is in.
    pub key: CustomerKey,
    /// The customer in whose ledger it is; itself where nothing joins it.
    pub ledger: CustomerId,
    /// When it was so: of two states the later one holds, whichever came first.
    pub at: UnixTime,
    /// The state's place within its second.
    pub role: Role,
    /// The event that tells it.
    pub event: EventId,
}

/// How far a generation knows who belongs to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joining {
    /// The metadata key that joins customers.
    pub customer_key: String,
    /// The last place in the log whose customers are looked at.
    pub joined_to: Seq,
}
