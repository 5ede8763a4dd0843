//! Group commit: whoever writes the log takes everything that waits, and what comes meanwhile goes into the next commit
//! together.
//!
//! There is no timer: an event that comes alone is committed alone, at once; the group grows with the queue.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use thiserror::Error;
use tokio::{
    sync::{Mutex, mpsc, oneshot},
    task::JoinHandle,
};

use crate::{
    event::NewEvent,
    store::{
        StoreError,
        log::{Appended, Log, Prepared},
    },
};

/// How much may wait, and how much is committed together.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests that may wait; beyond, the sender is told to come back.
    pub queue: usize,
    /// Events in one commit: bounds how long the write lock is held.
    pub group_events: usize,
    /// Bytes in one commit, for the same reason.
    pub group_bytes: usize,
    /// Commits under way at once: SQLite has one writer; PostgreSQL flushes for several at a time.
    pub writers: usize,
}

impl Limits {
    /// The limits that suit this log.
    pub fn for_log(log: &Log) -> Self {
        Self { writers: log.writers(), ..Self::default() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { queue: 4096, group_events: 512, group_bytes: 8 << 20, writers: 1 }
    }
}

/// An append didn't happen, or nobody knows whether it did; appending the same events again is always safe.
#[derive(Clone, Debug, Error)]
pub enum AppendError {
    /// Too many requests wait already.
    #[error("the log's queue is full")]
    Full,
    /// The daemon is stopping: nothing is taken any more.
    #[error("the log is closing")]
    Closing,
    /// The store failed. One failure answers everyone in the group.
    #[error(transparent)]
    Store(Arc<StoreError>),
}

type Answer = oneshot::Sender<Result<Vec<Appended>, AppendError>>;

struct Request {
    events: Vec<Prepared>,
    answer: Answer,
}

/// Hands events to the task that writes the log. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Appender {
    log: Log,
    requests: mpsc::Sender<Request>,
    counters: Arc<Counters>,
}

/// What the writer has done since it started.
#[derive(Debug, Default)]
pub struct Counters {
    /// How many groups were committed.
    pub groups: AtomicU64,
    /// Events in them, duplicates included.
    pub events: AtomicU64,
}

/// The tasks that write, to be waited for at the end.
#[derive(Debug)]
pub struct Writer(Vec<JoinHandle<()>>);

impl Writer {
    /// Ends when every [`Appender`] is gone and all that waited is answered.
    pub async fn drained(self) {
        for task in self.0 {
            // The task never panics; were it to, there is nothing left to drain.
            let _ = task.await;
        }
    }
}

impl Appender {
    /// Starts what writes to `log`. `committed` is called after each commit that changed the log.
    pub fn start(log: Log, limits: Limits, committed: impl Fn() + Send + Sync + 'static) -> (Self, Writer) {
        let (requests, waiting) = mpsc::channel(limits.queue.max(1));
        let counters = Arc::new(Counters::default());
        let (waiting, committed) = (Arc::new(Mutex::new(waiting)), Arc::new(committed));
        let write = |_| tokio::spawn(write(log.clone(), limits, waiting.clone(), counters.clone(), committed.clone()));
        let tasks = (0..limits.writers.max(1)).map(write).collect();
        (Self { log, requests, counters }, Writer(tasks))
    }

    /// Appends events together; the answer comes after they are durable, one for each event in order.
    ///
    /// Errors at once when the queue is full: whoever sent the webhook comes back, and nothing was acknowledged.
    pub async fn append(&self, events: Vec<NewEvent>) -> Result<Vec<Appended>, AppendError> {
        // A place in the queue first: what can't be taken isn't compressed either.
        let place = self.requests.try_reserve().map_err(|error| match error {
            mpsc::error::TrySendError::Full(()) => AppendError::Full,
            mpsc::error::TrySendError::Closed(()) => AppendError::Closing,
        })?;
        // Here and not in the writer: compression runs on as many cores as there are callers.
        let events = events.into_iter().map(|event| self.log.prepared(event)).collect();
        let (answer, answered) = oneshot::channel();
        place.send(Request { events, answer });
        answered.await.unwrap_or(Err(AppendError::Closing))
    }

