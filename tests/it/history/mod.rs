//! History from Stripe's API, against a stand-in with paging, limits, failures and forgetfulness like Stripe's.

mod account;
mod backfill;
mod commands;
mod healing;
mod past;
mod refusals;
mod room;
mod soak;
