//! Answers that are lists of rows: movements, what alerts judge, losses, failed payments, and what couldn't be known.

use super::{
    ReportError,
    ask::{Ask, Basis},
    failures::{Converted, FailureList, FailurePlace},
    moving,
    paging::{SIFTED_AT_ONCE, full, page},
    question::Asked,
    reports::{AskError, Reports},
};
use crate::{
    budget,
    ledger::{money::Currency, time::Day},
    segment::Members,
    store::{StoreError, derived::reports::*},
};

/// So many customers' payments fail on one day of most accounts, at most.
const A_DAYS_FAILURES: i64 = 100;

impl Reports<'_> {
    /// Movements page by page, and the key of the last where there are more.
    pub async fn movements(
        &self,
        ask: &Ask,
        filter: &MovementFilter,
        order: Order,
        after: Option<&MovementKey>,
        limit: i64,
    ) -> Result<(Vec<MovementRow>, Option<MovementKey>), AskError> {
        let Asked { scope, view } = match ask.basis {
            Basis::Restated => self.resolve(ask).await?,
            Basis::Closed if ask.segment.is_some() => {
                let reason = "a closing keeps the whole ledger: segments are answered as restated".into();
                return Err(AskError::Parameter { name: "basis", reason });
            }
            Basis::Closed => self.movements_as_closed(ask, (filter.from, filter.to)).await?,
        };
        let mut filter = filter.clone();
        if let (Some(customer), Some(_)) = (&mut filter.customer, &self.ledger.customers.customer_key)
            && let Some(row) = self.customer_in(&scope, &*view, customer).await?
        {
            *customer = row.customer;
        }
        filter.currency = ask.own_currency();
        let Some(members) = self.membership(ask, &scope, &*view).await? else {
            // One more than asked for tells whether there is a next page.
            let rows = view.movement_page(&scope, &filter, order, after, limit + 1).await?;
            return Ok(page(rows, limit, MovementRow::key));
        };
        let (mut found, mut after) = (Vec::new(), after.cloned());
        loop {
            let rows = view.movement_page(&scope, &filter, order, after.as_ref(), SIFTED_AT_ONCE).await?;
            budget::charge(rows.len() * size_of::<MovementRow>()).map_err(ReportError::from)?;
            after = rows.last().filter(|_| full(&rows)).map(MovementRow::key);
            found.extend(rows.into_iter().filter(|row| members.holds(row.customer.as_str(), row.movement.day)));
            if after.is_none() || i64::try_from(found.len()).is_ok_and(|found| found > limit) {
                return Ok(page(found, limit, MovementRow::key));
            }
        }
    }

    /// What alerts judge, as the ledger stands, with customers' comings and goings from the day `from` on, or all of them.
    ///
    /// Of a segment amounts and counts are of who belongs to it day by day; `turns` and `in_doubt` are of everybody.
    pub async fn daily_rows(&self, ask: &Ask, from: Option<Day>) -> Result<DailyRows, AskError> {
        let Asked { scope, view } = self.resolve(&Ask { as_known_at: None, ..ask.clone() }).await?;
        let mut daily = self.store.derived.daily_rows(&scope, self.ledger.zone.day(scope.cut), from).await?;
        if let Some(members) = self.membership(ask, &scope, &*view).await? {
            let rows = view.ledger_rows(&scope, RowGroup::Customer).await?;
            let rows = budget::compute(|| moving::within(rows, &members))?;
            daily.amounts = rows.amounts.into_iter().filter(|row| row.group.is_none()).collect();
            daily.counts = rows.counts.into_iter().filter(|row| row.group.is_none()).collect();
        }
        Ok(daily)
    }

    /// What alerts count of each day up to `last`, as the ledger stands, and the losses that `asked` then asks for; `None` where
    /// that isn't kept or nothing is asked for, and where the question is about a segment or about several accounts.
    pub async fn lossy_days(
        &self,
        ask: &Ask,
        last: Day,
        asked: impl FnOnce(&DailyRows, &LossyDays) -> Option<LossesAsked> + Send,
    ) -> Result<Option<LossesTold>, AskError> {
        if ask.segment.is_some() {
            return Ok(None);
        }
        let Asked { scope, .. } = self.resolve(&Ask { as_known_at: None, ..ask.clone() }).await?;
        let days = (self.ledger.zone.day(scope.cut), last);
        Ok(self.store.derived.lossy_days(&scope, days, ask.own_currency(), asked).await?)
    }

    /// On which days each customer belongs to the segment that a question is about, as the ledger stands; `None` where it is about
    /// everybody.
    pub async fn members_now(&self, ask: &Ask) -> Result<Option<Members>, AskError> {
        let ask = Ask { as_known_at: None, ..ask.clone() };
        let Asked { scope, view } = self.resolve(&ask).await?;
        self.membership(&ask, &scope, &*view).await
    }

    /// Adds what movements took to `to`, as the ledger stands, from the day `from` on, or ever, customer by customer.
    pub async fn losses<T: Send + 'static>(
        &self,
        ask: &Ask,
        from: Option<Day>,
        to: T,
        add: impl FnMut(&mut T, LossRow) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<T, AskError> {
        let Asked { scope, .. } = self.resolve(&Ask { as_known_at: None, ..ask.clone() }).await?;
        Ok(self.store.derived.losses(&scope, ask.own_currency(), from, to, add).await?)
    }

    /// What customers began beside what they had, as the ledger stands, from the day `from` on, or ever.
    pub async fn begun(&self, ask: &Ask, from: Option<Day>) -> Result<Vec<BegunRow>, AskError> {
        let Asked { scope, .. } = self.resolve(&Ask { as_known_at: None, ..ask.clone() }).await?;
        Ok(self.store.derived.begun(&scope, ask.own_currency(), from).await?)
    }

    /// Up to `limit` failed payments that began in the span asked for, after a place in the list, and what became of each;
    /// and whether there are more.
    pub async fn failures(
        &self,
        ask: &Ask,
        after: Option<&FailurePlace>,
        limit: usize,
    ) -> Result<(FailureList, bool), AskError> {
        let Asked { scope, view } = self.resolve(ask).await?;
        let today = self.ledger.zone.day(scope.cut);
        // None that comes after it began later.
        let to = after.map(|(failed_on, ..)| *failed_on).into_iter().chain(ask.to).min();
        // Who is at risk on a day may have been so before: then no failure begins there, and more days are read. So is the last day,
        // where not all of it was.
        let wanted = i64::try_from(limit).unwrap_or(i64::MAX / 8).saturating_add(1);
        let mut most = wanted + wanted / 2 + A_DAYS_FAILURES;
        loop {
            let Failing { rows, since } = view.failing(&scope, (ask.from, to), most).await?;
            let from = ask.from.into_iter().chain(since).max();
            let mut list = match self.reporting(ask) {
                None => FailureList::from_changes(rows, today, (from, to), ask.own_currency())?,
                Some(reporting) => self.converted_failures(ask, &scope, (from, to), (reporting, &rows)).await?,
            };
            list.data.retain(|one| after.is_none_or(|after| one.place() < *after));
            if list.data.len() > limit || since.is_none() {
                let more = list.data.len() > limit;
                list.data.truncate(limit);
                let profile = self.profile(ask)?.name.as_ref().into();
                (list.profile, list.converted) = (profile, self.reporting(ask).is_some());
                return Ok((list, more));
            }
            most = most.saturating_mul(2);
        }
    }

    /// Failed payments that began in `span`, judged by the native ledgers and converted. `rows` are those of the reporting currency's
    /// ledger, of everybody who failed within the span: nothing is put at risk there that isn't in a native one.
    async fn converted_failures(
        &self,
        ask: &Ask,
        scope: &Scope,
        span: (Option<Day>, Option<Day>),
        (to, rows): (Currency, &[DayAmounts]),
    ) -> Result<FailureList, AskError> {
        let profile = self.profile(ask)?;
        let Asked { view, .. } = self.resolve_under(ask, profile).await?;
        let own = Scope { profile: profile.name.clone(), ..scope.clone() };
        let judged = view.failing(&own, span, i64::MAX).await?;
        let rates = self.rules(std::slice::from_ref(profile)).await?.rates;
        let into = Converted { to, rates: &rates, rows };
        Ok(FailureList::converted(judged.rows, self.ledger.zone.day(scope.cut), span, &into)?)
    }

    /// What couldn't be known, page by page.
    pub async fn quality(
        &self,
        ask: &Ask,
        only: &QualityAsked,
        after: Option<&QualityPosition>,
        limit: i64,
    ) -> Result<(Vec<QualityRow>, Option<QualityPosition>), AskError> {
        let Asked { scope, view } = self.resolve_unrated(ask).await?;
        let rows = view.quality_page(&scope, only, after, limit + 1).await?;
        let (rows, next) = page(rows, limit, |(position, _)| position.clone());
        Ok((rows.into_iter().map(|(_, row)| row).collect(), next))
    }
}
