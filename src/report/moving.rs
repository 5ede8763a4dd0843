//! Customers who change their group: rows by customer put into the groups in which the customer is on each row's day, and what
//! stood of it moved along on the day of the change (rules `attributes` and `segments`). Nothing is made or lost on the way.

use std::{collections::BTreeMap, sync::Arc};

use super::{ReportError, bridge::sum};
use crate::{
    budget::charge,
    ledger::{
        money::{Currency, Mrr},
        time::Day,
    },
    segment::{Members, Steps},
    store::derived::reports::{DayAmounts, DayCounts, DayLine, LedgerRows, RowsOfCustomers},
};

/// The group of whoever isn't asked for. No group has this name: no attribute's value begins so.
pub(super) const OUTSIDE: &str = "\u{1}outside";

/// A group, or `None` where it isn't known.
pub(super) type Group = Option<Arc<str>>;

/// Something of each customer, by day.
type ByDay<T> = BTreeMap<Day, Vec<T>>;

/// Puts rows by customer into groups. `groups` tells each customer's; who isn't in it is in `elsewhere`.
pub(super) fn regrouped(
    rows: LedgerRows,
    groups: &BTreeMap<Arc<str>, Steps<Group>>,
    elsewhere: &Group,
) -> Result<LedgerRows, ReportError> {
    let of = |customer: &Option<Arc<str>>| customer.as_ref().and_then(|customer| groups.get(customer));
    let on = |customer: &Option<Arc<str>>, day: Day| of(customer).map_or(elsewhere, |steps| steps.on(day)).clone();
    let mut moved = LedgerRows::default();
    // What each customer who moves has, by day, to be moved along.
    let mut amounts: BTreeMap<(Arc<str>, Currency), ByDay<DayAmounts>> = BTreeMap::new();
    let mut counts: BTreeMap<(Arc<str>, Option<Currency>), ByDay<DayCounts>> = BTreeMap::new();
    let moves = |customer: &Option<Arc<str>>| of(customer).is_some_and(|steps| steps.turns().next().is_some());
    for row in rows.amounts {
        if let (true, Some(customer)) = (moves(&row.group), &row.group) {
            charge(size_of::<DayAmounts>())?;
            let days = amounts.entry((customer.clone(), row.currency)).or_default();
            days.entry(row.day).or_default().push(row.clone());
        }
        moved.amounts.push(DayAmounts { group: on(&row.group, row.day), ..row });
    }
    for row in rows.counts {
        if let (true, Some(customer)) = (moves(&row.group), &row.group) {
            charge(size_of::<DayCounts>())?;
            let days = counts.entry((customer.clone(), row.currency)).or_default();
            days.entry(row.day).or_default().push(row.clone());
        }
        moved.counts.push(DayCounts { group: on(&row.group, row.day), ..row });
    }
    let lines = rows.lines.into_iter();
    moved.lines = lines.map(|row| DayLine { group: on(&row.group, row.day), ..row }).collect();
    for ((customer, currency), days) in &amounts {
        let Some(steps) = groups.get(customer) else { continue };
        let (mut stood, mut after) = ([Mrr::ZERO; 5], None);
        for (day, was, is) in steps.turns() {
            for row in between(days, after, day) {
                let changes = [row.mrr, row.list, row.estimated, row.at_risk, row.scheduled_churn];
                for (sum_of, change) in stood.iter_mut().zip(changes) {
                    *sum_of = sum(*sum_of, change)?;
                }
            }
            after = Some(day);
            if stood == [Mrr::ZERO; 5] {
                continue;
            }
            charge(2 * size_of::<DayAmounts>())?;
            let row = |group: &Group, [mrr, list, estimated, at_risk, scheduled_churn]: [Mrr; 5]| DayAmounts {
                currency: *currency,
                group: group.clone(),
                day,
                mrr,
                list,
                estimated,
                at_risk,
                scheduled_churn,
            };
            let mut gone = [Mrr::ZERO; 5];
            for (gone, stood) in gone.iter_mut().zip(stood) {
                *gone = Mrr::ZERO.checked_sub(stood).ok_or(ReportError::Overflow)?;
            }
            moved.amounts.push(row(was, gone));
            moved.amounts.push(row(is, stood));
        }
    }
    for ((customer, currency), days) in &counts {
        let Some(steps) = groups.get(customer) else { continue };
        let (mut stood, mut after) = ([0_i64; 3], None);
        for (day, was, is) in steps.turns() {
            for row in between(days, after, day) {
                for (sum, change) in stood.iter_mut().zip([row.customers, row.subscriptions, row.trials]) {
                    *sum = sum.checked_add(change).ok_or(ReportError::Overflow)?;
                }
            }
            after = Some(day);
            if stood == [0; 3] {
                continue;
            }
            charge(2 * size_of::<DayCounts>())?;
            let row = |group: &Group, [customers, subscriptions, trials]: [i64; 3]| DayCounts {
                currency: *currency,
                group: group.clone(),
                day,
                customers,
                subscriptions,
                trials,
            };
            moved.counts.push(row(was, stood.map(i64::wrapping_neg)));
            moved.counts.push(row(is, stood));
        }
    }
    Ok(moved)
}

