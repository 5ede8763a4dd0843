//! Rules that ask how things stand, not how they moved: what is set to end, retention, a record.

use std::collections::{BTreeMap, BTreeSet};

use jiff::ToSpan as _;

use super::{
    alert::Alert,
    history::{AccountDay, Loss, Nature},
    judge::{self, Candidate, Verdict},
    look::Look,
    words,
};
use crate::{
    config::alert_rules::Rule,
    ledger::{
        ahead::Due,
        ids::{CustomerId, ItemId, ProductId, SubscriptionId},
        money::{Currency, Decimal, Mrr},
        outcome::{Cause, Side},
        time::Day,
    },
    limits,
    report::{ReportError, ask::Ask, committed_answer::CommittedLine, period::Interval, service::AskError, terminal},
    store::derived::reports::{CustomersAsked, MovementFilter, Order},
};

/// Of a customer who leaves so many of the newest movements are looked through for the product that is given up.
const MOVEMENTS: i64 = 100;

/// MRR that is set to end within the next days, by currency: raised when it first reaches its share, closed when it no
/// longer does. Under a profile that counts a cancellation when it is asked for it lies outside MRR already (rule `churn-at`):
/// these customers still pay, and what is said of them says so.
pub(super) async fn scheduled_churn(look: &Look<'_>) -> Result<Vec<Verdict>, AskError> {
    // Who came and went on which day isn't asked.
    let rows = look.reports.daily_rows(&look.ask, Some(look.today.after())).await?;
    let mut mrr: BTreeMap<Currency, Mrr> = BTreeMap::new();
    let mut set_to_end: BTreeMap<(Currency, &str), Mrr> = BTreeMap::new();
    for row in rows.amounts.iter().filter(|row| row.day <= look.today) {
        add(mrr.entry(row.currency).or_default(), row.mrr)?;
    }
    for row in rows.in_doubt.iter().filter(|row| row.day <= look.today) {
        add(set_to_end.entry((row.currency, row.customer.as_str())).or_default(), row.scheduled_churn)?;
    }
    set_to_end.retain(|_, amount| *amount > Mrr::ZERO);
    let share = look.settings.scheduled_churn_share;
    let reached = |sum: Mrr, mrr: Mrr| mrr > Mrr::ZERO && sum > Mrr::ZERO && share.reached(sum, mrr);
    let mut at_most: BTreeMap<Currency, Mrr> = BTreeMap::new();
    for ((currency, _), amount) in &set_to_end {
        add(at_most.entry(*currency).or_default(), *amount)?;
    }
    // Only where all of it together would do is it worth asking what of it is in MRR and when it ends.
    let worth_asking = mrr.iter().any(|(currency, mrr)| at_most.get(currency).is_some_and(|sum| reached(*sum, *mrr)));
    let counts_requests = look.reports.counts_requests(&look.ask)?;
    let mut losses = match counts_requests {
        _ if !worth_asking => BTreeMap::new(),
        true => endings(look, &set_to_end).await?,
        false => losses_ahead(look, &set_to_end).await?,
    };
    let mut verdicts = Vec::new();
    for (currency, mrr) in mrr {
        let losses = losses.remove(&currency).unwrap_or_default();
        let sum = sum(losses.iter().map(|loss| loss.amount))?;
        let candidate = if reached(sum, mrr) {
            let sum = words::money(sum, currency);
            let (days, of) = (limits::ALERT_SCHEDULED_DAYS, words::money(mrr, currency));
            let beside = if counts_requests {
                format!("; where it was asked for it is churn already, and no part of the {of} that count now")
            } else {
                format!(", of {of}")
            };
            let statement = format!("{sum} of MRR is set to end within {days} days{beside}");
            let threshold = format!("{} % of MRR", share.percent());
            let losses: Vec<&Loss> = losses.iter().collect();
            Some(Candidate {
                alert: Alert::saying(Rule::ScheduledChurn, look.today, statement, threshold, &losses)?,
                subject: currency.to_string(),
                key: look.today.to_string(),
            })
        } else {
            None
        };
        let over = "Less than the threshold is set to end now.";
        verdicts.extend(judge::level(Rule::ScheduledChurn, currency.as_str(), candidate, &look.stored, over));
    }
    Ok(verdicts)
}

