//! Whole ledgers read back, a page of customers as of one instant. Its twin is in `sqlite/`.

use super::{Database, body::readback::ledgers_in, sql::BEGIN_READ};
use crate::{
    event::CustomerKey,
    store::{
        StoreError,
        derived::{GenerationId, ProfileLedger},
        errors::Doing,
    },
};

const DOING: &str = "reading derived rows";

/// The next ledgers of a generation in the order of their keys. One transaction: a customer replaced meanwhile is seen
/// before or after, never in between.
pub(crate) async fn read_ledgers(
    database: &Database,
    generation: GenerationId,
    after: Option<(&str, &CustomerKey)>,
    limit: i64,
) -> Result<Vec<(CustomerKey, ProfileLedger)>, StoreError> {
    let mut tx = database.derived.begin_with(BEGIN_READ).await.doing(DOING)?;
    let ledgers = ledgers_in(&mut tx, generation, after, limit).await?;
    tx.commit().await.doing(DOING)?;
    Ok(ledgers)
}
