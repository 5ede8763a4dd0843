//! Whose rows may say something else than the log up to an earlier (or later) place: what lies between that place and the one
//! that the rows tell of touches few customers, and everybody else's rows say the same at both.

use super::{GenerationId, ReadDerived, digests::KeptDigest};
use crate::{
    event::{CustomerKey, Seq},
    ledger::outcome::CustomerLedger,
    store::{StoreError, database::either},
};

/// The customers touched between a place of the log and the one that a generation's rows tell of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touched {
    /// The state of the rows that this holds for.
    pub rows: RowsState,
    /// At most these have other rows, in the order of keys: some of them may have the same.
    pub customers: Vec<CustomerKey>,
}

/// What tells whether any row of the generation that answers has changed: rows change only as marks are cleared, and marks are
/// set only as the position moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowsState {
    /// The generation that questions are answered from.
    pub generation: GenerationId,
    /// The last place of the log whose customers are marked.
    pub position: Seq,
    /// How many customers are marked.
    pub waiting: i64,
}

impl ReadDerived {
    /// How the rows that answer stand: while this is the same, no row has changed. `None` while nothing answers.
    pub async fn rows_state(&self) -> Result<Option<RowsState>, StoreError> {
        either!(self.0, database => database.rows_state().await)
    }

    /// Whose rows may say something else than the log up to `seq`; `None` where these are more than `most`, where more than
    /// `events` places lie between, or where it isn't known.
    pub async fn touched(&self, seq: Seq, events: i64, most: usize) -> Result<Option<Touched>, StoreError> {
        either!(self.0, database => database.touched(seq, events, most).await)
    }

    /// These customers' rows under one profile, of those who have any, in the order of keys.
    pub async fn ledgers_of_customers(
        &self,
        generation: GenerationId,
        profile: &str,
        customers: &[CustomerKey],
    ) -> Result<Vec<(CustomerKey, CustomerLedger)>, StoreError> {
        either!(self.0, database => database.ledgers_of_customers(generation, profile, customers).await)
    }

    /// Those of `derived` that a generation's rows hold just so, by the digests kept of these, and which of `customers` are left
    /// over: of them the rows hold something else, or it isn't known what.
    pub(crate) async fn as_in_rows(
        &self,
        generation: GenerationId,
        profile: &str,
        customers: Vec<CustomerKey>,
        derived: Vec<(CustomerKey, CustomerLedger, KeptDigest)>,
    ) -> Result<(Vec<(CustomerKey, CustomerLedger, KeptDigest)>, Vec<CustomerKey>), StoreError> {
        either!(self.0, database => database.as_in_rows(generation, profile, customers, derived).await)
    }

    /// How many customers a profile's ledger has in live (or test) mode, counted no further than `most`.
    pub async fn customers_up_to(&self, profile: &str, livemode: bool, most: i64) -> Result<i64, StoreError> {
        either!(self.0, database => database.customers_up_to(profile, livemode, most).await)
    }
}
