//! The connections that append, kept from one group to the next: the pool asks the server once before it lends a connection
//! and once when it has it back, and each group would wait for three answers where one is enough.

use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sqlx::Connection as _;

use super::driver::{Connection, Pool};
use crate::store::errors::is_distrusted;

/// One that nobody used for so long is asked before it is used again, as the pool does with all of its own.
const IDLE_MAX: Duration = Duration::from_secs(1);

/// How old one may grow: as old as the pool lets its own grow.
const AGE_MAX: Duration = Duration::from_secs(30 * 60);

/// Those by which nobody appends just now, never more than there were appends at once; clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Arriving(Arc<Mutex<Vec<Kept>>>);

/// A connection that left the pool.
#[derive(Debug)]
pub(super) struct Kept {
    connection: Connection,
    since: Instant,
    used: Instant,
}

impl Arriving {
    fn idle(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The one that was used last, or one of the pool's. Whoever succeeds with it hands it to [`Arriving::keep`]; whoever
    /// doesn't drops it, which closes it: nobody knows what state it is in.
    pub(super) async fn take(&self, pool: &Pool) -> Result<Kept, sqlx::Error> {
        let last = self.idle().pop();
        if let Some(mut kept) = last {
            let is_trusted = kept.since.elapsed() < AGE_MAX && !is_distrusted(kept.since.elapsed());
            if is_trusted && (kept.used.elapsed() < IDLE_MAX || kept.connection.ping().await.is_ok()) {
                return Ok(kept);
            }
        }
        let connection = pool.acquire().await?.detach();
        let now = Instant::now();
        Ok(Kept { connection, since: now, used: now })
    }

    /// For the next group.
    pub(super) fn keep(&self, mut kept: Kept) {
        kept.used = Instant::now();
        self.idle().push(kept);
    }

    /// Closes all of them: something failed, and may have failed for the others as well; or the log is closing.
    pub(super) fn forget(&self) {
        self.idle().clear();
    }
}

impl Deref for Kept {
    type Target = Connection;

    fn deref(&self) -> &Self::Target {
        &self.connection
    }
}

impl DerefMut for Kept {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.connection
    }
}
