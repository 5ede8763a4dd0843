//! Tiered prices (rule `tiers`): graduated, volume, and the flat amounts of the tiers touched.

use super::exact::{Exact, Overflow};
use crate::fact::Tier;

/// What `quantity` costs for one interval; `None` when no tier covers it.
type Cost = Result<Option<Exact>, Overflow>;

/// Each tier's share at its own rate; the first tier is touched even by a quantity of 0, and its flat amount billed.
pub(super) fn graduated(tiers: &[Tier], quantity: Exact) -> Cost {
    let (mut total, mut covered) = (Exact::ZERO, Exact::ZERO);
    for tier in tiers {
        let upper = tier.up_to.map_or(quantity, |up_to| quantity.min(up_to.into()));
        total = total.plus(upper.minus(covered)?.times(tier.unit_amount.into())?)?.plus(tier.flat_amount.into())?;
        covered = upper;
        if covered >= quantity {
            return Ok(Some(total));
        }
    }
    Ok(None)
}

/// All units at the rate of the tier reached; a quantity of 0 reaches the first.
pub(super) fn volume(tiers: &[Tier], quantity: Exact) -> Cost {
    let reached = tiers.iter().find(|tier| tier.up_to.is_none_or(|up_to| quantity <= up_to.into()));
    match reached {
        Some(tier) => quantity.times(tier.unit_amount.into())?.plus(tier.flat_amount.into()).map(Some),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Decimal;

    fn tiers(rows: &[(Option<i64>, &str, i64)]) -> Vec<Tier> {
        let tier = |&(up_to, unit, flat): &(Option<i64>, &str, i64)| Tier {
            up_to: up_to.map(Decimal::whole),
            unit_amount: unit.parse().unwrap(),
            flat_amount: Decimal::whole(flat),
        };
        rows.iter().map(tier).collect()
    }

    fn check(tiers: &[Tier], quantity: &str, expect_volume: &str, expect_graduated: &str) {
        let quantity = quantity.parse::<Decimal>().unwrap().into();
        let text = |cost: Cost| cost.unwrap().map_or("none".to_owned(), |amount| amount.to_string());
        assert_eq!(
            (text(volume(tiers, quantity)), text(graduated(tiers, quantity))),
            (expect_volume.into(), expect_graduated.into()),
            "quantity {quantity}"
        );
    }

    /// Rule `tiers`.
    /// docs/wire.md 4.4: 1–5 at $7, 6–10 at $6.50, from 11 at $6; here in dollars.
    #[test]
    fn stripes_table_of_tiers() {
        let table = tiers(&[(Some(5), "7", 0), (Some(10), "6.5", 0), (None, "6", 0)]);
        check(&table, "1", "7", "7");
        check(&table, "5", "35", "35");
        check(&table, "6", "39", "41.5");
        check(&table, "20", "120", "127.5");
        check(&table, "25", "150", "157.5");
        check(&table, "5.5", "35.75", "38.25");
        check(&table, "0", "0", "0");
    }

    /// docs/wire.md 4.4: unit + flat of 5+10, 4+20, 3+30, 2+40, 1+50; at quantity 0 the first flat amount is billed.
    #[test]
    fn stripes_table_of_tiers_with_flat_amounts() {
        let table = tiers(&[
            (Some(5), "5", 10),
            (Some(10), "4", 20),
            (Some(15), "3", 30),
            (Some(20), "2", 40),
            (None, "1", 50),
        ]);
        check(&table, "12", "66", "111");
        check(&table, "0", "10", "10");
        check(&table, "5", "35", "35");
        check(&table, "6", "44", "59");
    }

    #[test]
    fn a_table_that_ends_too_early_gives_no_amount() {
        check(&tiers(&[(Some(5), "7", 0)]), "6", "none", "none");
        check(&[], "0", "none", "none");
    }
}
