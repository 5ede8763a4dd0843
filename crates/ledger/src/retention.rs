//! What each accounting day adds to the figures that look at customers one by one (rule `metrics`): who is kept, who is lost,
//! what a cohort still pays. Summed over customers and days they give those figures without a look at anybody.
//!
//! Each figure is a function of the day it is asked at. A customer's share in it changes only on days on which the customer
//! does, or so much later as the figure looks back (or earlier, as it looks ahead): those are the days told here.

use std::collections::BTreeMap;

use jiff::{ToSpan, civil::Date};

use super::{
    cohorts::Month,
    durability::{Expansion, Step, expansions},
    money::{Currency, Mrr},
    outcome::{Cause, CustomerLedger, Kind},
    time::{Day, UnixTime},
};

/// The days of Stripe's windows.
pub const WINDOW_DAYS: i32 = 30;
/// After how many days expansion is looked at again.
pub const DURABLE_DAYS: i32 = 90;
/// The months that retention over a year looks back.
pub const YEAR_MONTHS: i32 = 12;

/// The lengths of a period whose start retention is told against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// A month of the calendar.
    Month,
    /// Three calendar months from January.
    Quarter,
    /// A year of the calendar.
    Year,
}

impl Span {
    /// Every one, in the order of their figures.
    pub const ALL: [Self; 3] = [Self::Month, Self::Quarter, Self::Year];

    /// The first day of the one that holds `day`.
    pub fn first_day(self, day: Day) -> Day {
        let date = day.0;
        Day(match self {
            Self::Month => date.first_of_month(),
            Self::Quarter => Date::new(date.year(), (date.month() - 1) / 3 * 3 + 1, 1).unwrap_or(date),
            Self::Year => date.first_of_year(),
        })
    }
}

/// How many amounts a day has.
pub const AMOUNTS: usize = 12;
/// How many counts a day has.
pub const COUNTS: usize = 8;

/// What one day adds to each figure of one currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// By the places that [`amount`] names.
    pub amounts: [Mrr; AMOUNTS],
    /// By the places that [`counted`] names.
    pub counts: [i64; COUNTS],
}

/// Which place of [`Looked::amounts`] holds which figure.
pub mod amount {
    /// MRR of those who have any: what retention is held against.
    pub const POSITIVE: usize = 0;
    /// Change since the start of the span, of those who had MRR then; one for each [`super::Span`].
    pub const KEPT: usize = 1;
    /// The same where nobody counts for more than at the start.
    pub const LEAST: usize = 4;
    /// MRR of those who had MRR twelve months before.
    pub const KEPT_12: usize = 7;
    /// The same where nobody counts for more than then.
    pub const LEAST_12: usize = 8;
    /// New MRR, without what was imported.
    pub const BOUGHT: usize = 9;
    /// The expansion of the month that ends with the day.
    pub const EXPANDED: usize = 10;
    /// How much of it is held 90 days later.
    pub const HELD: usize = 11;
}

/// Which place of [`Looked::counts`] holds which figure.
pub mod counted {
    /// Customers with MRR at the end of the day.
    pub const PAYING: usize = 0;
    /// Of those at the start of the span, who pay nothing now; one for each [`super::Span`].
    pub const LOST: usize = 1;
    /// Of those a month before.
    pub const LOST_IN_MONTH: usize = 4;
    /// Whose first MRR came in the last 30 days, and who weren't there before.
    pub const NEW_30: usize = 5;
    /// Of these and of those 30 days before, who pay nothing now.
    pub const LOST_30: usize = 6;
    /// New customers, without who was imported.
    pub const BUYERS: usize = 7;
}

/// What one day adds to a cohort in one currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Aged {
    /// MRR of the cohort's customers at the end of the day.
    pub mrr: Mrr,
    /// Those of them who have MRR.
    pub active: i64,
    /// Customers who ever had an amount in the currency.
    pub members: i64,
}

/// A customer's share in all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// What it adds to the figures of each currency and day.
    pub days: BTreeMap<(Currency, Day), Looked>,
    /// The month of its first MRR; `None` before it has had any.
    pub cohort: Option<Month>,
    /// What its cohort is of it.
    pub ages: BTreeMap<(Currency, Day), Aged>,
}

