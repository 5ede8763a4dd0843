//! The account day by day, as alerts look at it: who left, who shrank, whose payment fails, out of how many.

use std::collections::{BTreeMap, BTreeSet};

use super::distance::distance;
use crate::{
    budget::charge,
    ledger::{
        ids::{CustomerId, ProductId},
        money::{Currency, Mrr},
        outcome::{Cause, Kind, Rollup},
        time::{Day, UnixTime},
    },
    report::{
        ReportError,
        ask::Ask,
        service::{AskError, Reports},
    },
    segment::Members,
    store::derived::reports::{BegunRow, DailyRows, LossPart, LossRow, Turn},
};

/// Why a customer was lost, as far as there is evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nature {
    /// The customer asked for it.
    Voluntary,
    /// A payment, a dispute or a policy ended it.
    Involuntary,
    /// No evidence: never voluntary by default (rule `causes`).
    Unknown,
}

/// MRR lost, or at risk, with one customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The id of the customer.
    pub customer: CustomerId,
    /// The currency of the amount.
    pub currency: Currency,
    /// How much, as a positive amount.
    pub amount: Mrr,
    /// Whether the customer asked for it.
    pub nature: Nature,
    /// What was sold, where it is known.
    pub product: Option<ProductId>,
    /// The cause of its largest part.
    pub reason: Cause,
}

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
}

/// Who comes back within so many days was replaced, not lost: cancelled today and created anew tomorrow, as a migration
/// does it.
const REPLACED_DAYS: i32 = 7;

/// What one movement took, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The accounting day it is booked on.
    pub day: Day,
    /// The instant of its last part.
    pub at: UnixTime,
    /// Whether the customer's MRR in this currency ended with it, or only shrank.
    pub ended: bool,
    /// What was lost.
    pub loss: Loss,
}

impl Lost {
    /// One of several subscriptions ended.
    fn is_dropped(&self) -> bool {
        !self.ended && matches!(self.loss.reason, Cause::ProductDropped | Cause::SubscriptionDropped)
    }
}

