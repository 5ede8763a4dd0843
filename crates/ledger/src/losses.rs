//! What customers lost, as alerts count it: who left, who pays less, whose payment fails. A customer's losses follow from its own
//! rows, so that their days can be summed over customers.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    ids::{CustomerId, ProductId},
    money::{Currency, Mrr},
    outcome::{Cause, CustomerLedger, Kind, Movement, Part, Rollup},
    retention::days_after,
    time::{Day, UnixTime},
};

/// Who comes back within so many days was replaced, not lost: cancelled today and created anew tomorrow, as a migration
/// does it.
pub const REPLACED_DAYS: i32 = 7;

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
    pub fn is_dropped(&self) -> bool {
        !self.ended && matches!(self.loss.reason, Cause::ProductDropped | Cause::SubscriptionDropped)
    }
}

/// A movement that may be a loss, and its parts as far as they tell why; where durability is asked for (rule `durability`), an expansion
/// too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LossRow {
    /// The id of the ledger's customer.
    pub customer: CustomerId,
    /// The currency of the ledger it is of.
    pub currency: Currency,
    /// The accounting day it is booked on.
    pub day: Day,
    /// The instant of its last part.
    pub effective_at: UnixTime,
    /// What it is: churn or contraction; expansion where that is asked for.
    pub kind: Kind,
    /// How much, in 10⁻⁶ of a minor unit: below 0 where something was lost.
    pub amount: Mrr,
    /// What each item lost or brought; together the amount.
    pub parts: Vec<LossPart>,
}

/// One item's share of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LossPart {
    /// Why (rule `causes`).
    pub cause: Cause,
    /// How much, in 10⁻⁶ of a minor unit.
    pub amount: Mrr,
    /// Why a subscription ended whose end only lowered a customer's MRR.
    pub end_reason: Option<Cause>,
    /// What was sold before, else after.
    pub product: Option<ProductId>,
}

impl LossRow {
    /// A customer's movement.
    pub fn from_movement(customer: &CustomerId, movement: &Movement) -> Self {
        let part = |part: &Part| LossPart {
            cause: part.cause,
            amount: part.amount,
            end_reason: part.end_reason,
            product: part.before.as_ref().or(part.after.as_ref()).and_then(|side| side.product.clone()),
        };
        let Movement { currency, day, effective_at, kind, amount, .. } = *movement;
        let (customer, parts) = (customer.clone(), movement.parts.iter().map(part).collect());
        Self { customer, currency, day, effective_at, kind, amount, parts }
    }

    /// What it lost; nothing where it isn't a loss, or one that no alert speaks of: pauses, granted trials, currency switches
    /// and discounts. `None` where its amount has no opposite.
    pub fn lost(&self) -> Option<Option<Lost>> {
        if !matches!(self.kind, Kind::Churn | Kind::Contraction) {
            return Some(None);
        }
        let left_out =
            |part: &&LossPart| matches!(part.cause.rollup(), Rollup::Paused | Rollup::Currency | Rollup::Discount);
        // Parts are negative where money is lost: the least is the largest loss.
        let Some(largest) = self.parts.iter().filter(|part| !left_out(part)).min_by_key(|part| part.amount) else {
            return Some(None);
        };
        if largest.amount >= Mrr::ZERO {
            return Some(None);
        }
        let nature = match largest.end_reason.unwrap_or(largest.cause).rollup() {
            Rollup::Involuntary => Nature::Involuntary,
            Rollup::Unknown => Nature::Unknown,
            _ => Nature::Voluntary,
        };
        let loss = Loss {
            customer: self.customer.clone(),
            currency: self.currency,
            amount: Mrr::ZERO.checked_sub(self.amount)?,
            nature,
            product: largest.product.clone(),
            reason: largest.cause,
        };
        Some(Some(Lost { day: self.day, at: self.effective_at, ended: self.kind == Kind::Churn, loss }))
    }
}

/// By customer and currency, what began beside what they had: days with amounts.
pub type Began = BTreeMap<(CustomerId, Currency), Vec<(Day, Mrr)>>;

