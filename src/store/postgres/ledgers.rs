//! Whole ledgers read back, a page of customers as of one instant. Its twin is in `sqlite/`.

use super::{
    Database,
    body::readback::{Group, by_account, ledgers_in, read_group},
    sql::begin_read,
};
use crate::{
    event::CustomerKey,
    ledger::outcome::CustomerLedger,
    store::{
        StoreError,
        derived::{GenerationId, ProfileLedger},
        errors::Doing,
        log::prepared::clean,
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
    let mut tx = database.derived.begin_with(begin_read()).await.doing(DOING)?;
    let ledgers = ledgers_in(&mut tx, generation, after, limit).await?;
    tx.commit().await.doing(DOING)?;
    Ok(ledgers)
}

/// The ledgers of these customers under one profile, of those who have any, in their order: as of one instant.
pub(crate) async fn read_ledgers_of(
    database: &Database,
    generation: GenerationId,
    profile: &str,
    customers: &[CustomerKey],
) -> Result<Vec<(CustomerKey, CustomerLedger)>, StoreError> {
    let (profile, groups) = (clean(profile), by_account(customers));
    let mut tx = database.derived.begin_with(begin_read()).await.doing(DOING)?;
    let mut ledgers = Vec::with_capacity(customers.len());
    for ((livemode, account), customers) in &groups {
        let group = Group { generation, profile: &profile, livemode: *livemode, account, customers };
        ledgers.extend(read_group(&mut tx, &group).await?.into_iter().map(|one| group.keyed(one)));
    }
    tx.commit().await.doing(DOING)?;
    ledgers.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(ledgers)
}