/// What was lost from the day `from` on, in the order of days and instants.
pub async fn losses(reports: &Reports<'_>, ask: &Ask, from: Option<Day>) -> Result<Vec<Lost>, AskError> {
    let kept = reports.losses(ask, from, Ok(Vec::new()), |kept: &mut Result<Vec<Lost>, ReportError>, row| {
        if let Ok(all) = kept {
            match lost(&row) {
                Ok(Some(one)) => {
                    charge(size_of::<Lost>())?;
                    all.push(one);
                }
                Ok(None) => {}
                Err(error) => *kept = Err(error),
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
        all = without_replaced(all, began)?;
    }
    Ok(all)
}

/// By customer and currency, what began beside what they had: days with amounts.
type Began = BTreeMap<(CustomerId, Currency), Vec<(Day, Mrr)>>;

/// Takes out of each subscription dropped what the same customer began within days of it, before or after: a plan that was
/// changed by another subscription over midnight, or later than the netting window, is less of a loss or none.
fn without_replaced(losses: Vec<Lost>, mut began: Began) -> Result<Vec<Lost>, ReportError> {
    let mut left = Vec::with_capacity(losses.len());
    for mut lost in losses {
        let of = (lost.loss.customer.clone(), lost.loss.currency);
        if let Some(days) = began.get_mut(&of).filter(|_| lost.is_dropped()) {
            for (_, amount) in days.iter_mut().filter(|(day, _)| near(*day, lost.day)) {
                let taken = lost.loss.amount.min(*amount).max(Mrr::ZERO);
                // What one subscription replaces it replaces once.
                *amount = amount.checked_sub(taken).ok_or(ReportError::Overflow)?;
                lost.loss.amount = lost.loss.amount.checked_sub(taken).ok_or(ReportError::Overflow)?;
            }
        }
        if lost.loss.amount > Mrr::ZERO {
            left.push(lost);
        }
    }
    Ok(left)
}

fn near(one: Day, other: Day) -> bool {
    distance(one, other).abs() <= i64::from(REPLACED_DAYS)
}

/// Every day from the ledger's first to `last`. Days are those on which things took effect: an event that arrives late
/// lies on its own day, so an outage of webhooks makes no spike of the day it ends.
pub fn days(rows: &DailyRows, losses: Vec<Lost>, last: Day) -> Result<Vec<AccountDay>, ReportError> {
    let Some(first) = rows.first_day() else { return Ok(Vec::new()) };
    let of_all = rows.counts.iter().filter(|count| count.currency.is_none());
    let paying: BTreeMap<Day, i64> = of_all.map(|count| (count.day, count.customers)).collect();
    let turned = |on: &dyn Fn(&Turn) -> bool| -> BTreeSet<(&str, Day)> {
        rows.turns.iter().filter(|turn| on(turn)).map(|turn| (turn.customer.as_str(), turn.day)).collect()
    };
    let left = turned(&|turn| turn.customers < 0);
    let came = turned(&|turn| turn.customers > 0 && turn.day <= last);
    let mut amounts: BTreeMap<Day, Vec<(Currency, Mrr)>> = BTreeMap::new();
    rows.amounts.iter().for_each(|row| amounts.entry(row.day).or_default().push((row.currency, row.mrr)));
    let mut failing = failing(rows)?;
    let (mut churned, mut contracted): (BTreeMap<Day, Vec<Loss>>, BTreeMap<Day, Vec<Loss>>) = Default::default();
    for Lost { day, ended, loss, .. } in losses {
        if !ended {
            contracted.entry(day).or_default().push(loss);
            continue;
        }
        let customer = loss.customer.as_str();
        let until = day.0.checked_add(jiff::Span::new().days(REPLACED_DAYS)).map_or(day, Day);
        let replaced = came.range((customer, day.after())..=(customer, until)).next().is_some();
        if left.contains(&(customer, day)) && !replaced {
            churned.entry(day).or_default().push(loss);
        }
    }
    let (mut all, mut customers_paying, mut mrr, mut day) =
        (Vec::new(), 0_i64, BTreeMap::<Currency, Mrr>::new(), first);
    while day <= last {
        all.push(AccountDay {
            day,
            paying: u64::try_from(customers_paying).unwrap_or(0),
            mrr: mrr.clone(),
            churned: churned.remove(&day).unwrap_or_default(),
            contracted: contracted.remove(&day).unwrap_or_default(),
            failing: failing.remove(&day).unwrap_or_default(),
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
        let mut changes: Vec<_> = rows.iter().filter(|row| row.at_risk != Mrr::ZERO).collect();
        changes.sort_by_key(|row| (row.currency, row.day));
        for changes in changes.chunk_by(|one, next| one.currency == next.currency) {
            let mut at_risk = Mrr::ZERO;
            for row in changes {
                let before = at_risk;
                at_risk = at_risk.checked_add(row.at_risk).ok_or(ReportError::Overflow)?;
                if before <= Mrr::ZERO && at_risk > Mrr::ZERO {
                    failing.entry(row.day).or_default().push(Loss {
                        customer: row.customer.clone(),
                        currency: row.currency,
                        amount: at_risk,
                        nature: Nature::Involuntary,
                        product: None,
                        reason: Cause::PaymentFailure,
                    });
                }
            }
        }
    }
    Ok(failing)
}

/// What a movement lost; `None` where it isn't a loss, or one that no alert speaks of: pauses, granted trials, currency
/// switches and discounts.
pub fn lost(row: &LossRow) -> Result<Option<Lost>, ReportError> {
    if !matches!(row.kind, Kind::Churn | Kind::Contraction) {
        return Ok(None);
    }
    let left_out =
        |part: &&LossPart| matches!(part.cause.rollup(), Rollup::Paused | Rollup::Currency | Rollup::Discount);
    // Parts are negative where money is lost: the least is the largest loss.
    let Some(largest) = row.parts.iter().filter(|part| !left_out(part)).min_by_key(|part| part.amount) else {
        return Ok(None);
    };
    if largest.amount >= Mrr::ZERO {
        return Ok(None);
    }
    let nature = match largest.end_reason.unwrap_or(largest.cause).rollup() {
        Rollup::Involuntary => Nature::Involuntary,
        Rollup::Unknown => Nature::Unknown,
        _ => Nature::Voluntary,
    };
    let loss = Loss {
        customer: row.customer.clone(),
        currency: row.currency,
        amount: Mrr::ZERO.checked_sub(row.amount).ok_or(ReportError::Overflow)?,
        nature,
        product: largest.product.clone(),
        reason: largest.cause,
    };
    Ok(Some(Lost { day: row.day, at: row.effective_at, ended: row.kind == Kind::Churn, loss }))
}
