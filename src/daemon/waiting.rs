//! Before the database is there: alive, not ready, and every webhook told to come again.

use std::{
    fs,
    io::ErrorKind,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::Request,
    response::{IntoResponse, Response},
    routing::get,
};
use http::StatusCode;
use secrecy::ExposeSecret;
use tokio::{net::TcpListener, sync::watch};

use crate::{
    config::Config,
    limits,
    server::{accept, body, problem::Problem},
    store::{Options, OtherLog, Store, StoreError},
    telemetry::{Metrics, trouble::Trouble},
};

/// What a start takes on the disk at least: the log's write-ahead log and its index.
const ROOM_BYTES: usize = 64 * 1024;

/// Whether the database can be opened; false where it isn't there now.
///
/// Errors when waiting would mend nothing: a newer schema, a refused password.
pub async fn is_there(config: &Config, trouble: &Trouble) -> Result<bool, StoreError> {
    // Whether it is the right one is asked when it is there.
    let options = Options { other_log: OtherLog::Tell, ..Options::default() };
    match Store::open_with(config.database.url.expose_secret(), &options).await {
        Ok(store) => {
            store.close().await;
            trouble.is_over("the database is there");
            Ok(true)
        }
        Err(error @ StoreError::Unavailable { .. }) => {
            let words = match is_disk_full(config) {
                true => {
                    "the disk that the log lies on is full: webhooks are answered 503 until there is room; make room on it"
                }
                false => "the database isn't there: webhooks are answered 503 until it is",
            };
            trouble.goes_on(&error.to_string(), words);
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Whether the disk that the log lies on is full. A few kilobytes are written beside it, and taken away again.
pub fn is_disk_full(config: &Config) -> bool {
    let Some(path) = config.database.url.expose_secret().strip_prefix("sqlite://") else { return false };
    let probe = format!("{path}.room-{}", std::process::id());
    let written = fs::write(&probe, vec![0; ROOM_BYTES]);
    // It is there where the writing failed half-way; where it isn't, nothing is to be removed.
    let _ = fs::remove_file(&probe);
    written.is_err_and(|error| matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded))
}

/// Whether less is free on the disk that the log lies on than a start takes. Unlike [`is_disk_full`] it takes nothing of what is left,
/// so it may be asked again and again beside who writes there; a quota it doesn't see.
pub fn has_no_room(config: &Config) -> bool {
    let Some(path) = config.database.url.expose_secret().strip_prefix("sqlite://") else { return false };
    free_bytes(Path::new(path)).is_some_and(|free| free < ROOM_BYTES as u64)
}

/// What this user may still write beside `path`; `None` where that can't be told.
#[cfg(unix)]
pub fn free_bytes(path: &Path) -> Option<u64> {
    // The nearest folder that is there.
    let mut folders =
        path.ancestors().skip(1).map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    let disk = folders.find_map(|folder| rustix::fs::statvfs(folder).ok())?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// What this user may still write beside `path`; `None` where that can't be told.
#[cfg(not(unix))]
pub fn free_bytes(_path: &Path) -> Option<u64> {
    None
}

/// Answers on `listener` until the database can be opened, or `patience` is over. Errors as [`is_there`] does.
pub async fn for_database(
    config: &Config,
    listener: TcpListener,
    patience: Option<Duration>,
    trouble: &Trouble,
) -> Result<(), StoreError> {
    let (stop, stopped) = watch::channel(false);
    let answering = accept::run(listener, routes(), &config.server, Arc::new(Metrics::default()), stopped);
    let since = Instant::now();
    let looking = async {
        let mut outcome = Ok(false);
        while matches!(outcome, Ok(false)) && patience.is_none_or(|patience| since.elapsed() < patience) {
            tokio::time::sleep(limits::DATABASE_RETRY).await;
            outcome = is_there(config, trouble).await;
        }
        // The other end is the accept loop beside us.
        let _ = stop.send(true);
        outcome.map(drop)
    };
    tokio::join!(looking, answering).0
}

fn routes() -> Router {
    Router::new().route("/healthz", get(|| async { "ok\n" })).fallback(not_yet)
}

async fn not_yet(request: Request) -> Response {
    body::discard(request.into_body()).await;
    let detail = "the database isn't there yet: try again";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "database-unavailable", "Not ready", detail)
        .retry_after(limits::RETRY_AFTER_SECONDS)
        .into_response()
}
