//! Restatements: what later events changed in closed months, and which events did (rule `restatements`).

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    ReportError,
    ask::Ask,
    closing_figures::{kept, missing_rate},
    month::{Figures, Month, MonthFigures, figures},
    question::Asked,
    reports::{AskError, Reports},
    table::Table,
};
use crate::{
    budget::charge,
    event::{CustomerKey, Seq, SeqRange, naming},
    ledger::{fact::Fact, ids::EventId, money::Currency, profile::Profile, time::UnixTime},
    reconciler::{ReconcileError, Rules, derivation, joining::Joins, rules},
    store::records::closings::Closing,
};

/// A page of what changed in closed months.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RestatementList {
    /// The profile whose closings they change.
    pub profile: String,
    /// Whether everything is converted into the reporting currency.
    pub converted: bool,
    /// In order of month, customer and currency.
    pub data: Vec<Restatement>,
    /// Where the next page begins; null at the end.
    pub next_cursor: Option<String>,
}

/// A customer's figures of a closed month that are no longer what it was closed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Restatement {
    /// The calendar month, such as `2026-10`.
    #[schema(value_type = String)]
    pub month: Month,
    /// When the month was closed, by mrrd's clock.
    pub closed_at: String,
    /// The log up to here made the closed figures.
    #[schema(value_type = i64)]
    pub closed_seq: Seq,
    /// The connected account; absent for the account's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The id of the customer, `cus_…`.
    pub customer: String,
    /// The currency of every amount.
    #[schema(value_type = String)]
    pub currency: Currency,
    /// As the month was closed.
    pub before: MonthFigures,
    /// As the log has it now.
    pub after: MonthFigures,
    /// The events that came after the closing and changed these figures, in the order they came.
    pub events: Vec<String>,
    /// What else the figures depend on and is another now: `profile`, `customers`, `rates`, `zone`, `ledger` or
    /// `normaliser`.
    pub rules_changed: Vec<String>,
}

impl RestatementList {
    /// As a table for CSV and terminal, one row a figure that is another now.
    pub fn table(&self) -> Table {
        let columns = vec![
            "month",
            "account",
            "customer",
            "currency",
            "figure",
            "before_exact",
            "after_exact",
            "events",
            "rules_changed",
        ];
        let rows = |one: &Restatement| {
            let names = MonthFigures::COLUMNS.iter().map(|name| name.trim_end_matches("_exact"));
            let figures = names.zip(one.before.cells()).zip(one.after.cells());
            let changed = figures.filter(|((_, before), after)| before != after);
            let row = |((figure, before), after): ((&str, String), String)| {
                vec![
                    one.month.to_string(),
                    one.account.clone().unwrap_or_default(),
                    one.customer.clone(),
                    one.currency.to_string(),
                    figure.to_owned(),
                    before,
                    after,
                    one.events.join(" "),
                    one.rules_changed.join(" "),
                ]
            };
            changed.map(row).collect::<Vec<_>>()
        };
        Table { columns, rows: self.data.iter().flat_map(rows).collect() }.telling_converted(self.converted)
    }
}

