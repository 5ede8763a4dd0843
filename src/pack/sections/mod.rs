//! What each part of the pack says of the figures, in the order in which it is read.

mod ahead;
mod bridge;
mod lasting;
mod movements;
mod retention;
mod trust;

use super::{
    figures::Figures,
    said::{Block, Section, code},
};
use crate::ledger::money::Currency;

pub(super) fn all(figures: &Figures) -> Vec<Section> {
    vec![
        bridge::section(figures),
        retention::section(figures),
        movements::section(figures),
        lasting::durability(figures),
        lasting::cohorts(figures),
        ahead::section(figures),
        trust::restatements(figures),
        trust::accuracy(figures),
        trust::unknown(figures),
    ]
}

/// What `of` says of each currency, below a heading where there are several.
fn each_currency(figures: &Figures, of: impl Fn(Currency) -> Vec<Block>) -> Vec<Block> {
    let several = figures.currencies.len() > 1;
    let blocks = figures.currencies.iter().flat_map(|currency| {
        let heading = several.then(|| Block::Heading(format!("In {}", code(*currency))));
        heading.into_iter().chain(of(*currency))
    });
    let blocks: Vec<Block> = blocks.collect();
    if blocks.is_empty() { vec![nothing("There is no MRR in this month's ledger.")] } else { blocks }
}

/// A paragraph that only says something.
fn nothing(text: &str) -> Block {
    Block::Said(vec![super::said::Said::new().and(text)])
}

/// A field's name as a person writes it.
fn words(field: &str) -> String {
    field.replace('_', " ")
}