/// What these customers paid for what is set to end, of those with a subscription that ends within the next days.
async fn endings(
    look: &Look<'_>,
    set_to_end: &BTreeMap<(Currency, &str), Mrr>,
) -> Result<BTreeMap<Currency, Vec<Loss>>, AskError> {
    let zone = &look.reports.ledger.zone;
    // What should have ended before today and was never told to have is no longer ahead: `mrrd quality` has it.
    let ahead = zone.start_of(look.today)..=zone.end_of(plus(look.today, i32::from(limits::ALERT_SCHEDULED_DAYS)));
    let mut all: BTreeMap<Currency, Vec<Loss>> = BTreeMap::new();
    for ((currency, customer), amount) in set_to_end {
        let asked = CustomersAsked::One(CustomerId::from(*customer));
        let (found, _) = look.reports.customers(&look.ask, &asked, 1).await?;
        let ending: BTreeSet<SubscriptionId> = found
            .into_iter()
            .flat_map(|row| row.subscriptions)
            .filter(|one| one.ends_at.is_some_and(|at| ahead.contains(&at)))
            .map(|one| one.id)
            .collect();
        if !ending.is_empty() {
            all.entry(*currency).or_default().push(Loss {
                customer: (*customer).into(),
                currency: *currency,
                amount: *amount,
                nature: Nature::Voluntary,
                product: product_of(look, *currency, customer, &ending).await?,
                reason: Cause::Cancellation,
            });
        }
    }
    Ok(all)
}

/// The product of the largest item of these subscriptions, by what last moved each of them: what was asked to end counts no more,
/// and stands in its movement as it was before. `None` where its price has no product.
async fn product_of(
    look: &Look<'_>,
    currency: Currency,
    customer: &str,
    subscriptions: &BTreeSet<SubscriptionId>,
) -> Result<Option<ProductId>, AskError> {
    let of = MovementFilter { customer: Some(customer.into()), ..MovementFilter::default() };
    let (newest, _) = look.reports.movements(&look.ask, &of, Order::Descending, None, MOVEMENTS).await?;
    let parts = newest.into_iter().filter(|row| row.movement.currency == currency).flat_map(|row| {
        let mut parts = row.movement.parts;
        parts.sort_by_key(|part| std::cmp::Reverse(part.effective_at));
        parts
    });
    let mut items: BTreeMap<ItemId, Side> = BTreeMap::new();
    for part in parts.filter(|part| subscriptions.contains(&part.subscription)) {
        let counts = |side: &Side| side.amount > Mrr::ZERO;
        if let Some(side) = part.after.filter(counts).or(part.before) {
            items.entry(part.item).or_insert(side);
        }
    }
    Ok(items.into_values().max_by_key(|side| side.amount).and_then(|side| side.product))
}

/// What of the MRR that counts now goes when the subscriptions of these customers end within the next days: as
/// `/api/v1/committed` tells it, one loss a customer under the product of its largest part.
async fn losses_ahead(
    look: &Look<'_>,
    set_to_end: &BTreeMap<(Currency, &str), Mrr>,
) -> Result<BTreeMap<Currency, Vec<Loss>>, AskError> {
    let committed = look.reports.committed(&look.ask, limits::ALERT_SCHEDULED_DAYS, Some(0)).await?;
    let mut all: BTreeMap<Currency, Vec<Loss>> = BTreeMap::new();
    for entry in committed.data {
        let Ok(currency) = entry.currency.parse::<Currency>() else { continue };
        let mut parts: BTreeMap<&str, Vec<(Mrr, Option<&String>)>> = BTreeMap::new();
        let ends = |line: &&CommittedLine| {
            line.line == Due::ScheduledChurn.as_str() && set_to_end.contains_key(&(currency, line.customer.as_str()))
        };
        for line in entry.lines.iter().filter(ends) {
            let amount = Mrr::ZERO.checked_sub(line.amount_exact.0).ok_or(ReportError::Overflow)?;
            parts.entry(&line.customer).or_default().push((amount, line.product.as_ref()));
        }
        for (customer, parts) in parts {
            let largest = parts.iter().max_by_key(|(amount, _)| *amount).and_then(|(_, product)| product.cloned());
            all.entry(currency).or_default().push(Loss {
                customer: customer.into(),
                currency,
                amount: sum(parts.iter().map(|(amount, _)| *amount))?,
                nature: Nature::Voluntary,
                product: largest.map(|product| ProductId::from(product.as_str())),
                reason: Cause::Cancellation,
            });
        }
    }
    Ok(all)
}

