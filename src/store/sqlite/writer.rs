//! The thread that appends to the log: SQLite by its own interface, so that a whole group is one trip to it and not one
//! for each statement. All else that writes the log takes turns with it.

use std::{
    ops::{Deref, DerefMut},
    path::Path,
    sync::{Arc, LazyLock, mpsc},
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, params};
use tokio::{
    runtime::Handle,
    sync::{Mutex, MutexGuard, OwnedMutexGuard, oneshot},
};

use super::{
    body::{append::DOING, log_columns},
    connections::{Transaction as Driven, Writers},
    driver::Pool,
    log_file::{LogFile, Wrong},
    opening::BUSY,
};
use crate::{
    event::Seq,
    store::{
        StoreError,
        errors::DoingDirectly,
        health::Health,
        log::prepared::{Prepared, cleaned},
        planned::{self, Plan},
    },
};

static INSERT_EVENT: LazyLock<String> =
    LazyLock::new(|| format!("{} ON CONFLICT DO NOTHING", insertion("event", log_columns::EVENT)));
static INSERT_BODY: LazyLock<String> = LazyLock::new(|| insertion("event_body", log_columns::EVENT_BODY));
static INSERT_FACT: LazyLock<String> = LazyLock::new(|| insertion("fact", log_columns::FACT));

/// The statement that adds one row.
fn insertion(table: &str, columns: &str) -> String {
    let values = vec!["?"; columns.split(',').count()].join(", ");
    format!("INSERT INTO {table} ({columns}) VALUES ({values})")
}

/// Everything that writes the log: one connection of the driver, one thread of ours, one turn between them.
#[derive(Clone, Debug)]
pub(super) struct LogWriter {
    driver: Writers,
    thread: mpsc::Sender<Ask>,
    file: LogFile,
    health: Health,
    /// SQLite makes whoever finds the file locked sleep and try again; under load nobody would ever get in between.
    turn: Arc<Mutex<()>>,
}

/// Events of which those at `places` may be new.
#[derive(Debug)]
struct Group {
    events: Arc<Vec<Prepared>>,
    places: Vec<usize>,
}

type Answer = oneshot::Sender<Result<Vec<Option<Seq>>, StoreError>>;

#[derive(Debug)]
enum Ask {
    /// With the turn, which ends when the thread is done: whoever waited too long and gave up must not make room for the
    /// next group while the disk still holds this one.
    Append(Group, Answer, OwnedMutexGuard<()>),
    Close(oneshot::Sender<()>),
}

impl LogWriter {
    /// Starts the thread on the log at `path`, which `pool` has opened and migrated.
    pub(super) fn start(file: LogFile, pool: Pool, plan: Plan, health: Health) -> Result<Self, StoreError> {
        let connection = Some(open_to_append(file.path()).doing_directly(DOING)?);
        let (thread, asked) = mpsc::channel();
        let (appending, told) = (Appending { file: file.clone(), plan, runtime: Handle::current() }, health.clone());
        let body = move || serve(&appending, connection, &asked, &told);
        thread::Builder::new().name("mrrd-log".into()).spawn(body).map_err(|error| StoreError::Unavailable {
            doing: "starting the thread that writes the log",
            reason: error.to_string(),
        })?;
        Ok(Self { driver: Writers::new(pool), thread, file, health, turn: Arc::default() })
    }

    /// Until this is dropped nobody in this process writes the log.
    pub(super) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Begins a transaction of the driver's, once it is its turn.
    pub(super) async fn begin_with(&self, begin: &'static str) -> Result<Turn<'_>, sqlx::Error> {
        let turn = self.turn().await;
        // What is written into a log that is gone is gone with it.
        let doing = "writing the log";
        let there = self.health.log_is_there(doing).and_then(|()| is_there(&self.file, None, doing));
        there.map_err(|error| sqlx::Error::Io(std::io::Error::other(error.to_string())))?;
        Ok(Turn { tx: self.driver.begin_with(begin).await?, _turn: turn })
    }

    /// Appends those of `events` at `places` whose ids the log doesn't have: the place in the log of each, or `None`.
    /// Durable on return; of what is given up before its commit nothing stays.
    pub(super) async fn append(
        &self,
        events: Arc<Vec<Prepared>>,
        places: Vec<usize>,
    ) -> Result<Vec<Option<Seq>>, StoreError> {
        let turn = self.turn.clone().lock_owned().await;
        let (answer, answered) = oneshot::channel();
        let closed = || StoreError::Unavailable { doing: DOING, reason: "the log is closed".into() };
        self.thread.send(Ask::Append(Group { events, places }, answer, turn)).map_err(|_| closed())?;
        answered.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Closes both connections, once what is under way is done.
    pub(super) async fn close(&self) {
        let (answer, closed) = oneshot::channel();
        if self.thread.send(Ask::Close(answer)).is_ok() {
            // An error says that the thread is gone, which is what was asked for.
            drop(closed.await);
        }
        self.driver.close().await;
    }
}

/// A transaction that writes the log; nobody else does meanwhile.
pub(crate) struct Turn<'w> {
    tx: Driven,
    _turn: MutexGuard<'w, ()>,
}

impl Turn<'_> {
    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        self.tx.commit().await
    }

    /// Leaves everything as it was.
    pub(super) async fn rollback(self) -> Result<(), sqlx::Error> {
        self.tx.rollback().await
    }
}

impl Deref for Turn<'_> {
    type Target = sqlx::SqliteConnection;

    fn deref(&self) -> &Self::Target {
        &self.tx
    }
}

impl DerefMut for Turn<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.tx
    }
}

