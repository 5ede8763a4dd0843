//! The ledger: facts in, money out. Pure: no I/O, no clock, no async, no JSON (ARCHITECTURE.md names the enforcers).

pub mod cohorts;
pub mod fact;
pub mod ids;
pub mod knobs;
pub mod metrics;
pub mod money;
pub mod movement_id;
pub mod outcome;
pub mod pricing;
pub mod profile;
pub mod time;
pub mod timeline;

use fact::Fact;
use ids::CustomerId;
use outcome::CustomerLedger;
use profile::Profile;
use time::Zone;

/// All the log knows that can touch one customer.
#[derive(Clone, Copy, Debug)]
pub struct CustomerFacts<'a> {
    /// Whose ledger.
    pub customer: &'a CustomerId,
    /// The customer's own facts, in any order, with any repetition.
    pub facts: &'a [Fact],
    /// Facts about the prices, products and coupons its facts name, in any order.
    pub references: &'a [Fact],
}

/// Derives one customer's ledger under one profile: the same facts in any order give the same outcome (mrr.md 4).
pub fn derive(_input: CustomerFacts<'_>, _profile: &Profile, _zone: &Zone) -> CustomerLedger {
    CustomerLedger::default()
}
