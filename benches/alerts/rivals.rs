//! The usual rules, each with the number it is usually given, and with the one that meets a budget.

use mrrd::alerts::detector::Observation;

/// What is usually watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rival {
    /// This week's churn against last week's.
    WeekOnWeek,
    /// Today's churn against mean and standard deviation of the 28 days before.
    MeanSd,
    /// Today's churn against median and median absolute deviation of the 28 days before.
    MedianMad,
    /// Customers lost in 30 days over customers.
    Fixed,
}

impl Rival {
    pub const ALL: [Self; 4] = [Self::WeekOnWeek, Self::MeanSd, Self::MedianMad, Self::Fixed];

    pub fn name(self) -> &'static str {
        match self {
            Self::WeekOnWeek => "week on week +20 %",
            Self::MeanSd => "mean + 3 sd",
            Self::MedianMad => "median + 3.5 MAD",
            Self::Fixed => "3 % a month",
        }
    }

    /// Where it usually fires.
    pub fn usual(self) -> f64 {
        match self {
            Self::WeekOnWeek => 1.2,
            Self::MeanSd => 3.0,
            Self::MedianMad => 3.5,
            Self::Fixed => 0.03,
        }
    }

    /// How far today stands out, by its own measure; needs 30 days.
    pub fn level(self, days: &[Observation<3>]) -> f64 {
        let count = |day: &Observation<3>| day.counts[0] as f64;
        let (before, today) = days.split_at(days.len() - 1);
        let (Some(today), true) = (today.first(), before.len() >= 29) else { return 0.0 };
        let month = &before[before.len() - 28..];
        match self {
            Self::WeekOnWeek => {
                let week = &days[days.len() - 7..];
                let last = &days[days.len() - 14..days.len() - 7];
                week.iter().map(count).sum::<f64>() / last.iter().map(count).sum::<f64>().max(1.0)
            }
            Self::MeanSd => {
                let mean = month.iter().map(count).sum::<f64>() / 28.0;
                let variance = month.iter().map(|day| (count(day) - mean).powi(2)).sum::<f64>() / 27.0;
                // A month without spread: one churn is taken for it, or the rule would fire on everything.
                (count(today) - mean) / variance.sqrt().max(0.5)
            }
            Self::MedianMad => {
                let middle = median(month.iter().map(count).collect());
                let spread = median(month.iter().map(|day| (count(day) - middle).abs()).collect());
                (count(today) - middle) / (1.4826 * spread).max(0.5)
            }
            Self::Fixed => days[days.len() - 30..].iter().map(count).sum::<f64>() / today.exposed.max(1) as f64,
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2])
}

/// The days on which an alert opens: as the detector's, it stays open until five days are calm.
pub fn episodes(levels: &[f64], threshold: f64) -> Vec<usize> {
    let (mut opened, mut calm) = (Vec::new(), 5);
    for (day, level) in levels.iter().enumerate() {
        if *level > threshold {
            if calm >= 5 {
                opened.push(day);
            }
            calm = 0;
        } else {
            calm += 1;
        }
    }
    opened
}

/// The least threshold whose false alerts over all these years are within the budget.
pub fn threshold(years: &[Vec<f64>], budget: f64) -> f64 {
    let mut candidates: Vec<f64> = years.iter().flatten().copied().collect();
    candidates.sort_by(f64::total_cmp);
    candidates.dedup();
    // More alerts below, fewer above: not strictly (a low threshold is one long alert), so from the top down.
    let alerts = |threshold: f64| {
        years.iter().map(|year| episodes(year, threshold).len()).sum::<usize>() as f64 / years.len() as f64
    };
    let (mut within, mut step) = (candidates.len() - 1, candidates.len() / 2);
    while step > 0 {
        while within >= step && alerts(candidates[within - step]) <= budget && candidates[within - step] > 0.0 {
            // A threshold so low that everything is one alert isn't within the budget: it must fire on few days.
            let firing = years.iter().flatten().filter(|level| **level > candidates[within - step]).count();
            if firing * 10 > years.iter().map(Vec::len).sum::<usize>() {
                break;
            }
            within -= step;
        }
        step /= 2;
    }
    candidates[within]
}
