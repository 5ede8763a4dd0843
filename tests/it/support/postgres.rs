//! A throwaway PostgreSQL: one cluster for the whole test process, an empty database for whoever asks; and clusters of
//! their own for tests that stop one.
//!
//! It listens on a socket in its own folder and nowhere else (one for measurements on 127.0.0.1 as well), and is gone when the
//! test process is, however that ends.
//! Without PostgreSQL's programs the tests fail: half of what mrrd promises would go untested.

use std::{
    fs,
    net::TcpListener,
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// A running server with its data; gone when dropped, or when this process is, however that ends.
pub(crate) struct Cluster {
    folder: PathBuf,
    /// What a standby of it has too.
    settings_of_all: String,
    settings: String,
    /// Of its socket's name, and of 127.0.0.1 where it listens there.
    port: u16,
    /// Its stdin closes with this process; then it stops the server and removes the folder.
    watcher: Child,
}

/// What a socket is named after where nobody asks for TCP.
const PORT: u16 = 5432;

static CLUSTER: OnceLock<Cluster> = OnceLock::new();

/// The URL of a new, empty database.
pub(crate) async fn database() -> String {
    // Nothing in a test outlives the machine, so nothing waits for its disk.
    database_of("-c fsync=off -c shared_buffers=32MB").await
}

/// The URL of a new, empty database that flushes each commit: what a measurement is taken on. A process has one cluster:
/// it asks either for these or for [`database`].
pub(crate) async fn durable_database() -> String {
    new_database(|| Cluster::start_on_tcp("-c max_connections=300 -c fsync=on -c shared_buffers=128MB")).await
}

/// The same database over TCP on this machine.
pub(crate) fn over_tcp(url: &str) -> String {
    let (address, _) = url.split_once('?').expect("a URL that names its socket's folder");
    address.replacen("@localhost:", "@127.0.0.1:", 1)
}

async fn database_of(settings: &'static str) -> String {
    new_database(move || Cluster::start(&format!("-c max_connections=300 {settings}"))).await
}

async fn new_database(start: impl FnOnce() -> Cluster + Send + 'static) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let cluster = tokio::task::spawn_blocking(move || CLUSTER.get_or_init(start)).await.unwrap();
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::SeqCst));
    let mut admin = PgConnection::connect(&cluster.url("postgres")).await.unwrap();
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut admin).await.unwrap();
    cluster.url(&name)
}

impl Cluster {
    /// A new one. `settings` are of the server's command line.
    pub(crate) fn start(settings: &str) -> Self {
        Self::without_data(settings, PORT).made()
    }

