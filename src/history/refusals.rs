//! What Stripe refuses: collected while a round of healing goes on without it, and kept for status, metrics and doctor.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::backfill::HistoryError;
use crate::{
    ledger::time::UnixTime,
    limits,
    store::{StoreError, records::Records},
    stripe::client::{ApiError, route},
};

/// The key under which the store keeps it.
const PLACE: &str = "stripe.refused";

/// A route of Stripe's API that refuses what mrrd asks of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The route that refuses: `GET /v1/subscriptions/{id}`.
    pub route: String,
    /// What Stripe said last, and what to do.
    pub reason: String,
    /// Requests that were refused, or not even made for that reason, in the last round that asked.
    pub requests: u64,
    /// Since when it has refused them.
    pub since: UnixTime,
    /// When the route refused last.
    pub last: UnixTime,
}

impl Refusal {
    /// All that are known, by route: an answer takes a route off, and so does a day in which nobody asked.
    pub async fn current(records: &Records) -> Result<Vec<Self>, StoreError> {
        let kept = records.progress(PLACE).await?;
        Ok(kept.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
    }
}

/// One round of questions to Stripe.
#[derive(Debug, Default)]
pub(super) struct Round {
    answered: BTreeSet<String>,
    refused: BTreeMap<String, Refused>,
}

#[derive(Debug)]
struct Refused {
    requests: u64,
    reason: String,
    /// Asking on would only be refused again.
    closed: bool,
}

impl Round {
    /// The answer, or `None` for a refusal, which is noted. Errors are what else went wrong: the round is over.
    pub(super) fn allow<T, E: Into<HistoryError>>(
        &mut self,
        path: &str,
        answer: Result<T, E>,
    ) -> Result<Option<T>, HistoryError> {
        let errors = match answer.map_err(Into::into) {
            Ok(answer) => {
                self.answered.insert(route(path));
                return Ok(Some(answer));
            }
            Err(HistoryError::Api(error)) => vec![error],
            Err(HistoryError::Refused(errors)) => errors,
            Err(error) => return Err(error),
        };
        for error in errors {
            self.note(error)?;
        }
        Ok(None)
    }

    fn note(&mut self, error: ApiError) -> Result<(), HistoryError> {
        let Some(route) = error.refused_route() else { return Err(error.into()) };
        let reason = error.to_string();
        if !self.refused.contains_key(&route) {
            tracing::warn!(route, reason, "Stripe refuses this: the rest goes on without it");
        }
        let answered = self.answered.contains(&route);
        let refused = self.refused.entry(route).or_insert(Refused { requests: 0, reason, closed: false });
        refused.requests += 1;
        refused.closed = error.is_of_the_key() || (!answered && refused.requests >= limits::REFUSALS_OF_A_ROUTE);
        Ok(())
    }

    /// Whether there is no use in asking for `path` in this round; what isn't asked then counts as refused.
    pub(super) fn is_closed(&mut self, path: &str) -> bool {
        let closed = self.refused.get_mut(&route(path)).filter(|refused| refused.closed);
        closed.map(|refused| refused.requests += 1).is_some()
    }

    /// Keeps what this round learnt, asked at `now`: whatever it didn't ask stays as it was.
    pub(super) async fn keep(self, records: &Records, now: UnixTime) -> Result<(), StoreError> {
        let before = Refusal::current(records).await?;
        let fresh = |one: &Refusal| one.last.plus(limits::REFUSAL_KEPT_SECONDS) > now;
        let mut refused: BTreeMap<String, Refusal> = before
            .iter()
            .filter(|one| fresh(one) && !self.answered.contains(&one.route))
            .map(|one| (one.route.clone(), one.clone()))
            .collect();
        for (route, Refused { requests, reason, .. }) in self.refused {
            let since = refused.get(&route).map_or(now, |before| before.since);
            refused.insert(route.clone(), Refusal { route, reason, requests, since, last: now });
        }
        let refused: Vec<Refusal> = refused.into_values().collect();
        if refused == before {
            return Ok(());
        }
        // Text and numbers: they can be written as JSON.
        let text = serde_json::to_string(&refused).unwrap_or_default();
        records.set_progress(PLACE, &text).await
    }
}
