//! Webhooks that are posted where no route takes them: told and counted, so that a mistyped address at Stripe leaves a trace.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use http::{Method, request::Parts};

use super::{
    SIGNATURE,
    intake::{Intake, UNKNOWN, Why},
};
use crate::{
    clock::Clock,
    server::problem::Problem,
    telemetry::{Metrics, event::WebhookAnswered, trouble::Trouble},
};

/// Stripe's dashboard shows the answer to whoever mistyped the endpoint's address there.
const WHERE: &str = "webhooks are posted to /webhooks/stripe, without a slash at the end, or to /webhooks/stripe/NAME for \
                     stripe.endpoints.NAME: change the endpoint's address at Stripe";

/// Letters of an address that the log tells.
const TOLD: usize = 120;
/// So many addresses are each told once: whoever mends one mistyped address by another sees it, and no stranger fills the log.
const ADDRESSES: usize = 8;

/// Where a request was posted, as the log tells it: what a client made up never becomes a label, and is told short.
pub(super) fn address_told(head: &Parts) -> String {
    head.uri.path().chars().take(TOLD).collect()
}

/// What takes note of webhooks that nothing takes; clones share it.
#[derive(Clone, Debug)]
pub struct Elsewhere {
    metrics: Arc<Metrics>,
    intake: Intake,
    clock: Clock,
    trouble: Arc<Trouble>,
    told: Arc<Mutex<BTreeSet<String>>>,
}

impl Elsewhere {
    /// Beside what the endpoints themselves are told by.
    pub fn new(metrics: Arc<Metrics>, intake: Intake, clock: Clock) -> Self {
        Self { metrics, intake, clock, trouble: Arc::default(), told: Arc::default() }
    }

    /// What a request is told that is a webhook by its method and signature, though nothing here takes one; `None` where it is none.
    pub fn detail(head: &Parts) -> Option<&'static str> {
        (head.method == Method::POST && head.headers.contains_key(SIGNATURE)).then_some(WHERE)
    }

    /// Takes note of a webhook that was answered `problem`: in the metrics, and in the log once for each of the first addresses and else
    /// once for as long as it lasts.
    pub fn note(&self, head: &Parts, problem: &Problem, since: Instant) {
        let path = address_told(head);
        let detail = format!("it was posted to {path}, and {WHERE}");
        let (goes_on, is_first) = (self.trouble.is_to_be_said(problem.name).is_none(), self.is_first_at(&path));
        let told = goes_on && !is_first;
        WebhookAnswered {
            endpoint: UNKNOWN,
            answer: problem.name,
            status: problem.status.as_u16(),
            took: since.elapsed(),
            event: None,
            detail: Some(&detail),
            told,
        }
        .emit(&self.metrics);
        let why = Why { answer: problem.name, detail: WHERE, verified: false };
        self.intake.refused(UNKNOWN, self.clock.now(), why);
    }

    /// Whether an address is one of the first few, and comes for the first time.
    fn is_first_at(&self, path: &str) -> bool {
        // A set is whole after each insertion.
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.len() < ADDRESSES && told.insert(path.to_owned())
    }
}
