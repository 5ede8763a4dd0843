//! Terms that hold for everybody and are told in one customer's facts (rule `monthly-amount`): the prices and coupons these embed, and the
//! ones whose terms they lack.

use std::{borrow::Cow, collections::BTreeSet};

use crate::{
    fact::{CouponTerms, DiscountState, Duration, Fact, Price, Scheme, State, SubscriptionState, Usage},
    ids::PriceId,
    money::Currency,
};

/// Terms that a fact embeds, of an object that others may name as well.
#[derive(Clone, Debug, PartialEq)]
pub enum Telling<'f> {
    /// The terms of a price.
    Price(Cow<'f, Price>),
    /// The terms of a coupon.
    Coupon(&'f CouponTerms),
}

/// Something named whose terms are told neither by a customer's own facts nor by those about the object itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lack {
    /// The id of the price or coupon.
    pub object: String,
    /// What it amounts to is missing; else only how often it is billed.
    pub amount: bool,
}

impl Telling<'_> {
    /// The id of the price or coupon whose terms they are.
    pub fn object(&self) -> &str {
        match self {
            Self::Price(price) => price.id.as_str(),
            Self::Coupon(terms) => terms.id.as_str(),
        }
    }

    /// It tells what the object amounts to.
    pub fn tells_amount(&self) -> bool {
        match self {
            Self::Price(price) => price.scheme != Scheme::Unknown || !price.currency_options.is_empty(),
            Self::Coupon(_) => true,
        }
    }

    /// The terms by themselves: what is named differently by and by stays out.
    pub fn state(&self) -> State {
        match self {
            Self::Price(price) => {
                State::Price(Box::new(Price { lookup_key: None, nickname: None, ..(**price).clone() }))
            }
            Self::Coupon(terms) => State::Coupon((*terms).clone()),
        }
    }

    /// Whether `state` is that of these terms.
    pub fn is(&self, state: &State) -> bool {
        match (self, state) {
            (Self::Price(price), State::Price(held)) => same_terms(price, held),
            (Self::Coupon(terms), State::Coupon(held)) => *terms == held,
            _ => false,
        }
    }
}

fn same_terms(one: &Price, other: &Price) -> bool {
    one.id == other.id
        && one.scheme == other.scheme
        && one.interval == other.interval
        && one.usage == other.usage
        && one.currency == other.currency
        && one.product == other.product
        && one.transform == other.transform
        && one.tax_inclusive == other.tax_inclusive
        && one.currency_options == other.currency_options
}

/// Hands every term that the fact embeds to `take`. Facts about a price or coupon by itself embed none: they are asked for by
/// the object's id.
pub fn tellings<'f>(fact: &'f Fact, mut take: impl FnMut(Telling<'f>)) {
    match &fact.state {
        State::Subscription { before, after } => {
            for state in before.iter().chain([after]) {
                for item in &state.items {
                    of_price(&item.price, &mut take);
                    of_discounts(&item.discounts, &mut take);
                }
                of_discounts(&state.discounts, &mut take);
            }
        }
        State::Invoice(invoice) => {
            for price in invoice.lines.iter().filter_map(|line| line.told_price(invoice.currency)) {
                take(Telling::Price(Cow::Owned(price)));
            }
        }
        State::Customer(customer) => of_discounts(customer.discount.as_slice(), &mut take),
        State::Discount(discount) => of_discounts(std::slice::from_ref(discount), &mut take),
        State::Price(_)
        | State::Product(_)
        | State::Coupon(_)
        | State::Correction(_)
        | State::Schedule(_)
        | State::TaxRate(_) => {}
    }
}

fn of_price<'f>(price: &'f Price, take: &mut impl FnMut(Telling<'f>)) {
    let tells = price.unknown.is_none() && (price.scheme != Scheme::Unknown || price.interval.is_some());
    if tells || !price.currency_options.is_empty() {
        take(Telling::Price(Cow::Borrowed(price)));
    }
}

fn of_discounts<'f>(discounts: &'f [DiscountState], take: &mut impl FnMut(Telling<'f>)) {
    for terms in discounts.iter().filter_map(|discount| discount.terms.as_ref()) {
        if terms.off.is_some() && terms.duration != Duration::Unknown {
            take(Telling::Coupon(terms));
        }
    }
}

