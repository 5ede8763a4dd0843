//! Every call of a short workload fails once, one after the other, in a daemon that goes on running: appends, duplicates,
//! reconciling, sealing, alerts, a rebuild. After each fault all of it works again, and `verify` finds nothing.

use std::{
    collections::BTreeMap,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use mrrd::{
    clock::Clock,
    config::{Config, Environment},
    daemon::Daemon,
    demo::{Event, Simulator, http::Client},
    ingest::sealer::seal_due,
    ledger::time::{Day, UnixTime},
    reconciler::{ReconcileError, Reconciler, Rules},
    store::{
        Store,
        records::alerts::{NewAlert, Outgoing},
    },
};
use sqlx::{Connection, SqliteConnection};
use tokio::{net::TcpListener, runtime::Handle, sync::watch};

use super::shim::{Control, Fault, How, SYNC, TRUNCATE, WRITE, library};
use crate::support::daemon::SECRET;

/// How long a part of the workload may go on failing after the one failed call: a bound for a loaded machine, where a
/// wedged daemon would never get on.
const PATIENCE: Duration = Duration::from_secs(20);

const START: UnixTime = UnixTime(1_704_067_200);
const END: UnixTime = UnixTime(1_767_225_600);

/// The files, and how their calls can fail.
const FILES: [&str; 4] = ["/mrrd.db", "/mrrd.db-wal", "/mrrd.derived.db", "/mrrd.derived.db-wal"];
const WAYS: [(u32, How); 5] = [
    (WRITE, How::InputOutput),
    (WRITE, How::NoSpace),
    (WRITE, How::Shortened),
    (SYNC, How::InputOutput),
    (TRUNCATE, How::InputOutput),
];

/// Runs the workload in a process of its own, with the shim in it: every `step`th call of each kind on `file` fails.
fn each_call_of(file: &'static str, step: u32) {
    let folder = tempfile::tempdir().unwrap();
    let control = folder.path().join("control");
    drop(Control::create(&control));
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "faults::injected::in_a_process_of_its_own", "--ignored", "--nocapture"])
        .current_dir(folder.path())
        .env_clear()
        .env("LD_PRELOAD", library())
        .env("FAULTS_CONTROL", &control)
        .env("FAULTS_FILE", file)
        .env("FAULTS_STEP", step.to_string())
        .env("MRRD_DATABASE__URL", format!("sqlite://{}", folder.path().join("mrrd.db").display()))
        .env("MRRD_STRIPE__WEBHOOK_SECRETS", SECRET)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    print!("{text}");
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "the workload did not run: {text}");
}

fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).and_then(|value| value.into_string().ok())
}

/// Every so-manyth call, where somebody is in a hurry; else every one.
fn step() -> u32 {
    variable("FAULTS_STEP").map_or(1, |step| step.parse().expect("FAULTS_STEP: a number"))
}

#[test]
fn on_the_log() {
    each_call_of(FILES[0], step());
}

#[test]
fn on_the_logs_write_ahead_log() {
    each_call_of(FILES[1], step());
}

#[test]
fn on_the_derived_file() {
    each_call_of(FILES[2], step());
}

#[test]
fn on_the_derived_files_write_ahead_log() {
    each_call_of(FILES[3], step());
}

/// The daemon and a second store beside it, in this process.
struct Scene {
    client: Client,
    store: Store,
    reconciler: Reconciler,
    clock: Clock,
    account: std::vec::IntoIter<Event>,
    acknowledged: BTreeMap<String, Event>,
    rounds: u32,
}

impl Scene {
    async fn set(config: Arc<Config>) -> Self {
        let clock = Clock::system();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = variable("MRRD_DATABASE__URL").unwrap();
        let daemon = Daemon::start(config.clone(), clock.clone(), listener).await.unwrap();
        let client = Client::new(daemon.address());
        let runtime = Handle::current();
        std::thread::spawn(move || runtime.block_on(daemon.run(std::future::pending())));
        let store = Store::open(&url).await.unwrap();
        let rules = Rules::load(&config.ledger, &store.records).await.unwrap();
        let mut reconciler = Reconciler::new(store.clone(), rules, clock.clone());
        reconciler.grace = Duration::ZERO;
        let account = Simulator::new(5, 12, START, END).advance(END).into_iter();
        Self { client, store, reconciler, clock, account, acknowledged: BTreeMap::new(), rounds: 0 }
    }

