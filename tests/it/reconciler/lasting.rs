//! What customers expanded by in each month and hold of it later, summed beside the rows, is what all rows say: at any instant, of
//! one account and of all.

use std::collections::{BTreeMap, BTreeSet};

use mrrd::{
    event::NewEvent,
    ledger::{
        durability::{AGES, Step, expansions, steps_of_parts},
        lasting::{Lasting, LastingMonth, LastingMonths, add_lasting},
        money::{Currency, Mrr},
        outcome::Rollup,
        retention::days_after,
        time::{Day, UnixTime, Zone},
    },
    store::derived::reports::{AccountScope, LossRow, Scope},
};

use super::bench::*;
use crate::api::DAY;

/// The same from all rows.
#[derive(Default)]
struct All {
    steps: BTreeMap<Currency, Vec<(Day, Step, Rollup)>>,
    months: LastingMonths,
}

impl All {
    fn add(&mut self, row: &LossRow, is_last: bool) {
        let parts = row.parts.iter().map(|part| (part.cause, part.amount));
        let steps = steps_of_parts(row.kind, row.day, row.amount, parts);
        self.steps.entry(row.currency).or_default().extend(steps);
        if is_last {
            let mut counted = BTreeSet::new();
            for (currency, steps) in std::mem::take(&mut self.steps) {
                add_lasting(&mut self.months, &mut counted, currency, expansions(steps)).unwrap();
            }
        }
    }
}

/// Without what is held on days that aren't over.
fn told(months: &LastingMonths, today: Day) -> BTreeMap<LastingMonth, (i64, Mrr, Vec<Option<Mrr>>)> {
    let known = |(of, one): (&LastingMonth, &Lasting)| {
        let held = AGES.into_iter().zip(one.held);
        let held = held.map(|(days, held)| (days_after(of.1.last(), days) <= today).then_some(held)).collect();
        (*of, (one.customers, one.expansion, held))
    };
    months.iter().map(known).collect()
}

/// The same customers in a connected account: ids that say nothing over all accounts.
fn connected(events: &[NewEvent]) -> Vec<NewEvent> {
    let in_account = |event: &NewEvent| {
        let text = String::from_utf8(event.body.to_vec()).unwrap();
        let text = text.replacen("\"id\":\"evt_", "\"account\":\"acct_other\",\"id\":\"evt_x", 1);
        received(bytes::Bytes::from(text))
    };
    events.iter().map(in_account).collect()
}

on_both! {
    async fn what_lasts_of_months_as_in_all_rows(kind) {
        let ledger = Ledger::empty(kind).await;
        let life = life(23, 40, 420);
        let (early, late) = life.split_at(life.len() / 2);
        ledger.append(late).await;
        ledger.settle().await.unwrap();
        ledger.append(early).await;
        ledger.append(&connected(&life[..life.len() / 3])).await;
        ledger.settle().await.unwrap();
        let zone = Zone::named("Europe/Berlin").unwrap();
        let (mut seen, mut of_all) = (BTreeMap::<&str, usize>::new(), 0);
        for profile in ["stripe", "profitwell"] {
            // From now back, at hours of all kinds.
            for back in [0, 1, 3, 7, 12, 18, 25, 40, 61, 75, 90, 130, 200, 240, 297, 305, 322, 347, 360] {
                let cut = UnixTime(NOW.0 - back * DAY - back * 1_237);
                let today = zone.day(cut);
                for account in [AccountScope::One(None), AccountScope::All] {
                    let scope = Scope { profile: profile.into(), livemode: true, account, test_clock: None, cut };
                    let add = |all: &mut All, row: LossRow, is_last: bool| {
                        all.add(&row, is_last);
                        Ok(())
                    };
                    let derived = &ledger.store.derived;
                    let all = derived.expanding(&scope, None, All::default(), add).await.unwrap().months;
                    let months = derived.lasting_months(&scope, today).await.unwrap().expect("they are kept");
                    let (all, months) = (told(&all, today), told(&months, today));
                    assert_eq!(months, all, "{profile} at {cut}, {:?}", scope.account);
                    let customers: i64 = months.values().map(|(customers, ..)| customers).sum();
                    of_all = if scope.account == AccountScope::All { of_all.max(customers) } else { of_all };
                    for (_, expansion, held) in months.values() {
                        *seen.entry("months").or_default() += 1;
                        *seen.entry("held whole").or_default() += held.iter().filter(|held| **held == Some(*expansion)).count();
                        let part = |held: &&Option<Mrr>| held.is_some_and(|held| held < *expansion && held > Mrr::ZERO);
                        *seen.entry("held in part").or_default() += held.iter().filter(part).count();
                    }
                }
            }
        }
        assert!(seen.len() == 3 && seen.values().all(|count| *count > 50), "{seen:?}");
        assert!(of_all > 20, "{of_all}");
    }
}