/// What `facts` name and neither they nor `references`, facts about the objects themselves, tell the terms of.
pub fn lacking(facts: &[Fact], references: &[Fact]) -> BTreeSet<Lack> {
    let mut wanted: Vec<(&Price, Option<Currency>)> = Vec::new();
    let mut coupons: BTreeSet<&str> = BTreeSet::new();
    let mut planned: BTreeSet<&PriceId> = BTreeSet::new();
    for fact in facts {
        for state in subscriptions(fact) {
            let currency = state.currency.or_else(|| state.items.first()?.price.currency);
            for price in state.items.iter().map(|item| &item.price).filter(|price| !tells_itself(price, currency)) {
                if !wanted.iter().any(|(known, of)| known.id == price.id && *of == currency) {
                    wanted.push((price, currency));
                }
            }
        }
        for discount in discounts(fact).filter(|discount| discount.terms.is_none()) {
            coupons.extend(discount.coupon.iter().map(|id| id.as_str()));
        }
        if let State::Schedule(schedule) = &fact.state {
            for phase in &schedule.phases {
                planned.extend(phase.items.iter().map(|item| &item.price));
                let of_items = phase.items.iter().flat_map(|item| &item.discounts);
                let discounts = phase.discounts.iter().chain(of_items).flatten();
                let bare = discounts.filter(|discount| discount.terms.is_none());
                coupons.extend(bare.filter_map(|discount| discount.coupon.as_ref()).map(|id| id.as_str()));
            }
        }
    }
    // A schedule names its prices by their ids alone.
    let planned: Vec<Price> = planned.into_iter().map(|id| Price::by_id(id.clone())).collect();
    wanted.extend(planned.iter().map(|price| (price, None)));
    if wanted.is_empty() && coupons.is_empty() {
        return BTreeSet::new();
    }
    let (mut amounts, mut intervals) = (vec![false; wanted.len()], vec![false; wanted.len()]);
    let mut learn = |price: &Price| {
        for (place, (of, currency)) in wanted.iter().enumerate().filter(|(_, (of, _))| of.id == price.id) {
            intervals[place] |= of.interval.or(price.interval).is_some();
            amounts[place] |= tells_amount(price, *currency);
        }
    };
    for fact in facts.iter().chain(references) {
        match &fact.state {
            State::Price(price) => learn(price),
            State::Coupon(terms) => drop(coupons.remove(terms.id.as_str())),
            _ => tellings(fact, |telling| match telling {
                Telling::Price(price) => learn(&price),
                Telling::Coupon(terms) => drop(coupons.remove(terms.id.as_str())),
            }),
        }
    }
    let prices = wanted.iter().enumerate().filter_map(|(place, (price, _))| {
        // Nobody asks what measured usage costs each.
        let amount = !amounts[place] && (price.usage == Usage::Licensed || price.is_bare());
        (amount || !intervals[place]).then(|| Lack { object: price.id.to_string(), amount })
    });
    let coupons = coupons.iter().map(|id| Lack { object: (*id).to_owned(), amount: true });
    prices.chain(coupons).collect()
}

fn tells_itself(price: &Price, currency: Option<Currency>) -> bool {
    price.interval.is_some() && (price.usage == Usage::Metered || tells_amount(price, currency))
}

fn tells_amount(price: &Price, currency: Option<Currency>) -> bool {
    let own = currency.is_none() || price.currency.is_none() || price.currency == currency;
    let option = || currency.and_then(|code| price.currency_options.get(&code));
    (own && price.scheme != Scheme::Unknown) || option().is_some_and(|scheme| *scheme != Scheme::Unknown)
}

fn subscriptions(fact: &Fact) -> impl Iterator<Item = &SubscriptionState> {
    let (before, after) = match &fact.state {
        State::Subscription { before, after } => (before.as_deref(), Some(&**after)),
        _ => (None, None),
    };
    before.into_iter().chain(after)
}

fn discounts(fact: &Fact) -> impl Iterator<Item = &DiscountState> {
    let (customers, by_itself) = match &fact.state {
        State::Customer(customer) => (customer.discount.as_ref(), None),
        State::Discount(discount) => (None, Some(discount)),
        _ => (None, None),
    };
    let listed = subscriptions(fact)
        .flat_map(|state| state.items.iter().flat_map(|item| &item.discounts).chain(&state.discounts));
    customers.into_iter().chain(by_itself).chain(listed)
}
