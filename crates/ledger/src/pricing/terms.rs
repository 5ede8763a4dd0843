//! Terms: what one customer's log says anywhere of prices, coupons, discounts and products, joined by id.
//!
//! A price is immutable in amount at Stripe and a coupon in its terms, so what is learned at any time holds for all
//! history. Where two places differ, the newest that says something decides; the order of the facts never matters.

use std::{
    borrow::Cow,
    cell::{OnceCell, RefCell},
    collections::{BTreeMap, HashMap},
    rc::Rc,
    sync::Arc,
};

use super::{customer_discounts::CustomerDiscounts, evidence::Evidence, invoices::Invoices};
use crate::{
    CustomerFacts,
    fact::{
        CouponTerms, DiscountState, Duration, Fact, Interval, InvoiceLine, ItemState, Off, Price, Scheme, State,
        SubscriptionState,
    },
    ids::{CouponId, DiscountId, EventId, PriceId, ProductId, TaxRateId},
    money::{Currency, Decimal},
    time::UnixTime,
    timeline::Snapshot,
};

/// Resolved references of one customer. Indexes are built when first asked for: the common customer needs none.
#[derive(Debug)]
pub struct Terms<'a> {
    input: CustomerFacts<'a>,
    pub(super) customer_discounts: CustomerDiscounts<'a>,
    prices: OnceCell<HashMap<&'a PriceId, PriceTerms<'a>>>,
    discounts: OnceCell<Discounts<'a>>,
    invoices: OnceCell<Invoices<'a>>,
    void_invoices: OnceCell<Invoices<'a>>,
    bills_tell_inclusive_tax: OnceCell<bool>,
    tax_rates: OnceCell<HashMap<&'a TaxRateId, Newest<'a, (Decimal, bool)>>>,
    evidence: RefCell<HashMap<DiscountId, Rc<Evidence<'a>>>>,
    keeps_tax: bool,
}

/// How new a saying is: time, then shape version, then event id, so that any order gives the same choice.
type Rank<'a> = (UnixTime, Option<&'a Arc<str>>, &'a EventId);

fn rank(fact: &Fact) -> Rank<'_> {
    (fact.at, fact.api_version.as_ref(), &fact.event)
}

/// What the newest of these facts says that says anything.
pub(crate) fn newest_of<'f, T: Clone>(
    facts: impl Iterator<Item = &'f Fact>,
    says: impl Fn(&'f State) -> Option<T>,
) -> Option<T> {
    let mut newest = Newest::default();
    for fact in facts {
        newest.offer(rank(fact), says(&fact.state));
    }
    newest.get()
}

/// The newest thing said so far.
#[derive(Debug)]
struct Newest<'a, T>(Option<(Rank<'a>, T)>);

impl<T> Default for Newest<'_, T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'a, T: Clone> Newest<'a, T> {
    fn offer(&mut self, rank: Rank<'a>, value: Option<T>) {
        if let Some(value) = value
            && self.0.as_ref().is_none_or(|(held, _)| rank > *held)
        {
            self.0 = Some((rank, value));
        }
    }

    fn get(&self) -> Option<T> {
        self.held().cloned()
    }

    fn held(&self) -> Option<&T> {
        self.0.as_ref().map(|(_, value)| value)
    }
}

/// What is known of one price beside the snapshot at hand.
#[derive(Debug, Default)]
struct PriceTerms<'a> {
    scheme: Newest<'a, Cow<'a, Scheme>>,
    currency: Newest<'a, Currency>,
    interval: Newest<'a, Interval>,
    options: BTreeMap<Currency, Newest<'a, Cow<'a, Scheme>>>,
    /// The newest that tells an amount, and the newest that tells anything.
    priced: Newest<'a, Cow<'a, Price>>,
    told: Newest<'a, Cow<'a, Price>>,
}

impl<'a> PriceTerms<'a> {
    fn learn(&mut self, rank: Rank<'a>, price: Cow<'a, Price>) {
        let part = |of: &dyn for<'p> Fn(&'p Price) -> Option<&'p Scheme>| match &price {
            Cow::Borrowed(price) => of(price).map(Cow::Borrowed),
            Cow::Owned(price) => of(price).cloned().map(Cow::Owned),
        };
        let known = |scheme: &Cow<'_, Scheme>| **scheme != Scheme::Unknown;
        self.scheme.offer(rank, part(&|price| Some(&price.scheme)).filter(known));
        self.currency.offer(rank, price.currency);
        self.interval.offer(rank, price.interval);
        for code in price.currency_options.keys() {
            let option = self.options.entry(*code).or_default();
            option.offer(rank, part(&|price| price.currency_options.get(code)).filter(known));
        }
        if price.scheme != Scheme::Unknown {
            self.priced.offer(rank, Some(price));
        } else if !price.is_bare() {
            self.told.offer(rank, Some(price));
        }
    }
}

