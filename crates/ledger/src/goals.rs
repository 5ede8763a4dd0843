//! How far a goal has come (rule `goals`): what it began at, what is due by now, and what is needed from here on.

use std::{fmt, str::FromStr};

use serde::Serialize;
use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::{money::Decimal, time::Day};

/// What a goal is set on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, EnumString, IntoStaticStr, VariantArray)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum GoalMetric {
    /// MRR at the end of a day.
    Mrr,
    /// Twelve times the MRR.
    Arr,
    /// Paying customers at the end of a day.
    Customers,
    /// NRR of the trailing twelve months.
    Nrr,
    /// GRR of the trailing twelve months.
    Grr,
    /// New MRR since the goal began.
    New,
    /// Expansion since the goal began.
    Expansion,
    /// Reactivation since the goal began.
    Reactivation,
    /// Contraction since the goal began, as a positive amount: a ceiling.
    Contraction,
    /// Churned MRR since the goal began, as a positive amount: a ceiling.
    Churn,
}

/// What the figures of a goal are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum GoalUnit {
    /// Minor units of the goal's currency.
    Minor,
    /// A number of customers.
    Customers,
    /// A share, where 1 is the whole.
    Share,
}

impl GoalMetric {
    /// Every one, in the order of the documents.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The metric of this word; `None` where there is none.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    /// Its word in API and configuration.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// In which unit its figures are.
    pub fn unit(self) -> GoalUnit {
        match self {
            Self::Customers => GoalUnit::Customers,
            Self::Nrr | Self::Grr => GoalUnit::Share,
            _ => GoalUnit::Minor,
        }
    }

    /// Whether it is summed from the goal's first day, and not looked at at the end of one.
    pub fn is_sum(self) -> bool {
        matches!(self, Self::New | Self::Expansion | Self::Reactivation | Self::Contraction | Self::Churn)
    }

    /// Whether its target is kept within, and not reached.
    pub fn is_ceiling(self) -> bool {
        matches!(self, Self::Contraction | Self::Churn)
    }
}

/// A figure of a goal in millionths of its unit, as the ledger keeps amounts: exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millionths(pub i128);

impl Millionths {
    /// One, in millionths.
    pub const ONE: i128 = 1_000_000;

    /// So many wholes; `None` beyond what fits.
    pub fn whole(count: i128) -> Option<Self> {
        count.checked_mul(Self::ONE).map(Self)
    }
}

impl fmt::Display for Millionths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.checked_mul(Self::ONE) {
            Some(units) => fmt::Display::fmt(&Decimal::from_units(units), f),
            // Beyond a Decimal's range nothing stands behind the point that matters.
            None => write!(f, "{}", self.0 / Self::ONE),
        }
    }
}

impl FromStr for Millionths {
    type Err = &'static str;

    /// A decimal with at most six places.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let units = text.parse::<Decimal>().map_err(|_| "it is not a number such as 50000 or 0.95")?.units();
        if units % Self::ONE != 0 {
            return Err("it has more than six places");
        }
        Ok(Self(units / Self::ONE))
    }
}

/// What a goal promises, by when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The figure that is promised.
    pub metric: GoalMetric,
    /// What it is to come to.
    pub target: Millionths,
    /// The first day that counts.
    pub first: Day,
    /// The day at whose end it is due, not before the first.
    pub last: Day,
}

/// How a goal stands on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum GoalState {
    /// Its first day hasn't come.
    NotBegun,
    /// As far as is due by now, or further.
    OnPace,
    /// Less far than is due by now.
    Behind,
    /// Its target is reached; of a ceiling: its last day is over, and it was kept.
    Met,
    /// Its last day is over and the target wasn't reached; of a ceiling: it is broken.
    Missed,
}

