//! How large a loss is for an account that loses as it always did.

use super::*;
use crate::{alerts::history::Nature, ledger::outcome::Cause};

fn usd() -> Currency {
    "usd".parse().unwrap()
}

/// Each day one customer leaves: of 1,000.00 on the 15th, of 400.00 on the 1st, else of 20.00. Books hold 20,000.00.
fn lived(days: i64) -> Vec<AccountDay> {
    let mut day: Day = "2025-01-01".parse().unwrap();
    let mut all = Vec::new();
    for at in 0..days {
        let units = match day.0.day() {
            15 => 1000,
            1 => 400,
            _ => 20,
        };
        all.push(AccountDay {
            day,
            paying: 500,
            mrr: BTreeMap::from([(usd(), amount(20_000))]),
            churned: vec![loss(&format!("cus_{at}"), units)],
            contracted: Vec::new(),
            failing: Vec::new(),
            counts: None,
        });
        day = day.after();
    }
    all
}

fn amount(units: i128) -> Mrr {
    Mrr(units * 100 * Mrr::MINOR)
}

fn loss(customer: &str, units: i128) -> Loss {
    Loss {
        customer: customer.into(),
        currency: usd(),
        amount: amount(units),
        nature: Nature::Voluntary,
        product: None,
        reason: Cause::Cancellation,
    }
}

/// What is told of the days from `from` on.
fn told(days: &[AccountDay], from: usize, settings: &LargeLoss) -> Vec<Alert> {
    let (mut losses, mut alerts) = (LargeLosses::new(settings, days), Vec::new());
    for day in days {
        losses.day(day, days[from].day, &mut alerts).unwrap();
    }
    alerts
}

#[test]
fn about_one_a_month_is_told_where_two_are_over_amount_and_share() {
    let alerts = told(&lived(730), 365, &LargeLoss::default());
    assert_eq!(alerts.len(), 12, "{alerts:?}");
    assert!(alerts.iter().all(|alert| alert.day.0.day() == 15));
    let often = LargeLoss { a_month: Decimal::whole(1000), ..LargeLoss::default() };
    assert_eq!(told(&lived(730), 365, &often).len(), 24);
}

#[test]
fn the_threshold_is_told_as_every_amount_is() {
    let alerts = told(&lived(400), 365, &LargeLoss::default());
    assert_eq!(alerts[0].threshold, "1 % of MRR and 50.00 USD, at most about one a month");
}

#[test]
fn how_unusual_it_is_is_said() {
    let mut days = lived(400);
    let said = |days: &[AccountDay], at: usize| {
        let alerts = told(days, at, &LargeLoss::default());
        alerts.iter().find(|alert| alert.day == days[at].day).and_then(|alert| alert.how_unusual.clone())
    };
    days[390].churned.push(loss("cus_whale", 5000));
    assert_eq!(said(&days, 390).unwrap(), "the largest loss in all the 13 months on record");
    days[310].contracted.push(loss("cus_other", 6000));
    assert_eq!(said(&days, 390).unwrap(), "the largest loss in 2 months");
    days[380].churned.push(loss("cus_third", 7000));
    assert_eq!(said(&days, 390).unwrap(), "the 3rd largest loss in 6 months");
    // As often as that it is no news, though the whale is: each of these was the largest so far in its time.
    assert_eq!(said(&days, 3), None);
    days[3].churned.push(loss("cus_early", 500));
    assert_eq!(said(&days, 3).unwrap(), "the largest loss in all the 3 days on record");
}

#[test]
fn several_currencies_share_what_is_expected_of_a_month() {
    let mut days = lived(730);
    let eur: Currency = "eur".parse().unwrap();
    for (at, day) in days.iter_mut().enumerate() {
        let _ = day.mrr.insert(eur, amount(20_000));
        let units = 300 + i128::try_from(at % 97).unwrap();
        day.churned.push(Loss { currency: eur, ..loss(&format!("cus_eur_{at}"), units) });
    }
    let alerts = told(&days, 365, &LargeLoss::default());
    let of = |currency: &str| alerts.iter().filter(|alert| alert.customers[0].currency.as_str() == currency).count();
    assert!((4..=10).contains(&of("eur")) && of("usd") <= 12, "{} {}", of("eur"), of("usd"));
    assert!(alerts.iter().all(|alert| {
        let currency = alert.customers[0].currency.as_str().to_uppercase();
        alert.how_unusual.as_ref().is_some_and(|unusual| unusual.contains(&format!(" in {currency}")))
    }));
}

#[test]
fn numbers_in_order_are_written_as_they_are_spoken() {
    let words = [1, 2, 3, 4, 11, 12, 13, 21, 22, 103, 111].map(ordinal);
    assert_eq!(words.join(" "), "1st 2nd 3rd 4th 11th 12th 13th 21st 22nd 103rd 111th");
}
