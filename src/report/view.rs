//! What a question is answered from: the derived tables, or a prefix of the log that was derived for it. Both give the same
//! rows, so that nobody who asks needs to know which it is.

use std::{collections::BTreeSet, pin::Pin, sync::Arc};

use super::{ReportError, memory::Memory, reports::AskError, trials::TrialDays};
use crate::{
    event::{CustomerKey, Seq},
    ledger::{
        ahead::told,
        money::Currency,
        outcome::CustomerLedger,
        time::{Day, UnixTime, Zone},
    },
    store::{
        ReadStore,
        derived::{prospects::Prospects, reports::*},
    },
};

/// Rows that a view is reading.
pub(super) type Rows<'v, T> = Pin<Box<dyn Future<Output = Result<T, AskError>> + Send + 'v>>;

/// Rows of one profile's ledgers, up to a place in the log.
pub(super) trait View: Send + Sync {
    /// The last place of the log that it tells of; `None` for the tables, which tell of all of it.
    fn seq(&self) -> Option<Seq>;

    /// Whether the ledger answers for live events: one that only ever saw test events answers for those.
    fn livemode<'v>(&'v self, profile: &'v str) -> Rows<'v, bool>;

    /// What a bridge is made of.
    fn ledger_rows<'v>(&'v self, scope: &'v Scope, group: RowGroup) -> Rows<'v, LedgerRows>;

    /// What a bridge is made of in these groups, customer by customer: without counts.
    fn rows_of_customers<'v>(&'v self, scope: &'v Scope, group: RowGroup) -> Rows<'v, RowsOfCustomers>;

    /// What stands at the cut, and how much of it is of the customers `named`; what of it is past due where that is asked for.
    fn standing<'v>(&'v self, scope: &'v Scope, named: &'v [CustomerKey], _past_due: bool) -> Rows<'v, StandingRows> {
        Box::pin(async move {
            let rows = self.ledger_rows(scope, RowGroup::Customer).await?;
            let named = named.iter().map(|key| key.customer.as_str()).collect();
            Ok(StandingRows::of_customers(&rows.amounts, &named).ok_or(ReportError::Overflow)?)
        })
    }

    /// What customers hold of each product, price or interval, or in each currency: changes by day.
    fn held<'v>(&'v self, scope: &'v Scope, by: RowGroup) -> Rows<'v, Vec<HeldRow>>;

    /// The new movements that were imported, if only in part: a line each (rule `opening-balance`: outside ASP).
    fn imported_lines<'v>(&'v self, scope: &'v Scope) -> Rows<'v, Vec<DayLine>>;

    /// What customers had at risk or set to cancel, a line each time that changed: of those whose payments failed last within a
    /// span, on up to `most` days and customers.
    fn failing<'v>(&'v self, scope: &'v Scope, span: (Option<Day>, Option<Day>), most: i64) -> Rows<'v, Failing>;

    /// Trials that ended by the cut.
    fn trials<'v>(&'v self, scope: &'v Scope) -> Rows<'v, Vec<TrialRow>>;

    /// The same, counted by day.
    fn trial_days<'v>(&'v self, scope: &'v Scope, zone: &'v Zone) -> Rows<'v, TrialDays> {
        Box::pin(async move { Ok(TrialDays::of(self.trials(scope).await?.iter().map(|one| &one.trial), zone)) })
    }

    /// Of the trials that ended after `since` and by the cut: how many have converted, and how many there are.
    fn trials_ended<'v>(&'v self, scope: &'v Scope, since: UnixTime) -> Rows<'v, (u64, u64)> {
        Box::pin(async move { Ok(ended(&self.trials(scope).await?, since)) })
    }

    /// What is known ahead of customers from the cut up to `until`: `None` of those whose facts must be read. Whoever isn't named stays
    /// as it is; `None` where that isn't kept. `listed`: trials may be summed, and so many of each currency kept.
    fn prospects<'v>(&'v self, scope: &'v Scope, until: UnixTime, listed: Option<usize>)
    -> Rows<'v, Option<Prospects>>;

    /// Customers of whose MRR something may be known ahead; all others stay as they are.
    fn changing_ahead<'v>(&'v self, scope: &'v Scope) -> Rows<'v, Vec<CustomerKey>>;

    /// What customers are grouped by.
    fn customer_traits<'v>(&'v self, scope: &'v Scope) -> Rows<'v, Vec<CustomerTraits>>;

    /// Up to `limit` movements with their parts, after `after` in the order asked for.
    fn movement_page<'v>(
        &'v self,
        scope: &'v Scope,
        filter: &'v MovementFilter,
        order: Order,
        after: Option<&'v MovementKey>,
        limit: i64,
    ) -> Rows<'v, Vec<MovementRow>>;

    /// Up to `limit` customers as they stand at the cut.
    fn customer_page<'v>(
        &'v self,
        scope: &'v Scope,
        asked: &'v CustomersAsked,
        limit: i64,
    ) -> Rows<'v, Vec<CustomerRow>>;

    /// Up to `limit` customers by what is known of them, each with its place in the list. Names are those of now.
    fn customers_found<'v>(
        &'v self,
        scope: &'v Scope,
        asked: &'v CustomerSearch,
        limit: i64,
    ) -> Rows<'v, Vec<(FoundPosition, CustomerRow)>>;

    /// Up to `limit` quality entries that stand at the cut, after `after` by kind, time and customer.
    fn quality_page<'v>(
        &'v self,
        scope: &'v Scope,
        only: &'v QualityAsked,
        after: Option<&'v QualityPosition>,
        limit: i64,
    ) -> Rows<'v, Vec<(QualityPosition, QualityRow)>>;

    /// The currencies in which there is a ledger, also where all that stands in it is 0.
    fn currencies<'v>(&'v self, scope: &'v Scope) -> Rows<'v, BTreeSet<Currency>>;

    /// A customer of each of these prices, who can tell what it is called.
    fn price_holders<'v>(&'v self, scope: &'v Scope, prices: &'v [String]) -> Rows<'v, Vec<CustomerKey>>;

    /// Sums by month and group, each month on its first day, where they are kept.
    fn group_months<'v>(&'v self, scope: &'v Scope, dimension: &'v Dimension) -> Rows<'v, Option<LedgerRows>>;

    /// What each day adds to the figures that look at customers one by one, where that is kept.
    fn retention<'v>(&'v self, scope: &'v Scope) -> Rows<'v, Option<RetentionRows>>;
}

