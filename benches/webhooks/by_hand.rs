//! What one would write by hand in Rust instead: verify, read the envelope, commit together what waits, answer. One row with
//! the raw body for each webhook: no facts, no digest, nothing compressed, nothing sealed.

use std::{path::Path, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use mrrd::{
    clock::Clock,
    stripe::signature::{self, SigningSecret},
};
use rusqlite::{Connection, TransactionBehavior, params};
use serde::Deserialize;
use sqlx::{AssertSqlSafe, PgPool, postgres::PgPoolOptions};
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::daemon::SECRET;

/// Most webhooks in one commit, and most that may wait.
const GROUP: usize = 512;
const QUEUE: usize = 4096;
/// PostgreSQL flushes for several at a time, which mrrd uses too.
const WRITERS: u32 = 2;

/// What a webhook is known by.
#[derive(Deserialize)]
struct Envelope<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    created: i64,
}

/// A webhook that waits; whoever sent it is told once it is durable.
struct Waiting {
    id: String,
    kind: String,
    created: i64,
    body: Bytes,
    durable: oneshot::Sender<()>,
}

/// The handler over a file of SQLite's.
pub(crate) fn over_sqlite(path: &Path) -> Router {
    let connection = Connection::open(path).unwrap();
    connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    connection.pragma_update(None, "synchronous", "FULL").unwrap();
    connection.busy_timeout(Duration::from_secs(10)).unwrap();
    connection.execute_batch(&table("BLOB")).unwrap();
    let (queue, waiting) = mpsc::channel(QUEUE);
    std::thread::spawn(move || write_sqlite(connection, waiting));
    router(queue)
}

/// The handler over a database of PostgreSQL's.
pub(crate) async fn over_postgres(url: &str) -> Router {
    let pool = PgPoolOptions::new().max_connections(WRITERS).connect(url).await.unwrap();
    sqlx::query(AssertSqlSafe(table("BYTEA"))).execute(&pool).await.unwrap();
    let (queue, waiting) = mpsc::channel(QUEUE);
    let waiting = Arc::new(Mutex::new(waiting));
    for _ in 0..WRITERS {
        tokio::spawn(write_postgres(pool.clone(), waiting.clone()));
    }
    router(queue)
}

fn table(bytes: &str) -> String {
    format!(
        "CREATE TABLE raw (id TEXT PRIMARY KEY, type TEXT NOT NULL, created BIGINT NOT NULL, body {bytes} NOT NULL)"
    )
}

fn router(queue: mpsc::Sender<Waiting>) -> Router {
    let secrets = Arc::new([SigningSecret::new(SECRET).unwrap()]);
    let answer = async move |State(queue): State<mpsc::Sender<Waiting>>, headers: HeaderMap, body: Bytes| {
        let header = headers.get("stripe-signature").map(|value| value.as_bytes());
        if signature::verify(header, &body, &*secrets, Clock::system().now(), Some(300)).is_err() {
            return Err(StatusCode::BAD_REQUEST);
        }
        let envelope: Envelope<'_> = serde_json::from_slice(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
        let (id, kind) = (envelope.id.to_owned(), envelope.kind.to_owned());
        let created = envelope.created;
        let (durable, told) = oneshot::channel();
        let waiting = Waiting { id, kind, created, body, durable };
        queue.try_send(waiting).map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
        told.await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
        Ok(r#"{"received":true}"#)
    };
    Router::new().route("/webhooks/stripe", post(answer)).with_state(queue)
}

/// Takes what waits behind the first into its commit.
fn fill(group: &mut Vec<Waiting>, waiting: &mut mpsc::Receiver<Waiting>) {
    while group.len() < GROUP
        && let Ok(next) = waiting.try_recv()
    {
        group.push(next);
    }
}

fn write_sqlite(mut connection: Connection, mut waiting: mpsc::Receiver<Waiting>) {
    while let Some(first) = waiting.blocking_recv() {
        let mut group = vec![first];
        fill(&mut group, &mut waiting);
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
        {
            let mut insert = tx.prepare_cached("INSERT INTO raw VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING").unwrap();
            for one in &group {
                insert.execute(params![one.id, one.kind, one.created, &*one.body]).unwrap();
            }
        }
        tx.commit().unwrap();
        answer(group);
    }
}

async fn write_postgres(pool: PgPool, waiting: Arc<Mutex<mpsc::Receiver<Waiting>>>) {
    loop {
        let mut group = Vec::new();
        {
            let mut waiting = waiting.lock().await;
            let Some(first) = waiting.recv().await else { return };
            group.push(first);
            fill(&mut group, &mut waiting);
        }
        let ids: Vec<&str> = group.iter().map(|one| one.id.as_str()).collect();
        let kinds: Vec<&str> = group.iter().map(|one| one.kind.as_str()).collect();
        let created: Vec<i64> = group.iter().map(|one| one.created).collect();
        let bodies: Vec<&[u8]> = group.iter().map(|one| &*one.body).collect();
        sqlx::query("INSERT INTO raw SELECT * FROM UNNEST($1, $2, $3, $4) ON CONFLICT DO NOTHING")
            .bind(&ids as &[&str])
            .bind(&kinds as &[&str])
            .bind(&created)
            .bind(&bodies as &[&[u8]])
            .execute(&pool)
            .await
            .unwrap();
        answer(group);
    }
}

fn answer(group: Vec<Waiting>) {
    for one in group {
        // Whoever has gone away isn't told.
        let _ = one.durable.send(());
    }
}
