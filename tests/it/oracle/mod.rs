//! The ledger against a second, naive implementation of mrr.md, on random accounts under every built-in profile.

mod bridges;
mod naive;
mod random;

use mrrd::ledger::{
    CustomerFacts, derive,
    fact::{DiscountState, Fact, State},
    ids::CustomerId,
    money::Mrr,
    outcome::{CustomerLedger, Kind},
    profile::{Netting, Profile},
    time::{Day, UnixTime, Zone},
};
use naive::{Moved, Naive, Standing};

/// Seeds in a run; `ORACLE_ACCOUNTS` asks for more.
#[expect(clippy::disallowed_methods, reason = "how long a test runs is not configuration")]
fn accounts() -> u64 {
    std::env::var("ORACLE_ACCOUNTS").ok().and_then(|count| count.parse().ok()).unwrap_or(500)
}

#[test]
fn ledger_and_oracle_agree_on_random_accounts() {
    let zones = [Zone::UTC, Zone::named("America/Los_Angeles").expect("a zone")];
    let mut differences = Vec::new();
    for seed in 0..accounts() {
        let facts = random::account(seed);
        for name in Profile::BUILT_IN {
            let profile = Profile::built_in(name).expect("built in");
            let zone = &zones[usize::from(seed % 2 == 1)];
            if let Some(difference) = difference(&facts, &profile, zone) {
                differences.push((facts.len(), format!("seed {seed}, profile {name}: {difference}\n{}", told(&facts))));
            }
        }
    }
    // The shortest account says most.
    differences.sort();
    let shortest = differences.iter().take(3).map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("\n\n");
    assert!(differences.is_empty(), "{} differences, the shortest:\n{shortest}", differences.len());
}

fn difference(facts: &[Fact], profile: &Profile, zone: &Zone) -> Option<String> {
    let customer = CustomerId::from("cus_1");
    let ledger = derive(CustomerFacts { customer: &customer, facts, references: &[] }, profile, zone);
    let naive = Naive::read(facts, profile, zone);
    for day in naive.days() {
        let end = zone.end_of(day);
        let (ours, theirs) = (standing(&ledger, end), naive.standing(end.0));
        if ours != theirs {
            return Some(format!("at the end of {day} the ledger has {ours:?}, the oracle {theirs:?}"));
        }
    }
    let (mut ours, mut theirs) = (moved(&ledger), naive.movements());
    if profile.netting == Netting::Month {
        // Which of a month's changes the net one is dated by follows from its parts, which the oracle has none of.
        for moved in ours.iter_mut().chain(&mut theirs) {
            moved.day = Day(moved.day.0.first_of_month());
        }
        ours.sort();
        theirs.sort();
    }
    (ours != theirs).then(|| format!("movements: the ledger has {ours:#?}, the oracle {theirs:#?}"))
}

/// An account in a few words a line, for whoever has to find the difference.
fn told(facts: &[Fact]) -> String {
    let line = |fact: &Fact| match &fact.state {
        State::Subscription { before, after } => {
            let was = before.as_ref().map(|before| format!("was {:?} {} items", before.status, before.items.len()));
            let items: Vec<String> = after
                .items
                .iter()
                .map(|item| {
                    let every = item.price.interval.map(|interval| interval.to_string()).unwrap_or_default();
                    let trial = item.trial.map(|trial| format!(" trial until {}", trial.end)).unwrap_or_default();
                    format!(
                        "{} {:?} × {:?} per {every}{trial} {}",
                        item.id,
                        item.quantity,
                        item.price.scheme,
                        off(&item.discounts)
                    )
                })
                .collect();
            format!(
                "{} {:?} {} {was:?} {:?} [{}] {} period {:?} cancel_at {:?}/{} ended {:?} paused {}",
                fact.at,
                fact.role,
                after.id,
                after.status,
                items.join("; "),
                off(&after.discounts),
                after.period,
                after.cancel_at,
                after.cancel_at_period_end,
                after.ended_at,
                after.pause_collection.is_some(),
            )
        }
        State::Invoice(invoice) => {
            format!("{} invoice {:?} {:?} total {}", fact.at, invoice.subscription, invoice.status, invoice.total)
        }
        other => format!("{} {other:?}", fact.at),
    };
    facts.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn off(discounts: &[DiscountState]) -> String {
    let one = |discount: &DiscountState| {
        let terms = discount.terms.as_ref();
        format!(
            "−{:?} {:?} {:?}…{:?}",
            terms.and_then(|terms| terms.off),
            terms.map(|terms| terms.duration),
            discount.start,
            discount.end
        )
    };
    discounts.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn standing(ledger: &CustomerLedger, at: UnixTime) -> Standing {
    let mut sum = Standing::default();
    for delta in ledger.deltas.iter().filter(|delta| delta.at <= at) {
        sum.mrr += delta.mrr.0;
        sum.list += delta.list.0;
        sum.at_risk += delta.at_risk.0;
        sum.scheduled += delta.scheduled_churn.0;
    }
    sum
}

fn moved(ledger: &CustomerLedger) -> Vec<Moved> {
    let mut moved: Vec<Moved> = ledger
        .movements
        .iter()
        .filter(|movement| {
            movement.visible_until.is_none() && movement.kind != Kind::Transient && movement.amount != Mrr::ZERO
        })
        .map(|movement| Moved { day: movement.day, kind: movement.kind, amount: movement.amount.0 })
        .collect();
    moved.sort();
    moved
}
