//! Inclusive tax: taken out last, after discounts (rule `inclusive-tax`).

use super::{
    exact::{Exact, Overflow},
    invoices::{Billed, Invoices, Stands},
    terms::Terms,
};
use crate::{
    fact::{ItemState, SubscriptionState, TaxRate},
    money::Currency,
};

/// Tax inside an item's amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inside {
    /// None.
    Nothing,
    /// So many percent on the amount without tax.
    Percent(Exact),
    /// That share of the amount, as the item's invoice line shows it.
    Share(Exact),
    /// The price says inclusive, and neither a rate nor a line tells how much: the amount stays gross.
    Unknown,
}

/// Sum of the inclusive rates, in percent, and whether some rate is told nowhere.
struct Stated {
    inclusive: Option<Exact>,
    open: bool,
}

fn stated(rates: &[TaxRate], terms: &Terms<'_>) -> Stated {
    let mut stated = Stated { inclusive: None, open: false };
    for rate in rates {
        let known = match (rate.percentage, &rate.id) {
            (Some(percentage), _) => Some((percentage, rate.inclusive)),
            (None, Some(id)) => terms.tax_rate(id),
            (None, None) => None,
        };
        match known {
            Some((percentage, true)) => {
                let sum = stated.inclusive.unwrap_or(Exact::ZERO).plus(percentage.into());
                stated.inclusive = sum.ok();
                stated.open |= sum.is_err();
            }
            Some((_, false)) => {}
            None => stated.open = true,
        }
    }
    stated
}

/// The rates of the item, else of the subscription, else what the item's invoice line shows.
pub(super) fn inside<'a>(
    state: &SubscriptionState,
    item: &ItemState,
    currency: Option<Currency>,
    stands: impl FnOnce() -> Stands,
    terms: &Terms<'a>,
) -> Inside {
    if terms.keeps_tax() {
        return Inside::Nothing;
    }
    // Rates on an item replace the subscription's, exclusive ones too.
    let rates = if item.tax_rates.is_empty() { &state.tax_rates } else { &item.tax_rates };
    let told = stated(rates, terms);
    if let Some(percent) = told.inclusive.filter(|_| !told.open) {
        return Inside::Percent(percent);
    }
    let settled = !rates.is_empty() && !told.open;
    if !item.price.tax_inclusive && (settled || !terms.bills_tell_inclusive_tax()) {
        return Inside::Nothing;
    }
    let stands = stands();
    let tells = |billed: &Billed<'_>| billed.net() > 0;
    let of = |bills: &Invoices<'a>| {
        bills
            .bill(state, item, currency, stands, |billed| tells(billed) && billed.of_price(item))
            .or_else(|| bills.bill(state, item, currency, stands, tells))
    };
    let bill = of(terms.invoices()).or_else(|| of(terms.void_invoices()));
    match (bill, told.inclusive) {
        (Some(bill), _) => of_line(&bill, terms),
        (None, Some(percent)) => Inside::Percent(percent),
        (None, None) if item.price.tax_inclusive => Inside::Unknown,
        (None, None) => Inside::Nothing,
    }
}

/// What a line with something left to pay shows: a line that shows no tax has none inside.
fn of_line(bill: &Billed<'_>, terms: &Terms<'_>) -> Inside {
    let told = || bill.lines.iter().filter_map(|line| line.tax_inside);
    if told().next().is_some() {
        let tax: i128 = told().map(i128::from).sum();
        return if tax > 0 { Inside::Share(Exact::ratio(tax, bill.net())) } else { Inside::Nothing };
    }
    // A shape that tells its rates and no amounts.
    let rates = bill.lines.iter().find_map(|line| stated(&line.tax_rates, terms).inclusive);
    rates.map_or(Inside::Nothing, Inside::Percent)
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
            Self::Share(share) => amount.times(Exact::ONE.minus(share)?.at_least_zero()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CustomerFacts, ids::CustomerId};

    #[test]
    fn what_is_left_times_the_rate_is_the_price() {
        let without = Inside::Percent(Exact::whole(19)).take_out(Exact::whole(11_900)).unwrap();
        assert_eq!(without, Exact::whole(10_000));
        let odd = Inside::Percent(Exact::ratio(77, 10)).take_out(Exact::whole(1_000)).unwrap();
        assert_eq!(odd.round().unwrap().to_string(), "928.505107");
        let share = Inside::Share(Exact::ratio(190, 1_190)).take_out(Exact::whole(2_380)).unwrap();
        assert_eq!(share, Exact::whole(2_000));
    }

    #[test]
    fn only_inclusive_rates_are_summed() {
        let customer = CustomerId::from("cus_1");
        let terms = Terms::gather(CustomerFacts { customer: &customer, facts: &[], references: &[] });
        let rate = |percentage: &str, inclusive| TaxRate {
            percentage: Some(percentage.parse().unwrap()),
            inclusive,
            id: None,
        };
        let inclusive = |rates: &[TaxRate]| stated(rates, &terms).inclusive;
        assert_eq!(
            inclusive(&[rate("5", true), rate("9.975", true), rate("20", false)]),
            Some(Exact::ratio(14975, 1000))
        );
        assert_eq!(inclusive(&[rate("20", false)]), None);
        assert_eq!(inclusive(&[]), None);
        let by_id = TaxRate { percentage: None, inclusive: false, id: Some("txr_1".into()) };
        assert!(stated(&[by_id], &terms).open);
    }
}
