//! Looking after the log: as somebody who connects finds it, and whether it takes appends. Its twin is in `sqlite/`.

use super::{
    Database,
    sql::{BEGIN_WRITE, log_is_writable},
};
use crate::{
    event::Seq,
    store::{StoreError, errors::Doing},
};

const DOING: &str = "looking after the log";

/// The log as it is found.
pub(crate) enum Afresh {
    /// Not what was opened: SQLite's files only.
    #[expect(dead_code, reason = "its twin has files that can go")]
    Lost(String),
    /// Its identity, and its end.
    There { log: String, last_seq: Seq },
}

/// Reads the log's end: after a failover it may be another server's.
pub(crate) async fn look_afresh(database: &Database) -> Result<Afresh, StoreError> {
    let text = "SELECT (SELECT MIN(id) FROM log_identity), (SELECT COALESCE(MAX(seq), 0) FROM event)";
    let (log, last_seq): (String, Seq) = sqlx::query_as(text).fetch_one(&database.log).await.doing(DOING)?;
    Ok(Afresh::There { log, last_seq })
}

/// Whether an append would go through: while they fail one is begun, and taken back. A number is left out of the log by it, as
/// by any append that fails.
pub(crate) async fn probe_log(database: &Database, failing: bool) -> Result<(), StoreError> {
    if !failing {
        return log_is_writable(database).await;
    }
    let doing = "trying whether the log takes events";
    let mut tx = database.log_writer.begin_with(BEGIN_WRITE).await.doing(doing)?;
    sqlx::query(
        "INSERT INTO event (id, type, livemode, created, received_at, source, body_bytes, digest)
         VALUES ('evt_probe_of_mrrd', 'probe', FALSE, 0, 0, 'replay', 0, '')",
    )
    .execute(&mut *tx)
    .await
    .doing(doing)?;
    tx.rollback().await.doing(doing)
}

/// The server keeps its own files.
pub(crate) async fn keep_files(_database: &Database) -> Result<(), StoreError> {
    Ok(())
}
