//! Filling a new generation: all customers in the order of their keys, several pages under way at once.
//!
//! Nobody reads or advances the generation meanwhile, so nothing is marked and nothing deleted, and memory holds a few
//! pages whatever the log's length. What the log gets while this goes on is caught up with afterwards, as after any rest.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{sync::watch, task::JoinHandle};

use crate::{
    background::Lease,
    event::{CustomerKey, Seq},
    limits,
    store::{
        Store, StoreError,
        derived::{Filled, GenerationId, day_sums::DaySums},
    },
};

use super::{
    ReconcileError, Reconciler, Rules,
    catalogue::Catalogue,
    derivation::{derive_one, read_with},
    joining::{self, Joins},
    planned,
    work::Reached,
};

/// Batches under way at once: one that the database writes, and the next, whose rows are made meanwhile.
const WRITES: usize = 2;

/// A page's customers with their rows, and those that are left to [`super::work::Work`], which tells why.
type Page = Result<(Vec<Filled>, Vec<CustomerKey>), ReconcileError>;

/// What became of rows to be written.
#[derive(Default)]
struct Written {
    /// How many customers'.
    done: usize,
    left_out: Vec<CustomerKey>,
}

/// The sums that customers of rows that are written share, and that aren't written themselves yet.
#[derive(Clone, Default)]
struct Owed(Arc<Mutex<DaySums>>);

impl Owed {
    fn with<T>(&self, work: impl FnOnce(&mut DaySums) -> T) -> T {
        // A panic while something is added ends the whole filling.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// All of them, to be written.
    fn take(&self) -> DaySums {
        self.with(std::mem::take)
    }
}

/// What is being read, derived or written; what isn't done ends with this.
struct UnderWay<T>(VecDeque<JoinHandle<Result<T, ReconcileError>>>);

impl<T: Send + 'static> UnderWay<T> {
    fn begin(&mut self, task: impl Future<Output = Result<T, ReconcileError>> + Send + 'static) {
        self.0.push_back(tokio::spawn(task));
    }

    /// What the first of them came to; `None` when there is none.
    async fn first(&mut self) -> Result<Option<T>, ReconcileError> {
        let Some(task) = self.0.front_mut() else { return Ok(None) };
        let done = task.await.map_err(|error| ReconcileError::Worker(error.to_string()));
        self.0.pop_front();
        done?.map(Some)
    }
}

