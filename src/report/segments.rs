//! Which customers a question is about, and when: segments and imported attributes over the rows of a ledger (rules `segments` and
//! `attributes`).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    ReportError,
    ask::{Ask, GroupBy, Segment},
    bridge::sum,
    moving::{Group, OUTSIDE},
    reports::{AskError, Reports},
    saved_segments::records_known,
    service::month,
    view::View,
};
use crate::{
    budget,
    event::CustomerKey,
    ledger::{
        ids::CustomerId,
        money::{Currency, Decimal, Mrr},
        time::Day,
        units::{self, Places},
    },
    reconciler::joining::Joins,
    segment::{Customer, Expression, Key, Members, Steps, Values, membership},
    store::{
        derived::reports::*,
        records::imports::{AttributeRow, Whose},
    },
};

/// What one of several texts has on a day, by text: sums of amounts that may be 0.
type Standing = BTreeMap<Arc<str>, Mrr>;

impl Reports<'_> {
    /// The segment a question is about, by its name or as it is written; `None` where it is about everybody.
    pub(super) async fn expression(&self, ask: &Ask, view: &dyn View) -> Result<Option<Expression>, AskError> {
        match &ask.segment {
            None => Ok(None),
            Some(Segment::Where(expression)) => Ok(Some((**expression).clone())),
            Some(Segment::Named(name)) => Ok(Some(self.segment_named(ask, name, view.seq()).await?)),
        }
    }

    /// The groups of customers over time, where a question is about a segment or in groups of an attribute: who isn't asked for is
    /// in [`OUTSIDE`].
    pub(super) async fn groups_over_time(
        &self,
        ask: &Ask,
        scope: &Scope,
        view: &dyn View,
    ) -> Result<Option<BTreeMap<Arc<str>, Steps<Group>>>, AskError> {
        let expression = self.expression(ask, view).await?;
        let attribute = match &ask.group_by {
            Some(GroupBy::Attribute(key)) => Some(key.clone()),
            _ => None,
        };
        if expression.is_none() && attribute.is_none() {
            return Ok(None);
        }
        let traits = view.customer_traits(scope).await?;
        let today = self.ledger.zone.day(scope.cut);
        let mut groups: BTreeMap<Arc<str>, Steps<Group>> = BTreeMap::new();
        let values = match &attribute {
            Some(key) => Some(self.attribute(ask, scope, view, key, &traits, "group_by").await?),
            None => None,
        };
        let labels = self.regrouping(ask, scope, view).await?;
        for one in &traits {
            charge(size_of::<Steps<Group>>())?;
            let customer: Arc<str> = one.customer.as_str().into();
            let of = match (&values, &labels, &ask.group_by) {
                (Some(values), ..) => match values.get(&customer) {
                    Some(steps) if ask.current => Steps::always(steps.on(today).clone()),
                    Some(steps) => steps.clone(),
                    None => Steps::always(None),
                },
                (None, Some(labels), _) => Steps::always(labels.get(&customer).cloned().flatten()),
                (None, None, Some(GroupBy::Customer)) => Steps::always(Some(customer.clone())),
                (None, None, _) => Steps::always(None),
            };
            groups.insert(customer, of);
        }
        let Some(expression) = expression else { return Ok(Some(groups)) };
        let members = self.members(ask, scope, view, &expression, &traits).await?;
        let outside: Group = Some(OUTSIDE.into());
        for (customer, group) in &mut groups {
            let within = members.of(customer);
            let on = |day: Day| {
                let is = within.is_some_and(|steps| *steps.on(day));
                if is { group.on(day).clone() } else { outside.clone() }
            };
            let mut both = Steps::always(on(Day(jiff::civil::Date::MIN)));
            let days: BTreeSet<Day> = group.days().chain(within.into_iter().flat_map(Steps::days)).collect();
            days.into_iter().for_each(|day| both.set(day, on(day)));
            *group = both;
        }
        Ok(Some(groups))
    }

    /// On which days each customer belongs to the segment that a question is about; `None` where it is about everybody.
    pub(super) async fn membership(
        &self,
        ask: &Ask,
        scope: &Scope,
        view: &dyn View,
    ) -> Result<Option<Members>, AskError> {
        let Some(expression) = self.expression(ask, view).await? else { return Ok(None) };
        let traits = view.customer_traits(scope).await?;
        Ok(Some(self.members(ask, scope, view, &expression, &traits).await?))
    }

    async fn members(
        &self,
        ask: &Ask,
        scope: &Scope,
        view: &dyn View,
        expression: &Expression,
        traits: &[CustomerTraits],
    ) -> Result<Members, AskError> {
        // Named as it was asked: a condition written out, or a segment by its name.
        let parameter = if matches!(ask.segment, Some(Segment::Where(_))) { "where" } else { "segment" };
        let refuse = |reason: String| Err(AskError::Parameter { name: parameter, reason });
        let keys: BTreeSet<&Key> = expression.tests().into_iter().map(|test| &test.key).collect();
        let zone = &self.ledger.zone;
        let mut customers: BTreeMap<Arc<str>, Customer> = BTreeMap::new();
        for one in traits {
            charge(size_of::<Customer>())?;
            let first_mrr = one.first_mrr_at.map(|at| zone.day(at));
            customers.insert(one.customer.as_str().into(), Customer { values: BTreeMap::new(), first_mrr });
        }
        let mut give = |customer: &Arc<str>, key: &Key, steps: Steps<Values>| {
            if let Some(one) = customers.get_mut(customer) {
                one.values.insert(key.clone(), steps);
            }
        };
        let of_trait = |one: &CustomerTraits, key: &Key| match key {
            Key::Country => one.country.clone(),
            Key::Metadata(name) => one.metadata.get(name).cloned(),
            _ => one.first_mrr_at.map(|at| month(zone.day(at))),
        };
        let ledger = if keys.iter().any(|key| is_of_the_ledger(key)) {
            Some(Ledger::of(view.ledger_rows(scope, RowGroup::Customer).await?)?)
        } else {
            None
        };
        for key in keys {
            match key {
                Key::Seats => {
                    return refuse(
                        "seats has no history in the ledger's tables yet: a quantity is told by movements and explain alone".into(),
                    );
                }
                Key::Metadata(name) if !self.ledger.customers.metadata_keys.contains(name) => {
                    return refuse(format!(
                        "the ledger keeps no metadata {name:?}: ledger.metadata_keys names what it keeps"
                    ));
                }
                Key::Attribute(name) => {
                    for (customer, steps) in self.attribute(ask, scope, view, name, traits, parameter).await? {
                        let values = |group: &Group| group.clone().map_or(Values::None, Values::text);
                        let mut of = Steps::always(values(steps.on(Day(jiff::civil::Date::MIN))));
                        steps.turns().for_each(|(day, _, is)| of.set(day, values(is)));
                        give(&customer, key, of);
                    }
                }
                Key::Metadata(_) | Key::Country | Key::Cohort => {
                    for one in traits {
                        if let Some(text) = of_trait(one, key) {
                            give(&one.customer.as_str().into(), key, Steps::always(Values::text(text)));
                        }
                    }
                }
                // Counted from the first MRR.
                Key::TenureDays => {}
                Key::Product | Key::Price | Key::Interval | Key::Currency => {
                    let group = match key {
                        Key::Product => RowGroup::Product,
                        Key::Price => RowGroup::Price,
                        Key::Interval => RowGroup::Interval,
                        _ => RowGroup::Currency,
                    };
                    let held = Held::of(view.held(scope, group).await?)?;
                    if let Some(ledger) = &ledger {
                        held.each(|customer, steps| give(customer, key, ledger.as_days_begin(customer, steps)));
                    }
                }
                Key::Mrr => {
                    let currencies: Vec<Currency> = match (ask.own_currency(), &ledger) {
                        (Some(own), _) => vec![own],
                        (None, Some(ledger)) => ledger.currencies.iter().copied().collect(),
                        (None, None) => Vec::new(),
                    };
                    if currencies.len() > 1 {
                        return refuse(
                            "mrr compares within one currency: name it by currency, or configure ledger.reporting_currency".into(),
                        );
                    }
                    if let (Some(currency), Some(ledger)) = (currencies.first(), &ledger) {
                        for customer in ledger.customers.keys() {
                            give(customer, key, ledger.as_days_begin(customer, ledger.mrr(customer, *currency)?));
                        }
                    }
                }
                Key::Status => {
                    for one in traits {
                        let customer: Arc<str> = one.customer.as_str().into();
                        if let Some(ledger) = &ledger {
                            let first = one.first_mrr_at.map(|at| zone.day(at));
                            give(&customer, key, ledger.as_days_begin(&customer, ledger.status(&customer, first)));
                        }
                    }
                }
            }
        }
        let today = zone.day(scope.cut);
        let of = |customer: &Customer| match membership(expression, customer) {
            steps if ask.current => Steps::always(*steps.on(today)),
            steps => steps,
        };
        Ok(customers.iter().map(|(name, customer)| (name.clone(), of(customer))).collect())
    }

    /// The values of an attribute by customer, as imports tell them that the question knows of.
    async fn attribute(
        &self,
        ask: &Ask,
        scope: &Scope,
        view: &dyn View,
        key: &Arc<str>,
        traits: &[CustomerTraits],
        parameter: &'static str,
    ) -> Result<BTreeMap<Arc<str>, Steps<Group>>, AskError> {
        let records = &self.store.records;
        let all = records.attribute_keys(i64::MAX).await?;
        if !all.iter().any(|known| *known == **key) {
            let there =
                if all.is_empty() { "none was imported yet".into() } else { format!("there are {}", all.join(", ")) };
            let reason =
                format!("no import tells of an attribute {key:?}: {there}; mrrd import attributes takes them in");
            return Err(AskError::Parameter { name: parameter, reason });
        }
        let last = records.imports_known(records_known(ask, view.seq())).await?;
        let rows = records.attribute_rows(key, last).await?;
        let joined = self.customers_of(scope, view, &rows).await?;
        let mut by_metadata: BTreeMap<MetadataPair<'_>, Vec<Arc<str>>> = BTreeMap::new();
        for one in traits {
            for pair in &one.metadata {
                by_metadata.entry(pair).or_default().push(one.customer.as_str().into());
            }
        }
        let mut values: BTreeMap<Arc<str>, Steps<Group>> = BTreeMap::new();
        for row in &rows {
            charge(size_of::<AttributeRow>())?;
            let value = Some(row.value.clone()).filter(|value| !value.is_empty());
            let mut tell = |customer: &Arc<str>| {
                let steps = values.entry(customer.clone()).or_insert_with(|| Steps::always(None));
                steps.set(row.valid_from, value.clone());
            };
            match &row.whose {
                Whose::Stripe(id) => tell(joined.get(id).unwrap_or(&Arc::from(id.as_str()))),
                Whose::Metadata { key, value } => by_metadata.get(&(key, value)).into_iter().flatten().for_each(tell),
            }
        }
        Ok(values)
    }

    /// Into which customers' ledgers those that rows name by Stripe's id are joined; who isn't in it is its own.
    async fn customers_of(
        &self,
        scope: &Scope,
        view: &dyn View,
        rows: &[AttributeRow],
    ) -> Result<BTreeMap<CustomerId, Arc<str>>, AskError> {
        let rules = &self.ledger.customers;
        if rules.customer_key.is_none() {
            return Ok(BTreeMap::new());
        }
        let ids: BTreeSet<&CustomerId> = rows
            .iter()
            .filter_map(|row| match &row.whose {
                Whose::Stripe(id) => Some(id),
                Whose::Metadata { .. } => None,
            })
            .collect();
        let (livemode, account) = (scope.livemode, scope.account.one());
        let key = |id: &CustomerId| CustomerKey { livemode, account: account.cloned(), customer: id.clone() };
        let keys: Vec<CustomerKey> = ids.into_iter().map(key).collect();
        let joins = Joins::current(self.store, rules, view.seq()).await?;
        let ledgers = joins.ledgers_of(self.store, &keys, view.seq()).await?;
        let pairs = keys.into_iter().zip(ledgers);
        Ok(pairs.map(|(key, ledger)| (key.customer, Arc::from(ledger.customer.as_str()))).collect())
    }
}

