//! The figures that look at customers one by one, of a currency and a span of days: from each customer's own rows, or from what
//! days add to them (`ledger::retention`), which is the same.

use std::collections::BTreeMap;

use super::{
    ReportError,
    book::{Book, Customer},
    period::{Interval, Period},
};
use crate::{
    ledger::{
        durability::{Step, expansions},
        metrics::{Expanded, Pair},
        money::{Currency, Mrr},
        outcome::Kind,
        retention::{
            DURABLE_DAYS, Looked, Span, WINDOW_DAYS, YEAR_MONTHS, amount, counted, days_after, days_before,
            months_before,
        },
        time::Day,
    },
    segment::Members,
    store::derived::reports::{DayLine, RetentionRows},
};

/// What is left, at the end of a span, of customers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retained {
    /// Of those with MRR at the start: what they paid then and pay now.
    pub since_start: Vec<Pair>,
    /// The same where nobody counts for more than at the start.
    pub least_since_start: Vec<Pair>,
    /// Of those with MRR twelve months before the end.
    pub in_12_months: Vec<Pair>,
    /// The same where nobody counts for more than then.
    pub least_in_12_months: Vec<Pair>,
    /// Customers at the start who pay nothing now, and customers at the start.
    pub lost: (u64, u64),
    /// The same of those a month before the end.
    pub lost_in_month: (u64, u64),
    /// Lost in 30 days, active 30 days ago, and new since.
    pub in_30_days: (u64, u64, u64),
    /// New MRR and new customers, without those that were imported.
    pub bought: (Mrr, u64),
    /// The expansion of the month that ends with the span.
    pub expanded: Vec<Expanded>,
}

/// Where the figures come from.
#[derive(Clone, Debug)]
pub enum People<'a> {
    /// Customers, the new movements that were imported, and on which days each customer is one of the segment asked about.
    Book(Book, &'a [DayLine], Option<&'a Members>),
    /// Sums of what they add on each day.
    Days(BTreeMap<Currency, Vec<(Day, Looked)>>),
}

impl People<'_> {
    /// From what days add: what stands at each.
    pub fn of_days(rows: &RetentionRows) -> Result<Self, ReportError> {
        let mut standing: BTreeMap<Currency, Vec<(Day, Looked)>> = BTreeMap::new();
        for ((currency, day), looked) in &rows.days {
            let days = standing.entry(*currency).or_default();
            let before = days.last().map(|(_, looked)| *looked).unwrap_or_default();
            days.push((*day, combined(before, *looked, Mrr::checked_add, i64::checked_add)?));
        }
        Ok(Self::Days(standing))
    }

    /// How many are looked at for one entry.
    pub fn len(&self) -> usize {
        match self {
            Self::Book(book, ..) => book.customers.len(),
            Self::Days(_) => 0,
        }
    }

    /// Whether there is no customer in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The figures of a period of these lengths, whose last day known is `end`.
    pub fn retained(
        &self,
        currency: Currency,
        period: Period,
        interval: Interval,
        end: Day,
    ) -> Result<Retained, ReportError> {
        match self {
            Self::Book(book, imported, members) => {
                Looking { book, imported, members: *members, currency }.retained(period, end)
            }
            Self::Days(days) => {
                let days = days.get(&currency).map(Vec::as_slice).unwrap_or_default();
                of_days(days, period, span(interval).unwrap_or(Span::Month), end)
            }
        }
    }
}

/// The lengths of a period that days tell retention of.
pub fn span(interval: Interval) -> Option<Span> {
    match interval {
        Interval::Month => Some(Span::Month),
        Interval::Quarter => Some(Span::Quarter),
        Interval::Year => Some(Span::Year),
        Interval::Day | Interval::Week => None,
    }
}

