//! When a count is more than its own history explains: pure, day by day, calibrated to a budget of false alerts.
//!
//! Counts, not money: amounts accompany an alert, they never trigger one. Three tests share one budget: the day, the
//! week, and a CUSUM for slow rises, each over every series (all churn, involuntary, voluntary).
#![allow(clippy::float_arithmetic, reason = "counts and chances; no money comes here")]

mod calendar;
mod calibration;
mod episode;
mod rate;
mod tail;

use std::collections::VecDeque;

use calendar::Pattern;
pub use calendar::{DayKind, Turn};
pub use calibration::{POWERS, WEEKS};
use episode::Episode;
use rate::Rate;

/// Days in the long window, and how long a day waits before it is learnt: a spike mustn't teach that spikes are usual.
const WEEK: usize = 7;

/// Under this expected count a window isn't judged.
const JUDGED_FROM: f64 = 2.0;

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

/// One accounting day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation<const N: usize> {
    /// Its place in week and month.
    pub kind: DayKind,
    /// Customers who could have been counted: those paying when the day began.
    pub exposed: u64,
    /// The day's count in each series; the first holds all of them.
    pub counts: [u64; N],
}

/// Which test found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Test {
    /// One day's count.
    Day,
    /// Seven days' count.
    Week,
    /// A rise over longer.
    SlowRise,
}

/// What was unusual.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finding {
    /// In which series.
    pub series: usize,
    /// By which test.
    pub test: Test,
    /// Days looked at, the last one today.
    pub days: u32,
    /// Counted in them.
    pub observed: u64,
    /// Expected in them.
    pub expected: f64,
    /// Nine of ten such windows lie from here …
    pub low: u64,
    /// … to here.
    pub high: u64,
    /// Alerts a year that chance alone would bring at this threshold: under the budget, or it wouldn't be one.
    pub by_chance_a_year: f64,
    /// So many further ones, later that day, would be an alert by themselves.
    pub further: u64,
}

impl Finding {
    /// Chance alone brings as much once in so many years.
    pub fn once_in_years(&self) -> f64 {
        1.0 / self.by_chance_a_year.max(1e-9)
    }
}

/// What seven days brought, and what was usual.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Usual {
    /// Counted in them.
    pub observed: u64,
    /// Expected in them.
    pub expected: f64,
    /// Nine of ten such weeks lie from here …
    pub low: u64,
    /// … to here.
    pub high: u64,
}

/// What a day means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// Fewer than about two expected even in a week: not judged.
    TooFew {
        /// What a week is expected to bring.
        expected: f64,
    },
    /// As expected.
    Usual,
    /// An episode begins.
    Raised(Finding),
    /// The episode goes on.
    Open,
    /// The episode goes on, and what came in it would be an alert by itself.
    Risen(Finding),
    /// The episode is over.
    Closed(End),
}

/// How an episode ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Counts are as they were before it.
    AsBefore,
    /// Its rise lasts: what is expected starts afresh from the new level.
    NewLevel,
    /// Too few are expected now to judge anything.
    TooFew,
}

/// What a test found, however usual.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    /// How often a day chance brings as much, as the test reckons it.
    chance: f64,
    finding: Finding,
    variance: f64,
}