/// Trailing NRR under its level. On change only: the first look keeps how it stands and says nothing.
pub(super) async fn nrr_below(look: &Look<'_>) -> Result<Vec<Verdict>, AskError> {
    // What it is today stands in the month up to today as well, which is summed; a day's metrics are read from everybody's rows.
    let first = Interval::Month.first_day(look.today);
    let ask = Ask { from: Some(first), to: Some(look.today), interval: Interval::Month, ..look.ask.clone() };
    let level = look.settings.nrr_below;
    let mut verdicts = Vec::new();
    let answer = look.reports.metrics(&ask).await?;
    // A currency's own ledger and the one in which everything is converted into it have two retentions.
    let of_ledger = if answer.converted { ", everything converted" } else { "" };
    for entry in answer.data {
        let Some(units) = entry.nrr_12m.millionths.and_then(|millionths| millionths.checked_mul(1_000_000)) else {
            continue;
        };
        let value = Decimal::from_units(units);
        let currency = entry.currency;
        let place = format!("alerts:nrr:{}:{currency}", look.ledger);
        let (is, was) =
            (if value < level { "below" } else { "above" }, look.reports.store.records.progress(&place).await?);
        let fell = is == "below" && was.as_deref() == Some("above");
        let candidate = if fell {
            let percent = |share: Decimal| terminal::percent(&share.to_string()).unwrap_or_else(|| share.to_string());
            let code = currency.as_str().to_uppercase();
            let statement = format!("NRR of the trailing twelve months fell to {} ({code}{of_ledger})", percent(value));
            let threshold = format!("under {}, on change only", percent(level));
            Some(Candidate {
                alert: Alert::saying(Rule::NrrBelow, look.today, statement, threshold, &[])?,
                subject: currency.to_string(),
                key: look.today.to_string(),
            })
        } else {
            None
        };
        match candidate {
            Some(candidate) => {
                verdicts.extend(judge::level(Rule::NrrBelow, currency.as_str(), Some(candidate), &look.stored, ""))
            }
            None if is == "above" => {
                let over = format!("It is {value} again.");
                verdicts.extend(judge::level(Rule::NrrBelow, currency.as_str(), None, &look.stored, &over));
            }
            None => {}
        }
        if was.as_deref() != Some(is) {
            look.keep(place, is);
        }
    }
    Ok(verdicts)
}

/// A month in which MRR closes a day higher than ever; once a month, and not in an account's first quarter.
pub(super) fn new_record(days: &[AccountDay]) -> Result<Vec<Verdict>, AskError> {
    const LEAST_DAYS: usize = 90;
    let Some((today, before)) = days.split_last().filter(|(_, before)| before.len() >= LEAST_DAYS) else {
        return Ok(Vec::new());
    };
    let month = today.day.before().0.strftime("%Y-%m").to_string();
    let mut verdicts = Vec::new();
    let currencies: BTreeSet<Currency> = today.mrr.keys().copied().collect();
    for currency in currencies {
        let at = |day: &AccountDay| day.mrr.get(&currency).copied().unwrap_or(Mrr::ZERO);
        let (now, most) = (at(today), before.iter().map(at).max().unwrap_or(Mrr::ZERO));
        if now <= most || most == Mrr::ZERO {
            continue;
        }
        let (now, most) = (words::money(now, currency), words::money(most, currency));
        let statement = format!("MRR closed at {now}, higher than ever; the highest before was {most}");
        let threshold = "once a month, at a close above every earlier one".to_owned();
        verdicts.push(Verdict::Raise(Box::new(Candidate {
            alert: Alert::saying(Rule::NewRecord, today.day.before(), statement, threshold, &[])?,
            subject: currency.to_string(),
            key: month.clone(),
        })));
    }
    Ok(verdicts)
}

/// So many days after `day`.
pub(super) fn plus(day: Day, days: i32) -> Day {
    day.0.checked_add(days.days()).map_or(day, Day)
}

fn sum(amounts: impl Iterator<Item = Mrr>) -> Result<Mrr, ReportError> {
    let mut amounts = amounts;
    amounts.try_fold(Mrr::ZERO, Mrr::checked_add).ok_or(ReportError::Overflow)
}

fn add(sum: &mut Mrr, amount: Mrr) -> Result<(), ReportError> {
    *sum = sum.checked_add(amount).ok_or(ReportError::Overflow)?;
    Ok(())
}