/// What is known of discounts and coupons by id.
#[derive(Debug, Default)]
struct Discounts<'a> {
    by_id: HashMap<&'a DiscountId, DiscountTerms<'a>>,
    coupons: HashMap<&'a CouponId, Coupon<'a>>,
}

#[derive(Debug, Default)]
struct DiscountTerms<'a> {
    coupon: Newest<'a, &'a CouponId>,
    start: Newest<'a, UnixTime>,
    end: Newest<'a, UnixTime>,
    terms: Coupon<'a>,
}

#[derive(Debug, Default)]
struct Coupon<'a> {
    off: Newest<'a, Off>,
    duration: Newest<'a, Duration>,
    months: Newest<'a, u32>,
    options: BTreeMap<Currency, Newest<'a, Decimal>>,
    products: Newest<'a, &'a [ProductId]>,
}

/// A discount with all the log knows of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Discount<'s> {
    /// Its id, where it has one.
    pub id: Option<&'s DiscountId>,
    /// Its coupon, where any place of the log names it.
    pub coupon: Option<&'s CouponId>,
    /// What it takes off in the subscription's currency; `None` where the log can't tell.
    pub share: Option<Share>,
    /// Decides the knob and the window.
    pub duration: Duration,
    /// Months of a repeating one.
    pub months: Option<u32>,
    /// From when it takes off; `None` where the log doesn't tell.
    pub start: Option<UnixTime>,
    /// `end`: set for repeating ones only.
    pub end: Option<UnixTime>,
    /// Only these products, where known.
    pub products: Option<&'s [ProductId]>,
}

/// What a discount takes off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Share {
    /// So many percent of each amount.
    Percent(Decimal),
    /// In minor units per invoice.
    Amount(Decimal),
}

impl Discount<'_> {
    /// How it is named in quality and explanations.
    pub(super) fn name(&self) -> &str {
        self.id.map(DiscountId::as_str).or(self.coupon.map(CouponId::as_str)).unwrap_or("discount")
    }
}

impl<'a> Terms<'a> {
    /// Takes in all facts of a customer and all that its facts refer to.
    pub fn gather(input: CustomerFacts<'a>) -> Self {
        Self {
            input,
            customer_discounts: CustomerDiscounts::gather(input),
            prices: OnceCell::new(),
            discounts: OnceCell::new(),
            invoices: OnceCell::new(),
            void_invoices: OnceCell::new(),
            bills_tell_inclusive_tax: OnceCell::new(),
            tax_rates: OnceCell::new(),
            evidence: RefCell::default(),
            keeps_tax: false,
        }
    }

    /// The same, where tax inside a price is left in it (knob `inclusive_tax`).
    pub(crate) fn keeping_tax(self, keeps_tax: bool) -> Self {
        Self { keeps_tax, ..self }
    }

    /// Whether tax inside a price is left in it.
    pub(super) fn keeps_tax(&self) -> bool {
        self.keeps_tax
    }

    fn facts(&self) -> impl Iterator<Item = (Rank<'a>, &'a Fact)> {
        let CustomerFacts { facts, references, .. } = self.input;
        facts.iter().chain(references).map(|fact| (rank(fact), fact))
    }

    /// Whether metadata marks the product as an add-on (rule `causes`); the newest fact decides.
    pub fn is_add_on(&self, product: &ProductId) -> bool {
        let marks = |state: &State| match state {
            State::Product(state) if state.id == *product => Some(state.add_on),
            _ => None,
        };
        newest_of(self.facts().map(|(_, fact)| fact), marks).unwrap_or(false)
    }

    /// How units become money in `currency`: the price's own scheme where it is in that currency, else the option for
    /// it, from the snapshot or from anywhere in the log. `None` where nothing tells.
    pub(super) fn scheme<'s>(&'s self, price: &'s Price, currency: Option<Currency>) -> Option<&'s Scheme> {
        let own = currency.is_none() || price.currency.is_none() || price.currency == currency;
        let inline =
            if own { Some(&price.scheme) } else { currency.and_then(|code| price.currency_options.get(&code)) };
        if let Some(scheme) = inline
            && *scheme != Scheme::Unknown
        {
            return Some(scheme);
        }
        let elsewhere = self.prices().get(&price.id)?;
        let option = || currency.and_then(|code| elsewhere.options.get(&code)?.held());
        if own && elsewhere.currency.get().is_none_or(|code| currency.is_none_or(|wanted| wanted == code)) {
            elsewhere.scheme.held().or_else(option).map(|scheme| &**scheme)
        } else {
            option().map(|scheme| &**scheme)
        }
    }