/// Rows by customer as those of a segment, in no group, and all others [`OUTSIDE`]: one series for each currency, whether anybody is in
/// it or not.
pub(super) fn within(rows: LedgerRows, members: &Members) -> Result<LedgerRows, ReportError> {
    let outside: Group = Some(OUTSIDE.into());
    let mut groups: BTreeMap<Arc<str>, Steps<Group>> = BTreeMap::new();
    for customer in rows.amounts.iter().filter_map(|row| row.group.as_ref()) {
        if let (false, Some(steps)) = (groups.contains_key(customer), members.of(customer)) {
            let of = steps.map(|is| if *is { None } else { outside.clone() });
            groups.insert(customer.clone(), of);
        }
    }
    let mut moved = regrouped(rows, &groups, &outside)?;
    moved.fill_currencies();
    Ok(moved)
}

/// The same in groups of what customers hold, or why they moved: those of the segment's days in their own groups, all others
/// [`OUTSIDE`]. What a customer holds of a group moves with the customer.
pub(super) fn within_groups(all: RowsOfCustomers, members: &Members) -> Result<LedgerRows, ReportError> {
    const UNKNOWN: &str = "\u{1}unknown";
    let (outside, nobody): (Group, Steps<bool>) = (Some(OUTSIDE.into()), Steps::always(false));
    let mut moved = LedgerRows::default();
    for (customer, mut rows) in all {
        let steps = members.of(&customer).unwrap_or(&nobody);
        let mut groups: BTreeMap<Arc<str>, Steps<Group>> = BTreeMap::new();
        let mut known = |group: &mut Group| {
            let name = group.get_or_insert_with(|| UNKNOWN.into());
            if !groups.contains_key(name) {
                let own = Some(name.clone()).filter(|name| **name != *UNKNOWN);
                groups.insert(name.clone(), steps.map(|is| if *is { own.clone() } else { outside.clone() }));
            }
        };
        rows.amounts.iter_mut().for_each(|row| known(&mut row.group));
        rows.lines.iter_mut().for_each(|row| known(&mut row.group));
        let one = regrouped(rows, &groups, &outside)?;
        moved.amounts.extend(one.amounts);
        moved.lines.extend(one.lines);
    }
    Ok(moved)
}

/// Rows of the days from `after` on, before `until`: those of a day on which a customer moves lie in its new group already.
fn between<T>(days: &BTreeMap<Day, Vec<T>>, after: Option<Day>, until: Day) -> impl Iterator<Item = &T> {
    let from = after.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Included);
    days.range((from, std::ops::Bound::Excluded(until))).flat_map(|(_, rows)| rows)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ledger::outcome::Kind;

    fn day(number: i8) -> Day {
        Day(jiff::civil::date(2026, 1, number))
    }

    /// What stands in each group after each day.
    fn standing(rows: &LedgerRows, group: &Group, until: Day) -> (i128, i64) {
        let amounts = rows.amounts.iter().filter(|row| row.day <= until && row.group == *group);
        let counts = rows.counts.iter().filter(|row| row.day <= until && row.group == *group);
        (amounts.map(|row| row.mrr.0).sum(), counts.map(|row| row.customers).sum())
    }

    proptest! {
        /// Rule `segments`: on each day each customer's money lies in the one group in which it is, and nowhere else.
        #[test]
        fn on_every_day_all_of_a_customer_lies_in_its_group_of_that_day(
            changes in prop::collection::vec((0_u8..3, 1_i8..29, -50_i128..50), 0..30),
            moves in prop::collection::vec((0_u8..3, 1_i8..29, 0_u8..3), 0..12),
        ) {
            let who = |number: u8| Arc::<str>::from(format!("cus_{number}"));
            let group = |number: u8| (number > 0).then(|| Arc::<str>::from(format!("group {number}")));
            let currency = "usd".parse().unwrap();
            let mut rows = LedgerRows::default();
            for (customer, at, amount) in &changes {
                let mrr = Mrr(*amount);
                rows.amounts.push(DayAmounts {
                    mrr, list: mrr, ..DayAmounts::nothing(currency, Some(who(*customer)), day(*at))
                });
                rows.counts.push(DayCounts { currency: Some(currency), group: Some(who(*customer)), day: day(*at),
                    customers: 1, subscriptions: 0, trials: 0 });
                rows.lines.push(DayLine { currency, group: Some(who(*customer)), day: day(*at), kind: Kind::Expansion, amount: mrr });
            }
            let mut groups: BTreeMap<Arc<str>, Steps<Group>> = BTreeMap::new();
            for (customer, at, to) in moves {
                groups.entry(who(customer)).or_insert_with(|| Steps::always(None)).set(day(at), group(to));
            }
            let moved = regrouped(rows.clone(), &groups, &None).unwrap();
            for at in 1..29 {
                for number in 0..3 {
                    let group = group(number);
                    let is_in = |customer: &Option<Arc<str>>| {
                        *groups.get(customer.as_deref().unwrap()).map_or(&None, |steps| steps.on(day(at))) == group
                    };
                    let amounts: i128 = rows.amounts.iter().filter(|row| row.day <= day(at) && is_in(&row.group)).map(|row| row.mrr.0).sum();
                    let counts: i64 = rows.counts.iter().filter(|row| row.day <= day(at) && is_in(&row.group)).map(|row| row.customers).sum();
                    prop_assert_eq!(standing(&moved, &group, day(at)), (amounts, counts));
                }
            }
        }
    }
}
