//! What closed months are answered from (rule `restatements`): from all that is known now, marked where that is no longer what was
//! closed; or from their closing, with what came later as `prior_period` in the first open month.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    ReportError,
    ask::{Ask, Basis, GroupBy},
    bridge::{Bridge, Counts, Grouping, Lines, PeriodTotals, difference, sum},
    bridges::bridges,
    money::Exact,
    month::{Figures, Month},
    mrr::MrrEntry,
    period::{Interval, Period, Phase},
    reports::{AskError, Reports},
};
use crate::{
    event::Seq,
    ledger::{
        money::{Currency, Mrr},
        outcome::Kind,
        time::Day,
    },
    store::{
        derived::reports::{LedgerRows, Scope},
        records::closings::ClosedTotal,
    },
};

/// Names of the lines a closing keeps beside its bridge: what stood at the month's end, and how many.
pub(super) const STOOD: [&str; 4] = ["list", "estimated", "at_risk", "scheduled_churn"];
/// Counts are kept as whole numbers.
pub(super) const COUNTED: [&str; 3] = ["customers", "subscriptions", "trials"];

/// A closed month's bridge in one currency, and what stood at its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    figures: Figures,
    totals: PeriodTotals,
}

/// Closed months of one ledger.
pub(super) type Closed = BTreeMap<Month, BTreeMap<Currency, Kept>>;

impl Kept {
    fn take(&mut self, total: &ClosedTotal) -> Result<(), ReportError> {
        let add = |field: &mut Mrr| sum(*field, total.amount).map(|amount| *field = amount);
        let counts = self.totals.counts.get_or_insert_default();
        let count = |field: &mut i64| {
            let count = i64::try_from(total.amount.0 / Mrr::MINOR).map_err(|_| ReportError::Overflow)?;
            *field = field.checked_add(count).ok_or(ReportError::Overflow)?;
            Ok(())
        };
        match &*total.line {
            "opening" => add(&mut self.figures.opening),
            "closing" => add(&mut self.figures.closing),
            "list" => add(&mut self.totals.list),
            "estimated" => add(&mut self.totals.estimated),
            "at_risk" => add(&mut self.totals.at_risk),
            "scheduled_churn" => add(&mut self.totals.scheduled_churn),
            "customers" => count(&mut counts.customers),
            "subscriptions" => count(&mut counts.subscriptions),
            "trials" => count(&mut counts.trials),
            kind => Kind::parse(kind).map_or(Ok(()), |kind| self.figures.lines.add(kind, total.amount)),
        }
    }
}

impl Reports<'_> {
    /// The months closed under a profile, up to a place in the log.
    pub(super) async fn closed_months(&self, scope: &Scope, seq: Option<Seq>) -> Result<Closed, AskError> {
        let mut closed = Closed::new();
        // Simulated time is no month that closes.
        if scope.test_clock.is_some() {
            return Ok(closed);
        }
        for closing in self.closings_at(seq).await? {
            if closing.profile != scope.profile {
                continue;
            }
            let kept = closed.entry(closing.month).or_default();
            for total in self.store.records.closed_totals(&closing).await? {
                if scope.includes(total.livemode, total.account.as_ref()) {
                    kept.entry(total.currency).or_default().take(&total)?;
                }
            }
        }
        Ok(closed)
    }
}

/// Refuses what a closing can't answer.
pub(super) fn answerable(ask: &Ask) -> Result<(), AskError> {
    let refuse = |name, reason: &str| Err(AskError::Parameter { name, reason: reason.into() });
    if ask.basis == Basis::Restated {
        return Ok(());
    }
    if matches!(ask.interval, Interval::Day | Interval::Week) {
        return refuse("interval", "months are closed whole: with basis=closed it is month, quarter or year");
    }
    if ask.segment.is_some() {
        return refuse(
            "basis",
            "a closing keeps the whole ledger: segments are answered as restated; as_known_at tells what was known",
        );
    }
    if !matches!(ask.group_by, None | Some(GroupBy::Currency)) {
        return refuse(
            "group_by",
            "a closing keeps the whole ledger: with basis=closed it can only be currency; as_known_at answers in groups",
        );
    }
    if ask.from.is_some_and(|day| day.0 != day.0.first_of_month()) {
        return refuse("from", "months are closed whole: with basis=closed it is the first day of a month");
    }
    if ask.to.is_some_and(|day| day.0 != day.0.last_of_month()) {
        return refuse("to", "months are closed whole: with basis=closed it is the last day of a month");
    }
    Ok(())
}

