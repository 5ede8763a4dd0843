//! The wire: what Stripe sends and answers, verified and turned into facts. Stripe's shapes end here.
//!
//! Two invariants. A signature is checked over the very bytes received, before anything is parsed. A reader never
//! fails: what it can't read is absent and noted, and where that makes money unknowable the fact says unknown, never 0.

mod before;
pub mod client;
mod correction;
mod customer;
mod discount;
pub mod envelope;
mod invoice;
mod json;
pub mod metadata;
pub mod metric_query;
pub mod minimal;
pub mod plausible;
mod price;
pub mod read;
mod schedule;
pub mod signature;
mod subscription;
