//! How a process waits, retries and stops, and what it tells of itself.

use std::time::Duration;

/// How often what is due is sealed: the tail that a seal doesn't cover yet is this short.
pub const SEAL_INTERVAL: Duration = Duration::from_secs(10);

/// How often a database that isn't there at start is tried.
pub const DATABASE_RETRY: Duration = Duration::from_millis(500);

/// How long a scrape of `/metrics` waits for the database: under Prometheus' own ten seconds, twice where money is asked.
pub const SCRAPE_WAIT: Duration = Duration::from_secs(4);

/// Less room than this on the log's disk is worth a warning, however small the ledger: a busy hour and a journal fit.
pub const DISK_ROOM_BYTES: u64 = 1 << 30;

/// How long a command waits for the process that keeps the ledger before it answers from what there is: a killed one's lease
/// has run out by then.
pub const BRING_UP_WAIT: Duration = Duration::from_secs(15);

/// So long it says nothing of that, nor asks whether the other can go on at all: most often it is done by then.
pub const BRING_UP_SILENCE: Duration = Duration::from_secs(1);

/// How often it looks.
pub const BRING_UP_POLL: Duration = Duration::from_millis(200);

/// How long background work may take to stop: a customer's recomputation is far shorter, and losing it loses nothing.
pub const BACKGROUND_STOP: Duration = Duration::from_secs(5);

/// How often what keeps the log and its files in order looks: a log that is gone is noticed within this time.
pub const LOOK_AFTER_INTERVAL: Duration = Duration::from_secs(1);

/// Places of the log that are counted, and kept, before somebody asks: fewer are counted while who asks waits.
pub const COUNTED_AHEAD: i64 = 200_000;

/// How often the log is counted ahead of who asks for its counts.
pub const COUNT_INTERVAL: Duration = Duration::from_secs(60);

/// How soon background work that failed for want of the database is tried again.
pub const STORE_RETRY: Duration = Duration::from_millis(500);

/// How often it is said that something goes on failing in the same way.
pub const REPEATED_FAILURE: Duration = Duration::from_secs(60);

/// How often the log is looked at for names of customers where nothing says that it has moved.
pub const NAMES_INTERVAL: Duration = Duration::from_secs(10);

/// Between two looks for names, however busy the log.
pub const NAMES_REST: Duration = Duration::from_millis(200);

/// Spans that wait for the collector. A full queue drops what comes, and counts it: webhooks wait for no trace.
pub const TRACE_QUEUE: usize = 4096;

/// Spans posted together: some 600 bytes each.
pub const TRACE_BATCH: usize = 512;

/// What waits is posted so often at least, in case nothing woke the exporter.
pub const TRACE_INTERVAL: Duration = Duration::from_secs(5);

/// How long spans are gathered before they are posted together.
pub const TRACE_REST: Duration = Duration::from_secs(1);

/// How long the collector may take to answer.
pub const TRACE_WAIT: Duration = Duration::from_secs(10);

/// Of the events that a customer waited for, the last so many are told as reconciled: a backlog would fill the queue.
pub const TRACED_EVENTS: usize = 32;
