//! The README's way, walked from outside: a daemon that nobody gave a token, the nginx site that is shipped in front of it with TLS,
//! a signed webhook, a sign-in, a figure. On SQLite and on PostgreSQL.

use crate::support::{
    daemon::{SECRET, Settings},
    nginx::Nginx,
    postgres,
    python::{program, said},
};

async fn walked(settings: Settings) {
    let daemon = settings.without_tokens().start().await;
    // What the first start prints once: a link that signs in.
    daemon.wait_for_output("#token=");
    let output = daemon.output();
    assert!(!output.contains("skipping"), "a first start remarks on nothing: {output}");
    let after = output.split_once("#token=").unwrap().1;
    let token: String = after.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
    let (nginx, certificate) = Nginx::shipped(daemon.address());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/surface/walk.py");
    let address = format!("https://localhost:{}", nginx.address().port());
    let output = tokio::task::block_in_place(|| {
        program("python", daemon.dir())
            .args([script, &address, certificate.to_str().unwrap(), SECRET, &token])
            .output()
            .unwrap()
    });
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "4900");
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_readme_to_a_figure_behind_tls_on_sqlite() {
    walked(Settings::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_readme_to_a_figure_behind_tls_on_postgres() {
    walked(Settings::default().env("MRRD_DATABASE__URL", &postgres::database().await)).await;
}
