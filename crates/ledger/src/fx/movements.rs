//! Movements in the reporting currency: per customer over all its currencies, and beside them the revaluations as `fx`.

use std::collections::{BTreeMap, BTreeSet};

use super::{Book, Row, times};
use crate::{
    money::Mrr,
    outcome::{Cause, CustomerLedger, Kind, Movement, Part, Side},
    pricing::exact::Exact,
    profile::Netting,
    time::{Day, UnixTime},
};

/// Over which days what happens is one movement.
#[derive(Clone, Copy)]
pub(super) struct Booking<'a> {
    pub(super) netting: Netting,
    /// Days on which a month is cut, in order.
    pub(super) cuts: &'a [Day],
}

impl Booking<'_> {
    /// The first of the days that are booked together with this one.
    fn first_day(&self, day: Day) -> Day {
        match self.netting {
            Netting::Month => {
                let cut = self.cuts[..self.cuts.partition_point(|cut| *cut <= day)].last().copied();
                cut.into_iter().fold(Day(day.0.first_of_month()), Day::max)
            }
            Netting::None | Netting::Window(_) | Netting::Day => day,
        }
    }
}

#[derive(Default)]
struct Span<'r> {
    rows: Vec<&'r Row>,
    moved: Vec<Movement>,
}

/// The movements of `native` before `until` at the rates of their days, and the `fx` that closes each day's rows (each
/// month's, where a month nets to one movement).
pub(super) fn movements(
    native: &CustomerLedger,
    rows: &[Row],
    until: UnixTime,
    booking: Booking<'_>,
    book: Book<'_>,
) -> Vec<Movement> {
    let ledger = Ledger { rows, book };
    let mut windows: BTreeMap<UnixTime, Vec<&Movement>> = BTreeMap::new();
    for movement in native.movements.iter().filter(|movement| movement.visible_from < until) {
        windows.entry(movement.window).or_default().push(movement);
    }
    let mut all: Vec<Movement> = Vec::new();
    for (window, rows) in &windows {
        all.extend(ledger.of_window(*window, rows, until));
    }
    let mut spans: BTreeMap<Day, Span<'_>> = BTreeMap::new();
    for row in rows {
        spans.entry(booking.first_day(row.delta.day)).or_default().rows.push(row);
    }
    for movement in &all {
        spans.entry(booking.first_day(movement.day)).or_default().moved.push(movement.clone());
    }
    for (first, Span { rows, moved }) in &spans {
        rows.chunk_by(|a, b| a.delta.day == b.delta.day).for_each(|day| all.extend(ledger.revaluation(day)));
        all.extend(ledger.rest(*first, rows, moved));
    }
    all.sort_by_key(|one| (one.effective_at, one.window, one.kind != Kind::Fx, one.visible_from));
    all
}

fn opened(rows: &[&Movement]) -> UnixTime {
    rows.iter().map(|row| row.visible_from).min().unwrap_or(UnixTime(i64::MIN))
}

fn shown(movement: &Movement, at: UnixTime) -> bool {
    movement.visible_from <= at && movement.visible_until.is_none_or(|until| at < until)
}

/// A stretch of time in which a row is shown; without an end where nothing replaces it.
#[derive(Clone, Copy)]
struct Stretch {
    from: UnixTime,
    until: Option<UnixTime>,
}

/// The stretches between `from` and the cuts after it; the last has no end.
fn slices(from: UnixTime, cuts: BTreeSet<UnixTime>) -> Vec<Stretch> {
    let starts: Vec<UnixTime> = std::iter::once(from).chain(cuts.into_iter().filter(|cut| *cut > from)).collect();
    let stretch = |(place, start): (usize, &UnixTime)| Stretch { from: *start, until: starts.get(place + 1).copied() };
    starts.iter().enumerate().map(stretch).collect()
}