impl Reports<'_> {
    /// Changes to months closed under the profile asked for, of one month or of all; with `as_known_at`, those that the
    /// log told by then.
    pub async fn restatements(&self, ask: &Ask, month: Option<Month>) -> Result<RestatementList, AskError> {
        let profile = &self.kept(ask)?;
        let Asked { scope, view } = self.resolve_under(ask, profile).await?;
        let seq = view.seq();
        let closed = self.store.records.closings().await?.iter().any(|closing| closing.profile == profile.name);
        if !closed && seq.is_none() {
            // Nothing to hold all of the log against.
            let (profile, converted) = (profile.name.as_ref().into(), profile.reporting.is_some());
            return Ok(RestatementList { profile, converted, data: Vec::new(), next_cursor: None });
        }
        let ledgers = &*self.derived(seq, profile, &[]).await?;
        let rules_now = self.rules(std::slice::from_ref(profile)).await?.fingerprint();
        let mut data = Vec::new();
        for closing in self.closings_at(seq).await? {
            let closed = closing.month;
            if closing.profile != profile.name || month.is_some_and(|month| month != closed) {
                continue;
            }
            let end = self.ledger.zone.end_of(closed.last());
            if let Some(missing) = missing_rate(ledgers, end) {
                return Err(ReportError::missing_rate(missing).into());
            }
            let mut before = kept(
                &self.store.records.closed_customers(&closing).await?,
                &self.store.records.closed_movements(&closing).await?,
            )?;
            before.retain(|(key, _), _| scope.includes(key.livemode, key.account.as_ref()));
            let mut after: BTreeMap<(CustomerKey, Currency), Figures> = BTreeMap::new();
            for (key, ledger) in ledgers.in_scope(&scope) {
                let of_customer = figures(ledger, closed, end)?;
                after.extend(of_customer.into_iter().map(|(currency, one)| ((key.clone(), currency), one)));
            }
            let rules_changed = rules::differences(&closing.inputs, &rules_now);
            let places: BTreeSet<_> = before.keys().chain(after.keys()).cloned().collect();
            for place in places {
                let was = before.get(&place).copied().unwrap_or_default();
                let is = after.get(&place).copied().unwrap_or_default();
                let (key, currency) = place;
                if was == is || ask.own_currency().is_some_and(|only| only != currency) {
                    continue;
                }
                let events = self.causes(&key, currency, &closing, seq, profile, closed).await?;
                data.push(Restatement {
                    month: closed,
                    closed_at: closing.closed_at.to_string(),
                    closed_seq: closing.seq,
                    account: key.account.as_ref().map(ToString::to_string),
                    customer: key.customer.to_string(),
                    currency,
                    before: (&was).into(),
                    after: (&is).into(),
                    events: events.iter().map(ToString::to_string).collect(),
                    rules_changed: rules_changed.clone(),
                });
            }
        }
        let converted = profile.reporting.is_some();
        Ok(RestatementList { profile: profile.name.as_ref().into(), converted, data, next_cursor: None })
    }

    /// The events after a closing at whose arrival the customer's figures of that month changed. Taken one by one in the
    /// order they came; those about prices, products and coupons after the customer's own.
    async fn causes(
        &self,
        key: &CustomerKey,
        currency: Currency,
        closing: &Closing,
        until: Option<Seq>,
        profile: &Profile,
        month: Month,
    ) -> Result<Vec<EventId>, AskError> {
        let (one, end) = (std::slice::from_ref(key), self.ledger.zone.end_of(month.last()));
        // Under the rules as they are now: only what the log brought is named here.
        let rules = self.rules(std::slice::from_ref(profile)).await?;
        let to = until.unwrap_or(self.store.log.horizon().await?);
        let joins = Joins::current(self.store, &rules.customers, Some(to)).await?;
        let since = SeqRange { after: closing.seq, to };
        if let Some(members) = joins.ever_members(self.store, key, since).await? {
            return self.causes_among(&members, key, currency, since, &rules, month).await;
        }
        let Some(all) = derivation::read(self.store, &rules, one, until).await?.pop() else { return Ok(Vec::new()) };
        let facts = &all.facts;
        let known = self.store.log.customer_facts(one, Some(closing.seq)).await?.pop().unwrap_or_default().len();
        let objects: BTreeSet<&str> = facts.iter().flat_map(naming::references).collect();
        let objects: Vec<&str> = objects.into_iter().collect();
        let (livemode, account) = (key.livemode, key.account.as_ref());
        // In the order of the log, which those of a derivation are not.
        let about = self.store.log.reference_facts(livemode, account, &objects, until).await?;
        let known_about = self.store.log.reference_facts(livemode, account, &objects, Some(closing.seq)).await?.len();
        // And what other customers' facts tell of what this one names: as it was known then before all, what came later last.
        let told = derivation::told_elsewhere(joins, self.store, key, &all.lacking, until).await?;
        let (then, since): (Vec<_>, Vec<_>) = told.into_iter().partition(|(seq, _)| *seq <= closing.seq);
        let known_references = then.len() + known_about;
        let told = |all: Vec<(Seq, Fact)>| all.into_iter().map(|(_, fact)| fact);
        let references: Vec<Fact> = told(then).chain(about).chain(told(since)).collect();
        let figures_of = |own: usize, about: usize| {
            // A ledger for each event: whoever asks waits for it, not for ever.
            charge(0).map_err(ReportError::from)?;
            let (facts, references) = (facts[..own].to_vec(), references[..about].to_vec());
            let then = derivation::CustomerInput { facts, references, ..all.clone() };
            figures_in(currency, key, derivation::derive_one(&then, &rules), month, end)
        };
        let own = ends(facts, known).map(|(end, event)| (end, known_references, event));
        let about = ends(&references, known_references).map(|(end, event)| (facts.len(), end, event));
        let mut stood = figures_of(known.min(facts.len()), known_references.min(references.len()))?;
        let mut causes = Vec::new();
        for (own, about, event) in own.chain(about) {
            let stands = figures_of(own, about)?;
            if stands != stood {
                causes.push(event.clone());
            }
            stood = stands;
        }
        causes.dedup();
        Ok(causes)
    }
}

