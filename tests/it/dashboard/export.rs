//! An export of Stripe's, dropped on the page as a file: what differs, by which rule, customer by customer.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{dollars, no_faults, once, pages::account, walk};

/// An amount as the page shows it: a customer of the file may differ in a currency that the file has nothing of.
fn shown_in(currency: &str, minor: i64) -> String {
    match currency {
        "usd" => dollars(minor),
        "eur" => dollars(minor).replace('$', "\u{20ac}"),
        "jpy" => dollars(minor * 100).replace('$', "\u{a5}").trim_end_matches(".00").to_owned(),
        other => panic!("the account has no {other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_stripes_is_dropped_on_the_page_and_told_apart_customer_by_customer() {
    let mut daemon = account().await;
    let mrr = daemon.json("/api/v1/mrr?currency=usd&interval=month").await;
    let months = mrr["data"].as_array().unwrap();
    let month = months[months.len() - 2]["start"].as_str().unwrap()[..7].to_owned();
    // What Stripe would export with the settings of the profile finance, while the page compares by those of stripe.
    let query = format!("/api/v1/mrr?currency=usd&group_by=customer&profile=finance&from={month}-01&to={month}-28");
    let theirs = daemon.json(&query).await;
    let mut csv = format!("Customer ID,Currency,{month}\n");
    let minor = |one: &Value| one.as_i64().unwrap();
    for one in theirs["data"].as_array().unwrap().iter().filter(|one| minor(&one["closing"]) > 0) {
        let (customer, closing) = (one["group"].as_str().unwrap(), minor(&one["closing"]));
        writeln!(csv, "{customer},usd,{}.{:02}", closing / 100, closing % 100).unwrap();
    }
    let file = daemon.dir().join("mrr-per-subscriber.csv");
    std::fs::write(&file, &csv).unwrap();
    let found = daemon.send("POST", "/api/v1/audit?currency=usd", csv.clone()).await;
    let found: Value = serde_json::from_slice(&found.body).unwrap();
    let differences = found["differences"].as_array().unwrap();
    assert!(!differences.is_empty(), "the two profiles differ in this account: {found}");
    // Whom the file doesn't name is listed, and not counted: it says nothing of them.
    assert_eq!(found["differ"], differences.iter().filter(|one| one["named"] == true).count(), "{found}");

    let file = file.to_str().unwrap();
    let pages = json!([
        {"path": "/differences?currency=usd&with=finance", "steps": [
            {"drop": file, "on": ".drop"}, {"wait": "Customer by customer"}, {"look": "dropped"}]},
        {"path": "/differences?currency=usd&with=finance", "steps": [
            {"choose": file, "in": ".drop input"}, {"wait": "Customer by customer"}, {"look": "chosen"}]},
    ]);
    let seen = walk(&daemon, &once(), &pages);
    no_faults(&seen);
    for (one, name) in seen.iter().zip(["dropped", "chosen"]) {
        let (_, text) = one.look(name);
        assert!(text.contains("mrr-per-subscriber.csv"), "{text}");
        assert!(text.contains(&format!("{} match", found["matched"])), "{text}");
        assert!(text.contains(&format!("{} differ", found["differ"])), "{text}");
        for reason in found["reasons"].as_array().unwrap() {
            let said = reason["text"].as_str().unwrap();
            assert!(text.contains(said), "{said:?} is not on the page: {text}");
        }
        for difference in differences {
            let exact = |name: &str| {
                #[expect(clippy::cast_possible_truncation, reason = "minor units of a small account")]
                let minor = difference[name].as_str().unwrap().parse::<f64>().unwrap().round() as i64;
                shown_in(difference["currency"].as_str().unwrap(), minor)
            };
            assert!(text.contains(difference["customer"].as_str().unwrap()), "{difference}");
            // Of whom the file doesn't name Stripe says nothing.
            let stripe = if difference["named"] == true { exact("stripe_exact") } else { "not named".to_owned() };
            for shown in [stripe, exact("ledger_exact")] {
                assert!(text.contains(&shown), "{shown} of {difference} is not on the page: {text}");
            }
        }
    }
}
