//! Whether a record that answers are made of was added: counts and the greatest number, cheap to look at.

use super::super::Database;
use crate::store::{StoreError, errors::Doing};

impl Database {
    pub(in crate::store) async fn records_mark(&self) -> Result<(i64, i64, i64, i64, i64), StoreError> {
        let text = "SELECT (SELECT COUNT(*) FROM closing), (SELECT COUNT(*) FROM erasure),
                           (SELECT COALESCE(MAX(id), 0) FROM fx_import),
                           (SELECT COALESCE(MAX(id), 0) FROM import),
                           (SELECT COALESCE(MAX(id), 0) FROM segment_version)";
        sqlx::query_as(text).fetch_one(&self.log).await.doing("looking at the records beside the log")
    }
}
