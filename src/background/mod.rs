//! What runs beside requests: every task in one loop, which runs its turns, rests between them, says failures once, and keeps how
//! each stands for `/api/v1/status`.
//!
//! A task has no input: it looks at the state of things and does what is due, so that a turn may come early, late or twice.
//! A failure is status; the next turn is the retry. Only one process of several works where a task says so, by [`Lease`].

mod board;
mod lease;

use std::{
    future::pending,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep, timeout, timeout_at},
};

pub use self::{
    board::{Board, Outcome, TaskStatus},
    lease::Lease,
};
use crate::{clock::Clock, ledger::time::UnixTime, telemetry::trouble::Trouble};

/// What a turn came to, and when the next one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    outcome: Result<Outcome, String>,
    /// Nothing wakes the task before this is over.
    pause: Duration,
    /// After the pause, how long it waits for something to wake it; `None` when there is no next turn.
    rest: Option<Duration>,
}

impl Turn {
    /// All that was due is done; the next turn comes after `rest`, or when the task is woken.
    pub fn done(rest: Duration) -> Self {
        Self { outcome: Ok(Outcome::Done), pause: Duration::ZERO, rest: Some(rest) }
    }

    /// Another process does the work.
    pub fn standing_by(rest: Duration) -> Self {
        Self { outcome: Ok(Outcome::StandingBy), ..Self::done(rest) }
    }

    /// It failed, for this reason.
    pub fn failed(reason: impl ToString, rest: Duration) -> Self {
        Self { outcome: Err(reason.to_string()), ..Self::done(rest) }
    }

    /// There is nothing left to do for as long as the process runs.
    pub fn last() -> Self {
        Self { rest: None, ..Self::done(Duration::ZERO) }
    }

    /// The same, with a pause that nothing cuts short before the rest begins.
    pub fn after(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }
}

/// What the log lines of a task's failures say.
#[derive(Clone, Copy, Debug)]
pub enum Words {
    /// At a failure and once a minute while it lasts; and when it is over.
    Repeated(&'static str, &'static str),
    /// When a failure begins and when it becomes another one: it may last for days.
    Once(&'static str),
    /// The task tells of its failures itself.
    Own,
}

/// Something that is done again and again beside requests.
pub trait Task: Send + 'static {
    /// Its name, in status and log lines.
    fn name(&self) -> String;

    /// What is said of its failures.
    fn words(&self) -> Words;

    /// Does what is due, once. Whatever takes long ends early where `stop` turns true.
    fn turn(&mut self, stop: &watch::Receiver<bool>) -> impl Future<Output = Turn> + Send;

    /// Ends when something happened that may make work due before its rest is over.
    fn woken(&mut self) -> impl Future<Output = ()> + Send {
        pending()
    }

    /// What it does when it was told to stop: gives back what it holds.
    fn end(self) -> impl Future<Output = ()> + Send
    where
        Self: Sized,
    {
        async {}
    }
}

/// A task's name and its loop.
type Running = (String, JoinHandle<()>);

/// The tasks of one process.
#[derive(Clone, Debug)]
pub struct Tasks {
    clock: Clock,
    board: Board,
    stop: watch::Receiver<bool>,
    running: Arc<Mutex<Vec<Running>>>,
}

impl Tasks {
    /// None yet; they run until `stop` turns true.
    pub fn new(clock: Clock, stop: watch::Receiver<bool>) -> Self {
        Self { clock, board: Board::default(), stop, running: Arc::default() }
    }

    /// Starts a task. Should it panic, which none does by its own rules, that is said at once and stands on the board until the
    /// process is started anew.
    pub fn start(&self, task: impl Task) {
        let name = task.name();
        let running = tokio::spawn(run(task, self.clock.clone(), self.board.clone(), self.stop.clone()));
        let (board, watched) = (self.board.clone(), name.clone());
        let watching = tokio::spawn(async move {
            if let Err(error) = running.await {
                tracing::error!(task = watched, %error, "background work ended by itself: restart mrrd to take it up again");
                let reason = "it ended by itself, for the reason that is in the log: restart mrrd to take it up again";
                board.ended(&watched, Err(reason.into()), None);
            }
        });
        self.running.lock().unwrap_or_else(PoisonError::into_inner).push((name, watching));
    }

    /// Turns true when they are to end.
    pub fn stop(&self) -> watch::Receiver<bool> {
        self.stop.clone()
    }

    /// The board on which each task says how it stands.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// Waits until all have ended, for all of them together no longer than `patience`. Killed at any instruction they leave
    /// nothing to repair.
    pub async fn ended(&self, patience: Duration) {
        let running = std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner));
        let deadline = Instant::now() + patience;
        for (name, task) in running {
            // What ended badly has said so itself.
            if timeout_at(deadline, task).await.is_err() {
                tracing::warn!(name, "background work did not stop in time: leaving it");
            }
        }
    }
}

fn later(now: UnixTime, wait: Duration) -> UnixTime {
    now.plus(i64::try_from(wait.as_secs()).unwrap_or(i64::MAX))
}

