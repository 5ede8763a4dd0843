//! What is read from files and from Stripe, and sent to other endpoints.

use std::time::Duration;

/// Largest single event taken from a file: what the log can hold (`log::codec`).
pub const HISTORY_EVENT_BYTES: usize = 64 << 20;

/// Largest document of several lines taken from a file: it is held in memory whole. One event a line has no such bound.
pub const HISTORY_DOCUMENT_BYTES: usize = 512 << 20;

/// Events a replay commits at once: enough that the disk's flush doesn't count, few enough that webhooks, which share
/// the write lock, wait only some tens of milliseconds.
pub const REPLAY_BATCH_EVENTS: usize = 256;

/// And the bytes of their bodies: large events mustn't make a long transaction.
pub const REPLAY_BATCH_BYTES: usize = 4 << 20;

/// Documents on the way to and from each of a replay's threads: enough that none waits for another while a batch is written.
pub const REPLAY_AHEAD: usize = 128;

/// And the bytes of all of them together.
pub const REPLAY_AHEAD_BYTES: usize = 16 << 20;

/// How long another endpoint may take to answer a redelivered event.
pub const REDELIVERY_WAIT: Duration = Duration::from_secs(30);

/// How much of its answer is read.
pub const REDELIVERY_ANSWER_BYTES: usize = 64 * 1024;

/// And how much of what that says of a refusal is told.
pub const REDELIVERY_DETAIL_CHARS: usize = 300;

/// How often one event is tried while the endpoint is away.
pub const REDELIVERY_ATTEMPTS: u32 = 5;

/// First pause between tries; it doubles.
pub const REDELIVERY_PAUSE: Duration = Duration::from_secs(1);

/// Longest pause between tries, whatever `Retry-After` says.
pub const REDELIVERY_PAUSE_MAX: Duration = Duration::from_secs(60);

/// So many refusals in a row mean a wrong address or secret, not a wrong event.
pub const REDELIVERY_REFUSALS: u32 = 10;

/// Requests a second to Stripe's API: a quarter of what a live account may make, so that the company's own systems, which
/// share that limit, never feel mrrd.
pub const STRIPE_REQUESTS_PER_SECOND: u32 = 25;

/// How long one answer of Stripe's may take, body included: its own lists of a hundred take seconds at worst.
pub const STRIPE_ANSWER_WAIT: Duration = Duration::from_secs(30);

/// The same for `mrrd doctor`, which somebody waits for.
pub const DOCTOR_WAIT: Duration = Duration::from_secs(10);

/// How often one request is made before its failure is told.
pub const STRIPE_ATTEMPTS: u32 = 8;

/// First pause between attempts; it doubles.
pub const STRIPE_PAUSE: Duration = Duration::from_millis(500);

/// Longest pause between attempts, whatever `Retry-After` says.
pub const STRIPE_PAUSE_MAX: Duration = Duration::from_secs(60);

/// How often Stripe's own metrics are asked for, where they are: they are refreshed about hourly.
pub const METRICS_AUDIT_INTERVAL: Duration = Duration::from_secs(3600);

/// Largest answer of Stripe's: a hundred events of half a megabyte.
pub const STRIPE_ANSWER_BYTES: usize = 64 << 20;

/// How much of an answer is read ahead before it is asked for: an answer that waits for its turn waits on the wire, not in
/// memory.
pub const STRIPE_READ_BYTES: usize = 64 << 10;

/// Connections kept open to Stripe.
pub const STRIPE_CONNECTIONS: usize = 8;

/// Elements on a page of Stripe's lists: the most it gives.
pub const STRIPE_PAGE: i64 = 100;

/// Stretches of time whose events are fetched side by side: at 25 requests a second and 150 ms each, four are always
/// under way; twice that keeps the budget used when Stripe is slower.
pub const BACKFILL_STRETCHES: usize = 8;

/// How far back Stripe's API lists events (docs/wire.md 2).
pub const STRIPE_EVENT_DAYS: i64 = 30;

/// How often healing looks for events that no webhook brought: long beside a webhook's usual seconds, short beside the days
/// for which Stripe tries again.
pub const HEALING_INTERVAL: Duration = Duration::from_secs(300);

/// How long healing waits for the ledger to show what it fetched before it looks at the quality list.
pub const HEALING_PATIENCE: Duration = Duration::from_secs(60);

/// So many requests of one route that Stripe refuses one after the other are the route's fault, not theirs: the others of
/// the round aren't made.
pub const REFUSALS_OF_A_ROUTE: u64 = 3;

/// How long a refusal is told when its route isn't asked any more: the daily audit asks again within this time.
pub const REFUSAL_KEPT_SECONDS: i64 = 25 * 3600;

/// Objects of thin events that were refused and are asked for again in each round; with more of them the log isn't looked
/// through further until Stripe gives some.
pub const THIN_AGAIN: usize = 2_000;

/// How often every subscription at Stripe is held against the ledger: a hundred of them cost one request.
pub const AUDIT_INTERVAL_SECONDS: i64 = 24 * 3600;

/// Events of the last minutes are looked at again by the next healing: one may appear in Stripe's list a little after a
/// younger one.
pub const HEALING_OVERLAP_SECONDS: i64 = 300;
