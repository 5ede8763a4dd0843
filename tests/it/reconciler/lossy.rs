//! What alerts count of each day, summed beside the rows, and the losses read of single days, are what all rows say: at any
//! instant, up to any day, in all currencies and in one.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use mrrd::{
    alerts::history::{self, AccountDay},
    event::NewEvent,
    ledger::{
        losses::{Began, Lost, without_replaced},
        money::{Currency, Mrr},
        time::{Day, UnixTime, Zone},
    },
    store::derived::reports::{AccountScope, LossRow, LossesAsked, Scope},
};
use serde_json::{Value, json};

use super::bench::*;
use crate::api::{DAY, event, subscription};

/// 2024-12-10: while the simulated account lives.
const BEGUN: i64 = NOW.0 - 387 * DAY;

/// Customers who come back after some days, who drop one of two subscriptions and take another near it, and who lose in two
/// currencies at once.
fn lossy() -> Vec<NewEvent> {
    let mut all = Vec::new();
    let mut tell = |id: &str, kind: &str, created: i64, object: &Value| {
        all.push(received(Bytes::from(event(&format!("evt_{id}_{created}_{kind}"), kind, created, object, None))));
    };
    let ended = |mut sold: Value, at: i64| {
        (sold["status"], sold["ended_at"], sold["canceled_at"]) = (json!("canceled"), json!(at), json!(at));
        sold["cancellation_details"] = json!({"comment": null, "feedback": null, "reason": "cancellation_requested"});
        sold
    };
    let mut sub = |id: &str, customer: &str, amount: i64, currency: &str, (from, to): (i64, Option<i64>)| {
        let mut sold = subscription(id, customer, &format!("price_{amount}_{currency}"), amount, 1, from);
        sold["currency"] = json!(currency);
        sold["items"]["data"][0]["price"]["currency"] = json!(currency);
        sold["items"]["data"][0]["price"]["product"] = json!(format!("prod_{id}"));
        tell(id, "customer.subscription.created", from, &sold);
        if let Some(to) = to {
            tell(id, "customer.subscription.deleted", to, &ended(sold, to));
        }
    };
    for number in 0..12_i64 {
        let begun = BEGUN + number * 5 * DAY;
        let name = |what: &str| format!("cus_{what}_{number}");
        // Gone, and back after so many days.
        let gone = begun + 40 * DAY + 3600;
        sub(&format!("sub_b{number}"), &name("back"), 2000 + number * 700, "usd", (begun, Some(gone)));
        sub(&format!("sub_c{number}"), &name("back"), 2000, "usd", (gone + number * DAY, None));
        // One of two subscriptions ends, and another begins some days before or after.
        sub(&format!("sub_d{number}"), &name("dropped"), 3000, "usd", (begun, None));
        sub(&format!("sub_e{number}"), &name("dropped"), 5000, "usd", (begun + DAY, Some(gone)));
        sub(&format!("sub_f{number}"), &name("dropped"), 1700, "usd", (gone + (number - 6) * 2 * DAY, None));
        // In two currencies, both gone on one day.
        sub(&format!("sub_g{number}"), &name("both"), 4000, "usd", (begun, Some(gone)));
        sub(&format!("sub_h{number}"), &name("both"), 90_000, "jpy", (begun + DAY, Some(gone + 600)));
    }
    all
}

/// The days from all rows, as alerts look at them.
async fn whole(ledger: &Ledger, scope: &Scope, (cut_day, last): (Day, Day), own: Option<Currency>) -> Vec<AccountDay> {
    let derived = &ledger.store.derived;
    let rows = derived.daily_rows(scope, cut_day, None).await.unwrap();
    let add = |all: &mut Vec<Lost>, row: LossRow| {
        all.extend(row.lost().unwrap());
        Ok(())
    };
    let mut lost = derived.losses(scope, own, None, Vec::new(), add).await.unwrap();
    lost.sort_by(|a, b| (a.day, a.at, &a.loss.customer).cmp(&(b.day, b.at, &b.loss.customer)));
    let mut began = Began::new();
    for row in derived.begun(scope, own, None).await.unwrap() {
        began.entry((row.customer, row.currency)).or_default().push((row.day, row.amount));
    }
    history::days(&rows, without_replaced(lost, began).unwrap(), last).unwrap()
}