    /// A new one that listens on 127.0.0.1 too, where a port is free.
    fn start_on_tcp(settings: &str) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self::without_data(&format!("{settings} -c listen_addresses=127.0.0.1 -c port={free}"), free).made()
    }

    /// A new one that talks TLS on 127.0.0.1, as the host `localhost`; `configuration` and `access` are what its two files say of
    /// it. Its certificate vouches for itself.
    pub(crate) fn start_with_tls(configuration: &str, access: &str) -> (Self, PathBuf) {
        let cluster = Self::start_on_tcp("-c fsync=off");
        cluster.stop();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let data = cluster.folder.join("data");
        let owner = fs::metadata(&data).unwrap();
        for (name, text, mode) in [
            ("server.crt", made.cert.pem(), 0o644),
            ("server.key", made.signing_key.serialize_pem(), 0o600),
            ("pg_hba.conf", format!("local all all trust\n{access}"), 0o600),
        ] {
            fs::write(data.join(name), text).unwrap();
            fs::set_permissions(data.join(name), fs::Permissions::from_mode(mode)).unwrap();
            chown(data.join(name), Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        let settings = fs::read_to_string(data.join("postgresql.conf")).unwrap() + configuration;
        fs::write(data.join("postgresql.conf"), settings).unwrap();
        let certificate = cluster.folder.join("certificate.pem");
        fs::write(&certificate, made.cert.pem()).unwrap();
        cluster.start_again();
        (cluster, certificate)
    }

    /// The port of its socket's name, and of 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Makes its data, and starts it.
    fn made(self) -> Self {
        let cluster = self;
        // A collation of people's, not of bytes: text keys must not depend on the cluster's.
        let collation = ["--locale-provider=icu", "--icu-locale=en", "--locale=C", "--encoding=UTF8"];
        cluster.run(
            Command::new(programs().join("initdb"))
                .arg("--pgdata")
                .arg(cluster.folder.join("data"))
                .args(["--username=postgres", "--auth=trust", "--no-sync"])
                .args(collation),
        );
        cluster.start_again();
        cluster
    }

    /// One that follows this one, and could take its place.
    pub(crate) fn standby(&self) -> Self {
        let standby = Self::without_data(&self.settings_of_all, PORT);
        standby.run(
            Command::new(programs().join("pg_basebackup"))
                .arg("--pgdata")
                .arg(standby.folder.join("data"))
                .arg("--host")
                .arg(&self.folder)
                .args(["--username=postgres", "--checkpoint=fast", "--write-recovery-conf", "--no-sync"]),
        );
        standby.start_again();
        standby
    }

    /// The standby follows nobody any more, and takes writes.
    pub(crate) fn promote(&self) {
        let promote = ["promote", "--wait", "--silent", "--pgdata"];
        self.run(Command::new(programs().join("pg_ctl")).args(promote).arg(self.folder.join("data")));
    }

    /// Where it listens.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join(format!(".s.PGSQL.{}", self.port))
    }

    /// A folder for one, and whoever removes it.
    fn without_data(settings: &str, port: u16) -> Self {
        let programs = programs();
        let folder = tempfile::Builder::new().prefix("mrrd-pg-").tempdir().unwrap().keep();
        let stop = r#"cat >/dev/null; "$0" stop --pgdata "$1/data" --mode immediate --silent; rm -rf "$1""#;
        let mut watcher = Command::new("sh");
        watcher.args(["-c", stop]).arg(programs.join("pg_ctl")).arg(&folder);
        watcher.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let watcher = unprivileged(&mut watcher, &folder).spawn().unwrap();
        let options = format!("-k '{}' -c listen_addresses= {settings}", folder.display());
        Self { folder, settings_of_all: settings.into(), settings: options, port, watcher }
    }

    /// Starts the server over the same data, after [`Cluster::stop`].
    pub(crate) fn start_again(&self) {
        self.run(
            Command::new(programs().join("pg_ctl"))
                .args(["start", "--wait", "--silent"])
                .arg("--pgdata")
                .arg(self.folder.join("data"))
                .arg("--log")
                .arg(self.folder.join("log"))
                .args(["--options", &self.settings]),
        );
        let since = Instant::now();
        while !self.socket().exists() {
            assert!(since.elapsed() < Duration::from_secs(30), "PostgreSQL made no socket");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops the server as a power cut would: no goodbye to anybody.
    pub(crate) fn stop(&self) {
        let stop = ["stop", "--wait", "--silent", "--mode=immediate", "--pgdata"];
        self.run(Command::new(programs().join("pg_ctl")).args(stop).arg(self.folder.join("data")));
    }

    /// Every process of it stands still (on Linux), as on a machine that is out of memory or whose disk hangs.
    pub(crate) fn pause(&self) {
        self.signal("STOP");
    }

    /// And goes on.
    pub(crate) fn go_on(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        let main = fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap();
        let main = main.lines().next().unwrap();
        // Behind a process's name, in brackets, comes its state, and then its parent.
        let is_child = |stat: &str| {
            stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)).is_some_and(|parent| parent == main)
        };
        let children = fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .filter(|entry| fs::read_to_string(entry.path().join("stat")).is_ok_and(|stat| is_child(&stat)));
        let sent = Command::new("kill")
            .arg(format!("-{signal}"))
            .arg(main)
            .args(children.map(|entry| entry.file_name()))
            .status();
        assert!(sent.unwrap().success());
    }

    /// Where a database of it is.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@localhost:{}/{database}?host={}", self.port, self.folder.display())
    }

    fn run(&self, command: &mut Command) {
        let output = unprivileged(command, &self.folder).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        assert!(output.status.success(), "{command:?}: {text}\n{log}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.watcher.stdin.take());
        let _ = self.watcher.wait();
    }
}

/// Where `initdb` and `pg_ctl` are: the newest of Debian's folders, else wherever `PATH` finds them.
fn programs() -> PathBuf {
    let debian =
        fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found: Vec<PathBuf> = debian.filter(|folder| folder.join("initdb").exists()).collect();
    // "9" sorts after "15": shorter names of versions are older.
    found.sort_by_key(|folder| (folder.as_os_str().len(), folder.clone()));
    found.pop().or_else(|| std::env::split_paths(&path).find(|folder| folder.join("initdb").exists())).expect(
        "these tests need PostgreSQL 15 or newer: apt-get install postgresql (Debian), brew install postgresql (macOS)",
    )
}

/// PostgreSQL refuses to run as root: then the user `postgres` runs it, and owns the folder.
fn unprivileged<'c>(command: &'c mut Command, folder: &Path) -> &'c mut Command {
    let id = |args: &[&str]| -> Option<u32> {
        let output = Command::new("id").args(args).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    command.current_dir(folder);
    if id(&["-u"]) != Some(0) {
        return command;
    }
    let missing = "root can't run PostgreSQL, and there is no user postgres: apt-get install postgresql";
    let (user, group) = (id(&["-u", "postgres"]).expect(missing), id(&["-g", "postgres"]).expect(missing));
    chown(folder, Some(user), Some(group)).unwrap();
    command.uid(user).gid(group)
}
