//! The event around the object: who, what, when. Borrowed from the body; the object itself is not looked into.

use std::{borrow::Cow, sync::Arc};

use serde::Deserialize;
use thiserror::Error;

use super::json::{Obj, Oddities, Raw, Ref, shared, too_long};
use crate::ledger::{
    ids::{AccountId, EventId},
    time::UnixTime,
};

/// A verified body that is no event. Never quotes the body.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum NotAnEvent {
    /// Not UTF-8, or not JSON.
    #[error("the body is not JSON")]
    NotJson,
    /// JSON, but not an object.
    #[error("the body is JSON but not an object")]
    NotAnObject,
    /// An object of Stripe's, but not an event.
    #[error("the body is an object, but not an event: its `object` is neither event nor v2.core.event")]
    OtherObject,
    /// An event without an id.
    #[error("the event has no id that is a text")]
    NoId,
    /// An id under which nothing can be kept.
    #[error("the event's id is none of Stripe's: it is longer than 255 characters")]
    LongId,
}

impl NotAnEvent {
    /// The last part of the problem's `type`.
    pub fn slug(&self) -> &'static str {
        match self {
            Self::NotJson => "body-not-json",
            Self::NotAnObject => "body-not-an-object",
            Self::OtherObject => "body-not-an-event",
            Self::NoId => "event-without-id",
            Self::LongId => "event-with-long-id",
        }
    }
}

/// An event, as far as its envelope tells.
pub(super) struct Envelope<'a> {
    pub(super) id: EventId,
    pub(super) kind: Option<Cow<'a, str>>,
    /// `account`, else the last part of `context` (docs/wire.md 1.5).
    pub(super) account: Option<AccountId>,
    pub(super) livemode: bool,
    pub(super) created: Option<UnixTime>,
    pub(super) api_version: Option<Cow<'a, str>>,
    pub(super) content: Content<'a>,
    /// Its `object` says that it is an event.
    pub(super) named: bool,
}

/// What the event carries.
pub(super) enum Content<'a> {
    /// The object's state, and what changed.
    Snapshot { object: Option<&'a str>, previous: Option<&'a str> },
    /// Only a pointer: the twin snapshot's event id and the related object's id, where named.
    Thin { snapshot_event: Option<Arc<str>>, related: Option<Arc<str>> },
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Wire<'a> {
    #[serde(borrow)]
    id: Raw<'a>,
    #[serde(borrow)]
    object: Raw<'a>,
    #[serde(borrow, rename = "type")]
    kind: Raw<'a>,
    #[serde(borrow)]
    account: Raw<'a>,
    #[serde(borrow)]
    context: Raw<'a>,
    #[serde(borrow)]
    livemode: Raw<'a>,
    #[serde(borrow)]
    created: Raw<'a>,
    #[serde(borrow)]
    api_version: Raw<'a>,
    #[serde(borrow)]
    data: Obj<Data<'a>>,
    #[serde(borrow)]
    related_object: Ref<'a>,
    #[serde(borrow)]
    snapshot_event: Ref<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Data<'a> {
    #[serde(borrow)]
    object: Raw<'a>,
    #[serde(borrow)]
    previous_attributes: Raw<'a>,
}

impl<'a> Envelope<'a> {
    /// Reads the envelope of a verified body.
    pub(super) fn read(body: &'a [u8], odd: &mut Oddities) -> Result<Self, NotAnEvent> {
        let text = std::str::from_utf8(body).map_err(|_| NotAnEvent::NotJson)?;
        let wire: Wire<'a> = match serde_json::from_str(text) {
            Ok(Obj::Is(wire)) => wire,
            Ok(_) => return Err(NotAnEvent::NotAnObject),
            Err(_) => return Err(NotAnEvent::NotJson),
        };
        let object = wire.object.string();
        let thin = match object.as_deref() {
            Some("v2.core.event") => true,
            Some("event") | None => false,
            Some(_) => return Err(NotAnEvent::OtherObject),
        };
        let id = wire.id.text().filter(|id| !id.is_empty()).ok_or(NotAnEvent::NoId)?;
        if too_long(&id) {
            return Err(NotAnEvent::LongId);
        }
        wire.id.word("event.id", odd);
        let account = wire.account.string().or_else(|| {
            let context = wire.context.string()?;
            Some(Cow::Owned(context.rsplit('/').next()?.to_owned()))
        });
        if let Some(account) = &account {
            odd.fits("event.account", account);
        }
        let content = if thin {
            Content::Thin {
                snapshot_event: wire.snapshot_event.id("snapshot_event", odd),
                related: wire.related_object.id("related_object", odd),
            }
        } else {
            let data = wire.data.get("data", odd);
            Content::Snapshot {
                object: data.and_then(|data| data.object.0),
                previous: data.and_then(|data| data.previous_attributes.0),
            }
        };
        Ok(Self {
            id: EventId::new(id),
            kind: wire.kind.string(),
            account: account.filter(|account| !account.is_empty()).map(|account| AccountId::new(shared(&account))),
            livemode: wire.livemode.flag("livemode", odd),
            created: created(wire.created, odd),
            api_version: wire.api_version.string(),
            content,
            named: object.is_some(),
        })
    }
}

/// Unix seconds, or the ISO instant of a thin event.
fn created(raw: Raw<'_>, odd: &mut Oddities) -> Option<UnixTime> {
    match raw.string() {
        Some(text) => match text.parse::<jiff::Timestamp>() {
            Ok(at) => Some(UnixTime(at.as_second())),
            Err(_) => {
                odd.note("created");
                None
            }
        },
        None => raw.time("created", odd),
    }
}
