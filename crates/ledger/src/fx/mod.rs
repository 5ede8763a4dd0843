//! Foreign currency: one customer's ledger in a reporting currency (rule `revaluation`).
//!
//! What stands is always the native MRR times a rate, rounded once per item: before any movement of the customer and at
//! each month's end all of it is revalued, which is `fx`. Nothing is left behind when an item goes, for what it stood at
//! leaves with it. Where a rate is missing the ledger ends, and says which.

mod movements;
mod rates;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use rates::{Quote, REACH_DAYS, RateTold, Rates, minor_units};

use super::{
    fact::Interval,
    ids::{ItemId, PriceId, ProductId, SubscriptionId},
    money::{Currency, Mrr},
    outcome::{CountDelta, CustomerLedger, Delta, QualityEntry, QualityKind},
    pricing::exact::Exact,
    profile::Profile,
    time::{Day, UnixTime, Zone},
};

/// Converts a customer's ledger, derived under `profile` and `cuts`, into `to`: movements and counts over all its currencies.
///
/// Rows end at the first rate that is missing, which is the entry [`QualityKind::MissingRate`].
pub fn convert(
    native: &CustomerLedger,
    to: Currency,
    profile: &Profile,
    rates: &Rates,
    zone: &Zone,
    cuts: &[Day],
) -> CustomerLedger {
    let book = Book { to, rates, zone };
    let walk = Walk::through(&native.deltas, book);
    let until = walk.missing.as_ref().map_or(UnixTime(i64::MAX), |missing| missing.at);
    let movements =
        movements::movements(native, &walk.rows, until, movements::Booking { netting: profile.netting, cuts }, book);
    let mut quality = native.quality.clone();
    quality.extend(walk.missing.map(|missing| missing.entry(to)));
    quality.sort_unstable();
    CustomerLedger {
        deltas: sorted(walk.rows),
        counts: counts(&native.counts, to, until),
        movements,
        quality,
        ..native.clone()
    }
}

/// What amounts are converted with.
#[derive(Clone, Copy)]
struct Book<'a> {
    to: Currency,
    rates: &'a Rates,
    zone: &'a Zone,
}

impl Book<'_> {
    fn rate(&self, from: Currency, at: UnixTime) -> Result<Exact, Missing> {
        let day = self.zone.day(at);
        self.rates.rate(from, self.to, day).ok_or(Missing { currency: from, at, day })
    }
}

/// An amount at a rate, rounded once, half-even; `None` beyond what a row holds.
fn times(amount: Mrr, rate: Exact) -> Option<Mrr> {
    let units = Exact::whole(amount.0).times(rate).ok()?.scaled(1).ok()?;
    i64::try_from(units).ok().map(|units| Mrr(i128::from(units)))
}

/// A rate that isn't there (or gives an amount that no row holds).
#[derive(Clone, Debug)]
struct Missing {
    currency: Currency,
    at: UnixTime,
    day: Day,
}

impl Missing {
    fn entry(self, to: Currency) -> QualityEntry {
        let Self { currency, at, day } = self;
        QualityEntry {
            kind: QualityKind::MissingRate,
            object: currency.as_str().into(),
            event: None,
            at,
            until: None,
            detail: format!(
                "no rate of {currency} in {to} on {day} or in the {REACH_DAYS} days before: from here on this customer \
                 is in no {to} figure"
            ),
            settle: format!("import a table with {currency} from {day} on: mrrd fx import FILE"),
        }
    }
}

/// One item of a customer in one currency, as revaluation tells it from others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub currency: Currency,
    pub subscription: SubscriptionId,
    pub item: ItemId,
    pub product: Option<ProductId>,
    pub price: PriceId,
    pub interval: Option<Interval>,
}

impl Key {
    fn from_delta(delta: &Delta) -> Self {
        Self {
            currency: delta.currency,
            subscription: delta.subscription.clone(),
            item: delta.item.clone(),
            product: delta.product.clone(),
            price: delta.price.clone(),
            interval: delta.interval,
        }
    }
}

/// MRR, list, estimated, at risk, scheduled churn.
type Amounts = [Mrr; 5];

const NOTHING: Amounts = [Mrr::ZERO; 5];

