//! History from Stripe's API, against a stand-in with paging, limits, failures and forgetfulness like Stripe's.

mod backfill;
mod healing;
mod room;