/// Adds a row of one stretch of time; one that only stays as it was is shown on.
fn extend(rows: &mut Vec<Movement>, fresh: Movement) {
    match rows.last_mut() {
        Some(last)
            if last.visible_until == Some(fresh.visible_from)
                && (last.kind, last.amount) == (fresh.kind, fresh.amount)
                && last.parts == fresh.parts =>
        {
            last.visible_until = fresh.visible_until;
        }
        _ => rows.push(fresh),
    }
}

struct Ledger<'a> {
    rows: &'a [Row],
    book: Book<'a>,
}

/// The kind of a change over all currencies. A customer is one over all of them, so each currency's own row knows already
/// who is won, lost or back; only where one grows and another shrinks does the sum decide. `None` where that is nothing.
fn kind(native: &[&Movement], amount: Mrr) -> Option<Kind> {
    let moving = || native.iter().map(|row| row.kind).filter(|kind| *kind != Kind::Transient);
    let first = moving().next().unwrap_or(Kind::Transient);
    match amount.0.signum() {
        _ if moving().all(|kind| kind == first) => Some(first),
        1 => Some(Kind::Expansion),
        -1 => Some(Kind::Contraction),
        _ => None,
    }
}

impl Ledger<'_> {
    /// What stands here before `at`, with the revaluation of that instant or without.
    fn mrr_before(&self, at: UnixTime, revalued: bool) -> Mrr {
        let before = |row: &&Row| row.delta.at < at || (revalued && row.fx && row.delta.at == at);
        Mrr(self.rows.iter().filter(before).map(|row| row.delta.mrr.0).sum())
    }

    /// One window: a row for each state of knowledge.
    fn of_window(&self, window: UnixTime, native: &[&Movement], until: UnixTime) -> Vec<Movement> {
        let opened = opened(native);
        let before = self.mrr_before(opened, true);
        let cuts = native.iter().flat_map(|row| [Some(row.visible_from), row.visible_until]).flatten().collect();
        let mut rows = Vec::new();
        for Stretch { from, until: to } in slices(opened, cuts).into_iter().filter(|stretch| stretch.from < until) {
            let now: Vec<&Movement> = native.iter().copied().filter(|row| shown(row, from)).collect();
            let merged = self.merged(&now);
            if let Some((kind, parts, effective_at)) = merged {
                let amount = Mrr(parts.iter().map(|part| part.amount.0).sum());
                extend(
                    &mut rows,
                    Movement {
                        currency: self.book.to,
                        day: self.book.zone.day(effective_at),
                        window,
                        effective_at,
                        kind,
                        amount,
                        before,
                        after: Mrr(before.0 + amount.0),
                        visible_from: from,
                        visible_until: to,
                        parts,
                    },
                );
            }
        }
        rows
    }

    /// What the currencies of one window make together; `None` where that is nothing.
    fn merged(&self, native: &[&Movement]) -> Option<(Kind, Vec<Part>, UnixTime)> {
        let mut parts = Vec::new();
        for row in native {
            let rate = self.book.rates.rate(row.currency, self.book.to, row.day)?;
            for part in &row.parts {
                parts.push(converted(part, rate)?);
            }
        }
        let effective_at = native.iter().map(|row| row.effective_at).max()?;
        let amount = parts.iter().map(|part| part.amount.0).sum();
        Some((kind(native, Mrr(amount))?, parts, effective_at))
    }

    /// The revaluation of one day, with a part for each item.
    fn revaluation(&self, day: &[&Row]) -> Option<Movement> {
        let revalued = || day.iter().filter(|row| row.fx && row.delta.mrr != Mrr::ZERO);
        let at = revalued().map(|row| row.delta.at).min()?;
        let mut parts: Vec<Part> = Vec::new();
        for row in revalued() {
            let same = |part: &&mut Part| {
                (&part.subscription, &part.item) == (&row.delta.subscription, &row.delta.item)
                    && part.before.as_ref().map(|side| &side.price) == Some(&row.delta.price)
            };
            match parts.iter_mut().find(same) {
                Some(part) => *part = fx_part(row, Mrr(part.amount.0 + row.delta.mrr.0)),
                None => parts.push(fx_part(row, row.delta.mrr)),
            }
        }
        self.fx(parts, at, self.book.zone.start_of(day.first()?.delta.day), Stretch { from: at, until: None })
    }

    /// A window of several days is converted at the rate of its last: what its rows, each at its own day's rate, hold
    /// beyond that is revaluation too.
    fn rest(&self, first: Day, rows: &[&Row], moved: &[Movement]) -> Vec<Movement> {
        let Some(begins) = rows.iter().map(|row| row.delta.at).min() else { return Vec::new() };
        // What is shown changes: another window opens, or time alone replaces a row.
        let cuts = moved.iter().flat_map(|one| [Some(one.visible_from), one.visible_until]).flatten().collect();
        let mut fresh = Vec::new();
        for stretch in slices(begins, cuts) {
            // As it stands just before the stretch ends.
            let last = stretch.until.map_or(UnixTime(i64::MAX), |to| to.plus(-1));
            let within = || rows.iter().filter(|row| !row.fx && row.delta.at <= last);
            let booked: i128 = moved.iter().filter(|one| shown(one, last)).map(|one| one.amount.0).sum();
            let rest = Mrr(within().map(|row| row.delta.mrr.0).sum::<i128>() - booked);
            let parts = within().next_back().map(|row| fx_part(row, rest)).filter(|_| rest != Mrr::ZERO);
            // Beside the revaluation of the span's first day it needs a name of its own.
            let name = self.book.zone.start_of(first).plus(1);
            if let Some(movement) = self.fx(parts.into_iter().collect(), begins, name, stretch) {
                extend(&mut fresh, movement);
            }
        }
        fresh
    }

    fn fx(&self, parts: Vec<Part>, begins: UnixTime, window: UnixTime, shown: Stretch) -> Option<Movement> {
        let effective_at = parts.iter().map(|part| part.effective_at).max()?;
        let before = self.mrr_before(begins, false);
        let amount = Mrr(parts.iter().map(|part| part.amount.0).sum());
        Some(Movement {
            currency: self.book.to,
            day: self.book.zone.day(effective_at),
            window,
            effective_at,
            kind: Kind::Fx,
            amount,
            before,
            after: Mrr(before.0 + amount.0),
            visible_from: shown.from,
            visible_until: shown.until,
            parts,
        })
    }
}

