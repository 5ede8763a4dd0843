//! What months are summed to by group, and days for figures that look at customers one by one, is what the rows come to.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use mrrd::{
    ledger::{
        cohorts::Month,
        metrics::{Pair, expansion_durability, grr, nrr},
        money::{Currency, Mrr},
        outcome::{self, CustomerLedger},
        retention,
        time::{Day, UnixTime},
    },
    report::{
        book::Book,
        period::{Interval, Period, Phase},
        retained::{People, Retained},
    },
    store::derived::reports::{AccountScope, Dimension, LedgerRows, RetentionRows, RowGroup, Scope},
};

use super::bench::*;

fn scope_at(cut: UnixTime) -> Scope {
    Scope { profile: "stripe".into(), livemode: true, account: AccountScope::One(None), test_clock: None, cut }
}

/// Of each currency, group and month (and kind): what it comes to, where that isn't nothing.
type Months = (
    BTreeMap<(Currency, Option<Arc<str>>, String), [Mrr; 5]>,
    BTreeMap<(Currency, Option<Arc<str>>, String), [i64; 3]>,
    BTreeMap<(Currency, Option<Arc<str>>, String, outcome::Kind), Mrr>,
);

fn by_month(rows: &LedgerRows) -> Months {
    let month = |day: Day| day.to_string()[..7].to_owned();
    let mut months = Months::default();
    for row in &rows.amounts {
        let sums = months.0.entry((row.currency, row.group.clone(), month(row.day))).or_default();
        let amounts = [row.mrr, row.list, row.estimated, row.at_risk, row.scheduled_churn];
        sums.iter_mut().zip(amounts).for_each(|(sum, amount)| *sum = sum.checked_add(amount).unwrap());
    }
    for row in &rows.counts {
        let Some(currency) = row.currency else { continue };
        let sums = months.1.entry((currency, row.group.clone(), month(row.day))).or_default();
        sums.iter_mut().zip([row.customers, row.subscriptions, row.trials]).for_each(|(sum, count)| *sum += count);
    }
    for row in &rows.lines {
        let sum = months.2.entry((row.currency, row.group.clone(), month(row.day), row.kind)).or_default();
        *sum = sum.checked_add(row.amount).unwrap();
    }
    months.0.retain(|_, sums| sums.iter().any(|sum| *sum != Mrr::ZERO));
    months.1.retain(|_, sums| *sums != [0; 3]);
    months.2.retain(|_, sum| *sum != Mrr::ZERO);
    months
}

/// A life whose second half comes first, the ledgers it comes to, and instants around what takes effect.
async fn lived(kind: Kind) -> (Ledger, Vec<CustomerLedger>, Vec<UnixTime>) {
    let ledger = Ledger::empty(kind).await;
    let life = life(11, 40, 300);
    let (early, late) = life.split_at(life.len() / 2);
    ledger.append(late).await;
    ledger.settle().await.unwrap();
    ledger.append(early).await;
    ledger.settle().await.unwrap();
    let current = ledger.reconciler().current_generation().await.unwrap().unwrap();
    let all = ledger.store.derived.ledgers(current.id, None, 1_000).await.unwrap();
    let ledgers: Vec<CustomerLedger> =
        all.into_iter().filter(|(_, one)| &*one.profile == "stripe").map(|(_, one)| one.ledger).collect();
    let mut instants: Vec<UnixTime> = ledgers.iter().flat_map(|one| one.deltas.iter().map(|row| row.at)).collect();
    instants.sort();
    let instants = instants.iter().step_by(9).flat_map(|at| [at.plus(-1), *at, at.plus(3_600)]).collect();
    (ledger, ledgers, instants)
}

