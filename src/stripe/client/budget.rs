//! The rate budget: requests leave one after the other at an even pace, and all wait when Stripe asks for it.

use std::{sync::Mutex, time::Duration};

use tokio::time::{Instant, sleep_until};

/// When the next request may leave.
#[derive(Debug)]
pub(super) struct Budget {
    spacing: Duration,
    turns: Mutex<Turns>,
}

#[derive(Debug)]
struct Turns {
    next: Instant,
    /// Nobody leaves before.
    resting_until: Instant,
}

impl Budget {
    /// At most `per_second` requests a second; at least one.
    pub(super) fn new(per_second: u32) -> Self {
        let now = Instant::now();
        Self {
            spacing: Duration::from_secs(1) / per_second.max(1),
            turns: Mutex::new(Turns { next: now, resting_until: now }),
        }
    }

    /// Waits for the turn of one request. Whoever waits already when a rest begins waits for its end as well, and gets a
    /// turn after it: they don't all leave in one instant then.
    pub(super) async fn turn(&self) {
        loop {
            let turn = self.with(|turns| {
                let turn = turns.next.max(Instant::now());
                turns.next = turn + self.spacing;
                turn
            });
            sleep_until(turn).await;
            if self.with(|turns| turns.resting_until <= turn) {
                return;
            }
        }
    }

    /// Nobody's turn comes before `pause` is over.
    pub(super) fn rest(&self, pause: Duration) {
        let end = Instant::now() + pause;
        self.with(|turns| {
            turns.resting_until = turns.resting_until.max(end);
            turns.next = turns.next.max(end);
        });
    }

    fn with<T>(&self, act: impl FnOnce(&mut Turns) -> T) -> T {
        act(&mut self.turns.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
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

    #[tokio::test]
    async fn who_waits_for_a_turn_when_a_rest_begins_rests_as_well() {
        let budget = std::sync::Arc::new(Budget::new(20));
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let budget = budget.clone();
                tokio::spawn(async move {
                    budget.turn().await;
                    Instant::now()
                })
            })
            .collect();
        // The first has left; the others have their turns at 50 and 100 ms.
        tokio::time::sleep(Duration::from_millis(10)).await;
        let end = Instant::now() + Duration::from_millis(300);
        budget.rest(Duration::from_millis(300));
        let mut left = Vec::new();
        for one in waiting {
            left.push(one.await.unwrap());
        }
        left.sort();
        assert!(left[0] < end && left[1] >= end && left[2] >= left[1] + Duration::from_millis(45), "{left:?}");
    }
}
