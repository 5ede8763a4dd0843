//! What one question may cost. It is bounded before it is answered where that can be told, and counted while it is: rows held,
//! ledgers derived, entries made, and time. The questions of one process together are bounded as well.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use thiserror::Error;
use tokio::{runtime::Handle, time::Instant};

use crate::limits;

/// A question costs more than it may.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Exceeded {
    /// By itself: asked again it would cost the same.
    #[error(
        "to answer this, more than {limit_mib} MiB would be held in memory: ask for a shorter span, a longer interval or \
         fewer groups"
    )]
    Memory {
        /// What a question may hold.
        limit_mib: usize,
    },
    /// The question takes longer than one may.
    #[error(
        "this wasn't answered within {limit_seconds} seconds: ask for a shorter span, a longer interval or fewer groups"
    )]
    Time {
        /// How long a question may take.
        limit_seconds: u64,
    },
    /// Others hold what it needs.
    #[error("other questions hold all the memory there is for questions: ask again in a while")]
    Crowded,
}

/// What all questions may hold together, and do.
#[derive(Debug)]
struct All {
    most: usize,
    held: AtomicUsize,
}

static ALL: All = All { most: limits::QUESTIONS_BYTES, held: AtomicUsize::new(0) };

/// Bytes that the questions under way hold, as they are counted: for `/metrics`.
pub fn held() -> usize {
    ALL.held.load(Ordering::Relaxed)
}

/// What one question has cost so far. What it holds is given back when the last clone is dropped.
#[derive(Debug)]
pub struct Budget {
    most: usize,
    held: AtomicUsize,
    until: Instant,
    all: &'static All,
}

tokio::task_local! {
    static QUESTION: Arc<Budget>;
}

impl Budget {
    /// A question that begins now.
    pub fn begin() -> Arc<Self> {
        Self::new(limits::QUESTION_BYTES, limits::QUESTION_TIME, &ALL)
    }

    fn new(most: usize, time: Duration, all: &'static All) -> Arc<Self> {
        Arc::new(Self { most, held: AtomicUsize::new(0), until: Instant::now() + time, all })
    }

    /// Lets `answering` work for this question: what it charges is this question's, and it ends when its time is over.
    pub async fn answer<F: Future>(self: &Arc<Self>, answering: F) -> Result<F::Output, Exceeded> {
        let answering = QUESTION.scope(Arc::clone(self), answering);
        tokio::time::timeout_at(self.until, answering).await.map_err(|_| Exceeded::late())
    }

    /// Bytes it holds, as they are counted.
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    fn charge(&self, bytes: usize) -> Result<(), Exceeded> {
        if Instant::now() > self.until {
            return Err(Exceeded::late());
        }
        let own = self.held.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let all = self.all.held.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if own > self.most {
            return Err(Exceeded::Memory { limit_mib: self.most >> 20 });
        }
        if all > self.all.most { Err(Exceeded::Crowded) } else { Ok(()) }
    }

    fn release(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
        self.all.held.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Budget {
    fn drop(&mut self) {
        self.all.held.fetch_sub(*self.held.get_mut(), Ordering::Relaxed);
    }
}

impl Exceeded {
    /// That a question's time is over.
    pub fn late() -> Self {
        Self::Time { limit_seconds: limits::QUESTION_TIME.as_secs() }
    }
}

/// The question this task works for; `None` in commands and background work, which may take what they need.
pub fn current() -> Option<Arc<Budget>> {
    QUESTION.try_with(Arc::clone).ok()
}

/// Counts `bytes` against the question this task works for, and looks at its time. Called in every loop whose length others
/// decide: also with 0.
pub fn charge(bytes: usize) -> Result<(), Exceeded> {
    QUESTION.try_with(|question| question.charge(bytes)).unwrap_or(Ok(()))
}

/// Does `work` for a question on a thread that isn't its task's: what is charged counts all the same.
pub fn within<T>(question: Option<Arc<Budget>>, work: impl FnOnce() -> T) -> T {
    match question {
        Some(question) => QUESTION.sync_scope(question, work),
        None => work(),
    }
}

/// Lets `work` be done beside this task, for the same question; it ends with the tasks it is among.
pub fn spawn<T: Send + 'static>(tasks: &mut tokio::task::JoinSet<T>, work: impl Future<Output = T> + Send + 'static) {
    let _ = match current() {
        Some(question) => tasks.spawn(QUESTION.scope(question, work)),
        None => tasks.spawn(work),
    };
}

/// What something holds while it is there.
#[derive(Debug, Default)]
pub struct Charge(Option<(Arc<Budget>, usize)>);

impl Charge {
    /// Of the question this task works for; nothing yet.
    pub fn begin() -> Self {
        Self(current().map(|question| (question, 0)))
    }