/// The bridges of whole months around `periods`, by currency, one month earlier than they begin.
fn monthly(
    rows: &LedgerRows,
    periods: &[Period],
    closed: &Closed,
    wanted: Option<Currency>,
) -> Result<BTreeMap<Currency, Vec<Bridge>>, ReportError> {
    let (Some(first), Some(last)) = (periods.first(), periods.last()) else { return Ok(BTreeMap::new()) };
    let mut months = Vec::new();
    let mut start = Day(first.start.0.first_of_month().yesterday().unwrap_or(first.start.0).first_of_month());
    while start <= last.end {
        let end = Day(start.0.last_of_month());
        let within = periods.iter().find(|period| period.start <= end && end <= period.end);
        // The month that runs, or is clipped, has the phase of the period it lies in.
        let phase = within.or(periods.last().filter(|_| end >= last.end)).map_or(Phase::Past, |period| period.phase);
        months.push(Period { start, end, phase });
        if end.after() <= end {
            break;
        }
        start = end.after();
    }
    let mut all: BTreeMap<Currency, Vec<Bridge>> = BTreeMap::new();
    for bridge in bridges(rows, &months, Grouping::Closed, wanted)? {
        all.entry(bridge.currency).or_default().push(bridge);
    }
    // What was closed and has no trace any more still was closed.
    let gone: BTreeSet<Currency> = closed.values().flat_map(BTreeMap::keys).copied().collect();
    for currency in gone.into_iter().filter(|one| wanted.is_none_or(|wanted| wanted == *one)) {
        if let std::collections::btree_map::Entry::Vacant(place) = all.entry(currency) {
            place.insert(bridges(&LedgerRows::default(), &months, Grouping::Closed, Some(currency))?);
        }
    }
    Ok(all)
}

fn kept(closed: &Closed, bridge: &Bridge) -> Option<Kept> {
    let month = closed.iter().find(|(month, _)| month.first() == bridge.period.start)?.1;
    Some(month.get(&bridge.currency).copied().unwrap_or_default())
}

fn figures(bridge: &Bridge) -> Figures {
    Figures { opening: bridge.opening, lines: bridge.lines, closing: bridge.closing }
}

/// Marks the entries in which a closed month is no longer what it was closed with.
pub(super) fn mark(
    entries: &mut [MrrEntry],
    rows: &LedgerRows,
    periods: &[Period],
    closed: &Closed,
) -> Result<(), ReportError> {
    if closed.is_empty() {
        return Ok(());
    }
    for (currency, months) in monthly(rows, periods, closed, None)? {
        let differs = |bridge: &&Bridge| kept(closed, bridge).is_some_and(|kept| kept.figures != figures(bridge));
        for month in months.iter().filter(differs) {
            let (start, end) = (month.period.start, month.period.end);
            let whole = |entry: &&mut MrrEntry| entry.start <= start && entry.end >= end;
            for entry in entries.iter_mut().filter(whole).filter(|entry| entry.currency == currency) {
                entry.restated = true;
            }
        }
    }
    Ok(())
}

/// The bridges of `periods` with closed months as they were closed. closing = opening + lines + `prior_period`.
pub(super) fn as_closed(
    rows: &LedgerRows,
    periods: &[Period],
    closed: &Closed,
    wanted: Option<Currency>,
) -> Result<Vec<Bridge>, ReportError> {
    let mut answer = Vec::new();
    for (_, months) in monthly(rows, periods, closed, wanted)? {
        let mut stands: Option<Mrr> = None;
        let mut shown: Vec<Bridge> = Vec::with_capacity(months.len());
        for mut month in months {
            if let Some(Kept { figures, totals }) = kept(closed, &month) {
                (month.opening, month.lines, month.closing) = (figures.opening, figures.lines, figures.closing);
                month.totals = PeriodTotals { counts: totals.counts.or(Some(Counts::default())), ..totals };
            }
            // What was changed before, after it was closed, is booked here.
            let opening = stands.unwrap_or(month.opening);
            month.prior_period = difference(month.opening, opening)?;
            month.opening = opening;
            stands = Some(month.closing);
            shown.push(month);
        }
        for period in periods {
            let within = |month: &&Bridge| month.period.start >= period.start && month.period.start <= period.end;
            let of: Vec<&Bridge> = shown.iter().filter(within).collect();
            let (Some(first), Some(last)) = (of.first(), of.last()) else { continue };
            let mut whole = Bridge { period: *period, opening: first.opening, ..(*last).clone() };
            (whole.lines, whole.prior_period) = (Lines::default(), Mrr::ZERO);
            for month in of {
                Kind::ALL.iter().try_for_each(|&kind| whole.lines.add(kind, month.lines.get(kind)))?;
                whole.prior_period = sum(whole.prior_period, month.prior_period)?;
            }
            answer.push(whole);
        }
    }
    Ok(answer)
}

/// Writes the line into entries made of these bridges.
pub(super) fn book(entries: &mut [MrrEntry], bridges: &[Bridge]) {
    for (entry, bridge) in entries.iter_mut().zip(bridges) {
        entry.prior_period = Some(bridge.prior_period.minor());
        entry.prior_period_exact = Some(Exact(bridge.prior_period));
    }
}
