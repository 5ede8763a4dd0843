//! What `mrrd doctor` finds around the ledger: room on the disk, the address to listen on, endpoints that fell silent.

use std::{
    io::ErrorKind,
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use secrecy::ExposeSecret;
use tokio::{net::TcpListener, time::timeout};

use super::{
    doctor_finding::{Finding, Verdict},
    healthcheck, listening,
};
use crate::{
    config::{Config, Role},
    daemon::waiting,
    event::Source,
    ledger::{ids::AccountId, time::UnixTime},
    limits,
    store::{
        Store, StoreError,
        log::{EventFilter, Log},
    },
};

/// How long whoever listens already may take to say who it is.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// How long a process may take from its first answer to keeping its ledger: far more than it needs.
const BEGINNING: Duration = Duration::from_secs(10);

/// Between two looks at who keeps the ledger.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Whether `serve` could listen where it is told to, or does.
pub(super) async fn listening(config: &Config) -> Finding {
    let check = "listen";
    let address = config.server.listen;
    let error = match TcpListener::bind(address).await {
        Ok(_) => {
            let detail = format!("{address} is free: no mrrd answers there now, serve can");
            return Finding { check, verdict: Verdict::Ok, detail };
        }
        Err(error) => error,
    };
    if error.kind() == ErrorKind::AddrInUse {
        let answer = timeout(PATIENCE, healthcheck::ask(healthcheck::from_here(address), "/healthz")).await;
        let is_ours =
            matches!(&answer, Ok(Ok(text)) if text.starts_with("HTTP/1.1 200 ") && text.ends_with("\r\nok\n"));
        if is_ours && config.database.is_absent_file() {
            let detail = format!(
                "the mrrd that answers at {address} keeps another ledger, since {} isn't there: serve can't start beside it; \
                 check database.url, or change server.listen",
                config.database.described()
            );
            return Finding { check, verdict: Verdict::Failed, detail };
        }
        if is_ours {
            return Finding { check, verdict: Verdict::Ok, detail: answers_at(address) };
        }
        let detail =
            format!("{address} is taken by another program, so serve can't start: change server.listen, or end it");
        return Finding { check, verdict: Verdict::Failed, detail };
    }
    Finding { check, verdict: Verdict::Failed, detail: listening::refused(address, &error) }
}

fn answers_at(address: SocketAddr) -> String {
    format!("mrrd answers at {address}")
}

/// What doctor writes to see whether it can: when it last tried.
pub(super) const TRIED: &str = "doctor.tried";

/// Whether `finding` is that an mrrd answers where `serve` listens, of this ledger as far as can be seen.
pub(super) fn is_answered(finding: &Finding, config: &Config) -> bool {
    finding.detail == answers_at(config.server.listen)
}

/// That the mrrd which answers keeps another ledger than the one in `store`, since nobody keeps that: `finding` is what was seen of
/// the address. `None` where it may be this one's, or where processes of other roles may answer there.
pub(super) async fn keeps_another(store: &Store, config: &Config, now: UnixTime, finding: &Finding) -> Option<Finding> {
    let address = config.server.listen;
    if !is_answered(finding, config) || !config.server.has(Role::Reconciler) {
        return None;
    }
    // Where nothing can be written nobody can say that it keeps the ledger: a full disk is told of the database.
    store.records.set_progress(TRIED, &now.0.to_string()).await.ok()?;
    // One that has just begun takes its lease a moment later.
    let since = Instant::now();
    loop {
        // What can't be read says nothing of who keeps it: that is told of the database.
        let leases = store.records.leases().await.ok()?;
        if leases.iter().any(|lease| !lease.is_gone) {
            return None;
        }
        if since.elapsed() > BEGINNING {
            break;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    let detail = format!(
        "the mrrd that answers at {address} keeps another ledger, since no process keeps {}: serve can't start beside it; check \
         database.url, or change server.listen",
        config.database.described()
    );
    Some(Finding { check: finding.check, verdict: Verdict::Failed, detail })
}

/// What a ledger of SQLite that isn't there yet needs: a folder that this user can write in, or can make, which `serve` does where
/// only that one is missing.
pub(super) fn absent(config: &Config) -> Finding {
    let (check, database) = ("database", config.database.described());
    let path = Path::new(config.database.url.expose_secret().strip_prefix("sqlite://").unwrap_or_default());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |detail| Finding { check, verdict: Verdict::Failed, detail };
    let above = folder.parent().map(|above| if above.as_os_str().is_empty() { Path::new(".") } else { above });
    if let Some(above) = above.filter(|above| !folder.exists() && above.is_dir()) {
        return match unwritable(above) {
            None => Finding {
                check,
                verdict: Verdict::Warning,
                detail: format!("{database} is not there yet, nor is its folder: serve or replay makes both"),
            },
            Some(error) => failed(format!(
                "{database} can't be made: its folder is not there, and none can be made in {} ({error}); run doctor as the user who \
                 runs serve, make {} for that user, or change database.url",
                above.display(),
                folder.display()
            )),
        };
    }
    if !folder.is_dir() {
        return failed(format!(
            "{database} can't be made, since {} is no folder: make it, writable for the user who runs serve, or change \
             database.url",
            folder.display()
        ));
    }
    if let Some(error) = unwritable(folder) {
        return failed(format!(
            "{database} can't be made: no file can be made in {} ({error}); run doctor as the user who runs serve, give that user \
             the folder, or change database.url",
            folder.display()
        ));
    }
    let detail = format!("{database} is not there yet: serve or replay makes it");
    Finding { check, verdict: Verdict::Warning, detail }
}

/// Why no file can be made in `folder`, as the system says it; `None` where one can. One is made and removed again: rights alone
/// don't tell of a file system that is mounted read-only, or that takes no files.
fn unwritable(folder: &Path) -> Option<std::io::Error> {
    let path = folder.join(format!(".mrrd-doctor-{:016x}", rand::random::<u64>()));
    let made = std::fs::OpenOptions::new().write(true).create_new(true).open(&path);
    // Closed before it is removed: not every system removes a file that is open.
    made.map(drop).and_then(|()| std::fs::remove_file(&path)).err()
}

/// Room on the disk that a ledger of SQLite lies on. None for a server's: its disk can't be seen from here.
pub(super) fn room(config: &Config) -> Option<Finding> {
    let check = "disk";
    if waiting::is_disk_full(config) {
        let detail =
            "the disk that the log lies on is full: webhooks are answered 503 until there is room; make room on it"
                .into();
        return Some(Finding { check, verdict: Verdict::Failed, detail });
    }
    let path = Path::new(config.database.url.expose_secret().strip_prefix("sqlite://")?);
    // Whether the ledger's own folder is there, `absent` says.
    let free = waiting::free_bytes(path)?;
    let (files, journals) = held_bytes(path);
    let free_shown = shown(free);
    let held_shown = format!("{} and its journals {}", shown(files), shown(journals));
    Some(if free < limits::DISK_ROOM_BYTES.max(files + journals) {
        let detail = format!(
            "{free_shown} are free where the ledger holds {held_shown}: a rebuild and a back-up take as much again, and a full \
             disk refuses webhooks; make room, or move the ledger (mrrd backup, mrrd restore)"
        );
        Finding { check, verdict: Verdict::Warning, detail }
    } else {
        Finding { check, verdict: Verdict::Ok, detail: format!("{free_shown} are free, the ledger holds {held_shown}") }
    })
}

/// The log and what is derived from it, whose sizes the Health page tells; and the journals (`-wal`) of both, which it doesn't.
fn held_bytes(path: &Path) -> (u64, u64) {
    let all = |end: &str| {
        let files = [path.to_owned(), path.with_extension("derived.db")].map(|file| {
            let mut file = file.into_os_string();
            file.push(end);
            file
        });
        files.into_iter().filter_map(|file| std::fs::metadata(file).ok()).map(|file| file.len()).sum()
    };
    (all(""), all("-wal"))
}

fn shown(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}

/// Each endpoint whose events can be told from others', by their account: when it was heard last. Nothing where there is but one.
pub(super) async fn endpoints(log: &Log, config: &Config, now: UnixTime) -> Result<Vec<Finding>, StoreError> {
    let mut findings = Vec::new();
    for (name, endpoint) in &config.stripe.endpoints {
        if let Some(account) = &endpoint.account {
            findings.push(heard(log, name, account, now).await?);
        }
    }
    Ok(findings)
}

async fn heard(log: &Log, name: &str, account: &AccountId, now: UnixTime) -> Result<Finding, StoreError> {
    let check = "webhooks";
    let filter =
        EventFilter { source: Some(Source::Webhook), account: Some(Some(account.clone())), ..EventFilter::default() };
    let newest = log.events_back(&filter, None, 1).await?;
    let ask = "is the endpoint enabled at Stripe, and does it answer 200?";
    let (verdict, detail) = match newest.first().map(|row| row.created) {
        None => (Verdict::Warning, format!("none of {account} ever came to /webhooks/stripe/{name}: {ask}")),
        Some(last) if last.plus(limits::SILENT_SECONDS) < now => {
            (Verdict::Warning, format!("the last one of {account} (stripe.endpoints.{name}) tells of {last}: {ask}"))
        }
        Some(last) => (Verdict::Ok, format!("the last one of {account} (stripe.endpoints.{name}) tells of {last}")),
    };
    Ok(Finding { check, verdict, detail })
}
