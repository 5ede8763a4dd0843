//! Movements of a cause are those of the whole list that have it, page by page, whatever else is asked for; and what alerts
//! look at is what the rows say.

use std::collections::BTreeMap;

use mrrd::{
    ledger::{
        money::{Currency, Mrr},
        outcome::{Cause, Kind as MovementKind, Rollup},
        time::Day,
    },
    store::derived::reports::{AccountScope, LossRow, MovementFilter, MovementRow, Order, PartFilter, Scope},
};

use bytes::Bytes;
use mrrd::event::NewEvent;
use serde_json::{Value, json};

use super::bench::*;
use crate::api::{DAY, event, subscription};

/// 2024-12-10: while the simulated account lives.
const BEGUN: i64 = NOW.0 - 387 * DAY;

/// Customers whose movements have several parts, of one cause and of two, and one who comes and goes within a day.
fn parts() -> Vec<NewEvent> {
    let mut all = Vec::new();
    let mut tell = |id: &str, kind: &str, created: i64, object: &Value| {
        all.push(received(Bytes::from(event(&format!("evt_{id}_{created}"), kind, created, object, None))));
    };
    for number in 0..7_i64 {
        let (id, begun) = (format!("sub_{number}"), BEGUN + number / 2 * DAY);
        let mut sold = subscription(&id, &format!("cus_parts_{number}"), "price_a", 1000, 1, begun);
        let mut second = sold["items"]["data"][0].clone();
        second["id"] = json!(format!("si_{id}_b"));
        second["price"]["id"] = json!("price_b");
        second["price"]["product"] = json!("prod_b");
        sold["items"]["data"].as_array_mut().unwrap().push(second);
        tell(&id, "customer.subscription.created", begun, &sold);
        for item in 0..2 {
            sold["items"]["data"][item]["quantity"] = json!(3);
        }
        tell(&id, "customer.subscription.updated", begun + 10 * DAY, &sold);
        sold["items"]["data"][0]["quantity"] = json!(4);
        let price = &mut sold["items"]["data"][1]["price"];
        (price["id"], price["unit_amount"], price["unit_amount_decimal"]) =
            (json!("price_c"), json!(1500), json!("1500"));
        tell(&id, "customer.subscription.updated", begun + 20 * DAY, &sold);
    }
    let mut gone = subscription("sub_gone", "cus_gone", "price_a", 1000, 1, BEGUN);
    tell("gone", "customer.subscription.created", BEGUN, &gone);
    gone["status"] = json!("canceled");
    gone["ended_at"] = json!(BEGUN + 60);
    tell("gone", "customer.subscription.deleted", BEGUN + 60, &gone);
    all
}

async fn list(ledger: &Ledger, scope: &Scope, filter: &MovementFilter, order: Order, limit: i64) -> Vec<MovementRow> {
    let mut all: Vec<MovementRow> = Vec::new();
    loop {
        let after = all.last().map(MovementRow::key);
        let page = ledger.store.derived.movement_page(scope, filter, order, after.as_ref(), limit).await.unwrap();
        let last = page.len() < usize::try_from(limit).unwrap();
        all.extend(page);
        if last {
            return all;
        }
    }
}

on_both! {
    async fn by_a_cause_as_in_the_whole_list(kind) {
        let ledger = Ledger::empty(kind).await;
        ledger.append(&life(11, 12, 300)).await;
        ledger.append(&parts()).await;
        ledger.settle().await.unwrap();
        let from: Day = "2024-03-05".parse().unwrap();
        let to: Day = "2024-09-20".parse().unwrap();
        for (profile, account) in [("stripe", AccountScope::One(None)), ("profitwell", AccountScope::All)] {
            let scope = Scope { profile: profile.into(), livemode: true, account, test_clock: None, cut: NOW };
            let mut everything = Vec::new();
            for kind in [None, Some(MovementKind::Transient)] {
                let filter = MovementFilter { kind, ..MovementFilter::default() };
                everything.push(list(&ledger, &scope, &filter, Order::Ascending, 500).await);
            }
            let there: Vec<Cause> = Cause::ALL
                .iter()
                .copied()
                .filter(|cause| everything.iter().flatten().any(|row| has(row, *cause)))
                .collect();
            let upsell = Cause::QuantityIncrease;
            let of_two = |row: &MovementRow| {
                row.movement.parts.iter().filter(|part| part.cause == upsell).count() > 1
                    || row.movement.parts.iter().any(|part| part.cause != upsell) && has(row, upsell)
            };
            let of_several = everything[0].iter().filter(|row| of_two(row)).count();
            // The other nets over longer.
            assert!(profile != "stripe" || of_several >= 14 && !everything[1].is_empty(), "{of_several}");
            assert!(there.len() > 4, "{there:?}");
            let absent = Cause::ALL.iter().copied().find(|cause| !there.contains(cause)).unwrap();
            for cause in there.iter().copied().chain([absent]) {
                let of_cause = MovementFilter { cause: Some(cause), ..MovementFilter::default() };
                let churn = MovementFilter { kind: Some(MovementKind::Churn), ..of_cause.clone() };
                let transient = MovementFilter { kind: Some(MovementKind::Transient), ..of_cause.clone() };
                let some_days = MovementFilter { from: Some(from), to: Some(to), ..of_cause.clone() };
                for filter in [of_cause, churn, transient, some_days] {
                    compare(&ledger, &scope, &everything, &filter, |row| has(row, cause)).await;
                }
            }
            for &rollup in Rollup::ALL {
                let part = PartFilter { rollup: Some(rollup), ..PartFilter::default() };
                let of_rollup = |row: &MovementRow| row.movement.parts.iter().any(|part| part.cause.rollup() == rollup);
                let filter = MovementFilter { part, ..MovementFilter::default() };
                compare(&ledger, &scope, &everything, &filter, of_rollup).await;
            }
        }
    }
}

