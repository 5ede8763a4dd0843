//! Segments on the pages: figures of some customers alone are what the API answers of them, and what isn't told so says it.

use serde_json::{Value, json};

use super::{dollars, everywhere, no_faults, once, pages::account, walk};

/// A condition as a query carries it.
fn encoded(condition: &str) -> String {
    condition.replace(' ', "%20").replace('=', "%3D").replace('>', "%3E")
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_tell_of_a_segment_or_say_that_they_cannot() {
    let mut daemon = account().await;
    let others = encoded("not country = US");
    let pages = json!([
        {"path": "/?currency=usd&segment=american"}, {"path": format!("/movements?currency=usd&where={others}")},
        {"path": "/customers?currency=usd&segment=american"}, {"path": "/churn?currency=usd&segment=american"},
        {"path": "/cohorts?currency=usd&segment=american"},
    ]);
    let seen = walk(&daemon, &everywhere(), &pages);
    no_faults(&seen);
    let closing = |told: &Value| told["data"].as_array().unwrap().last().unwrap()["closing"].as_i64().unwrap();
    let american = closing(&daemon.json("/api/v1/mrr?currency=usd&segment=american").await);
    let others = closing(&daemon.json(&format!("/api/v1/mrr?currency=usd&where={others}")).await);
    assert_ne!(american, others);
    assert_ne!(american, 0, "somebody in the United States pays");
    let told = daemon.json("/api/v1/committed?currency=usd&segment=american&horizon=365").await;
    let committed = told["data"][0]["committed"].as_i64().unwrap();
    let listed = |told: Value| -> Vec<String> {
        told["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    };
    let there = listed(daemon.json("/api/v1/customers?currency=usd&segment=american&limit=100").await);
    let all = listed(daemon.json("/api/v1/customers?currency=usd&limit=100").await);
    let outside: Vec<&String> = all.iter().filter(|id| !there.contains(id)).collect();
    assert!(!there.is_empty() && !outside.is_empty(), "{there:?} {outside:?}");
    for one in &seen {
        match one.0["path"].as_str().unwrap().split('?').next().unwrap() {
            "/" => {
                one.shows("Segment: american");
                one.shows(&dollars(american));
                one.shows(&dollars(committed));
            }
            "/movements" => {
                one.shows("Segment: not country = US");
                one.shows(&dollars(others));
            }
            "/customers" => {
                there.iter().for_each(|id| one.shows(id));
                assert!(outside.iter().all(|id| !one.text().contains(*id)), "somebody outside is on {}", one.text());
            }
            "/cohorts" => one.shows("Segment: american"),
            _ => one.shows("This page isn’t told by segment: its figures are of all customers"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_condition_is_typed_refused_at_its_place_and_mended() {
    let mut daemon = account().await;
    let pages = json!([{"path": "/movements?currency=usd", "steps": [
        {"click": "button[aria-labelledby='of-label of-value']"}, {"wait": "Those of whom this holds"},
        {"wait": "country = US"}, {"look": "known"},
        {"focus": "dialog input.id"}, {"type": "country = US and"}, {"press": "Enter"}, {"wait": "at character 17"}, {"look": "refused"},
        {"type": " mrr > 0"}, {"press": "Enter"}, {"wait": "Segment: country = US and mrr > 0"}, {"look": "shown"},
        // It goes along to other pages, and away again.
        {"press": "g"}, {"press": "c"}, {"wait": "Who pays what"}, {"look": "customers"},
        {"click": {"text": "All customers"}}, {"look": "everybody"},
    ]}]);
    let seen = walk(&daemon, &once(), &pages);
    // The browser tells of the one refusal.
    let faults: Vec<String> = seen[0].faults().into_iter().filter(|fault| !fault.contains("422")).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(seen[0].look("known").1.contains("american"), "{}", seen[0].look("known").1);
    assert!(!seen[0].look("refused").0.contains("where"), "what is refused isn't asked of the page");
    assert!(seen[0].look("refused").1.contains("country = US and\n"), "{}", seen[0].look("refused").1);
    let (at, text) = seen[0].look("shown");
    assert!(at.contains("where=country"), "{at}");
    let told = daemon.json(&format!("/api/v1/mrr?currency=usd&where={}", encoded("country = US and mrr > 0"))).await;
    let closing = told["data"].as_array().unwrap().last().unwrap()["closing"].as_i64().unwrap();
    assert!(text.contains(&dollars(closing)), "{closing} is not on {at}:\n{text}");
    assert!(seen[0].look("customers").0.contains("where=country"));
    assert_eq!(seen[0].look("everybody").0, "/customers?currency=usd");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_keeps_a_condition_by_a_name_and_drops_it() {
    let mut daemon = account().await;
    let open = json!({"click": "button[aria-labelledby='of-label of-value']"});
    let pages = json!([{"path": "/movements?currency=usd", "steps": [
        open, {"wait": "Or keep it as"}, {"focus": "dialog input.id"}, {"type": "country = CA"},
        {"focus": "input[name=as]"}, {"type": "canadian"}, {"click": {"text": "Save"}}, {"wait": "Segment: canadian"}, {"look": "kept"},
    ]}]);
    let seen = walk(&daemon, &once(), &pages);
    no_faults(&seen);
    assert!(seen[0].look("kept").0.contains("segment=canadian"));
    let list = daemon.json("/api/v1/segments").await["data"].clone();
    let kept = list.as_array().unwrap().iter().find(|one| one["name"] == "canadian").expect("it is saved");
    assert_eq!((&kept["where"], &kept["source"]), (&json!("country = CA"), &json!("saved")));
    let pages = json!([{"path": "/movements?currency=usd", "steps": [
        open, {"until": ".choices-of .link"}, {"click": {"text": "drop"}}, {"until": ".choices-of:not(:has(.link))"},
    ]}]);
    no_faults(&walk(&daemon, &once(), &pages));
    let list = daemon.json("/api/v1/segments").await["data"].clone();
    assert!(list.as_array().unwrap().iter().all(|one| one["name"] != "canadian"), "{list}");
}
