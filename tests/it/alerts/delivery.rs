//! Delivery: exactly once by id whatever dies, and no channel holds back another.

use std::{
    collections::BTreeSet,
    net::TcpListener,
    sync::Arc,
    time::{Duration, Instant},
};

use mrrd::{
    alerts::{message::Message, sample, watch::Watcher},
    clock::Clock,
    config::{self, Environment},
    ledger::time::UnixTime,
    reconciler::driver::Status,
    store::{
        Store,
        records::alerts::{DeliveryRow, DeliveryState, NewAlert, Outgoing},
    },
    telemetry::Metrics,
};
use serde_json::json;
use tokio::{sync::watch, task::JoinHandle};

use super::{
    account,
    channels::{Receiver, Temper, channel, webhook},
};
use crate::{
    api::{DAY, event},
    support::{daemon::Daemon, postgres},
};

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(40);

/// A port on which nobody listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/", listener.local_addr().unwrap())
}

/// One event after which `large_loss` fires: a customer of 5 000.00 leaves.
async fn whale_leaves(daemon: &mut Daemon) {
    let now = Clock::system().now().0;
    let mut whale = account::paying("cus_whale", now - 90 * DAY);
    whale["items"]["data"][0]["price"]["unit_amount"] = json!(500_000);
    whale["items"]["data"][0]["price"]["unit_amount_decimal"] = json!("500000");
    daemon.accept(event("evt_1", "customer.subscription.created", now - 90 * DAY, &whale, None)).await;
    whale["status"] = json!("canceled");
    whale["ended_at"] = json!(now);
    daemon.accept(event("evt_2", "customer.subscription.deleted", now, &whale, None)).await;
}

