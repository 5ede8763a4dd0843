//! One binary for all integration tests, a module per area.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "in a test, that is a failure said plainly")]

mod alerts;
mod api;
mod cases;
mod dashboard;
mod documents;
mod e2e;
mod faults;
mod history;
mod metrics;
mod operating;
mod oracle;
mod postgres;
mod reconciler;
mod serving;
mod store;
mod stripe;
mod support;
