//! Which customers a question is about, and when: segments and imported attributes over the rows of a ledger (rules `segments` and
//! `attributes`).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    ask::{Ask, GroupBy, Segment},
    moving::{Group, OUTSIDE},
    reports::{AskError, Reports},
    saved_segments::records_known,
    segment_values::{Held, Ledger, charge},
    service::month,
    view::View,
};
use crate::{
    event::CustomerKey,
    ledger::{ids::CustomerId, money::Currency, time::Day},
    reconciler::joining::Joins,
    segment::{Customer, Expression, Key, Members, Steps, Values, membership},
    store::{
        derived::reports::*,
        records::imports::{AttributeRow, Whose},
    },
};

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
