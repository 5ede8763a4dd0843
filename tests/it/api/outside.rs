//! The public surface as programs from outside see it: the document held by an independent validator, and every route asked what
//! the document lets one ask, by schemathesis.

use serde_json::json;

use super::ledger;
use crate::support::{
    daemon::{Daemon, Settings},
    python::{program, said},
};

#[test]
fn the_document_is_valid_openapi() {
    let dir = tempfile::tempdir().unwrap();
    let document = serde_json::to_string(&mrrd::api::document()).unwrap();
    std::fs::write(dir.path().join("openapi.json"), document).unwrap();
    let mut validator = program("openapi-spec-validator", dir.path());
    let output = validator.args(["--schema", "3.1", "openapi.json"]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

/// What every request is held to. Which of the values that a text may have are meant, the document doesn't say of each parameter,
/// so whether a value is refused rightly is held by the tests of each route.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance,unsupported_method,allow_header_conformance";

/// Asks every route but the stream, which never ends; `examples` for each route beside those its bounds make.
fn asked_by_schemathesis(daemon: &Daemon, examples: &str, seed: &str) {
    let dir = tempfile::tempdir().unwrap();
    let output = program("schemathesis", dir.path())
        .args(["run", &format!("http://{}/api/openapi.json", daemon.address())])
        .args(["--header", &format!("Authorization: Bearer {}", daemon.token())])
        .args(["--exclude-path", "/api/v1/stream", "--checks", CHECKS])
        .args(["--phases", "examples,coverage,fuzzing", "--max-examples", examples, "--seed", seed])
        .args(["--generation-deterministic", "--continue-on-failure", "--workers", "1"])
        .args(["--suppress-health-check", "all", "--warnings", "off"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

/// A ledger with something of everything: a closed month, a planned event, a muted rule, a feed, a second variant of an event.
async fn lived_in() -> Daemon {
    let settings = Settings::default()
        .env("MRRD_FEEDS__CRM__URL", "http://127.0.0.1:9/")
        .env("MRRD_FEEDS__CRM__SECRET", "a-secret-of-the-feed-and-long");
    let mut daemon = ledger(settings).await;
    daemon.settle().await;
    for (path, body) in [
        ("/api/v1/closings", json!({"month": "2026-01"})),
        ("/api/v1/annotations", json!({"from": "2026-02-01", "note": "a price change"})),
        ("/api/v1/mutes", json!({"rule": "large_loss", "until": "2100-01-01T00:00:00Z"})),
    ] {
        let answer = daemon.send("POST", path, body.to_string()).await;
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
    }
    daemon
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_answers_as_documented() {
    let mut daemon = lived_in().await;
    tokio::task::block_in_place(|| asked_by_schemathesis(&daemon, "25", "1"));
    // Whatever it was asked, it works on.
    assert_eq!(daemon.get("/readyz").await.status, 200);
    assert!(!daemon.output().contains("panicked"), "{}", daemon.output());
}

/// The same with thousands of questions for each route and a seed of its own: `make soak`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: make soak"]
async fn every_route_answers_as_documented_for_long() {
    let daemon = lived_in().await;
    let seed = std::env::var_os("SURFACE_SEED").map_or_else(|| "2".to_owned(), |seed| seed.into_string().unwrap());
    tokio::task::block_in_place(|| asked_by_schemathesis(&daemon, "1500", &seed));
    assert!(!daemon.output().contains("panicked"), "{}", daemon.output());
}
