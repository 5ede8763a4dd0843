//! `mrrd init --wait`: the first event is waited for, and each that is refused is told with what would mend it.

use std::{
    io::{BufRead as _, BufReader},
    process::Command,
    time::{Duration, Instant},
};

use mrrd::{clock::Clock, demo::http::Client};

use super::*;
use crate::api::{JANUARY, event, subscription};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn init_waits_for_the_first_event_and_says_what_is_wrong_with_others() {
    let dir = TempDir::new().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_mrrd"))
        .args(["init", "--secret", "whsec_of_init", "--wait", "120"])
        .current_dir(dir.path())
        .env_clear()
        .env("MRRD_SERVER__LISTEN", "127.0.0.1:0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let waiting = lines.find(|line| line.starts_with("Waiting for the first signed event")).unwrap();
    let address = waiting.split("http://").nth(1).unwrap().split('/').next().unwrap().parse().unwrap();
    let mut client = Client::new(address);
    let plan = subscription("sub_1", "cus_1", "price_1", 2000, 1, JANUARY);
    let body = event("evt_1", "customer.subscription.created", JANUARY, &plan, None);
    let now = || Clock::system().now();
    let refused = client.post_signed("whsec_of_another", now(), body.clone().into()).await.unwrap();
    assert_eq!(refused.status, 400);
    assert!(lines.next().unwrap().contains("signed with another secret"));
    let slash = client.post("/webhooks/stripe/", None, body.clone().into()).await.unwrap();
    assert_eq!(slash.status, 404);
    assert!(lines.next().unwrap().contains("take the slash at the end off"));
    let old = client.post_signed("whsec_of_init", now().plus(-3_600), body.clone().into()).await.unwrap();
    assert_eq!(old.status, 400);
    assert!(lines.next().unwrap().contains("behind this machine's clock"));
    let taken = client.post_signed("whsec_of_init", now(), body.into()).await.unwrap();
    assert_eq!(taken.status, 200);
    assert!(lines.next().unwrap().contains("evt_1 (customer.subscription.created) came, signed well, and is kept."));
    let since = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(since.elapsed() < Duration::from_secs(60), "it doesn't end");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(child.wait().unwrap().success());
    let url = format!("sqlite://{}", dir.path().join("mrrd.db").display());
    let report = run(&url, &["report", "mrr", "--month", "2026-01", "--json"]).await.json();
    assert_eq!(report["data"][0]["closing_exact"], "2000");
}
