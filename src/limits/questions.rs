//! What a question may cost, and how much of an answer is kept.

use std::time::Duration;

/// Events read from the log at once.
pub const LOG_PAGE_EVENTS: i64 = 500;

/// Around thin events, so many places of the log are looked through for what fills them in: enough for two endpoints whose
/// deliveries drift apart by hours, and read within a tenth of a second.
pub const THIN_NEIGHBOURS: i64 = 100_000;

/// Pages of thin events looked through for one answer of `/api/v1/quality`; the next page goes on there.
pub const THIN_PAGES_AT_ONCE: usize = 4;

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

/// How long one more of them waits for its turn; then it is answered 503.
pub const DERIVED_WAIT: Duration = Duration::from_secs(20);

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

/// How many of a list are read at once where some of them are passed over.
pub const EXCHANGED_PAGE: i64 = 1_000;

/// Customers read together whose figures change within a day of a question's cut: some megabytes of usual ones.
pub const CUSTOMERS_IN_BETWEEN: usize = 500;

/// Customers of a cohort or in whom a text is found are few where they are fewer than so many for each customer of a page: then what these
/// pay is looked up. Where more are, customers are looked through in the order of what they pay.
pub const FEW_FOUND: i64 = 200;

/// So many are never few.
pub const MANY_FOUND: i64 = 2_000;

/// A text by which customers are sought has no more letters.
pub const SOUGHT_LETTERS: usize = 500;

/// For each customer of a page, among so many of the first in an order those of a state are looked for before all of that state are looked
/// up, or sorted; where fewer are of a state of subscriptions, all are looked up at once.
pub const MET_FOR_EACH: i64 = 200;

/// However many customers a page has, no more of the first in an order are looked at.
pub const MET_FIRST: i64 = 20_000;
