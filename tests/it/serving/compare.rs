//! Two profiles compared: the difference, customer by customer, by knob.

use serde_json::{Value, json};

use crate::{
    api::{DAY, JANUARY, event, subscription},
    support::daemon::{Daemon, Settings},
};

/// One asks to cancel at 20.00, one has its collection paused at 10.00, one does both at 5.00, one does nothing at 40.00.
async fn account() -> Daemon {
    let settings = Settings::default()
        .env("MRRD_PROFILES__BOARD__EXTENDS", "stripe")
        .env("MRRD_PROFILES__BOARD__PAUSE_COLLECTION", "zero");
    let mut daemon = settings.start().await;
    for (number, amount, cancels, pauses) in
        [(1, 2000, true, false), (2, 1000, false, true), (3, 500, true, true), (4, 4000, false, false)]
    {
        let (id, customer) = (format!("sub_{number}"), format!("cus_{number}"));
        let mut state = subscription(&id, &customer, "price_1", amount, 1, JANUARY);
        daemon.accept(event(&format!("evt_{number}"), "customer.subscription.created", JANUARY, &state, None)).await;
        let mut was = serde_json::Map::new();
        if cancels {
            was.insert("cancel_at_period_end".into(), json!(false));
            state["cancel_at_period_end"] = json!(true);
        }
        if pauses {
            was.insert("pause_collection".into(), Value::Null);
            state["pause_collection"] = json!({"behavior": "void", "resumes_at": null});
        }
        if !was.is_empty() {
            let id = format!("evt_{number}_later");
            let changed = event(&id, "customer.subscription.updated", JANUARY + DAY, &state, Some(Value::Object(was)));
            daemon.accept(changed).await;
        }
    }
    daemon.settle().await;
    daemon
}

fn compared(daemon: &Daemon, from: &str, to: &str, more: &[&str]) -> String {
    let output = daemon.command(&[&["compare", from, to, "--month", "2026-01"], more].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn amount(figures: &Value, line: &str) -> i64 {
    figures[line].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn the_difference_of_two_profiles_is_told_by_knob_and_sums_exactly() {
    let daemon = account().await;
    let answer: Value = serde_json::from_str(&compared(&daemon, "stripe", "finance", &["--json"])).unwrap();
    let knobs: Vec<_> = answer["knobs"].as_array().unwrap().iter().map(|one| one["knob"].as_str().unwrap()).collect();
    assert_eq!(knobs, ["churn_at", "discount_repeating", "zero_by_discount", "pause_collection"]);
    let shares = |entry: &Value| -> Vec<(String, i64)> {
        let all = entry["by_knob"].as_array().unwrap().iter();
        all.map(|one| (one["knob"].as_str().unwrap().to_owned(), amount(&one["change"], "closing_exact"))).collect()
    };
    let told: Vec<_> =
        answer["data"].as_array().unwrap().iter().map(|one| (one["customer"].as_str().unwrap(), shares(one))).collect();
    let share = |knob: &str, amount| (knob.to_owned(), amount);
    assert_eq!(
        told,
        [
            ("cus_1", vec![share("churn_at", 2000)]),
            ("cus_2", vec![share("pause_collection", -1000)]),
            // Its cancellation no longer counts, but its pause does: together nothing.
            ("cus_3", vec![share("churn_at", 500), share("pause_collection", -500)]),
        ]
    );
    assert_eq!(shares(&answer["totals"][0]), [share("churn_at", 2500), share("pause_collection", -1500)]);
    let entries = answer["data"].as_array().unwrap().iter().chain(answer["totals"].as_array().unwrap());
    for (entry, line) in
        entries.flat_map(|one| ["opening_exact", "new_exact", "churn_exact", "closing_exact"].map(|line| (one, line)))
    {
        let shares = entry["by_knob"].as_array().unwrap().iter().map(|one| amount(&one["change"], line));
        assert_eq!(shares.sum::<i64>(), amount(&entry["to"], line) - amount(&entry["from"], line), "{line}: {entry}");
    }
    assert_eq!(amount(&answer["totals"][0]["from"], "closing_exact"), 5000);
    assert_eq!(amount(&answer["totals"][0]["to"], "closing_exact"), 6000);
}

#[tokio::test]
async fn custom_profiles_compare_without_being_kept_and_others_are_refused_by_name() {
    let daemon = account().await;
    let csv = compared(&daemon, "stripe", "board", &["--format", "csv"]);
    let rows: Vec<_> = csv.lines().skip(1).map(|row| row.split(',').take(6).collect::<Vec<_>>().join(",")).collect();
    let knob = "usd,pause_collection,count,zero";
    // Only the second: the third one's cancellation was asked for already.
    assert_eq!(rows, [format!(",cus_2,{knob}"), format!(",all customers,{knob}")]);
    let same: Value = serde_json::from_str(&compared(&daemon, "board", "board", &["--json"])).unwrap();
    assert_eq!((&same["knobs"], &same["data"]), (&json!([]), &json!([])));
    for (args, said) in [
        (
            ["compare", "stripe", "bored", "--month", "2026-01"],
            "choose from stripe, finance, chartmogul, profitwell, board",
        ),
        (["compare", "stripe", "board", "--month", "2999-01"], "2999-01 hasn't begun yet"),
    ] {
        let output = daemon.command(&args);
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains(said), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
