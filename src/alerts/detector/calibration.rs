//! What the tests' own chances come to in alerts a year: measured, not assumed.
//!
//! Windows overlap, three tests look at the same days, rates and spreads are estimates: a chance of one in a thousand a
//! day isn't 0.365 alerts a year. The table holds what one series brings over simulated accounts on which nothing
//! happens; `make calibrate-alerts` measures it anew and prints it.

/// Expected counts of seven days that were measured.
pub const WEEKS: [f64; 8] = [2.1, 3.0, 5.0, 7.0, 12.0, 21.0, 70.0, 210.0];

/// The tests' own chances a day that were measured, as powers of ten.
pub const POWERS: [f64; 7] = [-1.5, -2.0, -2.5, -3.0, -3.5, -4.0, -4.5];

/// Alerts a year, by week and power.
const ALERTS: [[f64; 7]; 8] = [
    [5.5417, 1.9875, 0.6667, 0.2375, 0.0833, 0.0167, 0.0083],
    [14.2917, 5.7125, 2.0000, 0.6917, 0.2625, 0.1000, 0.0375],
    [16.0375, 6.2250, 1.9667, 0.5958, 0.2250, 0.0625, 0.0250],
    [16.4083, 5.9833, 1.7583, 0.5417, 0.1458, 0.0417, 0.0125],
    [16.1917, 5.9708, 1.7708, 0.5375, 0.1750, 0.0375, 0.0125],
    [17.4708, 7.0375, 2.3500, 0.6458, 0.2625, 0.1000, 0.0250],
    [17.7167, 7.2792, 2.3542, 0.8208, 0.2583, 0.0875, 0.0250],
    [17.8250, 7.3417, 2.5125, 0.8375, 0.2542, 0.0958, 0.0458],
];

/// Alerts a year that one series with this expected week brings when it raises at this chance.
pub(super) fn alerts_a_year(week: f64, chance: f64) -> f64 {
    let power = chance.max(1e-300).log10();
    let (low, share) = place(&WEEKS.map(f64::ln), week.max(1e-9).ln());
    let at = |row: usize| along(&ALERTS[row], power);
    let (below, above) = (at(low), at(low + 1));
    (below + (above - below) * share.clamp(0.0, 1.0)).exp()
}

/// ln alerts a year in one row; straight on beyond both ends, where each power of ten brings a tenth.
fn along(row: &[f64; 7], power: f64) -> f64 {
    let ascending = POWERS.map(|power| -power);
    let (low, share) = place(&ascending, -power);
    let (first, second) = (row[low].ln(), row[low + 1].ln());
    let inside = first + (second - first) * share.clamp(0.0, 1.0);
    let beyond = (share - share.clamp(0.0, 1.0)) * (ascending[low + 1] - ascending[low]);
    inside - beyond * std::f64::consts::LN_10
}

/// Between which two of ascending `points` a value lies, and how far along: outside 0..1 beyond the ends.
fn place(points: &[f64], value: f64) -> (usize, f64) {
    let low = points.iter().skip(1).take(points.len() - 2).filter(|point| **point <= value).count();
    (low, (value - points[low]) / (points[low + 1] - points[low]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rarer_is_rarer_everywhere() {
        for week in [2.0, 2.5, 4.0, 7.0, 10.0, 50.0, 300.0, 1e6] {
            let rates: Vec<f64> =
                (0..90).map(|step| alerts_a_year(week, 10_f64.powf(-0.1 * f64::from(step)))).collect();
            assert!(rates.windows(2).all(|pair| pair[1] <= pair[0] && pair[1] > 0.0), "week {week}: {rates:?}");
        }
    }

    #[test]
    fn measured_points_are_met() {
        for (week, row) in WEEKS.iter().zip(ALERTS) {
            for (power, alerts) in POWERS.iter().zip(row) {
                assert!((alerts_a_year(*week, 10_f64.powf(*power)) / alerts - 1.0).abs() < 1e-6);
            }
        }
    }
}