/// A key of a customer's metadata with its value.
type MetadataPair<'m> = (&'m Arc<str>, &'m Arc<str>);

/// Whether a key is told by the ledger itself, and so changes with it.
fn is_of_the_ledger(key: &Key) -> bool {
    matches!(key, Key::Product | Key::Price | Key::Interval | Key::Currency | Key::Mrr | Key::Status)
}

/// MRR, what is at risk of it and what is set to end, by currency.
type ByCurrency = BTreeMap<Currency, [Mrr; 3]>;

/// What stands of each customer after each day, from a ledger's rows by customer.
struct Ledger {
    currencies: BTreeSet<Currency>,
    customers: BTreeMap<Arc<str>, BTreeMap<Day, ByCurrency>>,
    trials: BTreeMap<Arc<str>, BTreeMap<Day, i64>>,
}

impl Ledger {
    fn of(rows: LedgerRows) -> Result<Self, AskError> {
        let currencies = rows.amounts.iter().map(|row| row.currency).collect();
        let mut customers: BTreeMap<Arc<str>, BTreeMap<Day, ByCurrency>> = BTreeMap::new();
        for row in rows.amounts {
            let Some(customer) = row.group else { continue };
            charge(size_of::<[Mrr; 3]>() + size_of::<Day>())?;
            let days = customers.entry(customer).or_default().entry(row.day).or_default();
            for (sum_of, change) in
                days.entry(row.currency).or_default().iter_mut().zip([row.mrr, row.at_risk, row.scheduled_churn])
            {
                *sum_of = sum(*sum_of, change)?;
            }
        }
        for days in customers.values_mut() {
            let mut stood: ByCurrency = BTreeMap::new();
            for changes in days.values_mut() {
                for (currency, changes) in changes.iter() {
                    for (sum_of, change) in stood.entry(*currency).or_default().iter_mut().zip(changes) {
                        *sum_of = sum(*sum_of, *change)?;
                    }
                }
                charge(stood.len() * size_of::<[Mrr; 3]>())?;
                changes.clone_from(&stood);
            }
        }
        let mut trials: BTreeMap<Arc<str>, BTreeMap<Day, i64>> = BTreeMap::new();
        // Over all currencies.
        for row in rows.counts.into_iter().filter(|row| row.currency.is_none() && row.trials != 0) {
            let Some(customer) = row.group else { continue };
            *trials.entry(customer).or_default().entry(row.day).or_default() += row.trials;
        }
        for days in trials.values_mut() {
            let mut stood = 0;
            for count in days.values_mut() {
                stood += *count;
                *count = stood;
            }
        }
        Ok(Self { currencies, customers, trials })
    }