/// The last day of the time `months` before the end of `day`: a month before 28 February ends is 31 January.
pub fn months_before(day: Day, months: i32) -> Day {
    day.after().0.checked_sub(months.months()).map_or(day, |date| Day(date).before())
}

/// The day so many days before; the same day where the calendar ends.
pub fn days_before(day: Day, days: i32) -> Day {
    day.0.checked_sub(days.days()).map_or(day, Day)
}

/// The day so many days later; the same day where the calendar ends.
pub fn days_after(day: Day, days: i32) -> Day {
    day.0.checked_add(days.days()).map_or(day, Day)
}

/// The first day that looks back on `day` when it looks so many months back: the same day of a later month, or where that
/// month is too short for it the first of the one after. The last day there is where the calendar ends.
fn first_after(day: Day, months: i32) -> Day {
    let from = day.after().0;
    let Ok(later) = from.checked_add(months.months()) else { return Day(Date::MAX) };
    let is_cut = later.day() < from.day();
    if is_cut { Day(later) } else { Day(later).before() }
}

/// A value that changes on some days and stands in between.
struct Steps<T>(Vec<(Day, T)>);

impl<T: Copy + Default + PartialEq> Steps<T> {
    /// From changes in any order; `None` where a sum doesn't fit.
    fn from_changes(mut changes: Vec<(Day, T)>, add: impl Fn(T, T) -> Option<T>) -> Option<Self> {
        changes.sort_by_key(|(day, _)| *day);
        let mut steps: Vec<(Day, T)> = Vec::with_capacity(changes.len());
        let mut value = T::default();
        for (day, change) in changes {
            value = add(value, change)?;
            match steps.last_mut() {
                Some((last, stands)) if *last == day => *stands = value,
                _ => steps.push((day, value)),
            }
        }
        Some(Self(steps))
    }

    fn at(&self, day: Day) -> T {
        match self.0.partition_point(|(changed, _)| *changed <= day) {
            0 => T::default(),
            after => self.0[after - 1].1,
        }
    }

    fn days(&self) -> impl Iterator<Item = Day> + '_ {
        self.0.iter().map(|(day, _)| *day)
    }
}

/// A customer in one currency.
struct One<'a> {
    mrr: Steps<Mrr>,
    paying: Steps<i64>,
    anything: &'a Steps<i64>,
    /// By day, as expansions are.
    new: Vec<(Day, Mrr)>,
    expansions: Vec<Expansion<()>>,
    imported: Vec<(Day, Mrr)>,
}

/// A customer's share in the figures, from all its rows, or (`cut`) from those that are shown at an instant. `None` where a sum
/// doesn't fit into 128 bits.
pub fn share(ledger: &CustomerLedger, cut: Option<UnixTime>) -> Option<Share> {
    let in_effect = |at: UnixTime| cut.is_none_or(|cut| at <= cut);
    let any = ledger.counts.iter().filter(|row| row.currency.is_none() && in_effect(row.at));
    let anything = Steps::from_changes(any.map(|row| (row.day, row.customers)).collect(), i64::checked_add)?;
    let mut currencies: Vec<Currency> =
        ledger.currencies().chain(ledger.movements.iter().map(|one| one.currency)).collect();
    currencies.sort_unstable();
    currencies.dedup();
    let first = ledger.first_mrr_at.filter(|at| in_effect(*at));
    let first = first.and_then(|at| ledger.deltas.iter().find(|delta| delta.at >= at)).map(|delta| delta.day);
    let mut share = Share { cohort: first.map(Month::of), ..Share::default() };
    for currency in currencies {
        let deltas = ledger.deltas.iter().filter(|row| row.currency == currency && in_effect(row.at));
        let counts = ledger.counts.iter().filter(|row| row.currency == Some(currency) && in_effect(row.at));
        let mut one = One {
            mrr: Steps::from_changes(deltas.map(|row| (row.day, row.mrr)).collect(), Mrr::checked_add)?,
            paying: Steps::from_changes(counts.map(|row| (row.day, row.customers)).collect(), i64::checked_add)?,
            anything: &anything,
            new: Vec::new(),
            expansions: Vec::new(),
            imported: Vec::new(),
        };
        let mut steps = Vec::new();
        for row in ledger.movements.iter().filter(|row| row.currency == currency) {
            let shown = match cut {
                None => row.visible_until.is_none(),
                Some(cut) => row.visible_from <= cut && row.visible_until.is_none_or(|until| until > cut),
            };
            match row.kind {
                Kind::New if shown => {
                    one.new.push((row.day, row.amount));
                    if row.parts.iter().any(|part| part.cause == Cause::Imported) {
                        one.imported.push((row.day, row.amount));
                    }
                }
                kind if shown => steps.extend(Step::from_movement(kind, row.amount).map(|step| (row.day, step, ()))),
                _ => {}
            }
        }
        one.new.sort_by_key(|(day, _)| *day);
        one.expansions = expansions(steps);
        one.looked(currency, &mut share.days)?;
        if let Some(first) = first {
            one.aged(currency, first, &mut share.ages)?;
        }
    }
    share.days.retain(|_, looked| *looked != Looked::default());
    share.ages.retain(|_, aged| *aged != Aged::default());
    Some(share)
}

