//! The rules of alerts by name: what each is called, and where to look next when it fires.

use serde::Serialize;
use strum::{EnumString, IntoStaticStr};

/// A rule that may fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, EnumString, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Rule {
    /// More customers lost than the account's own history explains.
    ChurnSpike,
    /// More customers who pay less.
    ContractionSpike,
    /// Many subscriptions become `past_due` together.
    PaymentFailures,
    /// One movement over an amount and a share of MRR.
    LargeLoss,
    /// Too large a share of MRR is set to end.
    ScheduledChurn,
    /// Trailing NRR fell under a level.
    NrrBelow,
    /// No webhook for longer than the account's own gaps explain.
    WebhookSilence,
    /// `verify` or `audit` found a difference.
    LedgerDrift,
    /// A goal is behind its pace, met or missed.
    GoalAtRisk,
    /// MRR closed higher than ever before.
    NewRecord,
    /// A week or a month in figures.
    Digest,
}

impl Rule {
    /// Every rule, in the order in which it is listed.
    pub const ALL: [Self; 11] = [
        Self::ChurnSpike,
        Self::LargeLoss,
        Self::ContractionSpike,
        Self::PaymentFailures,
        Self::ScheduledChurn,
        Self::NrrBelow,
        Self::WebhookSilence,
        Self::LedgerDrift,
        Self::GoalAtRisk,
        Self::NewRecord,
        Self::Digest,
    ];

    /// The rule of this word; `None` where there is none.
    pub fn parse(word: &str) -> Option<Self> {
        word.parse().ok()
    }

    /// Whether its alerts last until something is as usual again.
    pub fn has_episodes(self) -> bool {
        !matches!(self, Self::LargeLoss | Self::GoalAtRisk | Self::NewRecord | Self::Digest)
    }

    /// What the rule watches, as a title.
    pub fn title(self) -> &'static str {
        match self {
            Self::ChurnSpike => "Churn spike",
            Self::ContractionSpike => "Contraction spike",
            Self::PaymentFailures => "Payment failures",
            Self::LargeLoss => "Large loss",
            Self::ScheduledChurn => "Scheduled churn",
            Self::NrrBelow => "Retention",
            Self::WebhookSilence => "Webhook silence",
            Self::LedgerDrift => "Ledger drift",
            Self::GoalAtRisk => "Goal",
            Self::NewRecord => "New record",
            Self::Digest => "Digest",
        }
    }

    /// Its word in configuration and API.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// What to do next when it fires, in words.
    pub(crate) fn next(self) -> &'static str {
        match self {
            Self::ChurnSpike => {
                "Do the customers share a product, a reason or a day of sign-up? `mrrd explain CUSTOMER` tells each story."
            }
            Self::ContractionSpike => {
                "Was a plan, a price or an add-on changed? `mrrd report mrr --group-by cause` shows which."
            }
            Self::PaymentFailures => {
                "Look at the payment provider and the retry settings first: these customers haven't left yet."
            }
            Self::LargeLoss => "Talk to the customer; `mrrd explain CUSTOMER` shows the events behind it.",
            Self::ScheduledChurn => "These customers still pay: there is time to talk to them before it ends.",
            Self::NrrBelow => {
                "`mrrd report metrics` shows the trend; `mrrd report cohorts` which months of sign-up it comes from."
            }
            Self::WebhookSilence => {
                "Is the endpoint still enabled at Stripe, and does it reach this machine? `mrrd backfill` fetches what \
                 was missed."
            }
            Self::LedgerDrift => {
                "Figures may be wrong until this is settled: `mrrd verify` and `mrrd audit` tell all of it."
            }
            Self::GoalAtRisk => "`mrrd goal list` shows what it began at, has come to and still needs.",
            Self::NewRecord => "`mrrd report waterfall` shows what made it.",
            Self::Digest => "`mrrd report waterfall` tells each line; the dashboard tells each customer.",
        }
    }
}