    /// What stands after a day, by currency.
    fn on(&self, customer: &Arc<str>, day: Day) -> Option<&ByCurrency> {
        self.customers.get(customer)?.range(..=day).next_back().map(|(_, stands)| stands)
    }

    fn is_paying(&self, customer: &Arc<str>, day: Day) -> bool {
        self.on(customer, day).is_some_and(|stands| stands.values().any(|[mrr, ..]| *mrr > Mrr::ZERO))
    }

    /// What the ledger tells of a customer counts on a day as it stood when the day began, so that who leaves on it leaves the group
    /// in which it was; where the customer paid nothing then, as it stands at the day's end, so that who comes comes into its own.
    fn as_days_begin(&self, customer: &Arc<str>, ends: Steps<Values>) -> Steps<Values> {
        let changes = self.customers.get(customer).into_iter().flat_map(BTreeMap::keys).copied();
        let days: BTreeSet<Day> = ends.days().chain(changes).flat_map(|day| [day, day.after()]).collect();
        let mut begins = Steps::always(ends.on(Day(jiff::civil::Date::MIN)).clone());
        for day in days {
            let told_by = if self.is_paying(customer, day.before()) { day.before() } else { day };
            begins.set(day, ends.on(told_by).clone());
        }
        begins
    }

    /// MRR after each day, in units of the currency.
    fn mrr(&self, customer: &Arc<str>, currency: Currency) -> Result<Steps<Values>, AskError> {
        let number = |mrr: Mrr| {
            let text = units::major(&mrr.to_string(), currency, Places::All);
            text.and_then(|text| text.parse::<Decimal>().ok()).map(Values::Number).ok_or(ReportError::Overflow)
        };
        let mut steps = Steps::always(number(Mrr::ZERO)?);
        for (day, stands) in self.customers.get(customer).into_iter().flatten() {
            steps.set(*day, number(stands.get(&currency).map_or(Mrr::ZERO, |[mrr, ..]| *mrr))?);
        }
        Ok(steps)
    }

