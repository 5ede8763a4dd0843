//! The identities of the waterfall, over random accounts, every built-in profile and every interval (rule `snapshots`).

use std::collections::BTreeMap;

use mrrd::{
    event::CustomerKey,
    ledger::{
        CustomerFacts, derive_cut,
        money::{Currency, Mrr},
        outcome::{CustomerLedger, Kind},
        profile::{Netting, Profile},
        time::{Day, UnixTime, Zone},
    },
    report::{
        book::Book,
        bridge::{Bridge, Grouping},
        bridges::bridges,
        memory::Memory,
        metrics,
        period::{Interval, Period, cuts, periods},
        retained::People,
        trials::TrialDays,
    },
    store::derived::reports::{AccountScope, RowGroup, Scope},
};

use super::random;

const ACCOUNTS: u64 = 20;
const INTERVALS: [Interval; 5] = [Interval::Day, Interval::Week, Interval::Month, Interval::Quarter, Interval::Year];

/// All accounts in one ledger, no netting window reaching over one of `cuts`.
fn ledger(profile: &Profile, zone: &Zone, cuts: &[Day], seeds: std::ops::Range<u64>) -> Memory {
    let customers = seeds
        .map(|seed| {
            let key = CustomerKey { livemode: true, account: None, customer: format!("cus_{seed}").as_str().into() };
            let facts = random::account(seed);
            let input = CustomerFacts { customer: &key.customer, facts: &facts, references: &[] };
            let ledger = derive_cut(input, profile, zone, cuts);
            (key, ledger)
        })
        .collect();
    Memory::of_ledgers(profile.name.clone(), customers)
}

