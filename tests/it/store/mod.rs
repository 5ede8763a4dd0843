//! The store's promises, each kept by both databases.

mod appending;
mod closings;
mod derived;
mod keeping;
mod subject;
