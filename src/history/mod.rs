//! Historical events: read from files or Stripe's API into the log, read again by a newer normaliser, sent on to another
//! endpoint.

pub mod answers;
pub mod attributes;
pub mod audit;
pub mod backfill;
pub mod documents;
pub mod drift;
pub mod envelopes;
pub mod erase;
pub mod export;
pub mod files;
pub mod heal;
pub mod imported;
pub mod jumps;
pub mod metrics;
pub mod objects;
pub mod rates;
mod reading;
pub mod redeliver;
pub mod refusals;
pub mod renormalise;
pub mod replay;
pub mod reread;
pub mod sheet;
pub mod spend;
pub mod tables;
mod wanted;
