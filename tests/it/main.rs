//! One binary for all integration tests, a module per area.

mod stripe;
mod support;
