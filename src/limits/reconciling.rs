//! How the ledger is brought up with the log.

use std::time::Duration;

/// How long the reconciler rests when nobody wakes it: what another process appended is seen within this time. A look costs
/// some fifteen short questions.
pub const RECONCILER_INTERVAL: Duration = Duration::from_millis(250);

/// How long it rests after each activation: a burst of webhooks then makes one activation, not a hundred.
pub const RECONCILER_REST: Duration = Duration::from_millis(5);

/// While the log grows by so many events a second it rests as long as each step took, and for others in proportion: who takes
/// webhooks in goes first, and a customer whom several of them touch is derived once.
pub const THROTTLE_RATE: u32 = 2_500;

/// While it grows by fewer, nothing rests; …
pub const THROTTLE_FROM: u32 = 1_000;

/// … nor where the last stretch of the log held fewer: figures keep up.
pub const THROTTLE_STRETCH: i64 = 96;

/// So many times as long at most, …
pub const THROTTLE_TIMES: u32 = 3;

/// … and this: figures are later by that.
pub const THROTTLE_REST: Duration = Duration::from_millis(250);

/// The growth is counted over at least this time: of a burst that is shorter nothing waits.
pub const THROTTLE_SPAN: Duration = Duration::from_millis(250);

/// How long a lease holds without renewal, as another process counts that waits for it: at the latest then it takes over. A
/// process that was killed on the same machine is seen to be gone at once.
pub const LEASE: Duration = Duration::from_secs(10);

/// How many times in its length a lease is renewed: two renewals may be missed.
pub const LEASE_RENEWALS: u32 = 3;

/// Events looked at in one transaction of the reconciler: some tens of milliseconds.
pub const ADVANCE_EVENTS: i64 = 2_000;

/// Bodies of events that one statement reads: some hundreds of kilobytes.
pub const BODIES_READ: usize = 256;

/// Customers recomputed in one transaction: some tens of milliseconds. A row of sums that many of them share is moved once for
/// all, and a webhook waits for none of it: on SQLite the log is a file of its own, on PostgreSQL other rows.
pub const RECOMPUTE_BATCH: i64 = 256;

/// How long one transaction of the reconciler may take before the next takes half as many customers: whoever is touched waits
/// for the batch that is under way, and for that in which it is. Where a million customers' pages fit into no cache, 256 of them take
/// a second.
pub const RECOMPUTE_TIME: Duration = Duration::from_millis(200);

/// The fewest that it takes, however long they take: fewer would cost more trips than they save time.
pub const RECOMPUTE_LEAST: i64 = 16;

/// States of customers whose metadata is read at once where customers are joined: a megabyte or two of bodies.
pub const JOIN_PAGE: i64 = 512;

/// Events among which such states are looked for at once: a database may look through all of them for each page.
pub const JOIN_EVENTS: i64 = 20_000;

/// Customers whose facts are read together where a new generation is filled. A few such pages are in memory at once: some
/// megabytes of usual customers' facts each.
pub const FILL_PAGE: i64 = 32;

/// Facts about prices, products and coupons kept at hand there: some twenty megabytes.
pub const CATALOGUE_FACTS: usize = 20_000;

/// Terms that customers' facts tell held there, before they are written: some ten megabytes.
pub const TOLD_TERMS: usize = 10_000;

/// From how many rows on a transaction is written there: some five megabytes. While the first is gathered and the last is
/// written only one processor works, so it isn't more.
pub const FILL_ROWS: usize = 4_096;

/// Sums of days and groups held while a generation is filled, before they are written: some thirty megabytes. An account that
/// changes all the time has some 60,000 over three years, however many customers: each that is written moves all of them again.
pub const FILL_SUMS: usize = 150_000;

/// A ledger that is so many events behind, and more than it has seen, is filled afresh behind the one that answers: that
/// costs a tenth of reading on and recomputing customer by customer.
pub const FAR_BEHIND_EVENTS: i64 = 100_000;

/// The same where so many customers wait, and they are more than half of all that have rows. Below it whoever waits is recomputed
/// within minutes, and whoever an event of their own marks goes before them; while a generation is filled and its indices
/// are made on SQLite, it waits for these.
pub const FAR_BEHIND_CUSTOMERS: u64 = 200_000;

/// Customers held in memory at once where all of them are gone through.
pub const CUSTOMERS_PAGE: i64 = 256;

/// How long the old generation is kept after a switch where it joins customers: a request that asks it who belongs to whom is
/// over by then.
pub const GENERATION_GRACE: Duration = Duration::from_secs(2);

/// How long it is kept elsewhere: between a question's finding which generation answers and asking it how far it is lie
/// milliseconds. Rows are read as of one instant.
pub const GENERATION_LOOKUP: Duration = Duration::from_millis(100);

/// How long a verification waits for the reconciler to move on before it leaves out the customers with events to come.
pub const VERIFY_PATIENCE: Duration = Duration::from_secs(5);