impl GoalState {
    /// Its word in API and configuration.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A running or finished goal's arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Its days in all, the first and the last among them.
    pub days: i128,
    /// Of these how many are over.
    pub days_over: i128,
    /// It began at its target or beyond: there was no way to go, only something to keep.
    pub met_at_start: bool,
    /// What is due at the end of the last day that is over, half-even; of a ceiling what is allowed up to the end of today;
    /// `None` where it was met at its start.
    pub due: Option<Millionths>,
    /// (now − start) ÷ (target − start), half-even; `None` where it was met at its start.
    pub progress: Option<Millionths>,
    /// (target − now) ÷ the days that are left, half-even; `None` where none are left or nothing is needed.
    pub needed_a_day: Option<Millionths>,
    /// How the goal stands on that day.
    pub state: GoalState,
}

impl Terms {
    /// How many days it has, and how many of them are over by the beginning of `today`.
    fn days(&self, today: Day) -> (i128, i128) {
        let between = |from: Day, to: Day| i128::from(from.0.until(to.0).map_or(0, |span| span.get_days()));
        let days = between(self.first, self.last) + 1;
        (days, between(self.first, today).clamp(0, days))
    }

    /// From what it began at to what it has come to; `today` isn't over. `None` where an amount is beyond what fits.
    pub fn pace(&self, start: Millionths, now: Millionths, today: Day) -> Option<Pace> {
        let (days, days_over) = self.days(today);
        let way = self.target.0.checked_sub(start.0)?;
        let gone = now.0.checked_sub(start.0)?;
        // What is lost today is of today: it needs today's share of the room.
        let days_due = if self.metric.is_ceiling() { (days_over + 1).min(days) } else { days_over };
        // Nobody told a direction: what isn't a ceiling is to be at least its target.
        let met_at_start = !self.metric.is_ceiling() && way <= 0;
        let due = match met_at_start {
            true => None,
            false => Some(Millionths(start.0.checked_add(quotient(way.checked_mul(days_due)?, days)?)?)),
        };
        let progress = match way {
            0 => None,
            _ if met_at_start => None,
            _ => Some(Millionths(quotient(gone.checked_mul(Millionths::ONE)?, way)?)),
        };
        // As products, so that no rounding decides: gone ÷ way against the days that are due ÷ days.
        let (gone_days, way_days) = (gone.checked_mul(days)?, way.checked_mul(days_due)?);
        let is_over = today > self.last;
        let (reached, as_far) = match self.metric.is_ceiling() {
            true => (now <= self.target, gone_days <= way_days),
            false => (now >= self.target, !met_at_start && gone_days >= way_days),
        };
        let state = match (self.metric.is_ceiling(), reached, is_over) {
            _ if today < self.first => GoalState::NotBegun,
            (true, false, _) | (false, false, true) => GoalState::Missed,
            (true, true, true) | (false, true, _) => GoalState::Met,
            _ if as_far => GoalState::OnPace,
            _ => GoalState::Behind,
        };
        let left = days - days_over;
        let needs = !matches!(state, GoalState::Met | GoalState::Missed) && left > 0 && !self.metric.is_ceiling();
        let needed_a_day = match needs {
            true => Some(Millionths(quotient(self.target.0.checked_sub(now.0)?, left)?)),
            false => None,
        };
        Some(Pace { days, days_over, met_at_start, due, progress, needed_a_day, state })
    }
}

