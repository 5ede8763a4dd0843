//! The real binary, serving on a free port over a directory of its own: started, killed, restarted, always reaped.

use std::{
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use bytes::Bytes;
use mrrd::{
    clock::Clock,
    demo::http::{Answer, Client},
};
use serde_json::Value;
use tempfile::TempDir;

/// The signing secret every daemon here is started with.
pub(crate) const SECRET: &str = "whsec_for_tests_only";

/// The token that opens every daemon here, unless a test sets another.
pub(crate) const TOKEN: &str = "a-token-for-tests-and-nothing-else";

/// How long a start, or settling, may take before the test fails: a bound, not a pace.
const PATIENCE: Duration = Duration::from_secs(180);

/// How a daemon is to run; `Daemon::start()` is the plain one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    env: Vec<(String, String)>,
    without_tokens: bool,
    ceiling_kib: Option<u64>,
    binary: Option<PathBuf>,
}

impl Settings {
    /// Sets one key, written as its environment variable (`MRRD_LEDGER__PROFILES`); the last one set wins.
    pub(crate) fn env(mut self, key: &str, value: &str) -> Self {
        self.env.push((key.to_owned(), value.to_owned()));
        self
    }

    /// What a key is set to.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.env.iter().rev().find(|(set, _)| set == key).map(|(_, value)| value.as_str())
    }

    /// Gives it so much address space and no more (`ulimit -v`): what takes more memory ends it.
    pub(crate) fn ceiling(self, kib: u64) -> Self {
        Self { ceiling_kib: Some(kib), ..self }
    }

    /// Another build than [`binary`].
    #[allow(dead_code, reason = "for benches, which compare builds")]
    pub(crate) fn binary(self, binary: PathBuf) -> Self {
        Self { binary: Some(binary), ..self }
    }

    /// Sets no token: the daemon makes one.
    pub(crate) fn without_tokens(self) -> Self {
        Self { without_tokens: true, ..self }
    }

    /// The first of the tokens set.
    fn token(&self) -> &str {
        self.get("MRRD_API__TOKENS").and_then(|tokens| tokens.split(',').next()).unwrap_or(TOKEN)
    }

    /// Starts it over an empty directory.
    pub(crate) async fn start(self) -> Daemon {
        let dir = Arc::new(TempDir::new().expect("a temporary directory"));
        Daemon::spawn(dir, self, &[]).await
    }
}

/// A running `mrrd serve`; killed and reaped when dropped.
pub(crate) struct Daemon {
    child: Child,
    output: Arc<Captured>,
    dir: Arc<TempDir>,
    settings: Settings,
    address: SocketAddr,
    client: Client,
}

#[derive(Default)]
struct Captured {
    text: Mutex<String>,
    grown: Condvar,
}

impl Captured {
    fn follow(self: &Arc<Self>, stream: impl Read + Send + 'static) {
        let captured = Arc::clone(self);
        std::thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                let mut text = captured.text.lock().unwrap();
                text.push_str(&String::from_utf8_lossy(&line));
                text.push('\n');
                captured.grown.notify_all();
            }
        });
    }

    fn so_far(&self) -> String {
        self.text.lock().unwrap().clone()
    }
}

/// The address in `… listening on http://127.0.0.1:41234…`.
fn address_in(output: &str) -> Option<SocketAddr> {
    let rest = output.split_once("listening on http://")?.1;
    let end = rest.find(|c: char| !(c.is_ascii_hexdigit() || "[].:".contains(c))).unwrap_or(rest.len());
    // The line may still be growing: only a whole one counts.
    (end < rest.len()).then(|| rest[..end].parse().ok()).flatten()
}

impl Daemon {
    /// A daemon with nothing set but its secret.
    pub(crate) async fn start() -> Self {
        Settings::default().start().await
    }

