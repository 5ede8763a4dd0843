//! What several areas' tests stand on.
#![allow(dead_code, reason = "each area uses its share")]

pub(crate) mod daemon;
pub(crate) mod fake_stripe;
pub(crate) mod nginx;
pub(crate) mod postgres;
pub(crate) mod sql;
mod stripe_contract;
