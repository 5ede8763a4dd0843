//! Ledgers as the log told them up to a place: all of them derived, or only those that differ from what the rows hold.

use std::{collections::BTreeMap, sync::Arc};

use tokio::{sync::Semaphore, task::JoinSet, time::Instant};

use super::{
    ReportError,
    derivations::{Derivations, Made},
    earlier::Earlier,
    exchange::Exchange,
    memory::Memory,
    reports::{AskError, Reports},
    view::{Prefix, View},
};
use crate::{
    budget::{self, Charge, Exceeded},
    event::{CustomerKey, Seq},
    ledger::{outcome::CustomerLedger, profile::Profile, time::Day},
    limits,
    reconciler::{ReconcileError, Rules, derivation},
    store::{StoreError, derived::touched::Touched},
};

impl<'a> Reports<'a> {
    /// What rows of these profiles are derived under.
    pub(super) async fn rules(&self, profiles: &[Profile]) -> Result<Rules, AskError> {
        Ok(Rules { profiles: profiles.into(), ..Rules::load(self.ledger, &self.store.records).await? })
    }

    /// A view of ledgers derived from the log up to a place.
    pub(super) fn prefix(&self, seq: Option<Seq>, ledgers: Arc<Memory>) -> Box<dyn View + 'a> {
        Box::new(Prefix { store: self.store, ledgers, seq })
    }

    /// Derives the log up to a place, or all of it; no netting window reaches over one of `cuts`.
    ///
    /// What others derived of the same place is taken as it is; of all of the log there is no place that stays.
    pub(super) async fn derived(
        &self,
        seq: Option<Seq>,
        profile: &Profile,
        cuts: &[Day],
    ) -> Result<Arc<Memory>, AskError> {
        let rules = self.rules(std::slice::from_ref(profile)).await?;
        match (self.sharing_up_to(seq).await?, seq) {
            (Some(shared), Some(seq)) => {
                let made = Made { seq, rules: rules.fingerprint(), cuts: cuts.to_vec() };
                shared.whole.get_or_derive(made, async || self.derived_now(Some(seq), profile, rules, cuts).await).await
            }
            _ => self.derived_now(seq, profile, rules, cuts).await.map(Arc::new),
        }
    }

    /// Where what is derived of a place is shared: behind the horizon an event may still come in before it.
    pub(super) async fn sharing_up_to(&self, seq: Option<Seq>) -> Result<Option<&'a Derivations>, AskError> {
        let (Some(shared), Some(seq)) = (self.shared, seq) else { return Ok(None) };
        Ok((seq <= self.store.log.horizon().await?).then_some(shared))
    }

    async fn derived_now(
        &self,
        seq: Option<Seq>,
        profile: &Profile,
        rules: Rules,
        cuts: &[Day],
    ) -> Result<Memory, AskError> {
        // Each holds a whole ledger in memory, beside the webhooks: a few at once, and the others wait their turn.
        static DERIVED_AT_ONCE: Semaphore = Semaphore::const_new(limits::DERIVED_AT_ONCE);
        let Ok(Ok(_permit)) = tokio::time::timeout(limits::DERIVED_WAIT, DERIVED_AT_ONCE.acquire()).await else {
            let reason = "several questions about the past are being answered: ask again in a while".into();
            return Err(StoreError::Unavailable { doing: "deriving ledgers", reason }.into());
        };
        let pages = derivation::KnownAt::new(self.store, rules, seq).cut_at(cuts);
        gathered(pages, profile).await
    }

    /// A view of a profile's ledgers as the log told them up to a place: of the rows where only few customers differ from them,
    /// else of all of them, derived.
    pub(super) async fn earlier(&self, seq: Seq, profile: &Profile) -> Result<Box<dyn View + 'a>, AskError> {
        match self.exchange(seq, profile).await? {
            Some(exchange) => Ok(Box::new(Earlier::new(*self, seq, profile.clone(), exchange))),
            None => Ok(self.prefix(Some(seq), self.derived(Some(seq), profile, &[]).await?)),
        }
    }

    /// Whose rows differ from what the log told up to a place, with both; `None` where these are many, or where the rows that
    /// answer are of other rules than are asked for.
    async fn exchange(&self, seq: Seq, profile: &Profile) -> Result<Option<Arc<Exchange>>, AskError> {
        let Some(all_rules) = self.rules_of_rows(std::slice::from_ref(profile)).await? else { return Ok(None) };
        let touched = self.store.derived.touched(seq, limits::EXCHANGED_EVENTS, limits::EXCHANGED_CUSTOMERS).await?;
        let Some(touched) = touched else { return Ok(None) };
        let rules = Rules { profiles: std::slice::from_ref(profile).into(), ..all_rules };
        let Some(shared) = self.sharing_up_to(Some(seq)).await? else {
            return self.exchange_now(seq, profile, rules, touched).await.map(|exchange| Some(Arc::new(exchange)));
        };
        let made = (Made { seq, rules: rules.fingerprint(), cuts: Vec::new() }, touched.rows);
        let derive = async || self.exchange_now(seq, profile, rules, touched).await;
        shared.exchanges.get_or_derive(made, derive).await.map(Some)
    }

    /// The rules under which the rows that answer were derived; `None` where these aren't those of now, or where one of
    /// `profiles` isn't kept in rows.
    pub(super) async fn rules_of_rows(&self, profiles: &[Profile]) -> Result<Option<Rules>, AskError> {
        let kept = self.all_kept();
        if !profiles.iter().all(|profile| kept.contains(profile)) {
            return Ok(None);
        }
        let rules = Rules::load(self.ledger, &self.store.records).await?;
        let current = self.store.derived.generations().await?.into_iter().find(|generation| generation.current);
        Ok(current.filter(|current| current.fingerprint == rules.fingerprint()).map(|_| rules))
    }

    async fn exchange_now(
        &self,
        seq: Seq,
        profile: &Profile,
        rules: Rules,
        touched: Touched,
    ) -> Result<Exchange, AskError> {
        let Touched { rows, customers } = touched;
        let pages = || customers.chunks(limits::CUSTOMERS_BESIDE).map(<[CustomerKey]>::to_vec);
        let as_they_stand = pages().map(|page| {
            let (derived, name) = (self.store.derived.clone(), profile.name.clone());
            async move { Ok(derived.ledgers_of_customers(rows.generation, &name, &page).await?) }
        });
        let as_told = pages().map(|page| {
            let (store, rules) = (self.store.clone(), rules.clone());
            async move {
                let mut pages = derivation::KnownAt::new(&store, rules, Some(seq)).of_customers(page);
                let mut customers = Vec::new();
                while let Some(page) = pages.next_page().await? {
                    customers.extend(firsts(page));
                }
                Ok(customers)
            }
        });
        // Rows are read while the log is read and derived, some pages of both beside each other.
        let (now, then) = tokio::try_join!(beside(as_they_stand, profile), beside(as_told, profile))?;
        Ok(Exchange { rows, customers: customers.into_iter().collect(), now, then })
    }
}