on_both! {
    async fn what_was_lost_as_in_the_whole_list(kind) {
        let ledger = Ledger::empty(kind).await;
        ledger.append(&life(12, 40, 400)).await;
        ledger.append(&parts()).await;
        ledger.settle().await.unwrap();
        for (profile, account) in [("stripe", AccountScope::One(None)), ("profitwell", AccountScope::All)] {
            let scope = Scope { profile: profile.into(), livemode: true, account, test_clock: None, cut: NOW };
            let whole = list(&ledger, &scope, &MovementFilter::default(), Order::Ascending, 500).await;
            let usd: Currency = "usd".parse().unwrap();
            let since: Day = "2024-06-01".parse().unwrap();
            for (own, from) in [(None, None), (Some(usd), Some(since))] {
                let is_asked_for = |row: &LossRow| {
                    matches!(row.kind, MovementKind::Churn | MovementKind::Contraction)
                        && own.is_none_or(|own| own == row.currency)
                        && from.is_none_or(|from| from <= row.day)
                };
                let mut expected: Vec<LossRow> = whole.iter().map(LossRow::from).filter(is_asked_for).collect();
                expected.sort_by_key(|row| row.customer.clone());
                assert!(expected.len() > 10, "{}", expected.len());
                let add = |all: &mut Vec<LossRow>, row| {
                    all.push(row);
                    Ok(())
                };
                let found = ledger.store.derived.losses(&scope, own, from, Vec::new(), add).await.unwrap();
                assert_eq!(found, expected, "{profile} {own:?} {from:?}");
            }
        }
    }

    async fn comings_goings_and_doubts_as_in_each_customers_rows(kind) {
        let ledger = Ledger::empty(kind).await;
        ledger.append(&life(13, 60, 500)).await;
        ledger.settle().await.unwrap();
        let generation = ledger.reconciler().current_generation().await.unwrap().unwrap().id;
        let customers = ledger.store.derived.ledgers(generation, None, 1000).await.unwrap();
        let day = |text: &str| text.parse::<Day>().unwrap();
        for (profile, from) in [("stripe", None), ("profitwell", Some(day("2024-09-01")))] {
            let account = AccountScope::One(None);
            let scope = Scope { profile: profile.into(), livemode: true, account, test_clock: None, cut: NOW };
            let (mut turns, mut doubts) = (BTreeMap::new(), BTreeMap::new());
            for (key, derived) in customers.iter().filter(|(_, derived)| &*derived.profile == profile) {
                let counts = || {
                    let all = derived.ledger.counts.iter();
                    all.filter(|row| row.currency.is_none() && row.customers != 0 && from.is_none_or(|from| from <= row.day))
                };
                for row in counts().filter(|_| counts().any(|row| row.customers < 0)) {
                    *turns.entry((key.customer.clone(), row.day)).or_insert(0) += row.customers;
                }
                for row in &derived.ledger.deltas {
                    if row.at_risk != Mrr::ZERO || row.scheduled_churn != Mrr::ZERO {
                        let of: &mut (i128, i128) =
                            doubts.entry((key.customer.clone(), row.currency, row.day)).or_default();
                        (of.0, of.1) = (of.0 + row.at_risk.0, of.1 + row.scheduled_churn.0);
                    }
                }
            }
            assert!(turns.len() > 5 && doubts.len() > 5, "{turns:?} {doubts:?}");
            let daily = ledger.store.derived.daily_rows(&scope, day("2026-01-01"), from).await.unwrap();
            assert_eq!(daily.turns.len(), turns.len());
            assert_eq!(daily.turns.into_iter().map(|row| ((row.customer, row.day), row.customers)).collect::<BTreeMap<_, _>>(), turns);
            assert_eq!(daily.in_doubt.len(), doubts.len());
            let found = daily.in_doubt.into_iter();
            let found = found.map(|row| ((row.customer, row.currency, row.day), (row.at_risk.0, row.scheduled_churn.0)));
            assert_eq!(found.collect::<BTreeMap<_, _>>(), doubts);
        }
    }
}

fn has(row: &MovementRow, cause: Cause) -> bool {
    row.movement.parts.iter().any(|part| part.cause == cause)
}

/// The list of `filter`, both ways and in pages of three, beside what of everything it means.
async fn compare(
    ledger: &Ledger,
    scope: &Scope,
    everything: &[Vec<MovementRow>],
    filter: &MovementFilter,
    is_of: impl Fn(&MovementRow) -> bool,
) {
    let transient = filter.kind == Some(MovementKind::Transient);
    let mut expected: Vec<&MovementRow> = everything[usize::from(transient)]
        .iter()
        .filter(|row| is_of(row) && filter.kind.is_none_or(|kind| kind == row.movement.kind))
        .filter(|row| filter.from.is_none_or(|from| from <= row.movement.day))
        .filter(|row| filter.to.is_none_or(|to| row.movement.day <= to))
        .collect();
    for order in Order::ALL {
        let found = list(ledger, scope, filter, order, 3).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filter:?} {order:?}");
        expected.reverse();
    }
}
