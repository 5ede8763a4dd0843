//! As known at: what lies beyond the log, or is yet to come, is refused by name; today's answer never passes for it
//! (rule `as-known-at`).

use serde_json::Value;

use super::ledger;
use crate::support::daemon::{Daemon, Settings};

/// Routes that answer from a prefix of the log, each with a parameter before `as_known_at`.
const ROUTES: [&str; 10] = [
    "/api/v1/mrr?interval=month",
    "/api/v1/metrics?interval=month",
    "/api/v1/movements?limit=5",
    "/api/v1/customers?limit=5",
    "/api/v1/customers/cus_1?profile=stripe",
    "/api/v1/customers/cus_1/explain?profile=stripe",
    "/api/v1/cohorts?profile=stripe",
    "/api/v1/committed?horizon=30",
    "/api/v1/goals?all=true",
    "/api/v1/segments?all=true",
];

/// The detail with which a question is refused as one that names `as_known_at` wrongly.
async fn refused(daemon: &mut Daemon, path: &str) -> String {
    let answer = daemon.get(path).await;
    let problem: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(answer.status, 422, "{path}: {problem}");
    let detail = problem["detail"].as_str().unwrap().to_owned();
    assert!(detail.starts_with("as_known_at: "), "{path}: {detail}");
    detail
}

#[tokio::test]
async fn a_place_beyond_the_log_and_an_instant_to_come_are_refused_with_the_last_place() {
    let mut daemon = ledger(Settings::default()).await;
    daemon.settle().await;
    let status = daemon.json("/api/v1/status").await;
    assert_eq!(status["log"]["last_seq"], 5);
    let today = status["now"].as_str().unwrap()[..10].to_owned();
    for route in ROUTES {
        let beyond = refused(&mut daemon, &format!("{route}&as_known_at=6")).await;
        assert!(beyond.contains("the log ends at place 5"), "{route}: {beyond}");
        let cut = refused(&mut daemon, &format!("{route}&as_known_at=6@2026-02-01T00:00:00Z")).await;
        assert!(cut.contains("the log ends at place 5"), "{route}: {cut}");
        for at in ["2100-01-01T00:00:00Z", "5@2100-01-01T00:00:00Z"] {
            let ahead = refused(&mut daemon, &format!("{route}&as_known_at={at}")).await;
            assert!(ahead.contains("2100-01-01T00:00:00Z is yet to come"), "{route}: {ahead}");
            assert!(ahead.contains("the log ends at place 5"), "{route}: {ahead}");
        }
        // The last place is one, and so is today, whose end is what "as of today" means.
        daemon.json(&format!("{route}&as_known_at=5")).await;
        daemon.json(&format!("{route}&as_known_at={today}T23:59:59Z")).await;
    }
    // Of today the answer says itself how far the log was read.
    let now = daemon.json(&format!("/api/v1/mrr?as_known_at={today}T23:59:59Z")).await;
    assert_eq!(now["as_known_at_seq"], 5);

    let report = daemon.command(&["report", "mrr", "--as-known-at", "999999"]);
    let said = String::from_utf8_lossy(&report.stderr).into_owned();
    assert_eq!(report.status.code(), Some(2), "{said}");
    assert!(said.contains("--as-known-at") && said.contains("the log ends at place 5"), "{said}");
}