fn combined(
    one: Looked,
    other: Looked,
    money: impl Fn(Mrr, Mrr) -> Option<Mrr>,
    number: impl Fn(i64, i64) -> Option<i64>,
) -> Result<Looked, ReportError> {
    let mut all = one;
    for (sum, by) in all.amounts.iter_mut().zip(other.amounts) {
        *sum = money(*sum, by).ok_or(ReportError::Overflow)?;
    }
    for (sum, by) in all.counts.iter_mut().zip(other.counts) {
        *sum = number(*sum, by).ok_or(ReportError::Overflow)?;
    }
    Ok(all)
}

fn of_days(days: &[(Day, Looked)], period: Period, span: Span, end: Day) -> Result<Retained, ReportError> {
    let at = |day: Day| match days.partition_point(|(changed, _)| *changed <= day) {
        0 => Looked::default(),
        after => days[after - 1].1,
    };
    let (opening, now) = (at(period.start.before()), at(end));
    let moved = combined(now, opening, Mrr::checked_sub, i64::checked_sub)?;
    let place = span as usize;
    let number = |count: i64| u64::try_from(count).unwrap_or(0);
    let positive = |day: Day| at(day).amounts[amount::POSITIVE];
    let paying = |day: Day| number(at(day).counts[counted::PAYING]);
    // All who had MRR, as one: what they kept is told as a change.
    let since_start = |place: usize| -> Result<Vec<Pair>, ReportError> {
        let opening = opening.amounts[amount::POSITIVE];
        let closing = opening.checked_add(moved.amounts[place]).ok_or(ReportError::Overflow)?;
        Ok(vec![Pair { opening, closing }])
    };
    let a_year_ago = positive(months_before(end, YEAR_MONTHS));
    let in_12 = |place: usize| vec![Pair { opening: a_year_ago, closing: now.amounts[place] }];
    let (all, held) = (now.amounts[amount::EXPANDED], now.amounts[amount::HELD]);
    Ok(Retained {
        since_start: since_start(amount::KEPT + place)?,
        least_since_start: since_start(amount::LEAST + place)?,
        in_12_months: in_12(amount::KEPT_12),
        least_in_12_months: in_12(amount::LEAST_12),
        lost: (number(moved.counts[counted::LOST + place]), number(opening.counts[counted::PAYING])),
        lost_in_month: (number(now.counts[counted::LOST_IN_MONTH]), paying(months_before(end, 1))),
        in_30_days: (
            number(now.counts[counted::LOST_30]),
            paying(days_before(end, WINDOW_DAYS)),
            number(now.counts[counted::NEW_30]),
        ),
        bought: (
            at(period.end).amounts[amount::BOUGHT]
                .checked_sub(opening.amounts[amount::BOUGHT])
                .ok_or(ReportError::Overflow)?,
            number(at(period.end).counts[counted::BUYERS] - opening.counts[counted::BUYERS]),
        ),
        expanded: vec![Expanded { expansion: all, held }],
    })
}

/// A look at each customer in one currency, and at those of a segment where it is about one: whoever was in it at the start of a
/// figure's days is followed to their end, wherever it goes (rule `segments`).
struct Looking<'a> {
    book: &'a Book,
    imported: &'a [DayLine],
    members: Option<&'a Members>,
    currency: Currency,
}

impl<'a> Looking<'a> {
    fn is_of(&self, customer: &str, day: Day) -> bool {
        self.members.is_none_or(|members| members.holds(customer, day))
    }

