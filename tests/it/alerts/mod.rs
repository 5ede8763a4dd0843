//! Alerts end to end: what fires and what mustn't, delivered by the running binary to channels of every temper.

mod account;
pub(crate) mod channels;
mod delivery;
mod episodes;
mod feeds;
mod mail;
mod rules;
mod trust;
