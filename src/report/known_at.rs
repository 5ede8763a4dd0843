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
    reconciler::{
        ReconcileError, Rules,
        known_at::{self, ThenAndNow},
    },
    store::{
        ReadStore, StoreError,
        derived::{GenerationId, touched::Touched},
    },
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
        let pages = known_at::KnownAt::new(self.store, rules, seq).cut_at(cuts);
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
        let (Touched { rows, customers }, rules) = (touched, Arc::new(rules));
        let pages = customers.chunks(limits::CUSTOMERS_BESIDE).map(|page| {
            let (store, rules, name, page) = (self.store.clone(), rules.clone(), profile.name.clone(), page.to_vec());
            async move { then_and_as_in_rows(&store, &rules, seq, (rows.generation, &name), page).await }
        });
        let [then, now] = beside(pages, profile).await?;
        Ok(Exchange { rows, customers: customers.into_iter().collect(), now, then })
    }
}

/// Some customers' ledgers.
type Page = Vec<(CustomerKey, CustomerLedger)>;

/// All pages of one profile's ledgers. A question for which these are too many is told so before its time is over: asked again it would
/// take as long.
async fn gathered(mut pages: known_at::KnownAt<'_>, profile: &Profile) -> Result<Memory, AskError> {
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

/// Of a page of customers the ledgers as the log told them up to a place, and those that the rows hold, both in the order of keys.
///
/// The log tells what the rows hold as well: as long as the digests kept of them say so, nothing is read of the rows, which lie in
/// more tables and come one by one.
async fn then_and_as_in_rows(
    store: &ReadStore,
    rules: &Arc<Rules>,
    place: Seq,
    (generation, profile): (GenerationId, &str),
    page: Vec<CustomerKey>,
) -> Result<[Page; 2], AskError> {
    let ThenAndNow { then, now } = known_at::then_and_now(store, rules.clone(), page.clone(), place).await?;
    let (mut in_rows, doubtful) = store.derived.as_in_rows(generation, profile, page, now).await?;
    if !doubtful.is_empty() {
        in_rows.extend(store.derived.ledgers_of_customers(generation, profile, &doubtful).await?);
        in_rows.sort_by(|(one, _), (other, _)| one.cmp(other));
    }
    Ok([then, in_rows])
}

/// The two kinds of ledgers that `works` make of each page, in their order; some pages are made at once.
async fn beside<F>(works: impl Iterator<Item = F>, profile: &Profile) -> Result<[Memory; 2], AskError>
where
    F: Future<Output = Result<[Page; 2], AskError>> + Send + 'static,
{
    let (mut works, mut tasks, mut made) = (works.enumerate(), JoinSet::new(), BTreeMap::new());
    let mut charges = [Charge::begin(), Charge::begin()];
    loop {
        while tasks.len() < limits::PAGES_BESIDE
            && let Some((place, work)) = works.next()
        {
            budget::spawn(&mut tasks, async move { (place, work.await) });
        }
        let Some(ended) = tasks.join_next().await else { break };
        let (place, pages) = ended.map_err(|error| ReconcileError::Worker(error.to_string()))?;
        let pages = pages?;
        for (page, charge) in pages.iter().zip(&mut charges) {
            charge.add(page.iter().map(|(_, ledger)| ledger.bytes_held()).sum()).map_err(ReportError::from)?;
        }
        made.insert(place, pages);
    }
    let mut whole = [Page::new(), Page::new()];
    for pages in made.into_values() {
        whole.iter_mut().zip(pages).for_each(|(whole, page)| whole.extend(page));
    }
    let ([then, now], [of_then, of_now]) = (whole, charges);
    let memory = |ledgers, charge| Memory::charged(profile.name.clone(), ledgers, charge);
    Ok([memory(then, of_then), memory(now, of_now)])
}
