//! The store's promises, each kept by both databases; months are PostgreSQL's.

mod access;
mod alerts;
mod appending;
mod closings;
mod derived;
mod erasing;
mod feeds;
mod imports;
mod keeping;
mod marking;
mod months;
mod subject;
