//! The places of open connections. Nobody keeps one from others by doing nothing: when all are taken, the connection that has
//! idled the longest gives way, of the peer that has the most; then one whose body doesn't arrive; and no peer has them all.

use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{sync::Notify, time::Instant};

use crate::limits;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    /// It waits for the head of a request.
    Idling,
    /// The head is there, the body isn't whole.
    Receiving,
    /// The request is whole: its answer is made, or on its way.
    Answering,
}

#[derive(Debug)]
struct Connection {
    peer: IpAddr,
    doing: Doing,
    /// Since when, as a number that only grows.
    turn: u64,
    since: Instant,
    leave: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Inner {
    turns: u64,
    open: HashMap<u64, Connection>,
    /// How many each peer has.
    by_peer: HashMap<IpAddr, usize>,
    /// By peer and turn, those that idle, and those that receive.
    idling: HashMap<IpAddr, BTreeMap<u64, u64>>,
    receiving: HashMap<IpAddr, BTreeMap<u64, u64>>,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Slots {
    most: usize,
    most_of_a_peer: usize,
    inner: Mutex<Inner>,
}

/// One connection's place, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Arc<Slots>,
    id: u64,
    leave: Arc<Notify>,
}

impl Inner {
    fn waiting(&mut self, doing: Doing) -> Option<&mut HashMap<IpAddr, BTreeMap<u64, u64>>> {
        match doing {
            Doing::Idling => Some(&mut self.idling),
            Doing::Receiving => Some(&mut self.receiving),
            Doing::Answering => None,
        }
    }

    fn stand(&mut self, id: u64, peer: IpAddr, doing: Doing) -> u64 {
        self.turns += 1;
        let turn = self.turns;
        if let Some(waiting) = self.waiting(doing) {
            waiting.entry(peer).or_default().insert(turn, id);
        }
        turn
    }

    fn step_out(&mut self, peer: IpAddr, doing: Doing, turn: u64) {
        let Some(waiting) = self.waiting(doing) else { return };
        if let Some(of_peer) = waiting.get_mut(&peer) {
            of_peer.remove(&turn);
            if of_peer.is_empty() {
                waiting.remove(&peer);
            }
        }
    }

    fn remove(&mut self, id: u64) -> Option<Connection> {
        let connection = self.open.remove(&id)?;
        self.step_out(connection.peer, connection.doing, connection.turn);
        if let Some(count) = self.by_peer.get_mut(&connection.peer) {
            *count -= 1;
            if *count == 0 {
                self.by_peer.remove(&connection.peer);
            }
        }
        Some(connection)
    }

    /// Who gives way: of `only` this peer, where one is named.
    fn gives_way(&self, now: Instant, only: Option<IpAddr>) -> Option<u64> {
        let longest = |waiting: &HashMap<IpAddr, BTreeMap<u64, u64>>| {
            let peers = waiting.iter().filter(|(peer, _)| only.is_none_or(|only| **peer == only));
            let largest = peers.max_by_key(|(peer, _)| self.by_peer.get(*peer).copied().unwrap_or_default());
            largest.and_then(|(_, of_peer)| of_peer.first_key_value().map(|(_, id)| *id))
        };
        let has_had_time =
            |id: &u64| self.open.get(id).is_some_and(|one| now.duration_since(one.since) >= limits::BODY_GRACE);
        longest(&self.idling).or_else(|| longest(&self.receiving).filter(has_had_time))
    }
}

impl Slots {
    /// So many of them.
    pub(super) fn new(most: usize) -> Arc<Self> {
        let most_of_a_peer = (most - most / limits::PEER_SHARE).max(1);
        Arc::new(Self { most, most_of_a_peer, inner: Mutex::default() })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> usize {
        self.inner().open.len()
    }

    /// Takes a place for a new connection, and whether another had to give way for it; `None` where all are at work.
    pub(super) fn take(self: &Arc<Self>, peer: SocketAddr) -> Option<(Slot, bool)> {
        let (peer, now) = (peer.ip().to_canonical(), Instant::now());
        let mut inner = self.inner();
        let of_peer = inner.by_peer.get(&peer).copied().unwrap_or_default();
        let only = (of_peer >= self.most_of_a_peer).then_some(peer);
        let full = only.is_some() || inner.open.len() >= self.most;
        if full {
            let gone = inner.gives_way(now, only)?;
            if let Some(connection) = inner.remove(gone) {
                connection.leave.notify_one();
            }
        }
        let id = inner.turns + 1;
        let turn = inner.stand(id, peer, Doing::Idling);
        let leave = Arc::new(Notify::new());
        inner.open.insert(id, Connection { peer, doing: Doing::Idling, turn, since: now, leave: leave.clone() });
        *inner.by_peer.entry(peer).or_default() += 1;
        drop(inner);
        Some((Slot { slots: self.clone(), id, leave }, full))
    }

    fn moved(&self, id: u64, doing: Doing) {
        let mut inner = self.inner();
        // One that was told to leave is on its way out.
        let Some((peer, was, turn)) = inner.open.get(&id).map(|one| (one.peer, one.doing, one.turn)) else { return };
        if was == doing {
            return;
        }
        inner.step_out(peer, was, turn);
        let turn = inner.stand(id, peer, doing);
        if let Some(one) = inner.open.get_mut(&id) {
            (one.doing, one.turn, one.since) = (doing, turn, Instant::now());
        }
    }
}

impl Slot {
    /// Ends when this connection is to give way.
    pub(super) async fn told_to_leave(&self) {
        self.leave.notified().await;
    }

