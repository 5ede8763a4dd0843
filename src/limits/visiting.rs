//! Whoever signs in, changes something or listens.

use std::time::Duration;

/// A token shorter than this is warned about.
pub const SHORT_TOKEN_BYTES: usize = 16;

/// A token of at least this length can't be guessed: those mrrd makes have 48 characters.
pub const UNGUESSABLE_TOKEN_BYTES: usize = 32;

/// Wrong tokens from one address before it has to wait: more than anybody mistypes.
pub const WRONG_TOKENS: u32 = 10;

/// For how long they are counted, and how long it waits at most.
pub const WRONG_TOKENS_SECONDS: i64 = 300;

/// Addresses whose wrong tokens are remembered: some hundred kilobytes.
pub const WRONG_TOKEN_ADDRESSES: usize = 4_096;

/// Largest body of a request that changes something: a name, a day, a note.
pub const API_BODY_BYTES: usize = 64 * 1024;

/// Largest file of attributes that a request brings.
pub const IMPORT_BODY_BYTES: usize = 8 << 20;

/// The most lines of one import: they are written in one transaction, and webhooks wait for the same lock.
pub const IMPORT_LINES: usize = 100_000;

/// The most segments that one question holds side by side: each is a question of its own.
pub const SEGMENTS_COMPARED: usize = 8;

/// The longest name of a saved segment: it stands in addresses, commands and the heads of columns.
pub const SEGMENT_NAME_BYTES: usize = 64;

/// The longest condition of a saved segment: each question that names it reads it and holds each customer against all of it.
pub const SEGMENT_CONDITION_BYTES: usize = 4096;

/// The longest time between what was spent and the customers it is held against.
pub const SPEND_LAG_MONTHS: u16 = 24;

/// How often an import is tried again while others are recorded before it.
pub const IMPORT_TRIES: usize = 8;

/// Lines set aside that a command names one by one.
pub const IMPORT_LINES_SHOWN: usize = 20;

/// Largest of Stripe's exports that an audit takes: a line for each subscription and month of a large account.
pub const EXPORT_BODY_BYTES: usize = 32 << 20;

/// Largest sign-in form: a token and the address of a page.
pub const SIGN_IN_BODY_BYTES: usize = 16 * 1024;

/// The newest events of the log, of which one tells how far Stripe's clock has come.
pub const NEWEST_EVENTS: i64 = 200;

/// How often log and ledger are looked at for those who listen to `/api/v1/stream`: with the time to ask for what changed
/// well under the two seconds in which it is to be on screen.
pub const PULSE_INTERVAL: Duration = Duration::from_millis(400);

/// How many may listen at once: each holds a connection.
pub const LISTENERS: usize = 256;

/// How often it is looked whether who listens is still let in: a session that was ended, or a token that was revoked, hears
/// nothing any more so soon.
pub const LISTENER_DOOR: Duration = Duration::from_secs(2);

/// A sign of life for those who listen, so that no proxy ends a quiet connection.
pub const LISTENER_SIGN: Duration = Duration::from_secs(15);
