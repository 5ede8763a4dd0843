//! What this machine can do at most: handlers that keep nothing, and one durable row at a time. And the processes of their
//! own that handlers run in.

use std::{
    env,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::Instant,
};

use axum::{Router, http::HeaderMap, routing::post};
use bytes::Bytes;
use mrrd::{
    clock::Clock,
    stripe::signature::{self, SigningSecret},
};
use sqlx::{
    Connection, PgConnection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use crate::{
    by_hand,
    daemon::SECRET,
    pace::{Pace, Stopwatch},
};

/// The arguments that make this program such a server, over a file or a database.
const SERVE: &str = "--serve=";
const OVER: &str = "--over=";

/// A handler in a process of its own like the daemon; ended when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// `bare` reads the body and answers; `verifying` checks its signature as well; `sqlite` and `postgres` keep it `over` a
    /// file or a database (benches/webhooks/by_hand.rs).
    pub(crate) fn start(what: &str, over: &str) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args([format!("{SERVE}{what}"), format!("{OVER}{over}")])
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts again");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, address: line.trim().parse().unwrap() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves, if that is what this process was started for; then it never returns.
pub(crate) async fn serve_if_asked() {
    let argument = |name: &str| env::args().find_map(|argument| argument.strip_prefix(name).map(str::to_owned));
    let over = argument(OVER).unwrap_or_default();
    let keeping_nothing = |handler| Router::new().route("/webhooks/stripe", handler);
    let router = match argument(SERVE).as_deref() {
        None => return,
        Some("bare") => keeping_nothing(post(async |_: Bytes| r#"{"received":true}"#)),
        Some("verifying") => {
            let secrets = [SigningSecret::new(SECRET).unwrap()];
            keeping_nothing(post(async move |headers: HeaderMap, body: Bytes| {
                let header = headers.get("stripe-signature").map(|value| value.as_bytes());
                signature::verify(header, &body, &secrets, Clock::system().now(), Some(300)).unwrap();
                r#"{"received":true}"#
            }))
        }
        Some("sqlite") => by_hand::over_sqlite(Path::new(&over)),
        Some("postgres") => by_hand::over_postgres(&over).await,
        Some(other) => panic!("there is no handler {other}"),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    axum::serve(listener, router).await.unwrap();
}

const TABLE: &str = "CREATE TABLE raw (id TEXT PRIMARY KEY, body BLOB NOT NULL)";
const ROW: &str = "INSERT INTO raw (id, body) VALUES ($1, $2)";

/// One row after the other in SQLite, each flushed before the next.
pub(crate) struct SqliteRow(SqliteConnection, u64);

impl SqliteRow {
    pub(crate) async fn open(path: &Path) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::query(TABLE).execute(&mut connection).await.unwrap();
        Self(connection, 0)
    }

    pub(crate) async fn round(&mut self, pace: &mut Pace, body: &[u8]) {
        let mut stopwatch = Stopwatch::start();
        while stopwatch.runs() {
            let begun = Instant::now();
            self.1 += 1;
            sqlx::query(ROW).bind(format!("evt_{}", self.1)).bind(body).execute(&mut self.0).await.unwrap();
            stopwatch.lap(begun);
        }
        pace.add(stopwatch);
    }
}

/// The same in PostgreSQL.
pub(crate) struct PostgresRow(PgConnection, u64);

impl PostgresRow {
    pub(crate) async fn open(url: &str) -> Self {
        let mut connection = PgConnection::connect(url).await.unwrap();
        sqlx::query("CREATE TABLE raw (id TEXT PRIMARY KEY, body BYTEA NOT NULL)")
            .execute(&mut connection)
            .await
            .unwrap();
        Self(connection, 0)
    }

    pub(crate) async fn round(&mut self, pace: &mut Pace, body: &[u8]) {
        let mut stopwatch = Stopwatch::start();
        while stopwatch.runs() {
            let begun = Instant::now();
            self.1 += 1;
            sqlx::query(ROW).bind(format!("evt_{}", self.1)).bind(body).execute(&mut self.0).await.unwrap();
            stopwatch.lap(begun);
        }
        pace.add(stopwatch);
    }
}
