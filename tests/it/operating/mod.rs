//! What whoever operates mrrd relies on: back-ups, exports, upgrades, and what guides tell to do.

mod backup;
mod demo;
mod earlier;
mod export;
mod first_event;
mod guides;
mod imports;
mod minimal;
mod saved_segments;
mod schemas;
mod spend;
mod tables;

use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{
    daemon::{Daemon, Settings, mrrd},
    postgres,
};

/// One test for each database.
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($settings:ident) $body:block)+) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;

            async fn check($settings: Settings) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                check(Settings::default()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                check(on_postgres().await).await;
            }
        }
    )+};
}
use on_both;

async fn on_postgres() -> Settings {
    Settings::default().env("MRRD_DATABASE__URL", &postgres::database().await)
}

/// What a command without a server ended with, and what it printed.
struct Ended {
    code: i32,
    out: String,
    err: String,
}

/// Runs `mrrd ARGS` with the database at `url`.
async fn run(url: &str, args: &[&str]) -> Ended {
    run_with(Settings::default().env("MRRD_DATABASE__URL", url), args).await
}

async fn run_with(settings: Settings, args: &[&str]) -> Ended {
    let dir = TempDir::new().unwrap();
    let mut command = mrrd(dir.path(), &settings);
    command.args(args).stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ended { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
}

impl Ended {
    #[track_caller]
    fn well(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self.out
    }

    #[track_caller]
    fn json(self) -> Value {
        let out = self.well();
        serde_json::from_str(out.trim()).unwrap_or_else(|error| panic!("{error}: {out}"))
    }
}

/// Beside a live server.
fn beside(daemon: &Daemon, args: &[&str]) -> Ended {
    let output = tokio::task::block_in_place(|| daemon.command(args));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ended { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
}

/// A simulated account's events of some months that are over.
fn account(seed: u64, customers: u32) -> Vec<mrrd::demo::Event> {
    let end = mrrd::ledger::time::UnixTime(1_780_000_000);
    mrrd::demo::Simulator::new(seed, customers, end.plus(-200 * 86_400), end).advance(end)
}
