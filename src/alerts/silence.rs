//! How long no event may come before that is news: from this account's own gaps, nights and weekends among them.
#![allow(clippy::float_arithmetic, reason = "seconds and chances; no money comes here")]

/// Fewer events than this tell nothing about gaps.
const LEAST_EVENTS: usize = 50;

/// Gaps of the last weeks are looked at.
const DAYS: i64 = 28;

/// However busy the account: a deploy or a hiccup of Stripe's is no news.
const LEAST_SECONDS: f64 = 900.0;

/// Beyond the longest gap seen, by this much.
const BEYOND_LONGEST: f64 = 1.25;

const YEAR_SECONDS: f64 = 365.25 * 86_400.0;

/// The silence, in seconds, that chance brings once a year: the longest tenth of the gaps is taken as exponential beyond
/// its least, and never less than the longest gap seen. `None` where too few events are known.
pub(super) fn limit(created: &mut Vec<i64>) -> Option<i64> {
    created.sort_unstable();
    let (first, last) = (*created.first()?, *created.last()?);
    created.retain(|at| *at >= last - DAYS * 86_400);
    let span = (last - first.max(last - DAYS * 86_400)) as f64;
    if created.len() < LEAST_EVENTS || span < 7.0 * 86_400.0 {
        return None;
    }
    let mut gaps: Vec<f64> = created.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
    gaps.sort_unstable_by(f64::total_cmp);
    let longest = *gaps.last()?;
    let tail = &gaps[gaps.len() * 9 / 10..];
    let (least, beyond) = (tail.first().copied()?, tail.len() as f64);
    let mean = tail.iter().map(|gap| gap - least).sum::<f64>() / beyond;
    let a_year = (beyond * YEAR_SECONDS / span).max(1.0);
    // The tail's mean is itself known from few gaps: the predictive tail is heavier than an exponential's.
    let reach = beyond * mean * (a_year.powf(1.0 / beyond) - 1.0);
    let limit = (least + reach).max(longest * BEYOND_LONGEST).max(LEAST_SECONDS);
    // A float of seconds within a few years.
    Some(limit as i64)
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng, rngs::StdRng};

    use super::*;

    /// Events a day at a rate, by the hour of the day.
    fn account(seed: u64, days: i64, rate: impl Fn(i64) -> f64) -> Vec<i64> {
        let mut random = StdRng::seed_from_u64(seed);
        let (mut created, mut at) = (Vec::new(), 0.0);
        let most = (0..24).map(&rate).fold(0.0, f64::max);
        while at < (days * 86_400) as f64 {
            at -= (1.0 - random.random::<f64>()).ln() * 86_400.0 / most;
            if random.random::<f64>() < rate(at as i64 / 3600 % 24) / most {
                created.push(at as i64);
            }
        }
        created
    }

    /// Gaps a year that are longer than the limit learnt from the weeks before them.
    fn false_alerts_a_year(rate: impl Fn(i64) -> f64 + Copy) -> f64 {
        let (mut alerts, mut days) = (0, 0);
        for seed in 0..40 {
            let created = account(seed, 28 + 90, rate);
            let (mut learnt, lived): (Vec<i64>, Vec<i64>) = created.iter().partition(|at| **at < 28 * 86_400);
            let limit = limit(&mut learnt).unwrap();
            alerts += lived.windows(2).filter(|pair| pair[1] - pair[0] > limit).count();
            days += 90;
        }
        alerts as f64 / (f64::from(days) / 365.25)
    }

    #[test]
    fn chance_brings_it_about_once_a_year_or_less() {
        for (what, a_year) in [
            ("even", false_alerts_a_year(|_| 200.0)),
            ("quiet nights", false_alerts_a_year(|hour| if (8..20).contains(&hour) { 200.0 } else { 4.0 })),
            ("few", false_alerts_a_year(|_| 6.0)),
        ] {
            assert!(a_year <= 2.0, "{what}: {a_year}");
        }
    }

    #[test]
    fn a_busy_account_is_missed_within_the_hour_and_a_small_one_is_not_judged() {
        let busy = limit(&mut account(1, 28, |_| 2000.0)).unwrap();
        assert!((900..3600).contains(&busy), "{busy}");
        assert_eq!(limit(&mut account(1, 28, |_| 1.0)), None);
        assert_eq!(limit(&mut (0..500).collect()), None);
    }
}
