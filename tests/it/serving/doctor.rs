//! What `mrrd doctor` finds out from the daemon that runs.

use std::{path::Path, process::Stdio};

use mrrd::{clock::Clock, demo::http::sign};

use super::webhooks::event;
use crate::{
    api::{JANUARY, subscription},
    support::daemon::{Daemon, SECRET, Settings, mrrd},
};

fn doctor(dir: &Path, settings: &Settings) -> String {
    let output = mrrd(dir, settings).arg("doctor").stdin(Stdio::null()).output().unwrap();
    [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat()
}

/// Posts what is answered 400.
async fn refused(daemon: &Daemon, secret: &str, body: &str) {
    let signature = sign(secret, Clock::system().now(), body.as_bytes());
    let answer = daemon.connect().post("/webhooks/stripe", Some(&signature), body.to_owned().into()).await.unwrap();
    assert_eq!(answer.status, 400);
}

/// `ok  webhooks` was said while every webhook was refused: only the daemon's own status knew.
#[tokio::test]
async fn that_the_running_daemon_refuses_webhooks_is_said() {
    let mut daemon = Daemon::start().await;
    daemon.accept(event("evt_1")).await;
    let daemon = daemon.restart().await;
    let address = daemon.address().to_string();
    let asked = |token: &str| {
        let ours = Settings::default().env("MRRD_SERVER__LISTEN", &address).env("MRRD_API__TOKENS", token);
        doctor(daemon.dir(), &ours)
    };
    let told = asked(daemon.token());
    assert!(told.contains(&format!("ok  webhooks: no endpoint of the mrrd at {address} refuses all")), "{told}");

    refused(&daemon, "whsec_other", &event("evt_2")).await;
    let told = asked(daemon.token());
    for part in [
        "warning  webhooks: what is posted to /webhooks/stripe is refused (signature-mismatch) since ",
        "check that the endpoint's signing secret is configured",
        "(stripe.webhook_secrets). anybody may post there",
        "warning  webhooks: the last one that was taken came at ",
    ] {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
    assert!(!told.contains("ok  webhooks"), "{told}");

    // Whoever has another token sees what is counted, and that the reason isn't known.
    let told = asked("a-token-of-another-ledger-altogether");
    let counted =
        "warning  webhooks: what is posted to /webhooks/stripe is refused, and none is taken; why isn't known here";
    assert!(told.contains(counted), "{told}");

    // What is signed right is Stripe's, and refusing it is a fault.
    refused(&daemon, SECRET, "not an event").await;
    let told = asked(daemon.token());
    assert!(told.contains("failed  webhooks: what is posted to /webhooks/stripe is refused (body-not-json)"), "{told}");
}

/// Nothing was said of what couldn't be known, and the size was another than the Health page's.
#[tokio::test]
async fn data_quality_and_the_size_of_the_ledger_are_told() {
    let mut daemon = Daemon::start().await;
    daemon.accept(event("evt_1")).await;
    daemon.settle().await;
    let told = doctor(daemon.dir(), &Settings::default());
    assert!(told.contains("ok  quality: everything received could be read, priced and put in order"), "{told}");
    assert!(told.contains(" are free, the ledger holds ") && told.contains(" and its journals "), "{told}");

    let mut doubtful = subscription("sub_1", "cus_1", "price_1", 1000, 1, JANUARY);
    doubtful["discounts"] = serde_json::json!(["di_unheard"]);
    daemon.accept(crate::api::event("evt_2", "customer.subscription.created", JANUARY, &doubtful, None)).await;
    daemon.settle().await;
    let told = doctor(daemon.dir(), &Settings::default());
    let line = "warning  quality: 1 entry is open (unresolved_discount: 1): `mrrd quality` lists each with what would settle it";
    assert!(told.contains(line), "{told}");
}

#[tokio::test]
async fn whether_webhooks_are_refused_isnt_known_where_no_daemon_can_be_asked() {
    let mut daemon = Daemon::start().await;
    daemon.accept(event("evt_1")).await;
    assert!(daemon.terminate());
    let told = doctor(daemon.dir(), &Settings::default());
    let unknown = "warning  webhooks: whether any are refused now isn't known: no mrrd of this ledger answers at ";
    assert!(told.contains(unknown), "{told}");
    let api = Settings::default().env("MRRD_SERVER__ROLES", "reconciler,api");
    let told = doctor(daemon.dir(), &api);
    assert!(told.contains("ok  webhooks: whether any are refused isn't known here"), "{told}");
}