fn amounts(delta: &Delta) -> Amounts {
    [delta.mrr, delta.list, delta.estimated, delta.at_risk, delta.scheduled_churn]
}

/// What an item is worth at home and what it stands at here.
#[derive(Clone, Copy, Debug)]
struct Held {
    native: Amounts,
    stands: Amounts,
}

/// A converted row, and whether it is revaluation.
#[derive(Clone, Debug)]
struct Row {
    fx: bool,
    delta: Delta,
    /// At how much the item stood before.
    stood: Mrr,
}

/// All that stands, taken from one instant of change to the next.
struct Walk<'a> {
    book: Book<'a>,
    held: BTreeMap<Key, Held>,
    /// At which rate each currency that stands was last valued.
    valued_at: BTreeMap<Currency, Exact>,
    /// In time order; within an instant revaluation comes first.
    rows: Vec<Row>,
    missing: Option<Missing>,
}

impl<'a> Walk<'a> {
    fn through(deltas: &[Delta], book: Book<'a>) -> Self {
        Self::until(deltas, book, UnixTime(i64::MAX))
    }

    /// The same up to an instant: no month that ends at it or later is revalued.
    fn until(deltas: &[Delta], book: Book<'a>, end: UnixTime) -> Self {
        let mut walk =
            Self { book, held: BTreeMap::new(), valued_at: BTreeMap::new(), rows: Vec::new(), missing: None };
        let mut last = UnixTime(i64::MIN);
        for group in deltas.chunk_by(|a, b| a.at == b.at) {
            let at = group[0].at;
            let done = walk.month_ends(last, at).and_then(|()| walk.step(at, group));
            if let Err(missing) = done {
                walk.end(missing);
                return walk;
            }
            last = at;
        }
        if let Err(missing) = walk.month_ends(last, end) {
            walk.end(missing);
        }
        walk
    }

    /// What has no rate is in no row: also not half of an instant.
    fn end(&mut self, missing: Missing) {
        self.rows.retain(|row| row.delta.at < missing.at);
        self.missing = Some(missing);
    }

    /// Revalues at the end of each month after `after` and before `before`, for as long as anything foreign stands.
    fn month_ends(&mut self, after: UnixTime, before: UnixTime) -> Result<(), Missing> {
        let foreign = self.held.keys().any(|key| key.currency != self.book.to);
        // Rates that never change revalue nothing, and never run out.
        if !foreign || self.book.rates.constant() {
            return Ok(());
        }
        let zone = self.book.zone;
        let mut month = Day(zone.day(after).0.last_of_month());
        loop {
            let at = zone.end_of(month);
            if at >= before {
                return Ok(());
            }
            if at > after {
                self.revalue(at)?;
            }
            let next = Day(month.after().0.last_of_month());
            if next <= month {
                return Ok(());
            }
            month = next;
        }
    }

    /// One instant's changes; what stands is revalued first where any of them moves MRR, or a month ends with them.
    fn step(&mut self, at: UnixTime, group: &[Delta]) -> Result<(), Missing> {
        let moves = group.iter().any(|delta| delta.mrr != Mrr::ZERO);
        let month = Day(self.book.zone.day(at).0.last_of_month());
        if moves || at == self.book.zone.end_of(month) {
            self.revalue(at)?;
        }
        for delta in group {
            let currency = delta.currency;
            let rate = match self.valued_at.get(&currency) {
                Some(rate) => *rate,
                None => self.book.rate(currency, at)?,
            };
            self.valued_at.insert(currency, rate);
            let key = Key::from_delta(delta);
            let was = self.held.get(&key).copied().unwrap_or(Held { native: NOTHING, stands: NOTHING });
            let mut native = was.native;
            for (amount, change) in native.iter_mut().zip(amounts(delta)) {
                amount.0 += change.0;
            }
            self.value(at, key, was, native, rate, false)?;
        }
        // A currency of which nothing is left comes back at the rate of its day.
        let held = &self.held;
        self.valued_at.retain(|currency, _| held.keys().any(|key| key.currency == *currency));
        Ok(())
    }

