//! Who is looked at twice, for how long, and who isn't waited for.

use std::collections::BTreeMap;

use super::*;
use crate::{
    alerts::history::Nature,
    ledger::{money::Mrr, outcome::Cause},
};

fn today() -> Day {
    "2026-03-20".parse().unwrap()
}

/// Twenty days to today; on the last the customers of these numbers have left.
fn days(gone: std::ops::Range<u32>) -> Vec<AccountDay> {
    let mut day: Day = "2026-03-01".parse().unwrap();
    let mut all = Vec::new();
    while day <= today() {
        all.push(AccountDay {
            day,
            paying: 100,
            mrr: BTreeMap::new(),
            churned: Vec::new(),
            contracted: Vec::new(),
            failing: Vec::new(),
            counts: None,
        });
        day = day.after();
    }
    all.last_mut().unwrap().churned = gone.map(|n| loss(&format!("cus_{n}"))).collect();
    all[0].churned = vec![loss("cus_long_ago")];
    all
}

fn loss(customer: &str) -> Loss {
    Loss {
        customer: customer.into(),
        currency: "usd".parse().unwrap(),
        amount: Mrr(2_000 * Mrr::MINOR),
        nature: Nature::Voluntary,
        product: None,
        reason: Cause::Cancellation,
    }
}

/// Looks at this second; who has settled of the last day, and when to look again.
fn look(second: &mut SecondLook, gone: std::ops::Range<u32>, at: i64) -> (usize, Option<i64>) {
    let (days, now) = (days(gone), UnixTime(1_000_000 + at));
    second.note(&days, today(), now);
    let settled = second.settled(&days, today(), now, 30);
    let next = settled.as_ref().map(|settled| settled.next.0 - 1_000_000);
    let of = settled.map_or(days, |settled| settled.days);
    assert_eq!(of[0].churned.len(), 1, "what is long ago is never waited for");
    (of.last().unwrap().churned.len(), next)
}

#[test]
fn each_customer_counts_once_gone_for_long_enough() {
    let mut second = SecondLook::default();
    assert_eq!(look(&mut second, 0..5, 0), (0, Some(30)));
    assert_eq!(look(&mut second, 0..9, 20), (0, Some(30)));
    assert_eq!(look(&mut second, 0..9, 30), (5, Some(50)));
    assert_eq!(look(&mut second, 0..9, 50), (9, None));
}

#[test]
fn while_customers_come_back_the_wait_is_longer_but_ends() {
    let mut second = SecondLook::default();
    assert_eq!(look(&mut second, 0..80, 0), (0, Some(30)));
    // The first are back: the others may be on their way.
    assert_eq!(look(&mut second, 10..80, 25), (0, Some(60)));
    assert_eq!(look(&mut second, 40..80, 50), (0, Some(60)));
    assert_eq!(look(&mut second, 40..80, 60), (40, None), "within a minute it is told, though some still come back");
    // Who leaves again is new.
    assert_eq!(look(&mut second, 39..80, 70).0, 40);
}
