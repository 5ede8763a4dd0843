//! Which body of an event counts, where it came in several (rule `variants`): told by what it says, for which of them came first is no
//! reason (rule `arrival-order`).

use std::collections::BTreeSet;

use serde::Serialize;
use utoipa::ToSchema;

use crate::ledger::{explain::told_in_several, fact::Fact, ids::EventId};

/// An event that came in several bodies, and the one that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CountingVariant {
    /// Stripe's id of the event, `evt_…`.
    pub event: String,
    /// How many bodies tell of it.
    pub bodies: usize,
    /// The API version of the body that counts; null where it names none.
    pub api_version: Option<String>,
}

impl CountingVariant {
    /// The event in a sentence, with the body that counts.
    pub fn said(&self) -> String {
        let Self { event, bodies, api_version } = self;
        match api_version {
            Some(version) => format!("{event} ({bodies} bodies: the one that counts is of API version {version})"),
            None => format!("{event} ({bodies} bodies of no API version: rule variants says which counts)"),
        }
    }
}

/// Of these events those that `facts` tell in several bodies, each with the one that counts.
pub(super) fn counting(events: &BTreeSet<&EventId>, facts: &[Fact]) -> Vec<CountingVariant> {
    let mut told = BTreeSet::new();
    // What an event tells of its subscription comes first; the rest of it is of the same body, but for equal versions.
    let several = told_in_several(facts).into_iter();
    let several = several.filter(|(fact, _)| events.contains(&fact.event) && told.insert(&fact.event));
    several
        .map(|(fact, bodies)| CountingVariant {
            event: fact.event.to_string(),
            bodies,
            api_version: fact.api_version.as_deref().map(str::to_owned),
        })
        .collect()
}
