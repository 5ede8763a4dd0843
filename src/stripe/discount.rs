//! Coupons and discounts, by id or in full, where each version keeps them.

use std::{borrow::Cow, collections::BTreeMap, str::FromStr};

use serde::Deserialize;

use super::json::{Array, List, Named, Obj, Oddities, Raw, Ref, shared};
use crate::ledger::{
    fact::{CouponTerms, DiscountState, Duration, Off},
    ids::{CouponId, CustomerId, DiscountId, ItemId, ProductId, SubscriptionId},
    money::{Currency, Decimal},
};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct CouponWire<'a> {
    #[serde(borrow)]
    object: Raw<'a>,
    #[serde(borrow)]
    id: Raw<'a>,
    /// Before 2018-07-27 `percent_off` was rounded to a whole number.
    #[serde(borrow)]
    percent_off_precise: Raw<'a>,
    #[serde(borrow)]
    percent_off: Raw<'a>,
    #[serde(borrow)]
    amount_off: Raw<'a>,
    #[serde(borrow)]
    currency: Raw<'a>,
    #[serde(borrow)]
    duration: Raw<'a>,
    #[serde(borrow)]
    duration_in_months: Raw<'a>,
    #[serde(borrow)]
    currency_options: Obj<BTreeMap<Cow<'a, str>, Obj<AmountOff<'a>>>>,
    #[serde(borrow)]
    applies_to: Obj<AppliesTo<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AmountOff<'a> {
    #[serde(borrow)]
    amount_off: Raw<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AppliesTo<'a> {
    #[serde(borrow)]
    products: Array<Ref<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct DiscountWire<'a> {
    #[serde(borrow)]
    object: Raw<'a>,
    #[serde(borrow)]
    id: Raw<'a>,
    /// Clover and later.
    #[serde(borrow)]
    source: Obj<Source<'a>>,
    #[serde(borrow)]
    coupon: Ref<'a, CouponWire<'a>>,
    #[serde(borrow)]
    start: Raw<'a>,
    #[serde(borrow)]
    end: Raw<'a>,
    #[serde(borrow)]
    customer: Ref<'a>,
    #[serde(borrow)]
    customer_account: Ref<'a>,
    #[serde(borrow)]
    subscription: Ref<'a>,
    #[serde(borrow)]
    subscription_item: Ref<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Source<'a> {
    #[serde(borrow)]
    coupon: Ref<'a, CouponWire<'a>>,
}

impl Named for CouponWire<'_> {
    fn object(&self) -> Raw<'_> {
        self.object
    }
}

impl CouponWire<'_> {
    /// The terms; `None` without an id.
    pub(super) fn read(&self, odd: &mut Oddities) -> Option<CouponTerms> {
        let id = CouponId::new(self.id.word("coupon.id", odd)?);
        let months = self.duration_in_months.whole("coupon.duration_in_months", odd);
        Some(CouponTerms {
            id,
            off: self.off(odd),
            duration: self.duration(odd),
            months: months.and_then(|months| u32::try_from(months).ok()),
            currency_options: self.currency_options(odd),
            products: self.applies_to.get("coupon.applies_to", odd).and_then(|applies| {
                let products = applies.products.0.as_ref()?;
                Some(products.iter().filter_map(|id| id.id("coupon.applies_to", odd).map(ProductId::new)).collect())
            }),
        })
    }

    fn off(&self, odd: &mut Oddities) -> Option<Off> {
        let percent = self.percent_off_precise.or(self.percent_off);
        if percent.is_set() {
            return percent.percent("coupon.percent_off", odd).map(Off::Percent);
        }
        let amount = self.amount_off.decimal("coupon.amount_off", odd)?;
        Some(Off::Amount(amount, self.currency.currency("coupon.currency", odd)?))
    }

    fn duration(&self, odd: &mut Oddities) -> Duration {
        match self.duration.string().as_deref() {
            Some("forever") => Duration::Forever,
            Some("repeating") => Duration::Repeating,
            Some("once") => Duration::Once,
            _ => {
                odd.note("coupon.duration");
                Duration::Unknown
            }
        }
    }

    fn currency_options(&self, odd: &mut Oddities) -> BTreeMap<Currency, Decimal> {
        let options = self.currency_options.get("coupon.currency_options", odd);
        options
            .into_iter()
            .flatten()
            .filter_map(|(currency, option)| {
                let option = option.get("coupon.currency_options", odd)?;
                let amount = option.amount_off.decimal("coupon.currency_options", odd)?;
                Some((Currency::from_str(currency).ok()?, amount))
            })
            .collect()
    }
}

impl Named for DiscountWire<'_> {
    fn object(&self) -> Raw<'_> {
        self.object
    }
}

impl DiscountWire<'_> {
    /// The discount, with whatever of its terms this place has.
    pub(super) fn read(&self, odd: &mut Oddities) -> DiscountState {
        let coupon = match self.source.get("discount.source", odd) {
            Some(source) => &source.coupon,
            None => &self.coupon,
        };
        let (coupon, terms) = match coupon {
            Ref::Absent => (None, None),
            Ref::Odd => {
                odd.note("discount.coupon");
                (None, None)
            }
            Ref::Id(id) => (odd.fits("discount.coupon", id).then(|| CouponId::new(shared(id))), None),
            Ref::Is(coupon) => {
                let terms = coupon.read(odd);
                (terms.as_ref().map(|terms| terms.id.clone()), terms)
            }
        };
        let customer = self.customer.id("discount.customer", odd);
        DiscountState {
            id: self.id.word("discount.id", odd).map(DiscountId::new),
            coupon,
            terms,
            start: self.start.time("discount.start", odd),
            end: self.end.time("discount.end", odd),
            customer: customer.or_else(|| self.customer_account.id("discount.customer", odd)).map(CustomerId::new),
            subscription: self.subscription.id("discount.subscription", odd).map(SubscriptionId::new),
            item: self.subscription_item.id("discount.subscription_item", odd).map(ItemId::new),
        }
    }
}

/// The discounts of a subscription or an item: the list (ids since basil, unless expanded), joined with the single
/// `discount` of before basil, which in 2024 stood beside the list.
pub(super) fn discounts<'a>(
    list: &List<Ref<'a, DiscountWire<'a>>>,
    single: &Obj<DiscountWire<'a>>,
    odd: &mut Oddities,
) -> Vec<DiscountState> {
    let mut all: Vec<DiscountState> = list.data.iter().filter_map(|discount| read_ref(discount, odd)).collect();
    if let Some(single) = single.get("discount", odd).map(|single| single.read(odd)) {
        match all.iter_mut().find(|listed| listed.id.is_some() && listed.id == single.id) {
            Some(listed) if listed.terms.is_none() => *listed = single,
            Some(_) => {}
            None => all.push(single),
        }
    }
    // Something is taken off, and that is all that can be told: unresolved, never nothing.
    if !list.complete || matches!(single, Obj::Odd) {
        odd.note("discounts");
        all.push(DiscountState::known_by(None));
    }
    all
}

/// One of a list: by its id alone, or in full.
pub(super) fn read_ref(discount: &Ref<'_, DiscountWire<'_>>, odd: &mut Oddities) -> Option<DiscountState> {
    match discount {
        Ref::Absent => None,
        Ref::Odd => {
            odd.note("discounts");
            Some(DiscountState::known_by(None))
        }
        Ref::Id(id) => Some(DiscountState::known_by(odd.fits("discounts", id).then(|| DiscountId::new(shared(id))))),
        Ref::Is(discount) => Some(discount.read(odd)),
    }
}
