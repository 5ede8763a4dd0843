//! What guides tell to type works as it stands there.

use std::{collections::BTreeSet, fs, path::Path};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::*;
use crate::{
    api::{JANUARY, event, subscription},
    support::{postgres::Cluster, sql},
};

/// The code blocks of a guide, the words behind their fence with each.
pub(super) fn blocks(guide: &str) -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guides").join(guide);
    let text = fs::read_to_string(path).unwrap();
    let inside = text.split("```").skip(1).step_by(2);
    inside.map(|block| block.split_once('\n').unwrap()).map(|(of, text)| (of.to_owned(), text.to_owned())).collect()
}

/// The block of plain commands that holds `command`.
fn commands(guide: &str, command: &str) -> String {
    let found = blocks(guide).into_iter().find(|(of, text)| of.is_empty() && text.contains(command));
    found.unwrap_or_else(|| panic!("{guide} doesn't tell {command:?}")).1
}

/// Types them into a shell, where `mrrd` is the binary.
async fn type_in(dir: &Path, settings: &Settings, text: String) {
    let binary = Path::new(env!("CARGO_BIN_EXE_mrrd")).parent().unwrap().display().to_string();
    let environment = mrrd(dir, settings);
    let mut shell = std::process::Command::new("/bin/sh");
    shell.current_dir(dir).env_clear().envs(environment.get_envs().filter_map(|(key, value)| Some((key, value?))));
    shell.env("PATH", format!("{binary}:/usr/bin:/bin")).arg("-ec").arg(text).stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || shell.output().unwrap()).await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
}

