//! How long this half may take: rounds are repeated, and the longest steps taken, only while there is time.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::process::Cost;

/// What is done with an account, and on which store.
pub(crate) type Step = (&'static str, &'static str);

/// The time there is, and what was learnt of how long things take.
pub(crate) struct Time {
    ends: Instant,
    /// Events a second of each step on the last account that went through it.
    rates: BTreeMap<Step, f64>,
}

impl Time {
    pub(crate) fn of(minutes: u64) -> Self {
        Self { ends: Instant::now() + Duration::from_secs(60 * minutes), rates: BTreeMap::new() }
    }

    /// The same time for an account of another kind, which tells nothing of how long others take.
    pub(crate) fn apart(&self) -> Self {
        Self { ends: self.ends, rates: BTreeMap::new() }
    }

    /// Whether something of this length still ends in time.
    pub(crate) fn allows(&self, length: Duration) -> bool {
        Instant::now() + length <= self.ends
    }

    /// How long a step over so many events takes, as far as a smaller account tells; a larger one is a little slower.
    pub(crate) fn of_step(&self, step: Step, events: usize) -> Duration {
        let rate = self.rates.get(&step).copied().unwrap_or(f64::INFINITY);
        Duration::from_secs_f64(1.2 * events as f64 / rate)
    }

    pub(crate) fn learn(&mut self, step: Step, events: usize, cost: &Cost) {
        self.rates.insert(step, cost.per_second(events));
    }
}

/// The same thing measured in several rounds.
#[derive(Default)]
pub(crate) struct Rounds(Vec<Cost>);

impl Rounds {
    pub(crate) fn add(&mut self, cost: Cost) {
        self.0.push(cost);
    }

    /// Per second in the median, the slowest and the fastest round, processor time for each, and the most memory: the cells
    /// that [`Rounds::HEAD`] names.
    pub(crate) fn cells(&self, events: usize) -> Vec<String> {
        let sorted = |of: &dyn Fn(&Cost) -> f64| {
            let mut all: Vec<f64> = self.0.iter().map(of).collect();
            all.sort_by(f64::total_cmp);
            all
        };
        let rates = sorted(&|cost| cost.per_second(events));
        let each = sorted(&|cost| cost.processor_seconds * 1e6 / events as f64);
        let Some((slowest, fastest)) = rates.first().zip(rates.last()) else {
            return vec!["no time left".into(), "–".into(), "–".into(), "–".into()];
        };
        let range = if rates.len() == 1 { "one run".into() } else { format!("{slowest:.0}–{fastest:.0}") };
        let memory = self.0.iter().map(|cost| cost.peak_kilobytes).max().unwrap_or_default() as f64 / 1000.0;
        let median = |all: &[f64]| all[all.len() / 2];
        vec![format!("{:.0}", median(&rates)), range, format!("{:.1}", median(&each)), format!("{memory:.0} MB")]
    }

    pub(crate) const HEAD: [&str; 4] = ["per second", "range", "processor µs for each", "peak memory"];
}
