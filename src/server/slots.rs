//! The places of open connections. Nobody keeps one from others by doing nothing: when all are taken, the connection that has
//! idled the longest gives way, of the peer that has the most; then one whose body doesn't arrive; and no peer has them all.

use std::{
    cmp::Reverse,
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
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
    /// Its place is another's: whatever it does next is its own affair.
    Leaving,
}

/// What a connection is doing, and since which turn, a number that only grows: one word, so that a request takes no lock.
#[derive(Debug)]
struct State(AtomicU64);

impl State {
    const DOING_BITS: u32 = 2;

    fn of(doing: Doing, turn: u64) -> u64 {
        turn << Self::DOING_BITS | doing as u64
    }

    fn read(word: u64) -> (Doing, u64) {
        let doing = match word & ((1 << Self::DOING_BITS) - 1) {
            0 => Doing::Idling,
            1 => Doing::Receiving,
            2 => Doing::Answering,
            _ => Doing::Leaving,
        };
        (doing, word >> Self::DOING_BITS)
    }

    fn load(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// Whether it was `before` still, and is `after` now.
    fn moves(&self, before: u64, after: u64) -> bool {
        self.0.compare_exchange(before, after, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

#[derive(Debug)]
struct Connection {
    peer: IpAddr,
    state: State,
    /// When its last body began, in milliseconds since the first place was made.
    body_began: AtomicU64,
    leave: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    ids: u64,
    open: HashMap<u64, Arc<Connection>>,
    /// How many each peer has.
    by_peer: HashMap<IpAddr, usize>,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Slots {
    most: usize,
    most_of_a_peer: usize,
    since: Instant,
    turns: AtomicU64,
    inner: Mutex<Inner>,
}

/// One connection's place, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Arc<Slots>,
    id: u64,
    connection: Arc<Connection>,
}

impl Inner {
    fn remove(&mut self, id: u64) -> Option<Arc<Connection>> {
        let connection = self.open.remove(&id)?;
        if let Some(count) = self.by_peer.get_mut(&connection.peer) {
            *count -= 1;
            if *count == 0 {
                self.by_peer.remove(&connection.peer);
            }
        }
        Some(connection)
    }

    /// Of those that do this, of `only` this peer where one is named: who has done it longest of the peer that has the most,
    /// with its state as it was seen.
    fn longest(&self, at: Doing, only: Option<IpAddr>) -> Option<(u64, u64)> {
        let of_peer = |peer| self.by_peer.get(&peer).copied().unwrap_or_default();
        let asked = self.open.iter().filter(|(_, one)| only.is_none_or(|only| one.peer == only));
        let seen = asked.filter_map(|(id, one)| {
            let word = one.state.load();
            let (doing, turn) = State::read(word);
            (doing == at).then(|| (of_peer(one.peer), Reverse(turn), *id, word))
        });
        seen.max().map(|(_, _, id, word)| (id, word))
    }
}

impl Slots {
    /// So many of them.
    pub(super) fn new(most: usize) -> Arc<Self> {
        let most_of_a_peer = (most - most / limits::PEER_SHARE).max(1);
        let (since, turns) = (Instant::now(), AtomicU64::default());
        Arc::new(Self { most, most_of_a_peer, since, turns, inner: Mutex::default() })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_turn(&self) -> u64 {
        self.turns.fetch_add(1, Ordering::Relaxed)
    }

    /// Milliseconds since the first place was made.
    fn now(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> usize {
        self.inner().open.len()
    }

    /// Takes a place for a new connection, and whether another had to give way for it; `None` where all are at work.
    pub(super) fn take(self: &Arc<Self>, peer: SocketAddr) -> Option<(Slot, bool)> {
        let peer = peer.ip().to_canonical();
        let mut inner = self.inner();
        let of_peer = inner.by_peer.get(&peer).copied().unwrap_or_default();
        let only = (of_peer >= self.most_of_a_peer).then_some(peer);
        let full = only.is_some() || inner.open.len() >= self.most;
        if full {
            self.make_room(&mut inner, only)?;
        }
        inner.ids += 1;
        let id = inner.ids;
        let connection = Arc::new(Connection {
            peer,
            state: State(AtomicU64::new(State::of(Doing::Idling, self.next_turn()))),
            body_began: AtomicU64::default(),
            leave: Notify::new(),
        });
        inner.open.insert(id, connection.clone());
        *inner.by_peer.entry(peer).or_default() += 1;
        drop(inner);
        Some((Slot { slots: self.clone(), id, connection }, full))
    }

    /// Takes the place of whoever gives way, of `only` this peer where one is named; `None` where nobody does.
    fn make_room(&self, inner: &mut Inner, only: Option<IpAddr>) -> Option<()> {
        loop {
            let has_had_time = |(id, _): &(u64, u64)| {
                let began = inner.open.get(id).map(|one| one.body_began.load(Ordering::Relaxed));
                began.is_some_and(|began| u128::from(self.now() - began) >= limits::BODY_GRACE.as_millis())
            };
            let idle = inner.longest(Doing::Idling, only);
            let (id, seen) = idle.or_else(|| inner.longest(Doing::Receiving, only).filter(has_had_time))?;
            let told = |one: &Arc<Connection>| one.state.moves(seen, State::of(Doing::Leaving, 0));
            // One that has moved meanwhile is at work: another is looked for.
            if inner.open.get(&id).is_some_and(told) {
                if let Some(gone) = inner.remove(id) {
                    gone.leave.notify_one();
                }
                return Some(());
            }
        }
    }
}

impl Slot {
    fn moves(&self, doing: Doing) {
        let state = &self.connection.state;
        let before = state.load();
        let (was, _) = State::read(before);
        if was != doing && was != Doing::Leaving {
            // Where this fails it was told to leave just now: nobody else moves it.
            state.moves(before, State::of(doing, self.slots.next_turn()));
        }
    }

    /// Ends when this connection is to give way.
    pub(super) async fn told_to_leave(&self) {
        self.connection.leave.notified().await;
    }

    /// The head of a request is there, and its body is to come.
    pub(super) fn receives(&self) {
        self.connection.body_began.store(self.slots.now(), Ordering::Relaxed);
        self.moves(Doing::Receiving);
    }

    /// A request is whole.
    pub(super) fn answers(&self) {
        self.moves(Doing::Answering);
    }

    /// The answer is gone.
    pub(super) fn idles(&self) {
        self.moves(Doing::Idling);
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
        assert_eq!(inner.by_peer.len() + inner.open.len(), 0);
    }
}
