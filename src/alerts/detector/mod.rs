//! When a count is more than its own history explains: pure, day by day, calibrated to a budget of false alerts.
//!
//! Counts, not money: amounts accompany an alert, they never trigger one. Three tests share one budget: the day, the
//! week, and a CUSUM for slow rises, each over every series (all churn, involuntary, voluntary).
#![allow(clippy::float_arithmetic, reason = "counts and chances; no money comes here")]

mod baseline;
mod calendar;
mod calibration;
mod episode;
mod finding;
mod rate;
mod tail;

use std::collections::VecDeque;

use self::{
    baseline::Baseline,
    episode::Episode,
    finding::{Candidate, JUDGED_FROM, WEEK},
};
pub use self::{
    calendar::{DayKind, Turn},
    calibration::{POWERS, WEEKS},
    finding::{End, Finding, Observation, Test, Usual, Verdict},
};

/// Where few are judged too, a cluster is at least this many.
const CLUSTER: u64 = 3;

/// Chances a year where few are judged: each day brings a day's test and a week's. The sum of their chances is never less
/// than what they come to together, so that no table is needed.
const TESTS_A_YEAR: f64 = 2.0 * 365.25;

/// Churns that must be known before a slow rise can be told from a rate not known well yet.
const CUSUM_FROM: f64 = 10.0;

/// What a CUSUM forgives a day, in standard deviations: it looks for rises of twice that.
const REFERENCE: f64 = 0.5;

/// Each series has its own chance of a false alert and the budget is for all of them; but they share their churns, and
/// so much of a further series' alerts come alone (measured).
const OWN_SHARE: f64 = 0.75;

/// What a day of an episode that passed counts when it is learnt.
const EPISODE_WEIGHT: f64 = 0.2;

/// An episode is over after so many days without anything unusual …
const CALM_DAYS: u32 = 5;

/// … that is, above this chance, while its last days together are no longer above what was usual before it; …
const CALM: f64 = 0.005;

/// … or after so many days: what still lasts then has become usual.
const LONGEST_EPISODE: usize = 28;

/// A new level is that of so many days.
const LEVEL_DAYS: usize = 21;

/// A CUSUM since it last stood at 0.
#[derive(Clone, Copy, Debug, Default)]
struct Rise {
    level: f64,
    days: u32,
    observed: u64,
    expected: f64,
}

#[derive(Clone, Copy, Debug)]
enum Limit {
    AlertsAYear(f64),
    Chance(f64),
}

/// Holds what an account has shown so far. Days go in by [`Detector::day`] in order; the same days give the same verdicts.
#[derive(Clone, Debug)]
pub struct Detector<const N: usize> {
    limit: Limit,
    /// Windows in which about two or fewer are expected are judged too.
    few: bool,
    baseline: Baseline<N>,
    rises: [Rise; N],
    /// Days seen and not learnt yet, each with its weight.
    waiting: VecDeque<(Observation<N>, f64)>,
    episode: Option<Episode<N>>,
}

impl<const N: usize> Detector<N> {
    /// `budget`: false alerts a year over all series and tests together.
    pub fn new(budget: f64) -> Self {
        Self::limited(Limit::AlertsAYear(budget))
    }

    /// Judges windows too in which about two or fewer are expected: for what seldom happens, and not one by one.
    pub fn judging_few(self) -> Self {
        Self { few: true, ..self }
    }

    /// Raises at this chance a day as the tests themselves reckon it: what calibration measures.
    pub fn uncalibrated(chance: f64) -> Self {
        Self::limited(Limit::Chance(chance))
    }

    fn limited(limit: Limit) -> Self {
        Self {
            limit,
            few: false,
            baseline: Baseline::prior(),
            rises: [Rise::default(); N],
            waiting: VecDeque::with_capacity(WEEK),
            episode: None,
        }
    }

    /// What the day so far would mean, without closing it. Part of a day can only fall short of the whole, so nothing
    /// is raised that the whole day wouldn't raise.
    pub fn look(&self, today: &Observation<N>) -> Verdict {
        self.clone().day(today)
    }

    /// Closes a day: judges it and takes it in.
    pub fn day(&mut self, today: &Observation<N>) -> Verdict {
        let week = self.expected_week(today);
        let strongest = self.strongest(today);
        let verdict = match self.episode.take() {
            Some(episode) => self.go_on(episode, today, strongest, week),
            None => self.judge(today, strongest, week),
        };
        let weight = if self.episode.is_some() { EPISODE_WEIGHT } else { 1.0 };
        self.waiting.push_back((*today, weight));
        if self.waiting.len() >= WEEK
            && let Some((day, weight)) = self.waiting.pop_front()
        {
            // A day of an open episode is learnt when it is known what the episode was.
            let of_episode = self.episode.as_ref().is_some_and(|episode| episode.days.len() > self.waiting.len());
            if !of_episode {
                self.baseline.learn(&day, weight);
            }
        }
        verdict
    }

