//! Discounts in list order, each on what the one before left (rule `discount-order`). Shares are exact ratios; nothing is rounded here.

use super::exact::{Exact, Overflow};
use crate::money::Decimal;

/// What discounts have left of one item's monthly amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Left {
    /// Still to pay each month.
    pub amount: Exact,
    /// The item's factor: the greatest belongs to the shortest interval. `None` for a metered item, which amounts
    /// don't fall on.
    pub licensed: Option<Exact>,
    /// The discount at hand falls on this item.
    pub hit: bool,
}

/// A percentage takes its share of every item it falls on.
pub(super) fn percent(items: &mut [Left], percent: Decimal) -> Result<(), Overflow> {
    let keep = Exact::ONE.minus(Exact::from(percent).over(Exact::whole(100))?)?.at_least_zero();
    for item in items.iter_mut().filter(|item| item.hit) {
        item.amount = item.amount.times(keep)?;
    }
    Ok(())
}

/// An amount per invoice: normalised by the shortest interval among the licensed items it falls on, and split over
/// them in proportion to what the previous discount left. Never below 0.
pub(super) fn amount(items: &mut [Left], minor: Exact) -> Result<(), Overflow> {
    let falls_on = |item: &&Left| item.hit && item.licensed.is_some() && item.amount > Exact::ZERO;
    let Some(shortest) = items.iter().filter(falls_on).filter_map(|item| item.licensed).max() else {
        return Ok(());
    };
    let mut total = Exact::ZERO;
    for item in items.iter().filter(falls_on) {
        total = total.plus(item.amount)?;
    }
    // In proportion to what is left: everyone keeps the same share, so the parts sum to the whole exactly.
    let keep = total.minus(minor.times(shortest)?)?.at_least_zero().over(total)?;
    for item in items.iter_mut().filter(|item| falls_on(&&**item)) {
        item.amount = item.amount.times(keep)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn monthly(amounts: &[i128]) -> Vec<Left> {
        let left = |&amount: &i128| Left { amount: Exact::whole(amount), licensed: Some(Exact::ONE), hit: true };
        amounts.iter().map(left).collect()
    }

    fn total(items: &[Left]) -> Exact {
        items.iter().try_fold(Exact::ZERO, |sum, item| sum.plus(item.amount)).unwrap()
    }

    /// docs/wire.md 4.1: "20 % then $5" ≠ "$5 then 20 %".
    #[test]
    fn the_order_of_the_list_matters() {
        let (mut first, mut second) = (monthly(&[10_000]), monthly(&[10_000]));
        percent(&mut first, Decimal::whole(20)).unwrap();
        amount(&mut first, Exact::whole((500).into())).unwrap();
        amount(&mut second, Exact::whole((500).into())).unwrap();
        percent(&mut second, Decimal::whole(20)).unwrap();
        assert_eq!((total(&first), total(&second)), (Exact::whole(7_500), Exact::whole(7_600)));
    }

    #[test]
    fn an_amount_is_normalised_by_the_shortest_interval() {
        let year = Exact::ratio(1, 12);
        let mut items = monthly(&[1_000, 3_000]);
        items[1].licensed = Some(year);
        amount(&mut items, Exact::whole((400).into())).unwrap();
        assert_eq!(items.iter().map(|item| item.amount).collect::<Vec<_>>(), [Exact::whole(900), Exact::whole(2_700)]);
        items[0].hit = false;
        amount(&mut items, Exact::whole((1_200).into())).unwrap();
        assert_eq!(items[1].amount, Exact::whole(2_600), "alone, the yearly item takes a twelfth");
    }

    #[test]
    fn nothing_goes_below_zero_and_metered_items_take_no_amount() {
        let mut items = monthly(&[300, 200]);
        items[1].licensed = None;
        amount(&mut items, Exact::whole((1_000).into())).unwrap();
        assert_eq!((items[0].amount, items[1].amount), (Exact::ZERO, Exact::whole(200)));
        percent(&mut items, Decimal::whole(150)).unwrap();
        assert_eq!(items[1].amount, Exact::ZERO);
    }

    proptest! {
        #[test]
        fn what_is_taken_is_the_discount_or_all_there_is(
            amounts in prop::collection::vec(0i128..1_000_000_000, 1..8),
            off in 0i64..2_000_000_000,
            first in 0i64..=100,
        ) {
            let mut items = monthly(&amounts);
            percent(&mut items, Decimal::whole(first)).unwrap();
            let before = total(&items);
            let parts: Vec<_> = items.iter().map(|item| item.amount).collect();
            amount(&mut items, Exact::whole((off).into())).unwrap();
            let expected = Exact::whole(off.into()).min(before);
            prop_assert_eq!(before.minus(total(&items)).unwrap(), expected);
            for (before, after) in parts.iter().zip(&items) {
                prop_assert!(after.amount >= Exact::ZERO && after.amount <= *before);
            }
        }

        #[test]
        fn percentages_among_themselves_commute(a in 0i64..=100, b in 0i64..=100, price in 0i128..1_000_000_000) {
            let (mut one, mut other) = (monthly(&[price]), monthly(&[price]));
            percent(&mut one, Decimal::whole(a)).and_then(|()| percent(&mut one, Decimal::whole(b))).unwrap();
            percent(&mut other, Decimal::whole(b)).and_then(|()| percent(&mut other, Decimal::whole(a))).unwrap();
            prop_assert_eq!(one, other);
        }
    }
}