/// Takes out of each subscription dropped what the same customer began within days of it, before or after: a plan that was
/// changed by another subscription over midnight, or later than the netting window, is less of a loss or none. `None` where
/// an amount passes 128 bits.
pub fn without_replaced(losses: Vec<Lost>, mut began: Began) -> Option<Vec<Lost>> {
    let mut left = Vec::with_capacity(losses.len());
    for mut lost in losses {
        if lost.is_dropped()
            && let Some(days) = began.get_mut(&(lost.loss.customer.clone(), lost.loss.currency))
        {
            for (_, amount) in days.iter_mut().filter(|(day, _)| near(*day, lost.day)) {
                let taken = lost.loss.amount.min(*amount).max(Mrr::ZERO);
                // What one subscription replaces it replaces once.
                *amount = amount.checked_sub(taken)?;
                lost.loss.amount = lost.loss.amount.checked_sub(taken)?;
            }
        }
        if lost.loss.amount > Mrr::ZERO {
            left.push(lost);
        }
    }
    Some(left)
}

fn near(one: Day, other: Day) -> bool {
    let (first, last) = (one.min(other), one.max(other));
    last <= days_after(first, REPLACED_DAYS)
}

/// The last day on which who left on `day` may come back and be no loss.
pub fn replaced_until(day: Day) -> Day {
    days_after(day, REPLACED_DAYS)
}

/// When one customer's payments began to fail, from changes of what is past due, a day's together: each with all that was then
/// at risk. `None` where a sum passes 128 bits.
pub fn failed(customer: &CustomerId, mut changes: Vec<(Currency, Day, Mrr)>) -> Option<Vec<(Day, Loss)>> {
    changes.retain(|(.., change)| *change != Mrr::ZERO);
    changes.sort_by_key(|(currency, day, _)| (*currency, *day));
    let mut failed = Vec::new();
    for changes in changes.chunk_by(|one, next| one.0 == next.0) {
        let mut at_risk = Mrr::ZERO;
        for (currency, day, change) in changes {
            let before = at_risk;
            at_risk = at_risk.checked_add(*change)?;
            if before <= Mrr::ZERO && at_risk > Mrr::ZERO {
                let loss = Loss {
                    customer: customer.clone(),
                    currency: *currency,
                    amount: at_risk,
                    nature: Nature::Involuntary,
                    product: None,
                    reason: Cause::PaymentFailure,
                };
                failed.push((*day, loss));
            }
        }
    }
    Some(failed)
}

/// All losses of one customer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// It left, in the order of days and instants.
    pub churned: Vec<Lost>,
    /// It pays less and stays.
    pub contracted: Vec<Lost>,
    /// Its payments began to fail, in the order of currencies and days.
    pub failing: Vec<(Day, Loss)>,
}

/// A customer's losses, from all its rows, or (`cut`) from those that are shown at an instant; who comes back after the day
/// `last` isn't back. `None` where a sum passes 128 bits.
pub fn of_customer(
    customer: &CustomerId,
    ledger: &CustomerLedger,
    cut: Option<UnixTime>,
    last: Option<Day>,
) -> Option<Losses> {
    let in_effect = |at: UnixTime| cut.is_none_or(|cut| at <= cut);
    let shown = |row: &&Movement| match cut {
        None => row.visible_until.is_none(),
        Some(cut) => row.visible_from <= cut && row.visible_until.is_none_or(|until| until > cut),
    };
    let mut at_risk: BTreeMap<(Currency, Day), Mrr> = BTreeMap::new();
    for row in ledger.deltas.iter().filter(|row| row.at_risk != Mrr::ZERO && in_effect(row.at)) {
        let sum = at_risk.entry((row.currency, row.day)).or_default();
        *sum = sum.checked_add(row.at_risk)?;
    }
    let failing = failed(customer, at_risk.into_iter().map(|((currency, day), sum)| (currency, day, sum)).collect())?;
    let is_loss = |row: &&Movement| matches!(row.kind, Kind::Churn | Kind::Contraction);
    let mut all = Vec::new();
    for row in ledger.movements.iter().filter(is_loss).filter(shown) {
        all.extend(LossRow::from_movement(customer, row).lost()?);
    }
    all.sort_by_key(|lost| (lost.day, lost.at));
    if all.iter().any(Lost::is_dropped) {
        all = without_replaced(all, began(customer, ledger.movements.iter().filter(shown)))?;
    }
    let (mut churned, contracted): (Vec<Lost>, Vec<Lost>) = all.into_iter().partition(|lost| lost.ended);
    if !churned.is_empty() {
        let mut turns: BTreeMap<Day, i64> = BTreeMap::new();
        for row in ledger.counts.iter().filter(|row| row.currency.is_none() && in_effect(row.at)) {
            let sum = turns.entry(row.day).or_default();
            *sum = sum.checked_add(row.customers)?;
        }
        churned.retain(|lost| is_gone(lost.day, &turns, last));
    }
    Some(Losses { churned, contracted, failing })
}

