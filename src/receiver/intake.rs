//! How each endpoint fares: whether webhooks are refused there while none is taken.
//!
//! Anybody may post nonsense to an endpoint, so that a refusal alone says nothing of it. What was verified is Stripe's, and is told
//! at once. What wasn't may be a stranger's, or Stripe's under another secret: it is told where nothing was ever taken since this
//! process began, and else once it has come in for a while with nothing taken in between, as what it is. What can't be written
//! (503) is told by the log (`store/health.rs`), and is no refusal here.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use serde::Serialize;
use utoipa::ToSchema;

use super::endpoints::DEFAULT;
use crate::{config, ledger::time::UnixTime, limits};

/// Posted to an address that no endpoint has.
pub(super) const UNKNOWN: &str = "unknown";

/// What came in by each endpoint of this process; clones share it. Empty in a process that takes no webhooks.
#[derive(Clone, Debug, Default)]
pub struct Intake(Arc<BTreeMap<String, Tally>>);

/// What came in by one endpoint.
#[derive(Debug, Default)]
struct Tally {
    /// When the last webhook was taken, in seconds since 1970; 0 before the first.
    taken: AtomicI64,
    /// Whether anything was refused since: so that taking one locks nothing.
    refuses: AtomicBool,
    refused: Mutex<Option<Refused>>,
}

/// Refusals since the last webhook that was taken.
#[derive(Clone, Debug)]
struct Refused {
    since: UnixTime,
    last: UnixTime,
    verified: bool,
    answer: &'static str,
    detail: String,
}

/// One refusal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Why<'a> {
    /// The problem's name.
    pub(super) answer: &'static str,
    /// What is wrong, and what would mend it.
    pub(super) detail: &'a str,
    /// Its signature is right and recent, so that it is nobody else's.
    pub(super) verified: bool,
}

/// An endpoint that refuses webhooks and takes none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Refusing {
    /// `default`, the name in `stripe.endpoints`, or `unknown`: posted to an address that no endpoint has.
    pub endpoint: String,
    /// The name of the refusal, as `mrrd_webhooks_total` counts it: `signature-mismatch` for one.
    pub answer: &'static str,
    /// What is wrong, and what would mend it.
    pub detail: String,
    /// Whether any of them was signed with the endpoint's secret just now, and so is Stripe's; what isn't may be anybody's.
    pub verified: bool,
    /// When the first of them was refused.
    pub since: String,
    /// When the endpoint took its last webhook; null where it has taken none since this process began.
    pub last_taken_at: Option<String>,
}

impl Intake {
    /// Of the endpoints of a configuration.
    pub fn of(stripe: &config::Stripe) -> Self {
        let default = (!stripe.webhook_secrets.is_empty()).then_some(DEFAULT);
        let names = default.into_iter().chain(stripe.endpoints.keys().map(String::as_str)).chain([UNKNOWN]);
        Self(Arc::new(names.map(|name| (name.to_owned(), Tally::default())).collect()))
    }

    /// A webhook is in the log.
    pub(super) fn taken(&self, endpoint: &str, now: UnixTime) {
        let Some(tally) = self.0.get(endpoint) else { return };
        tally.taken.store(now.0, Ordering::Relaxed);
        if tally.refuses.swap(false, Ordering::Relaxed) {
            *tally.refused() = None;
        }
    }

    /// A webhook was refused.
    pub(super) fn refused(&self, endpoint: &str, now: UnixTime, why: Why<'_>) {
        let Some(tally) = self.0.get(endpoint) else { return };
        let mut refused = tally.refused();
        let Why { answer, detail, verified } = why;
        let fresh = || Refused { since: now, last: now, verified, answer, detail: detail.to_owned() };
        let refused = refused.get_or_insert_with(fresh);
        // After a pause so long that it isn't told any more it begins anew.
        if now.0 - refused.last.0 > limits::REFUSALS_TOLD_SECONDS {
            *refused = fresh();
        }
        refused.last = now;
        // What is surely Stripe's says more than anything that may be a stranger's.
        if (verified || !refused.verified) && (refused.answer != answer || refused.verified != verified) {
            (refused.answer, refused.detail, refused.verified) = (answer, detail.to_owned(), verified);
        }
        tally.refuses.store(true, Ordering::Relaxed);
    }

