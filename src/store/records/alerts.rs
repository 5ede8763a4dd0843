//! Alerts and their outbox as they are kept: records beside the log, which no rebuild touches.

use crate::ledger::time::{Day, UnixTime};

/// An alert as it is written when it is raised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAlert {
    /// The same for the same episode, whoever finds it and however often.
    pub id: String,
    /// The name of the rule that raised it.
    pub rule: String,
    /// What of the rule's it is about: a movement, a currency, or nothing.
    pub subject: String,
    /// The accounting day it fires on.
    pub day: Day,
    /// When it was raised, by mrrd's clock.
    pub raised_at: UnixTime,
    /// What happened, in one line of text.
    pub headline: String,
    /// All it says, as JSON.
    pub content: String,
    /// Why nobody is told of it, in words; `None` where somebody is.
    pub silenced: Option<String>,
    /// It has no episode, and so is over at once.
    pub closed: bool,
}

/// An alert as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertRow {
    /// What was raised; headline and content are those of its latest version.
    pub alert: NewAlert,
    /// 1 as it was raised; one more with each update.
    pub version: i64,
    /// When it was last updated; `None` in the first version.
    pub updated_at: Option<UnixTime>,
    /// It turned out to be none: late events or customers who came back took it away.
    pub taken_back: bool,
    /// When its episode was seen to be over.
    pub closed_at: Option<UnixTime>,
    /// Why it is over, in words; `None` while it is open.
    pub closed_why: Option<String>,
    /// When somebody took it on.
    pub acknowledged_at: Option<UnixTime>,
    /// The name of who took it on.
    pub acknowledged_by: Option<String>,
}

/// The next version of an alert that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertUpdate {
    /// The id of the alert.
    pub id: String,
    /// The version it becomes: one more than it has.
    pub version: i64,
    /// When that was seen, by mrrd's clock.
    pub at: UnixTime,
    /// What happened, in one line of text.
    pub headline: String,
    /// All it says now, as JSON.
    pub content: String,
    /// Why nobody is told of this version.
    pub silenced: Option<String>,
}

/// How an alert's episode ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending<'a> {
    /// When it was seen to be over.
    pub at: UnixTime,
    /// Why it is over, in words.
    pub why: &'a str,
    /// It turned out to be none.
    pub taken_back: bool,
}

/// A message about an alert, for channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// `raised`, `updated`, `closed` or `test`.
    pub event: &'static str,
    /// In every form, as JSON.
    pub message: String,
    /// The names of the channels it goes to.
    pub channels: Vec<String>,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// It is tried until the channel takes it.
    Waiting,
    /// The channel took the message.
    Delivered,
    /// It was tried for a day in vain, and isn't tried any more.
    Failed,
}

impl DeliveryState {
    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    pub(in crate::store) fn named(name: &str) -> Option<Self> {
        [Self::Waiting, Self::Delivered, Self::Failed].into_iter().find(|state| state.as_str() == name)
    }
}

/// One message on its way to one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRow {
    /// Its place in the outbox.
    pub id: i64,
    /// The id of the alert it is about.
    pub alert: String,
    /// `raised`, `updated`, `closed` or `test`.
    pub event: String,
    /// Of an update: which version of the alert it tells; else 1.
    pub version: i64,
    /// The name of the channel it goes to.
    pub channel: String,
    /// What became of the message.
    pub state: DeliveryState,
    /// When it was put into the outbox.
    pub created_at: UnixTime,
    /// How often it was tried.
    pub attempts: i64,
    /// It isn't tried before this instant.
    pub next_at: UnixTime,
    /// When the channel took it; `None` while it hasn't.
    pub delivered_at: Option<UnixTime>,
    /// What was last wrong, free of secrets.
    pub last_error: Option<String>,
}

/// What an attempt came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The channel took it at this instant.
    Delivered(UnixTime),
    /// Not now: what was wrong, and when to try again.
    Later(String, UnixTime),
    /// Given up: what was wrong.
    Failed(String),
}

/// Which alerts to list; newest first.
#[derive(Clone, Debug, Default)]
pub struct AlertFilter {
    /// Only alerts of this rule.
    pub rule: Option<String>,
    /// Only open ones, or only closed ones.
    pub open: Option<bool>,
    /// Only acknowledged ones, or only the others.
    pub acknowledged: Option<bool>,
    /// Only alerts that were raised at or after this instant.
    pub since: Option<UnixTime>,
}

/// What an annotation is about, and whether it keeps alerts of its days from waking anybody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AnnotationKind {
    /// Something planned that will show in the figures: alerts of its days are kept and shown, and nobody is woken.
    #[default]
    Planned,
    /// Prices change: what follows from it is expected.
    PriceChange,
    /// A note for whoever reads a chart; it silences nothing.
    Note,
}

impl AnnotationKind {
    /// Every kind, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::Planned, Self::PriceChange, Self::Note];

    /// The word that programs and rows write.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::PriceChange => "price_change",
            Self::Note => "note",
        }
    }

    /// Reads that word; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Whether alerts of its days wake nobody.
    pub fn silences(self) -> bool {
        self != Self::Note
    }
}

/// What is drawn on every chart: a planned event, a price change or a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// Its number; 0 before it is kept.
    pub id: i64,
    /// The first accounting day it is about.
    pub first: Day,
    /// The last day, which belongs to it.
    pub last: Day,
    /// What kind of thing happens on those days.
    pub kind: AnnotationKind,
    /// The note's text, as its author wrote it.
    pub note: String,
}

/// A rule that tells nobody for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mute {
    /// The name of the rule that is muted; `all` mutes every one.
    pub rule: String,
    /// The instant from which it is told of again.
    pub until: UnixTime,
    /// Why it is muted, as its author wrote it.
    pub note: String,
}

/// How many messages of the outbox wait, and how many failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxCounts {
    /// Messages that are still tried.
    pub waiting: i64,
    /// Messages that were tried in vain and are given up.
    pub failed: i64,
}
