//! What a report is asked for, by the API or a command (docs/interface.md 5).

use std::{fmt, str::FromStr, sync::Arc};

use jiff::Timestamp;
use serde::Serialize;
use strum::{EnumString, IntoStaticStr, VariantArray};
use utoipa::ToSchema;

use super::period::Interval;
use crate::{
    event::Seq,
    ledger::{
        ids::TestClockId,
        money::Currency,
        time::{Day, UnixTime},
    },
    segment::Expression,
    store::derived::reports::AccountScope,
};

/// The common parameters; each default is that of the interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// First day; without it the ledger's first.
    pub from: Option<Day>,
    /// Last day; without it the end of the running period.
    pub to: Option<Day>,
    /// How long each period of the answer is.
    pub interval: Interval,
    /// Whose ledger; without it the reporting currency's or, where none is configured, every currency's own.
    pub currency: Option<InCurrency>,
    /// Whose rules; without it the first configured profile.
    pub profile: Option<String>,
    /// Live or test; without it live, unless only test events were ever seen.
    pub livemode: Option<bool>,
    /// Of which connected accounts; by default the account's own events.
    pub account: AccountScope,
    /// Only the customers of this test clock; `None` for those of none.
    pub test_clock: Option<TestClockId>,
    /// What to break the figures down by; `None` for all together.
    pub group_by: Option<GroupBy>,
    /// From which prefix of the log.
    pub as_known_at: Option<KnownAt>,
    /// Whether what is written ahead is wanted (`include=scheduled`).
    pub scheduled: bool,
    /// What closed months are answered from.
    pub basis: Basis,
    /// Of which customers; without it of all (rule `segments`).
    pub segment: Option<Segment>,
    /// Segments and attributes as they are today, for all history.
    pub current: bool,
}

/// Which customers are asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Those of the segment of this name.
    Named(Arc<str>),
    /// Those of whom this holds.
    Where(Arc<Expression>),
}

/// Which ledger's figures an answer gives: all of them are of that one (rule `one-answer-one-ledger`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InCurrency {
    /// The one in which everything is converted into the reporting currency.
    Reporting,
    /// A currency's own: nothing in it is converted, whether a reporting currency is configured or not.
    Own(Currency),
}

impl InCurrency {
    /// What it may be, in words.
    pub const WORDS: &'static str = "a currency such as usd, or reporting";
}

/// Text that names no ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSuchLedger;

impl fmt::Display for NoSuchLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(InCurrency::WORDS)
    }
}

impl std::error::Error for NoSuchLedger {}

impl FromStr for InCurrency {
    type Err = NoSuchLedger;

    fn from_str(text: &str) -> Result<Self, NoSuchLedger> {
        match text {
            "reporting" => Ok(Self::Reporting),
            code => code.parse().map(Self::Own).map_err(|_| NoSuchLedger),
        }
    }
}

impl Ask {
    /// The one currency that is asked for as it is billed.
    pub fn own_currency(&self) -> Option<Currency> {
        match self.currency {
            Some(InCurrency::Own(currency)) => Some(currency),
            Some(InCurrency::Reporting) | None => None,
        }
    }
}

/// What closed months are answered from (rule `restatements`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema, EnumString, IntoStaticStr, VariantArray)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Basis {
    /// From all that is known now.
    #[default]
    Restated,
    /// From their closing; what came later is booked in the first open month.
    Closed,
}

impl Basis {
    /// Both of them, the default first.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The value of a word in the API; `None` where no value has that word.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl Default for Ask {
    fn default() -> Self {
        Self {
            from: None,
            to: None,
            interval: Interval::Month,
            currency: None,
            profile: None,
            livemode: None,
            account: AccountScope::One(None),
            test_clock: None,
            group_by: None,
            as_known_at: None,
            scheduled: false,
            basis: Basis::Restated,
            segment: None,
            current: false,
        }
    }
}

