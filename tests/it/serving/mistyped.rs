//! Options, settings and paths mistyped: what is wrong is named, and what is expected.

use std::{path::Path, process::Output};

use crate::{
    api::{JANUARY, event, subscription},
    support::daemon::{Settings, mrrd},
};

fn run(dir: &Path, settings: &Settings, args: &[&str]) -> Output {
    mrrd(dir, settings).args(args).stdin(std::process::Stdio::null()).output().unwrap()
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}

/// Of both only the unknown key was named; the wrong value came to light once that was mended.
#[test]
fn an_unknown_key_hides_no_wrong_value() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mrrd.toml");
    std::fs::write(
        &file,
        "[ledger]\ntimezon = \"UTC\"\n[log]\nformat = \"odd\"\n[stripe]\ntolerance_seconds = \"long\"\n",
    )
    .unwrap();
    let settings =
        Settings::default().env("MRRD_CONFIG", file.to_str().unwrap()).env("MRRD_LEDGER__PROFILES", "finanse");
    let output = run(dir.path(), &settings, &["config", "check"]);
    let told = said(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    for fault in [
        "there is no setting ledger.timezon; did you mean ledger.timezone?",
        "log.format is \"odd\": text or json is possible",
        "stripe.tolerance_seconds must be a whole number",
        "MRRD_LEDGER__PROFILES",
    ] {
        assert_eq!(told.matches(fault).count(), 1, "{fault}: {told}");
    }
    let listed = run(dir.path(), &settings, &["config", "check", "--json"]);
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(listed["errors"].as_array().map(Vec::len), Some(4), "{listed}");
    // A file that is no TOML says nothing of what it sets: whatever would follow from that isn't said.
    std::fs::write(&file, "[profiles.finanse\n").unwrap();
    let told = said(&run(dir.path(), &settings, &["config", "check"]));
    assert!(told.contains("is not TOML") && !told.contains("MRRD_LEDGER__PROFILES"), "{told}");
}

/// "invalid digit found in string" was all that was said of `--horizon 365d`.
#[test]
fn numbers_are_taken_with_their_unit_and_else_it_is_said_what_is_expected() {
    let dir = tempfile::tempdir().unwrap();
    let told = |args: &[&str]| said(&run(dir.path(), &Settings::default(), args));
    for (args, expected) in [
        (
            &["report", "committed", "--horizon", "1y"][..],
            "so many days from 1 to 3650 are expected, such as 90 or 90d",
        ),
        (&["report", "committed", "--horizon", "0"], "so many days from 1 to 3650 are expected, such as 90 or 90d"),
        (&["report", "unit-economics", "--lag", "x"], "so many months from 0 to 24 are expected, such as 1 or 1m"),
        (&["alerts", "mute", "all", "--days", "a week"], "so many days from 1 to 366 are expected, such as 7 or 7d"),
        (&["audit", "--metrics", "--months", "1y"], "so many months from 1 to 60 are expected, such as 12 or 12m"),
        (&["serve", "--wait-for", "1min"], "so many seconds are expected, such as 60 or 60s"),
        (&["init", "--wait", "1min"], "so many seconds are expected, such as 60 or 60s"),
        (&["events", "list", "--limit", "many"], "a number of at least 1 is expected, such as 100"),
        (&["events", "tail", "-n", "-"], "a number from 0 to 4294967295 is expected, such as 10"),
        (&["alerts", "list", "--limit", "9999"], "a number from 1 to 1000 is expected, such as 50"),
        (&["demo", "--customers", "few"], "a number from 1 to 100000 is expected, such as 250"),
    ] {
        let text = told(args);
        assert!(text.contains(expected) && !text.contains("invalid digit"), "{args:?}: {text}");
    }
    for horizon in ["90", "90d", "365d"] {
        let text = told(&["report", "committed", "--horizon", horizon]);
        assert!(text.contains("there is no ledger"), "{horizon}: {text}");
    }
}