/// Whether a customer with these changes of its count by day left on `day` and isn't back within days of it, up to `last`.
pub fn is_gone(day: Day, turns: &BTreeMap<Day, i64>, last: Option<Day>) -> bool {
    let until = replaced_until(day).min(last.unwrap_or(Day(jiff::civil::Date::MAX)));
    let came = || day < until && turns.range(day.after()..=until).any(|(_, change)| *change > 0);
    turns.get(&day).is_some_and(|change| *change < 0) && !came()
}

/// What a customer began beside what it had, by cause in the order of words, each in the order of time.
fn began<'m>(customer: &CustomerId, shown: impl Iterator<Item = &'m Movement>) -> Began {
    let mut parts: Vec<(&str, Day, UnixTime, Currency, Mrr)> = Vec::new();
    for row in shown.filter(|row| row.kind == Kind::Expansion) {
        let of = row.parts.iter().filter(|part| matches!(part.cause, Cause::CrossSell | Cause::ExtraSubscription));
        parts.extend(of.map(|part| (part.cause.as_str(), row.day, row.effective_at, row.currency, part.amount)));
    }
    parts.sort_by_key(|(cause, day, at, ..)| (*cause, *day, *at));
    let mut began = Began::new();
    for (_, day, _, currency, amount) in parts {
        began.entry((customer.clone(), currency)).or_default().push((day, amount));
    }
    began
}

/// How many series of churn are counted.
pub const SERIES: usize = 3;

/// How many customers lost something on a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lossy {
    /// Who left: all, without being asked, asked for.
    pub churned: [i64; SERIES],
    /// Who pays less and stays.
    pub contracted: i64,
    /// Whose payments began to fail.
    pub failing: i64,
}

/// Of which currency, day and magnitude. Customers whose payments fail are counted over all currencies, and so is by how much
/// more often one who lost in several of them is counted there: without a currency, and of magnitude 0.
pub type LossyDay = (Option<Currency>, Day, u32);

/// Within which power of two a loss lies: `n` of those below 2ⁿ that aren't below 2ⁿ⁻¹, in 10⁻⁶ of a minor unit.
pub fn magnitude(amount: Mrr) -> u32 {
    i128::BITS - amount.0.max(0).leading_zeros()
}

/// The largest amount of a magnitude.
pub fn largest(magnitude: u32) -> Mrr {
    Mrr(1_i128.checked_shl(magnitude).map_or(i128::MAX, |beyond| beyond.wrapping_sub(1)))
}

impl Losses {
    /// What the customer adds to the counts of each day, in each currency under the magnitude of the largest it lost that day.
    pub fn days(&self) -> BTreeMap<LossyDay, Lossy> {
        let mut lost: BTreeMap<(Day, Currency), (Lossy, Mrr)> = BTreeMap::new();
        for Lost { day, loss, .. } in &self.churned {
            let (of, most) = lost.entry((*day, loss.currency)).or_default();
            of.churned[0] = 1;
            match loss.nature {
                Nature::Involuntary => of.churned[1] = 1,
                Nature::Voluntary => of.churned[2] = 1,
                Nature::Unknown => {}
            }
            *most = loss.amount.max(*most);
        }
        for Lost { day, loss, .. } in &self.contracted {
            let (of, most) = lost.entry((*day, loss.currency)).or_default();
            of.contracted = 1;
            *most = loss.amount.max(*most);
        }
        let mut days: BTreeMap<LossyDay, Lossy> = BTreeMap::new();
        let mut at: BTreeMap<Day, Vec<Lossy>> = BTreeMap::new();
        for ((day, currency), (of, most)) in lost {
            days.insert((Some(currency), day, magnitude(most)), of);
            at.entry(day).or_default().push(of);
        }
        for (day, currencies) in at.iter().filter(|(_, currencies)| currencies.len() > 1) {
            let over = |count: &dyn Fn(&Lossy) -> i64| {
                1.min(currencies.iter().map(count).sum::<i64>()) - currencies.iter().map(count).sum::<i64>()
            };
            let churned = std::array::from_fn(|series| over(&|of| of.churned[series]));
            let whole = Lossy { churned, contracted: over(&|of| of.contracted), failing: 0 };
            if whole != Lossy::default() {
                days.insert((None, *day, 0), whole);
            }
        }
        let failing: BTreeSet<Day> = self.failing.iter().map(|(day, _)| *day).collect();
        for day in failing {
            days.entry((None, day, 0)).or_default().failing = 1;
        }
        days
    }
}
