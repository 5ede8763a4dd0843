//! What an event is, apart from how it is read and where it is kept: no I/O, no SQL, no shapes of Stripe's. The wire makes these,
//! the log keeps them.

pub mod codec;
pub mod naming;
mod pointer;
mod seq;

use std::sync::Arc;

pub use self::{
    pointer::Pointer,
    seq::{Seq, SeqRange},
};
use crate::ledger::{
    fact::Fact,
    ids::{AccountId, CustomerId, EventId},
    time::UnixTime,
};

/// Where an event came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Posted by Stripe to the webhook route.
    Webhook,
    /// Read from a file of events.
    Replay,
    /// An answer of Stripe's API.
    Api,
}

impl Source {
    /// Every way there is.
    pub const ALL: [Self; 3] = [Self::Webhook, Self::Replay, Self::Api];

    /// By the name that the log has for it; `None` where it is none.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }

    /// As the log names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Replay => "replay",
            Self::Api => "api",
        }
    }
}

/// What the normaliser made of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// At least one fact, in the order in which the event tells them.
    Facts(Vec<Fact>),
    /// A type mrrd doesn't read.
    Ignored,
    /// A thin event: its object is fetched later. Holds `snapshot_event` and the related object's id, where named.
    Thin(String),
    /// A type mrrd reads, without a fact; the reason, free of personal data.
    Unreadable(String),
}

impl Reading {
    /// Which of the four it is.
    pub fn read_as(&self) -> ReadAs {
        match self {
            Self::Facts(_) => ReadAs::Facts,
            Self::Ignored => ReadAs::Ignored,
            Self::Thin(_) => ReadAs::Thin,
            Self::Unreadable(_) => ReadAs::Unreadable,
        }
    }
}

/// What became of an event when it was read, without what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadAs {
    /// At least one fact.
    Facts,
    /// A type mrrd doesn't read.
    Ignored,
    /// A type mrrd reads, without a fact.
    Unreadable,
    /// A thin event.
    Thin,
}

impl ReadAs {
    /// Everything that may become of one.
    pub const ALL: [Self; 4] = [Self::Facts, Self::Ignored, Self::Unreadable, Self::Thin];

    /// By the kind of an event's first fact, as the log keeps it: what isn't one of the other words is a fact's own.
    pub fn of_kind(kind: &str) -> Self {
        Self::ALL.into_iter().find(|one| one.as_str() == kind).unwrap_or(Self::Facts)
    }

    /// As the log and the API name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Facts => "facts",
            Self::Ignored => "ignored",
            Self::Unreadable => "unreadable",
            Self::Thin => "thin",
        }
    }
}

/// An event to append, already verified and read.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Stripe's id of it: `evt_…`, or the digest that names an answer of the API.
    pub id: EventId,
    /// Stripe's type of event: `invoice.paid`, …
    pub kind: Arc<str>,
    /// Whose: `None` for the account's own events.
    pub account: Option<AccountId>,
    /// True in live mode, false in test mode.
    pub livemode: bool,
    /// When Stripe made it, by its own `created`.
    pub created: UnixTime,
    /// The version of Stripe's API that its shape follows; `None` where it doesn't tell.
    pub api_version: Option<Arc<str>>,
    /// When it was received, by mrrd's clock.
    pub received_at: UnixTime,
    /// By which way it came here.
    pub source: Source,
    /// The body as it was received, to the byte.
    pub body: bytes::Bytes,
    /// What the normaliser made of it.
    pub reading: Reading,
}

/// An event as the log lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// Its place in the log.
    pub seq: Seq,
    /// Stripe's id of it: `evt_…`, or the digest that names an answer of the API.
    pub id: EventId,
    /// 0 for the first body seen of its id.
    pub variant: i64,
    /// Stripe's type of event: `invoice.paid`, …
    pub kind: String,
    /// The connected account; `None` for the account's own.
    pub account: Option<AccountId>,
    /// True in live mode, false in test mode.
    pub livemode: bool,
    /// When Stripe made it, by its own `created`.
    pub created: UnixTime,
    /// The version of Stripe's API that its shape follows; `None` where it doesn't tell.
    pub api_version: Option<String>,
    /// When it was received, by mrrd's clock.
    pub received_at: UnixTime,
    /// By which way it came here.
    pub source: Source,
    /// What became of it when it was read.
    pub reading: ReadAs,
    /// Why it is unreadable, or what a thin event points to.
    pub reason: Option<String>,
}

impl EventRow {
    /// When Stripe made it; `None` of an event that doesn't tell: the log has 1970 in its place (`ReadEvent::created`).
    pub fn made_at(&self) -> Option<UnixTime> {
        Some(self.created).filter(|created| *created != UnixTime(0))
    }
}

/// The unit of recomputation: one customer of one account, live or test.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomerKey {
    /// True in live mode, false in test mode.
    pub livemode: bool,
    /// `None` for the account's own.
    pub account: Option<AccountId>,
    /// The customer, by Stripe's id or the name that joins several.
    pub customer: CustomerId,
}
