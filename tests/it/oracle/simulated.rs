//! The simulated account's own figures against the ledger's, customer by customer, without a daemon between: a customer's
//! whole life read from the events' bodies, for many seeds and ends.

use std::collections::BTreeMap;

use mrrd::{
    demo::{Ledger, Money, RULES, Simulator},
    event::Reading,
    ledger::{
        CustomerFacts, derive,
        fact::Fact,
        ids::CustomerId,
        outcome::CustomerLedger,
        profile::Profile,
        time::{Day, UnixTime, Zone},
    },
    stripe::read::read,
};

/// 2024-11-01.
const START: UnixTime = UnixTime(1_730_419_200);
/// Two years and four weeks later, in the middle of a day.
const END: UnixTime = UnixTime(1_730_419_200 + 757 * 86_400 + 56_040);

/// What each customer is worth at the end of each day on which the account says that something changed.
type Worth = BTreeMap<(CustomerId, Day), i128>;

fn differences(seed: u64, customers: u32, end: UnixTime) -> Vec<String> {
    let mut account = Simulator::new(seed, customers, START, end);
    let events = account.advance(end);
    let mut by_customer: BTreeMap<Option<CustomerId>, Vec<Fact>> = BTreeMap::new();
    for event in &events {
        let Reading::Facts(facts) = read(&event.body).unwrap().reading else { continue };
        for fact in facts {
            by_customer.entry(fact.customer().cloned()).or_default().push(fact);
        }
    }
    let references = by_customer.remove(&None).unwrap_or_default();
    let (first, last) = (Zone::UTC.day(START), Zone::UTC.day(end));
    let mut found = Vec::new();
    for rules in &RULES {
        let profile = Profile::built_in(rules.profile).unwrap();
        let derived = by_customer.iter().filter_map(|(customer, facts)| {
            let customer = customer.as_ref()?;
            let facts = CustomerFacts { customer, facts, references: &references };
            Some((customer, derive(facts, &profile, &Zone::UTC)))
        });
        let derived: BTreeMap<&CustomerId, CustomerLedger> = derived.collect();
        for currency in Money::ALL {
            let (mut sums, mut expected) = (BTreeMap::<CustomerId, i128>::new(), Worth::new());
            for change in account.truth().changes(rules, Ledger::Native(currency), first, last) {
                let customer = CustomerId::from(change.customer.as_str());
                let sum = sums.entry(customer.clone()).or_default();
                *sum += change.amount;
                expected.insert((customer, change.day), *sum);
            }
            for ((customer, day), truth) in expected {
                let of_currency = |ledger: &CustomerLedger| {
                    let standing = ledger.deltas.iter().filter(|delta| {
                        delta.currency.as_str() == currency.as_str() && delta.at <= Zone::UTC.end_of(day)
                    });
                    standing.map(|delta| delta.mrr.0).sum::<i128>()
                };
                let ours = derived.get(&customer).map_or(0, of_currency);
                if ours != truth {
                    let place = format!("seed {seed} until {}, {}, {}", end.0, rules.profile, currency.as_str());
                    // All it was read from: whoever sees this red has nothing else to go by.
                    found.push(format!(
                        "{place}: at the end of {day} {customer} has {truth}, the ledger {ours}\n{}",
                        super::told(&by_customer[&Some(customer.clone())])
                    ));
                }
            }
        }
    }
    found
}

/// `SIMULATED_SEEDS` asks for more than the few that every run looks at.
#[test]
fn every_customer_of_a_simulated_account_is_worth_what_the_account_says() {
    let seeds: u64 = std::env::var("SIMULATED_SEEDS").map_or(2, |text| text.parse().unwrap());
    let from: u64 = std::env::var("SIMULATED_FROM").map_or(1, |text| text.parse().unwrap());
    let found: Vec<String> = (from..from + seeds)
        .flat_map(|seed| differences(seed, 250, END.plus(-i64::try_from(seed).unwrap() * 7_919)))
        .collect();
    assert!(found.is_empty(), "{} differences:\n{}", found.len(), found.join("\n"));
}