    /// Fills in what the log tells anywhere of the prices that snapshots name by their id alone (rule `monthly-amount`).
    pub(crate) fn complete(&self, snapshots: &mut [Snapshot<'_>]) {
        let told = |item: &ItemState| {
            let known =
                Some(&item.price).filter(|price| price.is_bare()).and_then(|price| self.prices().get(&price.id))?;
            known.priced.held().or_else(|| known.told.held()).map(|price| (**price).clone())
        };
        for snapshot in snapshots.iter_mut().filter(|one| one.state.items.iter().any(|item| item.price.is_bare())) {
            let state = snapshot.state.to_mut();
            for item in &mut state.items {
                if let Some(price) = told(item) {
                    item.price = price;
                }
            }
            state.currency = state.currency.or_else(|| state.items.iter().find_map(|item| item.price.currency));
        }
    }

    /// A tax rate told by itself: its percentage, and whether it is part of the price.
    pub(super) fn tax_rate(&self, id: &TaxRateId) -> Option<(Decimal, bool)> {
        let rates = self.tax_rates.get_or_init(|| {
            let mut index: HashMap<&TaxRateId, Newest<'a, (Decimal, bool)>> = HashMap::new();
            for (rank, fact) in self.facts() {
                if let State::TaxRate(rate) = &fact.state {
                    index.entry(&rate.id).or_default().offer(rank, Some((rate.percentage, rate.inclusive)));
                }
            }
            index
        });
        rates.get(id)?.get()
    }

    /// What invoice lines tell of a discount.
    pub(super) fn evidence(&self, id: &DiscountId) -> Rc<Evidence<'a>> {
        if let Some(known) = self.evidence.borrow().get(id) {
            return known.clone();
        }
        let gathered = Rc::new(Evidence::gather(self.invoices(), id));
        self.evidence.borrow_mut().insert(id.clone(), gathered.clone());
        gathered
    }

    /// The price's interval, from the snapshot or from anywhere in the log; `None` where nothing tells.
    pub(crate) fn interval(&self, price: &Price) -> Option<Interval> {
        price.interval.or_else(|| self.prices().get(&price.id)?.interval.get())
    }

    /// Joins all the log knows to a discount that one place shows.
    pub(super) fn discount<'s>(&'s self, shown: &'s DiscountState, currency: Option<Currency>) -> Discount<'s> {
        let index = self.discounts.get_or_init(|| self.index_discounts());
        let by_id = shown.id.as_ref().and_then(|id| index.by_id.get(id));
        let coupon = shown.coupon.as_ref().or_else(|| Some(&shown.terms.as_ref()?.id)).or_else(|| by_id?.coupon.get());
        let by_coupon = coupon.and_then(|id| index.coupons.get(id));
        let inline = shown.terms.as_ref();
        let joined = || by_id.map(|known| &known.terms).into_iter().chain(by_coupon);

        let off = inline.and_then(|terms| terms.off).or_else(|| joined().find_map(|terms| terms.off.get()));
        let option = |code: Currency| {
            let here = inline.and_then(|terms| terms.currency_options.get(&code).copied());
            here.or_else(|| joined().find_map(|terms| terms.options.get(&code)?.get()))
        };
        let share = off.and_then(|off| match off {
            Off::Percent(percent) => Some(Share::Percent(percent)),
            Off::Amount(amount, code) if currency.is_none_or(|wanted| wanted == code) => Some(Share::Amount(amount)),
            Off::Amount(..) => currency.and_then(option).map(Share::Amount),
        });
        let told = inline.map(|terms| terms.duration).filter(|duration| *duration != Duration::Unknown);
        let end = shown.end.or_else(|| by_id?.end.get());
        let duration = told.or_else(|| joined().find_map(|terms| terms.duration.get()));
        // `end` is null for once and forever, so one that is set tells the duration.
        let duration = duration.unwrap_or(if end.is_some() { Duration::Repeating } else { Duration::Unknown });
        Discount {
            id: shown.id.as_ref(),
            coupon,
            share,
            duration,
            months: inline.and_then(|terms| terms.months).or_else(|| joined().find_map(|terms| terms.months.get())),
            start: shown.start.or_else(|| by_id?.start.get()),
            end,
            products: inline
                .and_then(|terms| terms.products.as_deref())
                .or_else(|| joined().find_map(|terms| terms.products.get())),
        }
    }

