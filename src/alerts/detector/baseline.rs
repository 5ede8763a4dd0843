//! What is usual of an account: how many are expected of its exposed customers in each series, and on which kinds of days.

use super::{calendar::Pattern, finding::Observation, rate::Rate};

/// Learnt from the days so far.
#[derive(Clone, Debug)]
pub(super) struct Baseline<const N: usize> {
    /// The rate of each series.
    pub(super) rates: [Rate; N],
    /// Of days of the week and month.
    pub(super) pattern: Pattern,
}

impl<const N: usize> Baseline<N> {
    /// Before any day is known.
    pub(super) fn prior() -> Self {
        Self { rates: std::array::from_fn(|_| Rate::prior()), pattern: Pattern::default() }
    }

    /// Exposed customers of a day, as many as would be expected to count as much on an average day.
    pub(super) fn exposure(&self, day: &Observation<N>) -> f64 {
        day.exposed as f64 * self.pattern.factor(day.kind)
    }

    /// The same of several days.
    pub(super) fn exposure_of(&self, days: &[Observation<N>]) -> f64 {
        days.iter().map(|day| self.exposure(day)).sum()
    }

    /// Takes a day in.
    pub(super) fn learn(&mut self, day: &Observation<N>, weight: f64) {
        let exposure = self.exposure(day);
        let average = self.rates[0].mean(day.exposed as f64);
        self.pattern.learn(day.kind, day.counts[0] as f64, average, weight);
        for (rate, count) in self.rates.iter_mut().zip(day.counts) {
            rate.learn(count as f64, exposure, weight);
        }
    }
}
