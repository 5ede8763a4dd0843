//! A replacement: one subscription of a customer ends and another begins within one window, and only these. That is how
//! most check-out pages change plans, so their items are changed items (rule `replacement`).

use std::collections::BTreeMap;

use super::{
    counting::{CountStatus, Counted, CountedItem, Stretch},
    sweep::Sweep,
    time::UnixTime,
};

/// How far apart an end and a beginning may be where nothing nets (`netting = none`).
const APART_SECONDS: i64 = 60 * 60;

/// Two subscriptions, one in place of the other, and which of their items are one changed item.
#[derive(Clone, Debug)]
pub(super) struct Replacement {
    /// The subscription that ended, and its stretch before the window.
    pub ended: (usize, usize),
    /// The subscription that began, and its stretch after the window.
    pub began: (usize, usize),
    /// Lineages in the one that ended, by those in the one that began.
    pairs: BTreeMap<u32, u32>,
}

impl Replacement {
    /// The one of a window, by each subscription's stretch before (of those that changed) and after it.
    pub(super) fn within(
        subscriptions: &[Counted<'_>],
        before: &BTreeMap<usize, Option<usize>>,
        after: &[Option<usize>],
    ) -> Option<Self> {
        let (mut ended, mut began) = (None, None);
        for (&subscription, &was) in before {
            let counted = &subscriptions[subscription];
            let Some(is) = after[subscription] else { continue };
            let place = match turn(counted, was, is) {
                Some(Turn::Ends) => ended.replace((subscription, was.unwrap_or(is))),
                Some(Turn::Begins) => began.replace((subscription, is)),
                None => None,
            };
            if place.is_some() {
                return None;
            }
        }
        let (ended, began) = (ended?, began?);
        let pairs = pairs(&subscriptions[ended.0], ended.1, &subscriptions[began.0], began.1);
        Some(Self { ended, began, pairs })
    }

    /// The lineage in the subscription that ended which goes on as this one of the other.
    pub(super) fn replaced_by(&self, lineage: u32) -> Option<u32> {
        self.pairs.get(&lineage).copied()
    }

    /// Whether this lineage of the subscription that ended goes on in the other.
    pub(super) fn replaces(&self, lineage: u32) -> bool {
        self.pairs.values().any(|of| *of == lineage)
    }
}

enum Turn {
    Ends,
    Begins,
}

/// Whether a subscription ends or begins from one stretch to another: an end may be one from its request on, a beginning
/// is the first time that it counts.
fn turn(counted: &Counted<'_>, was: Option<usize>, is: usize) -> Option<Turn> {
    let counts = |stretch: usize| counted.stretches[stretch].count_status.counts();
    let after = counted.stretches[is].count_status;
    match was {
        Some(was) if counts(was) => matches!(after, CountStatus::Ended | CountStatus::Requested).then_some(Turn::Ends),
        Some(was) if (0..=was).any(counts) => None,
        _ => after.counts().then_some(Turn::Begins),
    }
}

/// Licensed items by product in list order, then one left on each side with the other.
fn pairs(ended: &Counted<'_>, before: usize, began: &Counted<'_>, after: usize) -> BTreeMap<u32, u32> {
    let (before, after) = (&ended.stretches[before], &began.stretches[after]);
    let mut old = licensed(ended, before);
    let mut pairs = BTreeMap::new();
    let mut left: Vec<&CountedItem> = Vec::new();
    for line in licensed(began, after) {
        let product = &began.item(after, line).product;
        let same = |one: &&CountedItem| product.is_some() && ended.item(before, one).product == *product;
        match old.iter().position(same) {
            Some(place) => drop(pairs.insert(line.lineage, old.remove(place).lineage)),
            None => left.push(line),
        }
    }
    if let ([new], [old]) = (left.as_slice(), old.as_slice()) {
        pairs.insert(new.lineage, old.lineage);
    }
    pairs
}

fn licensed<'c>(counted: &Counted<'_>, stretch: &'c Stretch) -> Vec<&'c CountedItem> {
    stretch.lines.iter().filter(|line| !counted.item(stretch, line).metered).collect()
}

/// Where nothing nets, the moments from the one of a replacement to the other: each pair of instants, in order, that a
/// window has to hold for the two to be one change.
pub(super) fn unnetted(subscriptions: &[Counted<'_>], sweep: &Sweep) -> Vec<(UnixTime, UnixTime)> {
    let turns: Vec<(UnixTime, usize, bool)> = sweep
        .boundaries
        .iter()
        // What ran before the log began hasn't begun now, whatever it amounted to.
        .filter(|boundary| boundary.stretch > 0 || !subscriptions[boundary.subscription].opens())
        .filter_map(|boundary| {
            let turn = turn(&subscriptions[boundary.subscription], boundary.before(), boundary.stretch)?;
            Some((boundary.at, boundary.subscription, matches!(turn, Turn::Begins)))
        })
        .collect();
    let mut spans = Vec::new();
    let mut from = 0;
    while let Some((first, subscription, begins)) = turns.get(from).copied() {
        let near: Vec<_> = turns[from + 1..].iter().take_while(|(at, ..)| *at <= first.plus(APART_SECONDS)).collect();
        match near.as_slice() {
            [(last, other, other_begins)] if *other != subscription && *other_begins != begins => {
                spans.push((first, *last));
                from += 2;
            }
            _ => from += 1,
        }
    }
    spans
}
