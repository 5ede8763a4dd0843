//! What invoice lines tell of a discount that is known only by its id (rule `discount-by-id`): the normal case of webhooks since basil.

use std::collections::BTreeMap;

use super::{
    exact::Exact,
    invoices::{Invoice, Invoices, Stands, takes_off},
};
use crate::{
    fact::{InvoiceLine, ItemState, SubscriptionState},
    ids::{DiscountId, ItemId, ProductId},
    money::{Currency, Decimal},
    time::UnixTime,
};

/// All lines that show one discount, by invoice.
#[derive(Debug, Default)]
pub(super) struct Evidence<'a> {
    shown: Vec<Shown<'a>>,
    /// The percentage that explains all of them.
    percent: Option<Decimal>,
    /// Of each currency, the amount per invoice that explains all of them.
    amounts: BTreeMap<Currency, Option<i128>>,
    /// What was billed on these invoices, and whether it was discounted.
    items: BTreeMap<&'a ItemId, bool>,
    products: BTreeMap<&'a ProductId, bool>,
}

/// One invoice that shows it.
#[derive(Debug)]
struct Shown<'a> {
    at: UnixTime,
    currency: Option<Currency>,
    lines: Vec<Taken<'a>>,
}

/// What it took off one line.
#[derive(Clone, Copy, Debug)]
struct Taken<'a> {
    line: &'a InvoiceLine,
    /// Minor units that the discounts before it had left.
    of: i128,
    amount: i128,
}

/// What a discount known only by its id takes off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Estimate {
    /// In percent: one whole or half per cent explains all lines.
    Percent(Decimal),
    /// In minor units per invoice: one amount explains all invoices.
    Amount(i128),
    /// Neither does: the share that the nearest line shows.
    Nearest,
}

impl<'a> Evidence<'a> {
    pub(super) fn gather(invoices: &Invoices<'a>, discount: &DiscountId) -> Self {
        let shown: Vec<Shown<'a>> = invoices.all().iter().filter_map(|invoice| shown(invoice, discount)).collect();
        let mut evidence = Self { percent: percent(&shown), ..Self::default() };
        for invoice in &shown {
            if let Some(currency) = invoice.currency {
                evidence.amounts.entry(currency).or_insert_with(|| amount(&shown, currency));
            }
        }
        evidence.shown = shown;
        for invoice in invoices.all() {
            evidence.falls(invoice, discount);
        }
        evidence
    }

    /// Nobody's line shows it.
    pub(super) fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    /// What it takes off in `currency`.
    pub(super) fn estimate(&self, currency: Option<Currency>) -> Option<Estimate> {
        if self.is_empty() {
            return None;
        }
        let amount = || currency.and_then(|code| *self.amounts.get(&code)?).map(Estimate::Amount);
        self.percent.map(Estimate::Percent).or_else(amount).or(Some(Estimate::Nearest))
    }

    /// Whether it falls on an item: as its lines show, else as those of its product do; else it does, unless there are
    /// things that it leaves alone.
    pub(super) fn falls_on(&self, item: &ItemState) -> bool {
        let by_product = || self.products.get(item.price.product.as_ref()?).copied();
        let told = self.items.get(&item.id).copied().or_else(by_product);
        told.unwrap_or_else(|| self.items.values().all(|discounted| *discounted))
    }

    /// The share of the line nearest to a state: of the item's own line, else of the whole invoice.
    pub(super) fn nearest(&self, item: &ItemState, stands: Stands) -> Option<Exact> {
        let (mut within, mut before, mut after) = (None, None, None);
        for invoice in &self.shown {
            match invoice.at {
                at if at < stands.from => before = Some(invoice),
                at if at < stands.until => within = Some(invoice),
                _ if after.is_none() => after = Some(invoice),
                _ => {}
            }
        }
        let lines = &within.or(before).or(after)?.lines;
        let share = |own: &dyn Fn(&Taken<'_>) -> bool| {
            let mine = lines.iter().filter(|taken| own(taken));
            let (of, amount) = mine.fold((0, 0), |(of, amount), taken| (of + taken.of, amount + taken.amount));
            (of > 0 && amount > 0).then(|| Exact::ratio(amount, of).min(Exact::ONE))
        };
        share(&|taken| taken.line.item.as_ref() == Some(&item.id)).or_else(|| share(&|_| true))
    }