impl Candidate {
    /// A window's count held against the negative binomial with this mean and variance.
    fn of(series: usize, test: Test, days: u32, observed: u64, expected: f64, variance: f64) -> Self {
        let rest = (0, 0, 0.0, 0);
        let (low, high, by_chance_a_year, further) = rest;
        let finding = Finding { series, test, days, observed, expected, low, high, by_chance_a_year, further };
        Self { chance: tail::upper_tail(observed, expected, variance), finding, variance }
    }
}

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
    rates: [Rate; N],
    pattern: Pattern,
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
            rates: std::array::from_fn(|_| Rate::prior()),
            pattern: Pattern::default(),
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
                self.learn(&day, weight);
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
        let rate = self.rates.first()?;
        let means = || days().map(|day| rate.mean(self.exposure(day)));
        let expected = means().sum::<f64>();
        let (low, high) = tail::range(expected, rate.variance(means()));
        Some(Usual { observed: days().map(|day| day.counts[0]).sum(), expected, low, high })
    }

    fn exposure(&self, day: &Observation<N>) -> f64 {
        day.exposed as f64 * self.pattern.factor(day.kind)
    }

    /// Expected of each series in the seven days that end today.
    fn expected_week(&self, today: &Observation<N>) -> [f64; N] {
        let days = self.waiting.iter().map(|(day, _)| self.exposure(day));
        let exposure = days.sum::<f64>() + self.exposure(today);
        std::array::from_fn(|series| self.rates[series].mean(exposure))
    }

    /// The most unusual of all tests, with its chance; `None` where none can judge.
    fn strongest(&mut self, today: &Observation<N>) -> Option<Candidate> {
        let mut strongest: Option<Candidate> = None;
        let mut offer = |candidate: Candidate| {
            if strongest.as_ref().is_none_or(|so_far| candidate.chance < so_far.chance) {
                strongest = Some(candidate);
            }
        };
        let todays = self.exposure(today);
        let judges = |expected: f64, observed: u64| expected >= JUDGED_FROM || (self.few && observed >= CLUSTER);
        let waiting: Vec<f64> = self.waiting.iter().map(|(day, _)| self.exposure(day)).collect();
        for series in 0..N {
            let (rate, count) = (&self.rates[series], today.counts[series]);
            let mean = rate.mean(todays);
            let means = || waiting.iter().map(|exposure| rate.mean(*exposure)).chain([mean]);
            if judges(mean, count) {
                let variance = rate.variance([mean].into_iter());
                offer(Candidate::of(series, Test::Day, 1, count, mean, variance));
            }
            let expected = means().sum::<f64>();
            let observed = count + self.waiting.iter().map(|(day, _)| day.counts[series]).sum::<u64>();
            if judges(expected, observed) && waiting.len() + 1 == WEEK {
                offer(Candidate::of(series, Test::Week, 7, observed, expected, rate.variance(means())));
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
                    let slow = Candidate::of(series, Test::SlowRise, rise.days, rise.observed, rise.expected, variance);
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
        let further = episode.further(self, today).filter(|further| self.stands_out(further.chance, week));
        episode.days.push(*today);
        if let Some(further) = further {
            episode.told = episode.days.len();
            let finding = self.told(further, &episode, today, week);
            self.episode = Some(episode);
            return Verdict::Risen(finding);
        }
        let after = episode.days.len() - episode.raised_by;
        let lasts = episode.lasts(self);
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
            let next = episode.of_a_day(self, finding.series, today, count);
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
            self.learn(day, EPISODE_WEIGHT);
        }
        self.rises = [Rise::default(); N];
    }

    /// A rise lasts: the level of its latest days is what is expected from now on, known as well as they tell it.
    fn start_afresh(&mut self, episode: &Episode<N>) {
        let learnt = episode.days.len().saturating_sub(self.waiting.len() + 1);
        let level = &episode.days[learnt.saturating_sub(LEVEL_DAYS)..learnt];
        let exposure = level.iter().map(|day| self.exposure(day)).sum::<f64>();
        for (series, rate) in self.rates.iter_mut().enumerate() {
            rate.start_afresh(level.iter().map(|day| day.counts[series]).sum::<u64>() as f64, exposure);
        }
        self.rises = [Rise::default(); N];
        self.waiting.iter_mut().for_each(|(_, weight)| *weight = 1.0);
    }

    fn learn(&mut self, day: &Observation<N>, weight: f64) {
        let exposure = self.exposure(day);
        let average = self.rates[0].mean(day.exposed as f64);
        self.pattern.learn(day.kind, day.counts[0] as f64, average, weight);
        for (rate, count) in self.rates.iter_mut().zip(day.counts) {
            rate.learn(count as f64, exposure, weight);
        }
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
