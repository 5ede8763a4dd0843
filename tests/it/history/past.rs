//! Two years rebuilt from the API: events of 30 days, every object as it stands, and invoices for what was before.
//!
//! The truth is the simulator's own. Which months its invoices determine is decided here from all the events it ever
//! sent, which the ledger under test doesn't get.

use std::collections::{BTreeMap, BTreeSet};

use mrrd::{
    demo::{Event, RULES, Simulator},
    event::{CustomerKey, naming},
    ledger::{
        CustomerFacts, derive,
        fact::Fact,
        outcome::{CustomerLedger, QualityKind},
        profile::Profile,
        time::{Day, UnixTime, Zone},
    },
    reconciler::known_at::KnownAt,
};
use serde_json::Value;

use super::{account, room::*};
use crate::support::fake_stripe::FakeStripe;

/// Two years before now.
const START: UnixTime = UnixTime(1_704_067_200);

struct Rebuilt {
    room: Room,
    account: Simulator,
    events: Vec<Event>,
}

/// Backfills an account of two years into an empty ledger.
async fn rebuilt(kind: Kind, customers: u32) -> Rebuilt {
    let mut account = Simulator::new(5, customers, START, NOW).outspoken();
    let events = account.advance(NOW);
    let stripe = FakeStripe::calm(NOW).await;
    account::show(&stripe, &events);
    let room = Room::on(kind, &stripe, patience()).await;
    room.fetch.events(|_| {}).await.unwrap();
    room.fetch.objects(|_, _| {}).await.unwrap();
    Rebuilt { room, account, events }
}

impl Rebuilt {
    /// Every customer's ledger, from the log alone.
    async fn ledgers(&self, profile: &str) -> BTreeMap<String, CustomerLedger> {
        let mut rules = rules();
        rules.profiles = [Profile::built_in(profile).unwrap()].into();
        let mut pages = KnownAt::new(self.room.fetch.store.reader(), rules, None);
        let mut all = BTreeMap::new();
        while let Some(page) = pages.next_page().await.unwrap() {
            all.extend(page.into_iter().map(|(key, mut ledgers)| (key.customer.to_string(), ledgers.remove(0))));
        }
        all
    }

    /// What each customer was worth at the end of `day`, by the simulator's own account.
    fn truth(&self, rules: usize, day: Day) -> BTreeMap<String, i128> {
        let mut worth = BTreeMap::new();
        for currency in mrrd::demo::Money::ALL {
            for change in self.account.truth().changes(&RULES[rules], currency, Zone::UTC.day(START), day) {
                *worth.entry(change.customer).or_insert(0) += change.amount;
            }
        }
        worth
    }
}

fn mrr_at_end_of(ledger: &CustomerLedger, day: Day) -> i128 {
    let end = Zone::UTC.end_of(day);
    ledger.deltas.iter().filter(|delta| delta.at <= end).map(|delta| delta.mrr.0).sum()
}

/// What all the account's events say of a subscription, and what its invoices do.
#[derive(Default)]
struct Told {
    customer: String,
    states: Vec<(i64, Value)>,
    bills: Vec<(i64, Value)>,
    latest_bills: BTreeMap<String, Value>,
}

fn told(events: &[Event]) -> BTreeMap<String, Told> {
    let mut all: BTreeMap<String, Told> = BTreeMap::new();
    for event in events {
        let of_subscription = event.kind.starts_with("customer.subscription.");
        if !of_subscription && !event.kind.starts_with("invoice.") {
            continue;
        }
        let body: Value = serde_json::from_slice(&event.body).unwrap();
        let object = body["data"]["object"].clone();
        let id = match of_subscription {
            true => object["id"].as_str(),
            false => object["parent"]["subscription_details"]["subscription"].as_str(),
        };
        let told = all.entry(id.unwrap().to_owned()).or_default();
        told.customer = object["customer"].as_str().unwrap().to_owned();
        if of_subscription {
            told.states.push((event.created.0, object));
        } else {
            if event.kind == "invoice.created" {
                told.bills.push((event.created.0, object.clone()));
            }
            told.latest_bills.insert(object["id"].as_str().unwrap().to_owned(), object);
        }
    }
    all
}

