//! The rate budget: requests leave one after the other at an even pace, and all wait when Stripe asks for it.

use std::{sync::Mutex, time::Duration};

use tokio::time::{Instant, sleep_until};

/// When the next request may leave.
#[derive(Debug)]
pub(super) struct Budget {
    spacing: Duration,
    next: Mutex<Instant>,
}

impl Budget {
    /// At most `per_second` requests a second; at least one.
    pub(super) fn new(per_second: u32) -> Self {
        Self { spacing: Duration::from_secs(1) / per_second.max(1), next: Mutex::new(Instant::now()) }
    }

    /// Waits for the turn of one request.
    pub(super) async fn turn(&self) {
        let turn = {
            let mut next = self.next.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let turn = (*next).max(Instant::now());
            *next = turn + self.spacing;
            turn
        };
        sleep_until(turn).await;
    }

    /// Nobody's turn comes before `pause` is over.
    pub(super) fn rest(&self, pause: Duration) {
        let mut next = self.next.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *next = (*next).max(Instant::now() + pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn requests_leave_at_an_even_pace_and_rest_together() {
        let budget = Budget::new(1_000);
        let began = Instant::now();
        for _ in 0..26 {
            budget.turn().await;
        }
        assert!(began.elapsed() >= Duration::from_millis(25));
        budget.rest(Duration::from_millis(80));
        budget.turn().await;
        assert!(began.elapsed() >= Duration::from_millis(105));
    }
}
