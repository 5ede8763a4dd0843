//! What the ledger says at the places of an export, and whether Stripe says the same.

use std::collections::{BTreeMap, BTreeSet};

use super::stripe_export::{Export, ExportPeriod, Form, Said};
use crate::{
    event::CustomerKey,
    ledger::{
        money::{Currency, Mrr},
        outcome::{CustomerLedger, Kind, Movement, Side},
        time::UnixTime,
    },
};

/// Stripe keeps each item's amount in whole minor units (docs/wire.md 4.3), the ledger exactly: so far one item's may lie apart.
const ROUNDING: i128 = Mrr::MINOR;

/// What the ledger says at one place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ours {
    pub(super) amount: Mrr,
    pub(super) kind: Option<Kind>,
    pub(super) events: BTreeSet<String>,
    pub(super) movements: usize,
    /// How many items' amounts are in it that are no whole minor units, so that Stripe has rounded them.
    pub(super) rounded: Rounded,
}

/// What Stripe has rounded of a figure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Rounded {
    /// Nothing but the figure itself.
    #[default]
    Whole,
    /// Each of so many amounts.
    Amounts(i128),
    /// Each of so many amounts before a change and after it.
    Changes(i128),
}

impl Rounded {
    /// Whether figures that lie so far apart, whatever the sign, may be one that was rounded.
    fn explains(self, apart: i128) -> bool {
        let of = |amounts: i128| amounts.saturating_mul(ROUNDING);
        match self {
            Self::Whole | Self::Amounts(0) | Self::Changes(0) => apart < ROUNDING,
            Self::Amounts(amounts) => apart < of(amounts),
            // From half a unit too much to half a unit too little is a whole one.
            Self::Changes(amounts) => apart <= of(amounts),
        }
    }
}

impl Ours {
    /// Whether Stripe's figure is the same but for rounding, and of the same kind as far as both say one.
    pub(super) fn agrees(&self, said: &Said) -> bool {
        let amounts = self.rounded.explains((self.amount.0 - said.amount.0).abs());
        amounts && self.kind.zip(said.kind).is_none_or(|(ours, theirs)| ours == theirs)
    }
}

/// A customer's figures at the places of an export, as of `now`.
pub(super) fn figures(
    ledger: &CustomerLedger,
    export: &Export,
    now: UnixTime,
) -> BTreeMap<(Currency, ExportPeriod), Ours> {
    let mut all: BTreeMap<(Currency, ExportPeriod), Ours> = BTreeMap::new();
    match export.form {
        Form::PerMonth => {
            for place in &export.places {
                let ExportPeriod::Month(month) = place else { continue };
                let mut items: BTreeMap<_, i128> = BTreeMap::new();
                for delta in ledger.deltas.iter().filter(|delta| delta.at <= now && delta.day <= month.last()) {
                    all.entry((delta.currency, *place)).or_default().amount.0 += delta.mrr.0;
                    *items.entry((delta.currency, &delta.subscription, &delta.item)).or_default() += delta.mrr.0;
                }
                for ((currency, ..), _) in items.into_iter().filter(|(_, amount)| !is_whole(*amount)) {
                    let one = all.entry((currency, *place)).or_default();
                    one.rounded = match one.rounded {
                        Rounded::Amounts(amounts) => Rounded::Amounts(amounts + 1),
                        _ => Rounded::Amounts(1),
                    };
                }
                for movement in ledger.movements.iter().filter(|movement| shown(movement, now)) {
                    if (month.first()..=month.last()).contains(&movement.day) {
                        all.entry((movement.currency, *place)).or_default().events.extend(events(movement));
                    }
                }
            }
        }
        Form::Changes => {
            let days = export.places.first().zip(export.places.last());
            for movement in ledger.movements.iter().filter(|movement| shown(movement, now)) {
                let place = ExportPeriod::Day(movement.day);
                if days.is_none_or(|(first, last)| place < *first || place > *last) {
                    continue;
                }
                let one = all.entry((movement.currency, place)).or_default();
                one.amount.0 += movement.amount.0;
                one.movements += 1;
                let whole = |side: &Option<Side>| side.as_ref().is_none_or(|side| is_whole(side.amount.0));
                let parts = movement.parts.iter().filter(|part| !whole(&part.before) || !whole(&part.after));
                let changed: BTreeSet<_> = parts.map(|part| (&part.subscription, &part.item)).collect();
                let before = if let Rounded::Changes(amounts) = one.rounded { amounts } else { 0 };
                one.rounded = Rounded::Changes(before + i128::try_from(changed.len()).unwrap_or(i128::MAX));
                one.kind = Some(movement.kind).filter(|_| one.movements == 1);
                one.events.extend(events(movement));
            }
        }
    }
    all
}

