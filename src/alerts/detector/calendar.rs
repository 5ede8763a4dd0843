//! Weekdays and the turn of the month: how a day's share differs, as far as the account has shown it.

/// What of a day's date matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayKind {
    /// 0 Monday to 6 Sunday.
    pub weekday: u8,
    /// Whether it begins or ends a month.
    pub turn: Turn,
}

/// Where in the month a day lies: many subscriptions end with it or on its first day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The first day of a month.
    First,
    /// The last day of a month.
    Last,
    /// Any other day of the month.
    Within,
}

/// Forgets half in so many days: a pattern shows more slowly than a rate.
const HALF_LIFE: f64 = 240.0;

/// Churns that say "as every other day" before an account's own pattern is believed.
const EVEN: f64 = 6.0;

#[derive(Clone, Copy, Debug, Default)]
struct Share {
    seen: f64,
    expected: f64,
}

impl Share {
    fn factor(self) -> f64 {
        (self.seen + EVEN) / (self.expected + EVEN)
    }

    fn learn(&mut self, seen: f64, expected: f64) {
        self.seen += seen;
        self.expected += expected;
    }
}

/// How an account's counts differ by day of week and month.
#[derive(Clone, Debug, Default)]
pub(super) struct Pattern {
    weekdays: [Share; 7],
    turns: [Share; 3],
}

impl Pattern {
    /// This kind of day over an average one.
    pub(super) fn factor(&self, kind: DayKind) -> f64 {
        self.weekday(kind) / self.mean_weekday() * self.turns[slot(kind.turn)].factor()
    }

    fn weekday(&self, kind: DayKind) -> f64 {
        self.weekdays[usize::from(kind.weekday % 7)].factor()
    }

    fn mean_weekday(&self) -> f64 {
        self.weekdays.iter().map(|share| share.factor()).sum::<f64>() / 7.0
    }

    /// Takes a day in: `mean` is what was expected of an average day.
    pub(super) fn learn(&mut self, kind: DayKind, count: f64, mean: f64, weight: f64) {
        let keep = 0.5_f64.powf(1.0 / HALF_LIFE);
        let (weekday, turn) = (self.weekday(kind) / self.mean_weekday(), self.turns[slot(kind.turn)].factor());
        for share in self.weekdays.iter_mut().chain(&mut self.turns) {
            share.seen *= keep;
            share.expected *= keep;
        }
        // Each learns what the other doesn't explain.
        self.weekdays[usize::from(kind.weekday % 7)].learn(weight * count, weight * mean * turn);
        self.turns[slot(kind.turn)].learn(weight * count, weight * mean * weekday);
    }
}

fn slot(turn: Turn) -> usize {
    match turn {
        Turn::First => 0,
        Turn::Last => 1,
        Turn::Within => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_weekends_and_busy_month_ends_are_learnt() {
        let mut pattern = Pattern::default();
        let kind = |day: u32| DayKind {
            weekday: (day % 7) as u8,
            turn: if day % 30 == 29 { Turn::Last } else { Turn::Within },
        };
        for day in 0..400 {
            let count = if day % 7 >= 5 { 1.0 } else { 4.0 } * if day % 30 == 29 { 3.0 } else { 1.0 };
            pattern.learn(kind(day), count, 3.3, 1.0);
        }
        let monday = DayKind { weekday: 0, turn: Turn::Within };
        let sunday = DayKind { weekday: 6, turn: Turn::Within };
        let last = DayKind { weekday: 0, turn: Turn::Last };
        assert!(pattern.factor(monday) > 2.5 * pattern.factor(sunday));
        assert!(pattern.factor(last) > 1.8 * pattern.factor(monday));
    }
}