fn scope(profile: &Profile, cut: UnixTime) -> Scope {
    Scope { profile: profile.name.clone(), livemode: true, account: AccountScope::One(None), test_clock: None, cut }
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// A span of whole months, one that begins and ends in the middle of them, and the instants they are read at.
fn spans(zone: &Zone) -> [(Day, Day, UnixTime); 3] {
    let (from, to) = (day("2025-01-01"), day("2025-12-31"));
    let (middle, late) = (day("2025-02-11"), day("2025-06-17"));
    let later = zone.end_of(day("2026-06-30"));
    [(from, to, later), (middle, late, later), (from, to, zone.start_of(day("2025-04-10")).plus(40_000))]
}

#[test]
fn a_bridge_closes_in_every_interval_under_every_profile_however_it_is_grouped() {
    let zone = Zone::named("America/Los_Angeles").unwrap();
    for profile in Profile::BUILT_IN.map(|name| Profile::built_in(name).unwrap()) {
        for (from, to, now) in spans(&zone) {
            let mut nets: Vec<BTreeMap<Currency, i128>> = Vec::new();
            for interval in INTERVALS {
                let periods = periods(interval, from, to, now, false, &zone).unwrap();
                let cuts = cuts(profile.netting, &periods, zone.day(now));
                let memory = ledger(&profile, &zone, &cuts, 0..ACCOUNTS);
                let mut net: BTreeMap<Currency, i128> = BTreeMap::new();
                for (group, grouping) in [
                    (RowGroup::Whole, Grouping::Closed),
                    (RowGroup::Customer, Grouping::Closed),
                    (RowGroup::Product, Grouping::Transferring),
                    (RowGroup::Price, Grouping::Transferring),
                    (RowGroup::Interval, Grouping::Transferring),
                ] {
                    let rows = memory.ledger_rows(&scope(&profile, now), group).unwrap();
                    let named = || format!("{} by {} by {group:?}, {from} to {to}", profile.name, interval.as_str());
                    let bridges =
                        bridges(&rows, &periods, grouping, None).unwrap_or_else(|error| panic!("{}: {error}", named()));
                    assert!(bridges.iter().any(|bridge| bridge.lines.total().unwrap() != Mrr::ZERO), "{}", named());
                    for bridge in bridges.iter().filter(|_| group == RowGroup::Whole) {
                        *net.entry(bridge.currency).or_default() += bridge.lines.total().unwrap().0;
                    }
                }
                nets.push(net);
            }
            // However a span is split, its net is the same.
            assert!(nets.iter().all(|net| *net == nets[0]), "{}: {nets:?}", profile.name);
        }
    }
}

/// Kinds and amounts by day, as someone who asks much later sees them.
fn moved(ledger: &CustomerLedger) -> Vec<(Day, Kind, Mrr)> {
    // As far as the cuts reach: some accounts live longer.
    let lasting = ledger.movements.iter().filter(|one| one.visible_until.is_none() && one.day <= day("2026-11-30"));
    lasting.map(|one| (one.day, one.kind, one.amount)).collect()
}

#[test]
fn a_month_cut_at_every_day_nets_like_the_day() {
    let month = Profile::built_in("profitwell").unwrap();
    let by_day = Profile { netting: Netting::Day, ..month.clone() };
    let every = periods(Interval::Day, day("2025-01-01"), day("2026-12-31"), UnixTime(i64::MAX / 2), false, &Zone::UTC);
    let cuts = cuts(month.netting, &every.unwrap(), day("2030-01-01"));
    let (cut, by_day) = (ledger(&month, &Zone::UTC, &cuts, 0..200), ledger(&by_day, &Zone::UTC, &[], 0..200));
    for ((who, one), (_, other)) in cut.customers.iter().zip(&by_day.customers) {
        assert_eq!(moved(one), moved(other), "{}", who.customer);
    }
}

#[test]
fn a_daily_bridge_of_a_month_that_nets_to_nothing_shows_both_days() {
    let profile = Profile::built_in("profitwell").unwrap();
    let (from, to) = (day("2025-01-01"), day("2025-12-31"));
    let now = Zone::UTC.end_of(day("2026-06-30"));
    let whole = |interval| {
        let periods: Vec<Period> = periods(interval, from, to, now, false, &Zone::UTC).unwrap();
        let memory = ledger(&profile, &Zone::UTC, &cuts(profile.netting, &periods, zone_day(now)), 0..5 * ACCOUNTS);
        let rows = memory.ledger_rows(&scope(&profile, now), RowGroup::Whole).unwrap();
        bridges(&rows, &periods, Grouping::Closed, None).unwrap()
    };
    let gross = |bridges: &[Bridge]| -> i128 {
        let kinds = [Kind::New, Kind::Expansion, Kind::Reactivation];
        bridges.iter().flat_map(|bridge| kinds.map(|kind| bridge.lines.get(kind).0)).sum()
    };
    let (days, weeks, months) =
        (gross(&whole(Interval::Day)), gross(&whole(Interval::Week)), gross(&whole(Interval::Month)));
    // What rises and falls within a month is gross to the day, and netted away in the month.
    assert!(days > weeks && weeks > months, "{days} {weeks} {months}");
}

fn zone_day(at: UnixTime) -> Day {
    Zone::UTC.day(at)
}

#[test]
fn no_customer_keeps_more_than_everything() {
    let zone = Zone::UTC;
    for profile in Profile::BUILT_IN.map(|name| Profile::built_in(name).unwrap()) {
        let now = zone.end_of(day("2026-06-30"));
        let periods = periods(Interval::Month, day("2025-01-01"), day("2025-12-31"), now, false, &zone).unwrap();
        let mut kept = 0;
        for seed in 0..ACCOUNTS {
            let memory = ledger(&profile, &zone, &[], seed..seed + 1);
            let scope = scope(&profile, now);
            let rows = memory.ledger_rows(&scope, RowGroup::Customer).unwrap();
            let (imported, trials) = (memory.imported_lines(&scope), memory.trials(&scope));
            let trials = TrialDays::of(trials.iter().map(|one| &one.trial), &zone);
            let (whole, people) = (rows.whole().unwrap(), People::Book(Book::of(&rows).unwrap(), &imported, None));
            let sources = metrics::Sources {
                whole: &whole,
                grouping: Grouping::Closed,
                people: &people,
                interval: Interval::Month,
                trials: &trials,
                today: zone.day(now),
                stripe_form: &*profile.name == "stripe",
            };
            for entry in metrics::entries(sources, &periods, None).unwrap() {
                let grr = serde_json::to_value(&entry).unwrap()["grr"].clone();
                if let Some(value) = grr["value"].as_str() {
                    let value: f64 = value.parse().unwrap();
                    assert!((0.0..=1.0).contains(&value), "{} cus_{seed}: {grr}", profile.name);
                    kept += 1;
                }
            }
        }
        assert!(kept > 10, "{}: only {kept} rates", profile.name);
    }
}
