//! Where a closed month was closed, for whoever reports it later: the place in the log, and what its bridges closed with.

use std::collections::BTreeMap;

use super::{
    ask::{Ask, KnownAt},
    month::Month,
    reports::{AskError, Reports},
};
use crate::{
    ledger::money::{Currency, Mrr},
    reconciler::rules,
    store::records::closings::Closing,
};

/// A month, with its closing where it has one.
#[derive(Clone, Debug)]
pub struct MonthKept {
    /// The closing that holds; none while the month is open.
    pub closing: Option<Closing>,
    /// The closing before it: of an earlier month, the newest.
    pub before: Option<Closing>,
    /// What its bridges closed with, in each currency of the ledger asked.
    pub closed_with: BTreeMap<Currency, Mrr>,
    /// Which rules are others than it was closed under.
    pub rules_changed: Vec<String>,
    /// The log as it was closed, cut at the month's end; of an open month as it is, cut there or now.
    pub known_at: KnownAt,
}

impl Reports<'_> {
    /// How a month is kept under the profile that `ask` is about.
    pub async fn month_kept(&self, ask: &Ask, month: Month) -> Result<MonthKept, AskError> {
        let profile = self.kept(ask)?;
        let mut of_profile = self.closings_at(None).await?;
        of_profile.retain(|closing| closing.profile == profile.name);
        let end = self.ledger.zone.end_of(month.last());
        let before = of_profile.iter().filter(|one| one.month < month).max_by_key(|one| one.month).cloned();
        let closing = of_profile.into_iter().find(|one| one.month == month);
        let mut kept = MonthKept {
            known_at: match &closing {
                Some(closing) => KnownAt::Cut { seq: closing.seq, at: end },
                None => KnownAt::Cut { seq: self.read_to().await?, at: end.min(self.now) },
            },
            closing,
            before,
            closed_with: BTreeMap::new(),
            rules_changed: Vec::new(),
        };
        if let Some(closing) = &kept.closing {
            let scope = self.resolve_now(ask, &profile).await?.scope;
            for total in self.store.records.closed_totals(closing).await? {
                if &*total.line == "closing" && scope.includes(total.livemode, total.account.as_ref()) {
                    let sum = kept.closed_with.entry(total.currency).or_default();
                    *sum = sum.checked_add(total.amount).ok_or(super::ReportError::Overflow)?;
                }
            }
            let rules_now = self.rules(std::slice::from_ref(&profile)).await?.fingerprint();
            kept.rules_changed = rules::differences(&closing.inputs, &rules_now);
        }
        Ok(kept)
    }
}
