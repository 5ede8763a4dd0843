//! The simulated account straight through normaliser and ledger, without a server: who differs from its truth?

use std::collections::BTreeMap;

use mrrd::{
    demo::{Event, Money, RULES, Simulator, exact, months},
    event::Reading,
    ledger::{
        CustomerFacts, derive,
        fact::Fact,
        ids::CustomerId,
        outcome::Kind,
        profile::Profile,
        time::{UnixTime, Zone},
    },
    stripe::read,
};

use super::{END, START};

/// Facts by customer, and those about shared things.
fn facts(events: &[Event]) -> (BTreeMap<CustomerId, Vec<Fact>>, Vec<Fact>) {
    let (mut own, mut shared) = (BTreeMap::<CustomerId, Vec<Fact>>::new(), Vec::new());
    for event in events {
        let read = read::read(&event.body).expect("an event");
        assert!(read.oddities.is_empty(), "{} {}: {:?}", event.kind, event.id, read.oddities);
        match read.reading {
            Reading::Facts(facts) => {
                for fact in facts {
                    match fact.customer() {
                        Some(customer) => own.entry(customer.clone()).or_default().push(fact),
                        None => shared.push(fact),
                    }
                }
            }
            Reading::Ignored => {}
            other => panic!("{} {}: {other:?}", event.kind, event.id),
        }
    }
    (own, shared)
}

fn every_movement_is_the_accounts_own(seed: u64, customers: u32, end: UnixTime) {
    let mut account = Simulator::new(seed, customers, START, end);
    let events = account.advance(end);
    let (own, shared) = facts(&events);
    let months = months(START, end);
    let (from, to) = (months[0].0, months[months.len() - 1].1);
    for rules in &RULES {
        let profile = Profile::built_in(rules.profile).unwrap();
        let mut derived = Vec::new();
        for (customer, facts) in &own {
            let ledger = derive(CustomerFacts { customer, facts, references: &shared }, &profile, &Zone::UTC);
            let shown = ledger.movements.iter().filter(|movement| {
                movement.kind != Kind::Transient && movement.visible_until.is_none() && movement.day <= to
            });
            derived.extend(shown.map(|movement| {
                let amount = exact(movement.amount.0);
                format!("{customer} {} {} {} {amount}", movement.currency, movement.day, movement.kind.as_str())
            }));
        }
        let mut truth = Vec::new();
        for currency in Money::ALL {
            for change in account.truth().changes(rules, currency, from, to) {
                let amount = exact(change.amount);
                truth.push(format!(
                    "{} {} {} {} {amount}",
                    change.customer,
                    currency.as_str(),
                    change.day,
                    change.kind
                ));
            }
        }
        truth.sort();
        derived.sort();
        let missing: Vec<_> = truth.iter().filter(|line| !derived.contains(line)).collect();
        let extra: Vec<_> = derived.iter().filter(|line| !truth.contains(line)).collect();
        assert!(
            missing.is_empty() && extra.is_empty(),
            "{} (seed {seed}): of {} movements the ledger misses {missing:#?}\nand adds {extra:#?}",
            rules.profile,
            truth.len(),
        );
    }
}

/// Two lives in `make test`; `make soak` asks for more, each of 250 customers and until another second: what has happened by
/// the end decides which invoice tells last.
#[test]
#[expect(clippy::disallowed_methods, reason = "mrrd's own configuration is not concerned")]
fn every_movement_of_the_ledger_is_the_accounts_own() {
    let asked = std::env::var("MRRD_SOAK").ok();
    let seeds: u32 = asked.as_ref().map_or(2, |seeds| seeds.parse().expect("MRRD_SOAK is a number of seeds"));
    for seed in 1..=seeds {
        let (customers, earlier) = if asked.is_some() { (250, i64::from(seed) * 7_919) } else { (40, 0) };
        every_movement_is_the_accounts_own(seed.into(), customers, END.plus(-earlier));
    }
}
