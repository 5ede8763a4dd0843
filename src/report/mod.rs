//! Reports: from rows to answers. Pure but for `service` and `thin`, which read the rows; the API and the commands share all of it.

pub mod alerts;
pub mod ask;
mod at_closing;
pub mod audit_trail;
mod basis;
pub mod book;
pub mod bridge;
pub mod called;
pub mod chartmogul;
pub mod chartmogul_lists;
pub mod closing;
pub mod closing_check;
pub mod closing_text;
pub mod cohorts;
pub mod compare;
pub mod customers;
mod customers_asked;
pub mod events;
pub mod explain;
pub mod failures;
mod found;
pub mod invoices;
pub mod ledger_status;
pub mod memory;
pub mod metrics;
pub mod money;
pub mod month;
pub mod movements;
pub mod mrr;
pub mod notice;
pub mod period;
pub mod quality;
mod question;
pub mod restatements;
pub mod retained;
pub mod service;
pub mod stripe_audit;
pub mod stripe_export;
mod stripe_figures;
pub mod stripe_reason;
mod summed;
pub mod table;
pub mod terminal;
pub mod thin;
pub mod units;
mod view;
pub mod waterfall;

use std::sync::Arc;

use thiserror::Error;

use self::{money::Exact, period::Interval};
use crate::{
    budget::Exceeded,
    ledger::{
        money::{Currency, Mrr},
        time::Day,
    },
};

/// A report can't be given.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ReportError {
    /// Opening and movements don't make the closing: the derived tables are wrong, and no figure is shown.
    #[error(
        "the {currency} bridge of {start} to {end}{} doesn't close: {} minor units have no movement. \
         `mrrd verify` names the first difference, `mrrd rebuild` recomputes the ledger from the log",
        group.as_ref().map(|group| format!(" for {group}")).unwrap_or_default(), Exact(*rest)
    )]
    DoesNotClose {
        /// Which series.
        currency: Currency,
        /// Which group of it.
        group: Option<Arc<str>>,
        /// First day.
        start: Day,
        /// Last day.
        end: Day,
        /// What is missing.
        rest: Mrr,
    },
    /// Something can't be converted into the reporting currency.
    #[error("{detail}; {settle}")]
    MissingRate {
        /// Which rate of which day.
        detail: String,
        /// What to do.
        settle: String,
    },
    /// The log up to a closing's end no longer gives what the closing kept.
    #[error("{month} isn't what it was closed with: `mrrd verify` names the first difference")]
    ClosingDiffers {
        /// `2026-10`
        month: String,
    },
    /// A sum left the range of 128 bits.
    #[error("a sum is too large to be held exactly: ask for one currency or a shorter span")]
    Overflow,
    /// Too many entries.
    #[error("more than {max} periods of one {}: ask for a shorter span or a longer interval", interval.as_str())]
    TooManyPeriods {
        /// The length asked for.
        interval: Interval,
        /// The most there may be.
        max: usize,
    },
    /// More groups and periods than can be worked out.
    #[error(
        "{groups} times {periods} periods are more than can be worked out for one answer: ask for a shorter span, a longer \
         interval or fewer groups"
    )]
    TooManySteps {
        /// Groups, or customers.
        groups: usize,
        /// Periods.
        periods: usize,
    },
    /// It costs more than a question may.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
    /// Too many groups times periods.
    #[error("the answer would have more than {max} entries: ask for a shorter span, a longer interval or fewer groups")]
    TooManyEntries {
        /// The most there may be.
        max: usize,
    },
}
