//! Looking after the files: the log as a new connection finds it, the write-ahead log moved by time, and derived tables that
//! are damaged or gone. Its twin is in `postgres/`.

use rusqlite::{Connection, OpenFlags};

use super::{
    Database,
    derived::damage_in,
    log_file::{LogFile, Wrong},
    opening::BUSY,
};
use crate::{
    event::Seq,
    store::{
        StoreError,
        errors::{DoingDirectly, corrupt, damage_seen},
    },
};

const DOING: &str = "looking after the log";

/// The log as somebody who opens it now finds it.
pub(crate) enum Afresh {
    /// Not what was opened, and why.
    Lost(String),
    /// Its identity, and its end.
    There { log: String, last_seq: Seq },
}

/// Opens the log once more and reads its end: pages that other connections hold in memory hide what became of the file.
pub(crate) async fn look_afresh(database: &Database) -> Result<Afresh, StoreError> {
    let file = database.file.clone();
    let looking = tokio::task::spawn_blocking(move || look(&file));
    looking.await.map_err(|error| corrupt(DOING, format!("the thread that did it died: {error}")))?
}

fn look(file: &LogFile) -> Result<Afresh, StoreError> {
    let found = file.look();
    if let Err(Wrong::Gone(why)) = found {
        return Ok(Afresh::Lost(why));
    }
    let outcome = read(file, found.err()).doing_directly(DOING);
    match outcome {
        Err(StoreError::Damaged { reason, .. }) => {
            Ok(Afresh::Lost(format!("{} is damaged: {reason}; restore it from a copy", file.path().display())))
        }
        other => other,
    }
}

fn read(file: &LogFile, cut: Option<Wrong>) -> rusqlite::Result<Afresh> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file.path(), flags)?;
    connection.busy_timeout(BUSY)?;
    match cut {
        Some(Wrong::AheadShorter(why)) if !file.ahead_is_whole(&connection)? => return Ok(Afresh::Lost(why)),
        Some(Wrong::Shorter(why)) => {
            let said: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
            if said != "ok" {
                return Ok(Afresh::Lost(why));
            }
        }
        _ => {}
    }
    let asked = "SELECT (SELECT MIN(id) FROM log_identity), (SELECT COALESCE(MAX(seq), 0) FROM event)";
    let there =
        connection.query_row(asked, [], |row| Ok(Afresh::There { log: row.get(0)?, last_seq: Seq(row.get(1)?) }))?;
    file.accept_lengths();
    Ok(there)
}

/// Whether the disk takes writes: one is made.
pub(crate) async fn probe_log(database: &Database, _failing: bool) -> Result<(), StoreError> {
    // Something else each time: SQLite leaves a page alone that would stay as it is, and a full disk would pass for a well one.
    database.set_progress("writable", &format!("{:016x}", rand::random::<u64>())).await
}

/// Moves the write-ahead log into its file by time, and sees to it that there are derived tables.
pub(crate) async fn keep_files(database: &Database) -> Result<(), StoreError> {
    database.checkpoint_by_time();
    let seen = damage_seen();
    let doubtful = database.derived_files.is_doubtful(seen);
    if database.derived_files.is_moved() || (doubtful && damage_in(database.derived_files.path()).await?) {
        database.derive_afresh().await?;
    }
    if doubtful {
        database.derived_files.was_looked_at(seen);
    }
    Ok(())
}
