//! The ledger against a second, naive implementation of docs/rules.md, on random accounts under every built-in profile and rule
//! sets drawn at random.

mod bridges;
mod committed;
mod durability;
mod naive;
mod random;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use mrrd::ledger::{
    CustomerFacts, derive,
    fact::{DiscountState, Fact, State, Usage},
    fx::{self, Quote, convert},
    ids::{CustomerId, EventId},
    money::{Currency, Decimal, Mrr},
    outcome::{CustomerLedger, Kind, Movement, QualityKind},
    plans::Plans,
    profile::{Netting, Profile},
    time::{Day, UnixTime, Zone},
};
use naive::{Caused, Moved, Naive, Stands};
use rand::{RngExt, SeedableRng, rngs::StdRng};

/// Accounts in a run; `ORACLE_ACCOUNTS` asks for more, `ORACLE_SEED` begins at another.
fn seeds() -> std::ops::Range<u64> {
    let first = asked_for("ORACLE_SEED").unwrap_or(0);
    first..first + asked_for("ORACLE_ACCOUNTS").unwrap_or(250)
}

#[expect(clippy::disallowed_methods, reason = "how long a test runs and how much it tells is not configuration")]
fn asked_for(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
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
    // The shortest account says most; `ORACLE_SHOWN` asks for more of them.
    differences.sort();
    let shown = usize::try_from(asked_for("ORACLE_SHOWN").unwrap_or(3)).expect("a number of accounts");
    let shortest = differences.iter().take(shown).map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("\n\n");
    assert!(differences.is_empty(), "{} differences, the shortest:\n{shortest}", differences.len());
}

/// What is told otherwise of one account, and how long its story is.
fn differ(seed: u64) -> Vec<(usize, String)> {
    let zone = Zone::named(["UTC", "America/Los_Angeles"][usize::from(seed % 2 == 1)]).expect("a zone");
    let facts = random::account(seed);
    let built_in = Profile::BUILT_IN.iter().filter_map(|name| Profile::built_in(name));
    let drawn = [seed, !seed].map(|seed| {
        let named = random::named(seed);
        let plans = Plans::new(named.same.clone(), named.products.clone(), named.prices.clone());
        (Profile { plans: Arc::new(plans), ..random::profile(seed) }, named)
    });
    let profiles = built_in.map(|profile| (profile, random::Named::default())).chain(drawn);
    let rates = rates(seed % 7);
    let told = |(profile, named): (Profile, random::Named)| {
        let difference = difference(&facts, (&profile, &named), &zone, &rates)?;
        let knobs: Vec<_> = profile.describe().into_iter().map(|(knob, value)| format!("{knob}={value}")).collect();
        let account = told(&facts);
        let knobs = knobs.join(" ");
        Some((facts.len(), format!("seed {seed}, profile {} ({knobs}): {difference}\n{account}", profile.name)))
    };
    profiles.filter_map(told).collect()
}

