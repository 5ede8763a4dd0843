//! `feeds.*`: where movements are posted to, one after the other.

use super::alerting::Channel;
use crate::ledger::time::Day;

/// One feed of movements, `feeds.NAME`.
#[derive(Debug)]
pub struct Feed {
    /// Where it is posted to, and how.
    pub channel: Channel,
    /// Movements from this day on; without it from the day the feed is first seen.
    pub from: Option<Day>,
}
