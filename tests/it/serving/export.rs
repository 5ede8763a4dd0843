//! The figures against a file exported from Stripe's Billing overview: `mrrd audit --csv`.

use serde_json::{Value, json};

use crate::{
    api::{DAY, JANUARY, event, subscription},
    support::daemon::{Daemon, Settings},
};

/// In January: one at 20.00 who goes to 35.00 in February, one at 10.00 who asks on the 16th to end, one at 8.00 who ends in
/// the last hour of January as it is in Los Angeles (in February, in UTC).
async fn account() -> Daemon {
    let mut daemon = Settings::default().start().await;
    let (grows, large) = (
        subscription("sub_1", "cus_1", "price_small", 2000, 1, JANUARY),
        subscription("sub_1", "cus_1", "price_large", 3500, 1, JANUARY),
    );
    let leaves = subscription("sub_2", "cus_2", "price_2", 1000, 1, JANUARY);
    let mut asks = leaves.clone();
    asks["cancel_at_period_end"] = json!(true);
    let late = subscription("sub_3", "cus_3", "price_3", 800, 1, JANUARY);
    let mut ended = late.clone();
    let end = 1_769_929_200; // 2026-02-01T07:00:00Z
    (ended["status"], ended["ended_at"]) = (json!("canceled"), json!(end));
    for body in [
        event("evt_1", "customer.subscription.created", JANUARY, &grows, None),
        event("evt_2", "customer.subscription.created", JANUARY, &leaves, None),
        event("evt_3", "customer.subscription.created", JANUARY, &late, None),
        event(
            "evt_4",
            "customer.subscription.updated",
            JANUARY + 2 * DAY,
            &asks,
            Some(json!({"cancel_at_period_end": false})),
        ),
        event(
            "evt_5",
            "customer.subscription.updated",
            JANUARY + 30 * DAY,
            &large,
            Some(json!({"items": grows["items"]})),
        ),
        event("evt_6", "customer.subscription.deleted", end, &ended, None),
    ] {
        daemon.accept(body).await;
    }
    daemon.settle().await;
    daemon
}

/// The exit code and the answer to a file.
fn held(daemon: &Daemon, csv: &str, more: &[&str]) -> (i32, Value) {
    std::fs::write(daemon.dir().join("export.csv"), csv).unwrap();
    let output = daemon.command(&[&["audit", "--csv", "export.csv", "--json"], more].concat());
    let answer = serde_json::from_slice(&output.stdout);
    (output.status.code().unwrap(), answer.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr))))
}

fn reasons(answer: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let one = |one: &Value| {
        let knobs = one["reason"]["knobs"].as_array().unwrap().iter();
        let knobs: Vec<_> = knobs.map(|knob| format!(" {}={}", text(&knob["knob"]), text(&knob["to"]))).collect();
        let (who, at, kind) = (text(&one["customer"]), text(&one["at"]), text(&one["reason"]["kind"]));
        format!("{who} {at} {}: {kind}{}", text(&one["stripe_exact"]), knobs.concat())
    };
    answer["differences"].as_array().unwrap().iter().map(one).collect()
}

