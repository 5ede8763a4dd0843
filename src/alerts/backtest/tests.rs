//! What must fire and what mustn't, over lives told day by day.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::{
    alerts::history::{self, Lost, Nature},
    ledger::{
        ids::CustomerId,
        money::{Currency, Mrr},
        outcome::{Cause, Kind, Movement, Part, Side},
        time::UnixTime,
    },
    store::derived::reports::{DailyRows, DayAmounts, DayCounts, LossRow, MovementRow, Turn},
};

fn usd() -> Currency {
    "usd".parse().unwrap()
}

fn loss(customer: &str, minor: i128, reason: Cause, nature: Nature) -> Loss {
    let (customer, amount) = (CustomerId::from(customer), Mrr(minor * Mrr::MINOR));
    Loss { customer, currency: usd(), amount, nature, product: Some("prod_1".into()), reason }
}

/// A year of 2 000 customers of 20.00 of whom one, two and three leave in turn.
fn year() -> Vec<AccountDay> {
    let mut day: Day = "2025-01-01".parse().unwrap();
    let mut days = Vec::new();
    for at in 0..365 {
        let leaving =
            (0..=at % 3).map(|n| loss(&format!("cus_{at}_{n}"), 2000, Cause::Cancellation, Nature::Voluntary));
        days.push(AccountDay {
            day,
            paying: 2000,
            mrr: BTreeMap::from([(usd(), Mrr(4_000_000 * Mrr::MINOR))]),
            churned: leaving.collect(),
            contracted: Vec::new(),
            failing: Vec::new(),
            counts: None,
        });
        day = day.after();
    }
    days
}

fn fired(days: &[AccountDay]) -> Vec<Alert> {
    run(days, days[0].day, 2.0, &LargeLoss::default()).unwrap().alerts
}

#[test]
fn an_ordinary_year_is_silent() {
    assert_eq!(fired(&year()), []);
}

#[test]
fn a_spike_names_its_customers_largest_first_and_splits_what_was_lost() {
    let mut days = year();
    days[300].churned = (0..14)
        .map(|n| loss(&format!("cus_{n:02}"), 1000 + n, Cause::PaymentFailure, Nature::Involuntary))
        .chain([loss("cus_z", 3000, Cause::UnknownEnd, Nature::Unknown)])
        .collect();
    let alerts = fired(&days);
    let [alert] = &alerts[..] else { panic!("{alerts:?}") };
    assert_eq!((alert.rule, alert.day.to_string().as_str()), (Rule::ChurnSpike, "2025-10-28"));
    assert!(alert.closed.is_some());
    assert!(alert.expected.is_some_and(|expected| expected.by_chance_once_in_years > 10.0), "{alert}");
    assert!(alert.customers.windows(2).all(|pair| pair[0].amount_exact.0 >= pair[1].amount_exact.0));
    let lost = &alert.lost[0];
    let parts = [&lost.voluntary_exact, &lost.involuntary_exact, &lost.unknown_exact];
    assert_eq!(parts.iter().map(|part| part.0.0).sum::<i128>(), lost.total_exact.0.0);
    let by_reason: i128 = alert.by_reason.iter().map(|share| share.amount_exact.0.0).sum();
    assert_eq!(by_reason, lost.total_exact.0.0);
}

#[test]
fn a_whale_is_a_large_loss_and_no_spike() {
    let mut days = year();
    days[300].churned = vec![loss("cus_whale", 900_000, Cause::Cancellation, Nature::Voluntary)];
    let alerts = fired(&days);
    assert_eq!(alerts.iter().map(|alert| alert.rule).collect::<Vec<_>>(), [Rule::LargeLoss]);
    assert_eq!(alerts[0].customers[0].customer, "cus_whale");
}

#[test]
fn an_import_of_as_many_customers_again_is_no_spike() {
    let mut days = year();
    for (at, day) in days.iter_mut().enumerate().skip(200) {
        day.paying = 4000;
        let more = loss(&format!("cus_more_{at}"), 2000, Cause::Cancellation, Nature::Voluntary);
        day.churned.extend([more.clone(), Loss { customer: format!("{}_b", more.customer).as_str().into(), ..more }]);
    }
    assert_eq!(fired(&days), []);
}

