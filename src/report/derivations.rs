//! What was derived of a place of the log for one question, given to all who ask the same: a page asks several questions at
//! once, and each would derive every customer. What is kept is bounded in bytes and in time.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use tokio::{sync::OnceCell, time::Instant};

use super::{
    comparing::{Asked, Comparing},
    exchange::Exchange,
    memory::Memory,
};
use crate::{
    budget::Budget, event::Seq, ledger::time::Day, limits, report::ReportError, store::derived::touched::RowsState,
};

/// What ledgers are a function of: the log is append-only, so the same place under the same rules gives the same ledgers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Made {
    /// The last place of the log they tell of.
    pub(super) seq: Seq,
    /// The fingerprint of the rules, the profile's knobs among them.
    pub(super) rules: String,
    /// No netting window reaches over one of these days.
    pub(super) cuts: Vec<Day>,
}

/// What is kept for a while. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Derivations {
    /// All ledgers of a place.
    pub(super) whole: Shelf<Made, Memory>,
    /// Those that differ from the rows, in one state of these.
    pub(super) exchanges: Shelf<(Made, RowsState), Exchange>,
    /// Customers compared under profiles that aren't kept, as far as questions have come.
    pub(super) comparing: Shelf<(Made, Asked), Comparing>,
}

/// What takes room while it is kept.
pub(super) trait Held: Send + Sync + 'static {
    /// How many bytes it takes in memory, about.
    fn bytes(&self) -> usize;

    /// The same, no longer counted as what a question holds: what is kept has a bound of its own.
    fn kept(self) -> Self;
}

/// Some of a kind, by what they are made of; who was asked for last stands last.
#[derive(Debug)]
pub(super) struct Shelf<M, T>(Arc<Mutex<VecDeque<Kept<M, T>>>>);

#[derive(Debug)]
struct Kept<M, T> {
    made: M,
    value: Arc<OnceCell<Arc<T>>>,
    asked: Instant,
}

impl<M, T> Clone for Shelf<M, T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<M, T> Default for Shelf<M, T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<M: Clone + PartialEq + Send + 'static, T: Held> Shelf<M, T> {
    /// What is made of `made`; where nobody has it, `derive` makes it while others wait, as a question of its own.
    pub(super) async fn get_or_derive<D, E>(&self, made: M, derive: D) -> Result<Arc<T>, E>
    where
        D: AsyncFnOnce() -> Result<T, E>,
        E: From<ReportError>,
    {
        let cell = self.cell(&made);
        let derived = cell
            .get_or_try_init(async || {
                let derived = Budget::begin().answer(derive()).await.map_err(ReportError::from)??;
                let is_kept = derived.bytes() <= limits::KEPT_LEDGERS_BYTES;
                Ok(Arc::new(if is_kept { derived.kept() } else { derived }))
            })
            .await;
        if derived.is_ok() {
            self.keep_within_bounds();
        }
        derived.cloned()
    }

    /// What was made last of something that `is_near`, whoever else asks for it.
    pub(super) fn near(&self, is_near: impl Fn(&M) -> bool) -> Option<Arc<T>> {
        self.held().iter().rev().filter(|kept| is_near(&kept.made)).find_map(|kept| kept.value.get().cloned())
    }

    /// The place of `made`, which is made where there is none; others give way.
    fn cell(&self, made: &M) -> Arc<OnceCell<Arc<T>>> {
        let mut held = self.held();
        let now = Instant::now();
        if let Some(place) = held.iter().position(|kept| kept.made == *made)
            && let Some(kept) = held.remove(place)
        {
            let value = kept.value.clone();
            held.push_back(Kept { asked: now, ..kept });
            return value;
        }
        // The one that was asked for the longest time ago goes first; one that is under way goes on for those who wait for it.
        while held.len() >= limits::KEPT_LEDGERS {
            held.pop_front();
        }
        let value = Arc::default();
        held.push_back(Kept { made: made.clone(), value: Arc::clone(&value), asked: now });
        value
    }

    /// Lets go of what was asked for the longest time ago, as far as all are too much; and, once it is time, of what nobody
    /// asks for any more.
    fn keep_within_bounds(&self) {
        let bytes = |held: &VecDeque<Kept<M, T>>| -> usize {
            held.iter().filter_map(|kept| kept.value.get()).map(|one| one.bytes()).sum()
        };
        let mut held = self.held();
        while bytes(&held) > limits::KEPT_LEDGERS_BYTES {
            held.pop_front();
        }
        drop(held);
        const LITTLE_MORE: Duration = Duration::from_millis(100);
        let kept = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(limits::KEPT_LEDGERS_TIME + LITTLE_MORE).await;
            if let Some(until) = Instant::now().checked_sub(limits::KEPT_LEDGERS_TIME) {
                kept.let_go(until);
            }
        });
    }

    /// Lets go of what was last asked for by then.
    fn let_go(&self, until: Instant) {
        self.held().retain(|kept| kept.asked > until);
    }

    fn held(&self) -> MutexGuard<'_, VecDeque<Kept<M, T>>> {
        // Each change leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held for Memory {
    fn bytes(&self) -> usize {
        self.customers.iter().map(|(_, ledger)| ledger.bytes_held()).sum()
    }

    fn kept(self) -> Self {
        self.uncharged()
    }
}

impl Held for Exchange {
    fn bytes(&self) -> usize {
        self.now.bytes() + self.then.bytes()
    }

    fn kept(self) -> Self {
        Self { now: self.now.uncharged(), then: self.then.uncharged(), ..self }
    }
}

impl Held for Comparing {
    fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    fn kept(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    type Ledgers = Shelf<i64, Memory>;

    fn nobody() -> Result<Memory, ReportError> {
        Ok(Memory::of_ledgers("stripe".into(), Vec::new()))
    }

    #[tokio::test]
    async fn who_asks_the_same_at_once_waits_for_one_derivation() {
        let (kept, derived) = (Ledgers::default(), AtomicUsize::new(0));
        let derive = async || {
            derived.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            nobody()
        };
        let (one, other, third) =
            tokio::join!(kept.get_or_derive(7, derive), kept.get_or_derive(7, derive), kept.get_or_derive(8, derive));
        assert!(Arc::ptr_eq(&one.unwrap(), &other.unwrap()) && third.is_ok());
        assert_eq!(derived.load(Ordering::Relaxed), 2);
        kept.get_or_derive(7, derive).await.unwrap();
        assert_eq!(derived.load(Ordering::Relaxed), 2, "kept");
    }

    #[tokio::test]
    async fn who_failed_leaves_the_next_one_to_try() {
        let kept = Ledgers::default();
        assert!(kept.get_or_derive(7, async || Err::<Memory, _>(ReportError::Overflow)).await.is_err());
        assert!(kept.get_or_derive(7, async || nobody()).await.is_ok());
    }

    #[tokio::test]
    async fn what_nobody_asks_for_is_let_go() {
        let kept = Ledgers::default();
        for seq in 0..10 {
            kept.get_or_derive(seq, async || nobody()).await.unwrap();
        }
        assert_eq!(kept.held().len(), limits::KEPT_LEDGERS, "the others gave way");
        kept.let_go(Instant::now());
        assert!(kept.held().is_empty());
    }
}
