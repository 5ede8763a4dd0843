//! What is raised, updated, closed and taken back, held against what was told before.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use serde_json::json;

use crate::{
    alerts::history::{Loss, Nature},
    ledger::{
        money::{Currency, Mrr},
        outcome::Cause,
        time::UnixTime,
    },
    store::records::alerts::NewAlert,
};

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn alert(rule: Rule, on: &str, closed: Option<&str>) -> Alert {
    let alert = Alert::saying(rule, day(on), "it is so".into(), String::new(), &[]).unwrap();
    let (closed, ended) = (closed.map(day), closed.map(|_| End::AsBefore));
    Alert { closed, ended, window: customers(0..8), ..alert }
}

fn customers(numbers: std::ops::Range<u32>) -> BTreeSet<CustomerId> {
    numbers.map(|n| CustomerId::from(format!("cus_{n}").as_str())).collect()
}

fn found(alerts: Vec<Alert>) -> Backtest {
    Backtest { alerts, rules: Vec::new(), months: Vec::new(), weeks: Vec::new() }
}

fn kept(rule: Rule, on: &str, closed_at: Option<i64>) -> AlertRow {
    let alert = NewAlert {
        id: format!("al_{on}"),
        rule: rule.as_str().into(),
        subject: String::new(),
        day: day(on),
        raised_at: UnixTime(1),
        headline: String::new(),
        content: json!({"as_of": on, "series": "all", "observed": 8, "further": 5,
            "customers": customers(0..8).iter().map(|one| json!({"customer": one})).collect::<Vec<_>>()})
        .to_string(),
        silenced: None,
        closed: closed_at.is_some(),
    };
    AlertRow {
        alert,
        version: 1,
        updated_at: None,
        taken_back: false,
        closed_at: closed_at.map(UnixTime),
        closed_why: None,
        acknowledged_at: None,
        acknowledged_by: None,
    }
}

/// A day on which so many customers left.
fn leaving(on: &str, left: u32) -> AccountDay {
    let loss = |customer| Loss {
        customer,
        currency: Currency::USD,
        amount: Mrr(2000 * Mrr::MINOR),
        nature: Nature::Voluntary,
        product: None,
        reason: Cause::Cancellation,
    };
    AccountDay {
        day: day(on),
        paying: 100,
        mrr: BTreeMap::new(),
        churned: customers(0..left).into_iter().map(loss).collect(),
        contracted: Vec::new(),
        failing: Vec::new(),
        counts: None,
    }
}

/// What is raised and closed: days and ids.
fn said(alerts: Vec<Alert>, stored: &[AlertRow]) -> Vec<String> {
    said_on("2026-03-10", &[], alerts, stored)
}

fn said_on(today: &str, days: &[AccountDay], alerts: Vec<Alert>, stored: &[AlertRow]) -> Vec<String> {
    let found = found(alerts);
    let judged = Judged { days, found: &found, settled: &found, today: day(today) };
    let verdicts = episodes(&judged, stored, &Rule::ALL);
    let words = |verdict| match verdict {
        Verdict::Raise(candidate) => format!("raise {}", candidate.key),
        Verdict::Update(id, alert) => format!("update {id} to {}", alert.version),
        Verdict::Close { id, taken_back: false, .. } => format!("close {id}"),
        Verdict::Close { id, taken_back: true, .. } => format!("take back {id}"),
    };
    verdicts.into_iter().map(words).collect()
}

#[test]
fn an_episode_is_raised_once_though_late_events_move_its_day() {
    let spike = Rule::ChurnSpike;
    assert_eq!(said(vec![alert(spike, "2026-03-09", None)], &[]), ["raise 2026-03-09"]);
    assert_eq!(said(vec![alert(spike, "2026-03-09", None)], &[kept(spike, "2026-03-10", None)]), [""; 0]);
    assert_eq!(said(vec![alert(spike, "2026-03-08", None)], &[kept(spike, "2026-03-04", Some(5))]), [""; 0]);
    assert_eq!(
        said(vec![alert(spike, "2026-03-09", None)], &[kept(Rule::ContractionSpike, "2026-03-09", None)]),
        ["raise 2026-03-09", "take back al_2026-03-09"]
    );
}

#[test]
fn what_history_holds_wakes_nobody() {
    assert_eq!(said(vec![alert(Rule::ChurnSpike, "2026-03-06", None)], &[]), [""; 0]);
}

