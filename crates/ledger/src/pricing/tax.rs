//! Inclusive tax: taken out last, after discounts (mrr.md 2).

use super::{
    exact::{Exact, Overflow},
    terms::Terms,
};
use crate::{
    fact::{ItemState, SubscriptionState, TaxRate},
    money::Currency,
    time::UnixTime,
};

/// Tax inside an item's amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inside {
    /// None.
    Nothing,
    /// So many percent on the amount without tax.
    Percent(Exact),
    /// The price says inclusive, or a bill shows that it is, and no rate is known: the amount stays gross.
    Unknown,
}

/// Sum of the inclusive rates, in percent; `None` where there is none.
pub(super) fn inclusive(rates: &[TaxRate]) -> Option<Exact> {
    let mut sum = None;
    for rate in rates.iter().filter(|rate| rate.inclusive) {
        sum = Some(sum.unwrap_or(Exact::ZERO).plus(rate.percentage.into()).ok()?);
    }
    sum
}

/// The rates of the item, else of the subscription, else of the item's last invoice line.
pub(super) fn inside(
    state: &SubscriptionState,
    item: &ItemState,
    currency: Option<Currency>,
    at: UnixTime,
    terms: &Terms<'_>,
) -> Inside {
    // Rates on an item replace the subscription's, exclusive ones too.
    let stated = if item.tax_rates.is_empty() { &state.tax_rates } else { &item.tax_rates };
    if let Some(percent) = inclusive(stated) {
        return Inside::Percent(percent);
    }
    if !item.price.tax_inclusive && (!stated.is_empty() || !terms.bills_tell_inclusive_tax()) {
        return Inside::Nothing;
    }
    let bills = terms.invoices();
    let bill = bills.last_bill(state, item, currency, at, |billed| billed.inclusive_rate().is_some());
    let taxed = || bills.last_bill(state, item, currency, at, |billed| billed.tells_tax_inside()).is_some();
    match bill.and_then(|billed| billed.inclusive_rate()) {
        Some(percent) => Inside::Percent(percent),
        None if item.price.tax_inclusive || taxed() => Inside::Unknown,
        None => Inside::Nothing,
    }
}

impl Inside {
    /// The amount without the tax inside it.
    pub(super) fn take_out(self, amount: Exact) -> Result<Exact, Overflow> {
        match self {
            Self::Nothing | Self::Unknown => Ok(amount),
            Self::Percent(percent) => {
                let hundred = Exact::whole(100);
                amount.times(hundred)?.over(hundred.plus(percent)?)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_times_the_rate_is_the_price() {
        let without = Inside::Percent(Exact::whole(19)).take_out(Exact::whole(11_900)).unwrap();
        assert_eq!(without, Exact::whole(10_000));
        let odd = Inside::Percent(Exact::ratio(77, 10)).take_out(Exact::whole(1_000)).unwrap();
        assert_eq!(odd.round().unwrap().to_string(), "928.505107");
    }

    #[test]
    fn only_inclusive_rates_are_summed() {
        let rate = |percentage: &str, inclusive| TaxRate { percentage: percentage.parse().unwrap(), inclusive };
        assert_eq!(
            inclusive(&[rate("5", true), rate("9.975", true), rate("20", false)]),
            Some(Exact::ratio(14975, 1000))
        );
        assert_eq!(inclusive(&[rate("20", false)]), None);
        assert_eq!(inclusive(&[]), None);
    }
}