impl Told {
    /// Whether at `end` the subscription still was what its last invoice before had billed, and nothing else was going on.
    fn determined_at(&self, end: i64) -> bool {
        let Some((_, state)) = self.states.iter().rfind(|(at, _)| *at <= end) else { return true };
        let last = &self.states.last().unwrap().1;
        if state["status"] == "canceled" || state["status"] == "incomplete_expired" {
            return true;
        }
        let asked = |state: &Value| (state["canceled_at"].clone(), state["cancel_at_period_end"].clone());
        let ended_later = last["status"] == "canceled" && last["canceled_at"].as_i64().is_some_and(|at| at > end);
        if asked(state) != asked(last) && !(ended_later && state["canceled_at"].is_null()) {
            return false;
        }
        if state["status"] == "trialing" {
            return state["trial_end"] == last["trial_end"];
        }
        let Some((_, bill)) = self.bills.iter().rfind(|(at, _)| *at <= end) else { return false };
        let settled = &self.latest_bills[bill["id"].as_str().unwrap()];
        let billed_at = bill["created"].as_i64().unwrap();
        let paid_at = settled["status_transitions"]["paid_at"].as_i64();
        let in_time = paid_at.is_some_and(|at| at <= billed_at + 86_400);
        let items: BTreeSet<String> = state["items"]["data"].as_array().unwrap().iter().map(item).collect();
        let lines = bill["lines"]["data"].as_array().unwrap().iter();
        let billed: BTreeSet<String> = lines
            .filter(|line| line["parent"]["subscription_item_details"]["proration"] == false)
            .map(|line| {
                let details = &line["parent"]["subscription_item_details"];
                let price = &line["pricing"]["price_details"]["price"];
                format!("{} {price} {} {}", details["subscription_item"], line["quantity"], line["discounts"])
            })
            .collect();
        let same_discounts = state["discounts"] == bill["discounts"];
        state["status"] == "active"
            && state["pause_collection"].is_null()
            && in_time
            && items == billed
            && same_discounts
    }
}

fn item(item: &Value) -> String {
    format!("{} {} {} {}", item["id"], item["price"]["id"], item["quantity"], item["discounts"])
}

on_both! {
    async fn two_years_reach_the_true_mrr_today_and_the_true_history_where_invoices_determine_it(kind) {
        let rebuilt = rebuilt(kind, 90).await;
        let told = told(&rebuilt.events);
        let today = Zone::UTC.day(NOW).before();
        let months: Vec<Day> = mrrd::demo::months(START, NOW).into_iter().map(|(_, last)| last).collect();
        for (place, rules) in RULES.iter().enumerate() {
            let ledgers = rebuilt.ledgers(rules.profile).await;
            let at_end = |customer: &str, day| ledgers.get(customer).map_or(0, |ledger| mrr_at_end_of(ledger, day));
            for (customer, worth) in rebuilt.truth(place, today) {
                assert_eq!(at_end(&customer, today), worth, "{customer} today, {}", rules.profile);
            }
            let (mut determined, mut others, mut others_right, mut silent) = (0, 0, 0, Vec::new());
            let mut wrong: Vec<String> = Vec::new();
            for &month in &months {
                let end = Zone::UTC.end_of(month).0;
                let truth = rebuilt.truth(place, month);
                for customer in ledgers.keys() {
                    let mut own = told.values().filter(|one| one.customer == *customer);
                    let worth = truth.get(customer).copied().unwrap_or(0);
                    let right = at_end(customer, month) == worth;
                    if own.all(|one| one.determined_at(end)) {
                        determined += 1;
                        if !right {
                            let has = at_end(customer, month);
                            wrong.push(format!("{customer} at the end of {month}: {has} where the truth is {worth}"));
                            dump(customer, &told, &ledgers[customer]);
                        }
                        continue;
                    }
                    others += 1;
                    others_right += usize::from(right);
                    let listed = ledgers[customer].quality.iter().any(|entry| entry.kind == QualityKind::UnclearPast);
                    if !right && !listed {
                        silent.push(format!("{customer} {month}"));
                    }
                }
            }
            assert_eq!(wrong, [""; 0], "{}", rules.profile);
            println!(
                "{}: {determined} months of customers determined and true; of {others} others {others_right} true, {} wrong and not listed",
                rules.profile,
                silent.len()
            );
            assert!(determined > 4 * others, "{determined} determined, {others} not");
            // A change there and back between two invoices leaves no trace in anything Stripe still has.
            assert!(silent.len() * 100 <= determined + others, "{silent:?}");
        }
    }
}