fn difference(
    facts: &[Fact],
    (profile, named): (&Profile, &random::Named),
    zone: &Zone,
    rates: &Rates,
) -> Option<String> {
    let customer = CustomerId::from("cus_1");
    let (references, facts): (Vec<Fact>, Vec<Fact>) = facts.iter().cloned().partition(|fact| fact.customer().is_none());
    let ledger = derive(CustomerFacts { customer: &customer, facts: &facts, references: &references }, profile, zone);
    let all: Vec<Fact> = references.iter().chain(&facts).cloned().collect();
    let naive = Naive::read(&all, (profile, named), zone);
    let windows = naive.windows();
    let (deltas, counts) = (ledger.deltas.iter().map(|delta| delta.day), ledger.counts.iter().map(|count| count.day));
    for day in naive.days().into_iter().chain(deltas).chain(counts).collect::<BTreeSet<Day>>() {
        let end = zone.end_of(day);
        let (ours, theirs) = (standing(&ledger, end), naive.stands(end.0));
        if ours != theirs {
            return Some(format!("at the end of {day} the ledger has {ours:?}, the oracle {theirs:?}"));
        }
        let over_all = ledger.counts.iter().filter(|count| count.currency.is_none() && count.at <= end);
        let (ours, theirs) = (over_all.map(|count| count.customers).sum::<i64>(), naive.is_customer(&windows, end.0));
        if ours != i64::from(theirs) {
            return Some(format!("at the end of {day} the ledger has {ours} customers, the oracle {theirs}"));
        }
    }
    let (ours, theirs) = by_date(moved(&ledger), naive.movements(), profile);
    if ours != theirs {
        return Some(format!("movements: the ledger has {ours:#?}, the oracle {theirs:#?}"));
    }
    // Of a month's changes only the ledger tells the day.
    let differs = (profile.netting != Netting::Month).then(|| durability::differ(&ledger, &theirs)).flatten();
    if differs.is_some() {
        return differs;
    }
    let gaps = ledger.quality.iter().filter(|entry| entry.kind == QualityKind::Gap);
    let gaps: BTreeSet<EventId> = gaps.filter_map(|entry| entry.event.clone()).collect();
    let (certain, possible) = (&naive.gaps.certain, &naive.gaps.possible);
    if !(certain.is_subset(&gaps) && gaps.is_subset(possible)) {
        return Some(format!("gaps: the ledger has {gaps:?}, the oracle {certain:?} and perhaps {possible:?}"));
    }
    let inferred = ledger.quality.iter().filter(|entry| entry.kind == QualityKind::DurationInferred);
    let inferred: BTreeSet<(&str, &str)> = inferred.map(|entry| (&*entry.object, counted_as(&entry.detail))).collect();
    let expected: BTreeSet<(&str, &str)> = naive.durations.iter().map(|(id, word)| (id.as_str(), *word)).collect();
    if inferred != expected {
        return Some(format!("durations: the ledger has {inferred:?}, the oracle {expected:?}"));
    }
    for expected in naive.causes() {
        let caused = caused(&ledger, &expected);
        if caused.as_ref() != Some(&expected.sums) {
            return Some(format!("causes: the ledger has {caused:?}, the oracle {expected:?}"));
        }
    }
    reported(&ledger, &naive, profile, zone, rates)
}

/// What a quality entry says a discount counts as.
fn counted_as(detail: &str) -> &str {
    let said = detail.rsplit("counts as ").next().unwrap_or_default();
    said.split(' ').next().unwrap_or_default()
}

/// Which of a month's changes the net one is dated by follows from its parts, which the oracle doesn't tell.
fn by_date(mut ours: Vec<Moved>, mut theirs: Vec<Moved>, profile: &Profile) -> (Vec<Moved>, Vec<Moved>) {
    if profile.netting == Netting::Month {
        for moved in ours.iter_mut().chain(&mut theirs) {
            moved.day = Day(moved.day.0.first_of_month());
        }
        ours.sort();
        theirs.sort();
    }
    (ours, theirs)
}

/// The causes of the ledger's movement that ends with what the oracle explains.
fn caused(ledger: &CustomerLedger, expected: &Caused) -> Option<BTreeMap<&'static str, i128>> {
    let mut lasting = ledger.movements.iter().filter(|movement| movement.visible_until.is_none());
    // A discount whose end is read off a renewal ends with the period, or with the snapshot that shows the next.
    let about = |at: UnixTime| (0..=60).contains(&(at.0 - expected.at.0));
    let movement = lasting.find(|movement| {
        about(movement.effective_at) && (movement.currency, movement.kind) == (expected.currency, expected.kind)
    })?;
    let mut sums = BTreeMap::new();
    for part in &movement.parts {
        *sums.entry(part.cause.as_str()).or_default() += part.amount.0;
    }
    sums.retain(|_, amount| *amount != 0);
    Some(sums)
}

