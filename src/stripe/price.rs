//! Prices and plans: one reader for both, since every plan became a price without changing what it says.

use std::{collections::BTreeMap, str::FromStr, sync::Arc};

use serde::Deserialize;

use super::json::{Array, Named, Obj, Oddities, Raw, Ref, shared};
use crate::ledger::{
    fact::{Interval, IntervalUnit, Price, Round, Scheme, TaxRate, TaxRateState, Tier, Transform, Usage},
    ids::{PriceId, ProductId, TaxRateId},
    money::{Currency, Decimal},
};

/// A price (2020) or a plan (before, and beside it since).
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct PriceWire<'a> {
    #[serde(borrow)]
    object: Raw<'a>,
    #[serde(borrow)]
    id: Raw<'a>,
    #[serde(borrow)]
    product: Ref<'a>,
    #[serde(borrow)]
    currency: Raw<'a>,
    #[serde(borrow)]
    billing_scheme: Raw<'a>,
    #[serde(borrow)]
    unit_amount_decimal: Raw<'a>,
    #[serde(borrow)]
    unit_amount: Raw<'a>,
    #[serde(borrow)]
    amount_decimal: Raw<'a>,
    #[serde(borrow)]
    amount: Raw<'a>,
    #[serde(borrow)]
    tiers: Array<Obj<TierWire<'a>>>,
    #[serde(borrow)]
    tiers_mode: Raw<'a>,
    #[serde(borrow)]
    recurring: Obj<Recurring<'a>>,
    #[serde(borrow)]
    interval: Raw<'a>,
    #[serde(borrow)]
    interval_count: Raw<'a>,
    #[serde(borrow)]
    usage_type: Raw<'a>,
    #[serde(borrow)]
    transform_quantity: Obj<TransformWire<'a>>,
    #[serde(borrow)]
    transform_usage: Obj<TransformWire<'a>>,
    #[serde(borrow)]
    tax_behavior: Raw<'a>,
    #[serde(borrow)]
    lookup_key: Raw<'a>,
    #[serde(borrow)]
    nickname: Raw<'a>,
    #[serde(borrow)]
    currency_options: Obj<BTreeMap<std::borrow::Cow<'a, str>, Obj<AmountWire<'a>>>>,
}

/// What a price, a plan and a currency option have in common.
#[derive(Default, Deserialize)]
#[serde(default)]
struct AmountWire<'a> {
    #[serde(borrow)]
    unit_amount_decimal: Raw<'a>,
    #[serde(borrow)]
    unit_amount: Raw<'a>,
    #[serde(borrow)]
    tiers: Array<Obj<TierWire<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TierWire<'a> {
    #[serde(borrow)]
    up_to: Raw<'a>,
    #[serde(borrow)]
    unit_amount_decimal: Raw<'a>,
    #[serde(borrow)]
    unit_amount: Raw<'a>,
    /// Before 2018-08-23.
    #[serde(borrow)]
    amount: Raw<'a>,
    #[serde(borrow)]
    flat_amount_decimal: Raw<'a>,
    #[serde(borrow)]
    flat_amount: Raw<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Recurring<'a> {
    #[serde(borrow)]
    interval: Raw<'a>,
    #[serde(borrow)]
    interval_count: Raw<'a>,
    #[serde(borrow)]
    usage_type: Raw<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TransformWire<'a> {
    #[serde(borrow)]
    divide_by: Raw<'a>,
    #[serde(borrow)]
    round: Raw<'a>,
}

/// A tax rate: by itself, or of an item, a subscription or a line.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct TaxRateWire<'a> {
    #[serde(borrow)]
    object: Raw<'a>,
    #[serde(borrow)]
    id: Raw<'a>,
    #[serde(borrow)]
    percentage: Raw<'a>,
    #[serde(borrow)]
    inclusive: Raw<'a>,
}

impl Named for PriceWire<'_> {
    fn object(&self) -> Raw<'_> {
        self.object
    }
}