    /// Tries until it succeeds: the failed call comes once.
    async fn at_last<T, E: std::fmt::Display>(
        &mut self,
        what: &str,
        mut part: impl AsyncFnMut(&mut Self) -> Result<T, E>,
    ) -> T {
        let since = Instant::now();
        loop {
            match part(self).await {
                Ok(done) => return done,
                Err(error) => assert!(since.elapsed() < PATIENCE, "{what}: still failing: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn post(&mut self, event: &Event) -> Result<(), String> {
        let answer = self.client.post_signed(SECRET, Clock::system().now(), event.body.clone()).await;
        let answer = answer.map_err(|error| error.to_string())?;
        match answer.status {
            200 => Ok(()),
            status => Err(format!("{status}: {}", String::from_utf8_lossy(&answer.body))),
        }
    }

    async fn workload(&mut self) {
        self.rounds += 1;
        for _ in 0..2 {
            let Some(event) = self.account.next() else { break };
            self.at_last("a webhook", async |scene| scene.post(&event).await).await;
            self.acknowledged.insert(event.id.clone(), event);
        }
        let again = self.acknowledged.values().next_back().unwrap().clone();
        self.at_last("a duplicate", async |scene| scene.post(&again).await).await;
        self.at_last("sealing", async |scene| seal_due(&scene.store.log, &scene.store.records, "test").await).await;
        let alert = NewAlert {
            id: format!("al_{}", self.rounds),
            rule: "digest".into(),
            subject: String::new(),
            day: "2026-01-01".parse::<Day>().unwrap(),
            raised_at: self.clock.now(),
            headline: "so it is".into(),
            content: "{}".into(),
            silenced: None,
            closed: true,
        };
        let outgoing = Outgoing { event: "raised", message: "{}".into(), channels: vec!["nobody".into()] };
        self.at_last("an alert", async |scene| scene.store.records.raise_alert(&alert, &outgoing).await).await;
        self.settle().await;
        self.at_last("a rebuild", async |scene| {
            let (_keep, stop) = watch::channel(false);
            match scene.reconciler.rebuild(&stop, &mut |_| ()).await {
                Err(ReconcileError::Busy) => Ok(Default::default()),
                other => other,
            }
        })
        .await;
        for file in [FILES[0], FILES[2]] {
            self.at_last("a checkpoint", async |_| checkpoint(file).await).await;
        }
    }

    /// The daemon's own reconciler has applied everything.
    async fn settle(&mut self) {
        self.at_last("reconciling", async |scene| {
            let (end, applied) = (
                scene.store.log.end().await.map_err(|error| error.to_string())?,
                scene.store.derived.applied_seq().await.map_err(|error| error.to_string())?,
            );
            if applied < end { Err(format!("{applied} of {end} applied")) } else { Ok(()) }
        })
        .await;
    }

    /// Nothing acknowledged is lost, and nothing is wrong.
    async fn is_whole(&mut self, fault: &str) {
        self.settle().await;
        let report = self
            .at_last("verifying", async |scene| {
                let (_keep, stop) = watch::channel(false);
                scene.reconciler.verify(&stop, &mut |_| ()).await
            })
            .await;
        assert!(report.holds(), "{fault}: {report:?}");
        let ids: Vec<_> = self.acknowledged.keys().map(|id| id.as_str().into()).collect();
        let known = self.store.log.known_ids(&ids).await.unwrap();
        assert_eq!(known.len(), ids.len(), "{fault}: acknowledged and lost");
    }
}

/// What a long-lived daemon does now and then: the write-ahead log is moved into its file, and cut.
async fn checkpoint(file: &str) -> Result<(), sqlx::Error> {
    let mut connection = SqliteConnection::connect(&format!("sqlite://{}", &file[1..])).await?;
    let moved = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await;
    connection.close().await?;
    moved.map(drop)
}

/// The workload itself; run by the tests above.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a part of the tests above, which preload the shim into it"]
async fn in_a_process_of_its_own() {
    let (file, step) = (variable("FAULTS_FILE").unwrap(), variable("FAULTS_STEP").unwrap());
    let file = FILES.into_iter().find(|known| *known == file).unwrap();
    let step: u32 = step.parse().unwrap();
    let control = Control::of_process();
    let config = Arc::new(mrrd::config::load(None, &Environment::of_process()).unwrap());
    let mut scene = Scene::set(config).await;
    scene.workload().await;
    for (calls, how) in WAYS {
        let (mut call, mut faults, since) = (1, 0, Instant::now());
        loop {
            control.arm(Fault { file, calls, how, first: call, last: call });
            scene.workload().await;
            let (failed, counted) = (control.failed(), control.counted());
            control.disarm();
            if failed == 0 {
                println!(
                    "{file}, calls {calls}, {how:?}: {faults} faults, {counted} calls at last, {:?}",
                    since.elapsed()
                );
                break;
            }
            faults += 1;
            scene.is_whole(&format!("{file}, calls {calls}, {how:?}, call {call}")).await;
            call += step;
        }
    }
}