/// Opens the log, which is there and migrated.
pub(super) fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // SQLite opens what lies beside the file when it is first read.
    connection.query_row("SELECT COUNT(*) FROM log_identity", [], |row| row.get::<_, i64>(0))?;
    Ok(connection)
}

/// The same, to append. Bodies and facts are written under the place that their event was given a moment ago in the same
/// transaction: looking for it once more, for each of them, would find nothing.
fn open_to_append(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path)?;
    connection.pragma_update(None, "foreign_keys", false)?;
    Ok(connection)
}

/// How long a look at the log's files, made after a commit, holds for the next: shorter than a commit, during which nobody looks.
const LOOK_HOLDS: Duration = Duration::from_millis(1);

/// What an append needs beside its events.
struct Appending {
    file: LogFile,
    plan: Plan,
    runtime: Handle,
}

/// Ends when asked to, or when every [`LogWriter`] is gone.
fn serve(appending: &Appending, mut connection: Option<Connection>, asked: &mpsc::Receiver<Ask>, health: &Health) {
    let mut looked = None;
    while let Ok(ask) = asked.recv() {
        match ask {
            Ask::Append(group, mut answer, turn) => {
                let open = || {
                    appending.file.may_be_opened(DOING)?;
                    open_to_append(appending.file.path()).doing_directly(DOING)
                };
                let there = health.log_is_there(DOING);
                let outcome = there.and_then(|()| connection.take().map_or_else(open, Ok)).and_then(|mut opened| {
                    let seqs = append(&mut opened, &group, appending, &mut looked, &mut answer)?;
                    // One that failed is closed: it may be in a state nobody knows.
                    connection = Some(opened);
                    Ok(seqs)
                });
                drop(turn);
                // Whoever gave up since the commit sends the events again, and hears then that they are there.
                let _ = answer.send(outcome);
            }
            Ask::Close(answer) => {
                drop(connection);
                let _ = answer.send(());
                return;
            }
        }
    }
}

/// Errors where the log's files are not those that were opened, or were cut.
fn is_there(file: &LogFile, connection: Option<&Connection>, doing: &'static str) -> Result<(), StoreError> {
    let why = match file.look() {
        Ok(()) => return Ok(()),
        Err(Wrong::AheadShorter(why)) => {
            let whole = match connection {
                Some(connection) => file.ahead_is_whole(connection),
                None => open(file.path()).and_then(|connection| file.ahead_is_whole(&connection)),
            };
            if whole.doing_directly(doing)? {
                file.accept_lengths();
                return Ok(());
            }
            why
        }
        Err(Wrong::Gone(why) | Wrong::Shorter(why)) => why,
    };
    Err(StoreError::Unavailable { doing, reason: why })
}

fn append(
    connection: &mut Connection,
    group: &Group,
    appending: &Appending,
    looked: &mut Option<Instant>,
    answer: &mut Answer,
) -> Result<Vec<Option<Seq>>, StoreError> {
    let Appending { file, plan, runtime } = appending;
    if looked.take().is_none_or(|looked| looked.elapsed() > LOOK_HOLDS) {
        is_there(file, Some(connection), DOING)?;
    }
    // At once: a transaction that first reads may fail half-way for want of the lock.
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate).doing_directly(DOING)?;
    let seqs = insert(&tx, group).doing_directly(DOING)?;
    if seqs.iter().all(Option::is_none) {
        tx.rollback().doing_directly(DOING)?;
        return Ok(seqs);
    }
    runtime.block_on(async {
        tokio::select! {
            biased;
            () = answer.closed() => Err(StoreError::Unavailable { doing: DOING, reason: "given up".into() }),
            passed = plan.pass(planned::LOG_BEFORE_COMMIT) => passed,
        }
    })?;
    tx.commit().doing_directly(DOING)?;
    // Nobody is told that it is durable in a file that went meanwhile.
    is_there(file, Some(connection), DOING)?;
    *looked = Some(Instant::now());
    runtime.block_on(plan.pass(planned::LOG_AFTER_COMMIT))?;
    Ok(seqs)
}

fn insert(tx: &Transaction<'_>, group: &Group) -> rusqlite::Result<Vec<Option<Seq>>> {
    let (mut insert_event, mut insert_body, mut insert_fact) =
        (tx.prepare_cached(&INSERT_EVENT)?, tx.prepare_cached(&INSERT_BODY)?, tx.prepare_cached(&INSERT_FACT)?);
    let mut seqs = Vec::with_capacity(group.places.len());
    for prepared in group.places.iter().filter_map(|place| group.events.get(*place)) {
        let event = &prepared.event;
        let account = cleaned(event.account.as_ref().map_or("", |account| account.as_str()));
        let written = insert_event.execute(params![
            cleaned(event.id.as_str()),
            cleaned(&event.kind),
            account,
            event.livemode,
            event.created.0,
            cleaned(event.api_version.as_deref().unwrap_or_default()),
            event.received_at.0,
            event.source.as_str(),
            i64::try_from(event.body.len()).unwrap_or(i64::MAX),
            prepared.digest,
        ])?;
        if written == 0 {
            seqs.push(None);
            continue;
        }
        let seq = tx.last_insert_rowid();
        insert_body.execute(params![seq, prepared.salt, prepared.codec, prepared.bytes])?;
        for (ordinal, fact) in (0_i64..).zip(&prepared.facts) {
            insert_fact.execute(params![
                seq,
                prepared.normaliser,
                ordinal,
                fact.kind,
                event.livemode,
                account,
                fact.customer,
                fact.object,
                fact.codec,
                fact.state,
            ])?;
        }
        seqs.push(Some(Seq(seq)));
    }
    Ok(seqs)
}
