//! The last time the figures were held against Stripe's own, kept beside the log: what of them agreed, and why the rest didn't.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::stripe_audit::ExportAudit;
use crate::{
    ledger::time::UnixTime,
    store::{StoreError, records::Records},
};

/// The key under which the store keeps it.
const PLACE: &str = "audit.figures";

/// What holding the figures against Stripe's came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LastAudit {
    /// When the audit ended, by mrrd's clock.
    pub at: String,
    /// `export` for a file of Stripe's Billing overview, `metrics` for its Metrics API.
    pub source: String,
    /// Under whose rules the ledger answered.
    pub profile: String,
    /// The first month or day compared.
    pub from: String,
    /// The last month or day of the export.
    pub to: String,
    /// Figures held against each other.
    pub compared: usize,
    /// Those that agree, to less than one minor unit.
    pub matched: usize,
    /// Why the others don't; the reason that explains most comes first.
    pub reasons: Vec<AuditReason>,
}

/// A reason for which figures differ from Stripe's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditReason {
    /// `setting`, `excluded`, `currency`, `time_zone`, `quality`, `kind`, `not_named` or `missing_event`.
    pub reason: String,
    /// The knobs that would make the ledger's figure Stripe's, as `churn_at = end`; none where it is no setting.
    pub knobs: Vec<String>,
    /// Said in a few words.
    pub text: String,
    /// How many differences it explains.
    pub differences: usize,
}

impl LastAudit {
    /// What there is to keep of an audit.
    pub fn new(audit: &ExportAudit, source: &str, at: UnixTime) -> Self {
        let reasons = audit.reasons.iter().map(|one| AuditReason {
            reason: one.reason.to_owned(),
            knobs: one.knobs.iter().map(|knob| format!("{} = {}", knob.knob, knob.to)).collect(),
            text: one.text.clone(),
            differences: one.differences,
        });
        Self {
            at: at.to_string(),
            source: source.to_owned(),
            profile: audit.profile.clone(),
            from: audit.from.clone(),
            to: audit.to.clone(),
            compared: audit.compared,
            matched: audit.matched,
            reasons: reasons.collect(),
        }
    }

    /// Keeps it as the last one, whichever process asks.
    pub async fn keep(&self, records: &Records) -> Result<(), StoreError> {
        // Texts and counts always serialise.
        records.set_progress(PLACE, &serde_json::to_string(self).unwrap_or_default()).await
    }

    /// The last one; `None` where there never was one: what isn't known is not "no difference".
    pub async fn last(records: &Records) -> Result<Option<Self>, StoreError> {
        let kept = records.progress(PLACE).await?;
        Ok(kept.and_then(|text| serde_json::from_str(&text).ok()))
    }
}
