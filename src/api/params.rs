//! The query parameters that several routes share; those of one route are declared beside it.

use std::sync::Arc;

use super::{
    problem::ApiProblem,
    query::parameters,
    values::{Condition, Format, PageSize, Units},
};
use crate::{
    ledger::{ids::TestClockId, time::Day},
    report::ask::{Ask, InCurrency, KnownAt, Segment},
    segment,
    store::derived::reports::AccountScope,
};

/// The most entries a page may have.
pub(super) const LIMIT_MAX: i64 = 1000;

parameters! {
    /// Which ledger is asked, and under whose rules.
    pub(super) struct LedgerQuery {
        /// Rule profile; the first configured one without it.
        profile: Option<String>,
        whose: WhoseQuery,
    }
}

parameters! {
    /// Which ledger a question is asked of.
    pub(super) struct WhoseQuery {
        /// A currency's own ledger, or `reporting`: the one converted into the reporting currency, which is the default where
        /// one is configured; else every currency's.
        currency: Option<InCurrency>,
        /// Live or test ledger: live without it, unless only test events were ever seen.
        livemode: Option<bool>,
        /// The account's own events without it; else `acct_…`, or `all`.
        account: Option<AccountScope>,
        /// A test clock's ledger (`clock_…`); simulated time is left out without it.
        test_clock: Option<TestClockId>,
        /// From a prefix of the log: an RFC 3339 instant, or a log sequence number.
        as_known_at: Option<KnownAt>,
    }
}

parameters! {
    /// How a table is written.
    pub(super) struct FormatQuery {
        /// `json` (the default), `csv`, or `xlsx`: a workbook, its amounts in units of their currency.
        format: Option<Format>,
        /// With `format=csv`: amounts in units of their currency (`major`, the default; columns lose their `_exact`), or in its minor
        /// units, as JSON always has them (`minor`).
        units: Option<Units>,
    }
}

parameters! {
    /// The days of a series.
    pub(super) struct SpanQuery {
        /// First day; the ledger's first without it.
        from: Option<Day>,
        /// Last day, inclusive; the end of the running period without it.
        to: Option<Day>,
    }
}

parameters! {
    /// Of which customers figures are told.
    pub(super) struct SegmentQuery {
        /// Only of customers of this segment (of the configuration, `[segments.NAME]`, or saved), on the days on which they belong to it.
        segment: Option<Arc<str>>,
        /// Only of customers of whom this holds, such as `attribute:size >= 200 and not country = DE`; not with `segment`.
        ["where"] condition: Option<Condition>,
        /// `true`: segments and attributes as they are today, for all history.
        current: Option<bool>,
    }
}

parameters! {
    /// A page of a list.
    pub(super) struct PageQuery {
        /// The `next_cursor` of the page before.
        cursor: Option<String>,
        /// Entries a page, 1000 at most; 100 without it.
        limit: PageSize<LIMIT_MAX, 100>,
    }
}

impl LedgerQuery {
    /// What they ask of a report.
    pub(super) fn ask(self) -> Ask {
        Ask { profile: self.profile, ..self.whose.ask() }
    }
}

impl WhoseQuery {
    /// What they ask of a report.
    pub(super) fn ask(self) -> Ask {
        Ask {
            currency: self.currency,
            livemode: self.livemode,
            account: self.account.unwrap_or(AccountScope::One(None)),
            test_clock: self.test_clock,
            as_known_at: self.as_known_at,
            ..Ask::default()
        }
    }
}

impl SegmentQuery {
    /// A question about these customers.
    pub(super) fn of(self, ask: Ask) -> Result<Ask, ApiProblem> {
        let segment = match (self.segment, self.condition) {
            (Some(_), Some(_)) => {
                return Err(ApiProblem::parameter("where", "it doesn't go with segment: give one of the two"));
            }
            (Some(name), None) => Some(Segment::Named(name)),
            (None, Some(Condition(text))) => {
                let read =
                    segment::parse(&text).map_err(|mistake| ApiProblem::parameter("where", &mistake.to_string()))?;
                Some(Segment::Where(read.into()))
            }
            (None, None) => None,
        };
        Ok(Ask { segment, current: self.current.unwrap_or(false), ..ask })
    }
}

impl SpanQuery {
    /// A question about these days.
    pub(super) fn within(self, ask: Ask) -> Ask {
        Ask { from: self.from, to: self.to, ..ask }
    }
}

impl FormatQuery {
    /// How the answer is wanted.
    pub(super) fn wanted(&self) -> Result<Wanted, ApiProblem> {
        match (self.format.unwrap_or(Format::Json), self.units) {
            (Format::Csv, units) => Ok(Wanted::Csv(units.unwrap_or(Units::Major))),
            (Format::Json, None) => Ok(Wanted::Json),
            (Format::Xlsx, None) => Ok(Wanted::Xlsx),
            (Format::Json | Format::Xlsx, Some(_)) => {
                let fixed = "it goes with format=csv: JSON has every amount in minor units, a workbook in units of its currency";
                Err(ApiProblem::parameter("units", fixed))
            }
        }
    }
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// With amounts in minor units.
    Json,
    /// A table as CSV, its amounts in these units.
    Csv(Units),
    /// A table as a workbook, with amounts in units of their currency.
    Xlsx,
}