    /// The endpoints of which it has to be told, by name.
    pub fn refusing(&self, now: UnixTime) -> Vec<Refusing> {
        let taken = |tally: &Tally| Some(tally.taken.load(Ordering::Relaxed)).filter(|at| *at > 0).map(UnixTime);
        let any = self.0.values().filter_map(taken).max();
        let of = |(name, tally): (&String, &Tally)| {
            let refused = tally.refused().clone()?;
            // Whoever posts where nothing is posts elsewhere too, or nowhere.
            let last_taken = if name == UNKNOWN { any } else { taken(tally) };
            let goes_on = refused.last.0 - refused.since.0 >= limits::REFUSALS_IN_A_ROW_SECONDS;
            let is_told = now.0 - refused.last.0 <= limits::REFUSALS_TOLD_SECONDS
                && (refused.verified || last_taken.is_none() || goes_on);
            is_told.then(|| Refusing {
                endpoint: name.clone(),
                answer: refused.answer,
                detail: refused.detail,
                verified: refused.verified,
                since: refused.since.to_string(),
                last_taken_at: last_taken.map(|at| at.to_string()),
            })
        };
        self.0.iter().filter_map(of).collect()
    }

    /// The endpoints there are, by name.
    pub fn endpoints(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl Tally {
    fn refused(&self) -> MutexGuard<'_, Option<Refused>> {
        // What is kept is replaced whole, whoever panics.
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MISMATCH: Why<'static> = Why { answer: "signature-mismatch", detail: "no v1 matches", verified: false };
    const OTHER: Why<'static> = Why { answer: "other-account", detail: "another account's", verified: true };
    const START: i64 = 1_780_000_000;

    fn intake() -> Intake {
        Intake(Arc::new([DEFAULT, "eu", UNKNOWN].map(|name| (name.to_owned(), Tally::default())).into()))
    }

    fn at(seconds: i64) -> UnixTime {
        UnixTime(START + seconds)
    }

    fn told(intake: &Intake, seconds: i64) -> Vec<(String, &'static str)> {
        intake.refusing(at(seconds)).into_iter().map(|one| (one.endpoint, one.answer)).collect()
    }

    #[test]
    fn what_isnt_verified_is_told_at_once_where_nothing_was_ever_taken() {
        let intake = intake();
        assert!(told(&intake, 0).is_empty());
        intake.refused(DEFAULT, at(1), MISMATCH);
        let [one] = &*intake.refusing(at(2)) else { panic!() };
        assert_eq!((one.verified, one.last_taken_at.as_ref()), (false, None));
        assert_eq!(one.since, at(1).to_string());
        intake.taken(DEFAULT, at(3));
        assert!(told(&intake, 3).is_empty());
    }

    #[test]
    fn a_stranger_alone_makes_nothing_of_an_endpoint_that_takes_webhooks() {
        let intake = intake();
        intake.taken(DEFAULT, at(0));
        for second in 1..limits::REFUSALS_IN_A_ROW_SECONDS {
            intake.refused(DEFAULT, at(second), MISMATCH);
            assert!(told(&intake, second).is_empty());
        }
        intake.taken(DEFAULT, at(600));
        intake.refused(DEFAULT, at(601), MISMATCH);
        assert!(told(&intake, 601).is_empty());
    }

    #[test]
    fn refusals_that_go_on_with_nothing_taken_in_between_are_told_as_what_they_are() {
        let intake = intake();
        intake.taken(DEFAULT, at(0));
        intake.refused(DEFAULT, at(10), MISMATCH);
        intake.refused(DEFAULT, at(10 + limits::REFUSALS_IN_A_ROW_SECONDS), MISMATCH);
        let [one] = &*intake.refusing(at(1000)) else { panic!() };
        assert_eq!((one.verified, one.last_taken_at.clone()), (false, Some(at(0).to_string())));
        // Nobody posts any more: there is nothing to tell after a day.
        assert!(told(&intake, 1000 + limits::REFUSALS_TOLD_SECONDS).is_empty());
    }

    #[test]
    fn what_is_verified_is_told_at_once_and_no_stranger_hides_it() {
        let intake = intake();
        intake.taken("eu", at(0));
        intake.refused("eu", at(1), MISMATCH);
        intake.refused("eu", at(2), OTHER);
        intake.refused("eu", at(3), MISMATCH);
        assert_eq!(told(&intake, 3), [("eu".to_owned(), "other-account")]);
        assert!(intake.refusing(at(3))[0].verified);
        intake.taken("eu", at(4));
        assert!(told(&intake, 4).is_empty());
    }

    #[test]
    fn an_address_without_an_endpoint_is_told_while_no_endpoint_has_taken_anything() {
        let intake = intake();
        intake.refused(UNKNOWN, at(1), Why { answer: "unknown-endpoint", ..MISMATCH });
        assert_eq!(told(&intake, 1), [(UNKNOWN.to_owned(), "unknown-endpoint")]);
        intake.taken(DEFAULT, at(2));
        assert!(told(&intake, 2).is_empty());
        intake.refused("elsewhere", at(3), MISMATCH);
        assert!(told(&intake, 3).is_empty());
    }
}