#[tokio::test]
async fn a_past_from_invoices_yields_to_the_events_themselves() {
    let rebuilt = rebuilt(Kind::Sqlite, 25).await;
    rebuilt.room.receive(&rebuilt.events).await;
    let months = mrrd::demo::months(START, NOW);
    for (place, rules) in RULES.iter().enumerate() {
        let ledgers = rebuilt.ledgers(rules.profile).await;
        for (_, month) in &months {
            for (customer, worth) in rebuilt.truth(place, *month) {
                assert_eq!(mr(&ledgers, &customer, *month), worth, "{}: {customer}, {month}", rules.profile);
            }
        }
        let unclear = ledgers.values().flat_map(|ledger| &ledger.quality);
        assert_eq!(unclear.filter(|entry| entry.kind == QualityKind::UnclearPast).count(), 0);
    }
}

fn mr(ledgers: &BTreeMap<String, CustomerLedger>, customer: &str, day: Day) -> i128 {
    ledgers.get(customer).map_or(0, |ledger| mrr_at_end_of(ledger, day))
}

#[tokio::test]
async fn a_past_from_invoices_is_the_same_in_any_order_and_repetition() {
    let rebuilt = rebuilt(Kind::Sqlite, 25).await;
    let store = &rebuilt.room.fetch.store;
    let keys: Vec<CustomerKey> = store.log.customers(None, 1_000, None).await.unwrap();
    let all_facts = store.log.customer_facts(&keys, None).await.unwrap();
    let profile = Profile::built_in("finance").unwrap();
    let mut pasts = 0;
    for (key, facts) in keys.iter().zip(all_facts) {
        let named: BTreeSet<&str> = facts.iter().flat_map(naming::references).collect();
        let named: Vec<&str> = named.into_iter().collect();
        let references = store.log.reference_facts(true, None, &named, None).await.unwrap();
        let derive = |facts: &[Fact], references: &[Fact]| {
            derive(CustomerFacts { customer: &key.customer, facts, references }, &profile, &Zone::UTC)
        };
        let once = derive(&facts, &references);
        let again: Vec<Fact> = facts.iter().rev().chain(facts.iter().step_by(2)).cloned().collect();
        let told_again: Vec<Fact> = references.iter().rev().chain(&references).cloned().collect();
        assert_eq!(derive(&again, &told_again), once, "{}", key.customer);
        pasts += usize::from(once.deltas.first().is_some_and(|delta| delta.at < NOW.plus(-60 * 86_400)));
    }
    assert!(pasts > 10, "{pasts} customers have a past");
}

/// What there is to know of a customer, for whoever looks into a difference.
fn dump(customer: &str, told: &BTreeMap<String, Told>, ledger: &CustomerLedger) {
    for (id, told) in told.iter().filter(|(_, told)| told.customer == customer) {
        let fields = ["status", "canceled_at", "cancel_at", "ended_at", "trial_end", "pause_collection", "discounts"];
        for (at, state) in &told.states {
            let items: Vec<String> = state["items"]["data"].as_array().unwrap().iter().map(item).collect();
            let fields = fields.map(|field| format!("{field} {}", state[field])).join(", ");
            println!("{id} {} {fields}, items {items:?}", UnixTime(*at));
        }
        for (at, bill) in &told.bills {
            let settled = &told.latest_bills[bill["id"].as_str().unwrap()];
            let paid_at = &settled["status_transitions"]["paid_at"];
            let lines: Vec<String> = settled["lines"]["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|line| {
                    format!(
                        "{} {} x{} {}",
                        line["pricing"]["price_details"]["price"], line["amount"], line["quantity"], line["period"]
                    )
                })
                .collect();
            println!(
                "{id} {} bill {} {} paid {paid_at} total {} {lines:?}",
                UnixTime(*at),
                bill["billing_reason"],
                settled["status"],
                settled["total"]
            );
        }
    }
    for movement in &ledger.movements {
        println!("{} {:?} {}", movement.effective_at, movement.kind, movement.amount);
    }
    for entry in &ledger.quality {
        println!("{:?} {} {}", entry.kind, entry.object, entry.detail);
    }
}
