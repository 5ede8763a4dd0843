//! Every bound, with its why. What a user may want to change is a setting; these are not.

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

/// A signature tolerance longer than this is warned about.
pub const LONG_TOLERANCE: Duration = Duration::from_secs(600);

/// Connections told at once that the server is full; more than these are closed without a word.
pub const REFUSALS_AT_ONCE: usize = 64;

/// How long such a connection is kept for its client to read the answer.
pub const REFUSAL_TIME: Duration = Duration::from_secs(1);

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

/// Events read from the log at once.
pub const LOG_PAGE_EVENTS: i64 = 500;

/// Around thin events, so many places of the log are looked through for what fills them in: enough for two endpoints whose
/// deliveries drift apart by hours, and read within a tenth of a second.
pub const THIN_NEIGHBOURS: i64 = 100_000;

/// Pages of thin events looked through for one answer of `/api/v1/quality`; the next page goes on there.
pub const THIN_PAGES_AT_ONCE: usize = 4;

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

/// How often what is due is sealed: the tail that a seal doesn't cover yet is this short.
pub const SEAL_INTERVAL: Duration = Duration::from_secs(10);

/// How often a database that isn't there at start is tried.
pub const DATABASE_RETRY: Duration = Duration::from_millis(500);

/// How long the reconciler rests when nobody wakes it: what another process appended is seen within this time. A look costs
/// some fifteen short questions.
pub const RECONCILER_INTERVAL: Duration = Duration::from_millis(250);

/// How long it rests after each activation: a burst of webhooks then makes one activation, not a hundred.
pub const RECONCILER_REST: Duration = Duration::from_millis(5);

/// How long a lease holds without renewal, as another process counts that waits for it: at the latest then it takes over. A
/// process that was killed on the same machine is seen to be gone at once.
pub const LEASE: Duration = Duration::from_secs(10);

/// How long a scrape of `/metrics` waits for the database: under Prometheus' own ten seconds, twice where money is asked.
pub const SCRAPE_WAIT: Duration = Duration::from_secs(4);

/// How many times in its length a lease is renewed: two renewals may be missed.
pub const LEASE_RENEWALS: u32 = 3;

/// Events looked at in one transaction of the reconciler: some tens of milliseconds.
pub const ADVANCE_EVENTS: i64 = 2_000;

/// Bodies of events that one statement reads: some hundreds of kilobytes.
pub const BODIES_READ: usize = 256;

/// Customers recomputed in one transaction: some tens of milliseconds. A row of sums that many of them share is moved once for
/// all, and a webhook waits for none of it: on SQLite the log is a file of its own, on PostgreSQL other rows.
pub const RECOMPUTE_BATCH: i64 = 256;

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

/// What one question to the API may hold in memory, as it is counted: on the largest ledgers the dearest of the dashboard's
/// questions hold a third of it.
pub const QUESTION_BYTES: usize = 512 << 20;

/// And all of them together.
pub const QUESTIONS_BYTES: usize = 1 << 30;

/// Bytes of an answer that is kept while it holds: a series by month, or by day over years; alerts tried on the past of 100,000
/// customers tell of so much.
pub const KEPT_ANSWER_BYTES: usize = 16 << 20;

/// Bytes of all answers that are kept: those of some dozens of people who look at the same pages.
pub const KEPT_ANSWERS_BYTES: usize = 32 << 20;

/// How long one may take until its answer begins. Webhooks are answered meanwhile.
pub const QUESTION_TIME: Duration = Duration::from_secs(30);

/// How long one question derives customers, to compare them or to tell what was known earlier: what is left of its time is for the
/// page under way.
pub const DERIVING_TIME: Duration = Duration::from_secs(24);

/// How long sending a long answer may take.
pub const ANSWER_TIME: Duration = Duration::from_secs(300);

/// Rows of one sheet of a workbook, which is made whole in memory; CSV has no such end.
pub const WORKBOOK_ROWS: usize = 200_000;

/// Groups times periods worked out for one series: a second or two.
pub const SERIES_STEPS: usize = 20_000_000;

/// Customers times periods looked at for metrics, some ten times each: a few seconds.
pub const METRICS_STEPS: usize = 10_000_000;

/// Questions that derive ledgers from the log side by side (`as_known_at`): each holds all customers' rows in memory.
pub const DERIVED_AT_ONCE: usize = 2;

