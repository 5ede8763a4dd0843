//! The file of a copy: what is in it, written row by row, read row by row, and put in the place of a log.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags, params_from_iter, types::ToSqlOutput, types::ValueRef};
use tokio::sync::mpsc;

use super::rows::{BATCH, LEFT_BEHIND, Sum, Table, Value};
use crate::store::{
    StoreError,
    errors::{DoingDirectly, blocking},
    sqlite::copied::{beside, make_private},
};

const READING: &str = "reading a copy";
const WRITING: &str = "writing a copy";
const RESTORING: &str = "restoring a copy";

/// What a copy holds, so that it can be told from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// The last step of the schema it was written with.
    pub schema: i64,
    /// The identity that the log was given when it was made.
    pub log: String,
    /// How many rows each table has.
    pub tables: BTreeMap<String, i64>,
}

fn open(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

/// Opens a copy that is finished: nobody writes to it any more, so that it is read as it lies there, from a read-only medium too, and
/// nothing is written beside it.
fn open_finished(path: &Path) -> rusqlite::Result<Connection> {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut address = "file:".to_owned();
    for byte in whole.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => address.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => address.push(char::from(*byte)),
            byte => address.extend(["%", &hex::encode([*byte])]),
        }
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    open(Path::new(&format!("{address}?immutable=1")), flags)
}

