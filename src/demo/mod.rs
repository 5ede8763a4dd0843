//! A simulated Stripe account: it lives by its own rules, posts what it does as signed webhooks, and knows its own MRR.
//!
//! Nothing here asks the ledger what a figure should be: the truth comes from the simulator's own states, so that the
//! daemon can be held against it.

pub mod http;
