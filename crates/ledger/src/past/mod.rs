//! What a subscription was before the first thing known of it, as its invoices tell it: the real history that replaces an
//! opening balance (rule `opening-balance`).
//!
//! Each invoice bills the items of a period: from its creation on they are known. What changed within a period is known
//! where corrections (prorations) say so, else only that it changed until the next invoice, where it is then booked; such
//! stretches are quality entry `unclear_past`. An event always beats this: the past ends where the first fact begins.

mod bills;
mod held;
mod status;

pub(super) use bills::Bills;

use super::{
    fact::{CancelReason, Status, SubscriptionState},
    ids::EventId,
    outcome::{QualityEntry, QualityKind},
    snapshot::Entry,
    time::{UnixTime, Zone},
};
use held::{A_DAY, Held, Unclear};

/// The states before the first thing known.
#[derive(Debug)]
pub(super) struct Past {
    /// In time order, each with the invoice that tells it.
    pub states: Vec<(UnixTime, SubscriptionState, EventId)>,
    /// How the first came into the line.
    pub entry: Entry,
    /// What the invoices leave open.
    pub quality: Vec<QualityEntry>,
}

/// Rebuilds what lies before `until`, where the subscription stood as in `last`. `None` where no invoice tells of it.
pub(super) fn rebuild(last: &SubscriptionState, until: UnixTime, bills: &Bills<'_>, zone: &Zone) -> Option<Past> {
    if last.status == Status::IncompleteExpired {
        // It never ran, whatever was billed.
        return None;
    }
    let cycles = bills.cycles(last, until);
    let first = cycles.first()?;
    // What differs from the last invoice and isn't told by it is booked as an opening balance is: on the day before.
    let late = zone.end_of(zone.day(until).before());
    let (began, entry) = beginning(last, first.at, zone);
    let mut unclear = Vec::new();
    if entry != Entry::Created {
        let what = "no invoice tells what was before the first one known".to_owned();
        unclear.push(Unclear { from: last.start_date.unwrap_or(last.created), until: first.at, what });
    }
    let prorations = bills.prorations(last, until);
    let held = held::held(last, &cycles, &prorations, bills, began, until, late, &mut unclear);
    let statuses = status::Statuses::told(last, &cycles, began, until, late, &mut unclear);

    let request = request(last).filter(|at| (began..until).contains(at));
    let pause = last.pause_collection.as_ref().and_then(|_| Some(late.max(held.last()?.at))).filter(|at| *at < until);
    let mut instants: Vec<UnixTime> = held.iter().map(|held| held.at).chain(statuses.instants()).collect();
    instants.extend(request.into_iter().chain(pause));
    instants.retain(|at| (began..until).contains(at));
    instants.push(began);
    instants.sort_unstable();
    instants.dedup();
    let states = instants.into_iter().filter_map(|at| {
        let held: &Held<'_> = held.iter().rfind(|held| held.at <= at)?;
        let asked = request.is_none_or(|request| request <= at);
        let state = SubscriptionState {
            status: statuses.at(at),
            items: held.items.clone(),
            items_complete: held.bill.state.lines_complete,
            discounts: held.discounts.clone(),
            ended_at: None,
            canceled_at: last.canceled_at.filter(|_| asked),
            cancel_at: last.cancel_at.filter(|_| asked),
            cancel_at_period_end: last.cancel_at_period_end && asked,
            cancel_reason: None,
            cancel_feedback: None,
            period: held.items.iter().filter_map(|item| item.period).max_by_key(|period| (period.end, period.start)),
            pause_collection: last.pause_collection.clone().filter(|_| pause.is_some_and(|pause| pause <= at)),
            pause_reason: None,
            latest_invoice: Some(held.bill.state.id.clone()),
            pending_update: false,
            ..last.clone()
        };
        Some((at, state, held.bill.event.clone()))
    });
    let states = states.collect();
    let quality = unclear.into_iter().map(|unclear| entry_of(last, unclear, zone)).collect();
    Some(Past { states, entry, quality })
}

/// What ran before an end: what ended, as it was an instant before.
pub(super) fn before_end(ended: &SubscriptionState, at: UnixTime) -> SubscriptionState {
    let status = match &ended.cancel_reason {
        // Ended within its trial: it never counted.
        _ if ended.trial_end.is_some_and(|end| end >= at) => Status::Trialing,
        Some(CancelReason::PaymentFailed) => Status::PastDue,
        _ => Status::Active,
    };
    SubscriptionState {
        status,
        ended_at: None,
        canceled_at: ended.canceled_at.filter(|asked| *asked < at),
        cancel_reason: None,
        cancel_feedback: None,
        ..ended.clone()
    }
}

/// Where the past begins: with the subscription, if its invoices or its trial reach back so far, else on the day before the
/// first of them.
fn beginning(last: &SubscriptionState, first: UnixTime, zone: &Zone) -> (UnixTime, Entry) {
    let created = last.created.min(first);
    let trial_from_start = last.trial_start.is_some_and(|start| start <= created.plus(A_DAY));
    let reached = match last.trial_end.filter(|_| trial_from_start) {
        // A trial needn't have an invoice of its own.
        Some(end) => first <= end.plus(A_DAY),
        None => first <= created.plus(A_DAY),
    };
    let start = last.start_date.unwrap_or(last.created);
    let day = zone.day(first);
    if reached {
        (created, Entry::Created)
    } else if zone.day(start) < day {
        (zone.end_of(day.before()), Entry::Opening)
    } else {
        (start.min(first), Entry::Start)
    }
}

/// When the end was asked for: from then on the state shows it. A fixed term shows it from the beginning.
fn request(last: &SubscriptionState) -> Option<UnixTime> {
    let set = last.cancel_at.is_some() || last.cancel_at_period_end;
    last.canceled_at.filter(|at| set && *at > last.created)
}

fn entry_of(last: &SubscriptionState, unclear: Unclear, zone: &Zone) -> QualityEntry {
    let Unclear { from, until, what } = unclear;
    QualityEntry {
        kind: QualityKind::UnclearPast,
        object: last.id.as_str().into(),
        event: None,
        at: from,
        until: None,
        detail: format!("from {} to {}: {what}", zone.day(from), zone.day(until)),
        settle: "its events of that time, from an export: mrrd replay".into(),
    }
}