/// A part at a rate: the difference of its two sides as each stands, so that the parts of an item add up to its change.
fn converted(part: &Part, rate: Exact) -> Option<Part> {
    let side = |side: &Option<Side>| match side {
        Some(side) => times(side.amount, rate).map(|amount| Some(Side { amount, ..side.clone() })),
        None => Some(None),
    };
    let (before, after) = (side(&part.before)?, side(&part.after)?);
    let of = |side: &Option<Side>| side.as_ref().map_or(0, |side| side.amount.0);
    let amount = if of(&part.after) - of(&part.before) == part.amount.0 {
        Mrr(of(&after) - of(&before))
    } else {
        times(part.amount, rate)?
    };
    Some(Part { amount, before, after, ..part.clone() })
}

/// An item's share of a revaluation.
fn fx_part(row: &Row, amount: Mrr) -> Part {
    let Row { delta, stood, .. } = row;
    let side = |amount| Side {
        product: delta.product.clone(),
        price: delta.price.clone(),
        interval: delta.interval,
        quantity: None,
        amount,
    };
    let after = Mrr(stood.0 + delta.mrr.0);
    Part {
        subscription: delta.subscription.clone(),
        item: delta.item.clone(),
        cause: Cause::Fx,
        amount,
        effective_at: delta.at,
        before: Some(side(Mrr(after.0 - amount.0))),
        after: Some(side(after)),
        events: Vec::new(),
        feedback: None,
        end_reason: None,
    }
}