    /// What the seven days that end `today` brought and what was usual, in the series of all, before the day is taken in;
    /// `None` until there were seven.
    pub fn week(&self, today: &Observation<N>) -> Option<Usual> {
        if self.waiting.len() + 1 < WEEK {
            return None;
        }
        let days = || self.waiting.iter().map(|(day, _)| day).chain([today]);
        let rate = self.baseline.rates.first()?;
        let means = || days().map(|day| rate.mean(self.baseline.exposure(day)));
        let expected = means().sum::<f64>();
        let (low, high) = tail::range(expected, rate.variance(means()));
        Some(Usual { observed: days().map(|day| day.counts[0]).sum(), expected, low, high })
    }

    /// Expected of each series in the seven days that end today.
    fn expected_week(&self, today: &Observation<N>) -> [f64; N] {
        let days = self.waiting.iter().map(|(day, _)| self.baseline.exposure(day));
        let exposure = days.sum::<f64>() + self.baseline.exposure(today);
        std::array::from_fn(|series| self.baseline.rates[series].mean(exposure))
    }

    /// The most unusual of all tests, with its chance; `None` where none can judge.
    fn strongest(&mut self, today: &Observation<N>) -> Option<Candidate> {
        let mut strongest: Option<Candidate> = None;
        let mut offer = |candidate: Candidate| {
            if strongest.as_ref().is_none_or(|so_far| candidate.chance < so_far.chance) {
                strongest = Some(candidate);
            }
        };
        let todays = self.baseline.exposure(today);
        let judges = |expected: f64, observed: u64| expected >= JUDGED_FROM || (self.few && observed >= CLUSTER);
        let waiting: Vec<f64> = self.waiting.iter().map(|(day, _)| self.baseline.exposure(day)).collect();
        for series in 0..N {
            let (rate, count) = (&self.baseline.rates[series], today.counts[series]);
            let mean = rate.mean(todays);
            let means = || waiting.iter().map(|exposure| rate.mean(*exposure)).chain([mean]);
            if judges(mean, count) {
                let variance = rate.variance([mean].into_iter());
                offer(Candidate::new(series, Test::Day, 1, count, mean, variance));
            }
            let expected = means().sum::<f64>();
            let observed = count + self.waiting.iter().map(|(day, _)| day.counts[series]).sum::<u64>();
            if judges(expected, observed) && waiting.len() + 1 == WEEK {
                offer(Candidate::new(series, Test::Week, 7, observed, expected, rate.variance(means())));
            }
            if rate.known() >= CUSUM_FROM && expected >= JUDGED_FROM {
                let residual = (count as f64 - mean) / rate.daily_variance(mean).sqrt().max(1e-6);
                let rise = &mut self.rises[series];
                rise.level += residual - REFERENCE;
                if rise.level <= 0.0 {
                    *rise = Rise::default();
                } else {
                    rise.days += 1;
                    rise.observed += count;
                    rise.expected += mean;
                    let variance = rate.variance(std::iter::once(rise.expected));
                    let chance = tail::cusum_rate(rise.level, REFERENCE, rate.skewness(mean));
                    let slow =
                        Candidate::new(series, Test::SlowRise, rise.days, rise.observed, rise.expected, variance);
                    offer(Candidate { chance, ..slow });
                }
            }
        }
        strongest
    }

    /// A day outside any episode.
    fn judge(&mut self, today: &Observation<N>, strongest: Option<Candidate>, week: [f64; N]) -> Verdict {
        let Some(candidate) = strongest else {
            return if self.few { Verdict::Usual } else { Verdict::TooFew { expected: week[0] } };
        };
        if !self.stands_out(candidate.chance, week) {
            return Verdict::Usual;
        }
        self.rises = [Rise::default(); N];
        // The days that made the alert belong to its episode.
        let back = usize::try_from(candidate.finding.days).unwrap_or(WEEK).saturating_sub(1).min(self.waiting.len());
        let mut episode = Episode::new(candidate.finding.series);
        for (day, weight) in self.waiting.iter_mut().rev().take(back) {
            *weight = EPISODE_WEIGHT;
            episode.days.insert(0, *day);
        }
        episode.days.push(*today);
        (episode.raised_by, episode.told) = (episode.days.len(), episode.days.len());
        let finding = self.told(candidate, &episode, today, week);
        self.episode = Some(episode);
        Verdict::Raised(finding)
    }

