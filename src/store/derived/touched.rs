//! Whose rows may say something else than the log up to an earlier (or later) place: what lies between that place and the one
//! that the rows tell of touches few customers, and everybody else's rows say the same at both.

use super::GenerationId;
use crate::event::{CustomerKey, Seq};

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