    /// The customer's invoices, each in its latest state, without those that are void or deleted.
    pub(super) fn invoices(&self) -> &Invoices<'a> {
        self.invoices.get_or_init(|| Invoices::gather(self.input.facts))
    }

    /// The void ones.
    pub(super) fn void_invoices(&self) -> &Invoices<'a> {
        self.void_invoices.get_or_init(|| Invoices::gather_void(self.input.facts))
    }

    /// Any invoice line names an inclusive rate, or tax inside it, of more than nothing: without one, nobody need look for it line by line.
    pub(super) fn bills_tell_inclusive_tax(&self) -> bool {
        *self.bills_tell_inclusive_tax.get_or_init(|| {
            self.input.facts.iter().any(|fact| match &fact.state {
                State::Invoice(invoice) => {
                    let rates =
                        |line: &InvoiceLine| line.tax_rates.iter().any(|rate| rate.inclusive || rate.id.is_some());
                    invoice.lines.iter().any(|line| line.tax_inside.is_some_and(|tax| tax != 0) || rates(line))
                }
                _ => false,
            })
        })
    }

    fn prices(&self) -> &HashMap<&'a PriceId, PriceTerms<'a>> {
        self.prices.get_or_init(|| {
            let mut index: HashMap<&PriceId, PriceTerms<'a>> = HashMap::new();
            let mut learn = |rank: Rank<'a>, id: &'a PriceId, price: Cow<'a, Price>| {
                index.entry(id).or_default().learn(rank, price);
            };
            for (rank, fact) in self.facts() {
                if let State::Price(price) = &fact.state {
                    learn(rank, &price.id, Cow::Borrowed(price));
                }
                for item in subscriptions(fact).flat_map(|state| &state.items) {
                    learn(rank, &item.price.id, Cow::Borrowed(&item.price));
                }
                if let State::Invoice(invoice) = &fact.state {
                    for line in &invoice.lines {
                        let Some(id) = &line.price else { continue };
                        if let Some(price) = line.told_price(invoice.currency) {
                            learn(rank, id, Cow::Owned(price));
                        } else if line.interval.is_some() {
                            learn(rank, id, Cow::Owned(Price { interval: line.interval, ..Price::by_id(id.clone()) }));
                        }
                    }
                }
            }
            index
        })
    }

    fn index_discounts(&self) -> Discounts<'a> {
        let mut index = Discounts::default();
        for (rank, fact) in self.facts() {
            match &fact.state {
                State::Coupon(terms) => index.coupons.entry(&terms.id).or_default().learn(rank, terms),
                State::Discount(discount) => index.learn(rank, discount),
                State::Customer(customer) => {
                    customer.discount.iter().for_each(|discount| index.learn(rank, discount));
                }
                _ => {}
            }
            for state in subscriptions(fact) {
                let on_items = state.items.iter().flat_map(|item| &item.discounts);
                on_items.chain(&state.discounts).for_each(|discount| index.learn(rank, discount));
            }
        }
        index
    }
}

impl<'a> Discounts<'a> {
    fn learn(&mut self, rank: Rank<'a>, discount: &'a DiscountState) {
        if let Some(terms) = &discount.terms {
            self.coupons.entry(&terms.id).or_default().learn(rank, terms);
        }
        let Some(id) = &discount.id else { return };
        let known = self.by_id.entry(id).or_default();
        known.coupon.offer(rank, discount.coupon.as_ref().or_else(|| Some(&discount.terms.as_ref()?.id)));
        known.start.offer(rank, discount.start);
        known.end.offer(rank, discount.end);
        if let Some(terms) = &discount.terms {
            known.terms.learn(rank, terms);
        }
    }
}

impl<'a> Coupon<'a> {
    fn learn(&mut self, rank: Rank<'a>, terms: &'a CouponTerms) {
        self.off.offer(rank, terms.off);
        self.duration.offer(rank, Some(terms.duration).filter(|duration| *duration != Duration::Unknown));
        self.months.offer(rank, terms.months);
        self.products.offer(rank, terms.products.as_deref());
        for (code, amount) in &terms.currency_options {
            self.options.entry(*code).or_default().offer(rank, Some(*amount));
        }
    }
}

/// The subscription states a fact holds, before and after.
fn subscriptions(fact: &Fact) -> impl Iterator<Item = &SubscriptionState> {
    let (before, after) = match &fact.state {
        State::Subscription { before, after } => (before.as_deref(), Some(&**after)),
        _ => (None, None),
    };
    before.into_iter().chain(after)
}