/// Tables of the copy that are restored, with their columns.
fn tables(connection: &Connection) -> rusqlite::Result<Vec<Table>> {
    let text = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
                AND name <> '_sqlx_migrations' ORDER BY name";
    let mut names = connection.prepare(text)?;
    let names = names.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
    let mut columns = connection.prepare("SELECT name FROM pragma_table_info(?) ORDER BY cid")?;
    let kept = names.into_iter().filter(|name| !LEFT_BEHIND.contains(&name.as_str()));
    kept.map(|name| {
        let columns = columns.query_map([&name], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        Ok(Table { name, columns })
    })
    .collect()
}

/// What the copy at `path` holds.
pub(super) async fn contents(path: &Path) -> Result<Contents, StoreError> {
    let path = path.to_owned();
    let read = move || {
        let connection = open_finished(&path)?;
        let mut counted = BTreeMap::new();
        for table in tables(&connection)? {
            let text = format!("SELECT COUNT(*) FROM {}", table.name);
            counted.insert(table.name, connection.query_row(&text, [], |row| row.get(0))?);
        }
        let schema = connection.query_row("SELECT MAX(version) FROM _sqlx_migrations", [], |row| row.get(0))?;
        let log = connection.query_row("SELECT MIN(id) FROM log_identity", [], |row| row.get(0))?;
        Ok(Contents { schema, log, tables: counted })
    };
    blocking(READING, move || read().doing_directly(READING)).await
}

/// Tables of the copy at `path`.
pub(super) async fn tables_of(path: &Path) -> Result<Vec<Table>, StoreError> {
    let path = path.to_owned();
    let read = move || tables(&open_finished(&path)?);
    blocking(READING, move || read().doing_directly(READING)).await
}

/// Hands the rows of a table of the copy at `path` on, some at a time.
pub(super) async fn read(path: PathBuf, table: Table, rows: mpsc::Sender<Vec<Vec<Value>>>) -> Result<(), StoreError> {
    let read = move || {
        let connection = open_finished(&path)?;
        let text = format!("SELECT {} FROM {}", table.quoted(), table.name);
        let mut statement = connection.prepare(&text)?;
        let mut found = statement.query([])?;
        let mut batch = Vec::with_capacity(BATCH);
        while let Some(row) = found.next()? {
            let values = (0..table.columns.len()).map(|place| value(row.get_ref(place)?));
            batch.push(values.collect::<rusqlite::Result<Vec<Value>>>()?);
            if batch.len() == BATCH && rows.blocking_send(std::mem::take(&mut batch)).is_err() {
                // Whoever took them has failed, and says so.
                return Ok(());
            }
        }
        let _ = rows.blocking_send(batch);
        Ok(())
    };
    blocking(READING, move || read().doing_directly(READING)).await
}

fn value(found: ValueRef<'_>) -> rusqlite::Result<Value> {
    Ok(match found {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Number(number),
        ValueRef::Text(_) => Value::Text(found.as_str()?.to_owned()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
        // No table has such a column: STRICT sees to it.
        ValueRef::Real(_) => return Err(rusqlite::types::FromSqlError::InvalidType.into()),
    })
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Number(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// Writes rows into the tables of the new file at `path` as they come, flushes it, and reads each table back: the sums.
pub(super) async fn write(
    path: PathBuf,
    tables: Vec<Table>,
    mut rows: mpsc::Receiver<(usize, Vec<Vec<Value>>)>,
) -> Result<Vec<Sum>, StoreError> {
    let write = move || {
        let mut connection = open(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        // Nothing is in it that could be lost: it is flushed once, when all is there.
        connection.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF")?;
        let tx = connection.transaction()?;
        give_way(&tx)?;
        while let Some((place, batch)) = rows.blocking_recv() {
            let Some(table) = tables.get(place) else { continue };
            let places = vec!["?"; table.columns.len()].join(", ");
            let text = format!("INSERT INTO {} ({}) VALUES ({places})", table.name, table.quoted());
            let mut insert = tx.prepare_cached(&text)?;
            for row in batch {
                insert.execute(params_from_iter(row))?;
            }
        }
        tx.commit()?;
        let sums = tables.iter().map(|table| sum(&connection, table)).collect::<rusqlite::Result<Vec<Sum>>>()?;
        Ok((path, sums))
    };
    blocking(WRITING, move || {
        let (path, sums) = write().doing_directly(WRITING)?;
        flush(&path)?;
        Ok(sums)
    })
    .await
}

/// The identity that the schema gave the new log leaves for the one that comes.
fn give_way(connection: &Connection) -> rusqlite::Result<()> {
    let trigger = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = 'log_identity_no_delete'";
    let trigger: String = connection.query_row(trigger, [], |row| row.get(0))?;
    connection.execute_batch(&format!("DROP TRIGGER log_identity_no_delete; DELETE FROM log_identity; {trigger}"))
}

fn sum(connection: &Connection, table: &Table) -> rusqlite::Result<Sum> {
    let mut statement = connection.prepare(&format!("SELECT {} FROM {}", table.quoted(), table.name))?;
    let (mut found, mut sum) = (statement.query([])?, Sum::default());
    while let Some(row) = found.next()? {
        let values = (0..table.columns.len()).map(|place| value(row.get_ref(place)?));
        sum.add(&values.collect::<rusqlite::Result<Vec<Value>>>()?);
    }
    Ok(sum)
}

/// Takes what is left behind out of the copy at `path` of a log, and flushes it.
pub(super) async fn finished(path: &Path) -> Result<(), StoreError> {
    let path = path.to_owned();
    blocking(WRITING, move || finish(&path)).await
}

/// Takes what is left behind out of the copy at `path`, so that nothing of it is in its pages either, and flushes it.
fn finish(path: &Path) -> Result<(), StoreError> {
    let clear = || {
        let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.execute_batch("PRAGMA journal_mode = OFF; PRAGMA secure_delete = ON")?;
        for table in LEFT_BEHIND {
            connection.execute(&format!("DELETE FROM {table}"), [])?;
        }
        Ok(())
    };
    clear().doing_directly(WRITING)?;
    flush(path)
}

/// Puts the copy at `path` in the place of the log at `target`, where nothing may be.
pub(super) async fn restore(path: &Path, target: &Path) -> Result<(), StoreError> {
    let (path, target) = (path.to_owned(), target.to_owned());
    blocking(RESTORING, move || {
        let derived = target.with_extension("derived.db");
        for there in [target.clone(), beside(&target, "-wal"), derived] {
            if fs::metadata(&there).is_ok() {
                return Err(StoreError::Schema(format!(
                    "{} is there already, and nothing is restored over it: name another place, or move it away",
                    there.display()
                )));
            }
        }
        make_private(&target)?;
        // Under another name until it is whole: one that is killed leaves no log.
        let part = beside(&target, ".restoring");
        let io = |error: std::io::Error| StoreError::Unavailable {
            doing: RESTORING,
            reason: format!("{}: {error}", target.display()),
        };
        // The bytes alone: whoever may read the copy, and that it may not be written, are the medium's own.
        let copied = File::open(&path).and_then(|mut from| {
            let mut to = File::options().write(true).truncate(true).open(&part)?;
            std::io::copy(&mut from, &mut to)
        });
        copied.map_err(io)?;
        flush(&part)?;
        fs::rename(&part, &target).map_err(io)?;
        flush_folder(&target)
    })
    .await
}

/// Sees to it that the file and its name are on the disk.
fn flush(path: &Path) -> Result<(), StoreError> {
    let flushed = File::options().write(true).open(path).and_then(|file| file.sync_all());
    flushed.map_err(|error| StoreError::Unavailable {
        doing: WRITING,
        reason: format!("{} can't be flushed: {error}", path.display()),
    })?;
    flush_folder(path)
}

fn flush_folder(path: &Path) -> Result<(), StoreError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let flushed = File::open(folder).and_then(|folder| folder.sync_all());
    flushed.map_err(|error| StoreError::Unavailable {
        doing: WRITING,
        reason: format!("{} can't be flushed: {error}", folder.display()),
    })
}