/// Half-even; `None` for a division by 0.
fn quotient(above: i128, below: i128) -> Option<i128> {
    if below == 0 {
        return None;
    }
    let (whole, rest) = (above.div_euclid(below), above.rem_euclid(below));
    let twice = rest.checked_mul(2)?;
    let up = match twice.cmp(&below.abs()) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => whole.rem_euclid(2) == 1,
    };
    let step = if below < 0 { -1 } else { 1 };
    whole.checked_add(if up { step } else { 0 })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn of(metric: GoalMetric, target: i128) -> Terms {
        Terms { metric, target: Millionths::whole(target).unwrap(), first: day("2026-01-01"), last: day("2026-01-10") }
    }

    fn told(terms: Terms, start: i128, now: i128, today: &str) -> (GoalState, String, String) {
        let pace = terms.pace(Millionths::whole(start).unwrap(), Millionths::whole(now).unwrap(), day(today)).unwrap();
        let needed = pace.needed_a_day.map_or_else(|| "-".into(), |needed| needed.to_string());
        (pace.state, pace.due.map_or_else(|| "-".into(), |due| due.to_string()), needed)
    }

    /// Rule `goals`: what is due grows by the day, what is met at its start is only to be kept, and a ceiling is kept and not
    /// reached.
    #[test]
    fn a_goal_is_held_against_the_days_that_are_over() {
        let mrr = of(GoalMetric::Mrr, 2000);
        let is = |state, due: &str, needed: &str| (state, due.to_owned(), needed.to_owned());
        assert_eq!(told(mrr, 1000, 1000, "2025-12-31"), is(GoalState::NotBegun, "1000", "100"));
        assert_eq!(told(mrr, 1000, 1000, "2026-01-01"), is(GoalState::OnPace, "1000", "100"));
        assert_eq!(told(mrr, 1000, 1399, "2026-01-05"), is(GoalState::Behind, "1400", "100.166667"));
        assert_eq!(told(mrr, 1000, 1400, "2026-01-05"), is(GoalState::OnPace, "1400", "100"));
        assert_eq!(told(mrr, 1000, 2000, "2026-01-05"), is(GoalState::Met, "1400", "-"));
        assert_eq!(told(mrr, 1000, 1999, "2026-01-11"), is(GoalState::Missed, "2000", "-"));
        // A target that the start has passed already is no wish to shrink: it is met, without a pace, for as long as it holds.
        for start in [2000, 2500] {
            assert_eq!(told(mrr, start, 2480, "2026-01-05"), is(GoalState::Met, "-", "-"));
            assert_eq!(told(mrr, start, 2000, "2026-01-11"), is(GoalState::Met, "-", "-"));
            assert_eq!(told(mrr, start, 1940, "2026-01-05"), is(GoalState::Behind, "-", "10"));
            assert_eq!(told(mrr, start, 1999, "2026-01-11"), is(GoalState::Missed, "-", "-"));
        }
        let ceiling = of(GoalMetric::Churn, 100);
        assert_eq!(told(ceiling, 0, 10, "2026-01-01"), is(GoalState::OnPace, "10", "-"));
        assert_eq!(told(ceiling, 0, 11, "2026-01-01"), is(GoalState::Behind, "10", "-"));
        assert_eq!(told(ceiling, 0, 100, "2026-01-10"), is(GoalState::OnPace, "100", "-"));
        assert_eq!(told(ceiling, 0, 101, "2026-01-02"), is(GoalState::Missed, "20", "-"));
        assert_eq!(told(ceiling, 0, 100, "2026-01-11"), is(GoalState::Met, "100", "-"));
        let there = mrr.pace(Millionths::whole(2000).unwrap(), Millionths::whole(1900).unwrap(), day("2026-01-03"));
        assert_eq!(there.map(|pace| (pace.progress, pace.state)), Some((None, GoalState::Behind)));
    }

    proptest! {
        /// Rule `goals`: whoever brings what is needed each day meets the target, but for rounding; and a figure survives its text.
        #[test]
        fn what_is_needed_a_day_is_enough(start in -10_i128.pow(12)..10_i128.pow(12), target in -10_i128.pow(12)..10_i128.pow(12),
            now in -10_i128.pow(12)..10_i128.pow(12), over in 0_i64..10) {
            let terms = Terms { target: Millionths(target), ..of(GoalMetric::Mrr, 0) };
            let today = Day(terms.first.0.checked_add(jiff::Span::new().days(over)).unwrap());
            let pace = terms.pace(Millionths(start), Millionths(now), today).unwrap();
            if let Some(needed) = pace.needed_a_day {
                let left = pace.days - pace.days_over;
                prop_assert!((now + needed.0 * left - target).abs() * 2 <= left);
            }
            if let Some(due) = pace.due {
                prop_assert_eq!(due.to_string().parse(), Ok(due));
            }
        }
    }
}
