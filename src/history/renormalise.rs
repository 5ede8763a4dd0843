//! Reading the log again: what an older normaliser read is read by the present one, and its newer facts are appended.
//!
//! Nothing is rewritten: what was read before stays beside what is read now, and the newest counts.

use serde::Serialize;
use tokio::sync::watch;

use crate::{
    event::{EventRow, ReadAs, Reading, Seq},
    ledger::fact::NORMALISER,
    store::{Store, StoreError, log::ReadBy},
    stripe::read::read_again,
};

/// What reading again came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Bodies read again; the same event in two shapes is two.
    pub read: u64,
    /// Of these, without a fact before and with one now.
    pub gained: u64,
    /// With a fact before, without one now.
    pub lost: u64,
}

/// What the present normaliser reads from an event of the log.
pub(super) fn reading(event: &EventRow, body: &[u8]) -> Reading {
    read_again(body, event)
}

/// Reads again what an older normaliser read last, `progress` told after each batch. A rebuild has to follow.
///
/// Cut short, by `stop` or a kill, it has kept each batch it finished and goes on where it stood when called again. Two
/// at once do the same work twice, to the same end.
pub async fn run(
    store: &Store,
    stop: &watch::Receiver<bool>,
    mut progress: impl FnMut(Counts),
) -> Result<Counts, StoreError> {
    let mut counts = Counts::default();
    let mut seq = Seq::START;
    while !*stop.borrow() {
        let page = store.log.read_by(ReadBy::OlderThan(NORMALISER), seq).await?;
        let Some((last, _)) = page.last() else { break };
        seq = last.seq;
        let mut readings = Vec::with_capacity(page.len());
        for (event, body) in page {
            let reading = reading(&event, &body);
            let (before, now) = (event.reading == ReadAs::Facts, matches!(reading, Reading::Facts(_)));
            counts.read += 1;
            counts.gained += u64::from(now && !before);
            counts.lost += u64::from(before && !now);
            readings.push((event, reading));
        }
        store.log.append_facts(NORMALISER, &readings).await?;
        progress(counts);
    }
    Ok(counts)
}
