//! Which body of an event counts, where it came in several (rule `variants`).

use std::collections::BTreeSet;

use serde::Serialize;
use utoipa::ToSchema;

use super::reports::{AskError, Reports};
use crate::{
    event::{Reading, Seq},
    ledger::{explain::told_in_several, fact::Fact, ids::EventId},
    stripe::read::read_again,
};

/// An event that came in several bodies, and the one that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CountingVariant {
    /// Stripe's id of the event, `evt_…`.
    pub event: String,
    /// The variant that counts, 0 being the first received; null where its body was erased, or is read otherwise by now.
    pub variant: Option<i64>,
    /// How many bodies are kept.
    pub bodies: usize,
    /// The API version of the body that counts; null where it names none.
    pub api_version: Option<String>,
}

impl CountingVariant {
    /// The event in a sentence, with the variant that counts.
    pub fn said(&self) -> String {
        let Self { event, variant, bodies, .. } = self;
        match variant {
            Some(variant) => format!("{event} (variant {variant} of 0 to {})", bodies.saturating_sub(1)),
            None => format!("{event} (one of {bodies} variants)"),
        }
    }
}

impl Reports<'_> {
    /// Of these events those that came in several bodies up to a place in the log, each with the body that counts in `facts`.
    pub(super) async fn variants(
        &self,
        events: &BTreeSet<&EventId>,
        facts: &[Fact],
        known_at: Option<Seq>,
    ) -> Result<Vec<CountingVariant>, AskError> {
        let mut told = BTreeSet::new();
        let mut variants = Vec::new();
        // What an event tells of its subscription comes first; the rest of it is of the same body, but for equal versions.
        for fact in told_in_several(facts) {
            if !events.contains(&fact.event) || !told.insert(&fact.event) {
                continue;
            }
            let mut bodies = self.store.log.bodies(&fact.event).await?;
            bodies.retain(|(row, _)| known_at.is_none_or(|seq| row.seq <= seq));
            if bodies.len() < 2 {
                continue;
            }
            let counts = bodies.iter().find(|(row, body)| match read_again(body, row) {
                Reading::Facts(read) => read.contains(fact),
                Reading::Ignored | Reading::Thin(_) | Reading::Unreadable(_) => false,
            });
            variants.push(CountingVariant {
                event: fact.event.to_string(),
                variant: counts.map(|(row, _)| row.variant),
                bodies: bodies.len(),
                api_version: fact.api_version.as_deref().map(str::to_owned),
            });
        }
        Ok(variants)
    }
}
