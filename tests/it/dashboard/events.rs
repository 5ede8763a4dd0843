//! An event by itself: one that was erased says so, one that isn't there too, and neither loads for ever. The bar above counts them.

use serde_json::json;

use super::{no_faults, once, one_sold, walk};

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
