//! What products and prices are called, beside their ids in reports: as the log last told it, for all history.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    ask::Ask,
    explain::PriceCalled,
    invoices::InvoiceEntry,
    movements::MovementEntry,
    mrr::MrrEntry,
    reports::{AskError, Reports},
};
use crate::{
    event::CustomerKey,
    ledger::{
        fact::{Fact, Price, State},
        ids::AccountId,
        time::UnixTime,
    },
    store::derived::reports::AccountScope,
};

/// Names by id; an object without one isn't in it.
#[derive(Clone, Debug, Default)]
pub struct Called {
    products: BTreeMap<Arc<str>, (UnixTime, Arc<str>)>,
    prices: BTreeMap<Arc<str>, (UnixTime, Arc<str>)>,
}

/// Customers whose facts are read for the nicknames that no `price.*` event tells: enough for a page, and bounded.
const HOLDERS_MAX: usize = 200;

impl Called {
    fn take(&mut self, fact: &Fact) {
        let newest = |names: &mut BTreeMap<Arc<str>, (UnixTime, Arc<str>)>, id: &str, name: &Option<Arc<str>>| {
            let Some(name) = name.as_ref().filter(|name| !name.trim().is_empty()) else { return };
            let told = names.entry(id.into()).or_insert_with(|| (fact.at, name.clone()));
            // The later saying holds; of one second the larger, whatever order they are read in.
            if (told.0, &told.1) < (fact.at, name) {
                *told = (fact.at, name.clone());
            }
        };
        let mut price = |price: &Price| newest(&mut self.prices, price.id.as_str(), &price.nickname);
        match &fact.state {
            State::Price(told) => price(told),
            State::Subscription { before, after } => {
                let states = before.as_deref().into_iter().chain([&**after]);
                states.flat_map(|state| &state.items).for_each(|item| price(&item.price));
            }
            State::Product(product) => newest(&mut self.products, product.id.as_str(), &product.name),
            _ => {}
        }
    }

    pub(super) fn product(&self, id: Option<&str>) -> Option<String> {
        self.products.get(id?).map(|(_, name)| name.as_ref().to_owned())
    }

    pub(super) fn price(&self, id: &str) -> Option<String> {
        self.prices.get(id).map(|(_, name)| name.as_ref().to_owned())
    }
}

impl Reports<'_> {
    /// What these products and prices are called; prices that no event of their own tells of are read off `holders`.
    pub(super) async fn called(
        &self,
        livemode: bool,
        account: &AccountScope,
        ids: &BTreeSet<String>,
        holders: &[CustomerKey],
    ) -> Result<Called, AskError> {
        let mut called = Called::default();
        if ids.is_empty() {
            return Ok(called);
        }
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let accounts: BTreeSet<Option<AccountId>> = match account {
            AccountScope::One(account) => [account.clone()].into(),
            AccountScope::All => holders.iter().map(|key| key.account.clone()).chain([None]).collect(),
        };
        for account in &accounts {
            for fact in self.store.log.reference_facts(livemode, account.as_ref(), &ids, None).await? {
                called.take(&fact);
            }
        }
        let holders: BTreeSet<&CustomerKey> = holders.iter().collect();
        let holders: Vec<CustomerKey> = holders.into_iter().take(HOLDERS_MAX).cloned().collect();
        for facts in self.store.log.customer_facts(&holders, None).await? {
            facts.iter().for_each(|fact| called.take(fact));
        }
        Ok(called)
    }

    /// What the prices that a customer's subscriptions name, and their products, are called.
    pub(super) async fn prices_of(&self, key: &CustomerKey, facts: &[Fact]) -> Result<Vec<PriceCalled>, AskError> {
        let mut prices: BTreeMap<&str, Option<&str>> = BTreeMap::new();
        for fact in facts {
            let State::Subscription { before, after } = &fact.state else { continue };
            for item in before.as_deref().into_iter().chain([&**after]).flat_map(|state| &state.items) {
                let product = prices.entry(item.price.id.as_str()).or_default();
                *product = product.or(item.price.product.as_ref().map(|product| product.as_str()));
            }
        }
        let ids = prices.iter().flat_map(|(price, product)| [Some(*price), *product]).flatten().map(str::to_owned);
        let account = AccountScope::One(key.account.clone());
        let called = self.called(key.livemode, &account, &ids.collect(), std::slice::from_ref(key)).await?;
        let named = prices.into_iter().map(|(price, product)| PriceCalled {
            price: price.to_owned(),
            price_name: called.price(price),
            product: product.map(str::to_owned),
            product_name: called.product(product),
        });
        Ok(named.collect())
    }

    /// Gives the sides of movements the names of their products and prices.
    pub async fn name_movements(&self, ask: &Ask, entries: &mut [MovementEntry]) -> Result<(), AskError> {
        let livemode = self.livemode(ask).await?;
        let mut ids = BTreeSet::new();
        let mut holders: BTreeMap<String, CustomerKey> = BTreeMap::new();
        for entry in &*entries {
            let key = || CustomerKey {
                livemode,
                account: entry.account.as_deref().map(Into::into),
                customer: entry.customer.as_str().into(),
            };
            for side in entry.parts.iter().flat_map(|part| part.before.iter().chain(&part.after)) {
                ids.extend(side.product.clone());
                ids.insert(side.price.clone());
                holders.entry(side.price.clone()).or_insert_with(key);
            }
        }
        let holders: Vec<CustomerKey> = holders.into_values().collect();
        let called = self.called(livemode, &ask.account, &ids, &holders).await?;
        for part in entries.iter_mut().flat_map(|entry| &mut entry.parts) {
            for side in part.before.iter_mut().chain(&mut part.after) {
                side.product_name = called.product(side.product.as_deref());
                side.price_name = called.price(&side.price);
            }
        }
        Ok(())
    }

    /// Gives the lines of a customer's invoices the names of their products and prices.
    pub(super) async fn name_lines(
        &self,
        ask: &Ask,
        holders: &[CustomerKey],
        invoices: &mut [InvoiceEntry],
    ) -> Result<(), AskError> {
        let livemode = self.livemode(ask).await?;
        let lines = invoices.iter().flat_map(|invoice| &invoice.lines);
        let ids = lines.flat_map(|line| [line.product.clone(), line.price.clone()]).flatten().collect();
        let called = self.called(livemode, &ask.account, &ids, holders).await?;
        for line in invoices.iter_mut().flat_map(|invoice| &mut invoice.lines) {
            line.product_name = called.product(line.product.as_deref());
            line.price_name = line.price.as_deref().and_then(|price| called.price(price));
        }
        Ok(())
    }

    /// Gives the groups of a breakdown by product or by price their names.
    pub(super) async fn name_groups(
        &self,
        ask: &Ask,
        livemode: bool,
        holders: &[CustomerKey],
        entries: &mut [MrrEntry],
        by_price: bool,
    ) -> Result<(), AskError> {
        let ids: BTreeSet<String> = entries.iter().filter_map(|entry| entry.group.clone().flatten()).collect();
        let called = self.called(livemode, &ask.account, &ids, holders).await?;
        for entry in entries {
            let id = entry.group.as_ref().and_then(Option::as_deref);
            if by_price {
                entry.price_name = id.and_then(|id| called.price(id));
            } else {
                entry.product_name = called.product(id);
            }
        }
        Ok(())
    }
}