impl PriceWire<'_> {
    /// The price; `None` without an id. An amount, interval or transformation that can't be told makes the scheme
    /// unknown.
    pub(super) fn read(&self, odd: &mut Oddities) -> Option<Price> {
        let id = self.id.word("price.id", odd)?;
        let interval = self.interval(odd);
        let usage = self.usage(odd);
        let transform = self.transform(odd);
        let scheme = self.scheme(odd);
        let unknown = [interval.as_ref().err(), usage.as_ref().err(), transform.as_ref().err(), scheme.as_ref().err()];
        let unknown: Option<Unknown> = unknown.into_iter().flatten().next().cloned();
        Some(Price {
            id: PriceId::new(id),
            product: self.product.id("price.product", odd).map(ProductId::new),
            currency: self.currency.currency("price.currency", odd),
            scheme: scheme.ok().filter(|_| unknown.is_none()).unwrap_or(Scheme::Unknown),
            interval: interval.unwrap_or(None),
            usage: usage.unwrap_or(Usage::Licensed),
            transform: transform.unwrap_or(None),
            unknown: unknown.and_then(|unknown| unknown.0),
            tax_inclusive: self.tax_behavior.string().as_deref() == Some("inclusive"),
            lookup_key: self.lookup_key.word("price.lookup_key", odd),
            nickname: self.nickname.text(),
            currency_options: self.currency_options(odd),
        })
    }

    /// The interval; `Ok(None)` for a one-off price, an error where it recurs in a way we don't know.
    pub(super) fn interval(&self, odd: &mut Oddities) -> Result<Option<Interval>, Unknown> {
        let (unit, count) = match self.recurring.get("price.recurring", odd) {
            Some(recurring) => (recurring.interval, recurring.interval_count),
            None => (self.interval, self.interval_count),
        };
        if !unit.is_set() {
            return if self.recurring.is_set() { Err(Unknown(None)) } else { Ok(None) };
        }
        let unit = match unit.string().as_deref() {
            Some("day") => IntervalUnit::Day,
            Some("week") => IntervalUnit::Week,
            Some("month") => IntervalUnit::Month,
            Some("year") => IntervalUnit::Year,
            word => {
                odd.note("price.interval");
                return Err(Unknown::named("interval", word));
            }
        };
        let count = match count.is_set() {
            true => count.whole("price.interval_count", odd).and_then(|count| u32::try_from(count).ok()),
            false => Some(1),
        };
        match count {
            Some(count @ 1..) => Ok(Some(Interval { unit, count })),
            _ => Err(Unknown(None)),
        }
    }

    /// Minor units each, where the price is the same for every unit.
    pub(super) fn unit_amount(&self, odd: &mut Oddities) -> Option<Decimal> {
        self.unit_amount_decimal
            .or(self.unit_amount)
            .or(self.amount_decimal)
            .or(self.amount)
            .decimal("price.unit_amount", odd)
    }

    fn scheme(&self, odd: &mut Oddities) -> Result<Scheme, Unknown> {
        match self.billing_scheme.string().as_deref() {
            // Plans before 2018-02-28 know nothing else.
            None if !self.billing_scheme.is_set() && !self.tiers_mode.is_set() => Ok(self.per_unit(odd)),
            Some("per_unit") => Ok(self.per_unit(odd)),
            Some("tiered") => match self.tiers_mode.string().as_deref() {
                mode @ Some(word) if !matches!(word, "graduated" | "volume") => {
                    odd.note("price.tiers");
                    Err(Unknown::named("tiers_mode", mode))
                }
                _ => Ok(tiered(self.tiers_mode, &self.tiers, odd)),
            },
            word => {
                odd.note("price.billing_scheme");
                Err(Unknown::named("billing_scheme", word))
            }
        }
    }

    fn per_unit(&self, odd: &mut Oddities) -> Scheme {
        self.unit_amount(odd).map_or(Scheme::Unknown, Scheme::PerUnit)
    }

    fn usage(&self, odd: &mut Oddities) -> Result<Usage, Unknown> {
        let usage =
            self.recurring.quiet().map_or(self.usage_type, |recurring| recurring.usage_type.or(self.usage_type));
        match usage.string().as_deref() {
            Some("licensed") => Ok(Usage::Licensed),
            Some("metered") => Ok(Usage::Metered),
            None if !usage.is_set() => Ok(Usage::Licensed),
            word => {
                odd.note("price.usage_type");
                Err(Unknown::named("usage_type", word))
            }
        }
    }

    fn transform(&self, odd: &mut Oddities) -> Result<Option<Transform>, Unknown> {
        let set = if self.transform_quantity.is_set() { &self.transform_quantity } else { &self.transform_usage };
        if !set.is_set() {
            return Ok(None);
        }
        let wire = set.get("price.transform_quantity", odd).ok_or(Unknown(None))?;
        let divide_by = wire.divide_by.whole("price.transform_quantity", odd).and_then(|by| u64::try_from(by).ok());
        let round = match wire.round.string().as_deref() {
            Some("up") => Some(Round::Up),
            Some("down") => Some(Round::Down),
            _ => None,
        };
        match (divide_by, round) {
            (Some(divide_by @ 1..), Some(round)) => Ok(Some(Transform { divide_by, round })),
            _ => {
                odd.note("price.transform_quantity");
                let word = wire.round.string();
                Err(word
                    .as_deref()
                    .filter(|_| round.is_none())
                    .map_or(Unknown(None), |word| Unknown::named("transform_quantity.round", Some(word))))
            }
        }
    }

    fn currency_options(&self, odd: &mut Oddities) -> BTreeMap<Currency, Scheme> {
        let tiered_price = self.billing_scheme.string().as_deref() == Some("tiered");
        let options = self.currency_options.get("price.currency_options", odd);
        options
            .into_iter()
            .flatten()
            .filter_map(|(currency, option)| {
                let currency = Currency::from_str(currency).ok()?;
                let option = option.get("price.currency_options", odd)?;
                let scheme = if tiered_price {
                    tiered(self.tiers_mode, &option.tiers, odd)
                } else {
                    let amount = option.unit_amount_decimal.or(option.unit_amount);
                    amount.decimal("price.currency_options", odd).map_or(Scheme::Unknown, Scheme::PerUnit)
                };
                Some((currency, scheme))
            })
            .collect()
    }
}

