//! Answers about customers: lists of them, one of them, and the chain from event to money of one.

use std::collections::BTreeSet;

use super::{
    ReportError,
    ask::Ask,
    customers::CurrencyMrr,
    explain::{Explanation, MissingRate, StepEntry},
    invoices::InvoiceList,
    paging::{SIFTED_AT_ONCE, full, page},
    question::Asked,
    service::{AskError, Reports},
    variants,
    view::View,
};
use crate::{
    budget::charge,
    event::CustomerKey,
    ledger::{
        self, CustomerFacts,
        explain::{Stage, Step, explain, moved, rated, unknown},
        ids::{CustomerId, EventId},
        outcome::QualityKind,
        time::Day,
    },
    reconciler::{ReconcileError, derivation, guard::guarded, joining::Joins},
    store::derived::reports::*,
};

impl Reports<'_> {
    /// Customers page by page; the largest are one page.
    pub async fn customers(
        &self,
        ask: &Ask,
        asked: &CustomersAsked,
        limit: i64,
    ) -> Result<(Vec<CustomerRow>, Option<CustomerPosition>), AskError> {
        let Asked { scope, view } = self.resolve(ask).await?;
        let rows = view.customer_page(&scope, asked, limit + 1).await?;
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
        let Asked { scope, view } = self.resolve(ask).await?;
        let members = self.membership(ask, &scope, &*view).await?;
        let rows = match &members {
            None => view.customers_found(&scope, asked, limit + 1).await?,
            Some(members) => {
                let (mut found, mut asked) = (Vec::new(), asked.clone());
                let today = self.ledger.zone.day(scope.cut);
                loop {
                    let rows = view.customers_found(&scope, &asked, SIFTED_AT_ONCE).await?;
                    charge(rows.len() * size_of::<CustomerRow>()).map_err(ReportError::from)?;
                    asked.after = rows.last().filter(|_| full(&rows)).map(|(position, _)| position.clone());
                    found.extend(rows.into_iter().filter(|(_, row)| members.holds(row.customer.as_str(), today)));
                    if asked.after.is_none() || i64::try_from(found.len()).is_ok_and(|found| found > limit) {
                        break found;
                    }
                }
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

    /// One customer, also by the id of one of Stripe's that are joined in it; `None` where the ledger has none of that id.
    pub async fn customer(&self, ask: &Ask, id: &CustomerId) -> Result<Option<CustomerRow>, AskError> {
        // A rate that somebody else lacks is no reason to refuse this one.
        let Asked { scope, view } = self.resolve_unrated(ask).await?;
        let Some(mut row) = self.customer_in(&scope, &*view, id).await? else { return Ok(None) };
        self.no_rate_missing_of(&scope, &*view, &row.customer).await?;
        if let Some(own) = ask.own_currency() {
            row.keep_currency(own);
        }
        Ok(Some(row))
    }

    /// Stripe's customers in a customer's ledger; none where customers aren't joined (`ledger.customer_key`).
    pub async fn stripe_customers(&self, ask: &Ask, row: &CustomerRow) -> Result<Vec<String>, AskError> {
        if self.ledger.customers.customer_key.is_none() {
            return Ok(Vec::new());
        }
        let Asked { scope, view } = self.resolve_unrated(ask).await?;
        let key =
            CustomerKey { livemode: scope.livemode, account: row.account.clone(), customer: row.customer.clone() };
        let joins = Joins::current(self.store, &self.ledger.customers, view.seq()).await?;
        let mut members = joins.members_of(self.store, &key, view.seq()).await?;
        // A name that metadata gave is none of Stripe's customers.
        if members.contains(&key) {
            let own = self.store.log.customer_facts(std::slice::from_ref(&key), view.seq()).await?;
            members.retain(|member| *member != key || own.iter().any(|facts| !facts.is_empty()));
        }
        Ok(members.iter().map(|member| member.customer.to_string()).collect())
    }

    /// The invoices of a customer as the log last told them; `None` where the ledger has no customer of that id.
    pub async fn invoices(&self, ask: &Ask, id: &CustomerId) -> Result<Option<InvoiceList>, AskError> {
        let Asked { scope, view } = self.resolve_unrated(ask).await?;
        let Some(row) = self.customer_in(&scope, &*view, id).await? else { return Ok(None) };
        let key = CustomerKey { livemode: scope.livemode, account: row.account, customer: row.customer };
        let keys = match self.ledger.customers.customer_key {
            None => vec![key],
            Some(_) => {
                let joins = Joins::current(self.store, &self.ledger.customers, view.seq()).await?;
                joins.members_of(self.store, &key, view.seq()).await?
            }
        };
        let facts = self.store.log.customer_facts(&keys, view.seq()).await?;
        let mut list = InvoiceList::from_facts(facts.into_iter().flatten());
        self.name_lines(ask, &keys, &mut list.data).await?;
        Ok(Some(list))
    }

    /// The chain from event to money for a customer, or for the customer of a subscription; of one day, where asked for.
    /// `None` where the ledger has neither.
    pub async fn explain(&self, ask: &Ask, id: &str, day: Option<Day>) -> Result<Option<Explanation>, AskError> {
        let Asked { mut scope, view } = self.resolve_unrated(ask).await?;
        let (profile, zone) = (self.profile(ask)?, &self.ledger.zone);
        if let Some(day) = day {
            scope.cut = scope.cut.min(zone.end_of(day));
        }
        let customer = match self.customer_in(&scope, &*view, &id.into()).await? {
            Some(row) => Some(row),
            None => match self.store.derived.customer_of_subscription(&scope, id).await? {
                Some(customer) => self.customer_in(&scope, &*view, &customer).await?,
                None => None,
            },
        };
        let Some(mut row) = customer else { return Ok(None) };
        if let Some(own) = ask.own_currency() {
            row.keep_currency(own);
        }
        let key =
            CustomerKey { livemode: scope.livemode, account: row.account.clone(), customer: row.customer.clone() };
        let known_at = view.seq();
        let kept = self.kept(ask)?;
        let rules = self.rules(std::slice::from_ref(&kept)).await?;
        let one = std::slice::from_ref(&key);
        let Some(known) = derivation::read(self.store, &rules, one, known_at).await?.pop() else { return Ok(None) };
        let facts = known.counted(&rules.customers);
        let input = CustomerFacts { customer: &key.customer, facts: &facts, references: &known.references };
        let asked = |step: &Step| {
            let own = ask.own_currency().is_none_or(|own| step.currency.is_none_or(|currency| currency == own));
            own && step.at <= scope.cut && day.is_none_or(|day| zone.day(step.at) == day)
        };
        let failed = |reason| ReconcileError::Customer { customer: key.clone(), reason };
        let mut steps = guarded(profile, || explain(input, profile, zone)).map_err(failed)?;
        let mut missing_rate = None;
        if let Some(to) = kept.reporting {
            let converted = derivation::derive_one(&known, &rules).map_err(failed)?;
            // Movements are those of the reporting currency's ledger, with what revaluation moved, and at which rates.
            steps.retain(|step| step.stage != Stage::Movement);
            let native = guarded(profile, || ledger::derive(input, profile, zone).movements).map_err(failed)?;
            let rated = |movements: &[_]| rated(&native, movements, to, &rules.rates, zone);
            steps.extend(converted.iter().flat_map(|one| rated(&one.ledger.movements)));
            steps.extend(converted.iter().flat_map(|one| moved(&one.ledger.movements, &kept)));
            let entries = converted.iter().flat_map(|one| &one.ledger.quality);
            let unrated = entries.filter(|entry| entry.kind == QualityKind::MissingRate).min_by_key(|entry| entry.at);
            steps.extend(unrated.map(unknown));
            missing_rate = unrated.filter(|entry| entry.at <= scope.cut).map(MissingRate::from);
            steps.sort_by_key(|step| (step.at, step.stage));
        }
        steps.retain(asked);
        let events: BTreeSet<&EventId> = steps.iter().flat_map(|step| &step.events).collect();
        let variants = variants::counting(&events, &facts);
        Ok(Some(Explanation {
            profile: profile.name.as_ref().into(),
            converted: kept.reporting.is_some(),
            customer: row.customer.to_string(),
            account: row.account.as_ref().map(ToString::to_string),
            day: day.map(|day| day.to_string()),
            stripe_customers: self.stripe_customers(ask, &row).await?,
            prices: self.prices_of(&key, &facts).await?,
            // What it came to before the rate was missing is not what it comes to.
            mrr: if missing_rate.is_some() { Vec::new() } else { row.mrr.iter().map(CurrencyMrr::from).collect() },
            missing_rate,
            variants,
            steps: steps.iter().map(|step| StepEntry::from_step(step, zone)).collect(),
        }))
    }

    pub(super) async fn customer_in(
        &self,
        scope: &Scope,
        view: &dyn View,
        id: &CustomerId,
    ) -> Result<Option<CustomerRow>, AskError> {
        let mut asked = CustomersAsked::One(id.clone());
        loop {
            let rows = view.customer_page(scope, &asked, 1).await?;
            match (rows.into_iter().next(), &asked) {
                (None, CustomersAsked::One(asked_for)) if asked_for == id => {
                    let Some(joined) = self.joined(scope, view, id).await? else { return Ok(None) };
                    asked = CustomersAsked::One(joined);
                }
                (row, _) => return Ok(row),
            }
        }
    }

    /// The customer that one of Stripe's is joined to; `None` where it is at home.
    async fn joined(&self, scope: &Scope, view: &dyn View, id: &CustomerId) -> Result<Option<CustomerId>, AskError> {
        let rules = &self.ledger.customers;
        if rules.customer_key.is_none() {
            return Ok(None);
        }
        let account = scope.account.one().cloned();
        let key = CustomerKey { livemode: scope.livemode, account, customer: id.clone() };
        let joins = Joins::current(self.store, rules, view.seq()).await?;
        let ledger = joins.ledgers_of(self.store, std::slice::from_ref(&key), view.seq()).await?.pop();
        Ok(ledger.map(|ledger| ledger.customer).filter(|ledger| ledger != id))
    }
}
