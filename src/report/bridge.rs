//! The bridge: opening + movements = closing, exactly, for every period, currency and group (rule `snapshots`).

use std::sync::Arc;

use super::{ReportError, period::Period};
use crate::ledger::{
    money::{Currency, Mrr},
    outcome::Kind,
};

/// How a bridge is grouped, as far as its arithmetic cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// One series a currency, or groups that nothing moves between (a customer's country, for one).
    Closed,
    /// By product, price or interval: money may change group, which is the line `transfer`.
    Transferring,
    /// Groups that whole customers move between, which is the line `transfer` too: each is in one of them a day.
    Moving,
    /// By cause: the sum so far of a cause is what its movements add up to.
    Cause,
}

impl Grouping {
    /// Whether money may change group.
    pub fn transfers(self) -> bool {
        matches!(self, Self::Transferring | Self::Moving)
    }
}

/// One period of one currency's (and group's) series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bridge {
    /// The days from opening to closing.
    pub period: Period,
    /// The currency of every amount of it.
    pub currency: Currency,
    /// The group; `None` where there is no grouping, or the group isn't known.
    pub group: Option<Arc<str>>,
    /// MRR at the end of the day before the period.
    pub opening: Mrr,
    /// The sums of the movements booked on these days, by kind.
    pub lines: Lines,
    /// What came from other groups less what went to them.
    pub transfer: Mrr,
    /// What later events changed in closed months before, where these are answered from their closing (rule `restatements`).
    pub prior_period: Mrr,
    /// MRR at the end of the period.
    pub closing: Mrr,
    /// What stands at the end of the period.
    pub totals: PeriodTotals,
}

/// The sums of a period's movements, one a kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lines([Mrr; Kind::ALL.len()]);

impl Lines {
    /// The sum of the movements of `kind`; zero where there was none.
    pub fn get(&self, kind: Kind) -> Mrr {
        self.0[kind as usize]
    }

    pub(super) fn add(&mut self, kind: Kind, amount: Mrr) -> Result<(), ReportError> {
        let line = &mut self.0[kind as usize];
        *line = sum(*line, amount)?;
        Ok(())
    }

    /// The sum of all lines. What came and went within a window is among them and adds nothing.
    pub fn total(&self) -> Result<Mrr, ReportError> {
        self.0.iter().try_fold(Mrr::ZERO, |total, line| sum(total, *line))
    }
}

/// What stands at the end of a period, beside its MRR.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeriodTotals {
    /// MRR at the closing before discounts.
    pub list: Mrr,
    /// The share of MRR that rests on estimates.
    pub estimated: Mrr,
    /// The part of MRR whose subscription is `past_due`.
    pub at_risk: Mrr,
    /// MRR that is set to cancel; under `churn_at = request` it lies outside MRR.
    pub scheduled_churn: Mrr,
    /// Counts, where the grouping allows any: a customer may hold several products.
    pub counts: Option<Counts>,
}

/// How many pay or try at the closing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Customers with MRR above zero.
    pub customers: i64,
    /// Subscriptions with MRR above zero.
    pub subscriptions: i64,
    /// Subscriptions on trial, which count no MRR.
    pub trials: i64,
}

pub(super) fn sum(a: Mrr, b: Mrr) -> Result<Mrr, ReportError> {
    a.checked_add(b).ok_or(ReportError::Overflow)
}

pub(super) fn difference(a: Mrr, b: Mrr) -> Result<Mrr, ReportError> {
    a.checked_sub(b).ok_or(ReportError::Overflow)
}

impl Bridge {
    /// Nothing stood, nothing moved, nothing stands.
    pub fn is_empty(&self) -> bool {
        let nothing = PeriodTotals { counts: None, ..PeriodTotals::default() };
        let counted = self.totals.counts.is_some_and(|counts| counts != Counts::default());
        !counted
            && self.opening == Mrr::ZERO
            && self.closing == Mrr::ZERO
            && self.transfer == Mrr::ZERO
            && self.lines == Lines::default()
            && PeriodTotals { counts: None, ..self.totals } == nothing
    }
}
