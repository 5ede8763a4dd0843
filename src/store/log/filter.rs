//! Which events of the log a list has.

use super::prepared::clean;
use crate::{
    event::{ReadAs, Source},
    ledger::{
        ids::{AccountId, CustomerId},
        time::UnixTime,
    },
};

/// Which events to list: those that fit every field that is set.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Exactly this type, or a prefix ending in `*`.
    pub kind: Option<String>,
    /// Only events that Stripe created at or after this instant.
    pub since: Option<UnixTime>,
    /// Only events that Stripe created before this instant.
    pub until: Option<UnixTime>,
    /// Only those of which this became.
    pub reading: Option<ReadAs>,
    /// Only those that came this way.
    pub source: Option<Source>,
    /// Only those of this customer.
    pub customer: Option<CustomerId>,
    /// Only live or test ones.
    pub livemode: Option<bool>,
    /// Only this account's; `Some(None)` the account's own.
    pub account: Option<Option<AccountId>>,
}

impl EventFilter {
    /// Whether events of one source and type are found by looking at every event: nothing rarer that it asks for has an index.
    pub(in crate::store) fn scans(&self) -> bool {
        let named = self.kind.is_some() || self.source.is_some();
        named && self.customer.is_none() && self.reading.is_none_or(|reading| reading == ReadAs::Facts)
    }

    /// Whether an event of this source and type may fit.
    pub(in crate::store) fn may_be(&self, source: &str, kind: &str) -> bool {
        let is_kind = self.kind.as_deref().map(clean).is_none_or(|asked| match asked.strip_suffix('*') {
            Some(prefix) => kind.starts_with(prefix),
            None => kind == asked,
        });
        is_kind && self.source.is_none_or(|asked| source == asked.as_str())
    }
}
