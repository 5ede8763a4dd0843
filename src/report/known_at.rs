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
        derived::{GenerationId, digests::KeptDigest, touched::Touched},
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
            let exchange = self.exchange_now(seq, profile, rules, touched, None).await?;
            return Ok(Some(Arc::new(exchange)));
        };
        let made = (Made { seq, rules: rules.fingerprint(), cuts: Vec::new() }, touched.rows);
        // While webhooks come, each question finds rows in another state, and all but few customers as they were.
        let before = shared.exchanges.near(|(place, _)| *place == made.0);
        let derive = async || self.exchange_now(seq, profile, rules, touched, before).await;
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
        before: Option<Arc<Exchange>>,
    ) -> Result<Exchange, AskError> {
        let (Touched { rows, customers }, rules) = (touched, Arc::new(rules));
        let unchanged = match before {
            Some(before) => self.unchanged(&before, (rows.generation, &profile.name), &customers).await?,
            None => ThenAndInRows::default(),
        };
        let others: Vec<CustomerKey> =
            customers.iter().filter(|key| !unchanged.digests.contains_key(key)).cloned().collect();
        let pages = others.chunks(limits::CUSTOMERS_BESIDE).map(|page| {
            let (store, rules, name, page) = (self.store.clone(), rules.clone(), profile.name.clone(), page.to_vec());
            async move { then_and_as_in_rows(&store, &rules, seq, (rows.generation, &name), page).await }
        });
        let (ThenAndInRows { then, now, digests }, charge) = beside(pages, unchanged).await?;
        // One charge for both: they are let go together.
        let [then, now] = [(then, charge), (now, Charge::default())]
            .map(|(ledgers, charge)| Memory::charged(profile.name.clone(), ledgers, charge));
        Ok(Exchange { rows, customers: customers.into_iter().collect(), now, then, digests })
    }

    /// Of an exchange that was made of the same place before, what still holds of these customers: those whose rows come to what they
    /// came to then. What the log told up to the place stays as it is.
    async fn unchanged(
        &self,
        before: &Exchange,
        (generation, profile): (GenerationId, &str),
        customers: &[CustomerKey],
    ) -> Result<ThenAndInRows, AskError> {
        let were = before.now.customers.iter().filter(|(key, _)| customers.binary_search(key).is_ok());
        let were: Vec<_> =
            were.filter_map(|(key, ledger)| Some((key.clone(), ledger.clone(), *before.digests.get(key)?))).collect();
        let (now, _) = self.store.derived.as_in_rows(generation, profile, Vec::new(), were).await?;
        let digests: BTreeMap<_, _> = now.iter().map(|(key, _, digest)| (key.clone(), *digest)).collect();
        let then = before.then.customers.iter().filter(|(key, _)| digests.contains_key(key)).cloned().collect();
        Ok(ThenAndInRows { then, now: now.into_iter().map(|(key, ledger, _)| (key, ledger)).collect(), digests })
    }
}

/// Some customers' ledgers.
type Page = Vec<(CustomerKey, CustomerLedger)>;

/// Customers as the log told them up to a place and as the rows hold them, with the digests of the latter where these are known.
#[derive(Default)]
struct ThenAndInRows {
    then: Page,
    now: Page,
    digests: BTreeMap<CustomerKey, KeptDigest>,
}

impl ThenAndInRows {
    fn bytes(&self) -> usize {
        self.then.iter().chain(&self.now).map(|(_, ledger)| ledger.bytes_held()).sum()
    }

    fn add(&mut self, others: Self) {
        self.then.extend(others.then);
        self.now.extend(others.now);
        self.digests.extend(others.digests);
    }
}

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

/// Of a page of customers the ledgers as the log told them up to a place, and those that the rows hold.
///
/// The log tells what the rows hold as well: as long as the digests kept of them say so, nothing is read of the rows, which lie in
/// more tables and come one by one.
async fn then_and_as_in_rows(
    store: &ReadStore,
    rules: &Arc<Rules>,
    place: Seq,
    (generation, profile): (GenerationId, &str),
    page: Vec<CustomerKey>,
) -> Result<ThenAndInRows, AskError> {
    let ThenAndNow { then, now } = known_at::then_and_now(store, rules.clone(), page.clone(), place).await?;
    let (in_rows, doubtful) = store.derived.as_in_rows(generation, profile, page, now).await?;
    let mut exchanged = ThenAndInRows { then, ..ThenAndInRows::default() };
    for (key, ledger, digest) in in_rows {
        exchanged.digests.insert(key.clone(), digest);
        exchanged.now.push((key, ledger));
    }
    if !doubtful.is_empty() {
        exchanged.now.extend(store.derived.ledgers_of_customers(generation, profile, &doubtful).await?);
    }
    Ok(exchanged)
}

/// What `works` make of each page beside what is there already, in the order of keys, and what it costs the question; some pages are
/// made at once.
async fn beside<F>(
    mut works: impl Iterator<Item = F>,
    mut all: ThenAndInRows,
) -> Result<(ThenAndInRows, Charge), AskError>
where
    F: Future<Output = Result<ThenAndInRows, AskError>> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    let mut charge = Charge::begin();
    charge.add(all.bytes()).map_err(ReportError::from)?;
    loop {
        while tasks.len() < limits::PAGES_BESIDE
            && let Some(work) = works.next()
        {
            budget::spawn(&mut tasks, work);
        }
        let Some(ended) = tasks.join_next().await else { break };
        let page = ended.map_err(|error| ReconcileError::Worker(error.to_string()))??;
        charge.add(page.bytes()).map_err(ReportError::from)?;
        all.add(page);
    }
    for ledgers in [&mut all.then, &mut all.now] {
        ledgers.sort_by(|(one, _), (other, _)| one.cmp(other));
    }
    Ok((all, charge))
}
