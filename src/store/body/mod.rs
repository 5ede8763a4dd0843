//! The one text of statements, compiled once for each database (docs/decisions/012-two-stores-one-text.md).
//!
//! Each file here is compiled twice, under `sqlite/` and under `postgres/`, against that folder's `dialect.rs`:
//! `super::super::Database` is its database and `super::super::dialect::*` holds what the two say differently.
//! Statements use `$1`; texts, i64, bool and bytes are bound and read the same way on both. Sums are written
//! `CAST(SUM(x) AS BIGINT)`, nullable parameters `CAST($1 AS TEXT)`, truth `TRUE` and `FALSE`.

mod access;
mod advance;
mod alerts;
mod anchors;
pub(super) mod append;
mod audit_trail;
mod closings;
pub(super) mod columns;
mod day_sums;
mod erasing;
mod events;
pub(super) mod facts;
mod feeds;
pub(super) mod fill;
mod found;
mod fx;
mod generations;
mod joined;
mod leases;
mod names;
mod older;
mod outbox;
mod progress;
pub(super) mod readback;
mod ready;
pub(super) mod recompute;
mod replace;
mod report_lists;
mod reports;
pub(super) mod rows;
mod seals;
mod there;
mod told;
mod watching;
