//! A rise that stays: how often it is told in the year from its first day on, beside a year in which nothing happens.

use std::fmt::Write as _;

use mrrd::alerts::detector::{Detector, Verdict};

use crate::{
    BUDGET,
    simulation::{BEFORE, JUDGED, Pattern, Random, Truth},
};

/// Times the usual churn, from a day on and for good.
const RISES: [f64; 4] = [1.0, 1.5, 2.0, 3.0];

/// Accounts a cell.
const ACCOUNTS: u64 = 300;

/// The table, a row a rate.
pub fn table() -> String {
    let mut table = HEAD.to_owned();
    for rate in [1.0, 3.0, 10.0] {
        let _ = write!(table, "| {rate} ");
        for rise in RISES {
            let (alerts, updates) = told(rate, rise);
            let _ = write!(table, "| {alerts:.1} ({updates:.1}) ");
        }
        table.push_str("|\n");
    }
    table
}

/// Alerts and updates a year, over accounts of every pattern, with and without spread.
fn told(rate: f64, rise: f64) -> (f64, f64) {
    let (mut alerts, mut updates) = (0_u32, 0_u32);
    for run in 0..ACCOUNTS {
        let dispersion = if run % 2 == 0 { 0.0 } else { 0.15 };
        let pattern = Pattern::ALL[usize::try_from(run / 2 % 3).unwrap_or(0)];
        let truth = Truth { rate, growth: 0.0, dispersion, pattern };
        let (mut random, mut detector) = (Random::new(0x1a57_1465 + run), Detector::<3>::new(BUDGET));
        for day in 0..BEFORE + JUDGED {
            let risen = day >= BEFORE;
            match detector.day(&truth.day(day, if risen { rise } else { 1.0 }, &mut random)) {
                Verdict::Raised(_) if risen => alerts += 1,
                Verdict::Risen(_) if risen => updates += 1,
                _ => {}
            }
        }
    }
    (f64::from(alerts) / ACCOUNTS as f64, f64::from(updates) / ACCOUNTS as f64)
}

const HEAD: &str =
    "| churns a day | nothing happens | ×1.5 for good | ×2 for good | ×3 for good |\n|---|---|---|---|---|\n";
