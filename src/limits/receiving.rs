//! What webhooks, their bodies and what they hold may be.

use std::time::Duration;

/// What a body may hold before it counts in the budget of all: nearly every event of Stripe's is smaller, and a thousand
/// connections hold 64 MiB so.
pub const BODY_ALLOWANCE: usize = 64 * 1024;

/// What the bodies that are larger may hold together beyond that. Who is crowded out is answered 503, and Stripe comes again.
pub const BODIES_BYTES: usize = 64 * 1024 * 1024;

/// How long a connection whose body is still arriving is left alone when all places are taken.
pub const BODY_GRACE: Duration = Duration::from_secs(1);

/// One of so many connections is left for others, whoever has the rest: a proxy needs nearly all, an attacker gets no more.
pub const PEER_SHARE: usize = 8;

/// Largest value of `server.max_body_bytes`: bodies are held in memory.
pub const MAX_CONFIGURABLE_BODY_BYTES: i64 = 64 * 1024 * 1024;

/// How much of a refused request's body is read and thrown away, so that the client gets to read the answer
/// before the connection closes. Beyond it the sender isn't listening anyway.
pub const REFUSED_BODY_DRAIN_BYTES: usize = 8 * 1024 * 1024;

/// How long reading that rest may take.
pub const REFUSED_BODY_DRAIN: Duration = Duration::from_secs(5);

/// Largest request head: Stripe's is under 2 KiB, a browser's with cookies under 16.
pub const HEAD_BYTES: usize = 32 * 1024;

/// How long an answer may wait for its event to be committed. Stripe gives up later than this, and sends again.
pub const COMMIT_WAIT: Duration = Duration::from_secs(15);

/// How long one commit to the log may take before the database counts as away: under [`COMMIT_WAIT`], so that its senders
/// hear so, and over what a busy disk or SQLite's other writer takes.
pub const APPEND_WAIT: Duration = Duration::from_secs(12);

/// `Retry-After` of a 503, in seconds: long enough for a restart, short beside Stripe's hours between retries.
pub const RETRY_AFTER_SECONDS: u32 = 5;

/// How long the accept loop rests after the system refuses a connection (out of descriptors): retrying at once
/// would spin.
pub const ACCEPT_REST: Duration = Duration::from_millis(100);

/// A signature tolerance longer than this is warned about.
pub const LONG_TOLERANCE: Duration = Duration::from_secs(600);

/// Connections told at once that the server is full; more than these are closed without a word.
pub const REFUSALS_AT_ONCE: usize = 64;

/// How long such a connection is kept for its client to read the answer.
pub const REFUSAL_TIME: Duration = Duration::from_secs(1);

/// So far may Stripe's clock be ahead of ours: events created by then happened, so figures hold them. A signature from
/// further ahead is refused as well.
pub const CLOCK_LEAD_SECONDS: i64 = 300;

/// An instant of something that has happened may be so far ahead of our clock: a zone mistaken, or a clock that is off.
pub const INSTANT_LEAD_SECONDS: i64 = 86_400;

/// And one of something that is set to happen so far: Stripe's own bounds are years, a coupon's months may be many.
pub const INSTANT_AHEAD_SECONDS: i64 = 100 * 365 * 86_400;

/// Longest id of Stripe's, in characters (docs/wire.md 2).
pub const ID_CHARACTERS: usize = 255;

/// And in bytes: four of them make a key that PostgreSQL's indices hold (2,704 bytes).
pub const ID_BYTES: usize = 600;

/// Longest value of metadata, in characters, as Stripe has it; and in bytes, beside two ids in a key.
pub const METADATA_CHARACTERS: usize = 500;

/// See [`METADATA_CHARACTERS`].
pub const METADATA_BYTES: usize = 1_000;

/// Refusals that may be strangers' are told of an endpoint that took webhooks before once they have come in for so long with none
/// taken in between: a scanner is gone by then, and Stripe comes again after minutes.
pub const REFUSALS_IN_A_ROW_SECONDS: i64 = 600;

/// So long after the last refusal it is told: Stripe's pauses between two attempts grow to half a day.
pub const REFUSALS_TOLD_SECONDS: i64 = 86_400;
