//! The columns in which sums are kept, and their numbers in the same order.

use crate::store::derived::sum::{DayAmount, DayCount, DayMovement};

/// Numbers of a sum of amounts.
pub(super) const AMOUNT: &str = "items, mrr, mrr_rest, list, list_rest, estimated, estimated_rest, at_risk, at_risk_rest, \
                      scheduled_churn, scheduled_churn_rest";
/// Of counts.
pub(super) const COUNT: &str = "items, customers, subscriptions, trials";
/// Of movements.
pub(super) const MOVED: &str = "items, amount, amount_rest";

/// In the order of [`AMOUNT`].
pub(super) fn amount_numbers(DayAmount { items, amounts }: &DayAmount) -> Vec<i64> {
    std::iter::once(*items).chain(amounts.iter().flat_map(|(minor, rest)| [*minor, *rest])).collect()
}

/// In the order of [`COUNT`].
pub(super) fn count_numbers(DayCount { items, counts }: &DayCount) -> Vec<i64> {
    std::iter::once(*items).chain(*counts).collect()
}

/// In the order of [`MOVED`].
pub(super) fn movement_numbers(DayMovement { items, amount: (minor, rest) }: &DayMovement) -> Vec<i64> {
    vec![*items, *minor, *rest]
}
