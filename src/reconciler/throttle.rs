//! How fast the log grows, and how long the reconciler rests between its steps meanwhile.
//!
//! Taking webhooks in and deriving figures share the processors. Nothing is lost where figures come a moment later.

use std::time::Duration;

use tokio::time::Instant;

use crate::{event::Seq, limits};

/// How fast the log has grown lately.
#[derive(Debug)]
pub(super) struct Throttle {
    /// Where the log ended when the growth was last told, and when that was.
    from: Option<(Seq, Instant)>,
    /// Events a second.
    growth: i64,
}

impl Throttle {
    pub(super) fn new() -> Self {
        Self { from: None, growth: 0 }
    }

    /// The log ends here now.
    pub(super) fn reached(&mut self, end: Seq, now: Instant) {
        let Some((from, since)) = self.from else {
            self.from = Some((end, now));
            return;
        };
        let span = now.duration_since(since);
        if span >= limits::THROTTLE_SPAN {
            let millis = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
            self.growth = end.distance(from).saturating_mul(1_000) / millis;
            self.from = Some((end, now));
        }
    }

    /// How long to rest after a step that took so long and read a stretch of so many events.
    pub(super) fn rest(&self, took: Duration, stretch: i64) -> Duration {
        let growth = u32::try_from(self.growth.max(0)).unwrap_or(u32::MAX);
        if growth < limits::THROTTLE_FROM || stretch < limits::THROTTLE_STRETCH {
            return Duration::ZERO;
        }
        let in_proportion = took.saturating_mul(growth) / limits::THROTTLE_RATE;
        in_proportion.min(took.saturating_mul(limits::THROTTLE_TIMES)).min(limits::THROTTLE_REST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_faster_the_log_grows_the_longer_it_rests() {
        let (start, took) = (Instant::now(), Duration::from_millis(30));
        let (mut throttle, mut now, mut end) = (Throttle::new(), start, Seq::START);
        // Four looks a second; whatever lay in the log before isn't what comes in.
        let mut rests = |events: i64, looks: u32| {
            for _ in 0..looks {
                (now, end) = (now + Duration::from_millis(250), Seq(end.0 + events));
                throttle.reached(end, now);
            }
            throttle.rest(took, 500).as_millis()
        };
        assert_eq!(rests(1_000_000, 1), 0, "the first look");
        assert_eq!(rests(0, 1), 0);
        assert_eq!(rests(225, 1), 0, "900 a second");
        assert_eq!(rests(625, 1), 30, "2,500 a second");
        assert_eq!(rests(1_250, 1), 60, "5,000 a second");
        assert_eq!(rests(10_000, 1), 90, "40,000 a second");
        assert_eq!(rests(0, 1), 0, "nothing any more");
        throttle.reached(Seq(end.0 + 500), now + Duration::from_secs(3_600));
        assert_eq!(throttle.rest(took, 500), Duration::ZERO, "some in an hour");
    }

    #[test]
    fn no_rest_is_longer_than_figures_may_be_late() {
        let mut throttle = Throttle::new();
        let start = Instant::now();
        throttle.reached(Seq::START, start);
        throttle.reached(Seq(100_000), start + Duration::from_secs(1));
        assert_eq!(throttle.rest(Duration::from_secs(5), 500), limits::THROTTLE_REST);
        assert_eq!(throttle.rest(Duration::from_secs(5), 20), Duration::ZERO, "it keeps up");
    }
}
