//! The churn detector held to accounts with known truth, beside the usual rules at equal budgets of false alerts.
//! `make bench-alerts` prints the table and writes benches/ALERTS.md; `make calibrate-alerts` measures the detector's
//! own constants anew.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::float_arithmetic,
    clippy::print_stdout,
    reason = "a bench over counts, not money"
)]

mod calibrate;
mod lasting;
mod rivals;
mod simulation;

use std::{fmt::Write as _, io};

use mrrd::alerts::detector::{Detector, Observation, Verdict};
use rivals::Rival;
use simulation::{BEFORE, JUDGED, Pattern, Random, Truth};

/// Accounts a cell of the grid.
const ACCOUNTS: u64 = 100;
/// False alerts a year asked for: the default of `churn_spike`.
const BUDGET: f64 = 2.0;
/// Injected: times the usual churn, for so many days.
const RISES: [(f64, usize); 2] = [(2.0, 14), (3.0, 5)];
/// An alert counts as a detection until so many days after the rise.
const GRACE: usize = 3;

/// Detected, and after how many days, of every injection: `None` where it wasn't.
type Delays = Vec<Option<usize>>;

#[derive(Default)]
struct Tally {
    false_alerts: f64,
    usual_false_alerts: f64,
    delays: [Delays; 2],
}

/// One account: its judged year, and each rise grafted on a day of it.
struct Account {
    days: Vec<Observation<3>>,
    inject: usize,
    risen: [Vec<Observation<3>>; 2],
}

fn account(truth: &Truth, seed: u64) -> Account {
    let mut random = Random::new(seed);
    let inject = BEFORE + 20 + (random.unit() * (JUDGED - 60) as f64) as usize;
    let days = (0..BEFORE + JUDGED).map(|day| truth.day(day, 1.0, &mut random)).collect();
    let risen = RISES.map(|(times, length)| {
        let day = |at: usize| truth.day(inject + at, if at < length { times } else { 1.0 }, &mut random);
        (0..length + GRACE).map(day).collect()
    });
    Account { days, inject, risen }
}

/// Whether somebody is told: by an alert, or by an update of one that is open.
fn told(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Raised(_) | Verdict::Risen(_))
}

fn detector(accounts: &[Account]) -> Tally {
    let mut tally = Tally::default();
    for account in accounts {
        let mut detector = Detector::<3>::new(BUDGET);
        for (at, day) in account.days.iter().enumerate() {
            if at == account.inject {
                for (delays, risen) in tally.delays.iter_mut().zip(&account.risen) {
                    let mut copy = detector.clone();
                    delays.push(risen.iter().position(|day| told(&copy.day(day))));
                }
            }
            if told(&detector.day(day)) && at >= BEFORE {
                tally.false_alerts += 1.0;
            }
        }
    }
    tally.false_alerts /= accounts.len() as f64;
    tally
}

fn rival(rival: Rival, accounts: &[Account]) -> Tally {
    let levels = |days: &[Observation<3>], from: usize| -> Vec<f64> {
        (from..days.len()).map(|at| rival.level(&days[..=at])).collect()
    };
    let years: Vec<Vec<f64>> = accounts.iter().map(|account| levels(&account.days, BEFORE)).collect();
    let count = |threshold: f64| years.iter().map(|year| rivals::episodes(year, threshold).len()).sum::<usize>() as f64;
    let threshold = rivals::threshold(&years, BUDGET);
    let mut tally = Tally {
        false_alerts: count(threshold) / accounts.len() as f64,
        usual_false_alerts: count(rival.usual()) / accounts.len() as f64,
        ..Tally::default()
    };
    for account in accounts {
        for (delays, risen) in tally.delays.iter_mut().zip(&account.risen) {
            // Ten days before, so that an alert already open stays one.
            let mut days = account.days[..account.inject].to_vec();
            days.extend(risen);
            let levels = levels(&days, account.inject - 10);
            delays.push(rivals::episodes(&levels, threshold).into_iter().find_map(|day| day.checked_sub(10)));
        }
    }
    tally
}

fn detected(delays: &Delays) -> f64 {
    delays.iter().flatten().count() as f64 / delays.len().max(1) as f64
}

/// The median over all injections, in days from the first day of the rise, which is 1; `None` where half weren't seen.
fn median_delay(delays: &Delays) -> Option<usize> {
    let mut all: Vec<usize> = delays.iter().map(|delay| delay.map_or(usize::MAX, |days| days + 1)).collect();
    all.sort_unstable();
    all.get(all.len() / 2).copied().filter(|days| *days < usize::MAX)
}

/// The mean days until it was known, an undetected rise counting its whole length.
fn mean_delay(delays: &Delays, length: usize) -> f64 {
    let days = delays.iter().map(|delay| delay.map_or(length + GRACE + 1, |days| days + 1));
    days.sum::<usize>() as f64 / delays.len().max(1) as f64
}

