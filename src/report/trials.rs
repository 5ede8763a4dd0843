//! Trials that ended, counted by day: what metrics and cohorts read of them (rule `trial-churn`).

use std::{
    collections::{BTreeMap, btree_map::Entry},
    ops::RangeInclusive,
};

use crate::{
    ledger::{
        outcome::Trial,
        time::{Day, Zone},
    },
    store::derived::reports::TrialTimes,
};

/// On which day a trial became paid, and on which it began.
type Course = (Option<Day>, Day);

/// How many trials ended on each day, by their course.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrialDays(BTreeMap<Day, BTreeMap<Course, u64>>);

impl TrialDays {
    /// Of these trials, as they stand.
    pub fn of<'t>(trials: impl IntoIterator<Item = &'t Trial>, zone: &Zone) -> Self {
        let mut days = Self::default();
        trials.into_iter().for_each(|trial| days.add(&trial.into(), zone));
        days
    }

    /// One more.
    pub(super) fn add(&mut self, TrialTimes { started_at, ended_at, converted_at }: &TrialTimes, zone: &Zone) {
        let course = (converted_at.map(|at| zone.day(at)), zone.day(*started_at));
        *self.0.entry(zone.day(*ended_at)).or_default().entry(course).or_default() += 1;
    }

    /// These as well.
    pub(super) fn put(&mut self, others: Self) {
        for (ended, courses) in others.0 {
            let all = self.0.entry(ended).or_default();
            courses.into_iter().for_each(|(course, count)| *all.entry(course).or_default() += count);
        }
    }

    /// Without these; `None` where they aren't among them.
    pub(super) fn without(mut self, others: &Self) -> Option<Self> {
        for (ended, courses) in &others.0 {
            let Entry::Occupied(mut all) = self.0.entry(*ended) else { return None };
            for (course, count) in courses {
                let Entry::Occupied(mut left) = all.get_mut().entry(*course) else { return None };
                *left.get_mut() = left.get().checked_sub(*count)?;
                if *left.get() == 0 {
                    left.remove();
                }
            }
            if all.get().is_empty() {
                all.remove();
            }
        }
        Some(self)
    }

    /// Of the trials that ended on these days, how many had become paid by the last of them, and how many there are.
    pub(super) fn converted(&self, days: RangeInclusive<Day>) -> (u64, u64) {
        let last = *days.end();
        let by_then = |converted: &Option<Day>| converted.is_some_and(|on| on <= last);
        self.within(days).fold((0, 0), |(converted, ended), ((on, _), count)| {
            (converted + if by_then(on) { count } else { 0 }, ended + count)
        })
    }

    /// Trials that ended on these days and never became paid.
    pub(super) fn lost(&self, days: RangeInclusive<Day>) -> u64 {
        self.within(days).filter(|((on, _), _)| on.is_none()).map(|(_, count)| count).sum()
    }

    /// On which day trials began, whether they became paid, and how many they are.
    pub(super) fn began(&self) -> impl Iterator<Item = (Day, bool, u64)> {
        self.0.values().flatten().map(|((converted, started), count)| (*started, converted.is_some(), *count))
    }

    fn within(&self, days: RangeInclusive<Day>) -> impl Iterator<Item = (&Course, u64)> {
        // Of a period that lies ahead of today no day is left.
        let some = (days.start() <= days.end()).then(|| self.0.range(days));
        some.into_iter().flatten().flat_map(|(_, courses)| courses).map(|(course, count)| (course, *count))
    }
}

impl From<&Trial> for TrialTimes {
    fn from(trial: &Trial) -> Self {
        Self { started_at: trial.started_at, ended_at: trial.ended_at, converted_at: trial.converted_at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::time::UnixTime;

    fn trial(started: i64, ended: i64, converted: Option<i64>) -> Trial {
        let at = |day: i64| UnixTime(day * UnixTime::DAY_SECONDS + 1);
        Trial {
            subscription: "sub_1".into(),
            started_at: at(started),
            ended_at: at(ended),
            converted_at: converted.map(at),
        }
    }

    fn day(number: i64) -> Day {
        Zone::UTC.day(UnixTime(number * UnixTime::DAY_SECONDS))
    }

    #[test]
    fn trials_count_on_the_days_they_end_on() {
        let trials = [trial(1, 5, Some(5)), trial(1, 5, Some(9)), trial(2, 6, None), trial(2, 8, Some(8))];
        let days = TrialDays::of(&trials, &Zone::UTC);
        assert_eq!(days.converted(day(5)..=day(6)), (1, 3), "one pays later");
        assert_eq!(days.converted(day(5)..=day(9)), (3, 4));
        assert_eq!(days.lost(day(1)..=day(6)), 1);
        assert_eq!((days.lost(day(7)..=day(9)), days.lost(day(9)..=day(7))), (0, 0));
        let began: Vec<_> = days.began().filter(|(on, ..)| *on == day(2)).collect();
        assert_eq!(began, [(day(2), false, 1), (day(2), true, 1)]);
    }

    #[test]
    fn trials_are_exchanged_only_where_they_are() {
        let trials = [trial(1, 5, Some(5)), trial(1, 5, Some(5)), trial(2, 6, None)];
        let days = TrialDays::of(&trials, &Zone::UTC);
        let mut left = days.clone().without(&TrialDays::of(&trials[1..], &Zone::UTC)).unwrap();
        assert_eq!(left, TrialDays::of(&trials[..1], &Zone::UTC));
        assert_eq!(left.clone().without(&days), None);
        left.put(TrialDays::of(&trials[1..], &Zone::UTC));
        assert_eq!(left, days);
    }
}
