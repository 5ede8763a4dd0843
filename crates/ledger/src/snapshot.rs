//! A state of a subscription in its line.

use std::borrow::Cow;

use super::{
    fact::{Origin, SubscriptionState},
    ids::EventId,
    time::UnixTime,
};

/// A state a subscription was in, from `at` until the next snapshot's `at`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot<'a> {
    /// From when it holds: `event.created`, or `ended_at` for an end. Never earlier than the snapshot before.
    pub at: UnixTime,
    /// The state; borrowed from its fact unless it had to be rebuilt.
    pub state: Cow<'a, SubscriptionState>,
    /// The events that show it, in order: the first brought it, the others said the same.
    pub events: Vec<EventId>,
    /// Whether an event, an answer of the API or an invoice shows it.
    pub origin: Origin,
    /// How it came into the line.
    pub entry: Entry,
}

/// How a snapshot came into its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The state before the first thing known, rebuilt: it began on an earlier day (rule `opening-balance`).
    Opening,
    /// The state before the first thing known, rebuilt: it began on that very day.
    Start,
    /// The event tells that it was created.
    Created,
    /// Any later change of it.
    Change,
}