    /// Periods of this subscription that were billed with it, in order; corrections and trials left out.
    pub(super) fn periods(&self, subscription: &SubscriptionState) -> Vec<crate::fact::Period> {
        let lines = self.shown.iter().flat_map(|invoice| &invoice.lines).filter(|taken| {
            let of = taken.line.subscription.as_ref();
            !taken.line.proration && of.is_none_or(|id| *id == subscription.id)
        });
        let mut periods: Vec<_> = lines.filter_map(|taken| taken.line.period).collect();
        periods.sort_unstable();
        periods.dedup();
        periods
    }

    /// Learns from one invoice that shows the discount what it falls on. What is so small that its share is nothing tells
    /// nothing.
    fn falls(&mut self, invoice: &Invoice<'a>, discount: &DiscountId) {
        let taken: i128 = invoice.lines.iter().map(|line| takes_off(line, discount)).sum();
        let of: i128 =
            invoice.lines.iter().filter(|line| takes_off(line, discount) != 0).map(|line| left(line, discount)).sum();
        if taken <= 0 || of <= 0 {
            return;
        }
        for line in invoice.lines.iter().filter(|line| !line.proration) {
            let discounted = takes_off(line, discount) > 0;
            let worth = left(line, discount).checked_mul(taken).is_some_and(|worth| worth >= of);
            if !discounted && !worth {
                continue;
            }
            if let Some(item) = &line.item {
                *self.items.entry(item).or_default() |= discounted;
            }
            if let Some(product) = &line.product {
                *self.products.entry(product).or_default() |= discounted;
            }
        }
    }
}

/// Minor units of a line that the discounts shown before this one left.
fn left(line: &InvoiceLine, discount: &DiscountId) -> i128 {
    let before = line.discounts.iter().take_while(|(id, _)| id != discount);
    i128::from(line.amount) - before.map(|(_, amount)| i128::from(*amount)).sum::<i128>()
}

fn shown<'a>(invoice: &Invoice<'a>, discount: &DiscountId) -> Option<Shown<'a>> {
    let lines = invoice.lines.iter().filter_map(|line| {
        let (of, amount) = (left(line, discount), takes_off(line, discount));
        // A correction may give back what was taken off.
        (amount != 0 && of.signum() == amount.signum()).then_some(Taken { line, of, amount })
    });
    let lines: Vec<_> = lines.collect();
    let (at, currency) = (invoice.state.created, invoice.state.currency);
    (!lines.is_empty()).then_some(Shown { at, currency, lines })
}

