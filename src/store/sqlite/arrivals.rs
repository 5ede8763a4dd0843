//! Events that come for the first time, written without asking whether they are there. Its twin is in `postgres/`.

use std::sync::Arc;

use super::Database;
use crate::{
    event::Seq,
    store::{StoreError, log::prepared::Prepared},
};

/// Appends those of `events` at `places` whose ids the log doesn't have: the place in the log of each, or `None`. Durable
/// on return.
pub(super) async fn insert(
    database: &Database,
    events: &Arc<Vec<Prepared>>,
    places: &[usize],
) -> Result<Vec<Option<Seq>>, StoreError> {
    let seqs = database.log_writer.append(events.clone(), places.to_vec()).await?;
    database.grown(seqs.iter().flatten().count());
    Ok(seqs)
}