/// Those of `sorted` after one day, up to and with another.
fn between<T>(sorted: &[T], after: Day, to: Day, of: impl Fn(&T) -> Day) -> &[T] {
    let place = |day: Day| sorted.partition_point(|one| of(one) <= day);
    &sorted[place(after)..place(to).max(place(after))]
}

/// What a sliding figure is at a day.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Sliding {
    kept_12: Mrr,
    least_12: Mrr,
    expanded: Mrr,
    held: Mrr,
    lost_in_month: i64,
    new_30: i64,
    lost_30: i64,
}

impl One<'_> {
    fn looked(&self, currency: Currency, days: &mut BTreeMap<(Currency, Day), Looked>) -> Option<()> {
        let mut changes: Vec<Day> = self.mrr.days().chain(self.paying.days()).chain(self.anything.days()).collect();
        changes.sort_unstable();
        changes.dedup();
        for day in &changes {
            self.since_start(*day, days.entry((currency, *day)).or_default())?;
        }
        let mut events = Vec::with_capacity(changes.len() * 5 + (self.new.len() + self.expansions.len()) * 2);
        for day in &changes {
            events.extend([*day, first_after(*day, 1), first_after(*day, YEAR_MONTHS), days_after(*day, WINDOW_DAYS)]);
        }
        events.extend(self.new.iter().flat_map(|(day, _)| [*day, days_after(*day, WINDOW_DAYS)]));
        events.extend(self.expansions.iter().flat_map(|one| [one.day, first_after(one.day, 1)]));
        let losses = self.expansions.iter().flat_map(Expansion::losses);
        events.extend(losses.map(|day| days_before(day, DURABLE_DAYS)));
        events.sort_unstable();
        events.dedup();
        let mut before = Sliding::default();
        for day in events {
            let now = self.sliding(day)?;
            if now != before {
                let Looked { amounts, counts } = days.entry((currency, day)).or_default();
                for (place, now, before) in [
                    (amount::KEPT_12, now.kept_12, before.kept_12),
                    (amount::LEAST_12, now.least_12, before.least_12),
                    (amount::EXPANDED, now.expanded, before.expanded),
                    (amount::HELD, now.held, before.held),
                ] {
                    amounts[place] = amounts[place].checked_add(now.checked_sub(before)?)?;
                }
                counts[counted::LOST_IN_MONTH] += now.lost_in_month - before.lost_in_month;
                counts[counted::NEW_30] += now.new_30 - before.new_30;
                counts[counted::LOST_30] += now.lost_30 - before.lost_30;
                before = now;
            }
        }
        let mut new = self.new.clone();
        new.dedup_by_key(|(day, _)| *day);
        for (day, _) in new {
            days.entry((currency, day)).or_default().counts[counted::BUYERS] += 1;
        }
        for (day, bought) in &self.new {
            let sum = &mut days.entry((currency, *day)).or_default().amounts[amount::BOUGHT];
            *sum = sum.checked_add(*bought)?;
        }
        for (day, imported) in &self.imported {
            let Looked { amounts, counts } = days.entry((currency, *day)).or_default();
            counts[counted::BUYERS] -= 1;
            amounts[amount::BOUGHT] = amounts[amount::BOUGHT].checked_sub(*imported)?;
        }
        Some(())
    }

    /// What stands, and what changed since the start of each span that holds the day.
    fn since_start(&self, day: Day, looked: &mut Looked) -> Option<()> {
        let Looked { amounts, counts } = looked;
        let yesterday = day.before();
        let (now, before) = (self.mrr.at(day), self.mrr.at(yesterday));
        let mut add = |place: usize, change: Option<Mrr>| {
            amounts[place] = amounts[place].checked_add(change?)?;
            Some(())
        };
        add(amount::POSITIVE, now.max(Mrr::ZERO).checked_sub(before.max(Mrr::ZERO)))?;
        let pays = |day| i64::from(self.paying.at(day) > 0);
        let nothing = |day| i64::from(self.anything.at(day) <= 0);
        counts[counted::PAYING] += pays(day) - pays(yesterday);
        for (place, span) in Span::ALL.into_iter().enumerate() {
            let start = span.first_day(day);
            let opening = self.mrr.at(start.before());
            if opening > Mrr::ZERO {
                add(amount::KEPT + place, now.checked_sub(before))?;
                add(amount::LEAST + place, now.min(opening).checked_sub(before.min(opening)))?;
            }
            if pays(start.before()) == 1 {
                let lost_before = if day == start { 0 } else { nothing(yesterday) };
                counts[counted::LOST + place] += nothing(day) - lost_before;
            }
        }
        Some(())
    }

    fn sliding(&self, day: Day) -> Option<Sliding> {
        let mut all = Sliding::default();
        let now = self.mrr.at(day);
        let a_year_ago = self.mrr.at(months_before(day, YEAR_MONTHS));
        if a_year_ago > Mrr::ZERO {
            (all.kept_12, all.least_12) = (now, now.min(a_year_ago));
        }
        let a_month_ago = months_before(day, 1);
        let lost = self.anything.at(day) <= 0;
        all.lost_in_month = i64::from(self.paying.at(a_month_ago) > 0 && lost);
        let from = days_before(day, WINDOW_DAYS);
        let was = self.paying.at(from) > 0;
        let is_new = !was && !between(&self.new, from, day, |(new, _)| *new).is_empty();
        all.new_30 = i64::from(is_new);
        all.lost_30 = i64::from((was || is_new) && lost);
        let later = days_after(day, DURABLE_DAYS);
        for one in between(&self.expansions, a_month_ago, day, |one| one.day) {
            all.expanded = all.expanded.checked_add(one.amount)?;
            all.held = all.held.checked_add(one.held(later))?;
        }
        Some(all)
    }

    fn aged(&self, currency: Currency, first: Day, ages: &mut BTreeMap<(Currency, Day), Aged>) -> Option<()> {
        let mut before = Mrr::ZERO;
        for (day, now) in &self.mrr.0 {
            let aged = ages.entry((currency, *day)).or_default();
            aged.mrr = now.checked_sub(before)?;
            aged.active = i64::from(*now > Mrr::ZERO) - i64::from(before > Mrr::ZERO);
            before = *now;
        }
        if let Some((day, _)) = self.mrr.0.first() {
            ages.entry((currency, first.max(*day))).or_default().members += 1;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_looked_back_on_first_when_no_earlier_day_does() {
        for months in 1..=YEAR_MONTHS {
            let mut day: Day = "2022-12-20".parse().unwrap();
            while day < "2027-03-10".parse().unwrap() {
                let later = first_after(day, months);
                assert!(months_before(later, months) >= day, "{day} {months}: {later}");
                assert!(months_before(later.before(), months) < day, "{day} {months}: {later}");
                day = day.after();
            }
        }
        assert_eq!(first_after(Day(Date::MAX), 1), Day(Date::MAX), "the calendar ends");
    }
}
