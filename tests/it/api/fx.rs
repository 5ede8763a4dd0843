//! A reporting currency, from webhooks and an imported table to the bridge with its `fx` line (rule `rates`).

use std::time::{Duration, Instant};

use super::ledger;
use crate::support::daemon::{Daemon, Settings, mrrd};

const ASKED: &str = "/api/v1/mrr?from=2026-01-01&to=2026-02-28";

/// The daemon takes up an imported table by itself: the answer, once it does.
async fn converted(daemon: &mut Daemon) -> serde_json::Value {
    let since = Instant::now();
    loop {
        let answer = daemon.get(ASKED).await;
        if answer.status == 200 {
            return serde_json::from_slice(&answer.body).unwrap();
        }
        assert_eq!(answer.status, 409, "{}", String::from_utf8_lossy(&answer.body));
        assert!(since.elapsed() < Duration::from_secs(60), "{}", String::from_utf8_lossy(&answer.body));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn without_rates_it_refuses_and_with_them_the_bridge_closes_by_its_fx_line() {
    let mut daemon = ledger(Settings::default().env("MRRD_LEDGER__REPORTING_CURRENCY", "eur")).await;
    daemon.settle().await;
    let refused = daemon.get(ASKED).await;
    let problem = String::from_utf8_lossy(&refused.body).into_owned();
    assert_eq!(refused.status, 409, "{problem}");
    assert!(problem.contains("usd in eur on 2026-01-14") && problem.contains("mrrd fx import"), "{problem}");
    // Said once and for all: a table up to today without a gap, or figures that need no rate.
    assert!(problem.contains("up to today with no more than 7 days between two rates"), "{problem}");
    assert!(problem.contains("currency=usd (of commands --currency usd)"), "{problem}");
    let own = daemon.json(&format!("{ASKED}&currency=usd")).await;
    assert_eq!(own["data"][1]["closing_exact"], "3500");

    // An explanation doesn't call nothing what isn't known.
    let explained = daemon.json("/api/v1/customers/cus_1/explain").await;
    assert_eq!(explained["mrr"], serde_json::json!([]));
    let detail = explained["missing_rate"]["detail"].as_str().unwrap();
    assert!(detail.starts_with("no rate of usd in eur on 2026-01-14"), "{explained:#}");
    let settle = explained["missing_rate"]["settle"].as_str().unwrap();
    assert!(settle.contains("up to today") && settle.contains("currency=usd (of commands --currency usd)"), "{settle}");
    assert_eq!(
        daemon.json("/api/v1/customers/cus_1/explain?currency=usd").await["missing_rate"],
        serde_json::Value::Null
    );
    let said = daemon.command(&["explain", "cus_1"]);
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let unknown = "The MRR of cus_1 isn't known under profile stripe: no rate of usd in eur on 2026-01-14";
    assert!(said.starts_with(unknown) && said.contains("    missing_rate: no rate of usd in eur"), "{said}");
    assert!(said.lines().next().unwrap().contains("--currency usd"), "{said}");

    // Nor is a customer who isn't there refused for somebody else's rate.
    assert_eq!(daemon.get("/api/v1/customers/cus_none").await.status, 404);
    assert_eq!(daemon.get("/api/v1/customers/cus_1").await.status, 409);

    let table = "day,currency,rate\n2026-01-14,usd,0.5\n2026-01-30,USD,0.6\n2026-02-13,usd,0.8\n2026-02-20,usd,0.8\n\
                 2026-02-27,usd,1\n";
    std::fs::write(daemon.dir().join("rates.csv"), table).unwrap();
    let imported = daemon.command(&["fx", "import", "rates.csv"]);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    let mrr = converted(&mut daemon).await;
    assert_eq!((&mrr["currency"], &mrr["profile"]), (&"eur".into(), &"stripe".into()));
    let names = ["opening_exact", "new_exact", "expansion_exact", "churn_exact", "fx_exact", "closing_exact"];
    let lines = |month: usize| names.map(|name| mrr["data"][month][name].as_str().unwrap().to_owned());
    assert_eq!(lines(0), ["0", "1500", "0", "0", "300", "1800"]);
    assert_eq!(lines(1), ["1800", "0", "1200", "-800", "1300", "3500"]);
    assert_eq!(mrr["data"][1]["customers"], 1);

    // An explanation tells at which rate, of which day.
    let explained = daemon.json("/api/v1/customers/cus_1/explain").await;
    let rates: Vec<&str> = explained["steps"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|step| step["rule"] == "rates")
        .map(|step| step["text"].as_str().unwrap())
        .collect();
    let new = "20.00 USD is converted at 0.5 EUR for 1 USD, the rate of 2026-01-14";
    let stands =
        "what stands, 20.00 USD, is valued at 0.6 EUR for 1 USD, the rate of 2026-01-30, the last before 2026-01-31";
    assert!(rates.contains(&new) && rates.contains(&stands), "{rates:#?}");
    let said = daemon.command(&["explain", "cus_1"]);
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains(&format!("{new}  [rates]")) && said.contains("► new of 10.00 EUR: 0.00 → 10.00"), "{said}");

    // Before the log began nothing was known, which is not that nothing counted.
    let before = daemon.json(&format!("{ASKED}&as_known_at=0")).await;
    assert!(before["notices"][0]["detail"].as_str().unwrap().starts_with("nothing was known then"), "{before:#}");

    let listed = daemon.command(&["fx", "list"]);
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.contains("usd in eur: 5 days from 2026-01-14 to 2026-02-27"), "{listed}");
    let verified = daemon.command(&["verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

/// Imports a table: its exit code, what it printed, and what it said beside.
fn imported(daemon: &Daemon, table: &str, more: &[&str]) -> (Option<i32>, String, String) {
    std::fs::write(daemon.dir().join("rates.csv"), table).unwrap();
    let output = daemon.command(&[&["fx", "import", "rates.csv"], more].concat());
    let [said, beside] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    (output.status.code(), said, beside)
}

#[tokio::test]
async fn what_of_a_table_looks_wrong_is_said_and_the_table_is_taken() {
    let mut daemon = ledger(Settings::default().env("MRRD_LEDGER__REPORTING_CURRENCY", "eur")).await;
    daemon.settle().await;
    let table = "day,currency,rate\n2026-01-14,usd,0.5\n2026-01-14,sek,0.09\n2100-01-01,usd,0.5\n2100-01-02,usd,0.5\n";
    let (code, said, beside) = imported(&daemon, table, &[]);
    assert_eq!((code, &*said), (Some(0), "4 rates read, 4 of them new or other than before\n"), "{beside}");
    assert!(beside.contains("nobody pays in sek"), "{beside}");
    assert!(beside.contains("2 rates are of days to come, the last of 2100-01-02"), "{beside}");
    let listed = daemon.command(&["fx", "list"]);
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.contains("sek in eur: 1 days") && listed.contains("to 2100-01-02"), "{listed}");
    let (_, said, _) = imported(&daemon, table, &["--json"]);
    let told: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&told["read"], told["warnings"].as_array().unwrap().len()), (&4.into(), 2), "{told}");
    // Without a reporting currency nobody uses them, which nothing said.
    let without = ["fx", "import", "rates.csv", "--base", "eur"];
    let output = mrrd(daemon.dir(), &Settings::default()).args(without).output().unwrap();
    let beside = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{beside}");
    assert!(beside.contains("ledger.reporting_currency is not set, so nothing is converted"), "{beside}");
    // Rates of the reporting currency and of the base are taken to get from one to the other.
    let (_, _, beside) = imported(&daemon, "day,currency,rate\n2026-01-14,eur,11\n", &["--base", "sek"]);
    assert_eq!(beside, "");
    // The bank tells some thirty currencies: only where it tells none that is paid in is that said.
    assert_eq!(imported(&daemon, BANK, &[]).2, "");
    let (_, _, beside) = imported(&daemon, "Date,JPY,CZK,\n2026-01-30,170.25,24.9,\n", &[]);
    assert!(beside.contains("nobody pays in czk, jpy"), "{beside}");
}

