//! mrrd, the MRR daemon: Stripe webhooks in, a ledger of monthly recurring revenue out. This file is the map.

/// The only place that reads the time.
pub mod clock;
/// The rules of money, pure.
pub mod ledger;
/// SQL, and nothing else, behind whole operations.
pub mod store;
