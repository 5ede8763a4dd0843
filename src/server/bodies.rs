//! What bodies on their way in may hold together. Small ones are always taken; of the large ones that which began first gives
//! way to others: a body that is really sent arrives within moments.

use std::{
    collections::BTreeMap,
    future,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::Notify;

use crate::limits;

#[derive(Debug, Default)]
struct Inner {
    /// Bytes held beyond everybody's own allowance.
    held: usize,
    /// Those still arriving that hold some, by when they began.
    arriving: BTreeMap<u64, (usize, Arc<Notify>)>,
}

/// The budget of one process.
#[derive(Debug)]
pub struct Bodies {
    most: usize,
    turns: AtomicU64,
    inner: Mutex<Inner>,
}

impl Default for Bodies {
    fn default() -> Self {
        Self::with_room(limits::BODIES_BYTES)
    }
}

/// There is no room, or there was and another needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Crowded;

/// What one body holds, given back when it is dropped.
#[derive(Debug)]
pub struct Held<'a> {
    bodies: &'a Bodies,
    turn: u64,
    bytes: usize,
    /// Bytes counted in the budget.
    counted: usize,
    /// Of one that holds some: a small one, as nearly all are, takes no lock.
    give_way: Option<Arc<Notify>>,
    arrived: bool,
}

impl Bodies {
    fn with_room(most: usize) -> Self {
        Self { most, turns: AtomicU64::default(), inner: Mutex::default() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes held beyond the allowances, for `/metrics`.
    pub fn held(&self) -> usize {
        self.inner().held
    }

    /// A body that holds nothing yet.
    pub(super) fn begin(&self) -> Held<'_> {
        let turn = self.turns.fetch_add(1, Ordering::Relaxed);
        Held { bodies: self, turn, bytes: 0, counted: 0, give_way: None, arrived: false }
    }
}

impl Held<'_> {
    /// Makes room for a body of `bytes` in all.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), Crowded> {
        self.bytes = self.bytes.max(bytes);
        let wanted = self.bytes.saturating_sub(limits::BODY_ALLOWANCE);
        let Some(more) = wanted.checked_sub(self.counted).filter(|more| *more > 0) else { return Ok(()) };
        let mut inner = self.bodies.inner();
        // Told to give way meanwhile: what was counted is another's by now.
        if self.counted > 0 && !inner.arriving.contains_key(&self.turn) {
            self.counted = 0;
            return Err(Crowded);
        }
        while inner.held + more > self.bodies.most {
            let Some(oldest) = inner.arriving.keys().copied().find(|turn| *turn != self.turn) else { break };
            if let Some((bytes, give_way)) = inner.arriving.remove(&oldest) {
                inner.held -= bytes;
                give_way.notify_one();
            }
        }
        // Nothing else holds any: one body may always be as large as a body may be.
        let alone = inner.held == self.counted;
        if inner.held + more > self.bodies.most && !alone {
            return Err(Crowded);
        }
        inner.held += more;
        self.counted += more;
        let give_way = self.give_way.get_or_insert_default().clone();
        inner.arriving.insert(self.turn, (self.counted, give_way));
        Ok(())
    }

    /// Ends when this body is to give way.
    pub(super) async fn told_to_give_way(&self) {
        match &self.give_way {
            Some(told) => told.notified().await,
            None => future::pending().await,
        }
    }

    /// It is whole: what it holds is in use until it is dropped, and gives way to nobody.
    pub(super) fn arrived(&mut self) -> Result<(), Crowded> {
        if self.counted > 0 && self.bodies.inner().arriving.remove(&self.turn).is_none() {
            self.counted = 0;
            return Err(Crowded);
        }
        self.arrived = true;
        Ok(())
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if self.counted == 0 {
            return;
        }
        let mut inner = self.bodies.inner();
        // One that gave way has given its bytes back already.
        if self.arrived || inner.arriving.remove(&self.turn).is_some() {
            inner.held -= self.counted;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: usize = limits::BODY_ALLOWANCE;

    #[test]
    fn small_bodies_are_always_taken() {
        let bodies = Bodies::with_room(100);
        let mut large = bodies.begin();
        large.grow(OWN + 100).unwrap();
        let mut small: Vec<_> = (0..50).map(|_| bodies.begin()).collect();
        assert!(small.iter_mut().all(|one| one.grow(OWN).is_ok()));
        assert_eq!(bodies.held(), 100);
        assert!(large.arrived().is_ok());
    }

    #[test]
    fn the_large_one_that_began_first_gives_way() {
        let bodies = Bodies::with_room(100);
        let (mut first, mut second, mut third) = (bodies.begin(), bodies.begin(), bodies.begin());
        first.grow(OWN + 50).unwrap();
        second.grow(OWN + 50).unwrap();
        third.grow(OWN + 60).unwrap();
        assert_eq!(first.arrived(), Err(Crowded));
        assert_eq!(second.arrived(), Err(Crowded));
        assert_eq!(bodies.held(), 60);
        assert_eq!(third.arrived(), Ok(()));
        let mut fourth = bodies.begin();
        assert_eq!(fourth.grow(OWN + 50), Err(Crowded), "what has arrived is in use");
        drop((first, second, third, fourth));
        assert_eq!(bodies.held(), 0);
    }

    #[test]
    fn one_alone_may_be_as_large_as_a_body_may_be() {
        let bodies = Bodies::with_room(100);
        let mut one = bodies.begin();
        one.grow(OWN + 10).unwrap();
        one.grow(OWN + 1000).unwrap();
        assert!(one.arrived().is_ok());
        drop(one);
        assert_eq!(bodies.held(), 0);
    }
}
