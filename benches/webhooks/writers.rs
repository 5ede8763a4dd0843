//! The log's writers on PostgreSQL: one, or two. Events are appended straight to the log, without HTTP.

use std::time::Instant;

use mrrd::{
    event::{NewEvent, Source},
    ingest::appender::{Appender, Limits},
    ledger::time::UnixTime,
    store::Store,
    stripe::read,
};
use tokio::task::JoinSet;

use crate::{
    Rates,
    pace::{Pace, Stopwatch},
    supply::Supply,
};

/// Most that wait for their answers at once.
const WAITING: [usize; 4] = [1, 16, 64, 256];
const WAYS: [(&str, usize); 2] = [("one writer", 1), ("two, each as soon as it can", 2)];

/// Each way in turns.
pub(crate) async fn compared(url: &str, rounds: usize, supply: &'static Supply<'static>) -> Rates {
    let store = Store::open(url).await.unwrap();
    let mut paces: [[Pace; WAYS.len()]; WAITING.len()] = Default::default();
    for _ in 0..rounds {
        for (waiting, paces) in WAITING.into_iter().zip(&mut paces) {
            for ((_, writers), pace) in WAYS.into_iter().zip(paces) {
                let limits = Limits { writers, ..Limits::default() };
                let (appender, writer) = Appender::start(store.log.clone(), limits, || ());
                pace.add(round(&appender, waiting, supply).await);
                drop(appender);
                writer.drained().await;
            }
        }
    }
    let mut table =
        Rates::of(&["PostgreSQL, straight to the log", "waiting at once", "per second", "p50 ms", "p99 ms"]);
    for (waiting, paces) in WAITING.into_iter().zip(&paces) {
        for ((what, _), pace) in WAYS.into_iter().zip(paces) {
            table.timed(what, waiting, pace);
        }
    }
    table
}

async fn round(appender: &Appender, waiting: usize, supply: &'static Supply<'static>) -> Stopwatch {
    let mut senders = JoinSet::new();
    for _ in 0..waiting {
        let appender = appender.clone();
        senders.spawn(async move {
            let mut stopwatch = Stopwatch::start();
            while stopwatch.runs() {
                let (event, begun) = (event(supply), Instant::now());
                appender.append(vec![event]).await.unwrap();
                stopwatch.lap(begun);
            }
            stopwatch
        });
    }
    Stopwatch::together(senders.join_all().await)
}

fn event(supply: &Supply<'_>) -> NewEvent {
    let body = supply.take();
    let read = read::read(&body).unwrap();
    read.received(body, UnixTime(1_767_225_600), Source::Webhook)
}
