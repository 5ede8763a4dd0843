//! What the ledger says at the places of an export, and whether Stripe says the same.

use std::collections::{BTreeMap, BTreeSet};

use super::stripe_export::{Export, ExportPeriod, Form, Said};
use crate::{
    event::CustomerKey,
    ledger::{
        money::{Currency, Mrr},
        outcome::{CustomerLedger, Kind, Movement},
        time::UnixTime,
    },
};

/// Below one minor unit: Stripe rounds what it prints.
const ROUNDING: i128 = Mrr::MINOR;

/// What the ledger says at one place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ours {
    pub(super) amount: Mrr,
    pub(super) kind: Option<Kind>,
    pub(super) events: BTreeSet<String>,
    pub(super) movements: usize,
}

impl Ours {
    /// Whether Stripe's figure is the same, and of the same kind as far as both say one.
    pub(super) fn agrees(&self, said: &Said) -> bool {
        let amounts = (self.amount.0 - said.amount.0).abs() < ROUNDING;
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
                for delta in ledger.deltas.iter().filter(|delta| delta.at <= now && delta.day <= month.last()) {
                    all.entry((delta.currency, *place)).or_default().amount.0 += delta.mrr.0;
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
                one.kind = Some(movement.kind).filter(|_| one.movements == 1);
                one.events.extend(events(movement));
            }
        }
    }
    all
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