/// Something that decides about money is set but can't be read; in words where Stripe may have added a value.
#[derive(Clone, Debug)]
pub(super) struct Unknown(Option<Arc<str>>);

impl Unknown {
    /// Longer than any word of Stripe's.
    const LENGTH: usize = 64;

    fn named(field: &str, word: Option<&str>) -> Self {
        let word = word.filter(|word| !word.is_empty() && word.len() <= Self::LENGTH);
        Self(word.map(|word| shared(&format!("{field} {word:?}"))))
    }
}

/// The first of the places that has a price; a later one may still tell the amounts (plans kept their tiers inline
/// until 2020-08-27).
pub(super) fn read_price<'a, const N: usize>(
    places: [&Ref<'a, PriceWire<'a>>; N],
    field: &'static str,
    odd: &mut Oddities,
) -> Option<Price> {
    let mut best: Option<Price> = None;
    for place in places {
        let read = match place {
            Ref::Absent => None,
            Ref::Odd => {
                odd.note(field);
                None
            }
            Ref::Id(id) => odd.fits(field, id).then(|| Price::by_id(PriceId::new(shared(id)))),
            Ref::Is(price) => price.read(odd),
        };
        let Some(mut read) = read else { continue };
        if read.interval.is_none() {
            // What a subscription holds recurs, whether or not we can tell how often.
            read.scheme = Scheme::Unknown;
        }
        match &mut best {
            None => best = Some(read),
            Some(best) if read.scheme != Scheme::Unknown || (best.interval.is_none() && best.unknown.is_none()) => {
                *best = Price { id: best.id.clone(), lookup_key: best.lookup_key.take(), ..read };
            }
            Some(_) => {}
        }
        if best.as_ref().is_some_and(|best| best.scheme != Scheme::Unknown) {
            break;
        }
    }
    best
}

