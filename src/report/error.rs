//! Why a report can't be given.

use std::sync::Arc;

use thiserror::Error;

use super::money::Exact;
use crate::{
    budget::Exceeded,
    ledger::{
        fx::REACH_DAYS,
        money::{Currency, Mrr},
        outcome::QualityEntry,
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
        /// The currency whose bridge it is.
        currency: Currency,
        /// The group whose bridge it is; `None` for the whole.
        group: Option<Arc<str>>,
        /// The first day of the period.
        start: Day,
        /// The last day of the period, which is in it.
        end: Day,
        /// Closing less what opening and movements make.
        rest: Mrr,
    },
    /// Something can't be converted into the reporting currency.
    #[error("{detail}; {settle}")]
    MissingRate {
        /// Which rate of which day.
        detail: String,
        /// What would settle it, in words.
        settle: String,
    },
    /// The log up to a closing's end no longer gives what the closing kept.
    #[error("{month} isn't what it was closed with: `mrrd verify` names the first difference")]
    ClosingDiffers {
        /// The calendar month, such as `2026-10`.
        month: String,
    },
    /// A sum left the range of 128 bits.
    #[error("a sum is too large to be held exactly: ask for one currency or a shorter span")]
    Overflow,
    /// The answer would have more entries than one may have.
    #[error("more than {max} periods of one {interval}: ask for a shorter span or a longer interval")]
    TooManyPeriods {
        /// The length asked for, as the API writes it.
        interval: &'static str,
        /// The most there may be.
        max: usize,
    },
    /// More groups and periods than can be worked out.
    #[error(
        "{groups} times {periods} periods are more than can be worked out for one answer: ask for a shorter span, a longer \
         interval or fewer groups"
    )]
    TooManySteps {
        /// How many groups or customers are looked at.
        groups: usize,
        /// In how many periods each.
        periods: usize,
    },
    /// It costs more than a question may.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
    /// Every customer is derived under each knob, and not all have been so far; what was is kept for who asks the same again.
    #[error("{customers} customers have been compared so far: ask the same again, and it goes on from there")]
    StillComparing {
        /// How many of them.
        customers: usize,
    },
    /// All customers are derived for what was known at a place that lies too far back, and they are too many for one question.
    #[error(
        "so much has happened since then that all customers are derived anew, of whom {customers} were done when {}: `mrrd report \
         --as-known-at` takes the time and memory it needs, and basis=closed has closed months as they were closed",
        ended(exceeded)
    )]
    FarBack {
        /// How many were derived.
        customers: usize,
        /// What ended it.
        exceeded: Exceeded,
    },
    /// The library that writes workbooks refuses something.
    #[error("the workbook can't be written: {reason}; format=csv has the same table")]
    Workbook {
        /// Why, in the words of whoever refused.
        reason: String,
    },
    /// Too many groups times periods.
    #[error("the answer would have more than {max} entries: ask for a shorter span, a longer interval or fewer groups")]
    TooManyEntries {
        /// The most there may be.
        max: usize,
    },
}

/// What ends a question that derives all customers.
fn ended(exceeded: &Exceeded) -> String {
    match exceeded {
        Exceeded::Memory { limit_mib } => format!("they took more than {limit_mib} MiB of memory"),
        Exceeded::Time { limit_seconds } => format!("a question's {limit_seconds} seconds were nearly over"),
        Exceeded::Crowded => "other questions held all the memory there is for questions".into(),
    }
}

impl ReportError {
    /// That a rate is missing, as a quality entry tells it, with what settles it.
    pub(super) fn missing_rate(entry: &QualityEntry) -> Self {
        Self::MissingRate { detail: entry.detail.clone(), settle: settling_rates(entry) }
    }
}

/// That there is no rate of a day, nor in the days before that it reaches to (rule `rates`).
pub(super) fn unrated(from: Currency, to: Currency, day: Day) -> ReportError {
    let detail = format!("no rate of {from} in {to} on {day} or in the {REACH_DAYS} days before");
    let settle = format!("import a table with {from} from {day} on: mrrd fx import FILE");
    ReportError::MissingRate { detail, settle: settling(&settle, from.as_str()) }
}

/// What settles a missing rate once and for all, where an entry names only the first that is missing; and which question needs none.
pub(super) fn settling_rates(entry: &QualityEntry) -> String {
    settling(&entry.settle, &entry.object)
}

fn settling(settle: &str, currency: &str) -> String {
    format!(
        "{settle}; one that goes up to today with no more than {REACH_DAYS} days between two rates leaves none missing. Each \
         currency by itself needs no rate: currency={currency} (of commands --currency {currency})"
    )
}
