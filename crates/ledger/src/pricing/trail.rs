//! The arithmetic in words: written only when `explain` asks, by the very code that prices.

use crate::ids::ItemId;

/// One rule applied to one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The rule's place in mrr.md.
    pub rule: &'static str,
    /// What it did, in minor units.
    pub text: String,
}

/// Section 1: amounts.
pub(super) const AMOUNT: &str = "mrr.md 1, amount";
/// Section 1: what isn't known never makes a movement.
pub(super) const UNKNOWN: &str = "mrr.md 1, unknown";
/// Section 1 and 3: the knob `metered`.
pub(super) const METERED: &str = "mrr.md 1, metered";
/// Section 2: discounts.
pub(super) const DISCOUNT: &str = "mrr.md 2, discounts";
/// Section 2: tax.
pub(super) const TAX: &str = "mrr.md 2, tax";
/// Section 3: an item's own trial.
pub(super) const TRIAL: &str = "mrr.md 3, item trial";
/// Section 1: rounding.
pub(super) const ROUNDING: &str = "mrr.md 1, rounding";

/// Takes down steps, or doesn't: the words are built only if somebody reads them.
pub(super) trait Recorder: Default {
    fn step(&mut self, item: &ItemId, rule: &'static str, text: impl FnOnce() -> String);
}

/// The hot path: nothing is written.
#[derive(Default)]
pub(super) struct Silent;

impl Recorder for Silent {
    fn step(&mut self, _: &ItemId, _: &'static str, _: impl FnOnce() -> String) {}
}

/// The path of `explain`.
#[derive(Default)]
pub(super) struct Written(pub(super) Vec<(ItemId, Step)>);

impl Recorder for Written {
    fn step(&mut self, item: &ItemId, rule: &'static str, text: impl FnOnce() -> String) {
        self.0.push((item.clone(), Step { rule, text: text() }));
    }
}
