//! One series' rate and spread: gamma–Poisson with forgetting, and dispersion by moments.

/// A day still counts half after so many days.
const HALF_LIFE: f64 = 60.0;

/// Spread shows more slowly than a rate: half in so many days.
const SPREAD_HALF_LIFE: f64 = 180.0;

/// The prior: 3 % of customers a month, worth one churn. The first weeks of an account outweigh it.
const PRIOR_RATE: f64 = 0.03 / 30.0;

/// Standard errors of the spread that are added to it: too little spread cries wolf, and an estimate is as often too low.
const DOUBT: f64 = 0.7;

/// Days that say "as Poisson" before an account's own spread is believed.
const POISSON_DAYS: f64 = 10.0;

/// What is known of one series.
#[derive(Clone, Debug)]
pub(super) struct Rate {
    /// Gamma shape: churns seen, forgotten with time.
    shape: f64,
    /// Gamma rate: customer-days seen, forgotten with time.
    exposure: f64,
    /// Σ of squared error less the mean: what Poisson doesn't explain.
    excess: f64,
    /// Σ of squared means.
    squares: f64,
    /// Days seen, forgotten with time.
    days: f64,
}

impl Rate {
    pub(super) fn prior() -> Self {
        Self { shape: 1.0, exposure: 1.0 / PRIOR_RATE, excess: 0.0, squares: 0.0, days: 0.0 }
    }

    /// Expected count for so many customer-days (weekday and month's turn already in them).
    pub(super) fn mean(&self, exposure: f64) -> f64 {
        self.shape / self.exposure * exposure
    }

    /// Variance of a window's count over its days' means: Poisson, the account's own spread, and the doubt about the rate.
    pub(super) fn variance(&self, means: impl Iterator<Item = f64>) -> f64 {
        let dispersion = self.dispersion();
        let (sum, own) = means.fold((0.0, 0.0), |(sum, own), mean| (sum + mean, own + mean + dispersion * mean * mean));
        own + sum * sum / self.shape
    }

    /// Forgets the level for one that so many churns of so many customer-days tell. The spread is relative to it and stays.
    pub(super) fn start_afresh(&mut self, count: f64, exposure: f64) {
        if exposure > 0.0 {
            (self.shape, self.exposure) = (count.max(0.5), exposure);
        }
    }

    /// Churns that the rate rests on.
    pub(super) fn known(&self) -> f64 {
        self.shape
    }

    /// Of one day, the doubt about the rate apart.
    pub(super) fn daily_variance(&self, mean: f64) -> f64 {
        mean + self.dispersion() * mean * mean
    }

    /// Skewness of one day's count.
    pub(super) fn skewness(&self, mean: f64) -> f64 {
        let spread = self.dispersion() * mean;
        (1.0 + 2.0 * spread) / (mean * (1.0 + spread)).max(1e-6).sqrt()
    }

    /// variance = mean + dispersion × mean²; never under Poisson.
    pub(super) fn dispersion(&self) -> f64 {
        if self.squares <= 0.0 {
            return 0.0;
        }
        let days = self.days.max(1.0);
        let found = (self.excess / self.squares).max(0.0);
        // The standard error of the estimate, were the counts Poisson, and the share it grows by with the spread.
        let error = (2.0 / days).sqrt() * (found + (days / self.squares).sqrt());
        (found + DOUBT * error) * days / (days + POISSON_DAYS)
    }

    /// Takes a day in; `weight` under 1 is for days inside an episode.
    pub(super) fn learn(&mut self, count: f64, exposure: f64, weight: f64) {
        let keep = 0.5_f64.powf(1.0 / HALF_LIFE);
        let slow = 0.5_f64.powf(1.0 / SPREAD_HALF_LIFE);
        let mean = self.mean(exposure);
        // The spread is measured around a rate that is itself in doubt; that share of the error isn't the account's.
        let error = count - mean;
        let doubt = mean * mean / self.shape;
        self.excess = self.excess * slow + weight * (error * error - mean - doubt);
        self.squares = self.squares * slow + weight * mean * mean;
        self.days = self.days * slow + weight;
        self.shape = self.shape * keep + weight * count;
        self.exposure = self.exposure * keep + weight * exposure;
        // Never surer than a churn's worth of knowledge allows: a quiet account keeps its doubt.
        if self.shape < 0.5 {
            self.shape = 0.5;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_learnt_and_forgotten() {
        let mut rate = Rate::prior();
        (0..300).for_each(|_| rate.learn(3.0, 1000.0, 1.0));
        assert!((rate.mean(1000.0) - 3.0).abs() < 0.05);
        (0..60).for_each(|_| rate.learn(6.0, 1000.0, 1.0));
        assert!((rate.mean(1000.0) - 4.5).abs() < 0.1, "half-way after a half-life: {}", rate.mean(1000.0));
    }

    #[test]
    fn spread_is_never_under_poisson_and_found_where_it_is() {
        let mut even = Rate::prior();
        (0..300).for_each(|_| even.learn(3.0, 1000.0, 1.0));
        assert!((0.0..0.05).contains(&even.dispersion()), "{}", even.dispersion());
        let mut wild = Rate::prior();
        (0..300).for_each(|day| wild.learn(if day % 5 == 0 { 15.0 } else { 0.0 }, 1000.0, 1.0));
        // Variance 36 around 3: (36 − 3)/9.
        assert!((2.0..5.0).contains(&wild.dispersion()), "{}", wild.dispersion());
    }

    #[test]
    fn a_day_of_an_episode_teaches_less() {
        let mut rate = Rate::prior();
        (0..300).for_each(|_| rate.learn(3.0, 1000.0, 1.0));
        let mut told = rate.clone();
        rate.learn(30.0, 1000.0, 0.2);
        told.learn(30.0, 1000.0, 1.0);
        assert!(rate.mean(1000.0) < told.mean(1000.0));
    }
}