/// The one whole or half per cent that explains all lines within rounding: of several the one nearest to what was taken in
/// all, a whole one before a half one.
fn percent(shown: &[Shown<'_>]) -> Option<Decimal> {
    let all = || shown.iter().flat_map(|invoice| &invoice.lines);
    let of: i128 = all().map(|taken| taken.of.abs()).sum();
    let amount: i128 = all().map(|taken| taken.amount.abs()).sum();
    let nearest = |halves: &i128| ((200 * amount - halves * of).abs(), halves % 2, *halves);
    let explains = |halves: &i128| shown.iter().all(|invoice| explains(invoice, *halves));
    let halves = (1..=200).filter(explains).min_by_key(nearest)?;
    Some(Decimal::from_units(halves * Decimal::ONE_UNITS / 2))
}

/// Whether so many half per cent make what one invoice shows: each line rounded by itself, or the whole rounded and then
/// spread over the lines.
fn explains(invoice: &Shown<'_>, halves: i128) -> bool {
    // In two-hundredths of a minor unit.
    let off = |taken: &Taken<'_>| 200 * taken.amount - halves * taken.of;
    let each = invoice.lines.iter().all(|taken| off(taken).abs() <= 100);
    let spread = invoice.lines.iter().all(|taken| off(taken).abs() < 200)
        && invoice.lines.iter().map(off).sum::<i128>().abs() <= 100;
    each || spread
}

/// The amount per invoice that explains all invoices in `currency`; one that took all there was may have been larger.
fn amount(shown: &[Shown<'_>], currency: Currency) -> Option<i128> {
    let totals = || {
        shown.iter().filter(|invoice| invoice.currency == Some(currency)).map(|invoice| {
            let lines = invoice.lines.iter();
            lines.fold((0, 0), |(of, amount), taken| (of + taken.of, amount + taken.amount))
        })
    };
    let whole = totals().map(|(_, amount)| amount).max().filter(|amount| *amount > 0)?;
    totals().all(|(of, amount)| amount == whole || amount == of).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(amount: i64, discounts: &[(&str, i64)]) -> InvoiceLine {
        InvoiceLine {
            subscription: None,
            item: None,
            price: None,
            product: None,
            interval: None,
            amount,
            quantity: None,
            unit_amount: None,
            proration: false,
            period: None,
            discounts: discounts.iter().map(|(id, amount)| ((*id).into(), *amount)).collect(),
            tax_rates: Vec::new(),
            tax_inside: None,
            terms: None,
        }
    }

    /// What `di` takes, from invoices of so many lines each.
    fn estimate(invoices: &[&[InvoiceLine]]) -> Estimate {
        let (at, currency) = (UnixTime(0), "usd".parse().ok());
        let shown: Vec<Shown<'_>> = invoices
            .iter()
            .map(|lines| {
                let of = |line| Taken { line, of: left(line, &"di".into()), amount: takes_off(line, &"di".into()) };
                Shown { at, currency, lines: lines.iter().map(of).filter(|taken| taken.amount != 0).collect() }
            })
            .collect();
        let usd = currency.unwrap();
        let amounts = BTreeMap::from([(usd, amount(&shown, usd))]);
        Evidence { percent: percent(&shown), shown, amounts, ..Evidence::default() }.estimate(currency).unwrap()
    }

    #[test]
    fn a_percentage_first_then_an_amount_then_the_nearest_share() {
        let percent = |text: &str| Estimate::Percent(text.parse().unwrap());
        let di = |of, amount| line(of, &[("di", amount)]);
        assert_eq!(estimate(&[&[di(10_000, 2_500)]]), percent("25"));
        assert_eq!(estimate(&[&[di(10_000, 2_500)], &[di(30_000, 7_500)]]), percent("25"));
        assert_eq!(estimate(&[&[di(10_000, 1_250)]]), percent("12.5"));
        assert_eq!(estimate(&[&[di(999, 333)]]), Estimate::Amount(333), "a third is no half per cent");
        assert_eq!(estimate(&[&[di(1_999, 500)]]), percent("25"), "within rounding");
        assert_eq!(estimate(&[&[di(1_999, 500)], &[di(3_998, 500)]]), Estimate::Amount(500));
        assert_eq!(estimate(&[&[di(10_000, 2_000)], &[di(30_000, 2_000)]]), Estimate::Amount(2_000));
        assert_eq!(estimate(&[&[di(1_500, 1_400)]]), Estimate::Amount(1_400));
        assert_eq!(estimate(&[&[di(300, 300)], &[di(900, 500)]]), Estimate::Amount(500), "all there was");
        assert_eq!(estimate(&[&[di(10_000, 2_000)], &[di(10_000, 2_222)]]), Estimate::Nearest);
        // Spread over the lines: 250 of 1000, each line off by less than one.
        assert_eq!(estimate(&[&[di(333, 84), di(333, 83), di(334, 83)]]), percent("25"));
        // Of what the discount before it left.
        let after = line(10_000, &[("other", 5_000), ("di", 1_000)]);
        assert_eq!(estimate(&[&[after]]), percent("20"));
        // A credit gives back its share.
        assert_eq!(estimate(&[&[di(10_000, 2_500), di(-4_000, -1_000)]]), percent("25"));
        // So small that many percentages explain it: the nearest.
        assert_eq!(estimate(&[&[di(10, 3)]]), percent("30"));
    }
}
