//! Whether the database answers.

use super::super::{Database, dialect::*};
use crate::store::{StoreError, errors::Doing};

impl Database {
    pub(in crate::store) async fn ready(&self) -> Result<(), StoreError> {
        let doing = "asking the database";
        // The tables themselves, not just a ping: a database restored halfway answers pings.
        sqlx::query("SELECT MAX(seq) FROM event").fetch_one(&self.log).await.doing(doing)?;
        sqlx::query("SELECT MAX(id) FROM generation").fetch_one(&self.derived).await.doing(doing)?;
        log_is_writable(self).await
    }

    pub(in crate::store) async fn close(&self) {
        close_direct(self);
        let pools: [&Pool; 3] = [&self.log, &self.derived, &self.derived_writer];
        for pool in pools {
            pool.close().await;
        }
        self.log_writer.close().await;
    }
}