#[test]
fn a_cluster_of_failing_payments_fires_before_anybody_has_left() {
    let mut days = year();
    for (at, day) in days.iter_mut().enumerate() {
        day.failing = vec![loss(&format!("cus_f{at}"), 2000, Cause::PaymentFailure, Nature::Involuntary)];
    }
    days[300].failing =
        (0..12).map(|n| loss(&format!("cus_{n}"), 2000, Cause::PaymentFailure, Nature::Involuntary)).collect();
    assert_eq!(fired(&days).iter().map(|alert| alert.rule).collect::<Vec<_>>(), [Rule::PaymentFailures]);
}

/// A churn of 20.00, with its cause; `lost` says whether the customer is gone over all currencies.
fn churn(rows: &mut DailyRows, movements: &mut Vec<MovementRow>, customer: &str, cause: Cause, lost: bool) {
    let day: Day = "2025-03-01".parse().unwrap();
    let (amount, at) = (Mrr(-2000 * Mrr::MINOR), UnixTime(1_740_830_400));
    let before =
        Side { product: None, price: "price_1".into(), interval: None, quantity: None, amount: Mrr(-amount.0) };
    let part = Part {
        subscription: "sub_1".into(),
        item: "si_1".into(),
        cause,
        amount,
        effective_at: at,
        before: Some(before),
        after: None,
        events: Vec::new(),
        feedback: None,
        end_reason: None,
    };
    let movement = Movement {
        currency: usd(),
        day,
        window: at,
        effective_at: at,
        kind: Kind::Churn,
        amount,
        before: Mrr(-amount.0),
        after: Mrr::ZERO,
        visible_from: at,
        visible_until: None,
        parts: vec![part],
    };
    movements.push(MovementRow { id: customer.into(), account: None, customer: customer.into(), ordinal: 0, movement });
    rows.counts.push(DayCounts {
        currency: None,
        group: None,
        day,
        customers: -i64::from(lost),
        subscriptions: 0,
        trials: 0,
    });
    rows.turns.extend(lost.then(|| Turn { customer: customer.into(), day, customers: -1 }));
    let nothing = Mrr::ZERO;
    rows.amounts.push(DayAmounts {
        currency: usd(),
        group: None,
        day,
        mrr: amount,
        list: amount,
        estimated: nothing,
        at_risk: nothing,
        scheduled_churn: nothing,
    });
}

fn losses(movements: &[MovementRow]) -> Vec<Lost> {
    movements.iter().filter_map(|row| LossRow::from(row).lost().unwrap()).collect()
}

#[test]
fn pauses_discounts_currency_switches_and_who_stays_in_another_currency_are_left_out() {
    let (mut rows, mut movements) = (DailyRows::default(), Vec::new());
    churn(&mut rows, &mut movements, "cus_gone", Cause::Cancellation, true);
    churn(&mut rows, &mut movements, "cus_pause", Cause::Pause, true);
    churn(&mut rows, &mut movements, "cus_discount", Cause::FullDiscount, true);
    churn(&mut rows, &mut movements, "cus_switch", Cause::CurrencySwitch, false);
    churn(&mut rows, &mut movements, "cus_stays", Cause::Cancellation, false);
    churn(&mut rows, &mut movements, "cus_unknown", Cause::UnknownEnd, true);
    let days = history::days(&rows, losses(&movements), "2025-03-02".parse().unwrap()).unwrap();
    assert_eq!(days.len(), 2);
    let counted: Vec<_> = days[0].churned.iter().map(|loss| (loss.customer.as_str(), loss.nature)).collect();
    assert_eq!(counted, [("cus_gone", Nature::Voluntary), ("cus_unknown", Nature::Unknown)]);
}

#[test]
fn who_is_cancelled_and_created_anew_within_a_week_was_replaced_not_lost() {
    let (mut rows, mut movements) = (DailyRows::default(), Vec::new());
    for (customer, back) in [("cus_next_day", Some("2025-03-02")), ("cus_late", Some("2025-03-09")), ("cus_gone", None)]
    {
        churn(&mut rows, &mut movements, customer, Cause::Cancellation, true);
        rows.turns.extend(back.map(|day| Turn { customer: customer.into(), day: day.parse().unwrap(), customers: 1 }));
    }
    let lost = |last: &str| -> Vec<String> {
        let days = history::days(&rows, losses(&movements), last.parse().unwrap()).unwrap();
        days[0].churned.iter().map(|loss| loss.customer.to_string()).collect()
    };
    assert_eq!(lost("2025-03-01"), ["cus_next_day", "cus_late", "cus_gone"], "nobody knows yet who comes back");
    assert_eq!(lost("2025-03-20"), ["cus_late", "cus_gone"]);
}