    fn revalue(&mut self, at: UnixTime) -> Result<(), Missing> {
        let all_held: Vec<(Key, Held)> = self.held.iter().map(|(key, held)| (key.clone(), *held)).collect();
        for (key, held) in all_held {
            let rate = self.book.rate(key.currency, at)?;
            self.valued_at.insert(key.currency, rate);
            self.value(at, key, held, held.native, rate, true)?;
        }
        Ok(())
    }

    /// Lets an item stand at `native` times `rate`, and books the difference.
    fn value(
        &mut self,
        at: UnixTime,
        key: Key,
        was: Held,
        native: Amounts,
        rate: Exact,
        fx: bool,
    ) -> Result<(), Missing> {
        let day = self.book.zone.day(at);
        let mut stands = NOTHING;
        for (amount, native) in stands.iter_mut().zip(native) {
            *amount = times(native, rate).ok_or(Missing { currency: key.currency, at, day })?;
        }
        let change = |place: usize| Mrr(stands[place].0 - was.stands[place].0);
        if stands != was.stands {
            let delta = Delta {
                at,
                day,
                currency: self.book.to,
                subscription: key.subscription.clone(),
                item: key.item.clone(),
                product: key.product.clone(),
                price: key.price.clone(),
                interval: key.interval,
                mrr: change(0),
                list: change(1),
                estimated: change(2),
                at_risk: change(3),
                scheduled_churn: change(4),
            };
            self.rows.push(Row { fx, delta, stood: was.stands[0] });
        }
        if native == NOTHING {
            self.held.remove(&key);
        } else {
            self.held.insert(key, Held { native, stands });
        }
        Ok(())
    }
}

fn sorted(rows: Vec<Row>) -> Vec<Delta> {
    let mut deltas: Vec<Delta> = rows.into_iter().map(|row| row.delta).collect();
    deltas.sort_unstable();
    deltas
}

/// Counts over all currencies are the reporting ledger's own as well.
fn counts(native: &[CountDelta], to: Currency, until: UnixTime) -> Vec<CountDelta> {
    let over_all = native.iter().filter(|count| count.currency.is_none() && count.at < until);
    over_all.flat_map(|count| [count.clone(), CountDelta { currency: Some(to), ..count.clone() }]).collect()
}

/// What a customer has at one instant, as it was valued last, and what becomes of it at the same rates.
pub(crate) struct Valued<'a> {
    walk: Walk<'a>,
    now: UnixTime,
}

impl<'a> Valued<'a> {
    /// After `deltas`, none of them later than `now`.
    pub(crate) fn at(
        deltas: &[Delta],
        to: Currency,
        rates: &'a Rates,
        zone: &'a Zone,
        now: UnixTime,
    ) -> Result<Self, Box<QualityEntry>> {
        let walk = Walk::until(deltas, Book { to, rates, zone }, now.plus(1));
        match walk.missing {
            Some(missing) => Err(Box::new(missing.entry(to))),
            None => Ok(Self { walk, now }),
        }
    }

    /// What all of it stands at.
    pub(crate) fn stands(&self) -> Mrr {
        Mrr(self.walk.held.values().map(|held| held.stands[0].0).sum())
    }

    /// Lets an item's native MRR move, and answers by how much it moves here.
    pub(crate) fn move_item(&mut self, key: Key, amount: Mrr) -> Result<Mrr, Box<QualityEntry>> {
        let was = self.walk.held.get(&key).copied().unwrap_or(Held { native: NOTHING, stands: NOTHING });
        let mut is = was;
        is.native[0].0 += amount.0;
        is.stands[0] = self.worth(key.currency, is.native[0])?;
        self.walk.held.insert(key, is);
        Ok(Mrr(is.stands[0].0 - was.stands[0].0))
    }

    /// An amount at the rate at which its currency was valued last, else at that of the day.
    pub(crate) fn worth(&self, currency: Currency, amount: Mrr) -> Result<Mrr, Box<QualityEntry>> {
        let Walk { book, valued_at, .. } = &self.walk;
        let (at, day) = (self.now, book.zone.day(self.now));
        let rate = match valued_at.get(&currency) {
            Some(rate) => Ok(*rate),
            None => book.rate(currency, at),
        };
        let worth = rate.and_then(|rate| times(amount, rate).ok_or(Missing { currency, at, day }));
        worth.map_err(|missing| Box::new(missing.entry(book.to)))
    }
}