/// A decimal point out of place was taken without a word, and moved every figure a hundredfold.
#[tokio::test]
async fn a_rate_far_from_the_day_before_is_warned_of_by_its_line() {
    let daemon = ledger(Settings::default().env("MRRD_LEDGER__REPORTING_CURRENCY", "eur")).await;
    let table = "day,currency,rate\n2026-01-14,usd,0.92\n2026-01-15,usd,92.1\n2026-01-16,usd,0.93\n";
    let (code, said, beside) = imported(&daemon, table, &[]);
    assert_eq!((code, &*said), (Some(0), "3 rates read, 3 of them new or other than before\n"), "{beside}");
    let line = "line 3: the rate of usd on 2026-01-15, 92.1, is 100 times that of 2026-01-14, 0.92";
    assert!(beside.contains(line), "{beside}");
    assert_eq!(beside.lines().count(), 1, "{beside}");
    // The neighbour may be there already, and the slip the other way.
    let (_, said, _) = imported(&daemon, "day,currency,rate\n2026-01-17,usd,0.0092\n", &["--json"]);
    let told: serde_json::Value = serde_json::from_str(&said).unwrap();
    let warning = told["warnings"][0].as_str().unwrap();
    assert!(
        warning.contains("line 2: the rate of usd on 2026-01-17, 0.0092, is 1/101 of that of 2026-01-16, 0.93"),
        "{told}"
    );
    // What is mended says no more, nor what moves as money does.
    let mended = "day,currency,rate\n2026-01-15,usd,0.921\n2026-01-17,usd,0.99\n2026-01-18,usd,0.61\n";
    assert_eq!(imported(&daemon, mended, &[]).2, "");
}

