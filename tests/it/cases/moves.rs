//! Plan changes, falls to 0 and returns, and what a customer is over all currencies.

use serde_json::Value;

use super::{On, movements, replayed};
use crate::support::daemon::{Daemon, Settings};

const BOTH: [On; 2] = [On::Sqlite, On::Postgres];

fn under(profiles: &str) -> Settings {
    Settings::default().env("MRRD_LEDGER__PROFILES", profiles)
}

/// A case's movements under each of these profiles, on both databases, and a verification of the rows.
async fn moves(name: &str, settings: impl Fn() -> Settings, profiles: &[&str], expected: &[&str]) {
    for on in BOTH {
        let mut daemon = replayed(name, on, settings()).await;
        for profile in profiles {
            assert_eq!(movements(&mut daemon, profile).await, expected, "{name} under {profile} on {on:?}");
        }
        verified(&daemon);
    }
}

fn verified(daemon: &Daemon) {
    let verified = daemon.command(&["verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

/// The movements that a question lists: `2024-01-21 eur expansion 700: add_on`.
async fn listed(daemon: &mut Daemon, asked: &str) -> Vec<String> {
    let answer = daemon.json(&format!("/api/v1/movements?limit=100{asked}")).await;
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let told = |one: &Value| {
        let parts = one["parts"].as_array().unwrap().iter();
        let causes: Vec<_> = parts
            .map(|part| {
                let reason = part["end_reason"].as_str().map(|reason| format!("({reason})")).unwrap_or_default();
                format!("{}{reason}", text(&part["cause"]))
            })
            .collect();
        let head = ["day", "currency", "kind", "amount_exact"].map(|name| text(&one[name]));
        format!("{}: {}", head.join(" "), causes.join(", "))
    };
    answer["data"].as_array().unwrap().iter().map(told).collect()
}

#[tokio::test]
async fn a_subscription_in_place_of_another_is_an_upgrade_and_a_week_apart_is_none() {
    let expected = [
        "2026-02-01 cus_A new 500: first_subscription 500",
        "2026-02-01 cus_B new 500: first_subscription 500",
        "2026-02-01 cus_C new 500: first_subscription 500",
        "2026-03-10 cus_A expansion 1400: plan_upgrade 1400",
        "2026-03-10 cus_B expansion 1900: cross_sell 1900",
        "2026-03-10 cus_C expansion 1400: plan_upgrade 1400",
        "2026-03-14 cus_B contraction -500: product_dropped -500",
    ];
    let unnetted = || {
        under("stripe,finance,each")
            .env("MRRD_PROFILES__EACH__EXTENDS", "stripe")
            .env("MRRD_PROFILES__EACH__NETTING", "none")
    };
    moves("22-parallel-subs-on-upgrade", unnetted, &["stripe", "finance", "each"], &expected).await;
    let mut daemon = replayed("22-parallel-subs-on-upgrade", On::Sqlite, Settings::default()).await;
    let upgraded = daemon.json("/api/v1/movements?cause=plan_upgrade").await;
    assert_eq!(upgraded["data"][0]["parts"][0]["rollup"], "upsell");
    assert_eq!(upgraded["data"][0]["parts"][0]["events"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_price_with_another_nickname_is_another_plan_unless_the_pair_is_named() {
    let new = "2026-01-20 cus_A new 83.333333: first_subscription 83.333333";
    let name = "26-schedule-price-increase";
    let risen = |cause: &str| format!("2026-06-20 cus_A expansion 81.666667: {cause} 81.666667");
    moves(name, Settings::default, &["stripe"], &[new, &risen("plan_upgrade")]).await;
    let named = || Settings::default().env("MRRD_LEDGER__SAME_PLAN", "price_2026=price_2024");
    moves(name, named, &["stripe"], &[new, &risen("price_increase")]).await;
}

#[tokio::test]
async fn a_nameless_price_of_the_same_product_is_a_price_increase() {
    let expected = [
        "2026-02-01 cus_A new 1000: first_subscription 1000",
        "2026-02-01 cus_B new 1000: first_subscription 1000",
        "2026-03-01 cus_A expansion 200: price_increase 200",
        "2026-03-01 cus_B expansion 200: price_increase 200",
    ];
    moves("75-price-rise-plain", || under("stripe,finance"), &["stripe", "finance"], &expected).await;
}

#[tokio::test]
async fn to_a_free_plan_and_back() {
    let expected = [
        "2026-03-01 cus_A new 2900: free_to_paid 2900",
        "2026-05-01 cus_A churn -2900: to_free -2900",
        "2026-07-01 cus_A reactivation 2900: free_to_paid 2900",
    ];
    moves("69-free-plan-to-paid-and-back", || under("stripe,finance"), &["stripe", "finance"], &expected).await;
}

#[tokio::test]
async fn usage_that_was_all_a_customer_had_falls_to_nothing() {
    let expected = [
        "2026-03-01 cus_A new 4200: first_subscription 4200",
        "2026-04-01 cus_A expansion 5700: usage 5700",
        "2026-05-01 cus_A churn -9900: usage -9900",
    ];
    moves("94-metered-profitwell", || under("profitwell"), &["profitwell"], &expected).await;
}

#[tokio::test]
async fn a_comp_takes_the_money_and_its_end_brings_it_back() {
    let name = "95-complimentary";
    let stripe = [
        "2026-02-01 cus_B new 1000: first_subscription 1000",
        "2026-03-01 cus_B churn -1000: full_discount -1000",
        "2026-04-01 cus_A new 1000: first_subscription 1000",
        "2026-05-01 cus_B reactivation 1000: discount_end 1000",
    ];
    moves(name, || under("stripe"), &["stripe"], &stripe).await;
    let finance = [
        "2026-02-01 cus_B new 1000: first_subscription 1000",
        "2026-03-01 cus_B contraction -1000: discount_start -1000",
        "2026-04-01 cus_A new 1000: first_subscription 1000",
        "2026-05-01 cus_B expansion 1000: discount_end 1000",
    ];
    moves(name, || under("finance"), &["finance"], &finance).await;
}

#[tokio::test]
async fn netting_by_the_day_ends_at_midnight() {
    let expected = [
        "2026-02-01 cus_A new 1000: first_subscription 1000",
        "2026-03-10 cus_A churn -1000: cancellation -1000",
        "2026-03-11 cus_A reactivation 1200: winback 1200",
    ];
    let name = "85-plan-replaced-next-minute-over-midnight";
    moves(name, || under("stripe,finance"), &["stripe", "finance"], &expected).await;
}

#[tokio::test]
async fn a_loss_beside_an_add_on_in_another_currency_is_no_switch() {
    for on in BOTH {
        let mut daemon = replayed("S05-currency-switch-hides-a-loss", on, Settings::default()).await;
        assert_eq!(
            listed(&mut daemon, "&currency=usd").await,
            [
                "2024-01-10 usd new 149500: first_subscription",
                "2024-01-21 usd contraction -149500: product_dropped(cancellation)"
            ]
        );
        assert_eq!(
            listed(&mut daemon, "&currency=eur").await,
            ["2024-01-11 eur expansion 149500: cross_sell", "2024-01-21 eur expansion 700: add_on"]
        );
        verified(&daemon);
    }
}

/// A case in a reporting currency, with its table of rates.
async fn reporting(name: &str, on: On, profiles: &str) -> Daemon {
    let settings = under(profiles).env("MRRD_LEDGER__REPORTING_CURRENCY", "chf");
    let mut daemon = replayed(name, on, settings).await;
    let rates = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/cases/{name}.rates.csv"));
    let imported = daemon.command(&["fx", "import", rates.to_str().unwrap()]);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    let since = std::time::Instant::now();
    while daemon.get("/api/v1/mrr?to=2024-12-31").await.status != 200 {
        assert!(since.elapsed().as_secs() < 60, "the rates are never taken up");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    daemon
}

#[tokio::test]
async fn each_currencys_own_movements_can_be_read_beside_the_converted_ones() {
    for on in BOTH {
        let mut daemon = reporting("S01-reporting-movements-by-currency", on, "stripe").await;
        let year = "&from=2024-01-01&to=2024-12-31";
        let of =
            async |daemon: &mut Daemon, currency: &str| listed(daemon, &format!("{year}&currency={currency}")).await;
        assert_eq!(of(&mut daemon, "usd").await, ["2024-01-10 usd new 2900: first_subscription"]);
        assert_eq!(of(&mut daemon, "eur").await, ["2024-01-21 eur expansion 5000: cross_sell"]);
        let converted: Vec<String> = listed(&mut daemon, year).await;
        let moved: Vec<_> = converted.iter().filter(|one| !one.contains(" fx ")).collect();
        assert_eq!(moved, ["2024-01-10 chf new 2494: first_subscription", "2024-01-21 chf expansion 4750: cross_sell"]);
        for (currency, closing) in [("usd", "2900"), ("eur", "5000"), ("reporting", "7244")] {
            let mrr = daemon.json(&format!("/api/v1/mrr?from=2024-01-01&to=2024-02-28&currency={currency}")).await;
            assert_eq!(mrr["data"][1]["closing_exact"], closing, "{currency}");
        }
        assert_eq!(daemon.get("/api/v1/mrr?currency=chf").await.status, 422);
        verified(&daemon);
    }
}

#[tokio::test]
async fn what_is_bought_later_in_another_currency_changes_no_kind_before() {
    for on in BOTH {
        let mut daemon = reporting("S02-reporting-trial-granted-is-churn", on, "stripe,finance").await;
        for profile in ["stripe", "finance"] {
            let asked = format!("&from=2024-01-01&to=2024-12-31&profile={profile}");
            let converted: Vec<String> = listed(&mut daemon, &asked).await;
            let kinds: Vec<_> = converted
                .iter()
                .filter(|one| !one.contains(" fx "))
                .map(|one| {
                    let words: Vec<&str> = one.split(' ').collect();
                    [words[0], words[2], words[4]].join(" ")
                })
                .collect();
            assert_eq!(
                kinds,
                [
                    "2024-01-10 new first_subscription",
                    "2024-01-21 contraction trial_granted",
                    "2024-02-10 reactivation winback"
                ],
                "{profile} on {on:?}"
            );
            let own = listed(&mut daemon, &format!("{asked}&currency=usd")).await;
            assert_eq!(own[1], "2024-01-21 usd contraction -2900: trial_granted", "{profile} on {on:?}");
        }
        verified(&daemon);
    }
}
