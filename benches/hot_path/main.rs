//! Instructions that one webhook costs before anything is written: verify, read, make ready for the log. Counted by
//! callgrind, so the figure is the same on a busy machine and a quiet one. Two thirds of it is SHA-256 without the
//! processor's help, which callgrind doesn't know; the rest is JSON and compression.
//!
//! `make bench-instructions` fails when a webhook costs a hundredth more than benches/instructions.txt says, and tells
//! what to do; `-- keep` writes what was counted there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a bench fails by panicking")]

use std::{env, fs, hint::black_box, process::Command};

use bytes::Bytes;
use mrrd::{
    demo::{Simulator, http::sign},
    event::Source,
    ledger::time::UnixTime,
    store::log::Prepared,
    stripe::{
        read,
        signature::{self, SigningSecret},
    },
};

const SECRET: &str = "whsec_bench";
const AT: UnixTime = UnixTime(1_767_225_600);
const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.txt");

fn main() {
    let asked = |what: &str| env::args().any(|argument| argument == what);
    if asked("count") {
        return count();
    }
    let (webhooks, instructions) = run_counted();
    let each = instructions / webhooks;
    let kept: u64 = fs::read_to_string(KEPT).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(each);
    println!("{each} instructions a webhook, {webhooks} webhooks; kept: {kept}");
    if asked("keep") {
        fs::write(KEPT, format!("{each}\n")).unwrap();
    } else if each > kept + kept / 100 {
        panic!(
            "the hot path costs more than a hundredth more than before: make it cheaper, or keep the new figure with \
                `cargo bench --bench hot_path -- keep` and say why"
        );
    }
}

/// Webhooks of a small simulated account, each taken in as the receiver does, up to the queue.
fn count() {
    let secrets = [SigningSecret::new(SECRET).unwrap()];
    let bodies: Vec<(Bytes, String)> = Simulator::new(1, 20, UnixTime(1_735_689_600), AT)
        .advance(AT)
        .into_iter()
        .map(|event| (event.body.clone(), sign(SECRET, AT, &event.body)))
        .collect();
    println!("{}", bodies.len());
    for (body, signature) in &bodies {
        black_box(hot_path(body, signature, &secrets));
    }
}

/// The function that callgrind counts within.
#[inline(never)]
fn hot_path(body: &Bytes, header: &str, secrets: &[SigningSecret]) -> Prepared {
    signature::verify(Some(header.as_bytes()), body, secrets, AT, Some(300)).unwrap();
    let read = read::read(body).unwrap();
    Prepared::new(read.received(body.clone(), AT, Source::Webhook))
}

/// Runs this program again under callgrind: webhooks, and instructions within [`hot_path`].
fn run_counted() -> (u64, u64) {
    let out = tempfile::NamedTempFile::new().unwrap();
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--toggle-collect=*hot_path::hot_path*"])
        .arg(format!("--callgrind-out-file={}", out.path().display()))
        .arg(env::current_exe().unwrap())
        .arg("count")
        .output()
        .expect("valgrind is installed: apt-get install valgrind");
    let said = String::from_utf8_lossy(&run.stderr);
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let webhooks = number(&String::from_utf8_lossy(&run.stdout));
    let instructions = said.lines().find_map(|line| number(line.split_once("Collected :")?.1));
    webhooks.zip(instructions).unwrap_or_else(|| panic!("callgrind counted nothing:\n{said}"))
}
