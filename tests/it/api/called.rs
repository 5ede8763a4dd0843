//! Names of products and prices beside their ids, as the log tells them.

use serde_json::{Value, json};

use super::{DAY, JANUARY, event, subscription};
use crate::support::daemon::Settings;

#[tokio::test]
async fn products_and_prices_are_called_by_their_names_wherever_their_ids_are() {
    // It concerns customers' names, not these.
    let mut daemon = Settings::default().env("MRRD_PRIVACY__SHOW_NAMES", "false").start().await;
    let mut small = subscription("sub_1", "cus_1", "price_small", 2000, 1, JANUARY);
    small["items"]["data"][0]["price"]["nickname"] = json!("Small, monthly");
    let mut large = subscription("sub_1", "cus_1", "price_large", 3500, 1, JANUARY);
    large["items"]["data"][0]["price"]["product"] = json!("prod_price_small");
    let product = |name: &str| json!({"id": "prod_price_small", "object": "product", "name": name, "metadata": {}});
    let previous = Some(json!({"items": small["items"]}));
    for body in [
        event("evt_1", "customer.subscription.created", JANUARY, &small, None),
        event("evt_2", "customer.subscription.updated", JANUARY + DAY, &large, previous),
        // Later told, later named; what came before in time is no news.
        event("evt_3", "product.updated", JANUARY + 2 * DAY, &product("Workspace"), None),
        event("evt_4", "product.created", JANUARY, &product("Draft"), None),
    ] {
        daemon.accept(body).await;
    }
    daemon.settle().await;
    let listed = daemon.json("/api/v1/movements").await;
    let side = |movement: usize, side: &str| listed["data"][movement]["parts"][0][side].clone();
    let names = |side: Value| [side["product_name"].clone(), side["price_name"].clone()];
    assert_eq!(names(side(0, "after")), [json!("Workspace"), json!("Small, monthly")]);
    assert_eq!(names(side(1, "before")), [json!("Workspace"), json!("Small, monthly")]);
    assert_eq!(names(side(1, "after")), [json!("Workspace"), Value::Null], "a price without a nickname has none");
    let detail = daemon.json("/api/v1/customers/cus_1").await;
    assert_eq!(detail["movements"], listed["data"]);
    for (asked, group, field, name) in [
        ("group_by=product", "prod_price_small", "product_name", json!("Workspace")),
        ("group_by=price", "price_small", "price_name", json!("Small, monthly")),
        ("group_by=price&as_known_at=2", "price_small", "price_name", json!("Small, monthly")),
        ("group_by=price", "price_large", "price_name", Value::Null),
    ] {
        let mrr = daemon.json(&format!("/api/v1/mrr?from=2026-01-01&to=2026-01-31&{asked}")).await;
        let entry = mrr["data"].as_array().unwrap().iter().find(|entry| entry["group"] == group).unwrap();
        assert_eq!(entry[field], name, "{asked}: {entry}");
    }
    for (command, said) in [
        (vec!["report", "movements", "--format", "csv"], "Workspace,\"Small, monthly\""),
        (vec!["report", "mrr", "--group-by", "product", "--format", "csv"], "Workspace"),
    ] {
        let printed = daemon.command(&command);
        let text = String::from_utf8_lossy(&printed.stdout).into_owned();
        assert!(text.contains(said), "{text}");
    }
}
