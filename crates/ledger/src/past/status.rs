//! Whether it ran: the status over the past, as payments, pauses in billing and the trial tell it.

use super::{A_DAY, Unclear, bills::Cycle};
use crate::{
    fact::{InvoiceStatus, Status, SubscriptionState},
    time::UnixTime,
};

/// The status over the past.
#[derive(Debug)]
pub(super) struct Statuses {
    /// From when which, in time order; the trial lies over it.
    line: Vec<(UnixTime, Status)>,
    trial: Option<(UnixTime, UnixTime)>,
}

impl Statuses {
    /// Reads it off the invoices from `began` to `until`, where the status was that of `last`. What isn't told of the time
    /// after the last invoice is booked at `late`.
    pub(super) fn told(
        last: &SubscriptionState,
        cycles: &[Cycle<'_>],
        began: UnixTime,
        until: UnixTime,
        late: UnixTime,
        unclear: &mut Vec<Unclear>,
    ) -> Self {
        let trial = last.trial_start.zip(last.trial_end).map(|(start, end)| (start, trial_until(end, cycles, until)));
        let on_trial = |at: UnixTime| trial.is_some_and(|(start, end)| start <= at && at < end);
        let mut line: Vec<(UnixTime, Status)> = Vec::new();
        for (place, cycle) in cycles.iter().enumerate() {
            let from = if place == 0 { began } else { cycle.at };
            let next = cycles.get(place + 1).map(|next| next.at);
            let next_at = next.unwrap_or(until);
            let mut open = |from: UnixTime, until: UnixTime, what: &str| {
                unclear.push(Unclear { from, until, what: what.to_owned() });
            };
            let before = line.last().map(|(_, status)| status.clone());
            match paid(cycle, place == 0, next.is_none() && next_at <= cycle.at.plus(A_DAY)) {
                Paid::InTime => line.push((from, Status::Active)),
                Paid::First(at) => line.extend([(from, Status::Incomplete), (at, Status::Active)]),
                // It runs, with an invoice that isn't due yet.
                _ if next.is_none() && last.status == Status::Active && last.pause_collection.is_none() => {
                    line.push((from, Status::Active));
                }
                Paid::Late(at) => {
                    open(from, at.min(next_at), "an invoice was paid late: it was past due, and may have been unpaid");
                    line.push((from, Status::PastDue));
                    if at < next_at {
                        line.push((at, Status::Active));
                    }
                }
                Paid::LeftDraft if matches!(before, Some(Status::PastDue | Status::Unpaid)) => {
                    open(from, next_at, "an invoice stayed a draft: it was unpaid");
                    line.push((from, Status::Unpaid));
                }
                Paid::LeftDraft => {
                    open(from, next_at, "an invoice stayed a draft: collection may have been paused");
                    line.push((from, Status::Active));
                }
                Paid::Never => {
                    open(from, next_at, "an invoice was never paid: it was past due, and may have been unpaid");
                    line.push((from, Status::PastDue));
                }
            }
            // Nothing was billed for a while.
            if let Some(end) = cycle.end.map(|end| end.max(from)).filter(|end| next_at > end.plus(A_DAY)) {
                let to = match (&next, &last.status) {
                    (None, Status::Active | Status::PastDue | Status::Trialing) | (Some(_), _) => Status::Paused,
                    (None, status) => status.clone(),
                };
                if !on_trial(end.plus(-1)) {
                    open(from, next_at, "nothing was billed for a while: it was paused within");
                }
                line.push((end, to));
            }
        }
        close(&mut line, last, until, late, unclear);
        line.sort_by_key(|(at, _)| *at);
        Self { line, trial }
    }

    /// When it may have changed.
    pub(super) fn instants(&self) -> impl Iterator<Item = UnixTime> {
        self.line.iter().map(|(at, _)| *at).chain(self.trial.into_iter().flat_map(|(start, end)| [start, end]))
    }

    /// What it was at `at`.
    pub(super) fn at(&self, at: UnixTime) -> Status {
        if self.trial.is_some_and(|(start, end)| start <= at && at < end) {
            return Status::Trialing;
        }
        let held = self.line.iter().rfind(|(from, _)| *from <= at);
        held.map_or(Status::Active, |(_, status)| status.clone())
    }
}

/// How an invoice was settled.
enum Paid {
    /// Within a day, or it was nothing to pay, or it is the one under way.
    InTime,
    /// The first one, within the day that an incomplete subscription has.
    First(UnixTime),
    /// It was paid later, at this instant.
    Late(UnixTime),
    /// It stayed a draft: it was never finished.
    LeftDraft,
    /// It was never paid.
    Never,
}

fn paid(cycle: &Cycle<'_>, first: bool, under_way: bool) -> Paid {
    let invoice = cycle.bill.state;
    match (&invoice.status, invoice.paid_at) {
        (InvoiceStatus::Paid, Some(at)) if at <= cycle.at.plus(A_DAY) => match first && invoice.total > 0 {
            true if at > cycle.at => Paid::First(at),
            _ => Paid::InTime,
        },
        (InvoiceStatus::Paid, Some(at)) if invoice.total > 0 => Paid::Late(at),
        (InvoiceStatus::Paid, _) => Paid::InTime,
        _ if invoice.total <= 0 || under_way => Paid::InTime,
        (InvoiceStatus::Draft, _) => Paid::LeftDraft,
        _ => Paid::Never,
    }
}

/// A trial lasts until the invoice that follows it, which comes some seconds later, or until the end that does.
fn trial_until(end: UnixTime, cycles: &[Cycle<'_>], until: UnixTime) -> UnixTime {
    let soon = |at: &UnixTime| (end..=end.plus(A_DAY)).contains(at);
    cycles.iter().map(|cycle| cycle.at).find(soon).or(Some(until).filter(soon)).unwrap_or(end)
}

/// What the status was at the end of the past, where the invoices don't come to it.
fn close(
    line: &mut Vec<(UnixTime, Status)>,
    last: &SubscriptionState,
    until: UnixTime,
    late: UnixTime,
    unclear: &mut Vec<Unclear>,
) {
    let Some((from, reached)) = line.last().cloned() else { return };
    let unlike = |what: &str| Unclear { from, until, what: what.to_owned() };
    match &last.status {
        Status::Paused if reached != Status::Paused => {
            // A pause cuts the period short (docs/wire.md 3.2).
            match last.period.map(|period| period.end).filter(|end| *end >= from && *end <= until) {
                Some(end) => line.push((end, Status::Paused)),
                None => {
                    unclear.push(unlike("it was paused"));
                    line.push((late.max(from), Status::Paused));
                }
            }
        }
        Status::Unpaid if reached != Status::Unpaid => {
            unclear.push(unlike("it became unpaid"));
            line.push((late.max(from), Status::Unpaid));
        }
        Status::PastDue if reached == Status::Active => line.push((from, Status::PastDue)),
        _ => {}
    }
    if last.pause_collection.is_some() {
        unclear.push(unlike("its collection was paused"));
    }
}