fn events(dir: &Path) {
    let plan = subscription("sub_1", "cus_1", "price_1", 2000, 1, JANUARY);
    let line = event("evt_1", "customer.subscription.created", JANUARY, &plan, None);
    fs::write(dir.join("events.jsonl"), line + "\n").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_is_backed_up_restored_and_taken_elsewhere_as_the_guide_tells() {
    let dir = TempDir::new().unwrap();
    let settings = Settings::default();
    events(dir.path());
    type_in(dir.path(), &settings, "mrrd replay events.jsonl; mrrd report mrr".into()).await;
    type_in(dir.path(), &settings, commands("upgrade.md", "mrrd backup")).await;
    assert!(dir.path().join("backups/monday/manifest.json").exists());
    type_in(dir.path(), &settings, commands("upgrade.md", "mrrd events export")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_and_a_database_made_as_the_guide_tells_are_enough() {
    let admin = postgres::database().await;
    let (_, sql) = blocks("postgres.md").into_iter().find(|(of, _)| of == "sql").expect("the guide tells no SQL");
    let mut superuser = PgConnection::connect(&admin).await.unwrap();
    for statement in sql.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut superuser).await.unwrap();
    }
    let (server, socket) = (admin.split_once('@').unwrap().1, admin.split_once("?host=").unwrap().1);
    let server = server.split_once('/').unwrap().0;
    let of = |role: &str| format!("postgres://{role}:choose%20one@{server}/mrrd?host={socket}");
    // Nobody else gets in, and mrrd is nothing but itself.
    sqlx::raw_sql("CREATE ROLE mrrd_guide_stranger LOGIN").execute(&mut superuser).await.unwrap();
    let stranger = PgConnection::connect(&of("mrrd_guide_stranger")).await.unwrap_err().to_string();
    assert!(stranger.contains("permission denied"), "{stranger}");
    let dir = TempDir::new().unwrap();
    events(dir.path());
    let settings = Settings::default().env("MRRD_DATABASE__URL", &of("mrrd"));
    type_in(dir.path(), &settings, commands("postgres.md", "mrrd replay")).await;
    let report = run_with(settings.clone(), &["report", "mrr", "--month", "2026-01", "--json"]).await.json();
    assert_eq!(report["data"][0]["closing_exact"], "2000");
    let served = settings.start().await;
    assert_eq!(beside(&served, &["verify", "--json"]).json()["ok"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_tls_set_up_as_the_guide_tells_is_the_only_one_talked_to() {
    let told = |with: &str| {
        let found = blocks("postgres.md").into_iter().find(|(of, text)| of == "conf" && text.contains(with));
        found.unwrap_or_else(|| panic!("the guide doesn't tell {with:?}")).1
    };
    let (configuration, access) = (told("ssl = on"), told("hostssl").replace("ADDRESS", "127.0.0.1"));
    let (cluster, certificate) =
        tokio::task::spawn_blocking(move || Cluster::start_with_tls(&configuration, &access)).await.unwrap();
    let mut superuser = PgConnection::connect(&cluster.url("postgres")).await.unwrap();
    let (_, role) = blocks("postgres.md").into_iter().find(|(of, _)| of == "sql").expect("the guide tells no SQL");
    for statement in role.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut superuser).await.unwrap();
    }
    let dir = TempDir::new().unwrap();
    events(dir.path());
    let at = |host: &str, more: &str| format!("postgres://mrrd:choose%20one@{host}:{}/mrrd{more}", cluster.port());
    let full = format!("?sslmode=verify-full&sslrootcert={}", certificate.display());
    let file = dir.path().join("events.jsonl").display().to_string();
    let replayed = async |url: String| run(&url, &["replay", "--json", &file]).await;
    for (url, why) in [
        (at("localhost", "?sslmode=disable"), "without TLS"),
        (at("127.0.0.1", &full), "under another name"),
        (at("localhost", "?sslmode=verify-full"), "vouched for by nobody known"),
    ] {
        let ended = replayed(url).await;
        assert_eq!(ended.code, 1, "a server {why} was talked to: {}{}", ended.out, ended.err);
        assert!(!ended.err.contains("choose"), "{}", ended.err);
    }
    let ended = replayed(at("localhost", &full)).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert_eq!(sql::number(&cluster.url("mrrd"), "SELECT COUNT(*) FROM event").await, 1);
}

/// What other tests type: it needs a machine or a container to install on, Stripe's API, a file of Stripe's, a live daemon, or room for a copy.
const ELSEWHERE: [&str; 12] = [
    "docker ",
    "install ",
    "sudo ",
    "systemctl ",
    "journalctl ",
    "mrrd init ",
    "mrrd backfill",
    "mrrd audit --csv FILE",
    "mrrd healthcheck",
    "mrrd feeds replay",
    "mrrd backup ",
    "mrrd restore ",
];

/// The order in which one would come to them.
const GUIDES: [&str; 9] = [
    "connect",
    "assistants",
    "not-stripes-figure",
    "close-a-month",
    "alerts",
    "feeds",
    "install",
    "upgrade",
    "personal-data",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_other_command_of_the_guides_does_what_it_is_shown_for() {
    let dir = TempDir::new().unwrap();
    let settings = Settings::default()
        .env("MRRD_LEDGER__PROFILES", "stripe,finance")
        .env("MRRD_ALERTS__CHANNELS__FINANCE__KIND", "stdout")
        .env("MRRD_FEEDS__CRM__KIND", "stdout");
    events(dir.path());
    fs::copy(dir.path().join("events.jsonl"), dir.path().join("export.jsonl")).unwrap();
    let listed: BTreeSet<String> = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guides"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| blocks(name).iter().any(|(of, _)| of.is_empty()))
        .collect();
    let typed: BTreeSet<String> = GUIDES.iter().chain(["postgres"].iter()).map(|name| format!("{name}.md")).collect();
    assert!(listed.is_subset(&typed), "a guide's commands are run by no test: {:?}", listed.difference(&typed));
    for guide in GUIDES {
        for (_, block) in blocks(&format!("{guide}.md")).into_iter().filter(|(of, _)| of.is_empty()) {
            for line in block.lines().map(str::trim).filter(|line| !line.is_empty()) {
                if !ELSEWHERE.iter().any(|start| line.starts_with(start)) {
                    // The account of this test, and a month that is over in it.
                    let line = line.replace("2026-10", "2026-01").replace("cus_…", "cus_1").replace("cus_123", "cus_1");
                    type_in(dir.path(), &settings, line).await;
                }
            }
        }
    }
}
