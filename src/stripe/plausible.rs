//! Instants that can't be: an event that tells one is kept and listed, and counts in no figure.
//!
//! One absurd instant would stretch every series to it. Nothing at Stripe is older than 2010, and what has happened did so
//! before it was told; what is set to happen may lie years ahead. A test clock runs ahead of ours as it likes.

use crate::{
    event::Reading,
    ledger::{
        fact::{DiscountState, Fact, ItemState, Period, State, SubscriptionState},
        time::UnixTime,
    },
    limits,
};

/// What the reason of such an event begins with: the kind under which it is listed.
pub const IMPLAUSIBLE_TIME: &str = "implausible_time";

/// 2010-01-01.
const EARLIEST: UnixTime = UnixTime(1_262_304_000);

/// The reading of an event that was received at `received`, without its facts where one of their instants can't be.
pub fn checked(reading: Reading, livemode: bool, received: UnixTime) -> Reading {
    let Reading::Facts(facts) = &reading else { return reading };
    match facts.iter().find_map(|fact| fault(fact, livemode, received)) {
        Some(reason) => Reading::Unreadable(format!("{IMPLAUSIBLE_TIME}: {reason}")),
        None => reading,
    }
}

/// The first instant of a fact that can't be, in words.
fn fault(fact: &Fact, livemode: bool, received: UnixTime) -> Option<String> {
    let mut look = Look { clocked: !livemode && may_be_simulated(&fact.state), received, fault: None };
    look.past("event.created", fact.at);
    match &fact.state {
        State::Subscription { before, after } => {
            before.iter().chain([after]).for_each(|state| subscription(&mut look, state));
        }
        State::Invoice(invoice) => {
            look.past("invoice.created", invoice.created);
            look.past("invoice.status_transitions.paid_at", invoice.paid_at);
            look.past("invoice.status_transitions.finalized_at", invoice.finalized_at);
            invoice.lines.iter().for_each(|line| period(&mut look, "line.period", line.period));
        }
        State::Discount(state) => discount(&mut look, state),
        State::Schedule(schedule) => {
            let phases = schedule.phases.iter();
            phases.for_each(|phase| period(&mut look, "schedule.phases", phase.period));
        }
        State::Customer(_)
        | State::Price(_)
        | State::Product(_)
        | State::Coupon(_)
        | State::Correction(_)
        | State::TaxRate(_) => {}
    }
    look.fault
}

/// Whether an object may belong to a test clock: some don't tell.
fn may_be_simulated(state: &State) -> bool {
    match state {
        State::Subscription { after, .. } => after.test_clock.is_some(),
        State::Invoice(invoice) => invoice.test_clock.is_some(),
        State::Customer(customer) => customer.test_clock.is_some(),
        State::Discount(_) | State::Correction(_) | State::Schedule(_) => true,
        State::Price(_) | State::Product(_) | State::Coupon(_) | State::TaxRate(_) => false,
    }
}

struct Look {
    clocked: bool,
    received: UnixTime,
    fault: Option<String>,
}

impl Look {
    /// Something that has happened.
    fn past(&mut self, field: &str, at: impl Into<Option<UnixTime>>) {
        let Some(at) = at.into() else { return };
        if !self.clocked && at > self.received.plus(limits::INSTANT_LEAD_SECONDS) {
            self.found(format!("{field} is {at}, more than a day after it was received at {}", self.received));
        }
        self.any(field, at);
    }

    /// Something that has happened, or is set to.
    fn any(&mut self, field: &str, at: impl Into<Option<UnixTime>>) {
        let Some(at) = at.into() else { return };
        if at < EARLIEST {
            self.found(format!("{field} is {at}, before there was anything at Stripe"));
        }
        if at > self.received.plus(limits::INSTANT_AHEAD_SECONDS) {
            self.found(format!("{field} is {at}, more than a hundred years ahead"));
        }
    }

    fn found(&mut self, fault: String) {
        self.fault.get_or_insert(fault);
    }
}

fn subscription(look: &mut Look, state: &SubscriptionState) {
    look.past("subscription.created", state.created);
    look.past("subscription.start_date", state.start_date);
    look.past("subscription.ended_at", state.ended_at);
    look.past("subscription.canceled_at", state.canceled_at);
    look.any("subscription.cancel_at", state.cancel_at);
    look.any("subscription.trial_start", state.trial_start);
    look.any("subscription.trial_end", state.trial_end);
    look.any(
        "subscription.pause_collection.resumes_at",
        state.pause_collection.as_ref().and_then(|pause| pause.resumes_at),
    );
    period(look, "subscription.current_period", state.period);
    state.discounts.iter().for_each(|one| discount(look, one));
    for ItemState { period: billed, trial, discounts, .. } in &state.items {
        period(look, "item.current_period", *billed);
        period(look, "item.current_trial", *trial);
        discounts.iter().for_each(|one| discount(look, one));
    }
}

