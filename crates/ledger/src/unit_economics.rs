//! Unit economics: what it costs to win a customer, and what is left of what customers pay (rule `unit-economics`). What wasn't imported
//! makes no figure, never a default.

use super::{
    metrics::{Rate, Side},
    money::Mrr,
    pricing::exact::{Exact, Overflow},
};

/// What was spent in a month; `None` where nothing was imported of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// On selling; `None` where nobody told.
    pub sales: Option<Mrr>,
    /// On marketing; `None` where nobody told.
    pub marketing: Option<Mrr>,
    /// On serving those who pay.
    pub cost_of_service: Option<Mrr>,
    /// On all the rest; `None` where nobody told.
    pub operating: Option<Mrr>,
}

/// What one month brought, in one currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Brought {
    /// MRR at the end of the month.
    pub mrr: Mrr,
    /// MRR twelve months before its end.
    pub a_year_ago: Mrr,
    /// New MRR and expansion of the month, together.
    pub gained: Mrr,
    /// Paying customers at its end.
    pub customers: u64,
    /// New customers, without those that were imported.
    pub won: u64,
}

const NO_SALES: &str = "no sales spend was imported for the month";
const NO_MARKETING: &str = "no marketing spend was imported for the month";
const NO_COST: &str = "no cost of service was imported for the month";
const NO_OPERATING: &str = "no operating spend was imported for the month";
const NO_MRR: &str = "no MRR";
const NOBODY_WON: &str = "no new customers";
const OVERFLOW: &str = "the exact value doesn't fit into 128 bits";

/// An amount that was imported, or why there is none.
pub fn spent(amount: Option<Mrr>) -> Rate {
    amount.map_or_else(|| none("none was imported for the month"), Rate::amount)
}

fn none(reason: &'static str) -> Rate {
    Rate::none(reason, String::new(), String::new())
}

fn sum(amounts: &[Mrr]) -> Result<Mrr, &'static str> {
    amounts.iter().try_fold(Mrr::ZERO, |sum, amount| sum.checked_add(*amount)).ok_or(OVERFLOW)
}

fn less(above: Mrr, below: Mrr) -> Result<Mrr, &'static str> {
    above.checked_sub(below).ok_or(OVERFLOW)
}

impl Spent {
    /// What winning customers cost: sales and marketing.
    fn winning(&self) -> Result<Mrr, &'static str> {
        sum(&[self.sales.ok_or(NO_SALES)?, self.marketing.ok_or(NO_MARKETING)?])
    }

    /// All of it.
    fn all(&self) -> Result<Mrr, &'static str> {
        let (cost, operating) = (self.cost_of_service.ok_or(NO_COST)?, self.operating.ok_or(NO_OPERATING)?);
        sum(&[self.winning()?, cost, operating])
    }
}

/// CAC = sales and marketing / new customers. `winning` is the month whose spend won them.
pub fn cac(winning: &Spent, month: &Brought) -> Rate {
    match winning.winning() {
        Ok(spent) => Rate::of(Side::Money(spent), Side::count(month.won), NOBODY_WON),
        Err(reason) => none(reason),
    }
}

/// CAC ratio = (new + expansion) × 12 / sales and marketing.
pub fn cac_ratio(winning: &Spent, month: &Brought) -> Rate {
    let year = || month.gained.0.checked_mul(12).map(Mrr).ok_or(OVERFLOW);
    match winning.winning().and_then(|spent| Ok((year()?, spent))) {
        Ok((gained, spent)) => {
            Rate::of(Side::Money(gained), Side::Money(spent), "nothing was spent on sales and marketing")
        }
        Err(reason) => none(reason),
    }
}

/// Gross margin = (MRR − cost of service) / MRR.
pub fn gross_margin(of_month: &Spent, month: &Brought) -> Rate {
    match of_month.cost_of_service.ok_or(NO_COST).and_then(|cost| less(month.mrr, cost)) {
        Ok(left) => Rate::of(Side::Money(left), Side::Money(month.mrr), NO_MRR),
        Err(reason) => none(reason),
    }
}

/// Payback in months, the usual ratio: CAC / (ARPA × gross margin), which is CAC / ((MRR − cost of service) / customers).
pub fn payback_months(winning: &Spent, of_month: &Spent, month: &Brought) -> Rate {
    let sides = || {
        let each = |amount: Mrr, count: u64, empty| {
            let whole = Some(count).filter(|count| *count > 0).ok_or(empty)?;
            Exact::ratio(amount.0, Mrr::MINOR).over(Exact::whole(whole.into())).map_err(|Overflow| OVERFLOW)
        };
        let cac = each(winning.winning()?, month.won, NOBODY_WON)?;
        let left = less(month.mrr, of_month.cost_of_service.ok_or(NO_COST)?)?;
        Ok((cac, each(left, month.customers, "no paying customers")?))
    };
    match sides() {
        Ok((cac, left)) => {
            Rate::of(Side::Number(cac), Side::Number(left), "nothing is left of MRR after the cost of service")
        }
        Err(reason) => none(reason),
    }
}

/// ARR growth over a year = (MRR − MRR 12 months ago) / MRR 12 months ago.
pub fn arr_growth(month: &Brought) -> Rate {
    match less(month.mrr, month.a_year_ago) {
        Ok(grown) => Rate::of(Side::Money(grown), Side::Money(month.a_year_ago), "no MRR 12 months ago"),
        Err(reason) => none(reason),
    }
}

