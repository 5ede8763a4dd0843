//! What reports ask of the derived tables, always of the current generation.

use std::collections::BTreeSet;

use super::{ReadDerived, prospects::Prospects, reports::*};
use crate::{
    event::CustomerKey,
    ledger::{
        ids::CustomerId,
        lasting::LastingMonths,
        money::Currency,
        outcome::QualityKind,
        time::{Day, UnixTime},
    },
    store::{StoreError, database::either},
};

impl ReadDerived {
    /// What customers hold of each product, price or interval, or in each currency, up to the cut: changes by day.
    pub async fn held(&self, scope: &Scope, by: RowGroup) -> Result<Vec<HeldRow>, StoreError> {
        either!(self.0, database => database.held(scope, by).await)
    }

    /// Changes by accounting day, all read at one instant: what a bridge is made of.
    pub async fn ledger_rows(&self, scope: &Scope, cut_day: Day, group: RowGroup) -> Result<LedgerRows, StoreError> {
        either!(self.0, database => database.ledger_rows(scope, cut_day, group).await)
    }

    /// What stands at the cut, all read at one instant, and how much of it is of the customers `named`; what of it is past due only
    /// where that is asked for, since it is looked for in the rows of everybody whose payments ever failed.
    pub async fn standing(
        &self,
        scope: &Scope,
        cut_day: Day,
        named: &[CustomerKey],
        past_due: bool,
    ) -> Result<StandingRows, StoreError> {
        either!(self.0, database => database.standing(scope, cut_day, named, past_due).await)
    }

    /// Sums by month and group, each month on its first day, all read at one instant; `None` where the current generation was
    /// filled without them.
    pub async fn group_months(
        &self,
        scope: &Scope,
        cut_day: Day,
        dimension: &Dimension,
    ) -> Result<Option<LedgerRows>, StoreError> {
        either!(self.0, database => database.group_months(scope, cut_day, dimension).await)
    }

    /// What each day adds to the figures that look at customers one by one; `None` where the current generation was filled
    /// without that, or where accounts are asked together.
    pub async fn retention(&self, scope: &Scope, cut_day: Day) -> Result<Option<RetentionRows>, StoreError> {
        either!(self.0, database => database.retention(scope, cut_day).await)
    }

    /// What alerts look at, with customers' comings and goings from the day `from` on, or all of them. Days
    /// are read as of one instant, customers after them.
    pub async fn daily_rows(&self, scope: &Scope, cut_day: Day, from: Option<Day>) -> Result<DailyRows, StoreError> {
        either!(self.0, database => database.daily_rows(scope, cut_day, from).await)
    }

    /// What alerts count of each day up to and with the second one named, and the losses that `asked` asks for when it has seen
    /// that; the first is the day of the cut. All of one instant. `None` where the current generation was filled without that,
    /// where accounts are asked together, or where nothing is asked for.
    pub async fn lossy_days(
        &self,
        scope: &Scope,
        days: (Day, Day),
        own: Option<Currency>,
        asked: impl FnOnce(&DailyRows, &LossyDays) -> Option<LossesAsked> + Send,
    ) -> Result<Option<LossesTold>, StoreError> {
        either!(self.0, database => database.lossy_days(scope, days, own, asked).await)
    }

    /// What customers expanded by in each month up to the cut's and hold of it later, whatever comes after the cut left out; what is
    /// held on days after the cut isn't told. `None` where the current generation was filled without that.
    pub async fn lasting_months(&self, scope: &Scope, cut_day: Day) -> Result<Option<LastingMonths>, StoreError> {
        either!(self.0, database => database.lasting_months(scope, cut_day).await)
    }

    /// What is past due or set to cancel of the customers whose payments failed last within a span, on up to `most` days and
    /// customers.
    pub async fn failing(
        &self,
        scope: &Scope,
        span: (Option<Day>, Option<Day>),
        most: i64,
    ) -> Result<Failing, StoreError> {
        either!(self.0, database => database.failing(scope, span, most).await)
    }