/// Of the trials that ended after `since`: how many have converted, and how many there are.
pub(super) fn ended(trials: &[TrialRow], since: UnixTime) -> (u64, u64) {
    let ended = || trials.iter().map(|one| &one.trial).filter(|trial| trial.ended_at > since);
    (ended().filter(|trial| trial.converted_at.is_some()).count() as u64, ended().count() as u64)
}

/// The tables of the generation that answers.
pub(super) struct Tables<'a> {
    pub(super) store: &'a ReadStore,
    pub(super) zone: &'a Zone,
}

/// Ledgers derived from the log up to a place, or from all of it.
pub(super) struct Prefix<'a> {
    pub(super) store: &'a ReadStore,
    pub(super) ledgers: Arc<Memory>,
    pub(super) seq: Option<Seq>,
}

impl View for Tables<'_> {
    fn seq(&self) -> Option<Seq> {
        None
    }

    fn livemode<'v>(&'v self, profile: &'v str) -> Rows<'v, bool> {
        let derived = &self.store.derived;
        Box::pin(async move {
            Ok(derived.has_customers(profile, true).await? || !derived.has_customers(profile, false).await?)
        })
    }

    fn ledger_rows<'v>(&'v self, scope: &'v Scope, group: RowGroup) -> Rows<'v, LedgerRows> {
        Box::pin(async move { Ok(self.store.derived.ledger_rows(scope, self.zone.day(scope.cut), group).await?) })
    }

    fn standing<'v>(&'v self, scope: &'v Scope, named: &'v [CustomerKey], past_due: bool) -> Rows<'v, StandingRows> {
        Box::pin(
            async move { Ok(self.store.derived.standing(scope, self.zone.day(scope.cut), named, past_due).await?) },
        )
    }

    fn rows_of_customers<'v>(&'v self, scope: &'v Scope, group: RowGroup) -> Rows<'v, RowsOfCustomers> {
        Box::pin(async move { Ok(self.store.derived.rows_of_customers(scope, group).await?) })
    }

    fn held<'v>(&'v self, scope: &'v Scope, by: RowGroup) -> Rows<'v, Vec<HeldRow>> {
        Box::pin(async move { Ok(self.store.derived.held(scope, by).await?) })
    }

    fn imported_lines<'v>(&'v self, scope: &'v Scope) -> Rows<'v, Vec<DayLine>> {
        Box::pin(async move { Ok(self.store.derived.imported_lines(scope).await?) })
    }

    fn failing<'v>(&'v self, scope: &'v Scope, span: (Option<Day>, Option<Day>), most: i64) -> Rows<'v, Failing> {
        Box::pin(async move { Ok(self.store.derived.failing(scope, span, most).await?) })
    }

    fn trials<'v>(&'v self, scope: &'v Scope) -> Rows<'v, Vec<TrialRow>> {
        Box::pin(async move { Ok(self.store.derived.trials(scope).await?) })
    }

    fn trial_days<'v>(&'v self, scope: &'v Scope, zone: &'v Zone) -> Rows<'v, TrialDays> {
        Box::pin(async move {
            let mut days = TrialDays::default();
            self.store.derived.each_trial(scope, |trial| days.add(&trial, zone)).await?;
            Ok(days)
        })
    }

    fn trials_ended<'v>(&'v self, scope: &'v Scope, since: UnixTime) -> Rows<'v, (u64, u64)> {
        Box::pin(async move { Ok(self.store.derived.trials_ended(scope, since).await?) })
    }

    fn prospects<'v>(
        &'v self,
        scope: &'v Scope,
        until: UnixTime,
        listed: Option<usize>,
    ) -> Rows<'v, Option<Prospects>> {
        Box::pin(async move { Ok(self.store.derived.prospects(scope, until, listed).await?) })
    }

    fn changing_ahead<'v>(&'v self, scope: &'v Scope) -> Rows<'v, Vec<CustomerKey>> {
        Box::pin(async move { Ok(self.store.derived.changing_ahead(scope).await?) })
    }

    fn customer_traits<'v>(&'v self, scope: &'v Scope) -> Rows<'v, Vec<CustomerTraits>> {
        Box::pin(async move { Ok(self.store.derived.customer_traits(scope).await?) })
    }

    fn movement_page<'v>(
        &'v self,
        scope: &'v Scope,
        filter: &'v MovementFilter,
        order: Order,
        after: Option<&'v MovementKey>,
        limit: i64,
    ) -> Rows<'v, Vec<MovementRow>> {
        Box::pin(async move { Ok(self.store.derived.movement_page(scope, filter, order, after, limit).await?) })
    }

    fn customer_page<'v>(
        &'v self,
        scope: &'v Scope,
        asked: &'v CustomersAsked,
        limit: i64,
    ) -> Rows<'v, Vec<CustomerRow>> {
        Box::pin(async move { Ok(self.store.derived.customer_page(scope, asked, limit).await?) })
    }

    fn customers_found<'v>(
        &'v self,
        scope: &'v Scope,
        asked: &'v CustomerSearch,
        limit: i64,
    ) -> Rows<'v, Vec<(FoundPosition, CustomerRow)>> {
        Box::pin(async move { Ok(self.store.derived.customers_found(scope, asked, limit).await?) })
    }

    fn quality_page<'v>(
        &'v self,
        scope: &'v Scope,
        only: &'v QualityAsked,
        after: Option<&'v QualityPosition>,
        limit: i64,
    ) -> Rows<'v, Vec<(QualityPosition, QualityRow)>> {
        Box::pin(async move { Ok(self.store.derived.quality_page(scope, only, after, limit).await?) })
    }

    fn currencies<'v>(&'v self, scope: &'v Scope) -> Rows<'v, BTreeSet<Currency>> {
        Box::pin(async move { Ok(self.store.derived.currencies(scope).await?) })
    }

    fn price_holders<'v>(&'v self, scope: &'v Scope, prices: &'v [String]) -> Rows<'v, Vec<CustomerKey>> {
        Box::pin(async move { Ok(self.store.derived.who_name(scope.livemode, prices).await?) })
    }

    fn group_months<'v>(&'v self, scope: &'v Scope, dimension: &'v Dimension) -> Rows<'v, Option<LedgerRows>> {
        Box::pin(async move { Ok(self.store.derived.group_months(scope, self.zone.day(scope.cut), dimension).await?) })
    }

    fn retention<'v>(&'v self, scope: &'v Scope) -> Rows<'v, Option<RetentionRows>> {
        Box::pin(async move { Ok(self.store.derived.retention(scope, self.zone.day(scope.cut)).await?) })
    }
}