/// "A day such as 2026-01-31 is expected" was said of what looks like one.
#[test]
fn a_day_that_there_is_not_and_a_span_without_one_are_told_as_such() {
    let dir = tempfile::tempdir().unwrap();
    let told = |args: &[&str]| said(&run(dir.path(), &Settings::default(), args));
    for (args, expected) in [
        (&["report", "mrr", "--from", "2026-02-30"][..], "there is no such day: 2026-02 ends on 2026-02-28"),
        (&["explain", "cus_1", "--day", "2026-13-01"], "there is no such day: months go from 01 to 12"),
        (&["report", "mrr", "--from", "yesterday"], "a day such as 2026-01-31 is expected"),
        (&["events", "list", "--since", "2026-02-30"], "there is no such day: 2026-02 ends on 2026-02-28"),
    ] {
        let text = told(args);
        assert!(text.contains(expected), "{args:?}: {text}");
    }
    let events = dir.path().join("events.jsonl");
    let plan = subscription("sub_1", "cus_1", "price_1", 2000, 1, JANUARY);
    std::fs::write(&events, event("evt_1", "customer.subscription.created", JANUARY, &plan, None) + "\n").unwrap();
    assert!(run(dir.path(), &Settings::default(), &["replay", "events.jsonl"]).status.success());
    let text = told(&["report", "mrr", "--from", "2026-05-01", "--to", "2026-01-01"]);
    let expected = "--from: the span begins on 2026-05-01 and ends on 2026-01-01, before that";
    assert!(text.contains(expected) && text.contains("swap the two days"), "{text}");
}

/// A secret of an endpoint was warned of, and not which one; what is done about a wrong id of `explain` neither.
#[test]
fn a_secret_is_named_by_its_key_and_what_explain_does_not_find_by_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::default().env("MRRD_STRIPE__ENDPOINTS__EU__WEBHOOK_SECRETS", "sk_test_mistaken");
    let text = said(&run(dir.path(), &settings, &["config", "check"]));
    let expected = "stripe.endpoints.eu.webhook_secrets: a secret in it does not begin with whsec_";
    assert!(text.contains(expected) && !text.contains("sk_test_mistaken"), "{text}");
    assert!(!text.contains("stripe.webhook_secrets:"), "{text}");

    let events = dir.path().join("events.jsonl");
    let plan = subscription("sub_1", "cus_1", "price_1", 2000, 1, JANUARY);
    let price = serde_json::json!({"id": "price_1", "object": "price", "product": "prod_1"});
    let lines = [
        event("evt_1", "customer.subscription.created", JANUARY, &plan, None),
        event("evt_2", "price.created", JANUARY, &price, None),
    ];
    std::fs::write(&events, lines.join("\n")).unwrap();
    assert!(run(dir.path(), &Settings::default(), &["replay", "events.jsonl"]).status.success());
    for (id, expected) in [
        (
            "evt_1",
            "evt_1 is an event of cus_1: `mrrd explain cus_1` tells what came of it, `mrrd events show evt_1` what it says",
        ),
        (
            "evt_2",
            "evt_2 is an event (price.created) that names no customer: `mrrd events show evt_2` says what it holds",
        ),
        ("evt_9", "the log has no event evt_9: check the id, or take it in (mrrd backfill, mrrd replay)"),
        (
            "cus_9",
            "the ledger has no customer and no subscription cus_9: check the id, `mrrd report movements` shows those there are",
        ),
    ] {
        let output = run(dir.path(), &Settings::default(), &["explain", id]);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(expected), "{id}: {text}");
    }
}

/// The file that is derived was named, in SQLite's words, and not the folder.
#[test]
fn a_folder_that_is_missing_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("a/b");
    let settings = Settings::default().env("MRRD_DATABASE__URL", &format!("sqlite://{}/mrrd.db", folder.display()));
    std::fs::write(dir.path().join("none.jsonl"), "").unwrap();
    for (args, code) in [(&["serve"][..], 1), (&["replay", "none.jsonl"], 1), (&["report", "mrr"], 2)] {
        let output = run(dir.path(), &settings, args);
        let told = said(&output);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {told}");
        let named = format!("the folder {} is not there, nor is {}", folder.display(), dir.path().join("a").display());
        assert!(told.contains(&named) && told.contains("database.url"), "{args:?}: {told}");
        assert!(!told.contains("derived"), "{args:?}: {told}");
    }
}
