//! The account day by day, as alerts look at it: who left, who shrank, whose payment fails, out of how many.

use std::collections::{BTreeMap, BTreeSet};

use super::distance::distance;
pub use crate::ledger::losses::{Loss, Lost, Nature};
use crate::{
    budget::charge,
    ledger::{
        losses::{Began, Lossy, SERIES, failed, replaced_until, without_replaced},
        money::{Currency, Mrr},
        time::Day,
    },
    report::{
        ReportError,
        ask::Ask,
        service::{AskError, Reports},
    },
    segment::Members,
    store::derived::reports::{BegunRow, DailyRows, LossesTold, LossyDays, Turn},
};

/// What happened on one accounting day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountDay {
    /// The accounting day it is about.
    pub day: Day,
    /// Customers paying when it began.
    pub paying: u64,
    /// MRR when the day began, by currency.
    pub mrr: BTreeMap<Currency, Mrr>,
    /// Customers lost, over all currencies.
    pub churned: Vec<Loss>,
    /// Losses of customers who pay less and stay.
    pub contracted: Vec<Loss>,
    /// Customers who became past due.
    pub failing: Vec<Loss>,
    /// How many these are, where not all of them stand here.
    pub counts: Option<Counts>,
}

/// What is counted of a day of whose losses only those stand there that are told of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Customers lost, in the order of [`Series::ALL`](super::alert::Series::ALL).
    pub churned: [u64; SERIES],
    /// Customers who pay less and stay.
    pub contracted: u64,
    /// Customers who became past due.
    pub failing: u64,
    /// Currencies in which anything was lost.
    pub currencies: BTreeSet<Currency>,
    /// Of what was lost, all that is as large as anything large on this day or later.
    pub large: Vec<Lost>,
}

/// What was lost from the day `from` on, in the order of days and instants.
pub async fn losses(reports: &Reports<'_>, ask: &Ask, from: Option<Day>) -> Result<Vec<Lost>, AskError> {
    let kept = reports.losses(ask, from, Ok(Vec::new()), |kept: &mut Result<Vec<Lost>, ReportError>, row| {
        if let Ok(all) = kept {
            match row.lost() {
                Some(Some(one)) => {
                    charge(size_of::<Lost>())?;
                    all.push(one);
                }
                Some(None) => {}
                None => *kept = Err(ReportError::Overflow),
            }
        }
        Ok(())
    });
    let mut all = kept.await??;
    all.sort_by(|a, b| (a.day, a.at, &a.loss.customer).cmp(&(b.day, b.at, &b.loss.customer)));
    if all.iter().any(Lost::is_dropped) {
        let mut began = Began::new();
        for BegunRow { customer, currency, day, amount } in reports.begun(ask, from).await? {
            began.entry((customer, currency)).or_default().push((day, amount));
        }
        all = without_replaced(all, began).ok_or(ReportError::Overflow)?;
    }
    Ok(all)
}

/// Every day from the ledger's first to `last`. Days are those on which things took effect: an event that arrives late
/// lies on its own day, so an outage of webhooks makes no spike of the day it ends.
pub fn days(rows: &DailyRows, losses: Vec<Lost>, last: Day) -> Result<Vec<AccountDay>, ReportError> {
    let turned = |on: &dyn Fn(&Turn) -> bool| -> BTreeSet<(&str, Day)> {
        rows.turns.iter().filter(|turn| on(turn)).map(|turn| (turn.customer.as_str(), turn.day)).collect()
    };
    let left = turned(&|turn| turn.customers < 0);
    let came = turned(&|turn| turn.customers > 0 && turn.day <= last);
    let mut failing = failing(rows)?;
    let (mut churned, mut contracted): (BTreeMap<Day, Vec<Loss>>, BTreeMap<Day, Vec<Loss>>) = Default::default();
    for Lost { day, ended, loss, .. } in losses {
        if !ended {
            contracted.entry(day).or_default().push(loss);
            continue;
        }
        let customer = loss.customer.as_str();
        let until = replaced_until(day);
        let replaced = came.range((customer, day.after())..=(customer, until)).next().is_some();
        if left.contains(&(customer, day)) && !replaced {
            churned.entry(day).or_default().push(loss);
        }
    }
    let mut all = without_losses(rows, last)?;
    for one in &mut all {
        one.churned = churned.remove(&one.day).unwrap_or_default();
        one.contracted = contracted.remove(&one.day).unwrap_or_default();
        one.failing = failing.remove(&one.day).unwrap_or_default();
    }
    Ok(all)
}