#[tokio::test]
async fn what_agrees_matches_and_each_difference_has_its_likeliest_reason() {
    let daemon = account().await;
    // Under the rules of the file's own Dashboard.
    let csv = "Customer,Customer Email,Customer ID,Currency,2026-01,2026-02\n\
               One,one@example.com,cus_1,usd,20.00,35.00\nThree,three@example.com,cus_3,usd,8.00,0.00\n";
    let (code, answer) = held(&daemon, csv, &[]);
    assert_eq!((code, &answer["compared"], &answer["matched"]), (0, &json!(4), &json!(4)), "{answer}");

    // The Dashboard counts cancellations at the period's end, cuts days in Los Angeles, and knows more.
    let csv = "Customer,Customer Email,Customer ID,Currency,2026-01,2026-02\n\
               One,one@example.com,cus_1,usd,20.00,50.00\n\"Two, Ltd\",two@example.com,cus_2,usd,10.00,10.00\n\
               Three,three@example.com,cus_3,usd,0.00,0.00\nFour,four@example.com,cus_4,usd,0.00,5.00\n";
    let (code, answer) = held(&daemon, csv, &[]);
    assert_eq!(code, 1);
    assert_eq!(
        reasons(&answer),
        [
            "cus_1 2026-02 5000: missing_event",
            "cus_2 2026-01 1000: setting churn_at=end",
            "cus_2 2026-02 1000: setting churn_at=end",
            "cus_3 2026-01 0: time_zone",
            "cus_4 2026-02 500: missing_event",
        ],
        "{answer}"
    );
    assert_eq!(answer["differences"][0]["events"], json!(["evt_5"]));
    assert!(answer["differences"][4]["reason"]["text"].as_str().unwrap().contains("mrrd backfill --history"));
    assert_eq!((&answer["reasons"][0]["differences"], &answer["reasons"][0]["reason"]), (&json!(2), &json!("setting")));
    let (code, answer) = held(&daemon, csv, &["--profile", "finance"]);
    assert_eq!((code, reasons(&answer).len()), (1, 3), "cancellations count at the end there: {answer}");

    let output = daemon.command(&["audit", "--csv", "export.csv"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let first = said.lines().next().unwrap();
    assert!(first.contains("8 figures compared, 3 match, 5 differ"), "{said}");
    assert!(said.contains("2 of them: it is Stripe's with churn_at = end"), "{said}");
}

/// A yearly price of 100.00 is 8.33 where each item is rounded by itself, and a third of a cent more in the ledger.
#[tokio::test]
async fn what_stripe_rounds_item_by_item_is_no_difference_and_a_cent_of_whole_amounts_is() {
    let mut daemon = Settings::default().start().await;
    for n in 0..4 {
        let mut yearly = subscription(&format!("sub_{n}"), "cus_1", "price_year", 10000, 1, JANUARY);
        yearly["items"]["data"][0]["price"]["recurring"]["interval"] = json!("year");
        daemon.accept(event(&format!("evt_{n}"), "customer.subscription.created", JANUARY, &yearly, None)).await;
    }
    let monthly = subscription("sub_9", "cus_9", "price_month", 2000, 1, JANUARY);
    daemon.accept(event("evt_9", "customer.subscription.created", JANUARY, &monthly, None)).await;
    daemon.settle().await;
    let csv = "Customer ID,Currency,2026-01\ncus_1,usd,33.32\ncus_9,usd,20.00\n";
    let (code, answer) = held(&daemon, csv, &[]);
    assert_eq!((code, &answer["matched"], &answer["differences"]), (0, &json!(2), &json!([])), "{answer}");
    let (code, answer) = held(&daemon, "Customer ID,Currency,2026-01\ncus_1,usd,33.28\ncus_9,usd,19.99\n", &[]);
    let apart: Vec<_> = answer["differences"].as_array().unwrap().iter().map(|one| &one["difference_exact"]).collect();
    assert_eq!((code, apart), (1, vec![&json!("5.333332"), &json!("1")]), "{answer}");
    let changes = "Date,Customer ID,Currency,MRR change\n2026-01-14,cus_1,usd,33.32\n2026-01-14,cus_9,usd,20.00\n";
    let (code, answer) = held(&daemon, changes, &[]);
    assert_eq!((code, &answer["matched"]), (0, &json!(2)), "{answer}");
}

#[tokio::test]
async fn changes_are_held_against_movements_day_by_day() {
    let daemon = account().await;
    let csv = "Date,Customer ID,Event type,MRR change,Currency\n\
               2026-01-14 10:00:00,cus_1,New,20.00,usd\n2026-01-14,cus_2,New,10.00,usd\n2026-01-14,cus_3,New,8.00,usd\n\
               2026-01-16,cus_2,Churn,-10.00,usd\n2026-02-13,cus_1,Reactivation,15.00,usd\n\
               2026-01-31,cus_3,Churn,-8.00,usd\n";
    let (code, answer) = held(&daemon, csv, &[]);
    assert_eq!(code, 1);
    assert_eq!(answer["form"], "changes");
    // The same amount of another kind; and one change a day apart is a difference on both days.
    assert_eq!(
        reasons(&answer),
        ["cus_1 2026-02-13 1500: kind", "cus_3 2026-01-31 -800: time_zone", "cus_3 2026-02-01 0: time_zone",],
        "{answer}"
    );
    let first = &answer["differences"][0];
    assert_eq!((&first["stripe_kind"], &first["ledger_kind"]), (&json!("reactivation"), &json!("expansion")));
}

#[tokio::test]
async fn a_file_that_is_none_of_the_exports_is_refused_by_what_it_lacks() {
    let daemon = account().await;
    for (csv, more, said) in [
        ("Name,Email\nOne,one@example.com\n", &[] as &[&str], "is none of Stripe's MRR exports: its first line names"),
        ("Customer ID,2026-01\ncus_1,20\n", &[], "line 2 names no currency"),
        ("Customer ID,Currency,2026-01\ncus_1,usd,much\n", &[], "line 2: \"much\" is no amount"),
        ("Customer ID,Currency,2026-01\ncus_1,usd,20\n", &["--profile", "bored"], "\"bored\" is no profile"),
    ] {
        std::fs::write(daemon.dir().join("export.csv"), csv).unwrap();
        let output = daemon.command(&[&["audit", "--csv", "export.csv"], more].concat());
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(said), "{text}");
    }
    for options in [&["audit", "--profile", "stripe"] as &[&str], &["audit", "--csv", "export.csv", "--heal"]] {
        assert_eq!(daemon.command(options).status.code(), Some(2), "{options:?}");
    }
    let (code, _) = held(&daemon, "Customer ID,2026-01\ncus_1,20\ncus_3,8\n", &["--currency", "usd"]);
    assert_eq!(code, 0);
}

/// Whom a file doesn't name was held to have 0.00 at Stripe, and nothing said that it was a guess.
#[tokio::test]
async fn whom_the_file_does_not_name_is_told_apart() {
    let daemon = account().await;
    let csv = "Customer ID,Currency,2026-01,2026-02\ncus_1,usd,20.00,35.00\n";
    let (code, answer) = held(&daemon, csv, &[]);
    assert_eq!(code, 1, "{answer}");
    assert_eq!(answer["not_named"], json!({"customers": 1, "figures": 1}), "{answer}");
    assert_eq!(answer["named"], json!({"customers": 1, "in_ledger": 1}), "{answer}");
    assert_eq!(reasons(&answer), ["cus_3 2026-01 0: not_named"], "{answer}");
    let [one] = answer["differences"].as_array().unwrap().as_slice() else { panic!("{answer}") };
    assert_eq!((&one["named"], &one["ledger_exact"]), (&json!(false), &json!("800")), "{answer}");
    assert!(one["reason"]["text"].as_str().unwrap().contains("the file doesn't name this customer"), "{answer}");
    let output = daemon.command(&["audit", "--csv", "export.csv"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    // Whom the file doesn't name is neither compared nor found to differ.
    assert!(said.contains("2 figures compared, 2 match, 0 differ"), "{said}");
    assert_eq!([&answer["compared"], &answer["matched"], &answer["differ"]], [&json!(2), &json!(2), &json!(0)]);
    let line = "1 more of 1 customer whom the file doesn't name not compared: what Stripe says of them isn't known";
    assert!(said.contains(line), "{said}");
    assert!(said.contains("not named") && !said.contains("customer.subscription"), "{said}");
    // A customer who is named and differs is no such one, and who isn't speaks for no setting.
    let csv = "Customer ID,Currency,2026-01\ncus_1,usd,21.00\ncus_3,usd,8.00\n";
    let (_, answer) = held(&daemon, csv, &[]);
    assert_eq!(
        (&answer["differences"][0]["named"], &answer["not_named"]["customers"]),
        (&json!(true), &json!(0)),
        "{answer}"
    );
    let csv = "Customer ID,Currency,2026-01\ncus_1,usd,20.00\ncus_3,usd,8.00\n";
    let (code, answer) = held(&daemon, csv, &["--profile", "finance"]);
    assert_eq!((code, reasons(&answer)), (1, vec!["cus_2 2026-01 0: not_named".to_owned()]), "{answer}");
    assert_eq!([&answer["compared"], &answer["matched"], &answer["differ"]], [&json!(2), &json!(2), &json!(0)]);
    assert_eq!(answer["differences"][0]["named"], json!(false), "{answer}");
}

/// A file of another account agreed with the ledger in all its zeros, and what it didn't name was only a list of differences.
#[tokio::test]
async fn a_file_of_which_nobody_is_in_the_ledger_is_warned_of() {
    let daemon = account().await;
    let csv = "Customer ID,Currency,2026-01\ncus_8,usd,0.00\ncus_9,usd,0.00\n";
    let (code, answer) = held(&daemon, csv, &[]);
    assert_eq!(code, 1, "{answer}");
    assert_eq!(answer["named"], json!({"customers": 2, "in_ledger": 0}), "{answer}");
    let output = daemon.command(&["audit", "--csv", "export.csv"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let warned = "none of the 2 customers named there is in the ledger (cus_8, cus_9)";
    assert!(said.lines().next().is_some_and(|line| line.contains(warned)), "{said}");
    assert!(said.contains("another account") && said.contains("another column"), "{said}");
    // All zeros, before the ledger's first day, agree with a ledger that knows none of them: still no agreement.
    let (code, answer) = held(&daemon, "Customer ID,Currency,2020-01\ncus_8,usd,0.00\n", &[]);
    assert_eq!((code, &answer["differences"]), (1, &json!([])), "{answer}");
}
