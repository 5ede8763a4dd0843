//! Answers: the one file of reports that reads the store (or derives a prefix of the log in memory).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::ToSpan;
use thiserror::Error;
use tokio::sync::Semaphore;

use super::{
    ReportError,
    ask::{Ask, Basis, GroupBy, InCurrency, KnownAt},
    basis,
    bridge::{Grouping, bridges, bridges_of_groups},
    cohorts::{self, CohortsAnswer},
    customers::CurrencyMrr,
    explain::{Explanation, StepEntry},
    failures::FailureList,
    invoices::InvoiceList,
    memory::{self, Memory},
    metrics::{self, MetricsAnswer},
    mrr::{MrrAnswer, entries},
    period::{Interval, Period, Phase, cuts, periods},
    waterfall::Waterfall,
};
use crate::{
    budget::{self, Charge},
    config,
    event::CustomerKey,
    ledger::{
        CustomerFacts,
        explain::{Stage, Step, explain, moved},
        ids::CustomerId,
        money::Currency,
        outcome::QualityKind,
        profile::Profile,
        time::{Day, UnixTime},
    },
    limits::{self, CLOCK_LEAD_SECONDS},
    reconciler::{ReconcileError, Rules, derivation, joining::Joins},
    store::{ReadStore, StoreError, derived::reports::*},
};

/// A question that can't be answered.
#[derive(Debug, Error)]
pub enum AskError {
    /// A parameter can't be what it is.
    #[error("{name}: {reason}")]
    Parameter {
        /// Its name in the API; the commands' flags are called the same.
        name: &'static str,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// Nothing answers yet.
    #[error(
        "no figures under {profile} have been derived yet from the {events} events of the log: serve is at it, or is \
         running under another configuration"
    )]
    NotDerived {
        /// Under which profile.
        profile: String,
        /// Events in the log.
        events: i64,
    },
    /// The figures can't be given.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The database can't answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A prefix of the log can't be derived.
    #[error(transparent)]
    Derivation(#[from] ReconcileError),
}

/// Where answers come from.
#[derive(Clone, Copy, Debug)]
pub struct Reports<'a> {
    /// The log and the derived tables.
    pub store: &'a ReadStore,
    /// The profiles, the default one first, and the zone.
    pub ledger: &'a config::Ledger,
    /// Nothing later is shown.
    pub now: UnixTime,
}

/// The tables, or a prefix of the log derived for one question.
pub(super) enum Source {
    Tables,
    Memory { ledgers: Memory, seq: Option<i64> },
}

impl Source {
    pub(super) fn seq(&self) -> Option<i64> {
        match self {
            Self::Tables => None,
            Self::Memory { seq, .. } => *seq,
        }
    }
}