    /// A further day of an episode.
    fn go_on(
        &mut self,
        mut episode: Episode<N>,
        today: &Observation<N>,
        strongest: Option<Candidate>,
        week: [f64; N],
    ) -> Verdict {
        if strongest.is_none() && !self.few {
            self.end(&episode);
            return Verdict::Closed(End::TooFew);
        }
        let calm = strongest.is_none_or(|candidate| candidate.chance > CALM);
        episode.calm = if calm { episode.calm + 1 } else { 0 };
        let further = episode.further(&self.baseline, today).filter(|further| self.stands_out(further.chance, week));
        episode.days.push(*today);
        if let Some(further) = further {
            episode.told = episode.days.len();
            let finding = self.told(further, &episode, today, week);
            self.episode = Some(episode);
            return Verdict::Risen(finding);
        }
        let after = episode.days.len() - episode.raised_by;
        let lasts = episode.lasts(&self.baseline);
        if after >= LONGEST_EPISODE && lasts {
            self.start_afresh(&episode);
            return Verdict::Closed(End::NewLevel);
        }
        if after >= LONGEST_EPISODE || (episode.calm >= CALM_DAYS && !lasts) {
            self.end(&episode);
            return Verdict::Closed(End::AsBefore);
        }
        self.episode = Some(episode);
        Verdict::Open
    }

    /// Whether chance alone would bring as much less often than the budget allows.
    fn stands_out(&self, chance: f64, week: [f64; N]) -> bool {
        match self.limit {
            Limit::AlertsAYear(budget) => by_chance_a_year(chance, week) <= budget,
            Limit::Chance(limit) => chance <= limit,
        }
    }

    /// A candidate with all that is said of it.
    fn told(&self, candidate: Candidate, episode: &Episode<N>, today: &Observation<N>, week: [f64; N]) -> Finding {
        let Candidate { chance, finding, variance } = candidate;
        let (low, high) = tail::range(finding.expected, variance);
        let mut further = 1;
        let enough = |count| {
            let next = episode.of_a_day(&self.baseline, finding.series, today, count);
            self.stands_out(next.chance, week)
        };
        while !enough(further) && further < u64::from(u32::MAX) {
            further += 1 + further / 64;
        }
        Finding { low, high, by_chance_a_year: by_chance_a_year(chance, week), further, ..finding }
    }

    /// An episode passed: its days teach a little. Those still waiting are learnt when their turn comes.
    fn end(&mut self, episode: &Episode<N>) {
        let learnt = episode.days.len().saturating_sub(self.waiting.len() + 1);
        for day in &episode.days[..learnt] {
            self.baseline.learn(day, EPISODE_WEIGHT);
        }
        self.rises = [Rise::default(); N];
    }

    /// A rise lasts: the level of its latest days is what is expected from now on, known as well as they tell it.
    fn start_afresh(&mut self, episode: &Episode<N>) {
        let learnt = episode.days.len().saturating_sub(self.waiting.len() + 1);
        let level = &episode.days[learnt.saturating_sub(LEVEL_DAYS)..learnt];
        let exposure = level.iter().map(|day| self.baseline.exposure(day)).sum::<f64>();
        for (series, rate) in self.baseline.rates.iter_mut().enumerate() {
            rate.start_afresh(level.iter().map(|day| day.counts[series]).sum::<u64>() as f64, exposure);
        }
        self.rises = [Rise::default(); N];
        self.waiting.iter_mut().for_each(|(_, weight)| *weight = 1.0);
    }
}

/// Alerts a year that chance alone brings at this chance a day, over all series that can be judged.
fn by_chance_a_year<const N: usize>(chance: f64, week: [f64; N]) -> f64 {
    let judged = week.into_iter().filter(|expected| *expected >= JUDGED_FROM);
    let alone = judged.map(|expected| calibration::alerts_a_year(expected, chance));
    let (most, sum) = alone.fold((0.0_f64, 0.0), |(most, sum), one| (most.max(one), sum + one));
    match most > 0.0 {
        true => most + (sum - most) * OWN_SHARE,
        // Too few for the table: the bound that holds for any counts.
        false => chance * TESTS_A_YEAR,
    }
}

#[cfg(test)]
mod tests;
