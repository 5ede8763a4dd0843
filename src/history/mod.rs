//! Historical events: read from files into the log, read again by a newer normaliser, sent on to another endpoint.

pub mod documents;
pub mod files;
pub mod redeliver;
pub mod renormalise;
pub mod replay;
