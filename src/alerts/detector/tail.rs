//! How far out a count lies: the negative-binomial upper tail, and the run of a CUSUM.

/// The chance of more than `observed`, and half that of exactly it, where a negative binomial has this mean and
/// variance (a Poisson where the variance is no larger). Half of the count itself makes sparse counts comparable with
/// busy ones. A count that isn't above its mean is no evidence: 1.
pub(super) fn upper_tail(observed: u64, mean: f64, variance: f64) -> f64 {
    let count = observed as f64;
    if count <= mean || mean <= 0.0 {
        return 1.0;
    }
    // NB(r, q): variance = mean + mean²/r. As good as Poisson where the excess is a thousandth.
    let excess = (variance - mean).max(mean * 1e-3);
    let r = mean * mean / excess;
    let q = mean / (r + mean);
    let at = ln_gamma(count + r) - ln_gamma(r) - ln_gamma(count + 1.0) + r * (1.0 - q).ln() + count * q.ln();
    let mut term = at.exp();
    let mut sum = term / 2.0;
    let mut next = count;
    // Above the mean each term is a smaller share of the one before: the sum ends.
    while term > sum * 1e-9 && next < count + 1e5 {
        term *= (next + r) / (next + 1.0) * q;
        next += 1.0;
        sum += term;
    }
    sum.min(1.0)
}

/// Where nine counts of ten lie: "expected 2–6".
pub(super) fn range(mean: f64, variance: f64) -> (u64, u64) {
    let half = 1.645 * variance.max(mean).sqrt();
    let mut high = mean.max(0.0).ceil() as u64;
    while upper_tail(high, mean, variance) > 0.05 && high < u64::from(u32::MAX) {
        high += 1 + high / 64;
    }
    ((mean - half).max(0.0).ceil() as u64, high)
}

/// About how often a day, by chance, a one-sided CUSUM of standard residuals with this reference value and skewness is
/// first seen at `level`: Siegmund's approximation of its run length, with the exponent that skewness leaves
/// (E exp θ(z − k) = 1 to the third cumulant; 2k where there is none).
pub(super) fn cusum_rate(level: f64, reference: f64, skewness: f64) -> f64 {
    let theta = if skewness < 1e-6 {
        2.0 * reference
    } else {
        1.5 / skewness * ((1.0 + 8.0 / 3.0 * reference * skewness).sqrt() - 1.0)
    };
    let scaled = theta * (level + 1.166);
    (0.5 * theta * theta / (scaled.exp() - scaled - 1.0)).min(1.0)
}

/// ln Γ(x) for x > 0: Stirling's series, shifted up where it would be too coarse.
fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut shift) = (x, 0.0);
    while x < 8.0 {
        shift += x.ln();
        x += 1.0;
    }
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    let series = inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square / 1260.0));
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI).ln() + series - shift
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(value: f64, expected: f64) {
        assert!((value - expected).abs() < 1e-6 * expected.abs().max(1.0), "{value} is not {expected}");
    }

    #[test]
    fn tails_of_known_distributions() {
        // Poisson(2): P(Y > 5) + P(Y = 5)/2, by hand.
        let poisson = |k: i32| (-2.0_f64).exp() * 2.0_f64.powi(k) / (1..=k).map(f64::from).product::<f64>();
        let exact = 1.0 - (0..=5).map(poisson).sum::<f64>() + poisson(5) / 2.0;
        assert!((upper_tail(5, 2.0, 2.0) / exact - 1.0).abs() < 0.02);
        // A geometric with mean 1: P(Y = k) = 2^-(k+1).
        close(upper_tail(4, 1.0, 2.0), 1.0 / 32.0 + 1.0 / 64.0);
        // Far out on a busy account the sum neither underflows nor hangs.
        let far = upper_tail(1200, 1000.0, 1000.0);
        assert!(far > 0.0 && far < 1e-8, "{far}");
    }

    #[test]
    fn more_spread_is_less_surprising() {
        assert!(upper_tail(14, 4.0, 8.0) > upper_tail(14, 4.0, 4.0));
        assert_eq!(upper_tail(3, 4.0, 4.0), 1.0);
    }

    #[test]
    fn gamma_of_whole_numbers_is_a_factorial() {
        close(ln_gamma(1.0), 0.0);
        close(ln_gamma(5.0), 24.0_f64.ln());
        close(ln_gamma(0.5), std::f64::consts::PI.sqrt().ln());
    }
}