fn discount(look: &mut Look, discount: &DiscountState) {
    look.any("discount.start", discount.start);
    look.any("discount.end", discount.end);
}

fn period(look: &mut Look, field: &str, period: Option<Period>) {
    look.any(field, period.map(|period| period.start));
    look.any(field, period.map(|period| period.end));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stripe::read::read;

    /// 2026-02-01T09:00:00Z.
    const RECEIVED: UnixTime = UnixTime(1_769_936_400);

    fn verdict(livemode: bool, change: &str) -> String {
        let at = RECEIVED.0;
        let mut object = serde_json::json!({"id": "sub_1", "object": "subscription", "customer": "cus_1", "status": "active",
            "currency": "usd", "created": at, "start_date": at, "items": {"data": [{"id": "si_1", "quantity": 1,
                "current_period_start": at, "current_period_end": at + 2_678_400, "price": {"id": "price_1",
                "currency": "usd", "unit_amount": 1000, "recurring": {"interval": "month", "interval_count": 1}}}]}});
        let change: serde_json::Value = serde_json::from_str(change).unwrap();
        let mut created = serde_json::Value::from(at);
        for (field, value) in change.as_object().unwrap() {
            if field == "event" { created = value.clone() } else { object[field] = value.clone() }
        }
        let event = serde_json::json!({"id": "evt_1", "object": "event", "type": "customer.subscription.updated",
            "created": created, "livemode": livemode, "data": {"object": object}});
        match checked(read(event.to_string().as_bytes()).unwrap().reading, livemode, RECEIVED) {
            Reading::Facts(_) => "fine".into(),
            Reading::Unreadable(reason) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_has_happened_lies_between_2010_and_now_and_what_is_to_happen_may_lie_ahead() {
        let (day, year) = (86_400, 31_536_000);
        let ahead = RECEIVED.0 + 5 * year;
        for change in [
            "{}".to_owned(),
            format!(r#"{{"event":{}}}"#, RECEIVED.0 + day),
            r#"{"start_date":1262304000}"#.to_owned(),
            format!(r#"{{"cancel_at":{ahead},"trial_end":{ahead},"status":"trialing"}}"#),
            format!(
                r#"{{"discounts":[{{"id":"di_1","start":{},"end":{ahead},"coupon":{{"id":"C","percent_off":5}}}}]}}"#,
                RECEIVED.0
            ),
        ] {
            assert_eq!(verdict(true, &change), "fine", "{change}");
        }
        for (change, said) in [
            (r#"{"event":1}"#.to_owned(), "implausible_time: event.created is 1970-01-01T00:00:01Z, before there was"),
            (
                format!(r#"{{"event":{}}}"#, RECEIVED.0 + day + 1),
                "implausible_time: event.created is 2026-02-02T09:00:01Z, more than a day after",
            ),
            (r#"{"start_date":-62135596800}"#.to_owned(), "implausible_time: subscription.start_date is"),
            (format!(r#"{{"ended_at":{ahead}}}"#), "implausible_time: subscription.ended_at is"),
            (r#"{"trial_end":9223372036854775807}"#.to_owned(), "implausible_time: subscription.trial_end is"),
            (r#"{"cancel_at":1}"#.to_owned(), "implausible_time: subscription.cancel_at is"),
            (
                r#"{"discounts":[{"id":"di_1","start":5,"end":null,"coupon":{"id":"C","percent_off":5}}]}"#.to_owned(),
                "implausible_time: discount.start is",
            ),
        ] {
            let verdict = verdict(true, &change);
            assert!(verdict.starts_with(said), "{change}: {verdict}");
        }
        // A test clock runs ahead; whoever has none doesn't.
        let clocked = format!(r#"{{"test_clock":"clock_1","event":{ahead},"created":{ahead},"ended_at":{ahead}}}"#);
        assert_eq!(verdict(false, &clocked), "fine");
        assert!(verdict(true, &clocked).starts_with("implausible_time"));
        assert!(verdict(false, &format!(r#"{{"event":{ahead}}}"#)).starts_with("implausible_time"));
        assert!(verdict(false, r#"{"test_clock":"clock_1","created":1}"#).starts_with("implausible_time"));
    }
}