/// Places of the log whose ledgers are kept for the next questions: a page that compares asks of two.
pub const KEPT_LEDGERS: usize = 2;

/// And how much these may hold, whole ledgers and exchanged ones each; what is larger is given to those who wait for it, and
/// not kept.
pub const KEPT_LEDGERS_BYTES: usize = 192 << 20;

/// For how long after the last question they are kept: somebody goes from page to page.
pub const KEPT_LEDGERS_TIME: Duration = Duration::from_secs(120);

/// A question about a place of the log that lies no more events from the rows that answer derives only whom these touch …
pub const EXCHANGED_EVENTS: i64 = 500_000;

/// … where these are no more customers: about as many as are derived within a second.
pub const EXCHANGED_CUSTOMERS: usize = 20_000;

/// So many of them are read and derived together, …
pub const CUSTOMERS_BESIDE: usize = 250;

/// … and so many pages of them at once: while the database reads one, another is derived.
pub const PAGES_BESIDE: usize = 2;

/// Movements and quality entries of such customers that a list is read past, before all ledgers are derived for it.
pub const EXCHANGED_ROWS: usize = 50_000;

/// Where so many subscriptions are of a status, for each customer of a page, what these pay is looked up; where more are, customers
/// are looked through in the order of what they pay.
pub const FEW_OF_A_STATUS: i64 = 200;

/// How many of a list are read at once where some of them are passed over.
pub const EXCHANGED_PAGE: i64 = 1_000;

/// How long one more of them waits for its turn; then it is answered 503.
pub const DERIVED_WAIT: Duration = Duration::from_secs(20);

/// A ledger that is so many events behind, and more than it has seen, is filled afresh behind the one that answers: that
/// costs a tenth of reading on and recomputing customer by customer.
pub const FAR_BEHIND_EVENTS: i64 = 100_000;

/// The same where so many customers wait, and they are more than half of all that have rows.
pub const FAR_BEHIND_CUSTOMERS: u64 = 20_000;

/// Customers read together whose figures change within a day of a question's cut: some megabytes of usual ones.
pub const CUSTOMERS_IN_BETWEEN: usize = 500;

/// Customers held in memory at once where all of them are gone through.
pub const CUSTOMERS_PAGE: i64 = 256;

/// How long the old generation is kept after a switch where it joins customers: a request that asks it who belongs to whom is
/// over by then.
pub const GENERATION_GRACE: Duration = Duration::from_secs(2);

/// How long it is kept elsewhere: between a question's finding which generation answers and asking it how far it is lie
/// milliseconds. Rows are read as of one instant.
pub const GENERATION_LOOKUP: Duration = Duration::from_millis(100);

/// Less room than this on the log's disk is worth a warning, however small the ledger: a busy hour and a journal fit.
pub const DISK_ROOM_BYTES: u64 = 1 << 30;

/// From how long without a webhook on `doctor` asks whether the endpoint is silent: a small account has quiet days.
pub const SILENT_SECONDS: i64 = 3 * 86_400;

/// How long a command waits for the process that keeps the ledger before it answers from what there is: a killed one's lease
/// has run out by then.
pub const BRING_UP_WAIT: Duration = Duration::from_secs(15);

/// So long it says nothing of that, nor asks whether the other can go on at all: most often it is done by then.
pub const BRING_UP_SILENCE: Duration = Duration::from_secs(1);

/// How often it looks.
pub const BRING_UP_POLL: Duration = Duration::from_millis(200);

/// How long a verification waits for the reconciler to move on before it leaves out the customers with events to come.
pub const VERIFY_PATIENCE: Duration = Duration::from_secs(5);

/// How long background work may take to stop: a customer's recomputation is far shorter, and losing it loses nothing.
pub const BACKGROUND_STOP: Duration = Duration::from_secs(5);

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

/// How long a channel may take to answer: a pager that takes longer is tried again.
pub const ALERT_ANSWER_WAIT: Duration = Duration::from_secs(10);

/// How long a whole conversation with a mail server may take.
pub const ALERT_MAIL_WAIT: Duration = Duration::from_secs(30);

/// How much of a channel's answer is read.
pub const ALERT_ANSWER_BYTES: usize = 64 * 1024;

