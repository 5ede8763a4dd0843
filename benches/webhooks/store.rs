//! What a run leaves behind: bytes in the log, and the most memory the daemon ever held.

use std::path::Path;

use sqlx::{Connection, PgConnection, Row, SqliteConnection, sqlite::SqliteConnectOptions};

/// A log after the run.
pub(crate) struct Log {
    pub(crate) events: usize,
    /// As received.
    pub(crate) body_bytes: u64,
    /// Everything the log holds, indexes included.
    pub(crate) stored_bytes: u64,
}

const COUNTED: &str = "SELECT COUNT(*), CAST(COALESCE(SUM(body_bytes), 0) AS BIGINT) FROM event";

/// The log of a daemon that has ended: its file, for nothing waits beside it any more.
pub(crate) async fn sqlite_log(dir: &Path) -> Log {
    let file = dir.join("mrrd.db");
    let mut connection = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&file)).await.unwrap();
    let row = sqlx::query(COUNTED).fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    log(row.get(0), row.get(1), file.metadata().unwrap().len())
}

/// The log's tables with their indexes and what is stored aside.
pub(crate) async fn postgres_log(url: &str) -> Log {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let row = sqlx::query(COUNTED).fetch_one(&mut connection).await.unwrap();
    let sizes = "SELECT CAST(SUM(pg_total_relation_size(name::regclass)) AS BIGINT)
                 FROM unnest(ARRAY['event', 'event_body', 'fact', 'seal']) AS part
                 CROSS JOIN LATERAL (SELECT part UNION SELECT CAST(relid AS TEXT) FROM pg_partition_tree(part::regclass))
                     AS of (name)";
    let stored: i64 = sqlx::query_scalar(sizes).fetch_one(&mut connection).await.unwrap();
    log(row.get(0), row.get(1), stored.unsigned_abs())
}

fn log(events: i64, body_bytes: i64, stored_bytes: u64) -> Log {
    Log { events: usize::try_from(events).unwrap(), body_bytes: body_bytes.unsigned_abs(), stored_bytes }
}

/// The most memory a process ever held, where the system tells.
pub(crate) fn peak_memory(pid: u32) -> String {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kilobytes =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
    kilobytes.map_or("–".to_owned(), |kilobytes: u64| format!("{:.0} MB", kilobytes as f64 / 1000.0))
}
