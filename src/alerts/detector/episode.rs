//! An open episode: whether its rise still lasts, and whether what comes in it would be an alert by itself.

use super::{
    baseline::Baseline,
    finding::{Candidate, JUDGED_FROM, Observation, Test, WEEK},
};

/// So many of an episode's last days tell whether its rise still lasts.
const LATEST_DAYS: usize = 14;

/// Standard deviations above what was usual before the episode that say so.
const LASTING: f64 = 1.5;

/// Days as they were before the episode that count when a further rise is looked for: its own days tell more.
const DAYS_BEFORE: f64 = 2.0;

/// Days on which more came than history explains. Nothing is learnt from them until it is known what they were.
#[derive(Clone, Debug)]
pub(super) struct Episode<const N: usize> {
    /// In which series it was found.
    series: usize,
    /// The days that raised it, then every further one.
    pub(super) days: Vec<Observation<N>>,
    /// How many of them raised it.
    pub(super) raised_by: usize,
    /// How many of them were told of: a further rise lies in later ones.
    pub(super) told: usize,
    /// Days in a row without anything unusual.
    pub(super) calm: u32,
}

impl<const N: usize> Episode<N> {
    pub(super) fn new(series: usize) -> Self {
        Self { series, days: Vec::new(), raised_by: 0, told: 0, calm: 0 }
    }

    /// Whether the latest days after those that raised it are together still above what was usual before.
    pub(super) fn lasts(&self, baseline: &Baseline<N>) -> bool {
        let after = &self.days[self.raised_by..];
        let latest = &after[after.len().saturating_sub(LATEST_DAYS)..];
        let rate = &baseline.rates[self.series];
        let means = || latest.iter().map(|day| rate.mean(baseline.exposure(day)));
        let observed = latest.iter().map(|day| day.counts[self.series]).sum::<u64>() as f64;
        observed - means().sum::<f64>() > LASTING * rate.variance(means()).sqrt()
    }

    /// The most unusual of what came since the episode was last told of, held against the episode's own level.
    pub(super) fn further(&self, baseline: &Baseline<N>, today: &Observation<N>) -> Option<Candidate> {
        let of_days = (0..N).map(|series| self.of_a_day(baseline, series, today, today.counts[series]));
        let of_weeks = (0..N).filter_map(|series| self.of_a_week(baseline, series, today));
        of_days.chain(of_weeks).min_by(|a, b| a.chance.total_cmp(&b.chance))
    }

    /// A day's count against the episode so far and a few days as they were before it.
    pub(super) fn of_a_day(
        &self,
        baseline: &Baseline<N>,
        series: usize,
        today: &Observation<N>,
        count: u64,
    ) -> Candidate {
        let (rate, todays) = (&baseline.rates[series], baseline.exposure(today));
        let before = DAYS_BEFORE * todays;
        let known = rate.mean(before) + self.counted(&self.days, series);
        let level = known / (before + baseline.exposure_of(&self.days)) * todays;
        let mean = level.max(rate.mean(todays)).max(JUDGED_FROM);
        let variance = rate.daily_variance(mean) + mean * mean / known.max(0.5);
        Candidate::new(series, Test::Day, 1, count, mean, variance)
    }

    /// Seven days that weren't told of yet, against those of the episode before them; `None` where these are fewer.
    fn of_a_week(&self, baseline: &Baseline<N>, series: usize, today: &Observation<N>) -> Option<Candidate> {
        let from = (self.days.len() + 1).checked_sub(WEEK).filter(|from| *from >= self.told.max(WEEK))?;
        let (earlier, week) = self.days.split_at(from);
        let rate = &baseline.rates[series];
        let known = (self.counted(earlier, series)).max(0.5);
        let level = known / baseline.exposure_of(earlier);
        let means = || {
            let exposures = week.iter().chain([today]).map(|day| baseline.exposure(day));
            exposures.map(|exposure| (level * exposure).max(rate.mean(exposure)))
        };
        let mean = means().sum::<f64>().max(JUDGED_FROM);
        let own = means().map(|mean| rate.daily_variance(mean)).sum::<f64>();
        let observed = today.counts[series] + week.iter().map(|day| day.counts[series]).sum::<u64>();
        Some(Candidate::new(series, Test::Week, 7, observed, mean, own.max(mean) + mean * mean / known))
    }

    fn counted(&self, days: &[Observation<N>], series: usize) -> f64 {
        days.iter().map(|day| day.counts[series]).sum::<u64>() as f64
    }
}
