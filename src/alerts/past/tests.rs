use std::collections::BTreeSet;

use super::*;
use crate::{
    alerts::{backtest::distinct, history::Counts, second_look::SecondLook},
    ledger::{
        losses::{Loss, Lost, Nature, magnitude},
        outcome::Cause,
        time::UnixTime,
    },
    store::derived::reports::LossesTold,
};

/// A step of splitmix64.
fn mixed(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = mixed(self.0);
        self.0 % bound
    }
}

/// A growing account of two currencies, with waves of losses and now and then a large one.
fn account(seed: u64) -> Vec<AccountDay> {
    let mut random = Random(seed);
    let mut day: Day = "2024-01-01".parse().unwrap();
    let currencies: [Currency; 2] = ["usd".parse().unwrap(), "jpy".parse().unwrap()];
    let mut days = Vec::new();
    for at in 0..500_u64 {
        let mut losses = |usual: u64, wave: u64| -> Vec<Loss> {
            let many = random.below(usual) + if random.below(60) == 0 { wave } else { 0 };
            let mut all = Vec::new();
            for _ in 0..many {
                let large = if random.below(200) == 0 { 400 } else { 1 };
                all.push(Loss {
                    customer: format!("cus_{:03}", random.below(400)).as_str().into(),
                    currency: currencies[usize::from(random.below(5) == 0)],
                    amount: Mrr(i128::from(1 + random.below(9_000)) * large * Mrr::MINOR / 3),
                    nature: [Nature::Voluntary, Nature::Involuntary, Nature::Unknown][random.below(3) as usize],
                    product: None,
                    reason: Cause::Cancellation,
                });
            }
            all
        };
        let (churned, contracted, failing) = (losses(6, 20), losses(9, 30), losses(3, 12));
        let mrr = currencies.map(|currency| (currency, Mrr(i128::from(at * 30_000) * Mrr::MINOR)));
        days.push(AccountDay { day, paying: 200 + at, mrr: mrr.into(), churned, contracted, failing, counts: None });
        day = day.after();
    }
    days
}

/// What is kept of these days, as customers add to it.
fn lossy(days: &[AccountDay]) -> LossyDays {
    let mut all = LossyDays::new();
    for day in days {
        let lost = |ended: bool| move |loss: &Loss| Lost { day: day.day, at: UnixTime(0), ended, loss: loss.clone() };
        let customers: BTreeSet<_> = [&day.churned, &day.contracted, &day.failing]
            .into_iter()
            .flatten()
            .map(|loss| loss.customer.clone())
            .collect();
        for customer in customers {
            let own =
                |losses: &[Loss]| losses.iter().filter(|loss| loss.customer == customer).cloned().collect::<Vec<_>>();
            let of_customer = crate::ledger::losses::Losses {
                churned: own(&day.churned).iter().map(lost(true)).collect(),
                contracted: own(&day.contracted).iter().map(lost(false)).collect(),
                failing: own(&day.failing).into_iter().map(|loss| (day.day, loss)).collect(),
            };
            for (of, counts) in of_customer.days() {
                let sum = all.entry(of).or_default();
                sum.churned.iter_mut().zip(counts.churned).for_each(|(sum, count)| *sum += count);
                sum.contracted += counts.contracted;
                sum.failing += counts.failing;
            }
        }
    }
    all
}

/// The days as they are counted.
fn counted(days: &[AccountDay], lossy: &LossyDays) -> Vec<AccountDay> {
    let one = |day: &AccountDay| {
        let of: Vec<_> = lossy.iter().filter(|((_, of, _), _)| *of == day.day).collect();
        let sum =
            |count: &dyn Fn(&Lossy) -> i64| u64::try_from(of.iter().map(|(_, one)| count(one)).sum::<i64>()).unwrap();
        let counts = Counts {
            churned: std::array::from_fn(|series| sum(&|one| one.churned[series])),
            contracted: sum(&|one| one.contracted),
            failing: sum(&|one| one.failing),
            currencies: of.iter().filter_map(|((currency, ..), _)| *currency).collect(),
            large: Vec::new(),
        };
        AccountDay {
            churned: Vec::new(),
            contracted: Vec::new(),
            failing: Vec::new(),
            counts: Some(counts),
            ..day.clone()
        }
    };
    days.iter().map(one).collect()
}

/// The losses asked for, out of all.
fn told(days: &[AccountDay], asked: &LossesAsked) -> LossesTold {
    let within = |spans: &[DaySpan], day: Day| spans.iter().any(|(from, to)| *from <= day && day <= *to);
    let mut told = LossesTold::default();
    for day in days {
        let lost = |ended: bool| move |loss: &Loss| Lost { day: day.day, at: UnixTime(0), ended, loss: loss.clone() };
        let (churned, contracted) = (day.churned.iter().map(lost(true)), day.contracted.iter().map(lost(false)));
        if within(&asked.churned, day.day) {
            told.churned.extend(churned.clone());
        }
        if within(&asked.contracted, day.day) {
            told.contracted.extend(contracted.clone());
        }
        if within(&asked.failing, day.day) {
            told.failing.extend(day.failing.iter().map(|loss| (day.day, loss.clone())));
        }
        told.large.extend(churned.chain(contracted).filter(|lost| {
            let is_of = |(currency, least, (from, to)): &(Currency, Mrr, DaySpan)| {
                *currency == lost.loss.currency && *least <= lost.loss.amount && *from <= day.day && day.day <= *to
            };
            asked.large.iter().any(is_of)
        }));
    }
    told
}