impl View for Prefix<'_> {
    fn seq(&self) -> Option<Seq> {
        self.seq
    }

    fn livemode<'v>(&'v self, _: &'v str) -> Rows<'v, bool> {
        Box::pin(async move { Ok(self.ledgers.saw_live() || self.ledgers.customers.is_empty()) })
    }

    fn ledger_rows<'v>(&'v self, scope: &'v Scope, group: RowGroup) -> Rows<'v, LedgerRows> {
        Box::pin(async move { Ok(self.ledgers.ledger_rows(scope, group)?) })
    }

    fn rows_of_customers<'v>(&'v self, scope: &'v Scope, group: RowGroup) -> Rows<'v, RowsOfCustomers> {
        Box::pin(async move { Ok(self.ledgers.rows_of_customers(scope, group)?) })
    }

    fn held<'v>(&'v self, scope: &'v Scope, by: RowGroup) -> Rows<'v, Vec<HeldRow>> {
        Box::pin(async move { Ok(self.ledgers.held(scope, by)?) })
    }

    fn imported_lines<'v>(&'v self, scope: &'v Scope) -> Rows<'v, Vec<DayLine>> {
        Box::pin(async move { Ok(self.ledgers.imported_lines(scope)) })
    }

    fn failing<'v>(&'v self, scope: &'v Scope, _: (Option<Day>, Option<Day>), _: i64) -> Rows<'v, Failing> {
        Box::pin(async move { Ok(Failing { rows: self.ledgers.in_doubt(scope), since: None }) })
    }

    fn trials<'v>(&'v self, scope: &'v Scope) -> Rows<'v, Vec<TrialRow>> {
        Box::pin(async move { Ok(self.ledgers.trials(scope)) })
    }

    fn prospects<'v>(&'v self, scope: &'v Scope, until: UnixTime, _: Option<usize>) -> Rows<'v, Option<Prospects>> {
        let of = move |(key, ledger): (&CustomerKey, &CustomerLedger)| {
            (!ledger.prospects.is_empty()).then(|| (key.clone(), told(&ledger.prospects, scope.cut, until)))
        };
        Box::pin(async move {
            let of = self.ledgers.in_scope(scope).filter_map(of).collect();
            Ok(Some(Prospects { of, ..Prospects::default() }))
        })
    }

    fn changing_ahead<'v>(&'v self, scope: &'v Scope) -> Rows<'v, Vec<CustomerKey>> {
        Box::pin(async move { Ok(self.ledgers.in_scope(scope).map(|(key, _)| key.clone()).collect()) })
    }

    fn customer_traits<'v>(&'v self, scope: &'v Scope) -> Rows<'v, Vec<CustomerTraits>> {
        Box::pin(async move { Ok(self.ledgers.customer_traits(scope)) })
    }

    fn movement_page<'v>(
        &'v self,
        scope: &'v Scope,
        filter: &'v MovementFilter,
        order: Order,
        after: Option<&'v MovementKey>,
        limit: i64,
    ) -> Rows<'v, Vec<MovementRow>> {
        Box::pin(async move { Ok(self.ledgers.movement_page(scope, filter, order, after, limit)) })
    }

    fn customer_page<'v>(
        &'v self,
        scope: &'v Scope,
        asked: &'v CustomersAsked,
        limit: i64,
    ) -> Rows<'v, Vec<CustomerRow>> {
        Box::pin(async move { Ok(self.ledgers.customer_page(scope, asked, limit)?) })
    }

    fn customers_found<'v>(
        &'v self,
        scope: &'v Scope,
        asked: &'v CustomerSearch,
        limit: i64,
    ) -> Rows<'v, Vec<(FoundPosition, CustomerRow)>> {
        Box::pin(async move {
            let ids: Vec<&str> = self.ledgers.customers.iter().map(|(key, _)| key.customer.as_str()).collect();
            let named = self.store.derived.names_of(scope.livemode, &ids).await?;
            Ok(self.ledgers.customers_found(scope, asked, &named, limit)?)
        })
    }

    fn quality_page<'v>(
        &'v self,
        scope: &'v Scope,
        only: &'v QualityAsked,
        after: Option<&'v QualityPosition>,
        limit: i64,
    ) -> Rows<'v, Vec<(QualityPosition, QualityRow)>> {
        Box::pin(async move { Ok(self.ledgers.quality_page(scope, only, after, limit)) })
    }

    fn currencies<'v>(&'v self, scope: &'v Scope) -> Rows<'v, BTreeSet<Currency>> {
        Box::pin(async move { Ok(self.ledgers.currencies(scope)) })
    }

    fn price_holders<'v>(&'v self, scope: &'v Scope, _: &'v [String]) -> Rows<'v, Vec<CustomerKey>> {
        Box::pin(async move { Ok(self.ledgers.price_holders(scope)) })
    }

    fn group_months<'v>(&'v self, _: &'v Scope, _: &'v Dimension) -> Rows<'v, Option<LedgerRows>> {
        Box::pin(async { Ok(None) })
    }

    fn retention<'v>(&'v self, _: &'v Scope) -> Rows<'v, Option<RetentionRows>> {
        Box::pin(async { Ok(None) })
    }
}
