//! What a month is closed with: its figures by customer, and what they were made from (rule `closing`).

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::{
    ReportError,
    basis::{COUNTED, STOOD},
    memory::Memory,
    month::{Figures, Month, figures, of_month},
};
use crate::{
    event::{CustomerKey, Seq},
    ledger::{
        ids::AccountId,
        money::{Currency, Mrr},
        movement_id::movement_id,
        outcome::{CustomerLedger, Kind, Movement, QualityEntry, QualityKind},
        time::{UnixTime, Zone},
    },
    store::records::closings::*,
};

/// Everything a month is closed with. Simulated time is no month that closes: customers on test clocks are left out.
pub(super) fn closed(
    closing: Closing,
    ledgers: &Memory,
    month: Month,
    zone: &Zone,
) -> Result<ClosedMonth, ReportError> {
    let end = zone.end_of(month.last());
    let mut totals: BTreeMap<(bool, Option<AccountId>, Currency), Figures> = BTreeMap::new();
    let mut stood: BTreeMap<(bool, Option<AccountId>, Currency), BTreeMap<&'static str, Mrr>> = BTreeMap::new();
    let (mut customers, mut movements) = (Vec::new(), Vec::new());
    for (key, ledger) in ledgers.customers.iter().filter(|(_, ledger)| ledger.test_clock.is_none()) {
        for (currency, lines) in amounts_at(ledger, end)? {
            let all = stood.entry((key.livemode, key.account.clone(), currency)).or_default();
            for (line, amount) in lines {
                let sum = all.entry(line).or_default();
                *sum = sum.checked_add(amount).ok_or(ReportError::Overflow)?;
            }
        }
        for (currency, one) in figures(ledger, month, end)? {
            totals.entry((key.livemode, key.account.clone(), currency)).or_default().add(&one)?;
            let Figures { opening, closing, .. } = one;
            customers.push(ClosedCustomer { key: key.clone(), currency, opening, closing });
        }
        for movement in ledger.movements.iter().filter(|movement| of_month(movement, month, end)) {
            let id = movement_id(&ledgers.profile, key.livemode, key.account.as_ref(), &key.customer, movement);
            let Movement { currency, day, effective_at, kind, amount, .. } = *movement;
            movements.push(ClosedMovement {
                key: key.clone(),
                id: id.into(),
                currency,
                day,
                effective_at,
                kind,
                amount,
            });
        }
    }
    let mut lines = |((livemode, account, currency), one): ((bool, Option<AccountId>, Currency), Figures)| {
        let moved =
            Kind::ALL.iter().map(|kind| (kind.as_str(), one.lines.get(*kind))).filter(|(_, sum)| *sum != Mrr::ZERO);
        let beside = stood.remove(&(livemode, account.clone(), currency)).unwrap_or_default();
        let bridge = [("opening", one.opening)].into_iter().chain(moved).chain([("closing", one.closing)]);
        let all: Vec<_> = bridge.chain(beside).collect();
        all.into_iter().map(move |(line, amount)| ClosedTotal {
            livemode,
            account: account.clone(),
            currency,
            line: line.into(),
            amount,
        })
    };
    let totals = totals.into_iter().flat_map(&mut lines).collect();
    Ok(ClosedMonth { closing, totals, customers, movements })
}

/// What stands of a customer at the month's end beside its MRR, in each currency; counts are whole numbers.
fn amounts_at(
    ledger: &CustomerLedger,
    end: UnixTime,
) -> Result<BTreeMap<Currency, BTreeMap<&'static str, Mrr>>, ReportError> {
    let mut all: BTreeMap<Currency, BTreeMap<&'static str, Mrr>> = BTreeMap::new();
    let mut add = |currency, lines: &[&'static str], amounts: &[Mrr]| {
        let of = all.entry(currency).or_default();
        lines.iter().zip(amounts).try_for_each(|(line, amount)| {
            let sum = of.entry(line).or_default();
            *sum = sum.checked_add(*amount).ok_or(ReportError::Overflow)?;
            Ok::<_, ReportError>(())
        })
    };
    for delta in ledger.deltas.iter().filter(|delta| delta.at <= end) {
        add(delta.currency, &STOOD, &[delta.list, delta.estimated, delta.at_risk, delta.scheduled_churn])?;
    }
    for count in ledger.counts.iter().filter(|count| count.at <= end) {
        let whole = |count: i64| Mrr(i128::from(count) * Mrr::MINOR);
        if let Some(currency) = count.currency {
            add(currency, &COUNTED, &[whole(count.customers), whole(count.subscriptions), whole(count.trials)])?;
        }
    }
    Ok(all)
}

/// The first rate that is missing for any figure up to `end`.
pub(super) fn missing_rate(ledgers: &Memory, end: UnixTime) -> Option<&QualityEntry> {
    let all = ledgers.customers.iter().flat_map(|(_, ledger)| &ledger.quality);
    all.filter(|entry| entry.kind == QualityKind::MissingRate && entry.at <= end).min_by_key(|entry| entry.at)
}

/// SHA-256 over what the figures depend on, in hexadecimal.
pub(super) fn hash(month: Month, seq: Seq, inputs: &str) -> String {
    hex::encode(Sha256::digest(format!("month {month}\nlog {seq}\n{inputs}")))
}

/// The figures a month was closed with, by customer and currency, put together again.
pub(super) fn kept(
    customers: &[ClosedCustomer],
    movements: &[ClosedMovement],
) -> Result<BTreeMap<(CustomerKey, Currency), Figures>, ReportError> {
    let mut all: BTreeMap<_, Figures> = BTreeMap::new();
    for row in customers {
        let one = all.entry((row.key.clone(), row.currency)).or_default();
        (one.opening, one.closing) = (row.opening, row.closing);
    }
    for row in movements {
        all.entry((row.key.clone(), row.currency)).or_default().lines.add(row.kind, row.amount)?;
    }
    Ok(all)
}
