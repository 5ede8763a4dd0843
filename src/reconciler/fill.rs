//! Filling a new generation: all customers in the order of their keys, several pages under way at once.
//!
//! Nobody reads or advances the generation meanwhile, so nothing is marked and nothing deleted, and memory holds a few
//! pages whatever the log's length. What the log gets while this goes on is caught up with afterwards, as after any rest.

use std::{collections::VecDeque, sync::Arc};

use tokio::{sync::watch, task::JoinHandle};

use crate::{
    limits,
    store::{CustomerKey, Filled, Store, StoreError},
};

use super::{
    ReconcileError, Reconciler, Rules,
    derivation::{derive_one, read},
    lease::Lease,
    planned,
    work::Reached,
};

/// What became of a page: how many customers are done, and which are left to [`super::work::Work`], which tells why.
type Page = Result<(usize, Vec<CustomerKey>), ReconcileError>;

/// Pages that are being read, derived or written; those not yet done end with this.
#[derive(Default)]
struct UnderWay(VecDeque<JoinHandle<Page>>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

impl Reconciler {
    /// Fills the empty `generation` with everything the log holds now. False when the lease went to somebody else.
    pub(super) async fn fill(
        &self,
        generation: i64,
        lease: &mut Lease,
        stop: &watch::Receiver<bool>,
        progress: &mut (dyn FnMut(Reached) + Send),
    ) -> Result<bool, ReconcileError> {
        let horizon = self.store.horizon().await?;
        let (mut under_way, mut left_out) = (UnderWay::default(), Vec::new());
        let mut reached = Reached::default();
        let mut after: Option<CustomerKey> = None;
        let mut more = true;
        while more || !under_way.0.is_empty() {
            if *stop.borrow() {
                return Err(ReconcileError::Stopped);
            }
            if !lease.hold(self).await? {
                return Ok(false);
            }
            // One page more than threads: while these derive, it is read or written.
            while more && under_way.0.len() <= self.workers {
                let page = self.store.customers(after.as_ref(), limits::FILL_PAGE, Some(horizon)).await?;
                match page.last() {
                    Some(last) => after = Some(last.clone()),
                    None => {
                        more = false;
                        break;
                    }
                }
                let (store, rules) = (self.store.clone(), self.rules.clone());
                under_way.0.push_back(tokio::spawn(fill_page(store, rules, generation, page)));
            }
            if let Some(page) = under_way.0.front_mut() {
                let (done, failed) = page.await.map_err(|error| ReconcileError::Worker(error.to_string()))??;
                under_way.0.pop_front();
                left_out.extend(failed);
                reached.customers_done += done as u64;
                progress(reached);
            }
        }
        self.store.filled(generation, horizon, &left_out).await?;
        Ok(true)
    }
}

/// Fills one page; when something of it can't be read or kept, one customer at a time, to leave out only that one.
async fn fill_page(store: Store, rules: Arc<Rules>, generation: i64, page: Vec<CustomerKey>) -> Page {
    match fill_together(&store, &rules, generation, page.clone()).await {
        Err(ReconcileError::Store(StoreError::Corrupt { .. })) => {}
        other => return other,
    }
    let (mut done, mut left_out) = (0, Vec::new());
    for key in page {
        match fill_together(&store, &rules, generation, vec![key.clone()]).await {
            Ok((one, failed)) => {
                done += one;
                left_out.extend(failed);
            }
            Err(ReconcileError::Store(StoreError::Corrupt { .. })) => left_out.push(key),
            Err(error) => return Err(error),
        }
    }
    Ok((done, left_out))
}

async fn fill_together(store: &Store, rules: &Arc<Rules>, generation: i64, page: Vec<CustomerKey>) -> Page {
    let known = read(store, rules, &page, None).await?;
    let deriving = tokio::task::spawn_blocking({
        let rules = rules.clone();
        move || {
            let (mut batch, mut left_out) = (Vec::with_capacity(page.len()), Vec::new());
            // A customer of facts that a newer normaliser reads as somebody else's is nobody.
            for (key, known) in page.into_iter().zip(known).filter(|(_, known)| !known.facts.is_empty()) {
                match derive_one(&known, &rules) {
                    Ok(derived) => batch.push(Filled { key, references: known.named, derived }),
                    Err(_) => left_out.push(key),
                }
            }
            (batch, left_out)
        }
    });
    let (batch, left_out) = deriving.await.map_err(|error| ReconcileError::Worker(error.to_string()))?;
    store.plan().pass(planned::BEFORE_REPLACE).await?;
    store.fill(generation, &batch).await?;
    store.plan().pass(planned::AFTER_REPLACE).await?;
    Ok((batch.len(), left_out))
}
