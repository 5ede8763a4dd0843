//! A reader brings the ledger up first: without a live `serve` it does the work itself, beside one it waits for it.

use std::{io::IsTerminal as _, time::Instant};

use tokio::sync::watch;

use super::{Context, Failure, progress::progress_bar};
use crate::{
    config::Config,
    daemon::waiting,
    event::Seq,
    limits,
    reconciler::{ReconcileError, Reconciler, Rules, driver::Driver},
    store::{Store, StoreError},
};

/// How far the ledger was brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Brought {
    /// As far as it goes now, which the figures tell.
    AsFarAsItGoes,
    /// Not to the log's end, since the disk is full: that was said, with what to do.
    UntilTheDiskWasFull,
}

/// Brings the ledger up to its log and to the configuration's rules. Where that can't be, what is behind is told with the
/// figures; errors only where nothing could be told at all.
pub(super) async fn bring(store: &Store, config: &Config, context: &Context) -> Result<Brought, Failure> {
    let failed = |error: StoreError| Failure::Failed(format!("the ledger can't be looked at: {error}"));
    let rules = Rules::load(&config.ledger, &store.records).await.map_err(failed)?;
    let fingerprint = rules.fingerprint();
    let began = Instant::now();
    let bar = progress_bar();
    let mut told = std::io::stderr().is_terminal();
    let mut brought = Brought::AsFarAsItGoes;
    let outcome = loop {
        if is_up_to_date(store, &fingerprint).await.map_err(failed)? {
            break Ok(());
        }
        let (driver, handle) = Driver::new(Reconciler::new(store.clone(), rules.clone(), context.clock.clone()));
        let mut status = handle.subscribe();
        let (_keep, stop) = watch::channel(false);
        let work = driver.run_once(&stop);
        tokio::pin!(work);
        let done = loop {
            tokio::select! {
                done = &mut work => break done,
                Ok(()) = status.changed() => {
                    let status = status.borrow_and_update();
                    bar.set_message(match status.rebuilding {
                        Some(reached) => format!("computing the ledger: {} customers", reached.customers_done),
                        None => format!("computing the ledger: up to event {}", status.applied_seq),
                    });
                }
            }
        };
        match done {
            // It was ours to do, and is done: what is still behind can't be derived, and says so itself.
            Ok(()) if handle.status().working => break Ok(()),
            // Another process is at it.
            Ok(()) | Err(ReconcileError::Busy | ReconcileError::Stopped) => {
                let waited = began.elapsed();
                // It can't write either: it goes on when there is room, and not before.
                let is_stuck = waited > limits::BRING_UP_SILENCE && waiting::has_no_room(config);
                if is_stuck || waited > limits::BRING_UP_WAIT {
                    if is_stuck {
                        bar.finish_and_clear();
                        eprintln!(
                            "mrrd: the disk that the ledger lies on is full, so the process that keeps it can't go on: make room there; \
                             what follows is as far as it came"
                        );
                        brought = Brought::UntilTheDiskWasFull;
                    }
                    break Ok(());
                }
                bar.set_message("waiting for the process that keeps the ledger");
                if !told && waited > limits::BRING_UP_SILENCE {
                    told = true;
                    eprintln!(
                        "mrrd: the figures are behind the log: waiting for the process that keeps the ledger, up to {} seconds",
                        limits::BRING_UP_WAIT.as_secs()
                    );
                }
                tokio::time::sleep(limits::BRING_UP_POLL).await;
            }
            Err(error) => break Err(error),
        }
    };
    bar.finish_and_clear();
    match outcome {
        Ok(()) => {}
        Err(ReconcileError::Store(error)) if error.is_of_a_full_disk() => {
            brought = Brought::UntilTheDiskWasFull;
            eprintln!(
                "mrrd: the disk that the ledger lies on is full, so it can't be brought up to date: make room there"
            );
        }
        Err(error) => eprintln!("mrrd: the ledger can't be brought up to date: {error}"),
    }
    Ok(brought)
}

async fn is_up_to_date(store: &Store, fingerprint: &str) -> Result<bool, StoreError> {
    let end = store.log.end().await?;
    let Some(current) = store.derived.generations().await?.into_iter().find(|generation| generation.current) else {
        return Ok(end == Seq::START);
    };
    let applied = match store.derived.applied(current.id).await {
        // A rebuild has just replaced it.
        Err(StoreError::Corrupt { .. }) => return Ok(false),
        applied => applied?,
    };
    Ok(current.fingerprint == fingerprint && applied.seq() >= end)
}
