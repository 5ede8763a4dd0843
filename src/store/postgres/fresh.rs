//! Filling an empty generation: the rows of many customers in one transaction. Its twin is in `sqlite/`.

use super::{
    Database,
    arrays::insert_rows,
    body::{fill::DOING, generations::dropped, recompute::lives, rows::TableRows},
    sql::BEGIN_WRITE,
};
use crate::store::{StoreError, derived::GenerationId, errors::Doing, planned};

/// Writes rows of customers that `generation` has none of.
pub(crate) async fn write_fresh(
    database: &Database,
    generation: GenerationId,
    tables: Vec<TableRows>,
) -> Result<(), StoreError> {
    let mut tx = database.derived_writer.begin_with(BEGIN_WRITE).await.doing(DOING)?;
    if !lives(&mut tx, generation).await? {
        return Err(dropped());
    }
    for rows in &tables {
        insert_rows(&mut tx, rows).await.doing(DOING)?;
    }
    database.plan.pass(planned::REPLACE_BEFORE_COMMIT).await?;
    tx.commit().await.doing(DOING)
}
