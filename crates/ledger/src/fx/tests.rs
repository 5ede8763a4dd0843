//! Reporting currency: stories with rates, and laws over random ones (rule `rates`).

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{
    identities::{days_add_up, first_breach},
    laws,
    money::Decimal,
    outcome::{Kind, Movement},
    profile::Netting,
    story::{Story, time},
};

fn currency(code: &str) -> Currency {
    code.parse().unwrap()
}

/// `2026-01-05 usd 0.9`, one a line: euros for one unit.
fn table(text: &str) -> Rates {
    let lines = text.split(';').map(str::trim).filter(|line| !line.is_empty());
    let quotes = lines.map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        Quote {
            base: currency("eur"),
            day: words[0].parse().unwrap(),
            currency: currency(words[1]),
            rate: words[2].parse().unwrap(),
            per_base: false,
        }
    });
    Rates::new(quotes, None)
}

fn in_euro(story: &str, rates: &Rates) -> CustomerLedger {
    let profile = Profile::built_in("stripe").unwrap();
    convert(&Story::of(story).derive(&profile), currency("eur"), &profile, rates, &Zone::UTC, &[])
}

fn told(movements: &[Movement]) -> Vec<String> {
    let one = |one: &Movement| {
        let causes: Vec<&str> = one.parts.iter().map(|part| part.cause.as_str()).collect();
        format!("{} {} {} -> {} {}", one.day, one.kind.as_str(), one.before, one.after, causes.join("+"))
    };
    movements.iter().map(one).collect()
}

const STEADY: &str = "2026-01-01 usd 0.5; 2026-01-08 usd 0.5; 2026-01-15 usd 0.5; 2026-01-22 usd 0.5;
    2026-01-31 usd 0.6; 2026-02-07 usd 0.8; 2026-02-10 usd 0.9";

/// Rule `revaluation`.
#[test]
fn what_stands_is_revalued_before_movements_and_at_month_ends_and_leaves_nothing_behind() {
    let ledger = in_euro("d5 created active pro:1000; d41 active pro:1500; d42 deleted", &table(STEADY));
    assert_eq!(
        told(&ledger.movements),
        [
            "2026-01-05 new 0 -> 500 first_subscription",
            "2026-01-31 fx 500 -> 600 fx",
            "2026-02-10 fx 600 -> 900 fx",
            "2026-02-10 expansion 900 -> 1350 price_increase",
            "2026-02-11 churn 1350 -> 0 unknown_end",
        ]
    );
    assert_eq!(ledger.deltas.iter().map(|delta| delta.mrr.0).sum::<i128>(), 0);
    assert!(ledger.quality.iter().all(|entry| entry.kind != QualityKind::MissingRate), "{:?}", ledger.quality);
}

#[test]
fn a_missing_rate_ends_the_rows_and_names_currency_and_day() {
    let rates = table("2026-01-01 usd 0.5");
    let ledger = in_euro("d8 created active pro:1000; d9 active pro:2000; d12 active pro:3000", &rates);
    assert_eq!(told(&ledger.movements), ["2026-01-08 new 0 -> 500 first_subscription"]);
    let missing: Vec<_> = ledger.quality.iter().filter(|entry| entry.kind == QualityKind::MissingRate).collect();
    let [entry] = missing.as_slice() else { panic!("{missing:?}") };
    assert_eq!((&*entry.object, entry.at), ("usd", time("d9")));
    assert!(entry.detail.contains("usd") && entry.detail.contains("2026-01-09"), "{}", entry.detail);
    assert_eq!(ledger.deltas.last().unwrap().day.to_string(), "2026-01-08");
}

#[test]
fn month_ends_beyond_the_known_rates_are_missing_not_invented() {
    let ledger = in_euro("d5 created active pro:1000", &table("2026-01-05 usd 0.5; 2026-01-28 usd 0.7"));
    assert_eq!(told(&ledger.movements), ["2026-01-05 new 0 -> 500 first_subscription", "2026-01-31 fx 500 -> 700 fx"]);
    let missing = ledger.quality.iter().find(|entry| entry.kind == QualityKind::MissingRate).unwrap();
    assert_eq!(missing.at.to_string(), "2026-02-28T23:59:59Z");
}

#[test]
fn kinds_are_decided_over_all_currencies() {
    let story = "d2 a created active pro:1000 eur; d3 b created active extra:1000; d4 a deleted; d5 b deleted";
    let ledger = in_euro(story, &table("2026-01-01 usd 0.5; 2026-01-08 usd 0.5"));
    assert_eq!(
        told(&ledger.movements),
        [
            "2026-01-02 new 0 -> 1000 first_subscription",
            "2026-01-03 expansion 1000 -> 1500 cross_sell",
            "2026-01-04 contraction 1500 -> 500 product_dropped",
            "2026-01-05 churn 500 -> 0 unknown_end",
        ]
    );
    let customers: Vec<i64> =
        ledger.counts.iter().filter(|row| row.currency.is_some()).map(|row| row.customers).collect();
    assert_eq!(customers, [1, 0, 0, -1]);
}

