//! A generation has no indices of its own here: none can be made beside those who write its table. Its twin in `sqlite/` has.

use super::{Database, driver::Connection};
use crate::store::{StoreError, derived::generation::GenerationId};

/// Nothing: all generations share their indices here.
pub(crate) fn by_own_index(_index: &str, _generation: GenerationId) -> &'static str {
    ""
}

/// Nothing to make.
pub(crate) async fn make_indices(_database: &Database, _generation: GenerationId) -> Result<(), StoreError> {
    Ok(())
}

/// Nothing to make.
pub(crate) async fn make_indices_within(
    _connection: &mut Connection,
    _generation: GenerationId,
) -> Result<(), StoreError> {
    Ok(())
}

/// Nothing to drop.
pub(crate) async fn drop_indices(_connection: &mut Connection, _generation: GenerationId) -> Result<(), StoreError> {
    Ok(())
}