    /// Adds churn and contractions from a day on to `to`, customer by customer, each one's in the order of time; in one currency,
    /// where one is named.
    pub async fn losses<T: Send + 'static>(
        &self,
        scope: &Scope,
        own: Option<Currency>,
        from: Option<Day>,
        to: T,
        add: impl FnMut(&mut T, LossRow) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        either!(self.0, database => database.losses(scope, (own, from), to, add).await)
    }

    /// Adds expansions, churn and contractions to `to`, customer by customer, each one's in the order of time and with whether it
    /// is the last of its customer; in one currency, where one is named.
    pub async fn expanding<T: Send + 'static>(
        &self,
        scope: &Scope,
        own: Option<Currency>,
        to: T,
        add: impl FnMut(&mut T, LossRow, bool) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        either!(self.0, database => database.expanding(scope, own, to, add).await)
    }

    /// What customers began beside what they had, by cause, from a day on.
    pub async fn begun(
        &self,
        scope: &Scope,
        own: Option<Currency>,
        from: Option<Day>,
    ) -> Result<Vec<BegunRow>, StoreError> {
        either!(self.0, database => database.begun(scope, own, from).await)
    }

    /// Up to `limit` movements with their parts, after `after` in the order asked for.
    pub async fn movement_page(
        &self,
        scope: &Scope,
        filter: &MovementFilter,
        order: Order,
        after: Option<&MovementKey>,
        limit: i64,
    ) -> Result<Vec<MovementRow>, StoreError> {
        either!(self.0, database => database.movement_page(scope, filter, order, after, limit).await)
    }

    /// Up to `limit` customers as they stand at the cut.
    pub async fn customer_page(
        &self,
        scope: &Scope,
        asked: &CustomersAsked,
        limit: i64,
    ) -> Result<Vec<CustomerRow>, StoreError> {
        either!(self.0, database => database.customer_page(scope, asked, limit).await)
    }

    /// The customer whose subscription it is; `None` where the ledger has none of that id.
    pub async fn customer_of_subscription(&self, scope: &Scope, id: &str) -> Result<Option<CustomerId>, StoreError> {
        either!(self.0, database => database.customer_of_subscription(scope, id).await)
    }

    /// What customers are grouped by.
    pub async fn customer_traits(&self, scope: &Scope) -> Result<Vec<CustomerTraits>, StoreError> {
        either!(self.0, database => database.customer_traits(scope).await)
    }

    /// The new movements that were imported, if only in part: a line each (rule `opening-balance`: outside ASP).
    pub async fn imported_lines(&self, scope: &Scope) -> Result<Vec<DayLine>, StoreError> {
        either!(self.0, database => database.imported_lines(scope).await)
    }

    /// Customers of whose MRR something may be known ahead, by account and id: all others stay as they are.
    pub async fn changing_ahead(&self, scope: &Scope) -> Result<Vec<CustomerKey>, StoreError> {
        either!(self.0, database => database.changing_ahead(scope).await)
    }

    /// What is known ahead of customers from the cut up to `until`, in the order of accounts and ids: `None` of those whose facts must
    /// be read, and of all of them where the current generation was filled without such rows. `listed`: trials are
    /// summed where rows tell of all customers, and the first so many of each currency kept.
    pub async fn prospects(
        &self,
        scope: &Scope,
        until: UnixTime,
        listed: Option<usize>,
    ) -> Result<Option<Prospects>, StoreError> {
        either!(self.0, database => database.prospects(scope, until, listed).await)
    }

    /// Of the trials that ended after `since` and by the cut: how many have converted, and how many there are.
    pub async fn trials_ended(&self, scope: &Scope, since: UnixTime) -> Result<(u64, u64), StoreError> {
        either!(self.0, database => database.trials_ended(scope, since).await)
    }

    /// What a bridge is made of in these groups, customer by customer: without counts.
    pub async fn rows_of_customers(&self, scope: &Scope, group: RowGroup) -> Result<RowsOfCustomers, StoreError> {
        either!(self.0, database => database.rows_of_customers(scope, group).await)
    }

    /// Calls `take` with each trial that ended by the cut.
    pub async fn each_trial(&self, scope: &Scope, take: impl FnMut(TrialTimes) + Send) -> Result<(), StoreError> {
        either!(self.0, database => database.each_trial(scope, take).await)
    }

    /// Trials that ended by the cut.
    pub async fn trials(&self, scope: &Scope) -> Result<Vec<TrialRow>, StoreError> {
        either!(self.0, database => database.trials(scope).await)
    }

    /// Up to `limit` customers by what is known of them, each with its place in the list.
    pub async fn customers_found(
        &self,
        scope: &Scope,
        asked: &CustomerSearch,
        limit: i64,
    ) -> Result<Vec<(FoundPosition, CustomerRow)>, StoreError> {
        either!(self.0, database => database.customers_found(scope, asked, limit).await)
    }

    /// Customers whose rows under the scope's profile aren't the same as under another; `None` where the current generation
    /// was filled without digests.
    pub async fn differing_customers(
        &self,
        scope: &Scope,
        other: &str,
    ) -> Result<Option<Vec<CustomerKey>>, StoreError> {
        either!(self.0, database => database.differing_customers(scope, other).await)
    }

    /// Up to `limit` quality entries that stand at the cut, after `after` by kind, time and customer.
    pub async fn quality_page(
        &self,
        scope: &Scope,
        only: &QualityAsked,
        after: Option<&QualityPosition>,
        limit: i64,
    ) -> Result<Vec<(QualityPosition, QualityRow)>, StoreError> {
        either!(self.0, database => database.quality_page(scope, only, after, limit).await)
    }

    /// How many entries of each kind stand at `now`, over all ledgers of a profile.
    pub async fn quality_counts(&self, profile: &str, now: UnixTime) -> Result<Vec<(QualityKind, i64)>, StoreError> {
        either!(self.0, database => database.quality_counts(profile, now).await)
    }

    /// The currencies in which there is a ledger, also where all that stands in it is 0.
    pub async fn currencies(&self, scope: &Scope) -> Result<BTreeSet<Currency>, StoreError> {
        either!(self.0, database => database.currencies(scope).await)
    }

    /// The ledgers there are under a profile, live ones first; those only that hold a customer or subscription, where one is
    /// named.
    pub async fn ledgers_there(&self, profile: &str, holding: Option<&str>) -> Result<Vec<LedgerThere>, StoreError> {
        either!(self.0, database => database.ledgers_there(profile, holding).await)
    }

    /// Whether a ledger has any subscription, of whatever status.
    pub async fn has_subscriptions(&self, scope: &Scope) -> Result<bool, StoreError> {
        either!(self.0, database => database.has_subscriptions(scope).await)
    }

    /// Of each of these prices a customer whose facts name it: who can tell what it is called.
    pub async fn who_name(&self, livemode: bool, prices: &[String]) -> Result<Vec<CustomerKey>, StoreError> {
        either!(self.0, database => database.who_name(livemode, prices).await)
    }

    /// Whether the profile's ledger has customers in live (or test) mode.
    pub async fn has_customers(&self, profile: &str, livemode: bool) -> Result<bool, StoreError> {
        either!(self.0, database => database.has_customers(profile, livemode).await)
    }
}
