//! One answer at a time: what is asked for side by side is taken off the wire one after the other.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

/// Where answers are taken from the wire.
#[derive(Debug, Default)]
pub(super) struct PageGate {
    holding: Arc<Mutex<()>>,
    /// Held by whoever is next.
    next: Mutex<()>,
}

/// An answer that is being kept; the next one is taken when this is dropped.
#[derive(Debug)]
pub struct GateGuard {
    _holding: OwnedMutexGuard<()>,
}

impl PageGate {
    /// Waits until nothing is in hand, and takes.
    pub(super) async fn enter(&self) -> GateGuard {
        let _next = self.next.lock().await;
        GateGuard { _holding: self.holding.clone().lock_owned().await }
    }

    /// Waits while an answer waits to be taken: more of them would come in vain if we were killed now.
    pub(super) async fn idle(&self) {
        drop(self.next.lock().await);
    }
}
