//! One look at the ledger: what every rule is handed.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use crate::{
    config::{alert_rules::Rule, alerting::Alerts},
    ledger::time::Day,
    report::{ask::Ask, service::Reports},
    store::records::alerts::AlertRow,
};

/// One look: everything the rules ask.
pub(super) struct Look<'a> {
    pub(super) reports: Reports<'a>,
    pub(super) settings: &'a Alerts,
    pub(super) ask: Ask,
    pub(super) today: Day,
    /// What tells this ledger's alerts from another's.
    pub(super) ledger: String,
    /// What was said in the last weeks, and what is still open.
    pub(super) stored: Vec<AlertRow>,
    /// Places to keep once the verdicts are.
    pub(super) kept: Mutex<BTreeMap<String, String>>,
}

impl Look<'_> {
    /// Whether a rule is switched on.
    pub(super) fn has(&self, rule: Rule) -> bool {
        self.settings.rules.contains(&rule)
    }

    /// Keeps how something stood, after what it means was said: killed between the two, it is said again by the same id.
    pub(super) fn keep(&self, place: String, how: &str) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).insert(place, how.to_owned());
    }
}
