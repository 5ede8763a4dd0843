//! The dashboard in a real browser: Chromium without a window loads the page, and what it shows is what the API answers.

use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::ledger;
use crate::support::daemon::{Daemon, Settings};

/// The page as it stands once its scripts have run, and what the console said.
fn look(daemon: &Daemon, path: &str) -> (String, Vec<String>) {
    look_at(&daemon.link(path))
}

fn look_at(address: &str) -> (String, Vec<String>) {
    let profile = TempDir::new().unwrap();
    let output = Command::new("chromium")
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--lang=en-US", "--enable-logging=stderr"])
        .args(["--virtual-time-budget=10000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(address)
        .stdin(Stdio::null())
        .output()
        .expect("this test needs Chromium: apt-get install chromium");
    let said = String::from_utf8_lossy(&output.stderr);
    let console = said.lines().filter(|line| line.contains(":CONSOLE")).map(str::to_owned).collect();
    (String::from_utf8_lossy(&output.stdout).into_owned(), console)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_shows_the_figures_of_the_api_and_says_no_error() {
    let mut daemon = ledger(Settings::default()).await;
    daemon.settle().await;
    let mrr = daemon.json("/api/v1/mrr").await;
    let closing = mrr["data"].as_array().unwrap().last().unwrap()["closing"].as_i64().unwrap();
    let (page, console) = look(&daemon, "/");
    assert_eq!(console, Vec::<String>::new());
    let figure = format!("<dt>MRR</dt><dd>${}.{:02}", closing / 100, closing % 100);
    assert!(page.contains(&figure), "{figure} is not in {page}");
    for shown in ["all in the figures", "cus_2", "cancellation", "Largest customers"] {
        assert!(page.contains(shown), "{shown} is not in {page}");
    }
    let (panel, console) = look(&daemon, "/#customer=cus_2");
    assert_eq!(console, Vec::<String>::new());
    for shown in ["too expensive", "evt_4", "Every rule applied"] {
        assert!(panel.contains(shown), "{shown} is not in {panel}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_session_there_is_a_sign_in_page_and_nothing_else() {
    let daemon = ledger(Settings::default()).await;
    let (page, console) = look_at(&format!("http://{}/#customer=cus_1", daemon.address()));
    assert_eq!(console, Vec::<String>::new());
    assert!(page.contains(r#"<form id="sign-in""#), "{page}");
    assert!(!page.contains("cus_2") && !page.contains("Largest customers"), "{page}");
    let (page, _) = look_at(&format!("http://{}/#token=no-token-of-it", daemon.address()));
    assert!(page.contains("That is no token of this ledger."), "{page}");
}