on_both! {
    async fn at_any_instant_the_sums_of_groups_are_those_of_the_rows(kind) {
        let (ledger, ledgers, instants) = lived(kind).await;
        let zone = rules(&["stripe"]).zone;
        let (mut not_yet, mut groups) = (0, BTreeSet::new());
        for at in instants {
            let (scope, day) = (scope_at(at), zone.day(at));
            for (dimension, group) in [
                (Dimension::Product, RowGroup::Product),
                (Dimension::Price, RowGroup::Price),
                (Dimension::Interval, RowGroup::Interval),
                (Dimension::Currency, RowGroup::Currency),
                (Dimension::Cause, RowGroup::Cause),
                (Dimension::Country, RowGroup::Customer),
                (Dimension::Cohort, RowGroup::Customer),
            ] {
                let summed = ledger.store.derived.group_months(&scope, day, &dimension).await.unwrap().unwrap();
                let mut rows = ledger.store.derived.ledger_rows(&scope, day, group).await.unwrap();
                if group == RowGroup::Customer {
                    let traits = ledger.store.derived.customer_traits(&scope).await.unwrap();
                    let label = |id: &str| -> Option<Arc<str>> {
                        let one = traits.iter().find(|one| one.customer.as_str() == id)?;
                        match dimension {
                            Dimension::Country => one.country.clone(),
                            _ => Some(Month::of(zone.day(one.first_mrr_at?)).to_string().into()),
                        }
                    };
                    rows.regroup(label);
                }
                let (summed, rows) = (by_month(&summed), by_month(&rows));
                groups.extend(rows.2.keys().map(|(_, group, ..)| (dimension.text(), group.clone())));
                assert_eq!(summed, rows, "{dimension:?} at {at:?}");
            }
            not_yet += ledgers.iter().filter(|one| one.first_mrr_at.is_some_and(|first| first > at)).count();
        }
        assert!(not_yet > 10 && groups.len() > 30, "{not_yet} {}", groups.len());
    }

    async fn at_any_instant_what_days_add_is_what_customers_add(kind) {
        let (ledger, ledgers, instants) = lived(kind).await;
        let zone = rules(&["stripe"]).zone;
        let mut looked_at = 0;
        for at in instants {
            let (scope, day) = (scope_at(at), zone.day(at));
            let mut kept = ledger.store.derived.retention(&scope, day).await.unwrap().unwrap();
            let whole = std::mem::take(&mut kept.whole);
            let mut summed = RetentionRows::default();
            for one in &ledgers {
                let share = retention::share(one, Some(at)).unwrap();
                for (of, looked) in share.days.iter().filter(|((_, of), _)| *of <= day) {
                    let sum = summed.days.entry(*of).or_default();
                    sum.amounts.iter_mut().zip(looked.amounts).for_each(|(sum, by)| *sum = Mrr(sum.0 + by.0));
                    sum.counts.iter_mut().zip(looked.counts).for_each(|(sum, by)| *sum += by);
                }
                for ((currency, of), aged) in share.ages.iter().filter(|((_, of), _)| *of <= day) {
                    let sum = summed.cohorts.entry((*currency, share.cohort.unwrap(), *of)).or_default();
                    sum.mrr = Mrr(sum.mrr.0 + aged.mrr.0);
                    sum.active += aged.active;
                    sum.members += aged.members;
                }
            }
            for rows in [&mut kept, &mut summed] {
                // Asked for only of days that lie so far back: what the last ones hold depends on days to come.
                for ((_, of), looked) in &mut rows.days {
                    if retention::days_after(*of, retention::DURABLE_DAYS) > day {
                        looked.amounts[retention::amount::HELD] = Mrr::ZERO;
                    }
                }
                rows.days.retain(|_, looked| *looked != Default::default());
                rows.cohorts.retain(|_, aged| *aged != Default::default());
            }
            assert_eq!(kept, summed, "at {at:?}");
            // And that is what a look at each customer says, of any period.
            let rows = ledger.store.derived.ledger_rows(&scope, day, RowGroup::Customer).await.unwrap();
            let imported = ledger.store.derived.imported_lines(&scope).await.unwrap();
            assert_eq!(by_month(&whole).2, by_month(&rows.whole().unwrap()).2);
            let currencies: BTreeSet<Currency> = rows.amounts.iter().map(|row| row.currency).collect();
            let book = People::Book(Book::of(&rows).unwrap(), &imported, None);
            let days = People::of_days(&kept).unwrap();
            for interval in [Interval::Month, Interval::Quarter, Interval::Year] {
                let mut start = interval.first_day("2024-01-01".parse().unwrap());
                while start <= day {
                    let period = Period { start, end: interval.last_day(start), phase: Phase::Past };
                    let end = period.end.min(day);
                    for currency in &currencies {
                        let told = |people: &People<'_>| {
                            figures(people.retained(*currency, period, interval, end).unwrap(), end, day)
                        };
                        assert_eq!(told(&days), told(&book), "{currency} {interval:?} {start} at {at:?}");
                        looked_at += 1;
                    }
                    start = period.end.after();
                }
            }
        }
        assert!(looked_at > 300, "{looked_at}");
    }
}

/// What is told of it.
fn figures(one: Retained, end: Day, today: Day) -> String {
    let durable = retention::days_after(end, retention::DURABLE_DAYS) <= today;
    let rate = |of: fn(Vec<Pair>) -> mrrd::ledger::metrics::Rate, pairs: Vec<Pair>| {
        let rate = of(pairs);
        format!("{} / {}", rate.numerator, rate.denominator)
    };
    let expanded = durable.then(|| expansion_durability(one.expanded));
    format!(
        "nrr {} grr {} nrr12 {} grr12 {} lost {:?} in month {:?} in 30 days {:?} bought {:?} durable {expanded:?}",
        rate(nrr, one.since_start),
        rate(grr, one.least_since_start),
        rate(nrr, one.in_12_months),
        rate(grr, one.least_in_12_months),
        one.lost,
        one.lost_in_month,
        one.in_30_days,
        one.bought,
    )
}
