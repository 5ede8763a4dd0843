//! What a subscription's line comes to: how it stands last, and the trials that ended in it.

use super::{
    counting::{CountStatus, Counted},
    fact::Status,
    money::Mrr,
    outcome::{SubscriptionLedger, Trial},
    time::UnixTime,
};

/// The subscription as it stands after the last thing known of it; the future written ahead is left out.
pub(super) fn latest(counted: &Counted<'_>) -> Option<SubscriptionLedger> {
    let last = counted.snapshots.last()?;
    let state = &*last.state;
    let set_to_end =
        state.cancel_at.or_else(|| state.period.filter(|_| state.cancel_at_period_end).map(|period| period.end));
    Some(SubscriptionLedger {
        id: state.id.clone(),
        status: word(&state.status).into(),
        currency: counted.spans.last().and_then(|span| span.currency).or(state.currency),
        mrr: counted.stretches.iter().rev().find(|one| !one.alone).map_or(Mrr::ZERO, |one| one.mrr),
        started_at: state.start_date.unwrap_or(state.created),
        ended_at: state.ended_at,
        ends_at: set_to_end.filter(|_| state.ended_at.is_none()),
        event: last.events.first()?.clone(),
    })
}

/// Trials that ended, as far as time alone carries them: readers cut at now ([`Trial::at`]). One granted to a subscription that counted is no trial of a customer to be won (rule `trial-churn`).
pub(super) fn trials(counted: &Counted<'_>) -> Vec<Trial> {
    let stretches = &counted.stretches;
    let mut trials = Vec::new();
    let mut began: Option<UnixTime> = None;
    for (place, stretch) in stretches.iter().enumerate() {
        if stretch.count_status == CountStatus::Trial {
            if !stretch.granted && began.is_none() {
                began = Some(counted.state(stretch).trial_start.unwrap_or(stretch.from));
            }
            continue;
        }
        let Some(started_at) = began.take() else { continue };
        // Active, or its first invoice paid, before it was on trial again; past due alone has paid nothing.
        let next = stretches[place..].iter().find(|one| one.count_status == CountStatus::Trial).map(|next| next.from);
        let until_the_next = stretches[place..].iter().take_while(|one| one.count_status != CountStatus::Trial);
        let active =
            until_the_next.filter(|one| counted.state(one).status == Status::Active).map(|one| one.from).next();
        let paid = counted.paid.filter(|paid| *paid >= started_at).map(|paid| paid.max(stretch.from));
        let paid = paid.filter(|paid| next.is_none_or(|next| *paid < next));
        let converted_at = active.into_iter().chain(paid).min();
        let subscription = counted.state(stretch).id.clone();
        trials.push(Trial { subscription, started_at, ended_at: stretch.from, converted_at });
    }
    trials
}

/// Stripe's word for a status.
pub(super) fn word(status: &Status) -> &str {
    match status {
        Status::Incomplete => "incomplete",
        Status::IncompleteExpired => "incomplete_expired",
        Status::Trialing => "trialing",
        Status::Active => "active",
        Status::PastDue => "past_due",
        Status::Unpaid => "unpaid",
        Status::Paused => "paused",
        Status::Canceled => "canceled",
        Status::Other(word) => word,
    }
}