fn line(name: &str, tally: &Tally) -> String {
    let mut line = format!("| {name} | {:.1} ", tally.false_alerts);
    for (delays, (_, length)) in tally.delays.iter().zip(RISES) {
        let median = median_delay(delays).map_or("–".to_owned(), |days| days.to_string());
        let _ = write!(line, "| {:.0} % | {median} | {:.1} ", 100.0 * detected(delays), mean_delay(delays, length));
    }
    line + "|"
}

fn main() -> io::Result<()> {
    if std::env::args().any(|arg| arg == "calibrate") {
        calibrate::calibrate();
        return Ok(());
    }
    let mut grid = String::new();
    let mut by_rate = String::new();
    let mut range = (f64::MAX, 0.0_f64);
    for rate in [0.3, 1.0, 3.0, 10.0] {
        let mut ours: Vec<Tally> = Vec::new();
        let mut others: [Vec<Tally>; 4] = Default::default();
        for growth in [0.0, 0.05, 0.1] {
            for (pattern, dispersion) in
                Pattern::ALL.into_iter().flat_map(|pattern| [0.0, 0.15].map(|dispersion| (pattern, dispersion)))
            {
                let truth = Truth { rate, growth, dispersion, pattern };
                let seed = |run: u64| (run + 1).wrapping_mul(0x1_0000_0001) ^ truth.seed();
                let accounts: Vec<Account> = (0..ACCOUNTS).map(|run| account(&truth, seed(run))).collect();
                let tally = detector(&accounts);
                range = (range.0.min(tally.false_alerts), range.1.max(tally.false_alerts));
                let _ = write!(grid, "| {rate} | {:.0} % | {} | {dispersion} ", growth * 100.0, pattern.name());
                let _ = writeln!(grid, "{}", line("", &tally).trim_start_matches("|  "));
                ours.push(tally);
                for (tallies, kind) in others.iter_mut().zip(Rival::ALL) {
                    tallies.push(rival(kind, &accounts));
                }
            }
        }
        let _ = writeln!(by_rate, "\n### {rate} churns a day\n");
        let _ = writeln!(by_rate, "{HEAD}");
        let _ = writeln!(by_rate, "{}", line("**mrrd**", &merged(&ours)));
        for (tallies, kind) in others.iter().zip(Rival::ALL) {
            let all = merged(tallies);
            let name = format!("{} ({:.1} a year as it is usually set)", kind.name(), all.usual_false_alerts);
            let _ = writeln!(by_rate, "{}", line(&name, &all));
        }
    }
    let text = format!(
        "{INTRODUCTION}\nOver the whole grid: {:.2} to {:.2} false alerts a year, where {BUDGET} are asked for.\n{by_rate}\n\
         {LASTING}\n{}\n## The whole grid\n\n{GRID_HEAD}\n{grid}",
        range.0,
        range.1,
        lasting::table()
    );
    print!("{text}");
    std::fs::write("benches/ALERTS.md", text)
}

fn merged(tallies: &[Tally]) -> Tally {
    let mean = |of: fn(&Tally) -> f64| tallies.iter().map(of).sum::<f64>() / tallies.len().max(1) as f64;
    let delays = |rise: usize| tallies.iter().flat_map(|tally| tally.delays[rise].iter().copied()).collect();
    Tally {
        false_alerts: mean(|tally| tally.false_alerts),
        usual_false_alerts: mean(|tally| tally.usual_false_alerts),
        delays: [delays(0), delays(1)],
    }
}

const HEAD: &str = "| rule | false alerts a year | ×2 for 14 days: detected | median day | mean day | ×3 for 5 days: detected | median day | mean day |\n|---|---|---|---|---|---|---|---|";

const GRID_HEAD: &str = "| churns a day | growth a month | pattern | dispersion | false alerts a year | ×2 for 14 days: detected | median day | mean day | ×3 for 5 days: detected | median day | mean day |\n|---|---|---|---|---|---|---|---|---|---|---|";

const LASTING: &str = "## A rise that lasts

Alerts in the year from its first day on, and in brackets updates of an open one: one for the rise, and the others as often
as chance brings them in a year in which nothing happens.
";

const INTRODUCTION: &str = "# The churn detector against known truth

Written by `make bench-alerts`; the same on every machine. Each row of the grid is 100 simulated accounts: a year to learn
from, a year in which nothing happens (every alert in it is false), and in that year, on a day drawn for each account, a
rise of ×2 for 14 days and one of ×3 for 5. Counts are negative binomial with variance = mean + dispersion × mean²; three
churns of ten are involuntary, five voluntary, two without evidence. A rise is detected by an alert that opens, or is
updated, during it or in the three days after; its first day is day 1. The median is over all rises, and a dash where fewer
than half were seen; in the mean an unseen rise counts as seen the day after that. Updates count as false alerts too.

Beside it the usual rules, each given the threshold that meets the same budget exactly, found for each row of the grid by
looking at the truth: an advantage nobody has in practice. In brackets, what the number they are usually given brings.
";
