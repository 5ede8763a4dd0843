//! Not Stripe's figure: the lines that a rule changes are all there, so that they sum to the difference that stands beside them.

use serde_json::json;

use super::{no_faults, once, walk};
use crate::{
    api::{DAY, JANUARY, event, subscription},
    support::daemon::{Daemon, Settings},
};

/// A subscription in dollars, told in euros at rates that move, cancelled in January for February.
async fn converted() -> Daemon {
    let mut daemon = Settings::default()
        .env("MRRD_LEDGER__REPORTING_CURRENCY", "eur")
        .env("MRRD_LEDGER__PROFILES", "stripe,finance")
        .start()
        .await;
    let mut days = String::from("day,currency,rate\n");
    let mut day: jiff::civil::Date = "2026-01-01".parse().unwrap();
    while day.year() < 2028 {
        let rate = if day.month() == 1 { "0.5" } else { "0.6" };
        days.push_str(&format!("{day},usd,{rate}\n"));
        day = day.tomorrow().unwrap();
    }
    std::fs::write(daemon.dir().join("rates.csv"), days).unwrap();
    let imported = daemon.command(&["fx", "import", "rates.csv"]);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    let bought = subscription("sub_1", "cus_1", "price_1", 20_000, 1, JANUARY);
    daemon.accept(event("evt_1", "customer.subscription.created", JANUARY, &bought, None)).await;
    let mut asked = bought.clone();
    (asked["cancel_at_period_end"], asked["canceled_at"]) = (json!(true), json!(JANUARY + 5 * DAY));
    let before = json!({"cancel_at_period_end": false, "canceled_at": null});
    daemon.accept(event("evt_2", "customer.subscription.updated", JANUARY + 5 * DAY, &asked, Some(before))).await;
    let mut gone = asked;
    (gone["status"], gone["ended_at"]) = (json!("canceled"), json!(JANUARY + 31 * DAY));
    daemon.accept(event("evt_3", "customer.subscription.deleted", JANUARY + 31 * DAY, &gone, None)).await;
    daemon.settle().await;
    daemon
}

#[tokio::test(flavor = "multi_thread")]
async fn what_exchange_rates_moved_is_among_the_lines_that_differ() {
    let mut daemon = converted().await;
    let compared = daemon.json("/api/v1/compare?profile=stripe&with=finance&month=2026-02").await;
    let change = &compared["data"][0]["by_knob"][0]["change"];
    let amounts = ["opening", "fx", "churn", "closing"].map(|line| change[line].as_i64());
    assert_eq!(amounts, [Some(10_000), Some(2_000), Some(-12_000), Some(0)], "{compared}");
    let pages = json!([
        {"path": "/differences?with=finance&month=2026-02"}, {"path": "/?range=&from=2026-01-01&to=2026-02-28"},
        {"path": "/?range=&from=2026-01-01&to=2026-02-28&currency=usd"},
    ]);
    let seen = walk(&daemon, &once(), &pages);
    no_faults(&seen);
    // Retention in the reporting currency says that rates are in it (rule `metrics`).
    seen[1].shows("What exchange rates moved is in it.");
    assert!(!seen[2].text().contains("What exchange rates moved"), "{}", seen[2].text());
    seen[0].shows("Cancellations: opening +€100.00, churn -€120.00, exchange rate +€20.00");
    assert!(!seen[0].text().contains("prior period"), "{}", seen[0].text());
}