    /// Starts it over a directory that is there.
    pub(crate) async fn spawn(dir: Arc<TempDir>, settings: Settings, args: &[&str]) -> Self {
        let mut command = mrrd(dir.path(), &settings);
        let mut child = command
            .arg("serve")
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let output = Arc::new(Captured::default());
        output.follow(child.stdout.take().unwrap());
        output.follow(child.stderr.take().unwrap());
        let since = Instant::now();
        let address = loop {
            if let Some(address) = address_in(&output.so_far()) {
                break address;
            }
            let ended = child.try_wait().unwrap();
            if ended.is_some() || since.elapsed() > PATIENCE {
                let _ = child.kill();
                let _ = child.wait();
                panic!("mrrd serve is not listening ({ended:?}):\n{}", output.so_far());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        let client = Client::new(address).bearing(settings.token());
        Self { child, output, dir, settings, address, client }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A further connection, with the token.
    pub(crate) fn connect(&self) -> Client {
        Client::new(self.address).bearing(self.token())
    }

    /// A connection of somebody who has no token.
    pub(crate) fn stranger(&self) -> Client {
        Client::new(self.address)
    }

    /// The token that opens it.
    pub(crate) fn token(&self) -> &str {
        self.settings.token()
    }

    /// The address of a page, as a link that signs in.
    pub(crate) fn link(&self, path: &str) -> String {
        let (path, place) = path.split_once('#').unwrap_or((path, ""));
        let place = if place.is_empty() { String::new() } else { format!("&{place}") };
        format!("http://{}{path}#token={}{place}", self.address, self.token())
    }

    /// The directory its database lives in (and that it runs in).
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Everything it wrote so far, to stdout or stderr.
    pub(crate) fn output(&self) -> String {
        self.output.so_far()
    }

    /// Waits until its output contains `text`.
    pub(crate) fn wait_for_output(&self, text: &str) {
        let guard = self.output.text.lock().unwrap();
        let (guard, timeout) =
            self.output.grown.wait_timeout_while(guard, PATIENCE, |output| !output.contains(text)).unwrap();
        assert!(!timeout.timed_out(), "{text:?} never appeared in:\n{}", *guard);
    }

    /// Posts a signed webhook.
    pub(crate) async fn post(&mut self, body: impl Into<Bytes>) -> Answer {
        self.client.post_signed(SECRET, Clock::system().now(), body.into()).await.unwrap()
    }

    /// Posts a signed webhook that must be taken in.
    pub(crate) async fn accept(&mut self, body: impl Into<Bytes>) {
        let answer = self.post(body).await;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    }

    /// Gets `path`.
    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.client.get(path).await.unwrap()
    }

    /// Sends `body` to `path`, as a program with the token.
    pub(crate) async fn send(&mut self, method: &str, path: &str, body: impl Into<Bytes>) -> Answer {
        let fields = [("content-type", "application/json")];
        self.client.send(method.parse().unwrap(), path, &fields, body.into()).await.unwrap()
    }

    /// Gets `path`, which must answer 200 with JSON.
    pub(crate) async fn json(&mut self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "GET {path}: {}", String::from_utf8_lossy(&answer.body));
        serde_json::from_slice(&answer.body).expect("a JSON answer")
    }

    /// Waits until everything acknowledged is visible (`lag_events` 0).
    pub(crate) async fn settle(&mut self) {
        self.settle_within(PATIENCE).await;
    }

    /// The same where more is behind than a test ever leaves.
    pub(crate) async fn settle_within(&mut self, patience: Duration) {
        let since = Instant::now();
        loop {
            let status = self.json("/api/v1/status").await;
            if status["reconciler"]["lag_events"] == 0 {
                return;
            }
            assert!(since.elapsed() < patience, "still behind: {status}\n{}", self.output());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// SIGKILL: no drain, no goodbye.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it was running");
        self.child.wait().expect("it can be reaped");
    }

    /// Starts it again over the same data, after [`Daemon::kill`] or after its own end.
    pub(crate) async fn restart(self) -> Self {
        self.restart_saying(&[]).await
    }

    /// The same with arguments behind `serve`.
    pub(crate) async fn restart_saying(mut self, args: &[&str]) -> Self {
        let _ = self.child.kill();
        let _ = self.child.wait();
        Self::spawn(Arc::clone(&self.dir), self.settings.clone(), args).await
    }

    /// The same with one setting changed.
    pub(crate) async fn restart_with(mut self, key: &str, value: &str) -> Self {
        let _ = self.child.kill();
        let _ = self.child.wait();
        Self::spawn(Arc::clone(&self.dir), self.settings.clone().env(key, value), &[]).await
    }

    /// SIGTERM, then waits for its own end; returns whether it ended with 0.
    #[cfg(unix)]
    pub(crate) fn terminate(&mut self) -> bool {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.success();
            }
            assert!(since.elapsed() < PATIENCE, "it does not end on SIGTERM:\n{}", self.output());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Another `mrrd` process over the same data and configuration.
    pub(crate) fn command(&self, args: &[&str]) -> Output {
        mrrd(self.dir.path(), &self.settings).args(args).stdin(Stdio::null()).output().expect("the binary runs")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- output of mrrd serve ---\n{}", self.output());
        }
    }
}

/// The binary that is tried; another build of it, where a measurement or a long proof asks for one.
pub(crate) fn binary() -> PathBuf {
    std::env::var_os("MRRD_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_mrrd").into()).into()
}

/// The binary with a clean environment, a database in `dir`, and `settings` on top.
pub(crate) fn mrrd(dir: &Path, settings: &Settings) -> Command {
    let binary = settings.binary.clone().unwrap_or_else(binary);
    let mut command = match settings.ceiling_kib {
        None => Command::new(binary),
        Some(kib) => {
            let mut shell = Command::new("/bin/sh");
            shell.arg("-c").arg(format!("ulimit -v {kib} && exec \"$0\" \"$@\"")).arg(binary);
            shell
        }
    };
    command
        .current_dir(dir)
        .env_clear()
        .env("MRRD_SERVER__LISTEN", "127.0.0.1:0")
        .env("MRRD_DATABASE__URL", format!("sqlite://{}", dir.join("mrrd.db").display()))
        .env("MRRD_STRIPE__WEBHOOK_SECRETS", SECRET)
        .env("MRRD_API__TOKENS", TOKEN)
        .envs(settings.env.iter().map(|(key, value)| (key, value)));
    if settings.without_tokens {
        command.env_remove("MRRD_API__TOKENS");
    }
    command
}