    /// What the writer has done.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How many requests wait for their commit now.
    pub fn waiting(&self) -> usize {
        self.requests.max_capacity() - self.requests.capacity()
    }
}

async fn write(
    log: Log,
    limits: Limits,
    waiting: Arc<Mutex<mpsc::Receiver<Request>>>,
    counters: Arc<Counters>,
    committed: Arc<impl Fn()>,
) {
    let mut carried: Option<Request> = None;
    loop {
        let mut group = Group::default();
        match carried.take() {
            // Never behind another writer that waits for the queue: nothing more may ever come.
            Some(request) => {
                group.take(request);
                if let Ok(mut waiting) = waiting.try_lock() {
                    carried = group.fill(&mut waiting, &limits);
                }
            }
            // One of the writers waits for the queue, the others for it.
            None => {
                let mut waiting = waiting.lock().await;
                let Some(request) = waiting.recv().await else { return };
                group.take(request);
                carried = group.fill(&mut waiting, &limits);
            }
        }
        append(&log, group, &counters, &*committed).await;
    }
}

/// Commits a group and answers it. One that fails for what is in it is divided, until only the request at fault is refused:
/// whoever sends an event that can't be stored keeps nobody else's out.
async fn append(log: &Log, group: Group, counters: &Counters, committed: &impl Fn()) {
    let mut groups = vec![group];
    while let Some(mut group) = groups.pop() {
        let events = Arc::new(std::mem::take(&mut group.events));
        let outcome = log.append_shared(&events).await;
        if outcome.is_ok() {
            counters.groups.fetch_add(1, Ordering::Relaxed);
            counters.events.fetch_add(events.len() as u64, Ordering::Relaxed);
        }
        if group.waiting.len() > 1 && outcome.as_ref().is_err_and(StoreError::is_of_the_data) {
            group.events = Arc::unwrap_or_clone(events);
            let second = group.split_off_half();
            groups.extend([second, group]);
            continue;
        }
        let changed = outcome.as_ref().is_ok_and(|answers| answers.iter().any(|one| *one != Appended::Duplicate));
        group.answer(outcome);
        if changed {
            committed();
        }
    }
}

/// Requests that are committed together.
#[derive(Default)]
struct Group {
    events: Vec<Prepared>,
    bytes: usize,
    waiting: Vec<(usize, Answer)>,
}

impl Group {
    fn fits(&self, request: &Request, limits: &Limits) -> bool {
        let bytes: usize = request.events.iter().map(Prepared::size).sum();
        self.events.len() + request.events.len() <= limits.group_events && self.bytes + bytes <= limits.group_bytes
    }

    /// Takes what waits; the first request that doesn't fit is handed back, for the next group.
    fn fill(&mut self, waiting: &mut mpsc::Receiver<Request>, limits: &Limits) -> Option<Request> {
        while let Ok(request) = waiting.try_recv() {
            if !self.fits(&request, limits) {
                return Some(request);
            }
            self.take(request);
        }
        None
    }

    fn take(&mut self, request: Request) {
        self.bytes += request.events.iter().map(Prepared::size).sum::<usize>();
        self.waiting.push((request.events.len(), request.answer));
        self.events.extend(request.events);
    }

    /// Takes the second half of its requests out of it.
    fn split_off_half(&mut self) -> Self {
        let waiting = self.waiting.split_off(self.waiting.len() / 2);
        let kept = self.waiting.iter().map(|(count, _)| count).sum();
        let events = self.events.split_off(kept);
        Self { events, bytes: 0, waiting }
    }

    /// Whoever no longer waits for the answer has gone away; the events are in the log all the same.
    fn answer(self, outcome: Result<Vec<Appended>, StoreError>) {
        match outcome {
            Ok(answers) => {
                let mut answers = answers.into_iter();
                for (count, waiting) in self.waiting {
                    let _ = waiting.send(Ok(answers.by_ref().take(count).collect()));
                }
            }
            Err(error) => {
                let error = Arc::new(error);
                for (_, waiting) in self.waiting {
                    let _ = waiting.send(Err(AppendError::Store(error.clone())));
                }
            }
        }
    }
}
