//! An account with known truth: negative-binomial churn, growth, weekday and month-end patterns, injected rises.

use mrrd::alerts::detector::{DayKind, Observation, Turn};

/// A small generator of its own (SplitMix64): the same seed gives the same table on every machine.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Marsaglia and Tsang's method.
    fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            let boost = (1.0 - self.unit()).powf(1.0 / shape);
            return self.gamma(shape + 1.0) * boost;
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && (1.0 - self.unit()).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }

    fn poisson(&mut self, mean: f64) -> u64 {
        let (mut left, mut count) = (mean, 0);
        // In pieces, so that exp(-mean) stays a number.
        while left > 0.0 {
            let piece = left.min(30.0);
            left -= piece;
            let (limit, mut product) = ((-piece).exp(), self.unit());
            while product > limit {
                count += 1;
                product *= self.unit();
            }
        }
        count
    }

    /// mean and variance = mean + dispersion × mean².
    pub fn negative_binomial(&mut self, mean: f64, dispersion: f64) -> u64 {
        if dispersion <= 0.0 {
            return self.poisson(mean);
        }
        let share = self.gamma(1.0 / dispersion) * dispersion;
        self.poisson(mean * share)
    }
}

/// How days differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    Even,
    Weekdays,
    MonthEnd,
}

impl Pattern {
    pub const ALL: [Self; 3] = [Self::Even, Self::Weekdays, Self::MonthEnd];

    pub fn name(self) -> &'static str {
        match self {
            Self::Even => "even",
            Self::Weekdays => "weekdays",
            Self::MonthEnd => "month end",
        }
    }

    fn factor(self, kind: DayKind) -> f64 {
        match self {
            Self::Even => 1.0,
            Self::Weekdays if kind.weekday >= 5 => 0.5,
            Self::Weekdays => 1.2,
            // Three times as many on the last day.
            Self::MonthEnd if kind.turn == Turn::Last => 3.0 / (1.0 + 2.0 / 30.44),
            Self::MonthEnd => 1.0 / (1.0 + 2.0 / 30.44),
        }
    }
}

/// What is true of an account.
#[derive(Clone, Copy, Debug)]
pub struct Truth {
    /// Churns a day on an average day, when the judged year is half over.
    pub rate: f64,
    /// Growth of customers in a month of 30 days.
    pub growth: f64,
    /// variance = mean + dispersion × mean².
    pub dispersion: f64,
    /// How days differ.
    pub pattern: Pattern,
}

/// An average customer leaves after 33 months.
const HAZARD: f64 = 0.03 / 30.0;

/// Days an account has lived before it is judged.
pub const BEFORE: usize = 365;
/// Days it is judged.
pub const JUDGED: usize = 365;

impl Truth {
    /// Each truth has accounts of its own.
    pub fn seed(&self) -> u64 {
        let parts = [self.rate, self.growth, self.dispersion].map(f64::to_bits);
        let mixed = parts.into_iter().fold(self.pattern as u64, |seed, part| Random::new(seed ^ part).next());
        Random::new(mixed).next()
    }

    /// Day `day` of the account's life, with `rise` times its usual churn.
    pub fn day(&self, day: usize, rise: f64, random: &mut Random) -> Observation<3> {
        let months = (day as f64 - (BEFORE + JUDGED / 2) as f64) / 30.0;
        let exposed = (self.rate / HAZARD * (1.0 + self.growth).powf(months)).round().max(1.0);
        let kind = kind(day);
        let mean = exposed * HAZARD * self.pattern.factor(kind) * rise;
        let all = random.negative_binomial(mean, self.dispersion);
        let mut counts = [all, 0, 0];
        for _ in 0..all {
            // Of ten, three fail to pay, five ask, two leave no evidence.
            match random.unit() {
                u if u < 0.3 => counts[1] += 1,
                u if u < 0.8 => counts[2] += 1,
                _ => {}
            }
        }
        Observation { kind, exposed: exposed as u64, counts }
    }
}

/// A calendar of months of 30 and 31 days: what matters is their turn.
fn kind(day: usize) -> DayKind {
    let in_two_months = day % 61;
    let turn = match in_two_months {
        0 | 31 => Turn::First,
        30 | 60 => Turn::Last,
        _ => Turn::Within,
    };
    DayKind { weekday: (day % 7) as u8, turn }
}
