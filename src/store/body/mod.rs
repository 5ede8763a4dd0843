//! The one text of statements, compiled once for each database (docs/decisions/012-two-stores-one-text.md).
//!
//! Each file here, and in the `body/` of each lifetime's folder, is compiled twice, under `sqlite/` and under `postgres/`, against
//! that folder's `dialect.rs`, which lists what statements take from it: `super::super::Database` is its database, and
//! `super::super::dialect::*` holds what the two say differently.
//! Statements use `$1`; texts, i64, bool and bytes are bound and read the same way on both. Sums are written
//! `CAST(SUM(x) AS BIGINT)`, nullable parameters `CAST($1 AS TEXT)`, truth `TRUE` and `FALSE`.

#[path = "../records/body/access.rs"]
mod access;
#[path = "../derived/body/advance.rs"]
pub(super) mod advance;
#[path = "../derived/body/ahead.rs"]
mod ahead;
#[path = "../records/body/alerts.rs"]
mod alerts;
#[path = "../log/body/anchors.rs"]
mod anchors;
#[path = "../log/body/append.rs"]
pub(super) mod append;
#[path = "../derived/body/asked.rs"]
mod asked;
#[path = "../records/body/audit_trail.rs"]
mod audit_trail;
#[path = "../records/body/closings.rs"]
mod closings;
#[path = "../derived/body/columns.rs"]
pub(super) mod columns;
#[path = "../log/body/counts.rs"]
mod counts;
#[path = "../derived/body/customer_list.rs"]
mod customer_list;
#[path = "../derived/body/daily.rs"]
mod daily;
#[path = "../derived/body/day_sums.rs"]
mod day_sums;
#[path = "../derived/body/digests.rs"]
mod digests;
#[path = "../derived/body/due.rs"]
mod due;
#[path = "../log/body/erasing.rs"]
mod erasing;
#[path = "../log/body/events.rs"]
mod events;
#[path = "../log/body/facts.rs"]
pub(super) mod facts;
#[path = "../records/body/feeds.rs"]
mod feeds;
#[path = "../derived/body/fill.rs"]
pub(super) mod fill;
#[path = "../derived/body/found.rs"]
pub(super) mod found;
#[path = "../records/body/fx.rs"]
mod fx;
#[path = "../derived/body/generations.rs"]
pub(super) mod generations;
#[path = "../records/body/goals.rs"]
mod goals;
#[path = "../derived/body/group_months.rs"]
mod group_months;
#[path = "../derived/body/group_rows.rs"]
mod group_rows;
#[path = "../derived/body/group_sums.rs"]
mod group_sums;
#[path = "../records/body/imports.rs"]
mod imports;
#[path = "../derived/body/in_order.rs"]
mod in_order;
#[path = "../derived/body/joined.rs"]
mod joined;
#[path = "../derived/body/kept_rows.rs"]
mod kept_rows;
#[path = "../derived/body/largest.rs"]
mod largest;
#[path = "../derived/body/lasting_sums.rs"]
mod lasting_sums;
#[path = "../records/body/leases.rs"]
mod leases;
#[path = "../log/body/listed.rs"]
mod listed;
#[path = "../log/body/log_columns.rs"]
pub(super) mod log_columns;
#[path = "../derived/body/loss_sums.rs"]
mod loss_sums;
#[path = "../derived/body/losses.rs"]
mod losses;
#[path = "../records/body/mark.rs"]
mod mark;
#[path = "../derived/body/movement_list.rs"]
mod movement_list;
#[path = "../derived/body/names.rs"]
mod names;
#[path = "../log/body/older.rs"]
mod older;
#[path = "../records/body/outbox.rs"]
mod outbox;
#[path = "../records/body/progress.rs"]
mod progress;
#[path = "../derived/body/quality_list.rs"]
mod quality_list;
#[path = "../derived/body/readback.rs"]
pub(super) mod readback;
pub(super) mod reader;
mod ready;
#[path = "../derived/body/recompute.rs"]
pub(super) mod recompute;
#[path = "../derived/body/replace.rs"]
pub(super) mod replace;
#[path = "../derived/body/reports.rs"]
mod reports;
#[path = "../derived/body/retention_sums.rs"]
mod retention_sums;
pub(super) mod rows;
#[path = "../log/body/seals.rs"]
mod seals;
#[path = "../records/body/segments.rs"]
mod segments;
#[path = "../derived/body/stretch.rs"]
pub(super) mod stretch;
#[path = "../derived/body/sum_columns.rs"]
mod sum_columns;
#[path = "../derived/body/sum_rows.rs"]
pub(super) mod sum_rows;
#[path = "../derived/body/sums.rs"]
pub(super) mod sums;
#[path = "../derived/body/there.rs"]
mod there;
#[path = "../derived/body/told.rs"]
pub(super) mod told;
#[path = "../derived/body/touched.rs"]
mod touched;
#[path = "../log/body/watching.rs"]
mod watching;
