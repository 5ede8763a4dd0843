//! What pricing couldn't know, from when and until when (rule `unknown-amounts`).

use std::{collections::BTreeMap, sync::Arc};

use super::{durations::Inferred, evidence::Estimate, gross::Gross};
use crate::{
    fact::{ItemState, SubscriptionState},
    ids::EventId,
    money::Currency,
    outcome::{QualityEntry, QualityKind},
    time::UnixTime,
    units,
};

/// Something one span couldn't know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Issue {
    kind: QualityKind,
    object: Arc<str>,
    detail: String,
    settle: &'static str,
}

const PRICE_TERMS: &str = "the price with its tiers and currency options: GET /v1/prices/{id}?expand[]=tiers&expand[]=currency_options, \
                           or a price event that carries them";

const DISCOUNT_TERMS: &str =
    "its terms: GET /v1/subscriptions/{id}?expand[]=discounts, or a customer.discount or coupon event";

impl Issue {
    /// Stays listed when the state that showed it is gone: what history counts goes on resting on it.
    fn stays(kind: QualityKind) -> bool {
        matches!(kind, QualityKind::DiscountEstimated | QualityKind::DurationInferred | QualityKind::UnknownValue)
    }

    fn key(&self) -> Key {
        let value = (self.kind == QualityKind::UnknownValue).then(|| self.detail.clone());
        (self.kind, self.object.clone(), value)
    }

    fn new(kind: QualityKind, object: &str, detail: String, settle: &'static str) -> Self {
        Self { kind, object: object.into(), detail, settle }
    }

    /// Nothing tells the amount.
    pub(super) fn unpriced(item: &ItemState) -> Self {
        let detail = match &item.price.unknown {
            Some(unknown) => {
                format!(
                    "{unknown} of price {} is not known, and it never counted before: counted in no figure",
                    item.price.id
                )
            }
            None => format!("the amount of price {} is told nowhere in the log: counted in no figure", item.price.id),
        };
        Self::new(QualityKind::UnpricedItem, item.id.as_str(), detail, PRICE_TERMS)
    }

    /// The amount may be told, but not in what.
    pub(super) fn no_currency(item: &ItemState) -> Self {
        let detail = format!("price {} is in no currency that mrrd knows: counted in no figure", item.price.id);
        let settle = "a currency of three letters on the subscription or its price";
        Self::new(QualityKind::UnpricedItem, item.id.as_str(), detail, settle)
    }

    /// The amount doesn't fit into exact arithmetic.
    pub(super) fn overflow(item: &ItemState) -> Self {
        let detail = format!(
            "price {} times its quantity, less its discounts, overflows the ledger's exact numbers: counted in no figure",
            item.price.id
        );
        Self::new(QualityKind::UnpricedItem, item.id.as_str(), detail, "a price, quantity or discount of fewer digits")
    }

    /// The embedded list of items was cut.
    pub(super) fn cut_list(state: &SubscriptionState) -> Self {
        let detail = format!(
            "the list of items is not whole (has_more, or one that can't be read): {} can be told, the others carry what \
             they last counted, or count in no figure",
            state.items.len()
        );
        let settle = "a subscription event or an answer of Stripe's API that shows all its items";
        Self::new(QualityKind::UnpricedItem, state.id.as_str(), detail, settle)
    }

    /// The amount is an estimate.
    pub(super) fn estimated(item: &ItemState, kept: bool, gross: Gross) -> Self {
        let detail = match gross {
            _ if kept => "not shown in a list that was cut: counts what it last counted".into(),
            Gross::PartOfUsage(_) => {
                let detail =
                    "an invoice of its usage doesn't show all its lines (has_more): counts what they show".into();
                let settle = "an event or an answer of Stripe's API that shows all lines of the invoice";
                return Self::new(QualityKind::EstimatedItem, item.id.as_str(), detail, settle);
            }
            Gross::Billed(_) => format!("price {} can't be told: counts an invoice line of it", item.price.id),
            _ => format!("price {} can't be told: counts what it last counted", item.price.id),
        };
        Self::new(QualityKind::EstimatedItem, item.id.as_str(), detail, PRICE_TERMS)
    }