#[tokio::test]
async fn a_table_that_cannot_be_taken_says_in_which_line_and_what_is_wrong_with_it() {
    let daemon = Settings::default().env("MRRD_LEDGER__REPORTING_CURRENCY", "eur").start().await;
    let (code, _, beside) = imported(&daemon, "day,currency,rate\n2026-01-14,usd,0.5\nyesterday,usd,0.5\n", &[]);
    assert_eq!(code, Some(1), "{beside}");
    let line = "rates.csv, line 3: \"yesterday\" is not a day such as 2026-01-31; nothing of the file was taken";
    assert!(beside.contains(line) && !beside.contains("holds no table"), "{beside}");
    // `date` is `day` by another name.
    let (code, said, beside) = imported(&daemon, "date,currency,rate\n2026-01-14,usd,0.5\n", &[]);
    assert_eq!((code, &*said), (Some(0), "1 rates read, 1 of them new or other than before\n"), "{beside}");
    // And a column that is missing is missed, not taken for a currency of the bank's.
    let (code, _, beside) = imported(&daemon, "date,currency,price\n2026-01-14,usd,0.5\n", &[]);
    assert_eq!(code, Some(1), "{beside}");
    assert!(beside.contains("its first line names no rate: it has date, currency, price"), "{beside}");
}