    /// Counts `bytes` more; errors once the question has too many.
    pub fn add(&mut self, bytes: usize) -> Result<(), Exceeded> {
        let Some((question, held)) = &mut self.0 else { return Ok(()) };
        *held += bytes;
        question.charge(bytes)
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if let Some((question, held)) = self.0.take() {
            question.release(held);
        }
    }
}

/// Runs what only computes, for long perhaps, without keeping other tasks from this thread.
pub fn compute<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current() {
        Ok(runtime) if runtime.runtime_flavor() == tokio::runtime::RuntimeFlavor::MultiThread => {
            tokio::task::block_in_place(work)
        }
        _ => work(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(most: usize) -> &'static All {
        Box::leak(Box::new(All { most, held: AtomicUsize::new(0) }))
    }

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn a_question_holds_no_more_than_it_may_and_gives_it_back() {
        let all = all(1000);
        let question = Budget::new(100, LONG, all);
        let outcome = question.answer(async { (charge(60), charge(60)) }).await.unwrap();
        assert_eq!(outcome, (Ok(()), Err(Exceeded::Memory { limit_mib: 0 })));
        drop(question);
        assert_eq!(all.held.load(Ordering::Relaxed), 0);
        assert_eq!(charge(usize::MAX / 2), Ok(()), "nobody's question");
    }

    #[tokio::test]
    async fn work_on_another_thread_counts_as_the_questions() {
        let question = Budget::new(100, LONG, all(1000));
        let outcome = question.answer(async {
            let question = current();
            std::thread::spawn(|| within(question, || (charge(60), charge(60)))).join()
        });
        assert_eq!(outcome.await.unwrap().ok(), Some((Ok(()), Err(Exceeded::Memory { limit_mib: 0 }))));
        assert_eq!(within(None, || charge(usize::MAX / 2)), Ok(()), "nobody's question");
    }

    #[tokio::test]
    async fn what_is_dropped_meanwhile_counts_no_more() {
        let question = Budget::new(100, LONG, all(1000));
        let outcome = question.answer(async {
            for _ in 0..10 {
                let mut ledgers = Charge::begin();
                ledgers.add(90)?;
            }
            Ok::<_, Exceeded>(())
        });
        assert_eq!(outcome.await.unwrap(), Ok(()));
        assert_eq!(question.held(), 0);
    }

    #[tokio::test]
    async fn all_questions_together_are_bounded_too() {
        let all = all(100);
        let (first, second) = (Budget::new(80, LONG, all), Budget::new(80, LONG, all));
        assert_eq!(first.answer(async { charge(80) }).await.unwrap(), Ok(()));
        assert_eq!(second.answer(async { charge(30) }).await.unwrap(), Err(Exceeded::Crowded));
        drop((first, second));
        let third = Budget::new(80, LONG, all);
        assert_eq!(third.answer(async { charge(80) }).await.unwrap(), Ok(()));
    }

    #[tokio::test]
    async fn time_ends_it_whether_it_waits_or_computes() {
        let question = Budget::new(100, Duration::from_millis(20), all(1000));
        let waiting = question.answer(std::future::pending::<()>()).await;
        assert!(matches!(waiting, Err(Exceeded::Time { .. })));
        let computing = question.answer(async { charge(1) }).await;
        assert!(matches!(computing, Err(Exceeded::Time { .. }) | Ok(Err(Exceeded::Time { .. }))));
    }
}