/// The same in the reporting currency: movements, and what stands whenever all of it was revalued.
fn reported(
    ledger: &CustomerLedger,
    naive: &Naive<'_>,
    profile: &Profile,
    zone: &Zone,
    rates: &Rates,
) -> Option<String> {
    let converted = convert(ledger, rates.naive.to, profile, &rates.table, zone, &[]);
    let told = converted.quality.iter().find(|entry| entry.kind == QualityKind::MissingRate);
    // What stands for ever is revalued for ever: until the table ends.
    assert!(told.is_none_or(|entry| zone.day(entry.at) > last_rate()), "the tests' rates cover every day: {told:?}");
    let dated = |from: i64, to: i64| {
        let mut lasting = converted.movements.iter().filter(|movement| movement.visible_until.is_none());
        let moves = |movement: &&Movement| !matches!(movement.kind, Kind::Fx | Kind::OpeningBalance | Kind::Transient);
        lasting.find(|one| moves(one) && (from..=to).contains(&one.effective_at.0)).map(|movement| movement.day)
    };
    let (ours, mut theirs) = by_date(moved(&converted), naive.converted_movements(&rates.naive, dated), profile);
    let mut ours: Vec<Moved> = ours.into_iter().filter(|one| one.kind != Kind::Fx).collect();
    if profile.netting == Netting::Month {
        // Parts of several days have rates of several days; their sum with all revaluation is looked at below.
        // So has whether a little more or less is left of what rose in one currency and fell in another.
        for one in ours.iter_mut().chain(&mut theirs) {
            one.amount = 0;
            one.kind = if one.kind == Kind::Contraction { Kind::Expansion } else { one.kind };
        }
    }
    if ours != theirs {
        return Some(format!("converted movements: the ledger has {ours:#?}, the oracle {theirs:#?}"));
    }
    let days = naive.days().into_iter().filter(|day| day.after().0.day() == 1 && *day <= last_rate());
    for day in days {
        let end = zone.end_of(day);
        let stands: i128 = converted.deltas.iter().filter(|delta| delta.at <= end).map(|delta| delta.mrr.0).sum();
        let expected = naive.converted(&rates.naive, end.0, day);
        if stands != expected {
            return Some(format!("at the end of {day} the converted ledger has {stands}, the oracle {expected}"));
        }
        let lasting = converted.movements.iter().filter(|movement| movement.visible_until.is_none());
        let moved: i128 = lasting.filter(|one| one.effective_at <= end).map(|one| one.amount.0).sum();
        if moved != stands {
            return Some(format!("to the end of {day} converted movements come to {moved}, where {stands} stands"));
        }
    }
    None
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
                    let measured = if item.price.usage == Usage::Metered { " measured" } else { "" };
                    format!(
                        "{} {:?} × {:?} per {every}{measured}{trial} {}",
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

/// One table of rates, as the ledger reads it and as the oracle does.
struct Rates {
    table: fx::Rates,
    naive: naive::Rates,
}

fn last_rate() -> Day {
    "2036-12-31".parse().expect("a day")
}

/// Euros in dollars over the years that accounts live in: weekends have none, and the last one holds.
fn rates(seed: u64) -> Rates {
    let (usd, eur): (Currency, Currency) = ("usd".parse().expect("a currency"), "eur".parse().expect("a currency"));
    let mut rng = StdRng::seed_from_u64(seed);
    let (mut day, last): (Day, Day) = ("2024-12-01".parse().expect("a day"), last_rate());
    let (mut quotes, mut by_day, mut rate) = (Vec::new(), BTreeMap::new(), 1_085_000_i128);
    while day <= last {
        if day.0.weekday() != jiff::civil::Weekday::Saturday && day.0.weekday() != jiff::civil::Weekday::Sunday {
            rate = (rate + rng.random_range(-6_000..=6_000)).clamp(800_000, 1_400_000);
            let told = Decimal::from_units(rate * Decimal::ONE_UNITS / 1_000_000);
            quotes.push(Quote { base: usd, day, currency: eur, rate: told, per_base: false });
        }
        by_day.insert((eur, day), rate);
        day = day.after();
    }
    // The first of December was a Sunday.
    let first = quotes[0];
    quotes.push(Quote {
        day: "2024-12-01".parse().expect("a day"),
        rate: Decimal::from_units(1_085_000_000_000),
        ..first
    });
    Rates { table: fx::Rates::new(quotes, None), naive: naive::Rates { to: usd, by_day } }
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
    stands.retain(|_, one| *one != naive::Sums::default());
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
