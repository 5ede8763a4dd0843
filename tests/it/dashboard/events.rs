//! An event by itself: one that was erased says so, one that isn't there too, and neither loads for ever. The bar above counts them.

use serde_json::json;

use super::{no_faults, once, one_sold, walk};
use crate::api::{JANUARY, event};

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_was_erased_or_never_came_says_so() {
    let daemon = one_sold().await;
    assert!(daemon.command(&["erase", "cus_1", "--reason", "asked for", "--yes"]).status.success());
    let seen = walk(&daemon, &once(), &json!([{"path": "/events/evt_1"}, {"path": "/events/evt_none"}]));
    no_faults(&seen[..1]);
    let [erased, none] = [seen[0].text(), seen[1].text()];
    for said in ["erased; the event and what was read from it stand", "price_1", "It was erased."] {
        assert!(erased.contains(said), "{said:?} is not in\n{erased}");
    }
    assert!(!erased.contains("Try again") && !erased.contains("The bytes"), "{erased}");
    assert!(none.contains("evt_none") && none.contains("No such"), "{none}");
    assert!(!none.contains("What was read from it") && !none.contains("The body"), "{none}");
    assert!(seen[1].0["fault"].is_null(), "{}", seen[1].0["fault"]);
}

/// On a telephone the word for the connection lay under the search.
#[tokio::test(flavor = "multi_thread")]
async fn the_bar_on_top_has_room_on_small_telephones() {
    let daemon = one_sold().await;
    let views = json!([{"width": 360, "dark": false}, {"width": 390, "dark": false}]);
    let seen =
        walk(&daemon, &views, &json!([{"path": "/events", "steps": [{"wait": "Connected · 1 event, figures"}]}]));
    no_faults(&seen);
    assert!(!seen[0].text().contains("Current") && seen[1].text().contains("Current"), "{}", seen[0].text());
}

/// The file of a list that comes in pages ended after the first thousand rows, and said nothing.
#[tokio::test(flavor = "multi_thread")]
async fn the_csv_of_a_list_holds_all_of_its_pages() {
    const MORE: usize = 1_005;
    let mut daemon = one_sold().await;
    let of_log = daemon.json("/api/v1/status").await["log"]["events"].as_u64().unwrap();
    for number in 0..MORE {
        let object = json!({"id": format!("cus_more_{number}"), "object": "customer", "created": JANUARY});
        daemon.accept(event(&format!("evt_more_{number}"), "customer.created", JANUARY, &object, None)).await;
    }
    daemon.settle().await;
    let seen = walk(&daemon, &once(), &json!([{"path": "/events", "steps": [{"save": "file", "by": "CSV"}]}]));
    no_faults(&seen);
    let (_, file) = seen[0].look("file");
    let rows: Vec<&str> = file.lines().collect();
    assert_eq!(rows.len(), 1 + usize::try_from(of_log).unwrap() + MORE);
    assert_eq!(rows.iter().filter(|row| **row == rows[0]).count(), 1, "columns are named once");
    for number in 0..MORE {
        assert!(file.contains(&format!("evt_more_{number},")), "evt_more_{number}");
    }
}
