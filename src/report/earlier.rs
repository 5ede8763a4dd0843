//! Answers as the log told them up to a place, read from the rows that answer: whoever was touched in between is exchanged for
//! what was known then, and everybody else's rows say the same at both.
//!
//! Rows may change while several of them are read. So after each reading it is looked whether they did; then, and for what can't
//! be told by an exchange, all ledgers are derived, which gives the same.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tokio::sync::OnceCell;

use super::{
    ReportError,
    exchange::{Exchange, exchanged},
    memory::Memory,
    month::Month,
    reports::{AskError, Reports},
    trials::TrialDays,
    view::{Prefix, Rows as Reading, Tables, View},
};
use crate::{
    event::{CustomerKey, Seq},
    ledger::{
        ids::{AccountId, SubscriptionId},
        money::Currency,
        profile::Profile,
        retention,
        time::{Day, UnixTime, Zone},
    },
    limits,
    store::derived::{prospects::Prospects, reports::*},
};

/// Rows as they were known at a place of the log.
pub(super) struct Earlier<'a> {
    reports: Reports<'a>,
    tables: Tables<'a>,
    seq: Seq,
    profile: Profile,
    exchange: Arc<Exchange>,
    /// All ledgers, once something needed them.
    whole: OnceCell<Prefix<'a>>,
}

impl<'a> Earlier<'a> {
    /// Of a profile, whose rows `exchange` makes what they were at `seq`.
    pub(super) fn new(reports: Reports<'a>, seq: Seq, profile: Profile, exchange: Arc<Exchange>) -> Self {
        let tables = Tables { store: reports.store, zone: &reports.ledger.zone };
        Self { reports, tables, seq, profile, exchange, whole: OnceCell::new() }
    }

