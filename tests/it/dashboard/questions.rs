//! What a finance lead asks, answered on the pages by a few clicks from the overview, without any documentation.

use std::time::{Duration, Instant};

use jiff::{ToSpan as _, civil::Date};
use mrrd::clock::Clock;
use serde_json::{Value, json};

use super::{Seen, dollars, no_faults, once, pages::account, walk};
use crate::{
    api::{event, subscription},
    support::daemon::Daemon,
};

/// Names are read from bodies behind the figures: pages show them once they are.
async fn named(daemon: &mut Daemon) {
    let since = Instant::now();
    loop {
        let work = daemon.json("/api/v1/health").await["work"].clone();
        if work["names_seq"] == work["last_seq"] {
            return;
        }
        assert!(since.elapsed() < Duration::from_secs(60), "names are not read: {work}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What the API lists under this address.
async fn list(daemon: &mut Daemon, address: &str) -> Vec<Value> {
    daemon.json(address).await["data"].as_array().unwrap().clone()
}

/// By name, where there is one.
fn who(entry: &Value) -> &str {
    entry["customer_name"].as_str().or(entry["customer"].as_str()).unwrap()
}

fn amount(exact: &Value) -> i64 {
    let minor = exact.as_str().unwrap().parse::<f64>().unwrap();
    #[expect(clippy::cast_possible_truncation, reason = "minor units of a small account")]
    let minor = minor.round() as i64;
    minor
}

fn says(seen: &Seen, look: &str, what: &str) {
    let (at, text) = seen.look(look);
    assert!(text.contains(what), "{what:?} is not on {at}:\n{text}");
}

/// Days of the month before this one, and the last day of this.
fn months(now: &str) -> (Date, Date, Date) {
    let first: Date = now[..10].parse::<Date>().unwrap().first_of_month();
    let before = first.checked_sub(1.month()).unwrap();
    (before, before.last_of_month(), first.last_of_month())
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_questions_are_answered_within_a_few_clicks() {
    let mut daemon = account().await;
    let now = Clock::system().now();
    let (before, before_ends, ends) = months(&now.to_string());
    let began = now.0 - 70 * 86_400;
    let sold = subscription("sub_late", "cus_late", "price_late", 4_321, 1, began);
    daemon.accept(event("evt_late", "customer.subscription.created", began, &sold, None)).await;
    // Of one discount nothing in the log tells the terms.
    let mut doubtful = subscription("sub_doubtful", "cus_doubtful", "price_doubtful", 1_000, 1, began);
    doubtful["discounts"] = json!(["di_unheard"]);
    daemon.accept(event("evt_doubtful", "customer.subscription.created", began, &doubtful, None)).await;
    daemon.settle().await;
    // A month is closed, and then a cancellation of it arrives late.
    let month = before.strftime("%Y-%m").to_string();
    let closed = daemon.command(&["close", &month, "--yes", "--force"]);
    assert!(closed.status.success(), "{}", String::from_utf8_lossy(&closed.stderr));
    let at = format!("{month}-10T12:00:00Z").parse::<jiff::Timestamp>().unwrap().as_second();
    let mut gone = sold;
    gone["status"] = json!("canceled");
    (gone["ended_at"], gone["canceled_at"]) = (json!(at), json!(at));
    gone["cancellation_details"] = json!({"reason": "cancellation_requested", "feedback": "too_expensive"});
    daemon.accept(event("evt_late_end", "customer.subscription.deleted", at, &gone, None)).await;
    daemon.settle().await;
    named(&mut daemon).await;

    let range = json!({"select": ".report label:first-of-type select", "value": "last-month"});
    let compare = json!({"select": ".report .choices label:first-of-type select", "value": "previous"});
    let page = |key: &str| [json!({"press": "g"}), json!({"press": key})];
    let ask = |steps: &[&[Value]]| json!({"path": "/?currency=usd", "steps": steps.concat()});
    let look = |name: &str| json!({"look": name});
    let click = |selector: &str| json!({"click": selector});
    let questions = json!([
        // Who left in that month and why, which payments failed, and who came back: one page.
        ask(&[
            &page("u"),
            &[json!({"wait": "Who left and why"}), range, json!({"wait": "Who came back"}), look("churn")]
        ]),
        // What was reported for that month when it was closed, and why it is different now.
        ask(&[
            &page("l"),
            &[
                json!({"wait": "MRR as closed"}),
                json!({"click": {"text": "As closed and now"}}),
                json!({"wait": "since it was closed"}),
                look("closing")
            ]
        ]),
        // Why this isn't Stripe's figure.
        ask(&[&page("s"), &[json!({"wait": "Closing MRR of"}), look("differences")]]),
        // What is set to end, this month and for certain later.
        ask(&[&[
            look("overview"),
            json!({"click": {"text": "All set to end"}}),
            json!({"wait": "set to end"}),
            look("ending")
        ]]),
        // Which product grew most, and who bought it.
        ask(&[
            &page("b"),
            &[
                json!({"wait": "From the first day to the last"}),
                compare,
                json!({"wait": "in %"}),
                look("products"),
                click("section:last-of-type tbody th a"),
                json!({"wait": "The movements that match"}),
                look("buyers")
            ]
        ]),
        // Who is the largest customer, and how they got there.
        ask(&[
            &page("c"),
            &[
                json!({"until": "tbody .customer"}),
                click("tbody .customer"),
                json!({"wait": "How it came about"}),
                look("largest")
            ]
        ]),
        // Whether a figure can be trusted, and what is estimated.
        ask(&[&[click(".facts a[href*='quality=']"), json!({"wait": "It would be settled by"}), look("doubts")]]),
    ]);
    let seen = walk(&daemon, &once(), &questions);
    no_faults(&seen);
    let [churn, closing, differences, ending, products, largest, doubts] = seen.as_slice() else { panic!("{seen:?}") };

    let span = format!("currency=usd&from={before}&to={before_ends}");
    let left = list(&mut daemon, &format!("/api/v1/movements?{span}&kind=churn&limit=100")).await;
    assert!(left.iter().any(|one| one["customer"] == "cus_late"), "{left:?}");
    let failed = list(&mut daemon, &format!("/api/v1/failed-payments?{span}")).await;
    let back = list(&mut daemon, &format!("/api/v1/movements?{span}&kind=reactivation")).await;
    for one in left.iter().chain(&failed).chain(&back) {
        says(churn, "churn", who(one));
    }
    for one in &left {
        says(churn, "churn", &dollars(amount(&one["amount_exact"])));
    }
    says(churn, "churn", "too expensive");

    let kept = list(&mut daemon, "/api/v1/restatements?currency=usd").await;
    assert_eq!(kept[0]["customer"], "cus_late", "{kept:?}");
    says(closing, "closing", "evt_late_end");
    says(closing, "closing", "-$43.21");

    let compared = daemon.json(&format!("/api/v1/compare?currency=usd&with=finance&month={month}")).await;
    for side in ["from", "to"] {
        says(differences, "differences", &dollars(compared["totals"][0][side]["closing"].as_i64().unwrap()));
    }
    // Whether anybody had asked to leave in that month depends on the day.
    if compared["totals"][0]["by_knob"].as_array().unwrap().iter().any(|one| one["knob"] == "churn_at") {
        says(differences, "differences", "when asked for → when it takes effect");
    }

    let set = list(&mut daemon, "/api/v1/customers?currency=usd&state=ending&sort=ends&limit=200").await;
    let set: Vec<&Value> = set.iter().filter(|one| !one["scheduled_churn"].is_null()).collect();
    let soon = set.iter().filter(|one| one["ends_at"].as_str().unwrap()[..10].parse::<Date>().unwrap() <= ends);
    let sums = soon.map(|one| amount(&one["scheduled_churn"][0]["mrr_exact"])).sum();
    says(ending, "overview", &dollars(sums));
    for one in &set {
        says(ending, "ending", one["name"].as_str().or(one["id"].as_str()).unwrap());
    }

    let (at, _) = products.look("buyers");
    assert!(at.contains("product="), "{at}");
    says(products, "products", "Difference");

    let first = list(&mut daemon, "/api/v1/customers?sort=mrr&currency=usd&limit=1").await.remove(0);
    let id = first["id"].as_str().unwrap();
    let whole = daemon.json(&format!("/api/v1/customers/{id}?currency=usd")).await;
    for one in whole["movements"].as_array().unwrap() {
        says(largest, "largest", one["parts"][0]["events"][0].as_str().unwrap());
    }

    let doubted = list(&mut daemon, "/api/v1/quality?limit=100").await;
    assert!(doubted.iter().any(|one| one["customer"] == "cus_doubtful"), "{doubted:?}");
    assert!(doubted.iter().any(|one| doubts.look("doubts").1.contains(one["settle"].as_str().unwrap())), "{doubted:?}");
}