fn is_whole(amount: i128) -> bool {
    amount % Mrr::MINOR == 0
}

fn events(movement: &Movement) -> impl Iterator<Item = String> {
    movement.parts.iter().flat_map(|part| part.events.iter().map(ToString::to_string))
}

fn shown(movement: &Movement, now: UnixTime) -> bool {
    let moved = !matches!(movement.kind, Kind::OpeningBalance | Kind::Transient | Kind::Fx);
    moved && movement.visible_from <= now && movement.visible_until.is_none_or(|until| now < until)
}

/// One customer in which something differs.
pub(super) struct Suspect {
    pub(super) key: CustomerKey,
    pub(super) said: BTreeMap<(Currency, ExportPeriod), Said>,
    pub(super) ledger: CustomerLedger,
    pub(super) ours: BTreeMap<(Currency, ExportPeriod), Ours>,
    /// What it would be under each candidate, in their order.
    pub(super) otherwise: Vec<BTreeMap<(Currency, ExportPeriod), Ours>>,
    /// Whether the export names the customer at all, or tells of everybody.
    pub(super) named: bool,
    /// What it would be if `ledger.exclude` left nobody out.
    pub(super) included: Option<BTreeMap<(Currency, ExportPeriod), Ours>>,
}

impl Suspect {
    pub(super) fn places(&self) -> BTreeSet<(Currency, ExportPeriod)> {
        places(&self.said, &self.ours)
    }
}

/// Every place that either of the two says something about; that the ledger has nothing there needs no saying.
pub(super) fn places(
    said: &BTreeMap<(Currency, ExportPeriod), Said>,
    ours: &BTreeMap<(Currency, ExportPeriod), Ours>,
) -> BTreeSet<(Currency, ExportPeriod)> {
    let something = ours.iter().filter(|(_, ours)| ours.amount != Mrr::ZERO).map(|(at, _)| at);
    said.keys().chain(something).copied().collect()
}

/// Whether a figure of `all` agrees with what Stripe says there; what isn't there is nothing.
pub(super) fn agree(
    all: &BTreeMap<(Currency, ExportPeriod), Ours>,
    said: &BTreeMap<(Currency, ExportPeriod), Said>,
    at: &(Currency, ExportPeriod),
) -> bool {
    let nothing = Ours::default();
    all.get(at).unwrap_or(&nothing).agrees(said.get(at).unwrap_or(&Said::default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agree(ours: i128, rounded: Rounded, stripe: i128) -> bool {
        let said = Said { amount: Mrr(stripe * Mrr::MINOR), kind: None, rows: 1 };
        Ours { amount: Mrr(ours), rounded, ..Ours::default() }.agrees(&said)
    }

    /// A yearly price of 100.00 is 833.333333 a month: three of them are 24.99 where each is rounded, and 25.00 together.
    #[test]
    fn what_stripe_rounds_item_by_item_is_no_difference() {
        let third = Mrr::MINOR * 2500 / 3;
        assert!(agree(third, Rounded::Amounts(1), 833));
        assert!(!agree(third, Rounded::Amounts(1), 835));
        assert!(agree(third * 3 + 1, Rounded::Amounts(3), 2499));
        assert!(!agree(third * 3 + 1, Rounded::Amounts(3), 2496));
        // Whole amounts aren't rounded: a cent is a cent, however many items there are.
        assert!(!agree(2500 * Mrr::MINOR, Rounded::Whole, 2499));
        assert!(!agree(2500 * Mrr::MINOR, Rounded::Amounts(0), 2499));
        // From 833.5 to 1666.5, rounded half to even: from 834 to 1666.
        assert!(agree(833 * Mrr::MINOR, Rounded::Changes(1), 832));
        assert!(!agree(833 * Mrr::MINOR, Rounded::Changes(0), 832));
    }
}
