//! Stripe's API, read only: async-stripe's request builders over a small transport of our own that keeps the raw bytes of
//! each answer, stays under a rate budget and tries again where that helps (docs/decisions/016-stripe-client.md).

mod budget;
mod error;
pub mod lists;
mod page_gate;
mod transport;

pub use error::{ApiError, route};
pub use page_gate::GateGuard;
pub use transport::{Answer, Client, Patience, version};