/// Customers listed in a message; its JSON holds all of them.
pub const ALERT_CUSTOMERS_SHOWN: usize = 20;

/// How long alerts rest between two looks at the figures, at least: a burst of webhooks makes one look, not a hundred.
pub const ALERT_REST: Duration = Duration::from_millis(500);

/// And how many times as long as a look takes: on a large ledger alerts use a seventh of one core at most.
pub const ALERT_REST_FACTOR: u32 = 6;

/// How often the clock alone is reason enough to look.
pub const ALERT_INTERVAL: Duration = Duration::from_secs(30);

/// How often alerts ask whether the ledger has moved: another process may keep it.
pub const ALERT_POLL: Duration = Duration::from_secs(1);

/// How long the alerts' lease holds without renewal: after a kill the next process speaks within this time.
pub const ALERT_LEASE: Duration = Duration::from_secs(6);

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

/// How often it is renewed.
pub const ALERT_LEASE_RENEWAL: Duration = Duration::from_secs(2);

/// Days that alerts learn from: with a half-life of 60 days, what lies before weighs nothing.
pub const ALERT_HISTORY_DAYS: i32 = 730;

/// An alert of a day longer ago than this is history, for `backtest` and not for a pager: so that importing history
/// wakes nobody, and a weekend's outage hides nothing.
pub const ALERT_RECENT_DAYS: i32 = 3;

/// An alert within so many days of another of the same rule belongs to the same episode: late events may move its day.
pub const ALERT_EPISODE_DAYS: i32 = 7;

/// No episode is open for longer, as the detector has it: what lasts then has become usual.
pub const ALERT_LONGEST_EPISODE_DAYS: i32 = 28;

/// An alert that the rules no longer find, though its days still hold more than is usual, is over after so many days.
pub const ALERT_TAKE_BACK_DAYS: i32 = 5;

/// Losses of so many days are looked at twice before a spike is told from them: the window of a spike that is still news.
pub const ALERT_SECOND_LOOK_DAYS: i32 = 10;

/// Longest wait before the second look, whatever still comes in.
pub const ALERT_SECOND_LOOK_MAX_SECONDS: i64 = 60;

/// Figures that lag behind the log by more events than this are not judged yet …
pub const ALERT_LAG_EVENTS: i64 = 100;

/// … unless they have lagged for so long that waiting would hide something.
pub const ALERT_LAG_PATIENCE: Duration = Duration::from_secs(60);

/// How long an undelivered message is tried for.
pub const ALERT_DELIVERY_SECONDS: i64 = 86_400;

/// First pause between attempts to deliver, in seconds; it doubles, and is varied by a quarter.
pub const ALERT_PAUSE_SECONDS: i64 = 5;

/// Longest pause between attempts, and the longest `Retry-After` that is believed.
pub const ALERT_PAUSE_MAX_SECONDS: i64 = 3_600;

/// Messages to one channel read from the outbox at once.
pub const ALERT_DELIVERIES: i64 = 20;

/// Movements of so many last days are held against the feed whenever the ledger has moved …
pub const FEED_RECENT_DAYS: i32 = 3;

/// … and those of every day this often, …
pub const FEED_WHOLE_INTERVAL: Duration = Duration::from_secs(30);

/// For how long what a later message of the same movement replaced is kept once every feed has taken it: whoever asks from an
/// older cursor gets the later message alone. What stands is kept for ever, so the list is bounded by the ledger's movements
/// and the corrections of so many days.
pub const FEED_REPLACED_DAYS: i64 = 90;

/// … or so many times as long as that takes.
pub const FEED_WHOLE_FACTOR: u32 = 30;

/// Days ahead that scheduled churn looks.
pub const ALERT_SCHEDULED_DAYS: u16 = 30;

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

/// The newest events of the log, of which one tells how far Stripe's clock has come.
pub const NEWEST_EVENTS: i64 = 200;

/// Refusals that may be strangers' are told of an endpoint that took webhooks before once they have come in for so long with none
/// taken in between: a scanner is gone by then, and Stripe comes again after minutes.
pub const REFUSALS_IN_A_ROW_SECONDS: i64 = 600;

/// So long after the last refusal it is told: Stripe's pauses between two attempts grow to half a day.
pub const REFUSALS_TOLD_SECONDS: i64 = 86_400;

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