    /// Neither terms nor an invoice line.
    pub(super) fn unresolved_discount(name: &str) -> Self {
        let detail = "neither its terms nor an invoice line that shows it are in the log: nothing is taken off".into();
        Self::new(QualityKind::UnresolvedDiscount, name, detail, DISCOUNT_TERMS)
    }

    /// Known by its id alone, and what it takes off read off invoice lines.
    pub(super) fn discount_estimated(name: &str, estimate: Estimate, currency: Option<Currency>) -> Self {
        let choice = match estimate {
            Estimate::Percent(percent) => format!("{percent} %, which explains every invoice line that shows it"),
            Estimate::Amount(minor) => {
                let amount = units::within(minor, currency);
                format!("{amount} an invoice, which explains every invoice that shows it")
            }
            Estimate::Nearest => "the share that the nearest invoice line shows".into(),
        };
        let detail = format!("known only by its id: takes off {choice}");
        Self::new(QualityKind::DiscountEstimated, name, detail, DISCOUNT_TERMS)
    }

    /// How long it lasts is told nowhere, and read off when it went.
    pub(super) fn duration_inferred(name: &str, inferred: Inferred) -> Self {
        let detail = format!("how long it lasts is told nowhere in the log; {}", inferred.because());
        Self::new(QualityKind::DurationInferred, name, detail, DISCOUNT_TERMS)
    }

    /// Something of its price is of a kind nobody knows: it changes nothing.
    pub(super) fn unknown_value(item: &ItemState, unknown: &str, counts: bool) -> Self {
        let counts = if counts { "it counts what it counted before" } else { "it never counted before" };
        let detail = format!("{unknown} of price {} is not known: {counts}", item.price.id);
        Self::new(QualityKind::UnknownValue, item.id.as_str(), detail, "a version of mrrd that knows it")
    }

    /// Terms without a duration, or with one nobody knows.
    pub(super) fn unknown_duration(name: &str) -> Self {
        let detail = "how long it lasts is told nowhere in the log: counts as forever".into();
        let settle = "its coupon with a duration of once, repeating or forever, or a version of mrrd that knows it";
        Self::new(QualityKind::UnresolvedDiscount, name, detail, settle)
    }

    /// Inclusive tax of unknown rate.
    pub(super) fn tax_unknown(item: &ItemState) -> Self {
        let detail = format!("price {} includes tax at a rate told nowhere in the log: stays gross", item.price.id);
        let settle = "an invoice line of it with something left to pay, or tax rates on the item or subscription";
        Self::new(QualityKind::TaxUnknown, item.id.as_str(), detail, settle)
    }
}

/// What tells an issue from others: of an object, each unknown value is one of its own.
type Key = (QualityKind, Arc<str>, Option<String>);

/// Turns what single spans couldn't know into entries with a beginning and an end.
#[derive(Debug, Default)]
pub(super) struct Tracker {
    entries: Vec<QualityEntry>,
    open: BTreeMap<Key, usize>,
}

impl Tracker {
    /// Takes in all issues of the span that begins at `at`; what isn't among them any more is settled.
    pub(super) fn observe(&mut self, at: UnixTime, event: Option<&EventId>, issues: Vec<Issue>) {
        if self.open.is_empty() && issues.is_empty() {
            return;
        }
        let entries = &mut self.entries;
        self.open.retain(|key, index| {
            let stands = Issue::stays(key.0) || issues.iter().any(|issue| issue.key() == *key);
            if !stands && let Some(entry) = entries.get_mut(*index) {
                entry.until = Some(at);
            }
            stands
        });
        for issue in issues {
            let key = issue.key();
            let Issue { kind, object, detail, settle } = issue;
            self.open.entry(key).or_insert_with(|| {
                let (event, settle) = (event.cloned(), settle.to_owned());
                self.entries.push(QualityEntry { kind, object, event, at, until: None, detail, settle });
                self.entries.len() - 1
            });
        }
    }

    /// The entries, by kind and object.
    pub(super) fn finish(mut self) -> Vec<QualityEntry> {
        self.entries.sort();
        self.entries
    }
}
