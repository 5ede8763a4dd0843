//! The event types that Stripe is to send: every place that lists them lists the same.

use std::{collections::BTreeSet, fs, path::Path};

/// Where they are listed, and between which words.
const LISTS: [(&str, &str, &str); 4] = [
    ("README.md", "/webhooks/stripe` for the events", "(sending it everything"),
    ("docs/guides/connect.md", "sending everything does no harm:", "An endpoint that sends only"),
    ("src/cli/init.rs", "const EVENTS: &str = \"", "\";"),
    ("src/dashboard/assets/pages/first.js", "Choose its events:", "</li>"),
];

/// The `name.*` of a text, without those that a broader one holds already.
fn listed(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_lowercase() && !"_.*".contains(c));
    let all: BTreeSet<String> = words.filter_map(|word| word.strip_suffix(".*")).map(str::to_owned).collect();
    let is_held =
        |one: &str| all.iter().any(|other| one.strip_prefix(other.as_str()).is_some_and(|rest| rest.starts_with('.')));
    all.iter().filter(|one| !is_held(one)).cloned().collect()
}

#[test]
fn every_list_of_event_types_is_the_same() {
    let lists = LISTS.map(|(file, from, to)| {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        let (_, rest) = text.split_once(from).unwrap_or_else(|| panic!("{file} lists no events after {from:?}"));
        let (list, _) = rest.split_once(to).unwrap_or_else(|| panic!("{file}: its list doesn't end with {to:?}"));
        (file, listed(list))
    });
    assert_eq!(lists[0].1.len(), 8, "{lists:?}");
    for (file, list) in &lists {
        assert_eq!(list, &lists[0].1, "{file} and {} list different events", lists[0].0);
    }
}
