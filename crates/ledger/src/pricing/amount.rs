//! The monthly amount of a licensed item = unit amount × quantity × factor(interval) (rule `monthly-amount`).

use super::{
    exact::{Exact, Overflow},
    tiers,
};
use crate::{
    fact::{Interval, IntervalUnit, Round, Scheme, Transform},
    money::Decimal,
};

/// How many of an interval make a month: month 1/n, year 1/(12 n), week 52/(12 n), day 365/(12 n).
///
/// The interval is the price's own; the length of a period says nothing (docs/wire.md 0, fact 7).
pub(super) fn factor(interval: Interval) -> Exact {
    let count = i128::from(interval.count.max(1));
    match interval.unit {
        IntervalUnit::Month if count == 1 => Exact::ONE,
        IntervalUnit::Month => Exact::ratio(1, count),
        IntervalUnit::Year => Exact::ratio(1, 12 * count),
        IntervalUnit::Week => Exact::ratio(52, 12 * count),
        IntervalUnit::Day => Exact::ratio(365, 12 * count),
    }
}

/// Units billed: a missing quantity of a licensed item is 1, and `transform_quantity` comes first.
pub(super) fn units(quantity: Option<Decimal>, transform: Option<Transform>) -> Result<Exact, Overflow> {
    let quantity = quantity.map_or(Exact::ONE, Exact::from);
    let Some(Transform { divide_by, round }) = transform else { return Ok(quantity) };
    let packages = quantity.over(Exact::whole(i128::from(divide_by.max(1))))?;
    match round {
        Round::Up => packages.ceil(),
        Round::Down => Ok(packages.floor()),
    }
}

/// What `units` cost for one interval; `None` where the scheme can't tell.
pub(super) fn per_interval(scheme: &Scheme, units: Exact) -> Result<Option<Exact>, Overflow> {
    match scheme {
        Scheme::PerUnit(unit) => units.times((*unit).into()).map(Some),
        Scheme::Graduated(table) => tiers::graduated(table, units),
        Scheme::Volume(table) => tiers::volume(table, units),
        Scheme::Unknown => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn monthly(unit: &str, quantity: &str, interval: IntervalUnit, count: u32) -> String {
        let units = units(Some(quantity.parse().unwrap()), None).unwrap();
        let amount = per_interval(&Scheme::PerUnit(unit.parse().unwrap()), units).unwrap().unwrap();
        amount.times(factor(Interval { unit: interval, count })).unwrap().round().unwrap().to_string()
    }

    #[test]
    fn every_interval_becomes_a_month() {
        assert_eq!(monthly("2000", "3", IntervalUnit::Month, 1), "6000");
        assert_eq!(monthly("9000", "1", IntervalUnit::Month, 3), "3000");
        assert_eq!(monthly("12000", "1", IntervalUnit::Year, 1), "1000");
        assert_eq!(monthly("10000", "1", IntervalUnit::Year, 1), "833.333333");
        assert_eq!(monthly("24000", "1", IntervalUnit::Year, 2), "1000");
        assert_eq!(monthly("1200", "1", IntervalUnit::Week, 1), "5200");
        assert_eq!(monthly("1200", "1", IntervalUnit::Week, 2), "2600");
        assert_eq!(monthly("120", "1", IntervalUnit::Day, 1), "3650");
        assert_eq!(monthly("0.000000000012", "1000000", IntervalUnit::Month, 1), "0.000012", "sub-cent");
        assert_eq!(monthly("100", "2.5", IntervalUnit::Month, 1), "250", "quantity_decimal");
    }

    /// docs/wire.md 4.4: twelve dollars of three kinds of year are one dollar a month.
    #[test]
    fn a_year_is_twelve_months_and_four_quarters() {
        let year = factor(Interval { unit: IntervalUnit::Year, count: 1 });
        assert_eq!(year, factor(Interval { unit: IntervalUnit::Month, count: 12 }));
        assert_eq!(factor(Interval { unit: IntervalUnit::Week, count: 52 }), year);
        assert_eq!(factor(Interval { unit: IntervalUnit::Day, count: 365 }), year);
    }

    #[test]
    fn packages_are_begun_or_whole() {
        let units = |quantity: &str, round| {
            let transform = Transform { divide_by: 5, round };
            units(Some(quantity.parse().unwrap()), Some(transform)).unwrap().to_string()
        };
        for (quantity, up, down) in
            [("0", "0", "0"), ("1", "1", "0"), ("5", "1", "1"), ("5.1", "2", "1"), ("11", "3", "2")]
        {
            assert_eq!(
                (units(quantity, Round::Up), units(quantity, Round::Down)),
                (up.into(), down.into()),
                "{quantity}"
            );
        }
    }

    #[test]
    fn a_missing_quantity_is_one() {
        assert_eq!(units(None, None), Ok(Exact::ONE));
        let transform = Some(Transform { divide_by: 5, round: Round::Up });
        assert_eq!(units(None, transform), Ok(Exact::ONE));
    }
}
