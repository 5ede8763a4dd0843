//! The points between two steps of the reconciler at which a test may plan a failure; in a release they are nothing.

/// The position has moved and marks are set; nothing is recomputed yet.
pub const AFTER_ADVANCE: &str = "reconciler.after_advance";
/// Ledgers are derived, their rows not yet written.
pub const BEFORE_REPLACE: &str = "reconciler.before_replace";
/// Rows are written and their marks cleared.
pub const AFTER_REPLACE: &str = "reconciler.after_replace";
/// A new generation exists, empty.
pub const AFTER_BEGIN: &str = "rebuild.after_begin";
/// The new generation has caught up and nothing points to it.
pub const BEFORE_SWITCH: &str = "rebuild.before_switch";
/// The new generation answers, the old one is still there.
pub const AFTER_SWITCH: &str = "rebuild.after_switch";
/// The old generation is gone.
pub const AFTER_DROP: &str = "rebuild.after_drop";

/// All of them, for tests that go through each.
pub const POINTS: [&str; 7] =
    [AFTER_ADVANCE, BEFORE_REPLACE, AFTER_REPLACE, AFTER_BEGIN, BEFORE_SWITCH, AFTER_SWITCH, AFTER_DROP];
