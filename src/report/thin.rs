//! Thin events that nothing has filled in: their twin isn't in the log, nor their object as it was from then on.

use std::collections::HashMap;

use crate::{
    event::{EventRow, Pointer, ReadAs, Seq, SeqRange},
    ledger::{ids::EventId, time::UnixTime},
    limits,
    store::{ReadStore, StoreError, log::EventFilter},
    stripe::read,
};

/// Thin events after `after_seq` that figures would rest on and nothing has filled in, at most `limit`; and where to go on,
/// which may be before so many were found.
pub async fn unfilled(
    store: &ReadStore,
    filter: &EventFilter,
    after_seq: Seq,
    limit: usize,
) -> Result<(Vec<EventRow>, Option<Seq>), StoreError> {
    let filter = EventFilter { reading: Some(ReadAs::Thin), ..filter.clone() };
    let (mut found, mut after) = (Vec::new(), after_seq);
    for _ in 0..limits::THIN_PAGES_AT_ONCE {
        let page = store.log.events(&filter, after, limits::LOG_PAGE_EVENTS).await?;
        let Some(last) = page.last() else { return Ok((found, None)) };
        after = last.seq;
        for row in open(store, page.as_slice()).await? {
            found.push(row.clone());
            if found.len() == limit {
                return Ok((found, Some(row.seq)));
            }
        }
    }
    Ok((found, Some(after)))
}

/// Those of one page that are still open.
async fn open<'p>(store: &ReadStore, page: &'p [EventRow]) -> Result<Vec<&'p EventRow>, StoreError> {
    let matters: Vec<&EventRow> = page.iter().filter(|row| read::matters(&row.kind)).collect();
    let (Some(first), Some(last)) = (matters.first(), matters.last()) else { return Ok(Vec::new()) };
    let twins: Vec<EventId> = matters.iter().filter_map(|row| row.pointer().twin).map(EventId::from).collect();
    let twins = store.log.known_ids(&twins).await?;
    let objects: Vec<&str> = matters.iter().filter_map(|row| row.pointer().object).collect();
    let near =
        SeqRange { after: first.seq.back(limits::THIN_NEIGHBOURS), to: last.seq.forward(limits::THIN_NEIGHBOURS) };
    let told: HashMap<String, UnixTime> = store.log.last_told(&objects, near).await?.into_iter().collect();
    let filled = |row: &EventRow| {
        let Pointer { twin, object } = row.pointer();
        twin.is_some_and(|twin| twins.iter().any(|known| known.as_str() == twin))
            || object.and_then(|object| told.get(object)).is_some_and(|at| *at >= row.created)
    };
    Ok(matters.into_iter().filter(|row| !filled(row)).collect())
}