    /// How the customer stands after each day.
    fn status(&self, customer: &Arc<str>, first_mrr: Option<Day>) -> Steps<Values> {
        let trials = self.trials.get(customer);
        let after = |day: Day| {
            let stands = self.on(customer, day);
            let any = |at: usize| stands.is_some_and(|stands| stands.values().any(|of| of[at] != Mrr::ZERO));
            let paying = self.is_paying(customer, day);
            let trialing =
                trials.is_some_and(|days| days.range(..=day).next_back().is_some_and(|(_, trials)| *trials > 0));
            let left = !paying && first_mrr.is_some_and(|first| first <= day);
            let words =
                [("paying", paying), ("past_due", any(1)), ("ending", any(2)), ("trialing", trialing), ("left", left)];
            let all: BTreeSet<Arc<str>> =
                words.into_iter().filter(|(_, is)| *is).map(|(word, _)| word.into()).collect();
            if all.is_empty() { Values::None } else { Values::Texts(all) }
        };
        let changes = self.customers.get(customer).into_iter().flat_map(BTreeMap::keys);
        let days: BTreeSet<Day> = changes.chain(trials.into_iter().flat_map(BTreeMap::keys)).copied().collect();
        let mut steps = Steps::always(Values::None);
        days.into_iter().for_each(|day| steps.set(day, after(day)));
        steps
    }
}