#[test]
fn an_episode_is_closed_when_it_ends_or_turns_out_to_be_none() {
    let (spike, open) = (Rule::ChurnSpike, kept(Rule::ChurnSpike, "2026-03-01", None));
    assert_eq!(said(vec![alert(spike, "2026-03-01", None)], std::slice::from_ref(&open)), [""; 0]);
    let over = alert(spike, "2026-03-01", Some("2026-03-07"));
    assert_eq!(said(vec![over], std::slice::from_ref(&open)), ["close al_2026-03-01"]);
    assert_eq!(said(vec![], &[open]), ["take back al_2026-03-01"]);
}

/// A slow rise may lie within its range from the first, and was taken back as soon as the rules no longer found it.
#[test]
fn one_who_comes_back_ends_neither_a_spike_nor_a_slow_rise_told_by_the_average() {
    let spike = Rule::ChurnSpike;
    let open = |observed: u32| {
        let mut row = kept(spike, "2026-03-09", None);
        row.alert.content = json!({"as_of": "2026-03-09", "series": "all", "observed": observed, "further": 5,
            "expected": {"mean": 1.62, "low": 0, "high": 5, "days": 5}, "customers": []})
        .to_string();
        row
    };
    let left = |left, today, observed| said_on(today, &[leaving("2026-03-08", left)], Vec::new(), &[open(observed)]);
    // 0 to 5 in 5 days are usual, and 1.62 on average.
    for (observed, still, no_longer) in [(8, 6, 5), (5, 4, 1)] {
        assert_eq!(left(still, "2026-03-10", observed), [""; 0], "{still} of {observed}");
        assert_eq!(left(still, "2026-03-14", observed), ["close al_2026-03-09"], "{still} of {observed}");
        assert_eq!(left(no_longer, "2026-03-10", observed), ["take back al_2026-03-09"], "{no_longer} of {observed}");
    }
}

#[test]
fn what_was_taken_back_silences_nothing_and_the_same_day_s_next_has_an_id_of_its_own() {
    let spike = Rule::ChurnSpike;
    let taken_back = AlertRow { taken_back: true, ..kept(spike, "2026-03-09", Some(5)) };
    let known = std::slice::from_ref(&taken_back);
    assert_eq!(said(vec![alert(spike, "2026-03-10", None)], known), ["raise 2026-03-10"]);
    assert_eq!(said(vec![alert(spike, "2026-03-09", None)], known), ["raise 2026-03-09 again 1"]);
}

#[test]
fn a_further_rise_is_told_once_and_a_few_more_are_none() {
    let (spike, open) = (Rule::ChurnSpike, kept(Rule::ChurnSpike, "2026-03-08", None));
    let risen = |window| {
        let first = alert(spike, "2026-03-08", None);
        let update = Alert { as_of: day("2026-03-10"), version: 2, window, ..first.clone() };
        vec![Alert { updates: vec![update], ..first }]
    };
    let told = ["update al_2026-03-08 to 2"];
    assert_eq!(said(risen(customers(20..40)), std::slice::from_ref(&open)), told);
    // Four others beside those told of aren't enough, five are.
    assert_eq!(said(risen(customers(0..12)), std::slice::from_ref(&open)), [""; 0]);
    assert_eq!(said(risen(customers(0..13)), std::slice::from_ref(&open)), told);
    assert_eq!(said(risen(customers(0..8)), &[open]), [""; 0]);
    // After its end it is another alert.
    let closed = kept(spike, "2026-03-08", Some(5));
    assert_eq!(said(risen(customers(20..40)), &[closed]), ["raise 2026-03-10"]);
}

#[test]
fn an_id_tells_ledgers_rules_subjects_and_days_apart() {
    let candidate = |rule, subject: &str, key: &str| Candidate {
        alert: alert(rule, "2026-03-09", None),
        subject: subject.into(),
        key: key.into(),
    };
    let id = |rule, subject, key| candidate(rule, subject, key).id("stripe live");
    let one = id(Rule::LargeLoss, "cus_1 usd", "2026-03-09");
    assert_eq!(one, id(Rule::LargeLoss, "cus_1 usd", "2026-03-09"));
    assert_ne!(one, id(Rule::LargeLoss, "cus_2 usd", "2026-03-09"));
    assert_ne!(one, id(Rule::LargeLoss, "cus_1 usd", "2026-03-08"));
    assert_ne!(one, candidate(Rule::LargeLoss, "cus_1 usd", "2026-03-09").id("stripe test"));
}