/// Every day from the ledger's first to `last`, with who pays and how much when it begins.
fn without_losses(rows: &DailyRows, last: Day) -> Result<Vec<AccountDay>, ReportError> {
    let Some(first) = rows.first_day() else { return Ok(Vec::new()) };
    let of_all = rows.counts.iter().filter(|count| count.currency.is_none());
    let paying: BTreeMap<Day, i64> = of_all.map(|count| (count.day, count.customers)).collect();
    let mut amounts: BTreeMap<Day, Vec<(Currency, Mrr)>> = BTreeMap::new();
    rows.amounts.iter().for_each(|row| amounts.entry(row.day).or_default().push((row.currency, row.mrr)));
    let (mut all, mut customers_paying, mut mrr, mut day) =
        (Vec::new(), 0_i64, BTreeMap::<Currency, Mrr>::new(), first);
    while day <= last {
        all.push(AccountDay {
            day,
            paying: u64::try_from(customers_paying).unwrap_or(0),
            mrr: mrr.clone(),
            churned: Vec::new(),
            contracted: Vec::new(),
            failing: Vec::new(),
            counts: None,
        });
        customers_paying =
            customers_paying.checked_add(paying.get(&day).copied().unwrap_or(0)).ok_or(ReportError::Overflow)?;
        for (currency, change) in amounts.remove(&day).unwrap_or_default() {
            let sum = mrr.entry(currency).or_default();
            *sum = sum.checked_add(change).ok_or(ReportError::Overflow)?;
        }
        if day == day.after() {
            break;
        }
        day = day.after();
    }
    Ok(all)
}

/// The same days with counts alone.
pub fn counted(rows: &DailyRows, lossy: &LossyDays, last: Day) -> Result<Vec<AccountDay>, ReportError> {
    let mut sums: BTreeMap<Day, (Lossy, BTreeSet<Currency>)> = BTreeMap::new();
    for ((currency, day, _), counts) in lossy {
        let (sum, currencies) = sums.entry(*day).or_default();
        let added = |one: i64, other: i64| one.checked_add(other).ok_or(ReportError::Overflow);
        for (sum, count) in sum.churned.iter_mut().zip(counts.churned) {
            *sum = added(*sum, count)?;
        }
        sum.contracted = added(sum.contracted, counts.contracted)?;
        sum.failing = added(sum.failing, counts.failing)?;
        currencies.extend(currency);
    }
    let mut all = without_losses(rows, last)?;
    for one in &mut all {
        let (sum, currencies) = sums.remove(&one.day).unwrap_or_default();
        let count = |count: i64| u64::try_from(count).unwrap_or(0);
        let churned = sum.churned.map(count);
        let (contracted, failing) = (count(sum.contracted), count(sum.failing));
        one.counts = Some(Counts { churned, contracted, failing, currencies, large: Vec::new() });
    }
    Ok(all)
}

/// Puts losses where they belong among days that were only counted.
pub fn put(days: &mut [AccountDay], told: LossesTold) {
    let Some(first) = days.first().map(|day| day.day) else { return };
    let mut on = |day: Day, put: &mut dyn FnMut(&mut AccountDay)| {
        let at = usize::try_from(distance(first, day)).ok();
        if let Some(day) = at.and_then(|at| days.get_mut(at)) {
            put(day);
        }
    };
    for Lost { day, loss, .. } in told.churned {
        on(day, &mut |day| day.churned.push(loss.clone()));
    }
    for Lost { day, loss, .. } in told.contracted {
        on(day, &mut |day| day.contracted.push(loss.clone()));
    }
    for (day, loss) in told.failing {
        on(day, &mut |day| day.failing.push(loss.clone()));
    }
    for lost in told.large {
        on(lost.day, &mut |day| {
            if let Some(counts) = &mut day.counts {
                counts.large.push(lost.clone());
            }
        });
    }
}

/// The same days of a segment: what was lost with who belonged to it on the day. Who comes into it or leaves it by belonging alone
/// is no loss (rule `segments`).
pub fn of_segment(mut days: Vec<AccountDay>, members: Option<&Members>) -> Vec<AccountDay> {
    let Some(members) = members else { return days };
    for AccountDay { day, churned, contracted, failing, .. } in &mut days {
        for losses in [churned, contracted, failing] {
            losses.retain(|loss| members.holds(loss.customer.as_str(), *day));
        }
    }
    days
}

/// Who became past due on which day, with all that was then at risk.
fn failing(rows: &DailyRows) -> Result<BTreeMap<Day, Vec<Loss>>, ReportError> {
    let mut failing: BTreeMap<Day, Vec<Loss>> = BTreeMap::new();
    // One customer's at a time.
    for rows in rows.in_doubt.chunk_by(|one, next| one.customer == next.customer) {
        let Some(first) = rows.first() else { continue };
        let changes = rows.iter().map(|row| (row.currency, row.day, row.at_risk)).collect();
        for (day, loss) in failed(&first.customer, changes).ok_or(ReportError::Overflow)? {
            failing.entry(day).or_default().push(loss);
        }
    }
    Ok(failing)
}