impl Reports<'_> {
    /// The same where several of Stripe's customers are one, and some come or go: the ledger as it was known after each
    /// event about one of them, or about what they name.
    async fn causes_among(
        &self,
        members: &[CustomerKey],
        key: &CustomerKey,
        currency: Currency,
        since: SeqRange,
        rules: &Rules,
        month: Month,
    ) -> Result<Vec<EventId>, AskError> {
        let facts = self.store.log.customer_facts(members, Some(since.to)).await?.concat();
        let objects: BTreeSet<&str> = facts.iter().flat_map(naming::references).collect();
        let objects: Vec<&str> = objects.into_iter().collect();
        let figures_at = async |seq: Seq| {
            let known = derivation::read(self.store, rules, std::slice::from_ref(key), Some(seq)).await?.pop();
            let derived = known.map_or(Ok(Vec::new()), |known| derivation::derive_one(&known, rules));
            figures_in(currency, key, derived, month, self.ledger.zone.end_of(month.last()))
        };
        let mut stood = figures_at(since.after).await?;
        let mut causes = Vec::new();
        for (seq, event) in self.store.log.events_about(members, &objects, since).await? {
            let stands = figures_at(seq).await?;
            if stands != stood {
                causes.push(event);
            }
            stood = stands;
        }
        causes.dedup();
        Ok(causes)
    }
}

/// A customer's month up to `end` in a currency, as it was derived under one profile: all zeroes where nothing is known of the
/// customer, an error where it couldn't be derived.
fn figures_in(
    currency: Currency,
    key: &CustomerKey,
    derived: derivation::Outcome,
    month: Month,
    end: UnixTime,
) -> Result<Figures, AskError> {
    let mut derived = derived.map_err(|reason| ReconcileError::Customer { customer: key.clone(), reason })?;
    let ledger = derived.pop().map(|derived| derived.ledger).unwrap_or_default();
    Ok(figures(&ledger, month, end)?.get(&currency).copied().unwrap_or_default())
}

/// Where each event's facts end, of those after the first `known`.
fn ends(facts: &[Fact], known: usize) -> impl Iterator<Item = (usize, &EventId)> {
    facts.iter().enumerate().skip(known).filter_map(|(at, fact)| {
        let last = facts.get(at + 1).is_none_or(|next| next.event != fact.event);
        last.then_some((at + 1, &fact.event))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It passed for a customer of whom nothing was known: an event was named that had changed nothing, or none.
    #[test]
    fn who_cannot_be_derived_is_not_taken_for_somebody_unknown() {
        let key = CustomerKey { livemode: true, account: None, customer: "cus_1".into() };
        let january: Month = "2026-01".parse().unwrap();
        let figures = |derived| figures_in(Currency::USD, &key, derived, january, UnixTime(i64::MAX));
        assert_eq!(figures(Ok(Vec::new())).unwrap(), Figures::default());
        let failed = figures(Err("it failed".into())).unwrap_err();
        let AskError::Derivation(ReconcileError::Customer { customer, reason }) = &failed else { panic!("{failed}") };
        assert_eq!((customer, reason.as_str()), (&key, "it failed"));
    }
}
