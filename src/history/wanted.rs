//! Which objects of Stripe's would settle what the events leave open.

use std::collections::BTreeSet;

use crate::{
    ledger::{
        fact::{DiscountState, Fact, Scheme, State},
        outcome::{QualityEntry, QualityKind},
    },
    stripe::client::lists::Objects,
};

/// An object to be fetched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wanted {
    /// The list it is of.
    pub(super) list: Objects,
    pub(super) id: String,
}

/// Before the id of a coupon, which is free text, among the ids that thin events tell.
pub(super) const COUPON: &str = "coupon:";

/// By which id the object of a thin event of this type is asked for; none where it is of no list that is read.
pub(super) fn wanted_id(kind: &str, object: &str) -> Option<String> {
    if kind.starts_with("v1.coupon.") {
        return Some(format!("{COUPON}{object}"));
    }
    kind_of(object).map(|_| object.to_owned())
}

/// The list an id belongs to, where its prefix tells.
pub(super) fn kind_of(id: &str) -> Option<Objects> {
    match id.split_once('_')?.0 {
        "sub" => Some(Objects::Subscriptions),
        "in" => Some(Objects::Invoices),
        "cus" => Some(Objects::Customers),
        "price" => Some(Objects::Prices),
        "prod" => Some(Objects::Products),
        _ => None,
    }
}

/// What only Stripe can settle.
pub(super) const WANTED: [QualityKind; 6] = [
    QualityKind::Gap,
    QualityKind::Overdue,
    QualityKind::UnresolvedDiscount,
    QualityKind::DiscountEstimated,
    QualityKind::DurationInferred,
    QualityKind::UnpricedItem,
];

/// What would settle an entry: the subscription it is about, and the price whose amounts are missing.
pub(super) fn wanted(entry: &QualityEntry, facts: &[Fact]) -> Vec<Wanted> {
    let object = &*entry.object;
    if matches!(entry.kind, QualityKind::Gap | QualityKind::Overdue) {
        return vec![Wanted { list: Objects::Subscriptions, id: object.to_owned() }];
    }
    let mut found = BTreeSet::new();
    for fact in facts {
        let State::Subscription { after, .. } = &fact.state else { continue };
        let of_items = after.items.iter().flat_map(|item| &item.discounts);
        let names = |discount: &DiscountState| {
            discount.id.as_ref().is_some_and(|id| id.as_str() == object)
                || discount.coupon.as_ref().is_some_and(|id| id.as_str() == object)
        };
        let of_items: Vec<_> = of_items.collect();
        let discounts = || after.discounts.iter().chain(of_items.iter().copied());
        if after.id.as_str() == object || discounts().any(names) {
            found.insert(Wanted { list: Objects::Subscriptions, id: after.id.to_string() });
        }
        for discount in discounts().filter(|discount| names(discount) && discount.terms.is_none()) {
            found
                .extend(discount.coupon.iter().map(|coupon| Wanted { list: Objects::Coupons, id: coupon.to_string() }));
        }
        for item in after.items.iter().filter(|item| item.id.as_str() == object) {
            // Without tiers, or without an amount in the subscription's currency.
            if item.price.scheme == Scheme::Unknown || item.price.currency != after.currency {
                found.insert(Wanted { list: Objects::Prices, id: item.price.id.to_string() });
            }
        }
    }
    found.into_iter().collect()
}