#[test]
fn days_that_stand_out_alone_give_what_all_days_give() {
    let (mut alerts, mut large, mut read, mut all) = (0, 0, 0, 0);
    for seed in 0..8 {
        let days = account(seed);
        let lossy = lossy(&days);
        for (from, budget) in [(None, 1.0), (Some("2024-09-01"), 12.0), (Some("2025-02-01"), 0.05)] {
            let settings = LargeLoss::default();
            let from = from.map(|day| day.parse().unwrap());
            let past = Past { since: None, whole: None, from, to: None, budget, large: &settings };
            let mut few = counted(&days, &lossy);
            for (day, few) in days.iter().zip(&few) {
                let counts = few.counts.as_ref().unwrap();
                assert_eq!(counts.contracted, distinct(day.contracted.iter()), "{}", day.day);
                assert_eq!(counts.failing, distinct(day.failing.iter()));
                for (series, count) in Series::ALL.iter().zip(counts.churned) {
                    assert_eq!(count, distinct(day.churned.iter().filter(|loss| series.counts(loss.nature))));
                }
            }
            let asked = past.standing_out(&few, &lossy).unwrap().unwrap();
            let told = told(&days, &asked);
            read += told.churned.len() + told.contracted.len() + told.failing.len() + told.large.len();
            all += days.iter().map(|day| day.churned.len() + day.contracted.len() + day.failing.len()).sum::<usize>();
            history::put(&mut few, told);
            let first = from.unwrap_or(days[0].day);
            let whole = backtest::run(&days, first, budget, &settings).unwrap();
            assert_eq!(backtest::run(&few, first, budget, &settings).unwrap(), whole, "{seed} {from:?} {budget}");
            large += whole.alerts.iter().filter(|alert| alert.rule == Rule::LargeLoss).count();
            alerts += whole.alerts.len();
        }
    }
    assert!(large > 20 && alerts - large > 20 && read < all, "{alerts} {large} {read} {all}");
}

/// What the watcher finds, now and without what is too new, day after day.
#[test]
fn days_that_are_looked_at_twice_give_what_all_days_give() {
    let (mut alerts, mut unread, mut looks) = (0, 0, 0);
    for seed in 0..4 {
        let account = account(seed);
        for until in (300..account.len()).step_by(9) {
            let days = &account[..=until];
            let lossy = lossy(days);
            let (settings, today) = (LargeLoss::default(), days[until].day);
            let (from, whole) = (Some(days[until - 63].day), Some(days[until - 10].day));
            let past = Past { since: None, whole, from, to: None, budget: 12.0, large: &settings };
            let mut few = counted(days, &lossy);
            let told = told(days, &past.standing_out(&few, &lossy).unwrap().unwrap());
            history::put(&mut few, told);
            assert_eq!(past.found(&few).unwrap(), past.found(days).unwrap(), "{seed} {today}");
            // Half of the losses of the last days were seen a while ago; the others have just come.
            let mut before = days.to_vec();
            for day in &mut before[until - 4..] {
                for losses in [&mut day.churned, &mut day.contracted, &mut day.failing] {
                    losses.truncate(losses.len() / 2);
                }
            }
            let mut look = SecondLook::default();
            look.note(&before, today, UnixTime(0));
            look.note(days, today, UnixTime(100));
            let settled =
                |days: &[AccountDay]| look.settled(days, today, UnixTime(100), 30).map(|settled| settled.days);
            let (Some(few), Some(all)) = (settled(&few), settled(days)) else { continue };
            looks += 1;
            let all = past.found(&all).unwrap().unwrap();
            match past.found(&few).unwrap() {
                Some(few) => assert_eq!(few, all, "{seed} {today}"),
                None => unread += 1,
            }
            alerts += all.alerts.len();
        }
    }
    assert!(alerts > 100 && looks > 40 && unread * 4 < looks, "{alerts} {unread} {looks}");
}

#[test]
fn an_amount_lies_within_its_magnitude() {
    for amount in [1, 2, 3, 4, 7, 8, 1_000_000, i128::from(i64::MAX)] {
        let of = magnitude(Mrr(amount));
        assert!(amount <= largest(of).0 && amount > largest(of - 1).0, "{amount}");
    }
    assert_eq!((magnitude(Mrr(0)), largest(0)), (0, Mrr(0)));
}
