//! The derived file, which may be lost: one that is damaged is set aside and made anew, at start and while mrrd runs, and the
//! reconciler fills it again from the log.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use sqlx::sqlite::SqliteSynchronous;

use super::{
    Database,
    connections::Writers,
    derived_files::DerivedFiles,
    driver::Pool,
    indices::{has_indices, make_indices_within},
    log_file::beside,
    opening::{BUSY, DERIVED_FILE, MIGRATIONS, open_file},
    sql::BEGIN_WRITE,
};
use crate::store::{
    Options, StoreError,
    derived::generation::GenerationId,
    errors::{Doing, DoingDirectly, corrupt},
    schema,
};

const DOING: &str = "looking after the derived tables";

/// Opens the derived file, made anew where it is missing or damaged.
pub(super) async fn open(path: &Path, options: &Options) -> Result<(DerivedFiles, Pool, Writers), StoreError> {
    let opened = match open_once(path, options).await {
        Err(StoreError::Damaged { reason, .. }) => {
            set_aside(path, &reason)?;
            open_once(path, options).await?
        }
        other => other?,
    };
    Ok(opened)
}

async fn open_once(path: &Path, options: &Options) -> Result<(DerivedFiles, Pool, Writers), StoreError> {
    let files = DerivedFiles::at(path);
    let part = schema::derived_part(&MIGRATIONS);
    let (pool, writer) =
        open_file(path, SqliteSynchronous::Normal, DERIVED_FILE, options, part, Some(files.clone())).await?;
    // A file may open well and be damaged behind its first page.
    for table in ["generation", "log_reach", "dirty"] {
        let text = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
        let counted: Result<i64, _> = sqlx::query_scalar(text).fetch_one(&pool).await;
        counted.doing("opening the derived tables")?;
    }
    let writers = Writers::new(writer);
    index_current(&pool, &writers).await?;
    files.is_made();
    Ok((files, pool, writers))
}

/// Gives the generation that answers the indices of its own that it was filled without: by a build that knew fewer.
async fn index_current(pool: &Pool, writers: &Writers) -> Result<(), StoreError> {
    let text = "SELECT id FROM generation WHERE state = 'current'";
    let current: Option<GenerationId> = sqlx::query_scalar(text).fetch_optional(pool).await.doing(DOING)?;
    let Some(generation) = current else { return Ok(()) };
    if !has_indices(pool, generation).await? {
        let mut tx = writers.begin_with(BEGIN_WRITE).await.doing(DOING)?;
        make_indices_within(&mut tx, generation).await?;
        tx.commit().await.doing(DOING)?;
    }
    Ok(())
}

/// Renames the file and what lies beside it; one that was set aside before gives way.
fn set_aside(path: &Path, reason: &str) -> Result<(), StoreError> {
    for suffix in ["", "-wal", "-shm"] {
        let aside = beside(path, &format!(".damaged{suffix}"));
        match std::fs::rename(beside(path, suffix), &aside) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                // Nothing of an older one may lie beside this one.
                let _ = std::fs::remove_file(aside);
            }
            Err(error) => {
                let reason = format!("{} is damaged and can't be set aside: {error}", path.display());
                return Err(StoreError::Unavailable { doing: DOING, reason });
            }
            Ok(()) => {}
        }
    }
    tracing::error!(
        "{} was damaged ({reason}) and is set aside as {}: the ledger is built again from the log",
        path.display(),
        beside(path, ".damaged").display()
    );
    Ok(())
}

/// Whether SQLite finds the file at `path` damaged.
pub(super) async fn damage_in(path: &Path) -> Result<bool, StoreError> {
    let path = path.to_owned();
    let look = move || -> rusqlite::Result<bool> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY)?;
        let said: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        Ok(said != "ok")
    };
    let looked = tokio::task::spawn_blocking(look).await;
    let looked = looked.map_err(|error| corrupt(DOING, format!("the thread that did it died: {error}")))?;
    match looked.doing_directly(DOING) {
        Err(StoreError::Damaged { .. }) => Ok(true),
        other => other,
    }
}

impl Database {
    /// Makes a new derived file in the place of one that is damaged or gone, and has every connection go over to it.
    pub(super) async fn derive_afresh(&self) -> Result<(), StoreError> {
        // Nobody else in this process writes the old one meanwhile: whoever can't have the connection because the file can't even
        // be opened has it to oneself.
        let turn = match self.derived_writer.acquire().await.doing(DOING) {
            Err(StoreError::Damaged { .. }) => None,
            other => Some(other?),
        };
        let files = &self.derived_files;
        if files.is_moved() {
            // Removed, or another process made a new one.
            tracing::warn!("{} is another file now, or gone: going over to it", files.path().display());
        } else {
            set_aside(files.path(), "SQLite finds it malformed")?;
        }
        let (_, pool, writers) = open(files.path(), &Options { readers: 1, ..Options::default() }).await?;
        pool.close().await;
        writers.close().await;
        self.fresh.close();
        self.replacing.close();
        self.ledgers.close();
        files.replaced();
        drop(turn);
        self.remember(false).await
    }
}