/// What stands is valued anew at the very instant at which it changes: of the two movements each begins where the one before
/// it ended, in whatever order they are asked for and wherever a page ends.
#[tokio::test]
async fn movements_of_one_instant_are_listed_as_one_leads_to_the_next() {
    let mut daemon = Settings::default().env("MRRD_LEDGER__REPORTING_CURRENCY", "eur").start().await;
    let customers: Vec<String> = (1..=8).map(|n| format!("cus_{n}")).collect();
    for (n, customer) in customers.iter().enumerate() {
        let small = super::subscription(&format!("sub_{n}"), customer, "price_small", 2000, 1, super::JANUARY);
        let mut ended = small.clone();
        ended["status"] = "canceled".into();
        ended["ended_at"] = (super::JANUARY + 10 * super::DAY).into();
        for (id, kind, at, object) in [
            ("new", "customer.subscription.created", super::JANUARY, &small),
            ("end", "customer.subscription.deleted", super::JANUARY + 10 * super::DAY, &ended),
        ] {
            daemon.accept(super::event(&format!("evt_{n}_{id}"), kind, at, object, None)).await;
        }
    }
    daemon.settle().await;
    let table = "day,currency,rate\n2026-01-14,usd,0.5\n2026-01-24,usd,0.8\n2026-02-27,usd,0.9\n";
    std::fs::write(daemon.dir().join("rates.csv"), table).unwrap();
    let imported = daemon.command(&["fx", "import", "rates.csv"]);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    converted(&mut daemon).await;
    for customer in &customers {
        let mut listed = Vec::new();
        let mut next = String::new();
        loop {
            let page = daemon.json(&format!("/api/v1/movements?customer={customer}&limit=1{next}")).await;
            listed.extend(page["data"].as_array().unwrap().clone());
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            next = format!("&cursor={cursor}");
        }
        let kinds: Vec<&str> = listed.iter().map(|one| one["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["new", "fx", "churn"], "{customer}: {listed:#?}");
        for two in listed.windows(2) {
            assert_eq!(two[0]["after_exact"], two[1]["before_exact"], "{customer}: {two:#?}");
        }
        assert_eq!(listed[1]["effective_at"], listed[2]["effective_at"], "{customer}");
        let mut backwards = daemon.json(&format!("/api/v1/movements?customer={customer}&order=desc")).await;
        let backwards = backwards["data"].as_array_mut().unwrap();
        backwards.reverse();
        assert_eq!(*backwards, listed, "{customer}");
        let shown = daemon.json(&format!("/api/v1/customers/{customer}")).await;
        let shown: Vec<&str> =
            shown["movements"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
        let ids: Vec<&str> = listed.iter().map(|one| one["id"].as_str().unwrap()).collect();
        assert_eq!(shown, ids, "{customer}");
    }
}

/// Rates of dollars in euros of every day until 2028, each from its day on.
fn daily(rates: &[(&str, &str)]) -> String {
    let mut table = String::from("day,currency,rate\n");
    let mut day: jiff::civil::Date = rates[0].0.parse().unwrap();
    while day.year() < 2028 {
        let (_, rate) = rates.iter().rev().find(|(from, _)| *from <= &*day.to_string()).unwrap();
        table.push_str(&format!("{day},usd,{rate}\n"));
        day = day.tomorrow().unwrap();
    }
    table
}

/// What a rate moves while money is at risk is neither lost nor paid (rule `revaluation`): what became of a failed payment is
/// what became of it in the customer's own currency, at the rate of the day on which it did.
#[tokio::test]
async fn what_a_rate_moved_of_a_failed_payment_is_neither_lost_nor_paid() {
    let mut daemon = Settings::default().env("MRRD_LEDGER__REPORTING_CURRENCY", "eur").start().await;
    std::fs::write(
        daemon.dir().join("rates.csv"),
        daily(&[("2026-01-01", "0.5"), ("2026-01-31", "0.4"), ("2026-02-28", "0.8")]),
    )
    .unwrap();
    let imported = daemon.command(&["fx", "import", "rates.csv"]);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    let (updated, day) = ("customer.subscription.updated", |days: i64| super::JANUARY + days * super::DAY);
    for customer in ["paid", "lost", "open"] {
        let (id, of) = (format!("sub_{customer}"), format!("cus_{customer}"));
        let mut state = super::subscription(&id, &of, "price_1", 2000, 1, super::JANUARY);
        let created = "customer.subscription.created";
        daemon.accept(super::event(&format!("evt_{customer}_1"), created, super::JANUARY, &state, None)).await;
        let mut becomes = async |place: usize, kind: &str, at: i64, status: &str| {
            let before = serde_json::json!({"status": state["status"]});
            state["status"] = status.into();
            if status == "canceled" {
                state["ended_at"] = at.into();
            }
            let before = (kind == updated).then_some(before);
            daemon.accept(super::event(&format!("evt_{customer}_{place}"), kind, at, &state, before)).await;
        };
        becomes(2, updated, day(6), "past_due").await;
        match customer {
            "paid" => becomes(3, updated, day(27), "active").await,
            "lost" => becomes(3, "customer.subscription.deleted", day(29), "canceled").await,
            _ => {}
        }
    }
    daemon.settle().await;
    converted(&mut daemon).await;
    let outcome = |one: &serde_json::Value| {
        ["customer", "outcome", "settled_on", "amount_exact", "recovered_exact", "lost_exact", "at_risk_exact"]
            .map(|name| one[name].as_str().unwrap_or("–").to_owned())
            .join(" ")
    };
    let told = |answer: &serde_json::Value| answer["data"].as_array().unwrap().iter().map(outcome).collect::<Vec<_>>();
    let converted = [
        "cus_paid recovered 2026-02-10 800 800 0 0",
        "cus_open open – 1600 0 0 1600",
        "cus_lost lost 2026-02-12 800 0 800 0",
    ];
    let answer = daemon.json("/api/v1/failed-payments").await;
    assert_eq!((told(&answer), &answer["converted"]), (converted.map(str::to_owned).to_vec(), &true.into()));
    let own = told(&daemon.json("/api/v1/failed-payments?currency=usd").await);
    let native = [
        "cus_paid recovered 2026-02-10 2000 2000 0 0",
        "cus_open open – 2000 0 0 2000",
        "cus_lost lost 2026-02-12 2000 0 2000 0",
    ];
    assert_eq!(own, native);

    // What is open is what stands at risk, and what was lost what is told as churn.
    let mrr = daemon.json("/api/v1/mrr?from=2026-02-01").await;
    let months = mrr["data"].as_array().unwrap();
    assert_eq!((&months[0]["churn_exact"], &months.last().unwrap()["at_risk_exact"]), (&"-800".into(), &"1600".into()));

    // Rule `metrics`: what rates moved is in retention, which the form of the bridge leaves out.
    let metrics = daemon.json("/api/v1/metrics?from=2026-02-01&to=2026-02-28").await;
    let values =
        ["nrr", "grr", "nrr_bridge"].map(|name| metrics["data"][0][name]["value"].as_str().unwrap().to_owned());
    assert_eq!(values, ["1.333333", "0.666667", "0.666667"]);

    // Page by page, in a span, and as known where the log ends.
    let mut paged = Vec::new();
    let mut next = String::new();
    loop {
        let page = daemon.json(&format!("/api/v1/failed-payments?limit=1{next}")).await;
        paged.extend(told(&page));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        next = format!("&cursor={cursor}");
    }
    assert_eq!(paged, converted);
    let none = daemon.json("/api/v1/failed-payments?from=2026-01-21").await;
    assert_eq!(none["data"], serde_json::json!([]));
    let end = daemon.json("/api/v1/health").await["work"]["last_seq"].as_i64().unwrap();
    let known = daemon.json(&format!("/api/v1/failed-payments?as_known_at={end}")).await;
    assert_eq!(told(&known), converted);
}

/// The European Central Bank's history as it is published: newest first, currencies that are no more, a comma at each end,
/// no weekends.
const BANK: &str = "Date,USD,JPY,BGN,CYP,CZK,\n\
                    2026-02-27,1.0,171.5,N/A,N/A,24.5,\n\
                    2026-01-30,1.0,170.25,N/A,N/A,24.9,\n\
                    2026-01-16,1.25,169.9,N/A,N/A,25.1,\n\
                    1999-01-04,1.1789,133.73,N/A,0.58231,35.107,\n";

#[tokio::test]
async fn the_central_banks_history_converts_and_fridays_rate_holds_over_the_weekend() {
    let mut daemon = Settings::default().env("MRRD_LEDGER__REPORTING_CURRENCY", "eur").start().await;
    // A Sunday.
    let (id, at) = ("customer.subscription.created", super::JANUARY + 4 * super::DAY);
    let bought = super::subscription("sub_1", "cus_1", "price_1", 2000, 1, at);
    daemon.accept(super::event("evt_1", id, at, &bought, None)).await;
    daemon.settle().await;
    std::fs::write(daemon.dir().join("eurofxref-hist.csv"), BANK).unwrap();
    let imported = daemon.command(&["fx", "import", "eurofxref-hist.csv"]);
    let said = String::from_utf8_lossy(&imported.stdout).into_owned();
    assert!(said.starts_with("13 rates read, 13 of them new"), "{said}");
    let mrr = converted(&mut daemon).await;
    let january = |name: &str| mrr["data"][0][name].as_str().unwrap().to_owned();
    assert_eq!(["new_exact", "fx_exact", "closing_exact"].map(january), ["1600", "400", "2000"]);
}

/// Everything a question may be asked of figures with.
const ROUTES: [&str; 22] = [
    "/api/v1/mrr?from=2026-01-01&to=2026-02-28",
    "/api/v1/mrr?group_by=cause",
    "/api/v1/mrr?group_by=customer",
    "/api/v1/movements?from=2026-01-01&to=2026-12-31",
    "/api/v1/metrics?from=2026-01-01&to=2026-02-28",
    "/api/v1/cohorts?from=2026-01-01",
    "/api/v1/committed?horizon=90",
    "/api/v1/durability?from=2026-01-01",
    "/api/v1/unit-economics?from=2026-01-01",
    "/api/v1/accuracy?from=2026-01-01",
    "/api/v1/failed-payments?limit=10",
    "/api/v1/customers?limit=10",
    "/api/v1/customers/cus_1?profile=stripe",
    "/api/v1/customers/cus_1/explain?profile=stripe",
    "/api/v1/quality?limit=10",
    "/api/v1/restatements?limit=10",
    "/v1/metrics/mrr?start-date=2026-01-01&end-date=2026-02-28",
    "/v1/metrics/all?start-date=2026-01-01&end-date=2026-02-28",
    "/v1/customers?per_page=10",
    "/v1/customers/cus_1?profile=stripe",
    "/v1/customers/cus_1/subscriptions?per_page=10",
    "/v1/customers/cus_1/activities?per-page=10",
];

/// Routes that take a currency and are held elsewhere: what is compared and audited is told currency by currency, closings hold
/// the ledgers they were closed with, alerts judge them all, a search needs an e-mail, an invoice is told in what it was
/// billed in, and names have no amounts.
const NOT_WALKED: [&str; 7] = [
    "/api/v1/compare",
    "/api/v1/audit",
    "/api/v1/closings",
    "/api/v1/alerts/backtest",
    "/v1/customers/search",
    "/api/v1/customers/{id}/invoices",
    "/api/v1/names",
];

/// Every documented route that takes a currency is walked.
#[test]
fn no_route_that_takes_a_currency_is_left_out() {
    let document = serde_json::to_value(mrrd::api::document()).unwrap();
    let pattern = |path: &str| path.replace("{id}", "cus_1").replace("{uuid}", "cus_1").replace("{metric}", "mrr");
    for (path, item) in document["paths"].as_object().unwrap() {
        let takes = item
            .as_object()
            .unwrap()
            .values()
            .any(|route| route["parameters"].as_array().into_iter().flatten().any(|one| one["name"] == "currency"));
        let walked = ROUTES.iter().any(|route| route.split('?').next() == Some(&*pattern(path)));
        assert!(!takes || walked || NOT_WALKED.contains(&path.as_str()), "{path} takes a currency and isn't walked");
    }
}

/// One customer pays 29.00 in dollars from 14 January and 50.00 in euros from 25 January; what is reported is in francs.
async fn in_two_currencies(settings: Settings) -> Daemon {
    let mut daemon = settings.env("MRRD_LEDGER__REPORTING_CURRENCY", "chf").start().await;
    let dollars = super::subscription("sub_1", "cus_1", "price_1", 2900, 1, super::JANUARY);
    let mut euros = super::subscription("sub_2", "cus_1", "price_2", 5000, 1, super::JANUARY + 11 * super::DAY);
    euros["currency"] = "eur".into();
    euros["items"]["data"][0]["price"]["currency"] = "eur".into();
    let created = "customer.subscription.created";
    daemon.accept(super::event("evt_1", created, super::JANUARY, &dollars, None)).await;
    daemon.accept(super::event("evt_2", created, super::JANUARY + 11 * super::DAY, &euros, None)).await;
    daemon.settle().await;
    daemon
}

/// Every currency that an answer names beside an amount, wherever it lies in it, and every `converted`.
fn told(answer: &serde_json::Value, currencies: &mut Vec<String>, converted: &mut Vec<bool>) {
    match answer {
        serde_json::Value::Object(fields) => {
            // What subscriptions and states are billed in stays what it is.
            currencies.extend(
                fields
                    .get("currency")
                    .filter(|_| !fields.contains_key("stage"))
                    .into_iter()
                    .filter_map(|currency| currency.as_str().map(str::to_lowercase)),
            );
            converted.extend(fields.get("converted").and_then(serde_json::Value::as_bool));
            fields.values().for_each(|value| told(value, currencies, converted));
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| told(value, currencies, converted)),
        _ => {}
    }
}

/// Rule `one-answer-one-ledger`.
#[tokio::test]
async fn every_answer_is_of_one_ledger_and_says_which() {
    let mut daemon = in_two_currencies(Settings::default()).await;
    // A currency's own ledger needs no rates.
    let own = daemon.json("/api/v1/movements?currency=usd").await;
    assert_eq!((&own["converted"], &own["data"][0]["amount"]), (&false.into(), &2900.into()));
    assert_eq!(daemon.get("/api/v1/movements").await.status, 409);

    let mut days = String::from("day,currency,rate\n");
    let mut day: jiff::civil::Date = "2026-01-01".parse().unwrap();
    while day.year() < 2028 {
        days.push_str(&format!("{day},usd,0.5\n{day},eur,0.9\n"));
        day = day.tomorrow().unwrap();
    }
    std::fs::write(daemon.dir().join("rates.csv"), days).unwrap();
    let imported = daemon.command(&["fx", "import", "rates.csv"]);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    converted(&mut daemon).await;

    for (asked, expected, is_converted) in [
        ("", "chf", true),
        ("&currency=reporting", "chf", true),
        ("&currency=eur", "eur", false),
        ("&currency=usd", "usd", false),
    ] {
        for route in ROUTES {
            let answer = daemon.json(&format!("{route}{asked}")).await;
            let (mut currencies, mut converted) = (Vec::new(), Vec::new());
            told(&answer, &mut currencies, &mut converted);
            assert!(currencies.iter().all(|one| one == expected), "{route}{asked}: {answer}");
            assert!(
                !converted.is_empty() && converted.iter().all(|one| *one == is_converted),
                "{route}{asked}: {answer}"
            );
        }
    }
    // Both routes read `currency` alike: the bridge closes by the movements.
    for (asked, amount) in [("", "5950"), ("&currency=usd", "2900"), ("&currency=eur", "5000")] {
        let mrr = daemon.json(&format!("{ASKED}{asked}")).await;
        assert_eq!(mrr["data"][1]["closing_exact"], amount, "{asked}");
        let moved = daemon.json(&format!("/api/v1/movements?from=2026-01-01&to=2026-02-28{asked}")).await;
        let sum: i64 = moved["data"].as_array().unwrap().iter().map(|one| one["amount"].as_i64().unwrap()).sum();
        assert_eq!(sum.to_string(), amount, "{asked}");
    }
    // What is billed in which currency, of one ledger all the same.
    let billed = daemon.json("/api/v1/mrr?from=2026-02-01&to=2026-02-28&group_by=currency").await;
    let groups: Vec<_> = billed["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["group"], &one["closing"], &one["currency"]))
        .collect();
    assert_eq!(groups, [(&"eur".into(), &4500.into(), &"chf".into()), (&"usd".into(), &1450.into(), &"chf".into())]);
    // The same of a segment in which everybody is, and of its opposite, in which nobody.
    let within =
        daemon.json("/api/v1/mrr?from=2026-02-01&to=2026-02-28&group_by=currency&where=mrr%20%3E%3D%200").await;
    for (one, all) in within["data"].as_array().unwrap().iter().zip(billed["data"].as_array().unwrap()) {
        assert_eq!((&one["group"], &one["closing"]), (&all["group"], &all["closing"]), "{within}");
    }
    let without = daemon.json("/api/v1/mrr?from=2026-02-01&to=2026-02-28&group_by=currency&where=mrr%20%3C%200").await;
    assert_eq!(without["data"], serde_json::json!([]));
    let detail = daemon.json("/api/v1/customers/cus_1").await;
    assert_eq!(
        (&detail["subscriptions"][1]["mrr"], &detail["subscriptions"][1]["billed_in"]),
        (&4500.into(), &"eur".into())
    );
    let largest = daemon.json("/api/v1/customers?sort=mrr").await;
    assert_eq!(largest["data"][0]["mrr"], serde_json::json!([{"currency": "chf", "mrr": 5950, "mrr_exact": "5950"}]));
    let status = daemon.json("/api/v1/status").await;
    assert_eq!(
        (&status["reporting_currency"], &status["currencies"]),
        (&"chf".into(), &serde_json::json!(["eur", "usd"]))
    );

    // No zeros for a ledger that isn't there.
    for route in ROUTES {
        for code in ["chf", "gbp"] {
            let refused = daemon.get(&format!("{route}&currency={code}")).await;
            let said = String::from_utf8_lossy(&refused.body).into_owned();
            assert_eq!(refused.status, 422, "{route}: {said}");
            assert!(said.contains(&format!("there is no ledger in {code}; there are: eur, usd, reporting")), "{said}");
        }
    }
    for (asked, said) in [(&["--currency", "usd"][..], "2900"), (&["--currency", "reporting"], "5950"), (&[], "5950")] {
        let command =
            ["report", "mrr", "--from", "2026-02-01", "--to", "2026-02-28", "--format", "csv", "--units", "minor"];
        let printed = daemon.command(&[&command, asked].concat());
        let text = String::from_utf8_lossy(&printed.stdout).into_owned();
        assert!(text.contains(said), "{text}");
    }
    let compared = daemon.command(&["compare", "stripe", "finance", "--month", "2026-02", "--currency", "gbp"]);
    assert!(String::from_utf8_lossy(&compared.stderr).contains("there is no ledger in gbp"));
    let verified = daemon.command(&["verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

#[tokio::test]
async fn without_a_reporting_currency_nothing_is_converted_and_none_can_be_asked_for() {
    let mut daemon = ledger(Settings::default()).await;
    daemon.settle().await;
    let mrr = daemon.json(ASKED).await;
    assert_eq!((&mrr["converted"], &mrr["data"][0]["converted"]), (&false.into(), &false.into()));
    let refused = daemon.get(&format!("{ASKED}&currency=reporting")).await;
    let said = String::from_utf8_lossy(&refused.body).into_owned();
    assert!(refused.status == 422 && said.contains("ledger.reporting_currency") && said.contains("usd"), "{said}");
}