    /// The ledgers of every customer as known then, derived once.
    async fn whole(&self) -> Result<&Prefix<'a>, AskError> {
        self.whole
            .get_or_try_init(async || {
                let ledgers = self.reports.derived(Some(self.seq), &self.profile, &[]).await?;
                Ok(Prefix { store: self.reports.store, ledgers, seq: Some(self.seq) })
            })
            .await
    }

    /// What `reading` reads of the rows, where these stand as they were exchanged.
    async fn read<T>(&self, reading: impl Future<Output = Result<Option<T>, AskError>>) -> Result<Option<T>, AskError> {
        if self.whole.initialized() {
            return Ok(None);
        }
        let Some(read) = reading.await? else { return Ok(None) };
        let stands = self.reports.store.derived.rows_state().await? == Some(self.exchange.rows);
        Ok(stands.then_some(read))
    }

    fn zone(&self) -> &Zone {
        &self.reports.ledger.zone
    }

    /// Whether a customer within a scope is one of those exchanged.
    fn is_exchanged(&self, scope: &Scope, account: &Option<AccountId>, customer: &str) -> bool {
        let key = CustomerKey { livemode: scope.livemode, account: account.clone(), customer: customer.into() };
        self.exchange.customers.contains(&key)
    }

    async fn live(&self, profile: &str) -> Result<Option<bool>, AskError> {
        let Exchange { now, then, .. } = &*self.exchange;
        let in_mode = |ledgers: &Memory, livemode| {
            let count = ledgers.customers.iter().filter(|(key, _)| key.livemode == livemode).count();
            i64::try_from(count).unwrap_or(i64::MAX - 1)
        };
        // Whether anybody is left who isn't exchanged.
        let others = async |livemode| -> Result<bool, AskError> {
            let taken = in_mode(now, livemode);
            Ok(self.tables.store.derived.customers_up_to(profile, livemode, taken + 1).await? > taken)
        };
        if in_mode(then, true) > 0 || others(true).await? {
            return Ok(Some(true));
        }
        Ok(Some(in_mode(then, false) == 0 && !others(false).await?))
    }

    async fn exchanged_rows(&self, scope: &Scope, group: RowGroup) -> Result<Option<LedgerRows>, AskError> {
        let rows = self.tables.ledger_rows(scope, group).await?;
        let Exchange { now, then, .. } = &*self.exchange;
        Ok(exchanged(&rows, &now.ledger_rows(scope, group)?, &then.ledger_rows(scope, group)?)?)
    }

    /// Rows of some ledgers by month and group, as they are summed beside the rows.
    fn months(&self, ledgers: &Memory, scope: &Scope, dimension: &Dimension) -> Result<LedgerRows, ReportError> {
        let group = match dimension {
            Dimension::Product => RowGroup::Product,
            Dimension::Price => RowGroup::Price,
            Dimension::Interval => RowGroup::Interval,
            Dimension::Currency => RowGroup::Currency,
            Dimension::Cause => RowGroup::Cause,
            Dimension::Country | Dimension::Cohort | Dimension::Metadata(_) => RowGroup::Customer,
        };
        let mut rows = ledgers.ledger_rows(scope, group)?;
        if group == RowGroup::Customer {
            let label = |one: CustomerTraits| match dimension {
                Dimension::Country => one.country,
                Dimension::Metadata(key) => one.metadata.get(key).cloned(),
                _ => one.first_mrr_at.map(|at| Arc::from(Month::of(self.zone().day(at)).to_string())),
            };
            let traits: BTreeMap<Arc<str>, Option<Arc<str>>> = ledgers
                .customer_traits(scope)
                .into_iter()
                .map(|one| (Arc::from(one.customer.as_str()), label(one)))
                .collect();
            rows.regroup(|customer| traits.get(customer).cloned().flatten());
        }
        // Over all currencies there are no groups.
        rows.counts.retain(|row| row.currency.is_some());
        rows.amounts.iter_mut().for_each(|row| row.day = month(row.day));
        rows.counts.iter_mut().for_each(|row| row.day = month(row.day));
        rows.lines.iter_mut().for_each(|row| row.day = month(row.day));
        Ok(rows)
    }

    async fn exchanged_months(&self, scope: &Scope, dimension: &Dimension) -> Result<Option<LedgerRows>, AskError> {
        let Some(rows) = self.tables.group_months(scope, dimension).await? else { return Ok(None) };
        let Exchange { now, then, .. } = &*self.exchange;
        Ok(exchanged(&rows, &self.months(now, scope, dimension)?, &self.months(then, scope, dimension)?)?)
    }

    async fn exchanged_retention(&self, scope: &Scope) -> Result<Option<RetentionRows>, AskError> {
        let Some(mut rows) = self.tables.retention(scope).await? else { return Ok(None) };
        let Exchange { now, then, .. } = &*self.exchange;
        let (group, cut_day) = (RowGroup::Whole, self.zone().day(scope.cut));
        let (taken, written) = (now.ledger_rows(scope, group)?, then.ledger_rows(scope, group)?);
        let Some(whole) = exchanged(&rows.whole, &taken, &written)? else { return Ok(None) };
        rows.whole = whole;
        let share = |ledger| retention::share(ledger, Some(scope.cut)).ok_or(ReportError::Overflow);
        for (_, ledger) in now.in_scope(scope) {
            rows.take(&share(ledger)?, cut_day).ok_or(ReportError::Overflow)?;
        }
        for (_, ledger) in then.in_scope(scope) {
            rows.put(&share(ledger)?, cut_day).ok_or(ReportError::Overflow)?;
        }
        Ok(Some(rows))
    }

    async fn exchanged_trials(&self, scope: &Scope) -> Result<Option<Vec<TrialRow>>, AskError> {
        let Exchange { now, then, .. } = &*self.exchange;
        let taken: BTreeSet<&SubscriptionId> =
            now.in_scope(scope).flat_map(|(_, ledger)| &ledger.trials).map(|trial| &trial.subscription).collect();
        let mut trials = self.tables.trials(scope).await?;
        trials.retain(|one| !taken.contains(&one.trial.subscription));
        trials.extend(then.trials(scope));
        Ok(Some(trials))
    }

    async fn exchanged_trial_days(&self, scope: &Scope) -> Result<Option<TrialDays>, AskError> {
        let zone = self.zone();
        let of = |ledgers: &Memory| TrialDays::of(ledgers.trials(scope).iter().map(|one| &one.trial), zone);
        let Exchange { now, then, .. } = &*self.exchange;
        let Some(mut days) = self.tables.trial_days(scope, zone).await?.without(&of(now)) else { return Ok(None) };
        days.put(of(then));
        Ok(Some(days))
    }

    /// Changes by customer, where a customer's id tells whose they are.
    fn of_others(&self, scope: &Scope, mut rows: Vec<DayAmounts>) -> Option<Vec<DayAmounts>> {
        let AccountScope::One(account) = &scope.account else { return None };
        rows.retain(|row| row.group.as_deref().is_some_and(|customer| !self.is_exchanged(scope, account, customer)));
        Some(rows)
    }

    /// The first `limit` rows of a list without those exchanged, read page by page after a place, so many at once; `None` where
    /// too many are passed over.
    async fn others<'v, K: Clone, R>(
        &self,
        after: Option<K>,
        limit: i64,
        page: impl Fn(Option<K>, i64) -> Reading<'v, Vec<R>>,
        key: impl Fn(&R) -> K,
        is_exchanged: impl Fn(&R) -> bool,
    ) -> Result<Option<Vec<R>>, AskError> {
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let at_once = if self.exchange.customers.is_empty() { limit } else { limit.max(limits::EXCHANGED_PAGE) };
        let (mut kept, mut after, mut read) = (Vec::new(), after, 0);
        loop {
            let rows = page(after, at_once).await?;
            let full = i64::try_from(rows.len()).is_ok_and(|len| len >= at_once);
            (read, after) = (read + rows.len(), rows.last().map(&key));
            kept.extend(rows.into_iter().filter(|row| !is_exchanged(row)));
            if !full || kept.len() >= wanted {
                return Ok(Some(kept));
            }
            if read > limits::EXCHANGED_ROWS {
                return Ok(None);
            }
        }
    }
}