/// What a series is grouped by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// By product; what has none is in a group without a name.
    Product,
    /// By price: `price_…`, or `plan_…` of old plans.
    Price,
    /// By billing interval, such as `month` or `3 month`.
    Interval,
    /// The currency it is billed in; where nothing is converted, that of the series.
    Currency,
    /// The customer's current country, for all history.
    Country,
    /// The month of the customer's first MRR.
    Cohort,
    /// By the ledger's customer, `cus_…`.
    Customer,
    /// By the cause of each part of a movement (rule `causes`).
    Cause,
    /// By the customer's value of this key of `ledger.metadata_keys`.
    Metadata(Arc<str>),
    /// An imported attribute, as it was on each day.
    Attribute(Arc<str>),
}

impl GroupBy {
    /// The value of a word in the API; `None` where no value has that word.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "product" => Self::Product,
            "price" => Self::Price,
            "interval" => Self::Interval,
            "currency" => Self::Currency,
            "country" => Self::Country,
            "cohort" => Self::Cohort,
            "customer" => Self::Customer,
            "cause" => Self::Cause,
            _ if text.starts_with("attribute:") => {
                Self::Attribute(text.strip_prefix("attribute:").filter(|key| !key.is_empty())?.into())
            }
            _ => Self::Metadata(text.strip_prefix("metadata:").filter(|key| !key.is_empty())?.into()),
        })
    }

    /// The words it may be.
    pub fn words() -> &'static str {
        "product, price, interval, currency, country, cohort, customer, cause, metadata:KEY, attribute:KEY"
    }

    /// As the API writes it.
    pub fn as_string(&self) -> String {
        match self {
            Self::Product => "product".into(),
            Self::Price => "price".into(),
            Self::Interval => "interval".into(),
            Self::Currency => "currency".into(),
            Self::Country => "country".into(),
            Self::Cohort => "cohort".into(),
            Self::Customer => "customer".into(),
            Self::Cause => "cause".into(),
            Self::Metadata(key) => format!("metadata:{key}"),
            Self::Attribute(key) => format!("attribute:{key}"),
        }
    }
}

/// From which prefix of the log an answer is given (rule `as-known-at`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownAt {
    /// Everything received by then, and cut there.
    Instant(UnixTime),
    /// Everything up to this place in the log, cut at now.
    Seq(Seq),
    /// Everything up to this place in the log, cut at this instant: a month as it was closed, with what came late.
    Cut {
        /// The last event of the log that counts.
        seq: Seq,
        /// Nothing that happens later is shown.
        at: UnixTime,
    },
}

impl KnownAt {
    /// Reads an RFC 3339 instant, a sequence number, or both: `1200@2026-10-31T23:59:59Z`.
    pub fn parse(text: &str) -> Option<Self> {
        let place = |text: &str| text.parse().ok().filter(|seq: &Seq| *seq >= Seq::START);
        let instant = |text: &str| text.parse::<Timestamp>().ok().map(|at| UnixTime(at.as_second()));
        match text.split_once('@') {
            Some((seq, at)) => Some(Self::Cut { seq: place(seq)?, at: instant(at)? }),
            None => place(text).map(Self::Seq).or_else(|| instant(text).map(Self::Instant)),
        }
    }

    /// What to write in place of `text`, which is none: of a day that is the end of that very day.
    pub fn expected(text: &str) -> String {
        match text.parse::<Day>() {
            Ok(day) if !text.contains(['T', ':']) => format!(
                "an instant but a day: for its end in UTC write {day}T23:59:59Z, in another zone with its offset, as \
                 {day}T23:59:59-05:00 (mrrd's days are those of ledger.timezone)"
            ),
            _ => Self::WORDS.into(),
        }
    }

    /// What it may be.
    pub const WORDS: &'static str = "an instant such as 2026-01-31T12:00:00Z, a log sequence number (a place in the log), or both as \
                                     1200@2026-01-31T12:00:00Z";
}

impl fmt::Display for KnownAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instant(at) => write!(f, "{at}"),
            Self::Seq(seq) => write!(f, "{seq}"),
            Self::Cut { seq, at } => write!(f, "{seq}@{at}"),
        }
    }
}
