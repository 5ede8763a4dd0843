//! Historical events: read from files into the log, and sent from the log to another endpoint.

pub mod documents;
pub mod files;
pub mod redeliver;
pub mod replay;