impl<T> Drop for UnderWay<T> {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

impl Reconciler {
    /// Fills the empty `generation` with everything the log holds now. False when the lease went to somebody else.
    pub(super) async fn fill(
        &self,
        generation: GenerationId,
        lease: &mut Lease,
        stop: &watch::Receiver<bool>,
        progress: &mut (dyn FnMut(Reached) + Send),
    ) -> Result<bool, ReconcileError> {
        let horizon = self.store.log.horizon().await?;
        if horizon == Seq::START && self.store.log.end().await? > Seq::START {
            // An append hangs, and this process knows no older end: what is filled now would answer as if there were nothing.
            let reason = "an append has been under way for too long to tell the log's end".into();
            return Err(StoreError::Unavailable { doing: "filling a generation", reason }.into());
        }
        while !joining::step(self.store.reader(), generation, horizon).await? {
            if *stop.borrow() {
                return Err(ReconcileError::Stopped);
            }
            if !lease.hold(&self.store.records).await? {
                return Ok(false);
            }
        }
        let joins = Joins::in_generation(&self.rules.customers, generation);
        let (mut pages, mut writes) = (UnderWay(VecDeque::new()), UnderWay::<Written>(VecDeque::new()));
        let (mut batch, mut left_out) = (Vec::new(), Vec::new());
        let (mut reached, owed) = (Reached::default(), Owed::default());
        // Facts that come while it is used are after the horizon: whom they touch is caught up with.
        let catalogue = Catalogue::up_to(horizon);
        let mut after: Option<CustomerKey> = None;
        let mut more = true;
        loop {
            if *stop.borrow() {
                return Err(ReconcileError::Stopped);
            }
            if !lease.hold(&self.store.records).await? {
                return Ok(false);
            }
            // One page more than threads: while these derive, it is read.
            while more && pages.0.len() <= self.workers {
                let page = joins.ledgers(self.store.reader(), after.as_ref(), limits::FILL_PAGE, Some(horizon)).await?;
                match page.last() {
                    Some(last) => after = Some(last.clone()),
                    None => {
                        more = false;
                        break;
                    }
                }
                let (store, rules) = (self.store.clone(), self.rules.clone());
                pages.begin(derive_page(generation, store, rules, catalogue.clone(), page));
            }
            let page = pages.first().await?;
            let over = page.is_none();
            if let Some((derived, failed)) = page {
                batch.extend(derived);
                left_out.extend(failed);
            }
            let told = catalogue.told(if over { 0 } else { limits::TOLD_TERMS });
            if !told.is_empty() {
                self.store.derived.tell(generation, &told).await?;
            }
            if batch.iter().map(Filled::rows).sum::<usize>() >= limits::FILL_ROWS || over {
                // While one is written the next is made ready: memory holds no more than three batches.
                while over || writes.0.len() >= WRITES {
                    let Some(written) = writes.first().await? else { break };
                    left_out.extend(written.left_out);
                    if owed.with(|sums| sums.len()) > limits::FILL_SUMS {
                        self.store.derived.fill_sums(generation, owed.take()).await?;
                    }
                    reached.customers_done += written.done as u64;
                    progress(reached);
                }
                if over && batch.is_empty() {
                    break;
                }
                writes.begin(write(self.store.clone(), generation, std::mem::take(&mut batch), owed.clone()));
            }
        }
        self.store.derived.fill_sums(generation, owed.take()).await?;
        self.store.derived.filled(generation, horizon, &left_out, &catalogue.lacking()).await?;
        Ok(true)
    }
}

/// Derives one page; when something of it can't be read, one customer at a time, to leave out only that one.
async fn derive_page(
    generation: GenerationId,
    store: Store,
    rules: Arc<Rules>,
    catalogue: Catalogue,
    page: Vec<CustomerKey>,
) -> Page {
    let joins = Joins::in_generation(&rules.customers, generation);
    match derive_together(joins, &store, &rules, &catalogue, page.clone()).await {
        Err(ReconcileError::Store(StoreError::Corrupt { .. })) => {}
        other => return other,
    }
    let (mut batch, mut left_out) = (Vec::new(), Vec::new());
    for key in page {
        match derive_together(joins, &store, &rules, &catalogue, vec![key.clone()]).await {
            Ok((one, failed)) => {
                batch.extend(one);
                left_out.extend(failed);
            }
            Err(ReconcileError::Store(StoreError::Corrupt { .. })) => left_out.push(key),
            Err(error) => return Err(error),
        }
    }
    Ok((batch, left_out))
}

async fn derive_together(
    joins: Joins,
    store: &Store,
    rules: &Arc<Rules>,
    catalogue: &Catalogue,
    page: Vec<CustomerKey>,
) -> Page {
    let known = read_with(joins, store.reader(), rules, &page, None, Some(catalogue)).await?;
    let (rules, heard) = (rules.clone(), catalogue.clone());
    let deriving = tokio::task::spawn_blocking(move || {
        let (mut batch, mut left_out) = (Vec::with_capacity(page.len()), Vec::new());
        // A customer of facts that a newer normaliser reads as somebody else's is nobody.
        for (key, known) in page.into_iter().zip(known).filter(|(_, known)| !known.facts.is_empty()) {
            heard.lack(&key, &known.lacking);
            match derive_one(&known, &rules) {
                Ok(derived) if known.members.is_empty() => {
                    batch.push(Filled { key, references: known.named, derived });
                }
                Ok(derived) => {
                    batch.push(Filled { key, references: Vec::new(), derived });
                    // What they name stays theirs when they move to another ledger.
                    batch.extend(known.members.into_iter().map(|member| Filled {
                        key: member.key,
                        references: member.named,
                        derived: Vec::new(),
                    }));
                }
                Err(_) => left_out.push(key),
            }
        }
        (batch, left_out)
    });
    deriving.await.map_err(|error| ReconcileError::Worker(error.to_string()))
}

/// Writes a batch in one transaction; when something of it can't be kept, one customer at a time. Adds its days to `owed`.
async fn write(
    store: Store,
    generation: GenerationId,
    batch: Vec<Filled>,
    owed: Owed,
) -> Result<Written, ReconcileError> {
    store.plan().pass(planned::BEFORE_REPLACE).await?;
    let batch: Arc<[Filled]> = batch.into();
    // The days are summed while the database writes.
    let summing = batch.iter().all(Filled::fits).then(|| {
        let (batch, owed) = (batch.clone(), owed.clone());
        tokio::task::spawn_blocking(move || owed.with(|sums| batch.iter().try_for_each(|one| sums.add_shared(one))))
    });
    let filled = store.derived.fill(generation, &batch).await;
    let summed = summing.is_some();
    if let Some(summing) = summing {
        summing.await.map_err(|error| ReconcileError::Worker(error.to_string()))??;
    }
    let mut written = Written::default();
    match filled {
        Err(StoreError::Corrupt { .. }) => {
            for one in &*batch {
                match store.derived.fill(generation, std::slice::from_ref(one)).await {
                    Err(StoreError::Corrupt { .. }) => {
                        written.left_out.push(one.key.clone());
                        if summed {
                            owed.with(|sums| sums.take_shared(one))?;
                        }
                    }
                    other => {
                        other?;
                        written.done += usize::from(!one.derived.is_empty());
                        if !summed {
                            owed.with(|sums| sums.add_shared(one))?;
                        }
                    }
                }
            }
        }
        other => {
            other?;
            written.done = batch.iter().filter(|one| !one.derived.is_empty()).count();
        }
    }
    store.plan().pass(planned::AFTER_REPLACE).await?;
    Ok(written)
}