/// Runs one task until `stop` turns true: the loop of all of them.
pub async fn run(mut task: impl Task, clock: Clock, board: Board, mut stop: watch::Receiver<bool>) {
    let (name, words, trouble) = (task.name(), task.words(), Trouble::default());
    let mut said = None;
    while !*stop.borrow() {
        board.begins(&name, clock.now());
        let Turn { outcome, pause, rest } = task.turn(&stop).await;
        let failure = outcome.as_ref().err();
        match (words, failure) {
            (Words::Repeated(fails, _), Some(error)) => {
                if let Some(failures_not_told) = trouble.is_to_be_said(error) {
                    tracing::warn!(task = name, error, failures_not_told, "{fails}");
                }
            }
            (Words::Repeated(_, well), None) => trouble.is_over(well),
            (Words::Once(fails), Some(error)) if said.as_ref() != Some(error) => {
                tracing::warn!(task = name, error, "{fails}");
            }
            (Words::Once(_), _) | (Words::Own, _) => {}
        }
        said = failure.cloned();
        board.ended(&name, outcome, rest.map(|rest| later(clock.now(), pause + rest)));
        let Some(rest) = rest else { break };
        let resting = async {
            sleep(pause).await;
            let _ = timeout(rest, task.woken()).await;
        };
        tokio::select! {
            () = resting => {}
            // An error means that the daemon is gone.
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
    task.end().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails at first, stands by next, and is done from then on. Before each turn it looks how it stands.
    struct Counting {
        board: Board,
        seen: Arc<Mutex<Vec<TaskStatus>>>,
        ended: Arc<Mutex<bool>>,
    }

    impl Task for Counting {
        fn name(&self) -> String {
            "counting".into()
        }

        fn words(&self) -> Words {
            Words::Own
        }

        async fn turn(&mut self, _: &watch::Receiver<bool>) -> Turn {
            let mut seen = self.seen.lock().unwrap();
            seen.extend(self.board.status());
            match seen.len() {
                1 => Turn::failed("no", Duration::ZERO),
                2 => Turn::standing_by(Duration::ZERO),
                _ => Turn::done(Duration::from_secs(3600)).after(Duration::from_secs(60)),
            }
        }

        async fn end(self) {
            *self.ended.lock().unwrap() = true;
        }
    }

    #[tokio::test]
    async fn a_task_takes_its_turns_tells_how_it_stands_and_ends_when_told() {
        let (stop, stopped) = watch::channel(false);
        let tasks = Tasks::new(Clock::fixed(UnixTime(1000)), stopped);
        let (seen, ended) = (Arc::default(), Arc::default());
        tasks.start(Counting { board: tasks.board().clone(), seen: Arc::clone(&seen), ended: Arc::clone(&ended) });
        let whole = |status: &TaskStatus| status.outcome == Some(Outcome::Done);
        while !tasks.board().status().iter().any(whole) {
            sleep(Duration::from_millis(5)).await;
        }
        let stands = |status: &TaskStatus| (status.outcome, status.error.clone(), status.next_run_at);
        assert_eq!(
            seen.lock().unwrap().iter().map(stands).collect::<Vec<_>>(),
            [
                (None, None, None),
                (Some(Outcome::Failed), Some("no".into()), None),
                (Some(Outcome::StandingBy), None, None)
            ]
        );
        let last = tasks.board().status().remove(0);
        assert_eq!(stands(&last), (Some(Outcome::Done), None, Some(UnixTime(4660))));
        assert_eq!((last.name.as_str(), last.last_run_at), ("counting", Some(UnixTime(1000))));
        stop.send(true).unwrap();
        tasks.ended(Duration::from_secs(30)).await;
        assert!(*ended.lock().unwrap());
    }

    /// Panics at its first turn.
    struct Panicking;

    impl Task for Panicking {
        fn name(&self) -> String {
            "panicking".into()
        }

        fn words(&self) -> Words {
            Words::Own
        }

        async fn turn(&mut self, _: &watch::Receiver<bool>) -> Turn {
            panic!("a fault")
        }
    }

    #[tokio::test]
    async fn a_task_that_panics_has_failed_and_has_no_next_turn() {
        let (_stop, stopped) = watch::channel(false);
        let tasks = Tasks::new(Clock::fixed(UnixTime(1000)), stopped);
        tasks.start(Panicking);
        let failed = |status: &TaskStatus| status.outcome == Some(Outcome::Failed);
        timeout(Duration::from_secs(30), async {
            while !tasks.board().status().iter().any(failed) {
                sleep(Duration::from_millis(5)).await;
            }
        })
        .await
        .expect("it stands on the board as failed");
        let last = tasks.board().status().remove(0);
        assert_eq!((last.name.as_str(), last.next_run_at), ("panicking", None));
        assert!(last.error.is_some_and(|error| error.contains("restart mrrd")));
    }

    /// Never ends its turn.
    struct Stuck(u32);

    impl Task for Stuck {
        fn name(&self) -> String {
            format!("stuck {}", self.0)
        }

        fn words(&self) -> Words {
            Words::Own
        }

        async fn turn(&mut self, _: &watch::Receiver<bool>) -> Turn {
            pending().await
        }
    }

    #[tokio::test]
    async fn tasks_that_never_stop_are_waited_for_together_and_not_one_after_the_other() {
        const PATIENCE: Duration = Duration::from_millis(500);
        let (stop, stopped) = watch::channel(false);
        let tasks = Tasks::new(Clock::fixed(UnixTime(1000)), stopped);
        (0..100).for_each(|number| tasks.start(Stuck(number)));
        while tasks.board().status().len() < 100 {
            sleep(Duration::from_millis(5)).await;
        }
        stop.send(true).unwrap();
        // One after the other they would take 50 seconds.
        timeout(60 * PATIENCE, tasks.ended(PATIENCE)).await.expect("one deadline for all");
    }
}
