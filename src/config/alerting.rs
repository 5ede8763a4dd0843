//! `alerts.*`: which rules watch, with which thresholds, and whom they tell.

use std::collections::BTreeMap;

use secrecy::SecretString;

use crate::{
    config::alert_rules::Rule,
    ledger::{
        fx::minor_units,
        money::{Currency, Decimal, Mrr},
    },
};

/// The section `alerts` of the configuration.
#[derive(Debug)]
pub struct Alerts {
    /// The rules that are switched on.
    pub rules: Vec<Rule>,
    /// False alerts a year each calibrated rule may bring.
    pub false_alerts_a_year: f64,
    /// When one customer's loss is large.
    pub large_loss: LargeLoss,
    /// How long customers behind a spike must have been gone before it is told.
    pub second_look_seconds: i64,
    /// From which share of MRR on what is set to end is told of.
    pub scheduled_churn_share: Share,
    /// Trailing NRR under this is told of.
    pub nrr_below: Decimal,
    /// Which digests are sent: `weekly`, `monthly` or both.
    pub digests: Vec<Digest>,
    /// Where people reach the dashboard: links in alerts begin with it.
    pub url: Option<String>,
    /// Whom alerts are sent to, by name.
    pub channels: BTreeMap<String, Channel>,
}

/// When one customer's loss is large: from an amount and a share of MRR on, both, and seldom in this account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LargeLoss {
    /// In units of the loss's currency.
    pub amount: Decimal,
    /// The share of the currency's MRR that a loss must have.
    pub share: Share,
    /// Losses as large come about so often in a month, over all currencies.
    pub a_month: Decimal,
}

impl Default for LargeLoss {
    fn default() -> Self {
        Self { amount: Decimal::whole(50), share: Share(Decimal::whole(1)), a_month: Decimal::whole(1) }
    }
}

impl LargeLoss {
    /// Whether `amount` is large beside a currency's `mrr`.
    pub fn reached(&self, currency: Currency, amount: Mrr, mrr: Mrr) -> bool {
        amount >= self.least(currency) && self.share.reached(amount, mrr)
    }

    /// The amount from which a loss in a currency is large.
    pub fn least(&self, currency: Currency) -> Mrr {
        Mrr(self.amount.units().saturating_mul(minor_units(currency)) / PER_MRR_UNIT)
    }
}

/// How many units of a decimal make one of [`Mrr`].
const PER_MRR_UNIT: i128 = Decimal::ONE_UNITS / Mrr::MINOR;

/// A share, written in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(pub Decimal);

impl Share {
    /// Whether `part` is at least this share of `whole`.
    pub fn reached(self, part: Mrr, whole: Mrr) -> bool {
        match (part.0.checked_mul(100 * SHARE_SCALE), whole.0.checked_mul(self.0.units() / SHARE_UNIT)) {
            (Some(part), Some(level)) => part >= level,
            // Beyond any book there is.
            _ => part.0 / 100 >= whole.0,
        }
    }

    /// As it is written in the configuration, in percent.
    pub fn percent(self) -> String {
        self.0.to_string()
    }
}

/// Shares are compared at six places of a percent.
const SHARE_SCALE: i128 = 1_000_000;
const SHARE_UNIT: i128 = Decimal::ONE_UNITS / SHARE_SCALE;

/// How much time a digest tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    /// The week from Monday to Sunday.
    Weekly,
    /// A month of the calendar.
    Monthly,
}

/// Whom alerts are sent to, and which.
#[derive(Debug)]
pub struct Channel {
    /// By which way, and where to.
    pub kind: ChannelKind,
    /// Only these rules' alerts; empty for all.
    pub rules: Vec<Rule>,
}

impl Channel {
    /// Whether it is told of this rule's alerts.
    pub fn hears(&self, rule: Rule) -> bool {
        self.rules.is_empty() || self.rules.contains(&rule)
    }
}

/// The ways by which alerts are sent.
#[derive(Debug)]
pub enum ChannelKind {
    /// As a line of JSON on standard output.
    Stdout,
    /// Posted as JSON, signed as Stripe signs.
    Webhook {
        /// The address it is posted to.
        url: SecretString,
        /// The secret with which the body is signed.
        secret: SecretString,
    },
    /// To an incoming webhook of Slack.
    Slack {
        /// Its address, which is all it takes to post there.
        url: SecretString,
    },
    /// A Workflow of Microsoft Teams.
    Teams {
        /// Its address, which is all it takes to post there.
        url: SecretString,
    },
    /// To PagerDuty, by its Events API v2.
    PagerDuty {
        /// The address at which it answers.
        url: SecretString,
        /// The key of the integration in PagerDuty.
        routing_key: SecretString,
    },
    /// By mail, over SMTP.
    Email(Email),
}

impl ChannelKind {
    /// The configuration's word for it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Webhook { .. } => "webhook",
            Self::Slack { .. } => "slack",
            Self::Teams { .. } => "teams",
            Self::PagerDuty { .. } => "pagerduty",
            Self::Email(_) => "email",
        }
    }
}

/// A mail server and who is written to.
#[derive(Debug)]
pub struct Email {
    /// The server's name, which its certificate must show.
    pub host: String,
    /// The port of the mail server.
    pub port: u16,
    /// How the connection is kept private.
    pub security: Security,
    /// Who logs in; without it nobody does.
    pub username: Option<String>,
    /// The password at the mail server; `None` where nobody logs in.
    pub password: Option<SecretString>,
    /// The sender's address.
    pub from: String,
    /// The recipients, at least one.
    pub to: Vec<String>,
    /// A certificate of one's own to trust besides the machine's, as PEM.
    pub ca: Option<String>,
}

/// How a connection to a mail server is kept private.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// It begins in the open and must turn to TLS before anything is said.
    StartTls,
    /// TLS from the first byte.
    Tls,
    /// Not at all: for a server on this machine.
    None,
}
