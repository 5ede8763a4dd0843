//! The arithmetic in words: written only when `explain` asks, by the very code that prices.

use crate::ids::ItemId;

/// One rule applied to one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The rule's name in docs/rules.md.
    pub rule: &'static str,
    /// What it did, amounts in units of the currency.
    pub text: String,
}

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