    /// Who was asked about on a day.
    fn on(&self, day: Day) -> impl Iterator<Item = &'a Customer> + Clone {
        let (book, members) = (self.book, self.members);
        let is_of = move |id: &str| members.is_none_or(|members| members.holds(id, day));
        book.customers.iter().filter(move |(id, _)| is_of(id)).map(|(_, one)| one)
    }

    fn retained(&self, period: Period, end: Day) -> Result<Retained, ReportError> {
        let currency = self.currency;
        let pairs = |from: Day| -> Vec<Pair> {
            self.on(from)
                .map(|one| Pair { opening: one.mrr_at(currency, from), closing: one.mrr_at(currency, end) })
                .collect()
        };
        let churned = |from: Day| lost(self.on(from).filter(|one| one.pays_at(Some(currency), from)), end);
        let (since_start, in_12_months) = (pairs(period.start.before()), pairs(months_before(end, YEAR_MONTHS)));
        Ok(Retained {
            least_since_start: since_start.clone(),
            since_start,
            least_in_12_months: in_12_months.clone(),
            in_12_months,
            lost: churned(period.start.before()),
            lost_in_month: churned(months_before(end, 1)),
            in_30_days: self.in_30_days(end),
            bought: self.bought(period)?,
            expanded: self.expanded(end)?,
        })
    }

    /// Lost in 30 days, active 30 days ago, and new since: who was active is of where it was then, who is new of where it began.
    fn in_30_days(&self, end: Day) -> (u64, u64, u64) {
        let from = days_before(end, WINDOW_DAYS);
        let (mut lost, mut active, mut new) = (0, 0, 0);
        for (id, one) in &self.book.customers {
            let was_active = one.pays_at(Some(self.currency), from);
            let (is_active, is_new) = match began(one, self.currency, from.after(), end) {
                _ if was_active => (self.is_of(id, from), false),
                began => (false, began.is_some_and(|day| self.is_of(id, day))),
            };
            active += u64::from(is_active);
            new += u64::from(is_new);
            lost += u64::from((is_active || is_new) && !one.pays_at(None, end));
        }
        (lost, active, new)
    }

    fn bought(&self, period: Period) -> Result<(Mrr, u64), ReportError> {
        let days = period.start..=period.end;
        let (mut amount, mut buyers) = (Mrr::ZERO, 0);
        for (id, one) in &self.book.customers {
            for (day, of, kind, new) in &one.movements {
                if *kind == Kind::New && *of == self.currency && days.contains(day) && self.is_of(id, *day) {
                    amount = amount.checked_add(*new).ok_or(ReportError::Overflow)?;
                    buyers += 1;
                }
            }
        }
        let imported = self.imported.iter().filter(|row| row.currency == self.currency && days.contains(&row.day));
        for row in imported.filter(|row| self.is_of(row.group.as_deref().unwrap_or_default(), row.day)) {
            amount = amount.checked_sub(row.amount).ok_or(ReportError::Overflow)?;
            buyers -= 1;
        }
        Ok((amount, u64::try_from(buyers).unwrap_or(0)))
    }

    fn expanded(&self, end: Day) -> Result<Vec<Expanded>, ReportError> {
        let (month, later) = (months_before(end, 1).after()..=end, days_after(end, DURABLE_DAYS));
        let mut expanded = Vec::new();
        for (id, one) in &self.book.customers {
            let own = one.movements.iter().filter(|(_, of, ..)| *of == self.currency);
            let steps = own.filter_map(|(day, _, kind, amount)| Some((*day, Step::from_movement(*kind, *amount)?, ())));
            let (mut expansion, mut held) = (Mrr::ZERO, Mrr::ZERO);
            let expansions = expansions(steps);
            for grown in expansions.iter().filter(|grown| month.contains(&grown.day) && self.is_of(id, grown.day)) {
                expansion = expansion.checked_add(grown.amount).ok_or(ReportError::Overflow)?;
                held = held.checked_add(grown.held(later)).ok_or(ReportError::Overflow)?;
            }
            if expansion > Mrr::ZERO {
                expanded.push(Expanded { expansion, held });
            }
        }
        Ok(expanded)
    }
}

/// Of these customers: how many no longer pay in any currency at the end of `end`, and how many there are.
fn lost<'a>(customers: impl Iterator<Item = &'a Customer>, end: Day) -> (u64, u64) {
    customers.fold((0, 0), |(lost, all), one| (lost + u64::from(!one.pays_at(None, end)), all + 1))
}

/// The first of these days on which a customer's first MRR fell.
fn began(customer: &Customer, currency: Currency, from: Day, to: Day) -> Option<Day> {
    let new = customer.movements.iter().filter(|(_, of, kind, _)| *kind == Kind::New && *of == currency);
    new.map(|(day, ..)| *day).find(|day| (from..=to).contains(day))
}
