//! One binary for all integration tests, a module per area.

mod metrics;
mod store;
mod stripe;
mod support;