/// All pages of one profile's ledgers. A question for which these are too many is told so before its time is over: asked again it would
/// take as long.
async fn gathered(mut pages: derivation::KnownAt<'_>, profile: &Profile) -> Result<Memory, AskError> {
    let mut customers: Vec<(CustomerKey, CustomerLedger)> = Vec::new();
    let mut charge = Charge::begin();
    let until = budget::current().map(|_| Instant::now() + limits::DERIVING_TIME);
    while let Some(page) = pages.next_page().await? {
        let bytes = page.iter().flat_map(|(_, ledgers)| ledgers).map(CustomerLedger::bytes_held).sum();
        let far = |exceeded| ReportError::FarBack { customers: customers.len(), exceeded };
        charge.add(bytes).map_err(far)?;
        if until.is_some_and(|until| Instant::now() > until) {
            return Err(far(Exceeded::late()).into());
        }
        customers.extend(firsts(page));
    }
    Ok(Memory::charged(profile.name.clone(), customers, charge))
}

/// The ledgers of the one profile that was asked for.
fn firsts(page: Vec<(CustomerKey, Vec<CustomerLedger>)>) -> impl Iterator<Item = (CustomerKey, CustomerLedger)> {
    page.into_iter().filter_map(|(key, ledgers)| Some((key, ledgers.into_iter().next()?)))
}

/// Pages of a profile's ledgers in the order of `works`, some of which are done at once.
async fn beside<F>(works: impl Iterator<Item = F>, profile: &Profile) -> Result<Memory, AskError>
where
    F: Future<Output = Result<Vec<(CustomerKey, CustomerLedger)>, AskError>> + Send + 'static,
{
    let (mut works, mut tasks, mut pages) = (works.enumerate(), JoinSet::new(), BTreeMap::new());
    let mut charge = Charge::begin();
    loop {
        while tasks.len() < limits::PAGES_BESIDE
            && let Some((place, work)) = works.next()
        {
            budget::spawn(&mut tasks, async move { (place, work.await) });
        }
        let Some(ended) = tasks.join_next().await else { break };
        let (place, page) = ended.map_err(|error| ReconcileError::Worker(error.to_string()))?;
        let page = page?;
        charge.add(page.iter().map(|(_, ledger)| ledger.bytes_held()).sum()).map_err(ReportError::from)?;
        pages.insert(place, page);
    }
    Ok(Memory::charged(profile.name.clone(), pages.into_values().flatten().collect(), charge))
}
