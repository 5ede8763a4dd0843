//! What alerts and feeds look at, and when they tell it.

use std::time::Duration;

/// From how long without a webhook on `doctor` asks whether the endpoint is silent: a small account has quiet days.
pub const SILENT_SECONDS: i64 = 3 * 86_400;

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
