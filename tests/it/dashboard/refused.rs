//! While the log takes nothing every page says so, and no page says that all is well.

use mrrd::clock::Clock;
use serde_json::json;

use super::{everywhere, no_faults, once, walk, walk_at};
use crate::{
    faults::{
        posted,
        shim::{Control, Fault, How, WRITE, library},
        subscription, until,
    },
    support::daemon::Settings,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_that_are_refused_are_told_on_every_page() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control");
    let control = Control::create(&path);
    let settings = Settings::default()
        .env("LD_PRELOAD", library().to_str().unwrap())
        .env("FAULTS_CONTROL", path.to_str().unwrap());
    let mut daemon = settings.start().await;
    daemon.accept(subscription("evt_before", "cus_1")).await;
    daemon.settle().await;
    let (base, token) = (format!("http://{}", daemon.address()), daemon.token().to_owned());
    // Signed in while the log could be written; the fault comes while the page is looked at.
    let pages = json!([{"path": "/", "steps": [
        {"wait": "Webhooks are refused"}, {"look": "overview"}, {"click": {"text": "Health"}}, {"at": "/health"}, {"look": "health"},
    ]}]);
    let walking = tokio::task::spawn_blocking(move || walk_at(&base, &token, &once(), &pages));
    let output = &daemon.output();
    assert!(!output.contains("signed in"), "{output}");
    until("the browser has signed in", &mut daemon, async |daemon| daemon.output().contains("signed in")).await;
    control.arm(Fault { file: "/mrrd.db-wal", calls: WRITE, how: How::NoSpace, first: 1, last: u32::MAX });
    assert_eq!(posted(&mut daemon, "evt_refused").await, 503);
    let seen = walking.await.unwrap();
    let (_, overview) = seen[0].look("overview");
    for said in ["Webhooks are refused: the log can’t be written", "disk is full", "Stripe sends it again"] {
        assert!(overview.contains(said), "{said:?} is not on the overview:\n{overview}");
    }
    assert!(!overview.contains("Connected ·"), "{overview}");
    let (_, health) = seen[0].look("health");
    assert!(health.contains("are refused with 503"), "{health}");
    assert!(!health.contains("another process does it"), "{health}");
    // Nobody can sign in meanwhile, and hears why.
    let form =
        [("content-type", "application/x-www-form-urlencoded"), ("origin", &*format!("http://{}", daemon.address()))];
    let body = format!("token={}", daemon.token()).into();
    let answer = daemon.stranger().send(http::Method::POST, "/sign-in", &form, body).await.unwrap();
    let page = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(
        answer.status == 503 && page.contains("the disk that the database lies on is full"),
        "{} {page}",
        answer.status
    );
    control.disarm();
    until("webhooks are taken", &mut daemon, async |daemon| posted(daemon, "evt_after").await == 200).await;
    daemon.settle().await;
    let seen = walk(&daemon, &once(), &json!([{"path": "/health", "steps": [{"wait": "Connected ·"}]}]));
    seen[0].shows("are taken");
    assert!(!seen[0].text().contains("refused"), "{}", seen[0].text());
}

/// A signing secret of another endpoint: every webhook was answered 400, and the dashboard said that all was live.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_that_nobody_can_verify_are_told_on_every_page() {
    let mut daemon = Settings::default().start().await;
    let mut stranger = daemon.connect();
    let body = subscription("evt_1", "cus_1").into();
    let answer = stranger.post_signed("whsec_of_another_endpoint", Clock::system().now(), body).await.unwrap();
    assert_eq!(answer.status, 400);
    let seen = walk(
        &daemon,
        &everywhere(),
        &json!([
            {"path": "/", "steps": [{"wait": "Webhooks are refused"}]}, {"path": "/health", "steps": [{"wait": "and none is taken"}]},
        ]),
    );
    no_faults(&seen);
    for page in &seen {
        page.shows("Webhooks are refused, and none is taken");
        page.shows("no v1 signature matches");
        page.shows("none was taken since mrrd was started");
        assert!(!page.text().contains("Connected ·"), "{}", page.text());
    }
    daemon.accept(subscription("evt_1", "cus_1")).await;
    daemon.settle().await;
    let seen = walk(&daemon, &once(), &json!([{"path": "/health", "steps": [{"wait": "Connected ·"}]}]));
    assert!(!seen[0].text().contains("refused"), "{}", seen[0].text());
}
