//! How each task of this process stands: written by the loop, read by `/api/v1/status`.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::ledger::time::UnixTime;

/// What a turn came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All that was due is done.
    Done,
    /// Another process does the work.
    StandingBy,
    /// It failed; the next turn tries again.
    Failed,
}

impl Outcome {
    /// The word that programs read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::StandingBy => "standing_by",
            Self::Failed => "failed",
        }
    }
}

/// How a task that runs beside requests stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskStatus {
    /// The task's name, as its log lines and metrics write it.
    pub name: String,
    /// When its last turn began.
    pub last_run_at: Option<UnixTime>,
    /// What its last whole turn came to; `None` before the first one ended.
    pub outcome: Option<Outcome>,
    /// When its next turn begins at the latest; `None` while one runs, and when there is none.
    pub next_run_at: Option<UnixTime>,
    /// Why its last whole turn failed; `None` where it didn't.
    pub error: Option<String>,
}

/// The tasks of one process by name; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<BTreeMap<String, TaskStatus>>>);

impl Board {
    /// How each stands, by name.
    pub fn status(&self) -> Vec<TaskStatus> {
        self.tasks().values().cloned().collect()
    }

    pub(super) fn begins(&self, name: &str, now: UnixTime) {
        let mut tasks = self.tasks();
        let task = tasks.entry(name.to_owned()).or_default();
        name.clone_into(&mut task.name);
        (task.last_run_at, task.next_run_at) = (Some(now), None);
    }

    pub(super) fn ended(&self, name: &str, outcome: Result<Outcome, String>, next: Option<UnixTime>) {
        let mut tasks = self.tasks();
        let task = tasks.entry(name.to_owned()).or_default();
        task.next_run_at = next;
        (task.outcome, task.error) = match outcome {
            Ok(outcome) => (Some(outcome), None),
            Err(reason) => (Some(Outcome::Failed), Some(reason)),
        };
    }

    fn tasks(&self) -> MutexGuard<'_, BTreeMap<String, TaskStatus>> {
        // Replaced field by field, each right by itself.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
