//! A database of every schema that has ever landed is brought up to date by today's mrrd, with all it holds and its figures.

use std::{borrow::Cow, collections::BTreeSet, fs, path::PathBuf};

use serde_json::json;
use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection, SqliteConnection,
    migrate::{Migration, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};
use tempfile::TempDir;

use super::*;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

async fn steps(kind: &str) -> Vec<Migration> {
    Migrator::new(root().join("migrations").join(kind)).await.unwrap().iter().cloned().collect()
}

fn is_derived(step: &Migration) -> bool {
    step.description.starts_with("derived")
}

/// What is put into a database whose schema has come to the step `last`: of the log and records, or of what is derived.
fn rows(last: i64, derived: bool, postgres: bool) -> String {
    let text = fs::read_to_string(root().join("tests/data/schemas/rows.sql")).unwrap();
    let (mut wanted, mut kept) = (false, String::new());
    for line in text.lines() {
        let section = line.strip_prefix("-- from ").map(|from| (false, from));
        let section = section.or_else(|| line.strip_prefix("-- derived from ").map(|from| (true, from)));
        match section {
            Some((of_derived, steps)) => {
                let (from, until) = steps.split_once(" until ").unwrap_or((steps, "9999"));
                let among = (from.parse().unwrap()..until.parse::<i64>().unwrap()).contains(&last);
                wanted = of_derived == derived && among;
            }
            None if wanted && !line.starts_with("--") => {
                kept.push_str(line);
                kept.push('\n');
            }
            None => {}
        }
    }
    let (truth, open) = if postgres { ("TRUE", "'\\x") } else { ("1", "X'") };
    let mut text = kept.replace("{true}", truth);
    while let Some(at) = text.find("{x:") {
        let end = at + text[at..].find('}').unwrap();
        text = format!("{}{open}{}'{}", &text[..at], &text[at + 3..end], &text[end + 1..]);
    }
    text
}

async fn sqlite_at(path: &std::path::Path, steps: Vec<Migration>, rows: String) {
    let connect =
        SqliteConnectOptions::new().filename(path).create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
    let mut connection = SqliteConnection::connect_with(&connect).await.unwrap();
    Migrator::with_migrations(steps).run(&mut connection).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(rows)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// Brings the database at `url` up to date, verifies it, and looks at its figures and records.
async fn upgraded(url: &str, of: &str) {
    let rebuilt = run(url, &["rebuild", "--json"]).await;
    assert_eq!(rebuilt.code, 0, "{of}: {}", rebuilt.err);
    let verified = run(url, &["verify", "--json"]).await;
    assert_eq!(verified.code, 0, "{of}: {}{}", verified.out, verified.err);
    let verified: Value = serde_json::from_str(&verified.out).unwrap();
    assert_eq!((&verified["ok"], &verified["customers"], &verified["last_seq"]), (&json!(true), &json!(2), &json!(6)));
    let report = run(url, &["report", "mrr", "--from", "2026-01-01", "--to", "2026-02-28", "--json"]).await.json();
    let closing: Vec<&Value> = report["data"].as_array().unwrap().iter().map(|month| &month["closing_exact"]).collect();
    assert_eq!(closing, ["4000", "3500"], "{of}");
}

/// The steps after which somebody may have stopped upgrading.
fn lasts(steps: &[Migration]) -> BTreeSet<i64> {
    // Of the first alone there was never a release of the daemon: it has no derived tables.
    steps.iter().map(|step| step.version).filter(|version| *version >= 2).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_schema_of_sqlite_is_brought_up_to_date() {
    let steps = steps("sqlite").await;
    for last in lasts(&steps) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("mrrd.db");
        let of = |derived| {
            let taken = steps.iter().filter(|step| step.version <= last && is_derived(step) == derived);
            taken.cloned().collect::<Vec<_>>()
        };
        sqlite_at(&path, of(false), rows(last, false, false)).await;
        sqlite_at(&path.with_extension("derived.db"), of(true), rows(last, true, false)).await;
        upgraded(&format!("sqlite://{}", path.display()), &format!("SQLite at step {last}")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_schema_of_postgres_is_brought_up_to_date() {
    let steps = steps("postgres").await;
    for last in lasts(&steps) {
        let url = postgres::database().await;
        let mut connection = PgConnection::connect(&url).await.unwrap();
        let taken: Vec<Migration> = steps.iter().filter(|step| step.version <= last).cloned().collect();
        Migrator::with_migrations(taken).run(&mut connection).await.unwrap();
        let text = rows(last, false, true) + &rows(last, true, true);
        sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut connection).await.unwrap();
        // Numbers were given by the sequence, which these rows went past.
        let counted = "SELECT setval('event_seq_seq', (SELECT MAX(seq) FROM event))";
        sqlx::query(counted).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        upgraded(&url, &format!("PostgreSQL at step {last}")).await;
    }
}

#[tokio::test]
async fn no_step_that_has_landed_is_edited() {
    let landed = fs::read_to_string(root().join("tests/data/schemas/checksums.txt")).unwrap();
    for line in landed.lines().filter(|line| !line.starts_with('#')) {
        let (name, checksum) = line.split_once(' ').unwrap();
        let (kind, file) = name.split_once('/').unwrap();
        let version: i64 = file.split('_').next().unwrap().parse().unwrap();
        let steps = steps(kind).await;
        let step = steps.iter().find(|step| step.version == version).unwrap_or_else(|| panic!("{name} is gone"));
        let found: Cow<'_, [u8]> = step.checksum.clone();
        let found: String = found.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found, checksum, "{name} was edited: databases that have it refuse to open");
    }
}