#[test]
fn an_involuntary_wave_is_told_while_payments_fail_and_again_when_customers_are_gone() {
    let mut days = year();
    for (at, day) in days.iter_mut().enumerate() {
        day.failing = vec![loss(&format!("cus_f{at}"), 2000, Cause::PaymentFailure, Nature::Involuntary)];
    }
    let wave: Vec<Loss> =
        (0..30).map(|n| loss(&format!("cus_{n}"), 2000, Cause::PaymentFailure, Nature::Involuntary)).collect();
    days[300].failing = wave.clone();
    days[314].churned = wave;
    let told: Vec<_> = fired(&days).iter().map(|alert| (alert.rule, alert.day.to_string())).collect();
    assert_eq!(told, [(Rule::PaymentFailures, "2025-10-28".to_owned()), (Rule::ChurnSpike, "2025-11-11".to_owned())]);
}

#[test]
fn a_loss_is_large_by_amount_and_by_share_both_settable() {
    let mut days = year();
    days[300].churned.push(loss("cus_some", 39_999, Cause::Cancellation, Nature::Voluntary));
    days[301].churned.push(loss("cus_large", 40_000, Cause::Cancellation, Nature::Voluntary));
    let large = |large: LargeLoss| -> Vec<String> {
        let found = run(&days, days[0].day, 2.0, &large).unwrap().alerts;
        found.into_iter().filter(|alert| alert.rule == Rule::LargeLoss).map(|alert| alert.sentence()).collect()
    };
    assert_eq!(large(LargeLoss::default()), ["cus_large leaves with 400.00 USD, 1.0 % of MRR"]);
    let share = crate::config::alerting::Share("0.9".parse().unwrap());
    let a_month = LargeLoss::default().a_month;
    assert_eq!(large(LargeLoss { share, ..LargeLoss::default() }).len(), 2);
    assert_eq!(large(LargeLoss { share, a_month, amount: "400.01".parse().unwrap() }).len(), 0);
}

/// So many customers of 20.00 leave on a day.
fn leaving(day: &mut AccountDay, name: &str, count: usize) {
    let more = (0..count).map(|n| loss(&format!("{name}_{n}"), 2000, Cause::Cancellation, Nature::Voluntary));
    day.churned.extend(more);
}

#[test]
fn a_further_rise_is_an_update_with_all_customers_and_what_it_takes_for_the_next() {
    let mut days = year();
    leaving(&mut days[300], "first", 20);
    leaving(&mut days[303], "second", 25);
    let alerts = fired(&days);
    let [alert] = &alerts[..] else { panic!("{alerts:?}") };
    let [update] = &alert.updates[..] else { panic!("{:?}", alert.updates) };
    assert_eq!((update.version, update.day, update.as_of), (2, alert.day, days[303].day));
    let all: BTreeSet<&str> = update.customers.iter().map(|one| one.customer.as_str()).collect();
    assert!(all.contains("second_24") && all.contains("first_0") && all.len() >= 45, "{all:?}");
    assert!(update.window.len() < all.len() && update.window.iter().all(|one| all.contains(one.as_str())));
    // More is needed after more was told, and a handful is never enough.
    assert!(alert.further.is_some_and(|further| further > 6), "{:?}", alert.further);
    assert!(update.further > alert.further, "{:?} {:?}", update.further, alert.further);
    assert!(alert.closed.is_some() && alert.ended == Some(End::AsBefore));
}

#[test]
fn a_rise_that_lasts_is_one_alert_and_what_it_rose_to_is_usual_afterwards() {
    let mut days = year();
    for (at, day) in days.iter_mut().enumerate().skip(200) {
        leaving(day, &format!("more_{at}"), 3);
    }
    let alerts = fired(&days);
    let [alert] = &alerts[..] else { panic!("{alerts:?}") };
    assert_eq!((alert.ended, alert.updates.len()), (Some(End::NewLevel), 0));
}