#[test]
fn a_switch_of_currencies_is_one_movement() {
    let story = "d2 a created active pro:1000; d4T10:00 a deleted; d4T11:00 b created active pro:400 eur";
    let ledger = in_euro(story, &table("2026-01-01 usd 0.5; 2026-01-08 usd 0.5"));
    assert_eq!(
        told(&ledger.movements),
        [
            "2026-01-02 new 0 -> 500 first_subscription",
            "2026-01-04 contraction 500 -> 400 currency_switch+currency_switch",
        ]
    );
}

#[test]
fn cross_rates_go_through_the_base_and_minor_units_differ() {
    let quote = |code: &str, rate: &str| Quote {
        base: currency("eur"),
        day: "2026-01-05".parse().unwrap(),
        currency: currency(code),
        rate: rate.parse().unwrap(),
        per_base: true,
    };
    let rates = Rates::new([quote("usd", "1.25"), quote("jpy", "160"), quote("bhd", "0.5")], None);
    let day = "2026-01-07".parse().unwrap();
    for (from, to, amount, worth) in [
        ("usd", "eur", 1250, 1000),
        ("eur", "usd", 1000, 1250),
        ("usd", "jpy", 125, 160),
        ("jpy", "usd", 160, 125),
        ("bhd", "jpy", 500, 160),
        ("usd", "usd", 7, 7),
    ] {
        let rate = rates.rate(currency(from), currency(to), day).unwrap();
        assert_eq!(times(Mrr(amount), rate), Some(Mrr(worth)), "{from} {to}");
    }
    assert!(rates.rate(currency("usd"), currency("eur"), "2026-01-13".parse().unwrap()).is_none());
    assert!(rates.rate(currency("usd"), currency("eur"), "2026-01-04".parse().unwrap()).is_none());
    assert!(rates.rate(currency("usd"), currency("gbp"), day).is_none());
}

#[test]
fn constant_rates_never_revalue_and_never_run_out() {
    let quotes = table(STEADY);
    let line = Quote {
        base: currency("eur"),
        day: "2020-05-05".parse().unwrap(),
        currency: currency("usd"),
        rate: "0.7".parse().unwrap(),
        per_base: false,
    };
    let fixed = Rates::new([line], Some("2020-05-06".parse().unwrap()));
    assert_ne!(fixed.fingerprint(), quotes.fingerprint());
    let ledger = in_euro("d5 created active pro:1000; d400 active pro:2000", &fixed);
    assert_eq!(
        told(&ledger.movements),
        ["2026-01-05 new 0 -> 700 first_subscription", "2027-02-04 expansion 700 -> 1400 price_increase",]
    );
    assert!(ledger.quality.is_empty(), "{:?}", ledger.quality);
}

#[test]
fn a_discount_that_runs_out_before_another_start_of_its_month_adds_up_whenever_it_is_read() {
    let story = "d1T09:00 a created active extra:2 off:50/repeating/d20; d25 b created active pro:8";
    let rates = &table("2025-12-30 usd 2; 2026-01-19 usd 4; 2026-01-25 usd 5; 2026-01-31 usd 6");
    let profile = Profile { netting: Netting::Month, ..Profile::built_in("finance").unwrap() };
    let read =
        |known: &str| convert(&Story::of(known).derive(&profile), currency("eur"), &profile, rates, &Zone::UTC, &[]);
    // Before the second start is known, while the discount runs and after it.
    let early = read(story.split(';').next().unwrap());
    for at in ["d10", "d20T11:59:59", "d20", "d24"] {
        assert_eq!(days_add_up(&early, profile.netting, time(at)), Ok(()), "{at}");
    }
    let whole = read(story);
    assert_eq!(first_breach(&whole, profile.netting), None);
    let booked: i128 = whole.movements.iter().filter(|one| one.visible_until.is_none()).map(|one| one.amount.0).sum();
    assert_eq!(Mrr(booked).to_string(), "60", "ten at the rate of the month's end");
}

#[test]
fn a_month_whose_last_second_changes_something_beside_mrr_is_revalued_all_the_same() {
    // Set to end, and so outside MRR already: its price moves only what is scheduled to churn.
    let story = "d5 a created active pro:1000; d6 b created active extra:10; d7 b cape; d31T23:59:59 b extra:30";
    let ledger = in_euro(story, &table("2026-01-01 usd 0.5; 2026-01-08 usd 0.5; 2026-01-31 usd 0.6"));
    let last = told(&ledger.movements).pop();
    assert_eq!(last.as_deref(), Some("2026-01-31 fx 500 -> 600 fx"));
}

