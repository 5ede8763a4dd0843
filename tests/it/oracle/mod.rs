//! The ledger against a second, naive implementation of mrr.md, on random accounts under every built-in profile and rule
//! sets drawn at random.

mod bridges;
mod naive;
mod random;

use std::collections::BTreeSet;

use mrrd::ledger::{
    CustomerFacts, derive,
    fact::{DiscountState, Fact, State},
    ids::CustomerId,
    money::Mrr,
    outcome::{CustomerLedger, Kind},
    profile::{Netting, Profile},
    time::{Day, UnixTime, Zone},
};
use naive::{Moved, Naive, Stands};

/// Accounts in a run; `ORACLE_ACCOUNTS` asks for more, `ORACLE_SEED` begins at another.
#[expect(clippy::disallowed_methods, reason = "how long a test runs is not configuration")]
fn seeds() -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let first = number("ORACLE_SEED").unwrap_or(0);
    first..first + number("ORACLE_ACCOUNTS").unwrap_or(250)
}

#[test]
fn ledger_and_oracle_agree_on_random_accounts() {
    let workers = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let mut differences: Vec<(usize, String)> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..workers)
            .map(|worker| {
                scope.spawn(move || seeds().filter(|seed| seed % workers == worker).flat_map(differ).collect())
            })
            .collect();
        all.into_iter()
            .flat_map(|one: std::thread::ScopedJoinHandle<'_, Vec<_>>| one.join().expect("no panic"))
            .collect()
    });
    // The shortest account says most.
    differences.sort();
    let shortest = differences.iter().take(3).map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("\n\n");
    assert!(differences.is_empty(), "{} differences, the shortest:\n{shortest}", differences.len());
}

/// What is told otherwise of one account, and how long its story is.
fn differ(seed: u64) -> Vec<(usize, String)> {
    let zone = Zone::named(["UTC", "America/Los_Angeles"][usize::from(seed % 2 == 1)]).expect("a zone");
    let facts = random::account(seed);
    let built_in = Profile::BUILT_IN.iter().filter_map(|name| Profile::built_in(name));
    let profiles = built_in.chain([random::profile(seed), random::profile(!seed)]);
    let told = |profile: Profile| {
        let difference = difference(&facts, &profile, &zone)?;
        let knobs: Vec<_> = profile.describe().into_iter().map(|(knob, value)| format!("{knob}={value}")).collect();
        let account = told(&facts);
        let knobs = knobs.join(" ");
        Some((facts.len(), format!("seed {seed}, profile {} ({knobs}): {difference}\n{account}", profile.name)))
    };
    profiles.filter_map(told).collect()
}

fn difference(facts: &[Fact], profile: &Profile, zone: &Zone) -> Option<String> {
    let customer = CustomerId::from("cus_1");
    let ledger = derive(CustomerFacts { customer: &customer, facts, references: &[] }, profile, zone);
    let naive = Naive::read(facts, profile, zone);
    let instants: Vec<i64> = naive.instants().into_iter().collect();
    let (deltas, counts) = (ledger.deltas.iter().map(|delta| delta.day), ledger.counts.iter().map(|count| count.day));
    for day in naive.days().into_iter().chain(deltas).chain(counts).collect::<BTreeSet<Day>>() {
        let end = zone.end_of(day);
        let (ours, theirs) = (standing(&ledger, end), naive.standing(end.0));
        if ours != theirs {
            return Some(format!("at the end of {day} the ledger has {ours:?}, the oracle {theirs:?}"));
        }
        let over_all = ledger.counts.iter().filter(|count| count.currency.is_none() && count.at <= end);
        let (ours, theirs) = (over_all.map(|count| count.customers).sum::<i64>(), naive.is_anyones(&instants, end.0));
        if ours != i64::from(theirs) {
            return Some(format!("at the end of {day} the ledger has {ours} customers, the oracle {theirs}"));
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

fn standing(ledger: &CustomerLedger, at: UnixTime) -> Stands {
    let mut stands = Stands::new();
    for delta in ledger.deltas.iter().filter(|delta| delta.at <= at) {
        let sum = stands.entry(delta.currency).or_default();
        sum.mrr += delta.mrr.0;
        sum.list += delta.list.0;
        sum.at_risk += delta.at_risk.0;
        sum.scheduled += delta.scheduled_churn.0;
    }
    for count in ledger.counts.iter().filter(|count| count.at <= at) {
        if let Some(currency) = count.currency {
            let sum = stands.entry(currency).or_default();
            sum.subscriptions += count.subscriptions;
            sum.trials += count.trials;
        }
    }
    stands.retain(|_, one| *one != naive::Standing::default());
    stands
}

fn moved(ledger: &CustomerLedger) -> Vec<Moved> {
    let mut moved: Vec<Moved> = ledger
        .movements
        .iter()
        .filter(|movement| {
            movement.visible_until.is_none() && movement.kind != Kind::Transient && movement.amount != Mrr::ZERO
        })
        .map(|movement| Moved {
            day: movement.day,
            currency: movement.currency,
            kind: movement.kind,
            amount: movement.amount.0,
        })
        .collect();
    moved.sort();
    moved
}
