//! What a customer's ledger is derived from.

use super::{fact::Fact, ids::CustomerId};

/// All the log knows that can touch one customer.
#[derive(Clone, Copy, Debug)]
pub struct CustomerFacts<'a> {
    /// The customer in whose ledger they are.
    pub customer: &'a CustomerId,
    /// The customer's own facts, in any order, with any repetition.
    pub facts: &'a [Fact],
    /// Facts about the prices, products and coupons its facts name, in any order.
    pub references: &'a [Fact],
}
