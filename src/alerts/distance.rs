//! How far apart two days are.

use crate::ledger::time::Day;

/// Days from `first` to `last`.
pub(super) fn distance(first: Day, last: Day) -> i64 {
    last.0.duration_since(first.0).as_secs() / 86_400
}