impl Reports<'_> {
    /// MRR over time.
    pub async fn mrr(&self, ask: &Ask) -> Result<MrrAnswer, AskError> {
        let (row_group, grouping) = match &ask.group_by {
            None => (RowGroup::Whole, Grouping::Closed),
            // Nothing converted: each currency has a series of its own already.
            Some(GroupBy::Currency) if self.reporting(ask).is_none() => (RowGroup::Whole, Grouping::Closed),
            Some(GroupBy::Currency) => (RowGroup::Currency, Grouping::Transferring),
            Some(GroupBy::Product) => (RowGroup::Product, Grouping::Transferring),
            Some(GroupBy::Price) => (RowGroup::Price, Grouping::Transferring),
            Some(GroupBy::Interval) => (RowGroup::Interval, Grouping::Transferring),
            Some(GroupBy::Country | GroupBy::Cohort | GroupBy::Customer) => (RowGroup::Customer, Grouping::Closed),
            Some(GroupBy::Cause) => (RowGroup::Cause, Grouping::Cause),
            Some(GroupBy::Metadata(key)) if self.ledger.customers.metadata_keys.contains(key) => {
                (RowGroup::Customer, Grouping::Closed)
            }
            Some(GroupBy::Metadata(key)) => {
                let reason = format!("the ledger keeps no metadata {key:?}: ledger.metadata_keys names what it keeps");
                return Err(AskError::Parameter { name: "group_by", reason });
            }
        };
        basis::answerable(ask)?;
        let (scope, source) = self.scope(ask).await?;
        let (mut rows, periods, source) = self.rows(ask, &scope, source, row_group, None).await?;
        if let Some(label) = self.regrouping(ask, &scope, &source).await? {
            rows.regroup(|customer| label.get(customer).cloned().flatten());
        }
        let grouped = row_group != RowGroup::Whole;
        let wanted = if grouped { None } else { ask.own_currency() };
        // Shorter periods, and groups, are not what a month is closed with.
        let whole = !grouped && !matches!(ask.interval, Interval::Day | Interval::Week);
        let closed = if whole { self.closed_months(&scope, source.seq()).await? } else { basis::Closed::default() };
        let bridges = match ask.basis {
            Basis::Restated if grouped => budget::compute(|| bridges_of_groups(&rows, &periods, grouping))?,
            Basis::Restated => bridges(&rows, &periods, grouping, wanted)?,
            Basis::Closed => basis::as_closed(&rows, &periods, &closed, wanted)?,
        };
        let mut data = entries(&bridges, grouping, grouped)?;
        match ask.basis {
            Basis::Restated => basis::mark(&mut data, &rows, &periods, &closed)?,
            Basis::Closed => basis::book(&mut data, &bridges),
        }
        let converted = self.reporting(ask).is_some();
        data.iter_mut().for_each(|entry| entry.converted = converted);
        if ask.group_by == Some(GroupBy::Currency) && !grouped {
            data.iter_mut().for_each(|entry| entry.group = Some(Some(entry.currency.clone())));
        }
        if matches!(row_group, RowGroup::Product | RowGroup::Price) {
            let by_price = row_group == RowGroup::Price;
            let holders = match &source {
                _ if !by_price => Vec::new(),
                Source::Tables => self.store.derived.price_holders(&scope).await?,
                Source::Memory { ledgers, .. } => ledgers.price_holders(&scope),
            };
            self.name_groups(ask, scope.livemode, &holders, &mut data, by_price).await?;
        }
        let currency = one_currency(ask, data.iter().map(|entry| entry.currency.as_str()));
        Ok(MrrAnswer {
            profile: self.profile(ask)?.name.as_ref().into(),
            currency,
            converted,
            interval: ask.interval,
            basis: Some(ask.basis).filter(|basis| *basis == Basis::Closed),
            group_by: ask.group_by.as_ref().map(GroupBy::as_string),
            as_known_at_seq: source.seq(),
            data,
        })
    }

    /// Each period's bridge with the causes of its lines.
    pub async fn waterfall(&self, ask: &Ask) -> Result<Waterfall, AskError> {
        if ask.group_by.is_some() {
            let reason = "a waterfall is of the whole ledger: `report mrr` groups".into();
            return Err(AskError::Parameter { name: "group_by", reason });
        }
        let by_cause = Ask { group_by: Some(GroupBy::Cause), ..ask.clone() };
        Ok(Waterfall::of(&self.mrr(ask).await?, &self.mrr(&by_cause).await?))
    }

    /// The metrics of rule `metrics` over time.
    pub async fn metrics(&self, ask: &Ask) -> Result<MetricsAnswer, AskError> {
        match ask.basis {
            Basis::Restated => self.metrics_over(ask, None).await,
            Basis::Closed => Box::pin(self.metrics_as_closed(ask)).await,
        }
    }

    /// The metrics of the `days` days up to `to` (or today, where that lies ahead), and of as many days before them.
    pub async fn last_days(&self, ask: &Ask, days: i32) -> Result<MetricsAnswer, AskError> {
        let today = self.ledger.zone.day(self.now);
        let end = ask.to.map_or(today, |to| to.min(today));
        let back = |day: Day, days: i32| day.0.checked_sub(days.days()).map_or(day, Day);
        let middle = back(end, days);
        let phase = if end == today { Phase::Running } else { Phase::Past };
        let before = Period { start: back(middle, days).after(), end: middle, phase: Phase::Past };
        let windows = vec![before, Period { start: middle.after(), end, phase }];
        self.metrics_over(ask, Some(windows)).await
    }

    async fn metrics_over(&self, ask: &Ask, periods: Option<Vec<Period>>) -> Result<MetricsAnswer, AskError> {
        let (scope, source) = self.scope(ask).await?;
        let (rows, periods, source) = self.rows(ask, &scope, source, RowGroup::Customer, periods).await?;
        let (imported, trials) = match &source {
            Source::Tables => {
                (self.store.derived.imported_lines(&scope).await?, self.store.derived.trials(&scope).await?)
            }
            Source::Memory { ledgers, .. } => (ledgers.imported_lines(&scope), ledgers.trials(&scope)),
        };
        let sources = metrics::Sources {
            rows: &rows,
            imported: &imported,
            trials: &trials,
            zone: &self.ledger.zone,
            today: self.ledger.zone.day(scope.cut),
            stripe_form: &*self.profile(ask)?.name == "stripe",
        };
        let data = budget::compute(|| metrics::entries(sources, &periods, ask.own_currency()))?;
        Ok(MetricsAnswer {
            profile: self.profile(ask)?.name.as_ref().into(),
            currency: one_currency(ask, data.iter().map(|entry| entry.currency.as_str())),
            converted: self.reporting(ask).is_some(),
            interval: ask.interval,
            basis: None,
            as_known_at_seq: source.seq(),
            data,
        })
    }

    /// Cohorts by month of first MRR; `from` and `to` choose months.
    pub async fn cohorts(&self, ask: &Ask) -> Result<CohortsAnswer, AskError> {
        let (scope, source) = self.scope(ask).await?;
        let (mut rows, traits) = match &source {
            Source::Tables => {
                let rows = self.store.derived.ledger_rows(&scope, self.day_of(&scope), RowGroup::Customer).await?;
                (rows, self.store.derived.customer_traits(&scope).await?)
            }
            Source::Memory { ledgers, .. } => {
                (ledgers.ledger_rows(&scope, RowGroup::Customer)?, ledgers.customer_traits(&scope))
            }
        };
        if let Some(currency) = ask.own_currency() {
            rows.keep_currency(currency);
        }
        let zone = &self.ledger.zone;
        let first = traits
            .into_iter()
            .filter_map(|one| Some((Arc::from(one.customer.as_str()), zone.day(one.first_mrr_at?))))
            .collect();
        let data = cohorts::entries(&rows, &first, ask.from, ask.to, zone.day(scope.cut))?;
        let trials = match &source {
            Source::Tables => self.store.derived.trials(&scope).await?,
            Source::Memory { ledgers, .. } => ledgers.trials(&scope),
        };
        Ok(CohortsAnswer {
            profile: self.profile(ask)?.name.as_ref().into(),
            currency: one_currency(ask, data.iter().map(|entry| entry.currency.as_str())),
            converted: self.reporting(ask).is_some(),
            as_known_at_seq: source.seq(),
            data,
            trials: cohorts::trial_cohorts(&trials, ask.from, ask.to, zone),
        })
    }

    /// Movements page by page, and the key of the last where there are more.
    pub async fn movements(
        &self,
        ask: &Ask,
        filter: &MovementFilter,
        order: Order,
        after: Option<&MovementKey>,
        limit: i64,
    ) -> Result<(Vec<MovementRow>, Option<MovementKey>), AskError> {
        let (scope, source) = match ask.basis {
            Basis::Restated => self.scope(ask).await?,
            Basis::Closed => self.movements_as_closed(ask, (filter.from, filter.to)).await?,
        };
        let mut filter = filter.clone();
        if let (Some(customer), Some(_)) = (&mut filter.customer, &self.ledger.customers.customer_key)
            && let Some(row) = self.customer_in(&scope, &source, customer).await?
        {
            *customer = row.customer;
        }
        filter.currency = ask.own_currency();
        let filter = &filter;
        // One more than asked for tells whether there is a next page.
        let rows = match &source {
            Source::Tables => self.store.derived.movement_page(&scope, filter, order, after, limit + 1).await?,
            Source::Memory { ledgers, .. } => ledgers.movement_page(&scope, filter, order, after, limit + 1),
        };
        Ok(page(rows, limit, |row| MovementKey {
            day: row.movement.day,
            effective_at: row.movement.effective_at,
            id: row.id.clone(),
        }))
    }

    /// What alerts judge, as the ledger stands, with customers' comings and goings from the day `from` on, or all of them.
    pub async fn daily_rows(&self, ask: &Ask, from: Option<Day>) -> Result<DailyRows, AskError> {
        let (scope, _) = self.scope(&Ask { as_known_at: None, ..ask.clone() }).await?;
        Ok(self.store.derived.daily_rows(&scope, self.day_of(&scope), from).await?)
    }

    /// Failed payments that began in the span asked for, and what became of each.
    pub async fn failures(&self, ask: &Ask) -> Result<FailureList, AskError> {
        let (scope, source) = self.scope(ask).await?;
        let rows = match &source {
            Source::Tables => self.store.derived.in_doubt(&scope).await?,
            Source::Memory { ledgers, .. } => ledgers.in_doubt(&scope),
        };
        let mut list = FailureList::of(rows, self.day_of(&scope), (ask.from, ask.to), ask.own_currency())?;
        (list.profile, list.converted) = (self.profile(ask)?.name.as_ref().into(), self.reporting(ask).is_some());
        Ok(list)
    }

    /// Customers page by page; the largest are one page.
    pub async fn customers(
        &self,
        ask: &Ask,
        asked: &CustomersAsked,
        limit: i64,
    ) -> Result<(Vec<CustomerRow>, Option<CustomerPosition>), AskError> {
        let (scope, source) = self.scope(ask).await?;
        let rows = match &source {
            Source::Tables => self.store.derived.customer_page(&scope, asked, limit + 1).await?,
            Source::Memory { ledgers, .. } => ledgers.customer_page(&scope, asked, limit + 1)?,
        };
        let position =
            |row: &CustomerRow| CustomerPosition { account: row.account.clone(), customer: row.customer.clone() };
        let (mut rows, next) = page(rows, limit, position);
        if let Some(own) = ask.own_currency() {
            rows.iter_mut().for_each(|row| row.keep_currency(own));
            rows.retain(|row| !(row.mrr.is_empty() && row.subscriptions.is_empty()));
        }
        Ok((rows, next.filter(|_| matches!(asked, CustomersAsked::After(_)))))
    }

    /// Customers by what is known of them, in an order of their own, page by page. Names are those of now.
    pub async fn customers_found(
        &self,
        ask: &Ask,
        asked: &CustomerSearch,
        limit: i64,
    ) -> Result<(Vec<CustomerRow>, Option<FoundPosition>), AskError> {
        let (scope, source) = self.scope(ask).await?;
        let rows = match &source {
            Source::Tables => self.store.derived.customers_found(&scope, asked, limit + 1).await?,
            Source::Memory { ledgers, .. } => {
                let ids: Vec<&str> = ledgers.customers.iter().map(|(key, _)| key.customer.as_str()).collect();
                let named = self.store.derived.names_of(scope.livemode, &ids).await?;
                ledgers.customers_found(&scope, asked, &named, limit + 1)?
            }
        };
        let (rows, next) = page(rows, limit, |(position, _)| position.clone());
        let mut rows: Vec<CustomerRow> = rows.into_iter().map(|(_, row)| row).collect();
        if let Some(own) = ask.own_currency() {
            rows.iter_mut().for_each(|row| row.keep_currency(own));
            rows.retain(|row| !(row.mrr.is_empty() && row.subscriptions.is_empty()));
        }
        Ok((rows, next))
    }

    /// Whether a question is about the live ledger.
    pub async fn livemode(&self, ask: &Ask) -> Result<bool, AskError> {
        Ok(self.any_scope(&Ask { as_known_at: None, ..ask.clone() }).await?.0.livemode)
    }

    /// One customer, also by the id of one of Stripe's that are joined in it; `None` where the ledger has none of that id.
    pub async fn customer(&self, ask: &Ask, id: &CustomerId) -> Result<Option<CustomerRow>, AskError> {
        let (scope, source) = self.scope(ask).await?;
        let mut row = self.customer_in(&scope, &source, id).await?;
        if let (Some(own), Some(row)) = (ask.own_currency(), &mut row) {
            row.keep_currency(own);
        }
        Ok(row)
    }

    /// Stripe's customers in a customer's ledger; none where customers aren't joined (`ledger.customer_key`).
    pub async fn stripe_customers(&self, ask: &Ask, row: &CustomerRow) -> Result<Vec<String>, AskError> {
        if self.ledger.customers.customer_key.is_none() {
            return Ok(Vec::new());
        }
        let (scope, source) = self.any_scope(ask).await?;
        let key =
            CustomerKey { livemode: scope.livemode, account: row.account.clone(), customer: row.customer.clone() };
        let joins = Joins::current(self.store, &self.ledger.customers, source.seq()).await?;
        let mut members = joins.members_of(self.store, &key, source.seq()).await?;
        // A name that metadata gave is none of Stripe's customers.
        if members.contains(&key) {
            let own = self.store.log.customer_facts(std::slice::from_ref(&key), source.seq()).await?;
            members.retain(|member| *member != key || own.iter().any(|facts| !facts.is_empty()));
        }
        Ok(members.iter().map(|member| member.customer.to_string()).collect())
    }

    /// The invoices of a customer as the log last told them; `None` where the ledger has no customer of that id.
    pub async fn invoices(&self, ask: &Ask, id: &CustomerId) -> Result<Option<InvoiceList>, AskError> {
        let (scope, source) = self.any_scope(ask).await?;
        let Some(row) = self.customer_in(&scope, &source, id).await? else { return Ok(None) };
        let key = CustomerKey { livemode: scope.livemode, account: row.account, customer: row.customer };
        let keys = match self.ledger.customers.customer_key {
            None => vec![key],
            Some(_) => {
                let joins = Joins::current(self.store, &self.ledger.customers, source.seq()).await?;
                joins.members_of(self.store, &key, source.seq()).await?
            }
        };
        let facts = self.store.log.customer_facts(&keys, source.seq()).await?;
        let mut list = InvoiceList::of(facts.into_iter().flatten());
        self.name_lines(ask, &keys, &mut list.data).await?;
        Ok(Some(list))
    }

    /// The chain from event to money for a customer, or for the customer of a subscription; of one day, where asked for.
    /// `None` where the ledger has neither.
    pub async fn explain(&self, ask: &Ask, id: &str, day: Option<Day>) -> Result<Option<Explanation>, AskError> {
        let (mut scope, source) = self.any_scope(ask).await?;
        let (profile, zone) = (self.profile(ask)?, &self.ledger.zone);
        if let Some(day) = day {
            scope.cut = scope.cut.min(zone.end_of(day));
        }
        let customer = match self.customer_in(&scope, &source, &id.into()).await? {
            Some(row) => Some(row),
            None => match self.store.derived.customer_of_subscription(&scope, id).await? {
                Some(customer) => self.customer_in(&scope, &source, &customer).await?,
                None => None,
            },
        };
        let Some(mut row) = customer else { return Ok(None) };
        if let Some(own) = ask.own_currency() {
            row.keep_currency(own);
        }
        let key =
            CustomerKey { livemode: scope.livemode, account: row.account.clone(), customer: row.customer.clone() };
        let known_at = source.seq();
        let kept = self.kept(ask)?;
        let rules = self.rules(std::slice::from_ref(&kept)).await?;
        let one = std::slice::from_ref(&key);
        let Some(known) = derivation::read(self.store, &rules, one, known_at).await?.pop() else { return Ok(None) };
        let facts = known.counted(&rules.customers);
        let input = CustomerFacts { customer: &key.customer, facts: &facts, references: &known.references };
        let asked = |step: &&Step| {
            let own = ask.own_currency().is_none_or(|own| step.currency.is_none_or(|currency| currency == own));
            own && step.at <= scope.cut && day.is_none_or(|day| zone.day(step.at) == day)
        };
        let mut steps = explain(input, profile, zone);
        if kept.reporting.is_some()
            && let Ok(converted) = derivation::derive_one(&known, &rules)
        {
            // Movements are those of the reporting currency's ledger, with what revaluation moved.
            steps.retain(|step| step.stage != Stage::Movement);
            steps.extend(converted.iter().flat_map(|one| moved(&one.ledger.movements, &kept)));
            steps.sort_by_key(|step| (step.at, step.stage));
        }
        Ok(Some(Explanation {
            profile: profile.name.as_ref().into(),
            converted: kept.reporting.is_some(),
            customer: row.customer.to_string(),
            account: row.account.as_ref().map(ToString::to_string),
            day: day.map(|day| day.to_string()),
            stripe_customers: self.stripe_customers(ask, &row).await?,
            mrr: row.mrr.iter().map(CurrencyMrr::from).collect(),
            steps: steps.iter().filter(asked).map(|step| StepEntry::of(step, zone)).collect(),
        }))
    }

    async fn customer_in(
        &self,
        scope: &Scope,
        source: &Source,
        id: &CustomerId,
    ) -> Result<Option<CustomerRow>, AskError> {
        let mut asked = CustomersAsked::One(id.clone());
        loop {
            let rows = match source {
                Source::Tables => self.store.derived.customer_page(scope, &asked, 1).await?,
                Source::Memory { ledgers, .. } => ledgers.customer_page(scope, &asked, 1)?,
            };
            match (rows.into_iter().next(), &asked) {
                (None, CustomersAsked::One(asked_for)) if asked_for == id => {
                    let Some(joined) = self.joined(scope, source, id).await? else { return Ok(None) };
                    asked = CustomersAsked::One(joined);
                }
                (row, _) => return Ok(row),
            }
        }
    }

    /// The customer that one of Stripe's is joined to; `None` where it is at home.
    async fn joined(&self, scope: &Scope, source: &Source, id: &CustomerId) -> Result<Option<CustomerId>, AskError> {
        let rules = &self.ledger.customers;
        if rules.customer_key.is_none() {
            return Ok(None);
        }
        let account = match &scope.account {
            AccountScope::One(account) => account.clone(),
            AccountScope::All => None,
        };
        let key = CustomerKey { livemode: scope.livemode, account, customer: id.clone() };
        let joins = Joins::current(self.store, rules, source.seq()).await?;
        let ledger = joins.ledgers_of(self.store, std::slice::from_ref(&key), source.seq()).await?.pop();
        Ok(ledger.map(|ledger| ledger.customer).filter(|ledger| ledger != id))
    }

    /// What couldn't be known, page by page.
    pub async fn quality(
        &self,
        ask: &Ask,
        only: &QualityAsked,
        after: Option<&QualityPosition>,
        limit: i64,
    ) -> Result<(Vec<QualityRow>, Option<QualityPosition>), AskError> {
        let (scope, source) = self.any_scope(ask).await?;
        let rows = match &source {
            Source::Tables => self.store.derived.quality_page(&scope, only, after, limit + 1).await?,
            Source::Memory { ledgers, .. } => ledgers.quality_page(&scope, only, after, limit + 1),
        };
        let (rows, next) = page(rows, limit, |(position, _)| position.clone());
        Ok((rows.into_iter().map(|(_, row)| row).collect(), next))
    }

    /// The profile a question names, else the default one.
    pub fn profile(&self, ask: &Ask) -> Result<&Profile, AskError> {
        let found = match &ask.profile {
            None => self.ledger.profiles.first(),
            Some(name) => self.ledger.profiles.iter().find(|profile| *profile.name == **name),
        };
        found.ok_or_else(|| {
            let kept = self.ledger.profiles.iter().map(|profile| profile.name.as_ref()).collect::<Vec<_>>().join(", ");
            let asked = ask.profile.as_deref().unwrap_or_default();
            AskError::Parameter {
                name: "profile",
                reason: format!("{asked:?} is not kept: ledger.profiles has {kept}"),
            }
        })
    }

    /// Which ledger is asked, and where its rows come from: as long as no rate is missing for what it is to tell.
    async fn scope(&self, ask: &Ask) -> Result<(Scope, Source), AskError> {
        let (scope, source) = self.any_scope(ask).await?;
        if self.reporting(ask).is_some() {
            self.no_rate_missing(ask, &scope, &source).await?;
        }
        Ok((scope, source))
    }

    /// The currency everything is converted into, unless the question is of a currency's own ledger: docs/interface.md 5.
    pub fn reporting(&self, ask: &Ask) -> Option<Currency> {
        self.ledger.reporting_currency.filter(|_| ask.own_currency().is_none())
    }

    /// Refuses a question about a currency of which there is no ledger: zeros would be an answer.
    async fn has_ledger(&self, ask: &Ask, scope: &Scope, source: &Source) -> Result<(), AskError> {
        if ask.currency.is_none() || self.reporting(ask).is_some() {
            return Ok(());
        }
        let currencies = match source {
            Source::Tables => self.store.derived.currencies(scope).await?,
            Source::Memory { ledgers, .. } => ledgers.currencies(scope),
        };
        self.one_of(ask, &currencies)
    }

    /// The currencies that have a ledger of their own.
    pub async fn currencies(&self, ask: &Ask) -> Result<BTreeSet<Currency>, AskError> {
        let (scope, source) = self.scope_under(&Ask { currency: None, ..ask.clone() }, self.profile(ask)?).await?;
        Ok(match source {
            Source::Tables => self.store.derived.currencies(&scope).await?,
            Source::Memory { ledgers, .. } => ledgers.currencies(&scope),
        })
    }

    /// The same where it is known of which currencies there are ledgers.
    pub(super) fn one_of(&self, ask: &Ask, currencies: &BTreeSet<Currency>) -> Result<(), AskError> {
        let own = match ask.currency {
            None => return Ok(()),
            Some(InCurrency::Reporting) if self.ledger.reporting_currency.is_some() => return Ok(()),
            Some(InCurrency::Reporting) => None,
            Some(InCurrency::Own(currency)) if currencies.contains(&currency) => return Ok(()),
            Some(InCurrency::Own(currency)) => Some(currency),
        };
        let refuse = |reason| Err(AskError::Parameter { name: "currency", reason });
        let mut there: Vec<String> = currencies.iter().map(ToString::to_string).collect();
        if let Some(reporting) = self.ledger.reporting_currency {
            there.push(format!("reporting (everything converted into {reporting})"));
        }
        let there = if there.is_empty() { "none yet".into() } else { there.join(", ") };
        match own {
            Some(own) => refuse(format!("there is no ledger in {own}; there are: {there}")),
            None => {
                refuse(format!("no reporting currency is configured (ledger.reporting_currency); there are: {there}"))
            }
        }
    }

    /// The profile a question is about, or its twin in the reporting currency.
    pub fn kept(&self, ask: &Ask) -> Result<Profile, AskError> {
        let profile = self.profile(ask)?;
        Ok(self.reporting(ask).map_or_else(|| profile.clone(), |currency| profile.reporting(currency)))
    }

    /// The accounting day at which an answer is cut.
    fn day_of(&self, scope: &Scope) -> Day {
        self.ledger.zone.day(scope.cut)
    }

    /// A missing rate is an error, never a rate of 1 (rule `rates`).
    async fn no_rate_missing(&self, ask: &Ask, scope: &Scope, source: &Source) -> Result<(), AskError> {
        let scope = Scope { cut: scope.cut.min(self.now), ..scope.clone() };
        let first = match source {
            Source::Tables => {
                let rows = self
                    .store
                    .derived
                    .quality_page(&scope, &QualityAsked::Kind(QualityKind::MissingRate), None, 1)
                    .await?;
                rows.into_iter().next()
            }
            Source::Memory { ledgers, .. } => {
                let rows = ledgers.quality_page(&scope, &QualityAsked::Kind(QualityKind::MissingRate), None, i64::MAX);
                rows.into_iter().find(|(_, row)| row.entry.kind == QualityKind::MissingRate)
            }
        };
        match first {
            Some((_, row)) if ask.to.is_none_or(|to| row.entry.at <= self.ledger.zone.end_of(to)) => {
                Err(ReportError::MissingRate { detail: row.entry.detail, settle: row.entry.settle }.into())
            }
            _ => Ok(()),
        }
    }

    /// Which ledger is asked, and where its rows come from.
    ///
    /// Errors with [`AskError::NotDerived`] while no generation answers for its profile: nothing would be told as 0.
    pub(super) async fn any_scope(&self, ask: &Ask) -> Result<(Scope, Source), AskError> {
        let kept = self.kept(ask)?;
        if ask.as_known_at.is_none() {
            self.answering(&kept).await?;
        }
        self.scope_under(ask, &kept).await
    }

    /// The same under a profile that needn't be the question's.
    pub(super) async fn scope_under(&self, ask: &Ask, profile: &Profile) -> Result<(Scope, Source), AskError> {
        let source = match ask.as_known_at {
            None => Source::Tables,
            Some(known_at) => self.known(known_at, profile).await?,
        };
        let cut = match ask.as_known_at {
            Some(KnownAt::Instant(at)) => at.min(self.now),
            Some(KnownAt::Seq(_)) | None => self.now,
        };
        // An event that is here has happened, whatever our clock says: half of a netting window can't be told.
        let ahead = self.store.log.newest_created(source.seq(), cut.plus(CLOCK_LEAD_SECONDS)).await?;
        let cut = ahead.map_or(cut, |created| cut.max(created));
        let cut = match (ask.scheduled, ask.to) {
            (true, Some(to)) => cut.max(self.ledger.zone.end_of(to)),
            (true, None) => cut.max(self.ledger.zone.end_of(ask.interval.last_day(self.ledger.zone.day(cut)))),
            (false, _) => cut,
        };
        let livemode = match ask.livemode {
            Some(livemode) => livemode,
            // A ledger that only ever saw test events answers for those.
            None => match &source {
                Source::Tables => {
                    self.store.derived.has_customers(&profile.name, true).await?
                        || !self.store.derived.has_customers(&profile.name, false).await?
                }
                Source::Memory { ledgers, .. } => ledgers.saw_live() || ledgers.customers.is_empty(),
            },
        };
        let scope = Scope {
            profile: profile.name.clone(),
            livemode,
            account: ask.account.clone(),
            test_clock: ask.test_clock.clone(),
            cut,
        };
        self.has_ledger(ask, &scope, &source).await?;
        Ok((scope, source))
    }

    /// Derives the prefix of the log that was known at a point.
    async fn known(&self, known_at: KnownAt, profile: &Profile) -> Result<Source, AskError> {
        let seq = match known_at {
            KnownAt::Seq(seq) => seq.min(self.store.log.head().await?.last_seq),
            KnownAt::Instant(at) => self.store.log.last_seq_received_by(at).await?,
        };
        Ok(Source::Memory { ledgers: self.derived(Some(seq), profile, &[]).await?, seq: Some(seq) })
    }

    /// What rows of these profiles are derived under.
    pub(super) async fn rules(&self, profiles: &[Profile]) -> Result<Rules, AskError> {
        Ok(Rules { profiles: profiles.into(), ..Rules::load(self.ledger, &self.store.records).await? })
    }

    /// Derives the log up to a place, or all of it; no netting window reaches over one of `cuts`.
    pub(super) async fn derived(&self, seq: Option<i64>, profile: &Profile, cuts: &[Day]) -> Result<Memory, AskError> {
        // Each holds a whole ledger in memory, beside the webhooks: a few at once, and the others wait their turn.
        static DERIVED_AT_ONCE: Semaphore = Semaphore::const_new(limits::DERIVED_AT_ONCE);
        let Ok(Ok(_permit)) = tokio::time::timeout(limits::DERIVED_WAIT, DERIVED_AT_ONCE.acquire()).await else {
            let reason = "several questions about the past are being answered: ask again in a while".into();
            return Err(StoreError::Unavailable { doing: "deriving ledgers", reason }.into());
        };
        let mut pages =
            derivation::KnownAt::new(self.store, self.rules(std::slice::from_ref(profile)).await?, seq).cut_at(cuts);
        let mut customers = Vec::new();
        let mut charge = Charge::begin();
        while let Some(page) = pages.next_page().await? {
            let bytes = page.iter().flat_map(|(_, ledgers)| ledgers).map(memory::bytes_of).sum();
            charge.add(bytes).map_err(ReportError::from)?;
            customers.extend(page.into_iter().filter_map(|(key, ledgers)| Some((key, ledgers.into_iter().next()?))));
        }
        Ok(Memory::charged(profile.name.clone(), customers, charge))
    }

    /// What bridges are made of, and the periods they span. Where the profile nets over longer than a period, the log is
    /// derived for this question, netted within its periods; the source then is that.
    async fn rows(
        &self,
        ask: &Ask,
        scope: &Scope,
        source: Source,
        group: RowGroup,
        periods: Option<Vec<Period>>,
    ) -> Result<(LedgerRows, Vec<Period>, Source), AskError> {
        let read = async |source: &Source| {
            let mut rows = match source {
                Source::Tables => self.store.derived.ledger_rows(scope, self.day_of(scope), group).await?,
                Source::Memory { ledgers, .. } => ledgers.ledger_rows(scope, group)?,
            };
            if let Some(currency) = ask.own_currency() {
                rows.keep_currency(currency);
            }
            Ok::<_, AskError>(rows)
        };
        let rows = read(&source).await?;
        let periods = match periods {
            Some(periods) => periods,
            None => self.periods(ask, scope, rows.first_day())?,
        };
        let profile = &self.kept(ask)?;
        let cuts = cuts(profile.netting, &periods, self.ledger.zone.day(scope.cut));
        if cuts.is_empty() {
            return Ok((rows, periods, source));
        }
        let seq = source.seq();
        let source = Source::Memory { ledgers: self.derived(seq, profile, &cuts).await?, seq };
        Ok((read(&source).await?, periods, source))
    }

    /// What stands for each customer where a question groups by a trait of customers.
    async fn regrouping(
        &self,
        ask: &Ask,
        scope: &Scope,
        source: &Source,
    ) -> Result<Option<BTreeMap<Arc<str>, Option<Arc<str>>>>, AskError> {
        let group_by = match &ask.group_by {
            Some(group_by @ (GroupBy::Country | GroupBy::Cohort | GroupBy::Metadata(_))) => group_by,
            _ => return Ok(None),
        };
        let traits = match source {
            Source::Tables => self.store.derived.customer_traits(scope).await?,
            Source::Memory { ledgers, .. } => ledgers.customer_traits(scope),
        };
        let label = |one: CustomerTraits| match group_by {
            GroupBy::Country => one.country,
            GroupBy::Metadata(key) => one.metadata.get(key).cloned(),
            _ => one.first_mrr_at.map(|at| month(self.ledger.zone.day(at))),
        };
        Ok(Some(traits.into_iter().map(|one| (Arc::from(one.customer.as_str()), label(one))).collect()))
    }

    fn periods(&self, ask: &Ask, scope: &Scope, first: Option<Day>) -> Result<Vec<Period>, AskError> {
        let now = if ask.scheduled { self.now } else { scope.cut };
        let to = ask.to.unwrap_or_else(|| ask.interval.last_day(self.ledger.zone.day(now)));
        let from = match ask.from.or_else(|| first.map(|day| ask.interval.first_day(day))) {
            Some(from) => from,
            None if ask.own_currency().is_some() => ask.interval.first_day(to),
            None => return Ok(Vec::new()),
        };
        if let (Some(from), Some(to)) = (ask.from, ask.to)
            && from > to
        {
            return Err(AskError::Parameter { name: "from", reason: format!("{from} is after to, {to}") });
        }
        Ok(periods(ask.interval, from, to, now, ask.scheduled, &self.ledger.zone)?)
    }
}

/// The currency of an answer, where there is only one.
fn one_currency<'a>(ask: &Ask, entries: impl Iterator<Item = &'a str>) -> Option<String> {
    let currencies: BTreeSet<&str> = entries.collect();
    match (ask.own_currency(), currencies.len()) {
        (Some(currency), _) => Some(currency.to_string()),
        (None, 1) => currencies.first().map(|currency| (*currency).to_owned()),
        (None, _) => None,
    }
}

/// `2026-01`: a cohort's name.
pub fn month(day: Day) -> Arc<str> {
    day.0.strftime("%Y-%m").to_string().into()
}

fn page<R, K>(mut rows: Vec<R>, limit: i64, key: impl Fn(&R) -> K) -> (Vec<R>, Option<K>) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = if more { rows.last().map(key) } else { None };
    (rows, next)
}