/// Rates of the first 80 days of 2026 and some before, at odd intervals, from a few numbers.
fn rates(seed: &[u16], last: i64) -> Rates {
    let first: Day = "2025-11-01".parse().unwrap();
    let quotes = seed.iter().cycle().enumerate().scan(0i64, |offset, (place, number)| {
        *offset += 1 + i64::from(number % 7);
        Some((place, number, *offset))
    });
    let quotes = quotes.take_while(|(_, _, offset)| *offset <= last).flat_map(|(place, number, offset)| {
        let day = Day(first.0.checked_add(jiff::Span::new().days(offset)).unwrap());
        ["usd", "eur"].map(|code| Quote {
            base: currency("gbp"),
            day,
            currency: currency(code),
            rate: Decimal::from_units(
                i128::from(*number) * 7_919_331 + i128::from(code == "eur") + 500_000_000_000 + place as i128,
            ),
            per_base: number % 2 == 0,
        })
    });
    Rates::new(quotes, None)
}

/// Native MRR item by item at `at`, each at the rate of that day.
fn worth(native: &CustomerLedger, at: UnixTime, to: Currency, rates: &Rates) -> i128 {
    let mut items: BTreeMap<Key, i128> = BTreeMap::new();
    for delta in native.deltas.iter().filter(|delta| delta.at <= at) {
        *items.entry(Key::from_delta(delta)).or_default() += delta.mrr.0;
    }
    let each = items.into_iter().filter(|(_, mrr)| *mrr != 0);
    each.map(|(key, mrr)| {
        let rate = rates.rate(key.currency, to, Zone::UTC.day(at)).expect("a rate of every row's day");
        times(Mrr(mrr), rate).unwrap().0
    })
    .sum()
}

proptest! {
    #[test]
    fn what_stands_is_native_mrr_at_the_rate_and_the_bridge_closes(
        story in laws::story(),
        profile in laws::profiles(),
        to in prop_oneof![Just("gbp"), Just("eur"), Just("usd")],
        seed in prop::collection::vec(any::<u16>(), 3..9),
        last in prop_oneof![Just(60i64), Just(85), Just(200)],
    ) {
        let (native, to, rates) = (story.derive(&profile), currency(to), rates(&seed, last));
        let ledger = convert(&native, to, &profile, &rates, &Zone::UTC, &[]);
        prop_assert_eq!(first_breach(&ledger, profile.netting), None);
        prop_assert_eq!(laws::first_breach_for_readers_of_the_time(&story, &profile, |ledger| {
            convert(&ledger, to, &profile, &rates, &Zone::UTC, &[])
        }), None);
        prop_assert!(ledger.movements.iter().all(|movement| movement.currency == to));
        let missing = ledger.quality.iter().find(|entry| entry.kind == QualityKind::MissingRate);
        let until = missing.map_or(UnixTime(i64::MAX), |entry| entry.at);
        let stands = |at: UnixTime| ledger.deltas.iter().filter(|delta| delta.at <= at).map(|delta| delta.mrr.0).sum::<i128>();

        // At each month's end and after each change.
        let ends = (1..=12).map(|month| {
            let first: Day = format!("2026-{month:02}-01").parse().unwrap();
            Zone::UTC.end_of(Day(first.0.last_of_month()))
        });
        let changes = native.deltas.iter().filter(|delta| delta.mrr != Mrr::ZERO).map(|delta| delta.at);
        for at in ends.chain(changes).filter(|at| *at < until) {
            prop_assert_eq!(stands(at), worth(&native, at, to, &rates), "at {}", at);
        }
        // Where nothing is left at home, nothing is left here.
        let left: i128 = native.deltas.iter().filter(|delta| delta.mrr.0 != 0 && delta.at < until).map(|delta| delta.mrr.0).sum();
        if left == 0 && native.deltas.iter().all(|delta| delta.at < until) {
            prop_assert_eq!(stands(UnixTime(i64::MAX)), worth(&native, UnixTime(i64::MAX - 1), to, &rates));
        }
        // One customer, at most once at a time.
        let customers: Vec<i64> =
            ledger.counts.iter().filter(|row| row.currency == Some(to)).map(|row| row.customers).collect();
        let mut counted = 0;
        for change in customers {
            counted += change;
            prop_assert!(counted == 0 || counted == 1);
        }
    }

    #[test]
    fn a_ledger_in_its_own_currency_is_the_same(story in laws::story(), netting in prop_oneof![Just(Netting::Day), Just(Netting::Window(60))]) {
        let profile = Profile { netting, ..Profile::built_in("finance").unwrap() };
        let native = story.derive(&profile);
        prop_assume!(native.deltas.iter().all(|delta| delta.currency == currency("usd")));
        let ledger = convert(&native, currency("usd"), &profile, &Rates::default(), &Zone::UTC, &[]);
        prop_assert_eq!(&ledger.deltas, &native.deltas);
        prop_assert!(ledger.movements.iter().all(|movement| movement.kind != Kind::Fx));
        let shape = |movements: &[Movement]| -> Vec<_> {
            movements.iter().map(|one| (one.day, one.window, one.kind, one.amount, one.visible_from, one.parts.clone())).collect()
        };
        prop_assert_eq!(shape(&ledger.movements), shape(&native.movements));
    }
}
