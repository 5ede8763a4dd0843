//! The store's promises, each kept by both databases.

mod alerts;
mod appending;
mod closings;
mod derived;
mod keeping;
mod subject;