fn customers<'l>(losses: impl Iterator<Item = &'l mrrd::ledger::losses::Loss>) -> u64 {
    losses.map(|loss| &loss.customer).collect::<BTreeSet<_>>().len() as u64
}

on_both! {
    async fn counts_of_days_and_losses_of_days_as_in_all_rows(kind) {
        let ledger = Ledger::empty(kind).await;
        ledger.append(&life(21, 40, 420)).await;
        ledger.append(&lossy()).await;
        ledger.settle().await.unwrap();
        let zone = Zone::named("Europe/Berlin").unwrap();
        let usd: Currency = "usd".parse().unwrap();
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for profile in ["stripe", "profitwell"] {
            // From now back, at hours of all kinds.
            for back in [0, 3, 40, 297, 301, 305, 309, 312, 317, 322, 331, 340, 347, 350] {
                let cut = UnixTime(NOW.0 - back * DAY - back * 1_237);
                let account = AccountScope::One(None);
                let scope = Scope { profile: profile.into(), livemode: true, account, test_clock: None, cut };
                let today = zone.day(cut);
                let mut before = today;
                (0..4).for_each(|_| before = before.before());
                for (last, own) in [(today, None), (before, None), (today, Some(usd))] {
                    let days = whole(&ledger, &scope, (today, last), own).await;
                    let mut counted = Vec::new();
                    let told = ledger.store.derived.lossy_days(&scope, (today, last), own, |rows, lossy| {
                        counted = history::counted(rows, lossy, last).unwrap();
                        let all = vec![(counted[0].day, last)];
                        let currencies: BTreeSet<Currency> = lossy.keys().filter_map(|(currency, ..)| *currency).collect();
                        let large = currencies.into_iter().map(|currency| (currency, Mrr(1), all[0])).collect();
                        Some(LossesAsked { churned: all.clone(), contracted: all.clone(), failing: all, large })
                    });
                    let told = told.await.unwrap().expect("it is kept");
                    history::put(&mut counted, told);
                    assert_eq!(counted.len(), days.len());
                    for (found, all) in counted.iter().zip(&days) {
                        let counts = found.counts.clone().unwrap();
                        let what = format!("{profile} at {cut} up to {last} {own:?}: {}", all.day);
                        assert_eq!(found.churned, all.churned, "{what}");
                        assert_eq!(found.contracted, all.contracted, "{what}");
                        assert_eq!(found.failing, all.failing, "{what}");
                        assert_eq!((found.paying, &found.mrr), (all.paying, &all.mrr), "{what}");
                        assert_eq!(counts.churned[0], customers(all.churned.iter()), "{what}");
                        assert_eq!(counts.contracted, customers(all.contracted.iter()), "{what}");
                        assert_eq!(counts.failing, customers(all.failing.iter()), "{what}");
                        let large = |ended: bool| {
                            counts.large.iter().filter(move |lost| lost.ended == ended).map(|lost| lost.loss.clone())
                        };
                        assert_eq!(large(true).collect::<Vec<_>>(), all.churned, "{what}");
                        assert_eq!(large(false).collect::<Vec<_>>(), all.contracted, "{what}");
                        let currencies: BTreeSet<Currency> =
                            all.churned.iter().chain(&all.contracted).map(|loss| loss.currency).collect();
                        assert_eq!(counts.currencies, currencies, "{what}");
                        *seen.entry("churned").or_default() += all.churned.len();
                        *seen.entry("contracted").or_default() += all.contracted.len();
                        *seen.entry("failing").or_default() += all.failing.len();
                        *seen.entry("in two").or_default() += usize::from(currencies.len() > 1);
                    }
                }
            }
        }
        assert!(seen.len() == 4 && seen.values().all(|count| *count > 20), "{seen:?}");
    }
}
