//! Which derived file it is: it may be replaced while it is in use, and connections to the one before are then closed.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::log_file::identity_of;
use crate::store::errors::damage_seen;

/// The derived file's path, and since when it is the one that lies there; clones share it.
#[derive(Clone, Debug)]
pub(super) struct DerivedFiles(Arc<Files>);

#[derive(Debug)]
struct Files {
    path: PathBuf,
    now: Mutex<Now>,
    /// Up to which sign of damage it was looked at.
    looked_at: AtomicU64,
}

#[derive(Debug)]
struct Now {
    identity: Option<(u64, u64)>,
    since: Instant,
}

impl DerivedFiles {
    pub(super) fn at(path: &Path) -> Self {
        let now = Now { identity: identity_of(path), since: Instant::now() };
        let looked_at = damage_seen().into();
        Self(Arc::new(Files { path: path.into(), now: Mutex::new(now), looked_at }))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0.path
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        // Replaced whole, whoever panics.
        self.0.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a connection of this age was made to the file that lies there now.
    pub(super) fn is_of_now(&self, age: Duration) -> bool {
        age <= self.now().since.elapsed()
    }

    /// Whether the file that was opened doesn't lie there any more.
    pub(super) fn is_moved(&self) -> bool {
        identity_of(&self.0.path) != self.now().identity
    }

    /// Whether anything was found damaged since it was last looked at.
    pub(super) fn is_doubtful(&self, damage_seen: u64) -> bool {
        self.0.looked_at.load(Ordering::Relaxed) != damage_seen
    }

    pub(super) fn was_looked_at(&self, damage_seen: u64) {
        self.0.looked_at.store(damage_seen, Ordering::Relaxed);
    }

    /// The file that lies there now is the one that was opened.
    pub(super) fn is_made(&self) {
        self.now().identity = identity_of(&self.0.path);
    }

    /// From here on connections that were made before are closed.
    pub(super) fn replaced(&self) {
        *self.now() = Now { identity: identity_of(&self.0.path), since: Instant::now() };
    }
}
