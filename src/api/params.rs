//! The query parameters that several routes share; those of one route are declared beside it.

use super::{
    problem::ApiProblem,
    query::parameters,
    values::{Format, PageSize, Units},
};
use crate::{
    ledger::{ids::TestClockId, time::Day},
    report::ask::{Ask, InCurrency, KnownAt},
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
    /// Which ledger is asked.
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
    /// A table as text.
    Csv(Units),
    /// A table as a workbook, with amounts in units of their currency.
    Xlsx,
}
