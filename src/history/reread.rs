//! Holding the facts in the log against the bodies they were read from: figures rest on facts, and the seals cover bodies.

use tokio::sync::watch;

use super::renormalise::reading;
use crate::{
    event::Seq,
    ledger::fact::NORMALISER,
    store::{Store, StoreError, log::ReadBy},
};

/// What reading the log again found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reread {
    /// Events read again. Those that an older normaliser read last aren't among them, nor those erased.
    pub events: u64,
    /// The first whose facts are not what its body says.
    pub first_difference: Option<String>,
}

/// Reads every body again that the present normaliser read, `progress` told after each batch. Writes nothing.
pub async fn run(
    store: &Store,
    stop: &watch::Receiver<bool>,
    mut progress: impl FnMut(u64),
) -> Result<Reread, StoreError> {
    let mut found = Reread::default();
    let mut seq = Seq::START;
    while !*stop.borrow() && found.first_difference.is_none() {
        let page = store.log.read_by(ReadBy::Version(NORMALISER), seq).await?;
        let readings: Vec<_> = page
            .into_iter()
            .map(|(event, body)| {
                let reading = reading(&event, &body);
                (event, reading)
            })
            .collect();
        let Some((last, _)) = readings.last() else { break };
        found.first_difference = store.log.misread(NORMALISER, seq, &readings).await?;
        found.events += readings.len() as u64;
        seq = last.seq;
        progress(found.events);
    }
    Ok(found)
}
