//! mrrd, the MRR daemon: Stripe webhooks in, a ledger of monthly recurring revenue out. ARCHITECTURE.md is the map.

/// Who may read figures, and who may change anything.
pub mod access;
/// When churn is more than an account's own history explains.
pub mod alerts;
/// Figures as JSON.
pub mod api;
/// What runs beside requests: one loop for every task.
pub mod background;
/// The log and its records in a folder of their own, verified.
pub mod backup;
/// What one question may cost.
pub mod budget;
/// The command line.
pub mod cli;
/// The only place that reads the time.
pub mod clock;
/// What may be set, where from, and what it means.
pub mod config;
/// The daemon: what runs for which role, and its health.
pub mod daemon;
/// The page at `/`.
pub mod dashboard;
/// A simulated Stripe account that knows its own figures.
pub mod demo;
/// What an event is, between the wire and the log.
pub mod event;
/// Movements as a feed: each posted in order, with its corrections.
pub mod feeds;
/// Historical events in and out.
pub mod history;
/// Into the log: appended in groups, sealed in a chain, a month ahead.
pub mod ingest;
/// The rules of money, pure: the crate `mrrd-ledger`, which can reach no database, clock or network.
pub use mrrd_ledger as ledger;
mod https;
/// Every bound, with its why.
pub mod limits;
/// Figures as tools for assistants.
pub mod mcp;
/// Names of customers, read from bodies where they are shown.
pub mod names;
/// The month's pack: one document of a closed month.
pub mod pack;
/// The webhook route.
pub mod receiver;
/// Keeps the derived tables up with the log.
pub mod reconciler;
/// From rows to answers: bridges, lists, tables.
pub mod report;
/// The rules of money by name, as docs/rules.md has them.
pub mod rules;
/// The language of segments, and who belongs to one when.
pub mod segment;
/// Connections and requests: the accept loop and its bounds.
pub mod server;
mod spreadsheet;
/// SQL, and nothing else, behind whole operations.
pub mod store;
/// The wire: Stripe's signatures and shapes, read into facts.
pub mod stripe;
/// Log lines and metrics.
pub mod telemetry;
