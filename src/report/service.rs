//! Answers over time: MRR, metrics, cohorts, movements, quality. Which view they are read from is resolved in `question.rs`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::ToSpan;

pub use super::reports::{AskError, Reports};
use super::{
    ReportError,
    ask::{Ask, Basis, GroupBy, Segment},
    basis,
    book::Book,
    bridge::{Bridge, ENTRIES_MAX, Grouping, bridges, bridges_of_groups},
    cohorts::{self, CohortsAnswer},
    failures::{FailureList, FailurePlace},
    metrics::{self, MetricsAnswer},
    moving::{self, OUTSIDE, regrouped},
    mrr::{MrrAnswer, entries},
    period::{Interval, Period, Phase, cuts, periods},
    question::Asked,
    retained::People,
    view::View,
    waterfall::Waterfall,
};
use crate::{budget, ledger::time::Day, limits, segment::Members, store::derived::reports::*};

impl<'a> Reports<'a> {
    /// The bridges of MRR of each period, currency and group.
    pub async fn mrr(&self, ask: &Ask) -> Result<MrrAnswer, AskError> {
        let by_customer = ask.segment.is_some();
        let (row_group, grouping) = match &ask.group_by {
            Some(GroupBy::Attribute(_)) => (RowGroup::Customer, Grouping::Moving),
            Some(GroupBy::Country | GroupBy::Cohort | GroupBy::Customer) if by_customer => {
                (RowGroup::Customer, Grouping::Moving)
            }
            None if by_customer => (RowGroup::Customer, Grouping::Moving),
            Some(GroupBy::Currency) if by_customer && self.reporting(ask).is_none() => {
                (RowGroup::Customer, Grouping::Moving)
            }
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
                (RowGroup::Customer, if by_customer { Grouping::Moving } else { Grouping::Closed })
            }
            Some(GroupBy::Metadata(key)) => {
                let reason = format!("the ledger keeps no metadata {key:?}: ledger.metadata_keys names what it keeps");
                return Err(AskError::Parameter { name: "group_by", reason });
            }
        };
        basis::answerable(ask)?;
        let Asked { scope, view } = self.resolve(ask).await?;
        if ask.group_by == Some(GroupBy::Customer) {
            self.not_too_many_customers(ask, &scope, &*view).await?;
        }
        // What customers hold of each group, and why they moved, is looked at customer by customer.
        let of_customers = by_customer && row_group != RowGroup::Customer;
        let summed = row_group != RowGroup::Whole && grouping != Grouping::Moving && !by_customer;
        let by_month = if summed { self.months_by_group(ask, &scope, &*view).await? } else { None };
        let (mut rows, periods, view) = match by_month {
            Some((rows, periods)) => (rows, periods, view),
            None => {
                let (mut rows, periods, view) = self.rows(ask, &scope, view, row_group, None).await?;
                let members = if of_customers { self.membership(ask, &scope, &*view).await? } else { None };
                if let Some(members) = members {
                    let mut all = view.rows_of_customers(&scope, row_group).await?;
                    if let Some(currency) = ask.own_currency() {
                        all.values_mut().for_each(|rows| rows.keep_currency(currency));
                    }
                    rows = budget::compute(|| moving::within_groups(all, &members))?;
                } else if let Some(groups) = self.groups_over_time(ask, &scope, &*view).await? {
                    let elsewhere = by_customer.then(|| OUTSIDE.into());
                    rows = budget::compute(|| regrouped(rows, &groups, &elsewhere))?;
                } else if let Some(label) = self.regrouping(ask, &scope, &*view).await? {
                    rows.regroup(|customer| label.get(customer).cloned().flatten());
                }
                (rows, periods, view)
            }
        };
        // A segment in no groups is one series for each currency, whether anybody is in it or not.
        let grouped = row_group != RowGroup::Whole
            && !(row_group == RowGroup::Customer
                && by_customer
                && matches!(ask.group_by, None | Some(GroupBy::Currency)));
        if by_customer && !grouped {
            rows.fill_currencies();
        }
        let wanted = if grouped { None } else { ask.own_currency() };
        // Shorter periods, and groups, are not what a month is closed with.
        let whole = !grouped && !by_customer && !matches!(ask.interval, Interval::Day | Interval::Week);
        let closed = if whole { self.closed_months(&scope, view.seq()).await? } else { basis::Closed::default() };
        let bridges = match ask.basis {
            Basis::Restated if grouped => budget::compute(|| bridges_of_groups(&rows, &periods, grouping))?,
            Basis::Restated => bridges(&rows, &periods, grouping, wanted)?,
            Basis::Closed => basis::as_closed(&rows, &periods, &closed, wanted)?,
        };
        // Who isn't asked for was needed to see that nothing was lost on the way.
        let bridges: Vec<Bridge> = bridges.into_iter().filter(|one| one.group.as_deref() != Some(OUTSIDE)).collect();
        let mut data = entries(&bridges, grouping, grouped)?;
        match ask.basis {
            Basis::Restated => basis::mark(&mut data, &rows, &periods, &closed)?,
            Basis::Closed => basis::book(&mut data, &bridges),
        }
        let converted = self.reporting(ask).is_some();
        data.iter_mut().for_each(|entry| entry.converted = converted);
        if ask.group_by == Some(GroupBy::Currency) && !grouped {
            data.iter_mut().for_each(|entry| entry.group = Some(Some(entry.currency.to_string())));
        }
        if matches!(row_group, RowGroup::Product | RowGroup::Price) {
            let by_price = row_group == RowGroup::Price;
            let groups: BTreeSet<String> = data.iter().filter_map(|entry| entry.group.clone().flatten()).collect();
            let groups: Vec<String> = groups.into_iter().collect();
            let holders = if by_price { view.price_holders(&scope, &groups).await? } else { Vec::new() };
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
            as_known_at_seq: view.seq(),
            data,
        })
    }

    /// MRR of several segments side by side, each a group: they may overlap. `names` are divided by commas.
    pub async fn mrr_compared(&self, ask: &Ask, names: &str) -> Result<MrrAnswer, AskError> {
        let refuse = |reason: &str| Err(AskError::Parameter { name: "compare", reason: reason.into() });
        let names: Vec<Arc<str>> =
            names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(Arc::from).collect();
        if ask.segment.is_some() || ask.group_by.is_some() {
            return refuse("it goes with neither segment, nor where, nor group_by");
        }
        if !(1..=limits::SEGMENTS_COMPARED).contains(&names.len()) {
            return refuse(&format!("it takes 1 to {} names of segments", limits::SEGMENTS_COMPARED));
        }
        let mut all: Option<MrrAnswer> = None;
        for name in names {
            let ask = Ask { segment: Some(Segment::Named(name.clone())), ..ask.clone() };
            let mut answer = Box::pin(self.mrr(&ask)).await?;
            answer.data.iter_mut().for_each(|entry| entry.group = Some(Some(name.to_string())));
            answer.group_by = Some("segment".into());
            match &mut all {
                Some(all) => all.data.append(&mut answer.data),
                None => all = Some(answer),
            }
        }
        all.map_or_else(|| refuse("it names no segment"), Ok)
    }

    /// Each period's bridge with the causes of its lines.
    pub async fn waterfall(&self, ask: &Ask) -> Result<Waterfall, AskError> {
        if ask.group_by.is_some() {
            let reason = "a waterfall is of the whole ledger: `report mrr` groups".into();
            return Err(AskError::Parameter { name: "group_by", reason });
        }
        let by_cause = Ask { group_by: Some(GroupBy::Cause), ..ask.clone() };
        Ok(Waterfall::from_answers(&self.mrr(ask).await?, &self.mrr(&by_cause).await?))
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
        let Asked { scope, view } = self.resolve(ask).await?;
        // Days are summed over all customers.
        let summed = periods.is_none() && ask.segment.is_none();
        let by_days = if summed { self.days_of_people(ask, &scope, &*view).await? } else { None };
        let (imported, members);
        let (whole, people, periods, view) = match by_days {
            Some((rows, periods)) => {
                let people = People::of_days(&rows)?;
                members = None;
                (rows.whole, people, periods, view)
            }
            None => {
                let (rows, periods, view) = self.rows(ask, &scope, view, RowGroup::Customer, periods).await?;
                imported = view.imported_lines(&scope).await?;
                members = self.membership(ask, &scope, &*view).await?;
                let book = Book::of(&rows)?;
                let whole = match &members {
                    None => rows.whole().ok_or(ReportError::Overflow)?,
                    Some(members) => budget::compute(|| moving::within(rows, members))?,
                };
                (whole, People::Book(book, &imported, members.as_ref()), periods, view)
            }
        };
        let trials = self.trials_within(&scope, &*view, members.as_ref()).await?;
        let sources = metrics::Sources {
            whole: &whole,
            grouping: if members.is_some() { Grouping::Moving } else { Grouping::Closed },
            people: &people,
            interval: ask.interval,
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
            as_known_at_seq: view.seq(),
            data,
        })
    }

    /// Cohorts by month of first MRR; `from` and `to` choose months.
    pub async fn cohorts(&self, ask: &Ask) -> Result<CohortsAnswer, AskError> {
        let Asked { scope, view } = self.resolve(ask).await?;
        let zone = &self.ledger.zone;
        let members = self.membership(ask, &scope, &*view).await?;
        // Days are summed over all customers.
        let summed = if members.is_some() { None } else { view.retention(&scope).await? };
        let data = match summed {
            Some(mut days) => {
                days.cohorts.retain(|(currency, ..), _| ask.own_currency().is_none_or(|own| own == *currency));
                cohorts::entries_of_days(&days.cohorts, ask.from, ask.to, zone.day(scope.cut))?
            }
            None => {
                let mut rows = view.ledger_rows(&scope, RowGroup::Customer).await?;
                let traits = view.customer_traits(&scope).await?;
                if let Some(currency) = ask.own_currency() {
                    rows.keep_currency(currency);
                }
                let began = |one: CustomerTraits| Some((Arc::from(one.customer.as_str()), zone.day(one.first_mrr_at?)));
                // A cohort of a segment is of those who were in it on the day on which they began.
                let is_of = |(customer, first): &(Arc<str>, Day)| {
                    members.as_ref().is_none_or(|members| members.holds(customer, *first))
                };
                let first = traits.into_iter().filter_map(began).filter(is_of).collect();
                cohorts::entries(&rows, &first, ask.from, ask.to, zone.day(scope.cut))?
            }
        };
        let trials = self.trials_within(&scope, &*view, members.as_ref()).await?;
        Ok(CohortsAnswer {
            profile: self.profile(ask)?.name.as_ref().into(),
            currency: one_currency(ask, data.iter().map(|entry| entry.currency.as_str())),
            converted: self.reporting(ask).is_some(),
            as_known_at_seq: view.seq(),
            data,
            trials: cohorts::trial_cohorts(&trials, ask.from, ask.to, zone),
        })
    }

    /// Trials that ended, of a segment those of customers who were in it on that day.
    async fn trials_within(
        &self,
        scope: &Scope,
        view: &dyn View,
        members: Option<&Members>,
    ) -> Result<Vec<TrialRow>, AskError> {
        let mut trials = view.trials(scope).await?;
        if let Some(members) = members {
            trials.retain(|one| members.holds(one.customer.as_str(), self.ledger.zone.day(one.trial.ended_at)));
        }
        Ok(trials)
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
        let key = |row: &MovementRow| MovementKey {
            day: row.movement.day,
            effective_at: row.movement.effective_at,
            id: row.id.clone(),
        };
        let Some(members) = self.membership(ask, &scope, &*view).await? else {
            // One more than asked for tells whether there is a next page.
            let rows = view.movement_page(&scope, &filter, order, after, limit + 1).await?;
            return Ok(page(rows, limit, key));
        };
        let (mut found, mut after) = (Vec::new(), after.cloned());
        loop {
            let rows = view.movement_page(&scope, &filter, order, after.as_ref(), SIFTED_AT_ONCE).await?;
            budget::charge(rows.len() * size_of::<MovementRow>()).map_err(ReportError::from)?;
            after = rows.last().filter(|_| full(&rows)).map(key);
            found.extend(rows.into_iter().filter(|row| members.holds(row.customer.as_str(), row.movement.day)));
            if after.is_none() || i64::try_from(found.len()).is_ok_and(|found| found > limit) {
                return Ok(page(found, limit, key));
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

    /// On which days each customer belongs to the segment that a question is about, as the ledger stands; `None` where it is about
    /// everybody.
    pub async fn members_now(&self, ask: &Ask) -> Result<Option<Members>, AskError> {
        let ask = Ask { as_known_at: None, ..ask.clone() };
        let Asked { scope, view } = self.resolve(&ask).await?;
        self.membership(&ask, &scope, &*view).await
    }

    /// What movements took, as the ledger stands, from the day `from` on, or ever.
    pub async fn losses(&self, ask: &Ask, from: Option<Day>) -> Result<Vec<LossRow>, AskError> {
        let Asked { scope, .. } = self.resolve(&Ask { as_known_at: None, ..ask.clone() }).await?;
        Ok(self.store.derived.losses(&scope, ask.own_currency(), from).await?)
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
        let to = after.and_then(|(failed_on, ..)| failed_on.parse().ok()).into_iter().chain(ask.to).min();
        // Who is at risk on a day may have been so before: then no failure begins there, and more days are read.
        let mut most = i64::try_from(limit).unwrap_or(i64::MAX / 8).saturating_add(1).saturating_mul(2);
        loop {
            let Failing { rows, since } = view.failing(&scope, (ask.from, to), most).await?;
            let from = ask.from.into_iter().chain(since).max();
            let mut list = FailureList::from_changes(rows, today, (from, to), ask.own_currency())?;
            list.data.retain(|one| after.is_none_or(|after| one.place() < *after));
            if list.data.len() > limit || since.is_none() {
                let more = list.data.len() > limit;
                list.data.truncate(limit);
                let profile = self.profile(ask)?.name.as_ref().into();
                (list.profile, list.converted) = (profile, self.reporting(ask).is_some());
                return Ok((list, more));
            }
            most = most.saturating_mul(4);
        }
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

    /// What bridges are made of, and the periods they span. Where the profile nets over longer than a period, the log is
    /// derived for this question, netted within its periods; the view then is of that.
    async fn rows(
        &self,
        ask: &Ask,
        scope: &Scope,
        view: Box<dyn View + 'a>,
        group: RowGroup,
        periods: Option<Vec<Period>>,
    ) -> Result<(LedgerRows, Vec<Period>, Box<dyn View + 'a>), AskError> {
        let read = async |view: &(dyn View + 'a)| {
            let mut rows = view.ledger_rows(scope, group).await?;
            if let Some(currency) = ask.own_currency() {
                rows.keep_currency(currency);
            }
            Ok::<_, AskError>(rows)
        };
        let rows = read(&*view).await?;
        let periods = match periods {
            Some(periods) => periods,
            None => self.periods(ask, scope, rows.first_day())?,
        };
        let profile = &self.kept(ask)?;
        let cuts = cuts(profile.netting, &periods, self.ledger.zone.day(scope.cut));
        if cuts.is_empty() {
            return Ok((rows, periods, view));
        }
        let seq = view.seq();
        let view = self.prefix(seq, self.derived(seq, profile, &cuts).await?);
        Ok((read(&*view).await?, periods, view))
    }

    /// Refuses a series of each customer that would have too many entries before anybody's rows are read: whoever pays at the
    /// end of a period has an entry in it.
    async fn not_too_many_customers(&self, ask: &Ask, scope: &Scope, view: &dyn View) -> Result<(), AskError> {
        let mut rows = view.ledger_rows(scope, RowGroup::Whole).await?;
        if let Some(currency) = ask.own_currency() {
            rows.keep_currency(currency);
        }
        let periods = self.periods(ask, scope, rows.first_day())?;
        let mut changes: BTreeMap<Day, i64> = BTreeMap::new();
        for row in rows.counts.iter().filter(|row| row.currency.is_some()) {
            *changes.entry(row.day).or_default() += row.customers;
        }
        let (mut entries, mut paying, mut changes) = (0_usize, 0_i64, changes.into_iter().peekable());
        for period in &periods {
            while let Some((_, change)) = changes.next_if(|(day, _)| *day <= period.end) {
                paying = paying.checked_add(change).ok_or(ReportError::Overflow)?;
            }
            entries = entries.saturating_add(usize::try_from(paying).unwrap_or(0));
        }
        if entries > ENTRIES_MAX { Err(ReportError::TooManyEntries { max: ENTRIES_MAX }.into()) } else { Ok(()) }
    }

    /// What stands for each customer where a question groups by a trait of customers.
    pub(super) async fn regrouping(
        &self,
        ask: &Ask,
        scope: &Scope,
        view: &dyn View,
    ) -> Result<Option<BTreeMap<Arc<str>, Option<Arc<str>>>>, AskError> {
        let group_by = match &ask.group_by {
            Some(group_by @ (GroupBy::Country | GroupBy::Cohort | GroupBy::Metadata(_))) => group_by,
            _ => return Ok(None),
        };
        let traits = view.customer_traits(scope).await?;
        let label = |one: CustomerTraits| match group_by {
            GroupBy::Country => one.country,
            GroupBy::Metadata(key) => one.metadata.get(key).cloned(),
            _ => one.first_mrr_at.map(|at| month(self.ledger.zone.day(at))),
        };
        Ok(Some(traits.into_iter().map(|one| (Arc::from(one.customer.as_str()), label(one))).collect()))
    }

    pub(super) fn periods(&self, ask: &Ask, scope: &Scope, first: Option<Day>) -> Result<Vec<Period>, AskError> {
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

/// Rows of a list that are read at once where only some of them are asked for.
pub(super) const SIFTED_AT_ONCE: i64 = 1_000;

/// Whether more may follow rows that were read so.
pub(super) fn full<R>(rows: &[R]) -> bool {
    i64::try_from(rows.len()).is_ok_and(|read| read >= SIFTED_AT_ONCE)
}

/// The currency of an answer, where there is only one.
pub(super) fn one_currency<'a>(ask: &Ask, entries: impl Iterator<Item = &'a str>) -> Option<String> {
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

/// A page of `rows`, which were read with one more than `limit`, and the key of its last where there are more.
pub(super) fn page<R, K>(mut rows: Vec<R>, limit: i64, key: impl Fn(&R) -> K) -> (Vec<R>, Option<K>) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = if more { rows.last().map(key) } else { None };
    (rows, next)
}