    /// The head of a request is there, and its body is to come.
    pub(super) fn receives(&self) {
        self.slots.moved(self.id, Doing::Receiving);
    }

    /// A request is whole.
    pub(super) fn answers(&self) {
        self.slots.moved(self.id, Doing::Answering);
    }

    /// The answer is gone.
    pub(super) fn idles(&self) {
        self.slots.moved(self.id, Doing::Idling);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.inner().remove(self.id);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn peer(last: u8) -> SocketAddr {
        ([10, 0, 0, last], 1000).into()
    }

    fn is_told(slot: &Slot) -> bool {
        use futures_util::FutureExt as _;
        slot.told_to_leave().now_or_never().is_some()
    }

    #[tokio::test]
    async fn the_longest_idle_of_the_largest_peer_gives_way() {
        let slots = Slots::new(4);
        let [first, quiet, busy, other] = [1, 1, 1, 2].map(|of| slots.take(peer(of)).unwrap().0);
        first.answers();
        first.idles(); // so that `quiet` is the one that idles longest
        busy.answers();
        let (_new, gave_way) = slots.take(peer(3)).unwrap();
        assert!(gave_way && is_told(&quiet) && !is_told(&first) && !is_told(&busy) && !is_told(&other));
        assert_eq!(slots.taken(), 4);
    }

    #[tokio::test]
    async fn no_peer_has_them_all_and_who_works_stays() {
        let slots = Slots::new(8);
        let all: Vec<_> = (0..7).map(|_| slots.take(peer(1)).unwrap().0).collect();
        all.iter().for_each(Slot::answers);
        assert!(slots.take(peer(1)).is_none(), "seven of eight, all at work");
        let (_theirs, gave_way) = slots.take(peer(2)).unwrap();
        assert!(!gave_way);
        assert!(slots.take(peer(3)).is_some_and(|(_, gave_way)| gave_way), "the one that idles gives way");
    }

    #[tokio::test]
    async fn a_body_that_does_not_arrive_gives_way_after_a_while() {
        let slots = Slots::new(1);
        let slow = slots.take(peer(1)).unwrap().0;
        slow.receives();
        assert!(slots.take(peer(2)).is_none());
        tokio::time::sleep(limits::BODY_GRACE + Duration::from_millis(10)).await;
        assert!(slots.take(peer(2)).is_some() && is_told(&slow));
    }

    #[tokio::test]
    async fn a_place_that_was_taken_away_is_not_given_back_twice() {
        let slots = Slots::new(1);
        let first = slots.take(peer(1)).unwrap().0;
        let second = slots.take(peer(1)).unwrap().0;
        first.idles();
        drop(first);
        assert_eq!(slots.taken(), 1);
        drop(second);
        assert_eq!(slots.taken(), 0);
        let inner = slots.inner();
        assert_eq!(inner.by_peer.len() + inner.idling.len(), 0);
    }
}