fn tiered(mode: Raw<'_>, tiers: &Array<Obj<TierWire<'_>>>, odd: &mut Oddities) -> Scheme {
    // Expand-only since 2020-08-27: their absence is the rule, not an oddity.
    let Some(tiers) = tiers.0.as_ref().filter(|tiers| !tiers.is_empty()) else { return Scheme::Unknown };
    let read: Option<Vec<Tier>> = tiers.iter().map(|tier| tier.get("price.tiers", odd)?.read(odd)).collect();
    match (read, mode.string().as_deref()) {
        (Some(tiers), Some("graduated")) => Scheme::Graduated(tiers),
        (Some(tiers), Some("volume")) => Scheme::Volume(tiers),
        _ => {
            odd.note("price.tiers");
            Scheme::Unknown
        }
    }
}

impl TierWire<'_> {
    fn read(&self, odd: &mut Oddities) -> Option<Tier> {
        let unit = self.unit_amount_decimal.or(self.unit_amount).or(self.amount);
        let flat = self.flat_amount_decimal.or(self.flat_amount);
        if !unit.is_set() && !flat.is_set() {
            return None;
        }
        let amount = |raw: Raw<'_>, odd: &mut Oddities| match raw.is_set() {
            true => raw.decimal("price.tiers", odd),
            false => Some(Decimal::default()),
        };
        let up_to = match self.up_to.string().as_deref() {
            Some("inf") => None,
            _ if !self.up_to.is_set() => None,
            _ => Some(self.up_to.decimal("price.tiers", odd)?),
        };
        Some(Tier { up_to, unit_amount: amount(unit, odd)?, flat_amount: amount(flat, odd)? })
    }
}

impl Named for TaxRateWire<'_> {
    fn object(&self) -> Raw<'_> {
        self.object
    }
}

impl TaxRateWire<'_> {
    /// The rate; its id alone where its percentage can't be told.
    fn read(&self, odd: &mut Oddities) -> Option<TaxRate> {
        match self.percentage.percent("tax_rate.percentage", odd) {
            Some(percentage) => {
                let inclusive = self.inclusive.flag("tax_rate.inclusive", odd);
                Some(TaxRate { percentage: Some(percentage), inclusive, id: None })
            }
            None => self.id.word("tax_rate.id", odd).map(rate_by_id),
        }
    }

    /// The rate by itself.
    pub(super) fn state(&self, odd: &mut Oddities) -> Result<TaxRateState, &'static str> {
        let id = self.id.word("tax_rate.id", odd).ok_or("the tax rate has no id")?;
        let percentage = self.percentage.percent("tax_rate.percentage", odd).ok_or("the tax rate has no percentage")?;
        let inclusive = self.inclusive.flag("tax_rate.inclusive", odd);
        Ok(TaxRateState { id: TaxRateId::new(id), percentage, inclusive })
    }
}

fn rate_by_id(id: Arc<str>) -> TaxRate {
    TaxRate { percentage: None, inclusive: false, id: Some(TaxRateId::new(id)) }
}

/// All readable rates of a list.
pub(super) fn tax_rates<'a>(list: &Array<Ref<'a, TaxRateWire<'a>>>, odd: &mut Oddities) -> Vec<TaxRate> {
    let read = |rate: &Ref<'a, TaxRateWire<'a>>| match rate {
        Ref::Absent => None,
        Ref::Odd => {
            odd.note("tax_rates");
            None
        }
        Ref::Id(id) => (!id.is_empty() && odd.fits("tax_rates", id)).then(|| rate_by_id(shared(id))),
        Ref::Is(rate) => rate.read(odd),
    };
    list.0.iter().flatten().filter_map(read).collect()
}
