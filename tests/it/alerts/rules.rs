//! The rules that ask how things stand: each over a small ledger and a clock that the test moves.

use std::{sync::Arc, time::Duration};

use mrrd::{
    alerts::{
        drift::{self, Found},
        watch::Watcher,
    },
    clock::Clock,
    config::{self, Config, Environment},
    event::{NewEvent, Reading, Source},
    ledger::{
        goals::{GoalMetric, Millionths},
        time::{UnixTime, Zone},
    },
    reconciler::{Reconciler, Rules, driver::Driver},
    store::{
        Store,
        records::{
            alerts::{AlertFilter, AlertRow, Annotation, AnnotationKind, Mute},
            goals::GoalRow,
        },
    },
    telemetry::Metrics,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;

use crate::{
    api::{DAY, event, subscription},
    support::{
        daemon::{Settings, mrrd},
        deed,
    },
};

/// 2025-01-06, a Monday, at ten.
const START: i64 = 1_736_157_600;

/// The tenth hour of a day, so many days after the start.
fn on(day: i64) -> UnixTime {
    UnixTime(START + day * DAY)
}

/// A ledger, and a watcher whose clock stands still.
struct Account {
    config: Arc<Config>,
    folder: TempDir,
    store: Store,
    clock: Clock,
    watcher: Watcher,
}

impl Account {
    /// Takes `events` in, and looks under these rules.
    async fn of<const N: usize>(events: &[String], at: UnixTime, environment: [(&str, &str); N]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("mrrd.db").display());
        let config = tempfile::NamedTempFile::new().unwrap();
        let config = Arc::new(config::load(Some(config.path()), &Environment::from(environment)).unwrap());
        let (store, clock) = (Store::open(&url).await.unwrap(), Clock::fixed(at));
        let watcher = Watcher::new(store.reader().clone(), config.clone(), clock.clone(), Arc::new(Metrics::default()));
        let account = Self { config, folder, store, clock, watcher };
        account.take(events).await;
        account
    }

    /// Events into the log, and what they say into the ledger.
    async fn take(&self, events: &[String]) {
        let file = self.folder.path().join("events.jsonl");
        std::fs::write(&file, events.join("\n")).unwrap();
        let mut command = mrrd(self.folder.path(), &Settings::default());
        let output = command.args(["replay", file.to_str().unwrap()]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let rules = Rules::load(&self.config.ledger, &self.store.records).await.unwrap();
        let (driver, _) = Driver::new(Reconciler::new(self.store.clone(), rules, self.clock.clone()));
        driver.run_once(&watch::channel(false).1).await.unwrap();
    }

    /// Looks at this time and tells what is new: headlines, and `over:` what ended.
    async fn look(&mut self, at: UnixTime) -> Vec<String> {
        let before = self.alerts().await;
        self.clock.set(at);
        let said = tokio::time::timeout(Duration::from_secs(20), self.watcher.look()).await.unwrap().unwrap();
        let mut told = Vec::new();
        for row in self.alerts().await {
            match before.iter().find(|known| known.alert.id == row.alert.id) {
                None => told.push(row.alert.headline.clone()),
                Some(known) if known.closed_at != row.closed_at => told.push(format!("over: {}", row.alert.headline)),
                Some(_) => {}
            }
        }
        assert_eq!(said, !told.is_empty());
        told.sort();
        told
    }

    async fn alerts(&self) -> Vec<AlertRow> {
        self.store.records.alerts(&AlertFilter::default(), None, 100).await.unwrap()
    }

    async fn content(&self, rule: &str) -> Value {
        let rows = self.alerts().await;
        serde_json::from_str(&rows.iter().find(|row| row.alert.rule == rule).unwrap().alert.content).unwrap()
    }
}

fn begins(customer: &str, amount: i64, day: i64) -> String {
    let new = subscription(&format!("sub_{customer}"), customer, &format!("price_{amount}"), amount, 1, on(day).0);
    event(&format!("evt_{customer}_{day}"), "customer.subscription.created", on(day).0, &new, None)
}

/// Changes the subscription of `customer` on `day`.
fn changes(customer: &str, amount: i64, begun: i64, day: i64, fields: Value) -> String {
    let mut changed =
        subscription(&format!("sub_{customer}"), customer, &format!("price_{amount}"), amount, 1, on(begun).0);
    let mut before = json!({});
    for (name, value) in fields.as_object().unwrap() {
        before[name] = changed[name].clone();
        changed[name] = value.clone();
    }
    let kind = if fields["status"] == "canceled" { "deleted" } else { "updated" };
    event(&format!("evt_{customer}_{day}"), &format!("customer.subscription.{kind}"), on(day).0, &changed, Some(before))
}

fn ends(customer: &str, amount: i64, begun: i64, day: i64) -> String {
    changes(
        customer,
        amount,
        begun,
        day,
        json!({"status": "canceled", "ended_at": on(day).0, "canceled_at": on(day).0}),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn digests_come_once_when_their_span_is_over() {
    let events = [
        begins("cus_a", 10_000, 0),
        begins("cus_b", 5_000, 0),
        begins("cus_c", 2_000, 415),
        ends("cus_b", 5_000, 0, 416),
    ];
    // Day 419 is Sunday, the 1st of March 2026.
    let environment = [("MRRD_ALERTS__DIGESTS", "weekly,monthly"), ("MRRD_ALERTS__RULES", "ledger_drift")];
    let mut account = Account::of(&events, on(418), environment).await;
    assert_eq!(account.look(on(418)).await, [""; 0]);
    let figures = "MRR 120.00 USD (from 150.00 USD)";
    assert_eq!(account.look(on(419)).await, [format!("Digest: the month from 2026-02-01 to 2026-02-28: {figures}")]);
    assert_eq!(account.look(on(420)).await, [format!("Digest: the week from 2026-02-23 to 2026-03-01: {figures}")]);
    assert_eq!(account.look(on(421)).await, [""; 0]);
    let text = account.content("digest").await["text"].as_str().unwrap().to_owned();
    for words in
        ["Waterfall:", "churn: -50.00 USD", "cus_c 20.00 USD (new, 2026-02-25)", "Causes of churn:", "cus_b -50.00 USD"]
    {
        assert!(text.contains(words), "{words:?} is not in\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_is_told_once_a_month_and_retention_when_it_falls() {
    let events = [begins("cus_a", 10_000, 0), begins("cus_b", 5_000, 0), begins("cus_c", 2_000, 398)];
    let mut account = Account::of(&events, on(395), [("MRRD_ALERTS__RULES", "new_record,nrr_below")]).await;
    assert_eq!(account.look(on(395)).await, [""; 0], "how retention stands at first is no news");
    let record = "New record: MRR closed at 170.00 USD, higher than ever; the highest before was 150.00 USD";
    assert_eq!(account.look(on(399)).await, [record]);
    assert_eq!(account.look(on(400)).await, [""; 0]);
    account.take(&[begins("cus_d", 100, 399), ends("cus_b", 5_000, 0, 400)]).await;
    assert_eq!(account.look(on(401)).await, ["Retention: NRR of the trailing twelve months fell to 66.7 % (USD)"]);
    assert_eq!(account.look(on(402)).await, [""; 0]);
    let back = subscription("sub_e", "cus_b", "price_9000", 9_000, 1, on(402).0);
    account.take(&[event("evt_back", "customer.subscription.created", on(402).0, &back, None)]).await;
    let told = account.look(on(403)).await;
    assert!(
        told.contains(&"over: Retention: NRR of the trailing twelve months fell to 66.7 % (USD)".to_owned()),
        "{told:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn churn_that_is_scheduled_soon_is_told_and_withdrawn() {
    let ending = |day: i64| json!({"cancel_at": on(day).0, "canceled_at": on(100).0});
    let events = [
        begins("cus_a", 10_000, 0),
        begins("cus_soon", 1_000, 0),
        begins("cus_later", 5_000, 0),
        changes("cus_later", 5_000, 0, 100, ending(300)),
        changes("cus_soon", 1_000, 0, 101, ending(110)),
    ];
    // Where a cancellation counts when it is asked for, it is out of MRR, and these customers still pay.
    let mut counted = Account::of(&events, on(102), [("MRRD_ALERTS__RULES", "scheduled_churn")]).await;
    let told = counted.look(on(102)).await;
    assert!(told[0].starts_with("Scheduled churn: 10.00 USD of MRR is set to end within 30 days; "), "{told:?}");
    assert!(told[0].contains("it is churn already, and no part of the 100.00 USD that count now"), "{told:?}");
    // It was "unknown", and its churn names it.
    let content = counted.content("scheduled_churn").await;
    assert_eq!(content["by_product"][0]["name"], "prod_price_1000", "{content}");
    let past = format!("over: {}", told[0]);
    assert_eq!(counted.look(on(112)).await, [past], "its day is over, and no event came: that lies no longer ahead");
    let at_end = [("MRRD_ALERTS__RULES", "scheduled_churn"), ("MRRD_LEDGER__PROFILES", "finance")];
    let mut account = Account::of(&events, on(102), at_end).await;
    let told = account.look(on(102)).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("Scheduled churn: 10.00 USD of MRR is set to end within 30 days"), "{told:?}");
    assert!(told[0].ends_with(", of 160.00 USD"), "{told:?}");
    let content = account.content("scheduled_churn").await;
    assert_eq!(content["by_product"][0]["name"], "prod_price_1000", "{content}");
    let customers = content["customers"].clone();
    assert_eq!((customers.as_array().unwrap().len(), &customers[0]["customer"]), (1, &json!("cus_soon")));
    let stays = subscription("sub_cus_soon", "cus_soon", "price_1000", 1_000, 1, on(0).0);
    let before = json!({"cancel_at": on(110).0, "canceled_at": on(100).0});
    account.take(&[event("evt_stays", "customer.subscription.updated", on(103).0, &stays, Some(before))]).await;
    assert_eq!(account.look(on(104)).await, [format!("over: {}", told[0])]);
}

/// A goal that somebody set on `day`, of forty days from then on.
fn goal(name: &str, metric: GoalMetric, target: i128, day: i64) -> GoalRow {
    let first = Zone::UTC.day(on(day));
    GoalRow {
        id: 0,
        name: name.into(),
        metric,
        target: Millionths::whole(target).unwrap(),
        currency: "usd".into(),
        profile: "stripe".into(),
        account: String::new(),
        first,
        last: Zone::UTC.day(on(day + 39)),
        owner: "grace".into(),
        note: String::new(),
        set_at: on(day),
        ended: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_goal_is_told_once_when_it_is_behind_and_once_when_it_is_met_or_missed() {
    let events = [begins("cus_a", 10_000, 0), begins("cus_b", 1_000, 0)];
    let environment = [("MRRD_ALERTS__RULES", "goal_at_risk")];
    let mut account = Account::of(&events, on(100), environment).await;
    for row in [
        goal("growth", GoalMetric::Mrr, 15_000, 100),
        goal("people", GoalMetric::Customers, 4, 100),
        goal("losses", GoalMetric::Churn, 500, 100),
    ] {
        account.store.records.set_goal(&row, &deed(on(100).0)).await.unwrap();
    }
    assert_eq!(account.look(on(105)).await, [""; 0], "of a goal's first days nothing is told");
    let told = account.look(on(110)).await;
    assert_eq!(
        told,
        [
            "Goal: growth (grace) is behind: MRR 150.00 USD by 2025-05-25; 110.00 USD now, 120.00 USD due, 1.33 USD a day needed",
            "Goal: people (grace) is behind: customers 4 by 2025-05-25; 2 now, 2.5 due, 0.066667 a day needed",
        ]
    );
    assert_eq!(account.look(on(111)).await, [""; 0], "once is enough");
    account.take(&[begins("cus_c", 5_000, 112), ends("cus_b", 1_000, 0, 112)]).await;
    assert_eq!(
        account.look(on(113)).await,
        [
            "Goal: growth (grace) is met: MRR 150.00 USD by 2025-05-25; 150.00 USD now",
            "Goal: losses (grace) is missed: churn 5.00 USD by 2025-05-25; 10.00 USD now",
        ]
    );
    assert_eq!(account.look(on(140)).await, ["Goal: people (grace) is missed: customers 4 by 2025-05-25; 2 now"]);
    assert_eq!(account.look(on(141)).await, [""; 0]);
    // Whoever switches this on later isn't told of what is long over.
    let mut later = Account::of(&events, on(200), environment).await;
    later.store.records.set_goal(&goal("old", GoalMetric::Mrr, 15_000, 100), &deed(on(100).0)).await.unwrap();
    assert_eq!(later.look(on(200)).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drift_is_told_until_it_is_gone_and_mutes_and_plans_keep_it_quiet() {
    let environment = [
        ("MRRD_ALERTS__CHANNELS__OUT__KIND", "stdout"),
        ("MRRD_ALERTS__LARGE_LOSS_PERCENT", "100"),
        ("MRRD_ALERTS__LARGE_LOSS_AMOUNT", "1"),
    ];
    let events = [begins("cus_a", 10_000, 0), ends("cus_a", 10_000, 0, 50)];
    let mut account = Account::of(&events, on(50), environment).await;
    let found = |difference: Option<&str>| Found { at: on(50), difference: difference.map(str::to_owned) };
    let plan = Annotation {
        id: 0,
        first: "2025-02-25".parse().unwrap(),
        last: "2025-02-25".parse().unwrap(),
        kind: AnnotationKind::Planned,
        note: "the end".into(),
    };
    let note = Annotation { kind: AnnotationKind::Note, note: "silences nothing".into(), ..plan.clone() };
    account.store.records.annotate(&note, &deed(on(39).0)).await.unwrap();
    account.store.records.annotate(&plan, &deed(on(40).0)).await.unwrap();
    // Another subscription may be on its way: it is told when it has been looked at twice.
    assert_eq!(account.look(on(50)).await, [""; 0]);
    let told = ["Large loss: cus_a leaves with 100.00 USD, 100.0 % of MRR"];
    assert_eq!(account.look(on(50).plus(30)).await, told);
    let planned = &account.alerts().await[0];
    assert_eq!(planned.alert.silenced.as_deref(), Some("planned: the end"));
    assert!(
        planned.closed_at.is_some() && account.store.records.deliveries(&[&planned.alert.id]).await.unwrap().is_empty()
    );

    drift::keep(&account.store.records, "verify", &found(Some("event 7 differs"))).await.unwrap();
    let told = "Ledger drift: `mrrd verify` found a difference: event 7 differs";
    assert_eq!(account.look(on(51)).await, [told]);
    assert_eq!(account.look(on(51).plus(60)).await, [""; 0]);
    drift::keep(&account.store.records, "verify", &found(None)).await.unwrap();
    assert_eq!(account.look(on(52)).await, [format!("over: {told}")]);
    let rows = account
        .store
        .records
        .alerts(&AlertFilter { rule: Some("ledger_drift".into()), ..AlertFilter::default() }, None, 9)
        .await
        .unwrap();
    let sent: Vec<String> = account
        .store
        .records
        .deliveries(&[&rows[0].alert.id])
        .await
        .unwrap()
        .into_iter()
        .map(|row| row.event)
        .collect();
    assert_eq!(sent, ["raised", "closed"]);

    let mute = Mute { rule: "all".into(), until: on(60), note: "moving".into() };
    account.store.records.mute(&mute, &deed(on(52).0)).await.unwrap();
    drift::keep(&account.store.records, "audit", &found(Some("sub_1 differs"))).await.unwrap();
    assert_eq!(account.look(on(53)).await.len(), 1);
    let quiet = &account.alerts().await[0];
    assert!(quiet.alert.silenced.as_deref().unwrap().ends_with("moving"), "{quiet:?}");
    assert!(account.store.records.deliveries(&[&quiet.alert.id]).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_is_told_when_it_outlasts_the_account_s_own_gaps() {
    let mut account =
        Account::of(&[begins("cus_a", 10_000, 0)], on(20), [("MRRD_ALERTS__RULES", "webhook_silence")]).await;
    let webhook = |number: i64, at: UnixTime| NewEvent {
        id: format!("evt_w{number}").as_str().into(),
        kind: "charge.succeeded".into(),
        account: None,
        livemode: true,
        created: at,
        api_version: None,
        received_at: at,
        source: Source::Webhook,
        body: bytes::Bytes::from(format!("{{\"id\":\"evt_w{number}\"}}")),
        reading: Reading::Ignored,
    };
    // Every two hours for twenty days.
    let heard: Vec<NewEvent> = (0..240).map(|n| webhook(n, on(0).plus(n * 7200))).collect();
    account.store.log.append(&heard).await.unwrap();
    assert_eq!(account.look(on(20)).await, [""; 0]);
    assert_eq!(account.look(on(20).plus(7200)).await, [""; 0]);
    let told = account.look(on(21)).await;
    assert!(told.len() == 1 && told[0].starts_with("Webhook silence: no event for 26:00 hours"), "{told:?}");
    // What healing fetches meanwhile is not heard.
    let fetched = (1_000..1_150).map(|n| NewEvent { source: Source::Api, ..webhook(n, on(20).plus(n)) });
    account.store.log.append(&fetched.collect::<Vec<_>>()).await.unwrap();
    assert_eq!(account.look(on(21).plus(60)).await, [""; 0]);
    account.store.log.append(&[webhook(999, on(21).plus(60))]).await.unwrap();
    assert_eq!(account.look(on(21).plus(120)).await, [format!("over: {}", told[0])]);
}
