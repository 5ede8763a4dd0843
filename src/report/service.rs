//! Answers over time: MRR, metrics and cohorts. Which view they are read from is resolved in `question.rs`.

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
    bridge::{Bridge, Grouping},
    bridges::{ENTRIES_MAX, bridges, bridges_of_groups},
    cohorts::{self, CohortsAnswer},
    metrics::{self, MetricsAnswer},
    moving::{self, OUTSIDE, regrouped},
    mrr::{MrrAnswer, entries},
    period::{Interval, Period, Phase, cuts, periods},
    question::Asked,
    retained::People,
    trials::TrialDays,
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
        let (mut rows, periods, view, begins) = match by_month {
            Some((rows, periods)) => {
                let begins = rows.first_day();
                (rows, periods, view, begins)
            }
            None => {
                let (mut rows, periods, view) = self.rows(ask, &scope, view, row_group, None).await?;
                let begins = rows.first_day();
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
                (rows, periods, view, begins)
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
            begins,
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
        let (imported, members, begins);
        let (whole, people, periods, view) = match by_days {
            Some((rows, periods)) => {
                let people = People::of_days(&rows)?;
                members = None;
                begins = rows.whole.first_day();
                (rows.whole, people, periods, view)
            }
            None => {
                let (rows, periods, view) = self.rows(ask, &scope, view, RowGroup::Customer, periods).await?;
                begins = rows.first_day();
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
            begins,
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
            trials: cohorts::trial_cohorts(&trials, ask.from, ask.to),
        })
    }

    /// Trials that ended, of a segment those of customers who were in it on that day.
    async fn trials_within(
        &self,
        scope: &Scope,
        view: &dyn View,
        members: Option<&Members>,
    ) -> Result<TrialDays, AskError> {
        let zone = &self.ledger.zone;
        let Some(members) = members else { return view.trial_days(scope, zone).await };
        let mut trials = view.trials(scope).await?;
        trials.retain(|one| members.holds(one.customer.as_str(), zone.day(one.trial.ended_at)));
        Ok(TrialDays::of(trials.iter().map(|one| &one.trial), zone))
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
            return Err(AskError::Parameter {
                name: "from",
                reason: format!(
                    "the span begins on {from} and ends on {to}, before that: swap the two days, or leave one out"
                ),
            });
        }
        Ok(periods(ask.interval, from, to, now, ask.scheduled, &self.ledger.zone)?)
    }
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
