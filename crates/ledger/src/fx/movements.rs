//! Movements in the reporting currency: per customer over all its currencies, and beside them the revaluations as `fx`.

use std::collections::{BTreeMap, BTreeSet};

use super::{Book, Row, times};
use crate::{
    ids::{ProductId, SubscriptionId},
    money::{Currency, Mrr},
    outcome::{Cause, CustomerLedger, Kind, Movement, Part, Side},
    pricing::exact::Exact,
    profile::Netting,
    time::{Day, UnixTime},
};

/// The movements of `native` before `until` at the rates of their days, and the `fx` that closes each day's rows (each
/// month's, where a month nets to one movement).
pub(super) fn movements(
    native: &CustomerLedger,
    rows: &[Row],
    until: UnixTime,
    (netting, cuts): (Netting, &[Day]),
    book: Book<'_>,
) -> Vec<Movement> {
    let currencies: BTreeSet<Currency> = native.deltas.iter().map(|delta| delta.currency).collect();
    let ledger = Ledger { native, rows, book, several: currencies.len() > 1 };
    let booked = |day: Day| match netting {
        Netting::Month => {
            let cut = cuts[..cuts.partition_point(|cut| *cut <= day)].last().copied();
            cut.into_iter().fold(Day(day.0.first_of_month()), Day::max)
        }
        Netting::None | Netting::Window(_) | Netting::Day => day,
    };
    let mut windows: BTreeMap<UnixTime, Vec<&Movement>> = BTreeMap::new();
    for movement in native.movements.iter().filter(|movement| movement.visible_from < until) {
        windows.entry(movement.window).or_default().push(movement);
    }
    let mut all: Vec<Movement> = Vec::new();
    let opens: Vec<UnixTime> = windows.values().map(|rows| opened(rows)).collect();
    for (window, rows) in &windows {
        let opened = opened(rows);
        let next = opens.iter().copied().filter(|other| *other > opened).min();
        all.extend(ledger.of_window(*window, rows, next, until));
    }
    let mut spans: BTreeMap<Day, (Vec<&Row>, Vec<Movement>)> = BTreeMap::new();
    for row in rows {
        spans.entry(booked(row.delta.day)).or_default().0.push(row);
    }
    for movement in &all {
        spans.entry(booked(movement.day)).or_default().1.push(movement.clone());
    }
    for (first, (rows, moved)) in &spans {
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

/// The stretches between `from` and the cuts after it; the last has no end.
fn slices(from: UnixTime, cuts: BTreeSet<UnixTime>) -> Vec<(UnixTime, Option<UnixTime>)> {
    let starts: Vec<UnixTime> = std::iter::once(from).chain(cuts.into_iter().filter(|cut| *cut > from)).collect();
    starts.iter().enumerate().map(|(place, start)| (*start, starts.get(place + 1).copied())).collect()
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
    native: &'a CustomerLedger,
    rows: &'a [Row],
    book: Book<'a>,
    /// The customer has, or had, money in more than one currency.
    several: bool,
}

impl Ledger<'_> {
    /// What stands here before `at`, with the revaluation of that instant or without.
    fn standing(&self, at: UnixTime, revalued: bool) -> Mrr {
        let before = |row: &&Row| row.delta.at < at || (revalued && row.fx && row.delta.at == at);
        Mrr(self.rows.iter().filter(before).map(|row| row.delta.mrr.0).sum())
    }

    /// One window: a row for each state of knowledge. `next` is when another window opens.
    fn of_window(
        &self,
        window: UnixTime,
        native: &[&Movement],
        next: Option<UnixTime>,
        until: UnixTime,
    ) -> Vec<Movement> {
        let opened = opened(native);
        let before = self.standing(opened, true);
        let cuts = native.iter().flat_map(|row| [Some(row.visible_from), row.visible_until]).flatten().collect();
        let mut rows = Vec::new();
        for (from, to) in slices(opened, cuts).into_iter().filter(|(from, _)| *from < until) {
            let now: Vec<&Movement> = native.iter().copied().filter(|row| shown(row, from)).collect();
            let ends = [to, next].into_iter().flatten().min().unwrap_or(UnixTime(i64::MAX));
            let merged = self.merged(&now, opened, ends);
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
    fn merged(&self, native: &[&Movement], opened: UnixTime, ends: UnixTime) -> Option<(Kind, Vec<Part>, UnixTime)> {
        let mut parts = Vec::new();
        for row in native {
            let rate = self.book.rates.rate(row.currency, self.book.to, row.day)?;
            for part in &row.parts {
                parts.push(converted(part, rate)?);
            }
        }
        let effective_at = native.iter().map(|row| row.effective_at).max()?;
        let kind = match native {
            [one] if !self.several => one.kind,
            _ => {
                let amount = Mrr(parts.iter().map(|part| part.amount.0).sum());
                let kind = self.kind(native, amount, opened, ends)?;
                self.retell(&mut parts, kind, opened);
                kind
            }
        };
        Some((kind, parts, effective_at))
    }

    /// The kind of a change over all currencies (mrr.md 5).
    fn kind(&self, native: &[&Movement], amount: Mrr, opened: UnixTime, ends: UnixTime) -> Option<Kind> {
        if native.iter().any(|row| row.kind == Kind::OpeningBalance) {
            return Some(Kind::OpeningBalance);
        }
        let elsewhere = self.stands_elsewhere(native, opened);
        let before = elsewhere || native.iter().any(|row| row.before > Mrr::ZERO);
        let after = elsewhere || native.iter().any(|row| row.after > Mrr::ZERO);
        match (before, after) {
            (false, false) => Some(Kind::Transient),
            (false, true) if self.present(opened) => Some(Kind::Expansion),
            // Each currency's own row knows whether it is a return, and what the profile calls one.
            (false, true) => {
                let kinds = || native.iter().filter(|row| row.amount > Mrr::ZERO).map(|row| row.kind);
                kinds().find(|kind| *kind != Kind::New).or_else(|| kinds().next())
            }
            (true, false) if !self.present(ends) => Some(Kind::Churn),
            _ if amount > Mrr::ZERO => Some(Kind::Expansion),
            _ if amount < Mrr::ZERO => Some(Kind::Contraction),
            _ => None,
        }
    }

    /// Whether the customer had MRR, before `at`, in a currency that doesn't move.
    fn stands_elsewhere(&self, moving: &[&Movement], at: UnixTime) -> bool {
        let mut standing: BTreeMap<Currency, i128> = BTreeMap::new();
        for delta in self.native.deltas.iter().filter(|delta| delta.at < at) {
            *standing.entry(delta.currency).or_default() += delta.mrr.0;
        }
        standing.iter().any(|(currency, mrr)| *mrr > 0 && moving.iter().all(|row| row.currency != *currency))
    }

    /// Whether the customer counts, in any currency, just before `at`.
    fn present(&self, at: UnixTime) -> bool {
        let over_all = self.native.counts.iter().filter(|count| count.currency.is_none() && count.at < at);
        over_all.map(|count| count.customers).sum::<i64>() > 0
    }

    /// What won or lost a customer in its own currency only raised or lowered one who is here already.
    fn retell(&self, parts: &mut [Part], kind: Kind, opened: UnixTime) {
        if !matches!(kind, Kind::Expansion | Kind::Contraction) {
            return;
        }
        let mut held: BTreeMap<(&SubscriptionId, Option<&ProductId>), i128> = BTreeMap::new();
        for delta in self.native.deltas.iter().filter(|delta| delta.at < opened) {
            *held.entry((&delta.subscription, delta.product.as_ref())).or_default() += delta.mrr.0;
        }
        for part in parts {
            let product = part.after.as_ref().or(part.before.as_ref()).and_then(|side| side.product.clone());
            let elsewhere = held.iter().any(|((subscription, of), mrr)| {
                *mrr > 0 && **subscription != part.subscription && of.is_some() && *of == product.as_ref()
            });
            match part.cause {
                Cause::Imported
                | Cause::FirstSubscription
                | Cause::TrialConversion
                | Cause::FreeToPaid
                | Cause::Winback => {
                    part.cause = if elsewhere { Cause::ExtraSubscription } else { Cause::CrossSell };
                }
                Cause::Cancellation
                | Cause::PaymentFailure
                | Cause::Dispute
                | Cause::RetentionPolicy
                | Cause::UnknownEnd => {
                    part.end_reason = Some(part.cause);
                    part.cause = if elsewhere { Cause::SubscriptionDropped } else { Cause::ProductDropped };
                }
                Cause::FullDiscount => part.cause = Cause::DiscountStart,
                _ => {}
            }
        }
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
        self.fx(parts, at, self.book.zone.start_of(day.first()?.delta.day), (at, None))
    }

    /// A window of several days is converted at the rate of its last: what its rows, each at its own day's rate, hold
    /// beyond that is revaluation too.
    fn rest(&self, first: Day, rows: &[&Row], moved: &[Movement]) -> Vec<Movement> {
        let Some(begins) = rows.iter().map(|row| row.delta.at).min() else { return Vec::new() };
        // What is shown changes: another window opens, or time alone replaces a row.
        let cuts = moved.iter().flat_map(|one| [Some(one.visible_from), one.visible_until]).flatten().collect();
        let mut fresh = Vec::new();
        for (from, to) in slices(begins, cuts) {
            // As it stands just before the stretch ends.
            let last = to.map_or(UnixTime(i64::MAX), |to| to.plus(-1));
            let within = || rows.iter().filter(|row| !row.fx && row.delta.at <= last);
            let booked: i128 = moved.iter().filter(|one| shown(one, last)).map(|one| one.amount.0).sum();
            let rest = Mrr(within().map(|row| row.delta.mrr.0).sum::<i128>() - booked);
            let parts = within().next_back().map(|row| fx_part(row, rest)).filter(|_| rest != Mrr::ZERO);
            // Beside the revaluation of the span's first day it needs a name of its own.
            let name = self.book.zone.start_of(first).plus(1);
            if let Some(movement) = self.fx(parts.into_iter().collect(), begins, name, (from, to)) {
                extend(&mut fresh, movement);
            }
        }
        fresh
    }

    fn fx(
        &self,
        parts: Vec<Part>,
        begins: UnixTime,
        window: UnixTime,
        (visible_from, visible_until): (UnixTime, Option<UnixTime>),
    ) -> Option<Movement> {
        let effective_at = parts.iter().map(|part| part.effective_at).max()?;
        let before = self.standing(begins, false);
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
            visible_from,
            visible_until,
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
