//! What counts at an instant, item by item, and by how much it differs from what counts at another.

use std::collections::BTreeMap;

use super::known::Piece;
use crate::{
    counting::{Counted, Stretch},
    fact::Interval,
    ids::*,
    money::{Currency, Mrr},
};

/// What a line counts: by currency, item and all that revaluation tells apart.
pub(super) type Level = BTreeMap<(Currency, ItemId, Option<ProductId>, PriceId, Option<Interval>), Mrr>;

/// What counts of a stretch, item by item.
pub(super) fn level(counted: &Counted<'_>, stretch: &Stretch) -> Level {
    let mut level = Level::new();
    let Some(currency) = stretch.currency else { return level };
    for line in stretch.lines.iter().filter(|line| line.mrr != Mrr::ZERO) {
        let item = counted.item(stretch, line);
        let key = (currency, item.item.clone(), item.product.clone(), item.price.clone(), item.interval);
        level.entry(key).or_default().0 += line.mrr.0;
    }
    level
}

/// By its id, what an item goes on as: the item of the same place before it is another price's.
pub(super) fn slots_of(counted: &Counted<'_>, stretch: &Stretch) -> BTreeMap<ItemId, u32> {
    stretch.lines.iter().map(|line| (counted.item(stretch, line).item.clone(), line.lineage)).collect()
}

/// Adds what an instant counts to the sums of each currency.
pub(super) fn add(level: &Level, sums: &mut BTreeMap<Currency, Mrr>) {
    for ((currency, ..), mrr) in level {
        sums.entry(*currency).or_default().0 += mrr.0;
    }
}

/// By how much each of it differs; what stays the same is left out.
pub(super) fn difference(before: &Level, after: &Level) -> Level {
    let mut moved = after.clone();
    for (key, mrr) in before {
        moved.entry(key.clone()).or_default().0 -= mrr.0;
    }
    moved.retain(|_, mrr| *mrr != Mrr::ZERO);
    moved
}

/// Pieces of one item, before and after it changes its price or its name, are one change, called after what follows.
pub(super) fn by_slot(
    moved: Level,
    before: &BTreeMap<ItemId, u32>,
    after: &BTreeMap<ItemId, u32>,
) -> BTreeMap<(Currency, ItemId), Vec<Piece>> {
    let mut changes: BTreeMap<(Currency, ItemId), Vec<Piece>> = BTreeMap::new();
    for ((currency, item, product, price, interval), amount) in moved {
        let follower = || {
            let lineage = before.get(&item)?;
            after.iter().find(|(_, one)| *one == lineage).map(|(item, _)| item.clone())
        };
        let slot = if after.contains_key(&item) { item.clone() } else { follower().unwrap_or_else(|| item.clone()) };
        changes.entry((currency, slot)).or_default().push(Piece { item, product, price, interval, amount });
    }
    changes
}