/// Waits until the first alert's message to `channel` is in this state.
async fn reached(daemon: &mut Daemon, channel: &str, state: &str) -> serde_json::Value {
    let since = Instant::now();
    loop {
        let list = daemon.json("/api/v1/alerts").await;
        let deliveries = list["data"][0]["deliveries"].as_array().cloned().unwrap_or_default();
        if let Some(found) = deliveries.iter().find(|one| one["channel"] == channel && one["state"] == state) {
            return found.clone();
        }
        assert!(since.elapsed() < PATIENCE, "{list}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What a Workflow of Teams takes.
const CARD: &str = "application/vnd.microsoft.card.adaptive";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_a_hanging_and_a_busy_channel_hold_back_nothing() {
    let receiver = Receiver::start(|number, path| match (path, number) {
        ("/hanging", _) => Temper::Hang,
        ("/busy", 0) => Temper::Wait(6),
        ("/broken", 0) => Temper::Answer(500),
        _ => Temper::Take,
    })
    .await;
    let mut settings = webhook(account::settings(), "a_dead", &nobody());
    for name in ["hanging", "busy", "broken", "good"] {
        settings = webhook(settings, name, &receiver.url(&format!("/{name}")));
    }
    let slack = [("KIND", "slack"), ("URL", &receiver.url("/slack"))];
    let pager = [("KIND", "pagerduty"), ("URL", &receiver.url("/pager")), ("ROUTING_KEY", "key_nobody_may_see")];
    let teams = [("KIND", "teams"), ("URL", &receiver.url("/teams?sig=nobody_may_see"))];
    settings = channel(channel(channel(settings, "chat", &slack), "pager", &pager), "teams", &teams);
    // This one isn't told of large losses.
    settings =
        webhook(settings, "other", &receiver.url("/other")).env("MRRD_ALERTS__CHANNELS__OTHER__RULES", "nrr_below");
    let mut daemon = settings.start().await;
    whale_leaves(&mut daemon).await;
    let posted = Instant::now();
    let any = |_: &_| true;
    let good = receiver.wait("/good", PATIENCE, any).await;
    assert!(good.at - posted < Duration::from_secs(15), "{:?}", good.at - posted);

    let chat = receiver.wait("/slack", PATIENCE, any).await;
    let blocks = chat.body["blocks"].as_array().unwrap();
    assert_eq!(
        (&blocks[0]["type"], chat.body["text"].as_str().unwrap().starts_with("Large loss")),
        (&json!("header"), true)
    );
    assert!(chat.body["blocks"].to_string().contains("|cus_whale>"), "{}", chat.body);
    let card = receiver.wait("/teams", PATIENCE, any).await.body;
    assert_eq!((&card["type"], &card["attachments"][0]["contentType"]), (&json!("message"), &json!(CARD)), "{card}");
    let card = &card["attachments"][0]["content"];
    assert_eq!((&card["type"], &card["version"]), (&json!("AdaptiveCard"), &json!("1.4")));
    let said = card["body"].to_string();
    assert!(said.contains("Large loss") && said.contains("\"text\":\"cus_whale\""), "{said}");
    assert!(said.contains("Action.OpenUrl"), "{said}");
    let pager = receiver.wait("/pager", PATIENCE, any).await;
    assert_eq!((&pager.body["event_action"], &pager.body["dedup_key"]), (&json!("trigger"), &good.body["id"]));
    assert_eq!(pager.body["payload"]["severity"], "warning");

    reached(&mut daemon, "broken", "delivered").await;
    reached(&mut daemon, "busy", "delivered").await;
    // Tried by now, and still waiting.
    let dead = reached(&mut daemon, "a_dead", "waiting").await;
    assert!(dead["last_error"].as_str().unwrap().contains("refused"), "{dead}");
    let [first, second] = &receiver.sent("/busy")[..] else { panic!("{:?}", receiver.sent("/busy")) };
    assert!(second.at - first.at >= Duration::from_secs(5), "Retry-After says 6: {:?}", second.at - first.at);
    assert_eq!(first.body["id"], second.body["id"]);
    assert_eq!((receiver.sent("/good").len(), receiver.sent("/other").len()), (1, 0));
    let output = daemon.output();
    assert!(!output.contains("nobody_may_see") && !output.contains("/hanging"), "{output}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_anywhere_it_is_delivered_once_by_id() {
    // The first request is never answered: the daemon dies with its message on the wire.
    let receiver = Receiver::start(|number, _| if number == 0 { Temper::Hang } else { Temper::Take }).await;
    let mut daemon = webhook(account::settings(), "ops", &receiver.url("/ops")).start().await;
    whale_leaves(&mut daemon).await;
    // Acknowledged, and very likely not judged yet.
    daemon.kill();
    let mut daemon = daemon.restart().await;
    receiver.wait("/ops", PATIENCE, |_| true).await;
    daemon.kill();
    let mut daemon = daemon.restart().await;
    reached(&mut daemon, "ops", "delivered").await;
    daemon.kill();
    let mut daemon = daemon.restart().await;
    reached(&mut daemon, "ops", "delivered").await;
    assert_eq!(daemon.json("/api/v1/alerts").await["data"].as_array().unwrap().len(), 1);
    // A short list says which alerts there are; what each says in full is on its own route.
    let short = daemon.json("/api/v1/alerts?details=false").await["data"][0].clone();
    let whole = daemon.json(&format!("/api/v1/alerts/{}", short["id"].as_str().unwrap())).await;
    assert_eq!((short.get("alert"), &short["headline"]), (None, &whole["headline"]));
    assert_eq!(whole["alert"]["customers"][0]["customer"], "cus_whale");
    let ids: BTreeSet<String> = receiver.sent("/ops").iter().map(|sent| sent.body["id"].to_string()).collect();
    assert_eq!((ids.len(), receiver.sent("/ops").len()), (1, 2), "{ids:?}");
}

/// A watcher over a store of its own connections, as a further process would be.
struct Process {
    stop: watch::Sender<bool>,
    running: JoinHandle<()>,
    _ledger: watch::Sender<Status>,
}

impl Process {
    async fn start(url: &str, channel: &str, clock: &Clock) -> Self {
        let environment = Environment::from([
            ("MRRD_ALERTS__CHANNELS__OPS__KIND", "webhook"),
            ("MRRD_ALERTS__CHANNELS__OPS__URL", channel),
            ("MRRD_ALERTS__CHANNELS__OPS__SECRET", "some secret"),
        ]);
        let file = tempfile::NamedTempFile::new().unwrap();
        let config = Arc::new(config::load(Some(file.path()), &environment).unwrap());
        let store = Store::open(url).await.unwrap();
        let watcher = Watcher::new(store.reader().clone(), config, clock.clone(), Arc::new(Metrics::default()));
        let ((stop, told), (_ledger, status)) = (watch::channel(false), watch::channel(Status::default()));
        Self { stop, running: tokio::spawn(watcher.run(status, told)), _ledger }
    }

    async fn end(self) {
        self.stop.send(true).unwrap();
        tokio::time::timeout(PATIENCE, self.running).await.expect("it ends when told to").unwrap();
    }
}

/// Puts an alert into the outbox for `ops`.
async fn due(store: &Store, id: &str, now: UnixTime) {
    let alert = sample::alert(now);
    let message = Message::raised(id, now, &alert);
    let new = NewAlert {
        id: id.into(),
        rule: "large_loss".into(),
        subject: String::new(),
        day: alert.day,
        raised_at: now,
        headline: message.headline.clone(),
        content: "{}".into(),
        silenced: None,
        closed: true,
    };
    let message = serde_json::to_string(&message).unwrap();
    let outgoing = Outgoing { event: "raised", message, channels: vec!["ops".into()] };
    assert!(store.records.raise_alert(&new, &outgoing).await.unwrap());
}

/// Waits until the message about `id` is as wanted.
async fn becomes(store: &Store, id: &str, wanted: impl Fn(&DeliveryRow) -> bool) -> DeliveryRow {
    let since = Instant::now();
    loop {
        let rows = store.records.deliveries(&[id]).await.unwrap();
        if let Some(row) = rows.iter().find(|row| wanted(row)) {
            return row.clone();
        }
        assert!(since.elapsed() < PATIENCE, "{rows:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_delivered_in_a_day_has_failed() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("mrrd.db").display());
    let (store, now) = (Store::open(&url).await.unwrap(), UnixTime(1_772_000_000));
    let clock = Clock::fixed(now);
    due(&store, "al_1", now).await;
    let process = Process::start(&url, &nobody(), &clock).await;
    let row = becomes(&store, "al_1", |row| row.attempts > 0).await;
    assert_eq!(row.state, DeliveryState::Waiting);
    // A minute before the day is over it is still tried; then no more.
    clock.set(now.plus(DAY - 60));
    let tried = becomes(&store, "al_1", |again| again.attempts > row.attempts).await;
    assert_eq!(tried.state, DeliveryState::Waiting);
    clock.set(now.plus(DAY));
    let row = becomes(&store, "al_1", |row| row.state == DeliveryState::Failed).await;
    assert!(row.last_error.unwrap().contains("refused"));
    process.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_processes_one_delivers_and_another_takes_over() {
    let receiver = Receiver::start(|_, _| Temper::Take).await;
    let (url, clock) = (postgres::database().await, Clock::system());
    let store = Store::open(&url).await.unwrap();
    let one = Process::start(&url, &receiver.url("/ops"), &clock).await;
    let other = Process::start(&url, &receiver.url("/ops"), &clock).await;
    for n in 0..10 {
        due(&store, &format!("al_{n}"), clock.now()).await;
    }
    for n in 0..10 {
        becomes(&store, &format!("al_{n}"), |row| row.state == DeliveryState::Delivered).await;
    }
    one.end().await;
    due(&store, "al_last", clock.now()).await;
    becomes(&store, "al_last", |row| row.state == DeliveryState::Delivered).await;
    other.end().await;
    let ids: BTreeSet<String> = receiver.sent("/ops").iter().map(|sent| sent.body["id"].to_string()).collect();
    assert_eq!((ids.len(), receiver.sent("/ops").len()), (11, 11));
}