/// The first day of a day's month.
fn month(day: Day) -> Day {
    Day(day.0.first_of_month())
}

fn size(limit: i64) -> usize {
    usize::try_from(limit).unwrap_or(0)
}

impl View for Earlier<'_> {
    fn seq(&self) -> Option<Seq> {
        Some(self.seq)
    }

    fn livemode<'v>(&'v self, profile: &'v str) -> Reading<'v, bool> {
        Box::pin(async move {
            match self.read(self.live(profile)).await? {
                Some(live) => Ok(live),
                None => self.whole().await?.livemode(profile).await,
            }
        })
    }

    fn ledger_rows<'v>(&'v self, scope: &'v Scope, group: RowGroup) -> Reading<'v, LedgerRows> {
        Box::pin(async move {
            // In groups the rows themselves are read, and deriving takes no longer.
            let whole = group == RowGroup::Whole;
            let rows = if whole { self.read(self.exchanged_rows(scope, group)).await? } else { None };
            match rows {
                Some(rows) => Ok(rows),
                None => self.whole().await?.ledger_rows(scope, group).await,
            }
        })
    }

    fn rows_of_customers<'v>(&'v self, scope: &'v Scope, group: RowGroup) -> Reading<'v, RowsOfCustomers> {
        Box::pin(async move { self.whole().await?.rows_of_customers(scope, group).await })
    }

    fn held<'v>(&'v self, scope: &'v Scope, by: RowGroup) -> Reading<'v, Vec<HeldRow>> {
        Box::pin(async move { self.whole().await?.held(scope, by).await })
    }

    fn imported_lines<'v>(&'v self, scope: &'v Scope) -> Reading<'v, Vec<DayLine>> {
        Box::pin(async move { self.whole().await?.imported_lines(scope).await })
    }

    fn failing<'v>(&'v self, scope: &'v Scope, span: (Option<Day>, Option<Day>), most: i64) -> Reading<'v, Failing> {
        Box::pin(async move {
            let reading = async {
                let Failing { rows, since } = self.tables.failing(scope, span, most).await?;
                let rows = self.of_others(scope, rows);
                Ok(rows.map(|rows| Failing {
                    rows: rows.into_iter().chain(self.exchange.then.in_doubt(scope)).collect(),
                    since,
                }))
            };
            match self.read(reading).await? {
                Some(failing) => Ok(failing),
                None => self.whole().await?.failing(scope, span, most).await,
            }
        })
    }

    fn trials<'v>(&'v self, scope: &'v Scope) -> Reading<'v, Vec<TrialRow>> {
        Box::pin(async move {
            match self.read(self.exchanged_trials(scope)).await? {
                Some(trials) => Ok(trials),
                None => self.whole().await?.trials(scope).await,
            }
        })
    }

    fn trial_days<'v>(&'v self, scope: &'v Scope, zone: &'v Zone) -> Reading<'v, TrialDays> {
        Box::pin(async move {
            match self.read(self.exchanged_trial_days(scope)).await? {
                Some(days) => Ok(days),
                None => self.whole().await?.trial_days(scope, zone).await,
            }
        })
    }

    fn prospects<'v>(
        &'v self,
        scope: &'v Scope,
        until: UnixTime,
        listed: Option<usize>,
    ) -> Reading<'v, Option<Prospects>> {
        Box::pin(async move { self.whole().await?.prospects(scope, until, listed).await })
    }

    fn changing_ahead<'v>(&'v self, scope: &'v Scope) -> Reading<'v, Vec<CustomerKey>> {
        Box::pin(async move { self.whole().await?.changing_ahead(scope).await })
    }

    fn customer_traits<'v>(&'v self, scope: &'v Scope) -> Reading<'v, Vec<CustomerTraits>> {
        Box::pin(async move { self.whole().await?.customer_traits(scope).await })
    }

    fn movement_page<'v>(
        &'v self,
        scope: &'v Scope,
        filter: &'v MovementFilter,
        order: Order,
        after: Option<&'v MovementKey>,
        limit: i64,
    ) -> Reading<'v, Vec<MovementRow>> {
        Box::pin(async move {
            let tables = &self.tables;
            let page = move |after: Option<MovementKey>, limit| -> Reading<'v, Vec<MovementRow>> {
                Box::pin(async move { tables.movement_page(scope, filter, order, after.as_ref(), limit).await })
            };
            let is_exchanged = |row: &MovementRow| self.is_exchanged(scope, &row.account, row.customer.as_str());
            let reading = self.others(after.cloned(), limit, page, MovementRow::key, is_exchanged);
            match self.read(reading).await? {
                Some(mut rows) => {
                    rows.extend(self.exchange.then.movement_page(scope, filter, order, after, limit));
                    rows.sort_by_cached_key(MovementRow::key);
                    if order == Order::Descending {
                        rows.reverse();
                    }
                    rows.truncate(size(limit));
                    Ok(rows)
                }
                None => self.whole().await?.movement_page(scope, filter, order, after, limit).await,
            }
        })
    }

    fn customer_page<'v>(
        &'v self,
        scope: &'v Scope,
        asked: &'v CustomersAsked,
        limit: i64,
    ) -> Reading<'v, Vec<CustomerRow>> {
        Box::pin(async move {
            let only = matches!(asked, CustomersAsked::One(_));
            let after = match asked {
                CustomersAsked::After(after) => after.clone(),
                CustomersAsked::One(_) => None,
            };
            let tables = &self.tables;
            let page = move |after: Option<CustomerPosition>, limit| -> Reading<'v, Vec<CustomerRow>> {
                Box::pin(async move {
                    let next = CustomersAsked::After(after);
                    tables.customer_page(scope, if only { asked } else { &next }, limit).await
                })
            };
            let place =
                |row: &CustomerRow| CustomerPosition { account: row.account.clone(), customer: row.customer.clone() };
            let is_exchanged = |row: &CustomerRow| self.is_exchanged(scope, &row.account, row.customer.as_str());
            match self.read(self.others(after, limit, page, place, is_exchanged)).await? {
                Some(mut rows) => {
                    rows.extend(self.exchange.then.customer_page(scope, asked, limit)?);
                    rows.sort_by_cached_key(place);
                    rows.truncate(size(limit));
                    Ok(rows)
                }
                None => self.whole().await?.customer_page(scope, asked, limit).await,
            }
        })
    }

    fn customers_found<'v>(
        &'v self,
        scope: &'v Scope,
        asked: &'v CustomerSearch,
        limit: i64,
    ) -> Reading<'v, Vec<(FoundPosition, CustomerRow)>> {
        Box::pin(async move {
            // Where nobody is exchanged the list is the rows' own.
            let reading = async {
                if !self.exchange.customers.is_empty() {
                    return Ok(None);
                }
                self.tables.customers_found(scope, asked, limit).await.map(Some)
            };
            match self.read(reading).await? {
                Some(rows) => Ok(rows),
                None => self.whole().await?.customers_found(scope, asked, limit).await,
            }
        })
    }

    fn quality_page<'v>(
        &'v self,
        scope: &'v Scope,
        only: &'v QualityAsked,
        after: Option<&'v QualityPosition>,
        limit: i64,
    ) -> Reading<'v, Vec<(QualityPosition, QualityRow)>> {
        Box::pin(async move {
            type Found = (QualityPosition, QualityRow);
            let tables = &self.tables;
            let page = move |after: Option<QualityPosition>, limit| -> Reading<'v, Vec<Found>> {
                Box::pin(async move { tables.quality_page(scope, only, after.as_ref(), limit).await })
            };
            let is_exchanged = |(_, row): &Found| self.is_exchanged(scope, &row.account, row.customer.as_str());
            let place = |(place, _): &Found| place.clone();
            match self.read(self.others(after.cloned(), limit, page, place, is_exchanged)).await? {
                Some(mut rows) => {
                    rows.extend(self.exchange.then.quality_page(scope, only, after, limit));
                    rows.sort_by(|(one, _), (other, _)| one.cmp(other));
                    rows.truncate(size(limit));
                    Ok(rows)
                }
                None => self.whole().await?.quality_page(scope, only, after, limit).await,
            }
        })
    }

    fn currencies<'v>(&'v self, scope: &'v Scope) -> Reading<'v, BTreeSet<Currency>> {
        Box::pin(async move {
            let reading = async {
                let Exchange { now, then, .. } = &*self.exchange;
                let (taken, written) = (now.currencies(scope), then.currencies(scope));
                let mut all = self.tables.currencies(scope).await?;
                // Whether others have any in one that those exchanged had, the currency alone doesn't tell.
                let doubtful = taken.iter().any(|currency| !written.contains(currency));
                all.extend(written);
                Ok((!doubtful).then_some(all))
            };
            match self.read(reading).await? {
                Some(currencies) => Ok(currencies),
                None => self.whole().await?.currencies(scope).await,
            }
        })
    }

    fn price_holders<'v>(&'v self, scope: &'v Scope, prices: &'v [String]) -> Reading<'v, Vec<CustomerKey>> {
        // What prices are called is told as of now: anybody who names them tells it.
        Box::pin(async move {
            let mut holders = self.tables.price_holders(scope, prices).await?;
            holders.extend(self.exchange.then.price_holders(scope));
            Ok(holders)
        })
    }

    fn group_months<'v>(&'v self, scope: &'v Scope, dimension: &'v Dimension) -> Reading<'v, Option<LedgerRows>> {
        Box::pin(async move { self.read(self.exchanged_months(scope, dimension)).await })
    }

    fn retention<'v>(&'v self, scope: &'v Scope) -> Reading<'v, Option<RetentionRows>> {
        Box::pin(async move { self.read(self.exchanged_retention(scope)).await })
    }
}
