//! The store's promises, each kept by both databases; months are PostgreSQL's.

mod alerts;
mod appending;
mod closings;
mod derived;
mod keeping;
mod months;
mod subject;
