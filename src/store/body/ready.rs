//! Whether the database answers.

use super::super::{Database, dialect::*};
use crate::store::{StoreError, Work, errors::Doing, health::Outcome};

impl Database {
    pub(in crate::store) async fn ready(&self, work: Work) -> Result<(), StoreError> {
        let doing = "asking the database";
        // The tables themselves, not just a ping: a database restored halfway answers pings.
        sqlx::query("SELECT MAX(seq) FROM event").fetch_one(&self.log).await.doing(doing)?;
        let failed = |outcome: &Outcome| match outcome.failure() {
            Some(reason) => Err(StoreError::Unavailable { doing: "writing, when that was last tried", reason }),
            None => Ok(()),
        };
        match work {
            Work::Appending => {
                self.health.log_is_there(doing)?;
                failed(self.health.log())?;
                log_is_writable(self).await
            }
            Work::Deriving => {
                sqlx::query("SELECT MAX(id) FROM generation").fetch_one(&self.derived).await.doing(doing)?;
                failed(self.health.derived())
            }
            Work::Answering => {
                sqlx::query("SELECT MAX(id) FROM generation").fetch_one(&self.derived).await.doing(doing).map(drop)
            }
        }
    }

    pub(in crate::store) async fn close(&self) {
        close_direct(self);
        self.log.close().await;
        self.derived.close().await;
        self.derived_writer.close().await;
        self.log_writer.close().await;
    }
}
