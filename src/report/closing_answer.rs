//! The answer to closing a month, as it is serialised.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::money::Exact;
use crate::{
    event::Seq,
    ledger::{ids::AccountId, money::Currency},
    store::records::closings::{ClosedMonth, ClosedMovement, ClosedTotal},
};

/// What closing a month kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CloseAnswer {
    /// The calendar month that is closed, such as `2026-10`.
    pub month: String,
    /// Nothing was kept: this is what would be. Absent otherwise.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// That earlier months stay open, and what closes them from now on, where this is the first month closed and the ledger
    /// began before it. Absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
    /// One for each profile it is now closed under.
    pub closed: Vec<ClosedProfile>,
}

/// A month as closed under one profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ClosedProfile {
    /// The profile under whose rules it is counted.
    pub profile: String,
    /// Whether it is closed converted into the reporting currency.
    pub converted: bool,
    /// The log up to here made the figures.
    #[schema(value_type = i64)]
    pub seq: Seq,
    /// When it was closed, by mrrd's clock.
    pub closed_at: String,
    /// SHA-256 of month, `seq` and the rules, zone and versions the figures depend on.
    pub hash: String,
    /// 1 as the month was first closed, one more with each closing that took the place of the one before.
    pub revision: i64,
    /// How many movements were kept, of all its ledgers together.
    pub movements: usize,
    /// How many of them each ledger has; one without any isn't here.
    pub movements_by_ledger: Vec<LedgerMovements>,
    /// The lines of each ledger's bridge.
    pub totals: Vec<ClosedLine>,
}

/// How many movements of one ledger a closing kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LedgerMovements {
    /// True in live mode, false in test mode.
    pub livemode: bool,
    /// The connected account; absent for the account's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The currency of the ledger, such as `usd`.
    #[schema(value_type = String)]
    pub currency: Currency,
    /// How many.
    pub movements: usize,
}

impl LedgerMovements {
    fn counted(movements: &[ClosedMovement]) -> Vec<Self> {
        let mut all: BTreeMap<_, usize> = BTreeMap::new();
        for one in movements {
            *all.entry((one.key.livemode, one.key.account.as_ref(), one.currency)).or_default() += 1;
        }
        let one = |((livemode, account, currency), movements): ((bool, Option<&AccountId>, Currency), usize)| Self {
            livemode,
            account: account.map(ToString::to_string),
            currency,
            movements,
        };
        all.into_iter().map(one).collect()
    }
}

/// One line of a closed bridge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ClosedLine {
    /// True in live mode, false in test mode.
    pub livemode: bool,
    /// The connected account; absent for the account's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The currency of the amounts, such as `usd`.
    #[schema(value_type = String)]
    pub currency: Currency,
    /// `opening`, `closing`, the kind of movement, or what stood at the end: `list`, `estimated`, `at_risk` and
    /// `scheduled_churn`, and the counts `customers`, `subscriptions` and `trials`.
    pub line: String,
    /// How much, in minor units; of a count, how many.
    pub amount: i128,
    /// `amount` exactly, to 10⁻⁶ of a minor unit.
    pub amount_exact: Exact,
}

impl From<&ClosedTotal> for ClosedLine {
    fn from(total: &ClosedTotal) -> Self {
        Self {
            livemode: total.livemode,
            account: total.account.as_ref().map(ToString::to_string),
            currency: total.currency,
            line: total.line.to_string(),
            amount: total.amount.minor(),
            amount_exact: Exact(total.amount),
        }
    }
}

impl ClosedProfile {
    pub(super) fn from_month(month: &ClosedMonth, converted: bool) -> Self {
        Self {
            profile: month.closing.profile.as_ref().into(),
            converted,
            seq: month.closing.seq,
            closed_at: month.closing.closed_at.to_string(),
            hash: month.closing.hash.clone(),
            revision: month.closing.revision,
            movements: month.movements.len(),
            movements_by_ledger: LedgerMovements::counted(&month.movements),
            totals: month.totals.iter().map(ClosedLine::from).collect(),
        }
    }
}