/// Operating margin = (MRR − all that was spent) / MRR.
pub fn operating_margin(of_month: &Spent, month: &Brought) -> Rate {
    match of_month.all().and_then(|spent| less(month.mrr, spent)) {
        Ok(left) => Rate::of(Side::Money(left), Side::Money(month.mrr), NO_MRR),
        Err(reason) => none(reason),
    }
}

/// Rule of 40 = ARR growth over a year + operating margin, unrounded; 0.4 and more keep it.
pub fn rule_of_40(of_month: &Spent, month: &Brought) -> Rate {
    let share = |above: Mrr, below: Mrr, empty| {
        let below = Some(below).filter(|below| *below > Mrr::ZERO).ok_or(empty)?;
        Exact::ratio(above.0, Mrr::MINOR).over(Exact::ratio(below.0, Mrr::MINOR)).map_err(|Overflow| OVERFLOW)
    };
    let sum = || {
        let margin = share(less(month.mrr, of_month.all()?)?, month.mrr, NO_MRR)?;
        let growth = share(less(month.mrr, month.a_year_ago)?, month.a_year_ago, "no MRR 12 months ago")?;
        growth.plus(margin).map_err(|Overflow| OVERFLOW)
    };
    match sum() {
        Ok(sum) => Rate::of(Side::Number(sum), Side::count(1), ""),
        Err(reason) => none(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(minor: i128) -> Mrr {
        Mrr(minor * Mrr::MINOR)
    }

    fn spent() -> Spent {
        let [sales, marketing, cost_of_service, operating] =
            [60_000, 30_000, 40_000, 50_000].map(|cents| Some(money(cents)));
        Spent { sales, marketing, cost_of_service, operating }
    }

    const MONTH: Brought = Brought {
        mrr: Mrr(200_000 * Mrr::MINOR),
        a_year_ago: Mrr(160_000 * Mrr::MINOR),
        gained: Mrr(15_000 * Mrr::MINOR),
        customers: 40,
        won: 9,
    };

    fn told(rate: &Rate) -> (Option<&str>, Option<&str>) {
        (rate.value.as_deref(), rate.reason)
    }

    /// Rule `unit-economics`: each formula by hand.
    #[test]
    fn each_figure_is_what_its_formula_says() {
        let spent = spent();
        // 900.00 for nine; 1800.00 a year for 900.00; 1600.00 of 2000.00; 100.00 / (1600.00 / 40); 400.00 of 1600.00; 200.00 of 2000.00.
        assert_eq!(told(&cac(&spent, &MONTH)), (Some("10000"), None));
        assert_eq!(told(&cac_ratio(&spent, &MONTH)), (Some("2.0000"), None));
        assert_eq!(told(&gross_margin(&spent, &MONTH)), (Some("0.8000"), None));
        assert_eq!(told(&payback_months(&spent, &spent, &MONTH)), (Some("2.5000"), None));
        assert_eq!(told(&arr_growth(&MONTH)), (Some("0.2500"), None));
        assert_eq!(told(&operating_margin(&spent, &MONTH)), (Some("0.1000"), None));
        assert_eq!(told(&rule_of_40(&spent, &MONTH)), (Some("0.3500"), None));
    }

    /// Rule `unit-economics`: what isn't known is null with its reason, and never a default.
    #[test]
    fn what_was_not_imported_makes_no_figure() {
        let (all, nothing) = (spent(), Spent::default());
        let no_marketing = Spent { marketing: None, ..all };
        assert_eq!(told(&cac(&nothing, &MONTH)), (None, Some(NO_SALES)));
        assert_eq!(told(&cac_ratio(&no_marketing, &MONTH)), (None, Some(NO_MARKETING)));
        assert_eq!(told(&gross_margin(&nothing, &MONTH)), (None, Some(NO_COST)));
        assert_eq!(told(&payback_months(&all, &nothing, &MONTH)), (None, Some(NO_COST)));
        assert_eq!(told(&operating_margin(&no_marketing, &MONTH)), (None, Some(NO_MARKETING)));
        assert_eq!(told(&rule_of_40(&Spent { operating: None, ..all }, &MONTH)), (None, Some(NO_OPERATING)));
        assert_eq!(told(&super::spent(None)).0, None);
        let (nobody, new) = (Brought { won: 0, ..MONTH }, Brought { a_year_ago: Mrr::ZERO, ..MONTH });
        assert_eq!(told(&cac(&all, &nobody)), (None, Some(NOBODY_WON)));
        assert_eq!(told(&payback_months(&all, &all, &nobody)), (None, Some(NOBODY_WON)));
        assert_eq!(told(&arr_growth(&new)), (None, Some("no MRR 12 months ago")));
        assert_eq!(told(&rule_of_40(&all, &new)), (None, Some("no MRR 12 months ago")));
        let dear = Spent { cost_of_service: Some(money(200_000)), ..all };
        assert_eq!(
            told(&payback_months(&all, &dear, &MONTH)),
            (None, Some("nothing is left of MRR after the cost of service"))
        );
        assert_eq!(told(&gross_margin(&dear, &MONTH)), (Some("0.0000"), None));
    }
}