/// A value, and by how much the list amount of what has it changes.
type HeldChange = (Arc<str>, Mrr);

/// What each customer holds after each day: texts whose amounts before discounts are above 0.
struct Held(BTreeMap<Arc<str>, Steps<Values>>);

impl Held {
    fn of(rows: Vec<HeldRow>) -> Result<Self, AskError> {
        let mut changes: BTreeMap<Arc<str>, BTreeMap<Day, Vec<HeldChange>>> = BTreeMap::new();
        for row in rows {
            // What isn't known is no value.
            let Some(value) = row.value else { continue };
            charge(size_of::<HeldRow>())?;
            changes.entry(row.customer).or_default().entry(row.day).or_default().push((value, row.list));
        }
        let mut held = BTreeMap::new();
        for (customer, days) in changes {
            let (mut stood, mut steps) = (Standing::new(), Steps::always(Values::None));
            for (day, changes) in days {
                for (value, change) in changes {
                    let sum_of = stood.entry(value).or_default();
                    *sum_of = sum(*sum_of, change)?;
                }
                stood.retain(|_, list| *list != Mrr::ZERO);
                charge(stood.len() * size_of::<Arc<str>>())?;
                let texts: BTreeSet<Arc<str>> = stood.keys().cloned().collect();
                steps.set(day, if texts.is_empty() { Values::None } else { Values::Texts(texts) });
            }
            held.insert(customer, steps);
        }
        Ok(Self(held))
    }

    fn each(self, mut take: impl FnMut(&Arc<str>, Steps<Values>)) {
        self.0.into_iter().for_each(|(customer, steps)| take(&customer, steps));
    }
}

/// What a question is to hold costs it so much.
fn charge(bytes: usize) -> Result<(), ReportError> {
    Ok(budget::charge(bytes)?)
}
