//! Metrics: every formula of rule `metrics` as a pure function. An empty denominator gives no value and says why, never 0 and
//! never infinity; each rate carries its numerator and denominator.

use serde::Serialize;

use super::{
    money::Mrr,
    outcome::Kind,
    pricing::exact::{Exact, Overflow},
};

/// A figure with what it was made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rate {
    /// Exact decimal: minor units where it is money, else a number.
    pub numerator: String,
    /// The same of what it is divided by.
    pub denominator: String,
    /// The quotient, half-even at six places, at least four of them printed; money as `_exact` prints it.
    pub value: Option<String>,
    /// The same in millionths, for whoever compares it: of a minor unit where it is money.
    #[serde(skip)]
    pub millionths: Option<i128>,
    /// Why there is no value.
    pub reason: Option<&'static str>,
}

/// What can stand above or below the line.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side {
    Money(Mrr),
    Number(Exact),
}

impl Side {
    pub(crate) fn count(value: u64) -> Self {
        Self::Number(Exact::whole(value.into()))
    }

    fn exact(self) -> Exact {
        match self {
            Self::Money(amount) => Exact::ratio(amount.0, Mrr::MINOR),
            Self::Number(number) => number,
        }
    }

    fn text(self) -> String {
        match self {
            Self::Money(amount) => amount.to_string(),
            Self::Number(number) if number.denominator() == 1 => number.numerator().to_string(),
            Self::Number(number) => number.scaled(MILLION).map(decimal).unwrap_or_else(|Overflow| number.to_string()),
        }
    }
}

/// Six places half-even, of which at least four are printed.
fn decimal(millionths: i128) -> String {
    let (sign, digits) = (if millionths < 0 { "-" } else { "" }, millionths.unsigned_abs());
    let text = format!("{sign}{}.{:06}", digits / 1_000_000, digits % 1_000_000);
    let kept = text.trim_end_matches('0').len().max(text.len() - 2);
    text[..kept].to_owned()
}

const MILLION: i128 = 1_000_000;

/// The sum of an amount over many doesn't fit into 128 bits.
const OVERFLOW: &str = "the exact value doesn't fit into 128 bits";

impl Rate {
    pub(crate) fn of(numerator: Side, denominator: Side, empty: &'static str) -> Self {
        let (above, below) = (numerator.exact(), denominator.exact());
        // Money over money is a share; money over a number is money.
        let money = matches!((numerator, denominator), (Side::Money(_), Side::Number(_)));
        let told = |quotient: Exact| match money {
            true => quotient.round().map(|amount| (amount.0, amount.to_string())),
            false => quotient.scaled(MILLION).map(|millionths| (millionths, decimal(millionths))),
        };
        let (numerator, denominator) = (numerator.text(), denominator.text());
        if below <= Exact::ZERO {
            return Self::none(empty, numerator, denominator);
        }
        match above.over(below).and_then(told) {
            Ok((millionths, value)) => {
                Self { numerator, denominator, value: Some(value), millionths: Some(millionths), reason: None }
            }
            Err(Overflow) => Self::none(OVERFLOW, numerator, denominator),
        }
    }

    /// One that has no value, and why.
    pub fn none(reason: &'static str, numerator: String, denominator: String) -> Self {
        Self { numerator, denominator, value: None, millionths: None, reason: Some(reason) }
    }

    /// An amount as it is.
    pub fn amount(amount: Mrr) -> Self {
        Self::of(Side::Money(amount), Side::count(1), "")
    }

    /// A figure that is a count, over nothing.
    pub fn count(count: u64) -> Self {
        let millionths = i128::from(count).checked_mul(MILLION);
        Self {
            numerator: count.to_string(),
            denominator: "1".into(),
            value: Some(count.to_string()),
            millionths,
            reason: None,
        }
    }

    /// So many of so many.
    pub fn share(part: u64, whole: u64, empty: &'static str) -> Self {
        Self::of(Side::count(part), Side::count(whole), empty)
    }

    fn overflow() -> Self {
        Self::none(OVERFLOW, String::new(), String::new())
    }

    /// `amounts` over `denominator`, unless a sum overflowed.
    fn money(numerator: Option<Mrr>, denominator: Option<Mrr>, empty: &'static str) -> Self {
        match (numerator, denominator) {
            (Some(above), Some(below)) => Self::of(Side::Money(above), Side::Money(below), empty),
            _ => Self::overflow(),
        }
    }
}

/// S, N, R, E, C, X, F of one period and currency: C and X are kept as positive amounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flows {
    /// S: MRR at the start.
    pub opening: Mrr,
    /// Money first seen already running; part of no rate.
    pub opening_balance: Mrr,
    /// N: the first MRR of customers.
    pub new: Mrr,
    /// R: MRR of customers who came back.
    pub reactivation: Mrr,
    /// E: more MRR of running customers.
    pub expansion: Mrr,
    /// C: MRR that running customers lost, above 0.
    pub contraction: Mrr,
    /// X: MRR of customers who left, above 0.
    pub churn: Mrr,
    /// F: revaluation, in ledgers of a reporting currency only; of either sign.
    pub fx: Mrr,
}

fn sum(amounts: &[Mrr]) -> Option<Mrr> {
    amounts.iter().try_fold(Mrr::ZERO, |total, amount| total.checked_add(*amount))
}

fn less(above: Option<Mrr>, below: Option<Mrr>) -> Option<Mrr> {
    above?.checked_sub(below?)
}

impl Flows {
    /// A period that starts with `opening`.
    pub fn starting(opening: Mrr) -> Self {
        Self { opening, ..Self::default() }
    }

    /// Adds a movement, signed as movements are. `None` on overflow; nothing is added then.
    pub fn add(&mut self, kind: Kind, amount: Mrr) -> Option<()> {
        let (line, amount) = match kind {
            Kind::OpeningBalance => (&mut self.opening_balance, amount),
            Kind::New => (&mut self.new, amount),
            Kind::Expansion => (&mut self.expansion, amount),
            Kind::Reactivation => (&mut self.reactivation, amount),
            Kind::Contraction => (&mut self.contraction, Mrr::ZERO.checked_sub(amount)?),
            Kind::Churn => (&mut self.churn, Mrr::ZERO.checked_sub(amount)?),
            Kind::Fx => (&mut self.fx, amount),
            Kind::Transient => return Some(()),
        };
        *line = line.checked_add(amount)?;
        Some(())
    }

    /// closing = opening + Σ movements, exactly (rule `snapshots`). `None` on overflow.
    pub fn closing(&self) -> Option<Mrr> {
        let up = [self.opening, self.opening_balance, self.new, self.reactivation, self.expansion, self.fx];
        less(sum(&up), self.lost())
    }

    fn lost(&self) -> Option<Mrr> {
        sum(&[self.churn, self.contraction])
    }
}

const NO_OPENING: &str = "no opening MRR";

/// ARR = 12 × MRR.
pub fn arr(mrr: Mrr) -> Rate {
    mrr.0.checked_mul(12).map_or_else(Rate::overflow, |year| Rate::amount(Mrr(year)))
}

/// ARPA = closing MRR / paying customers.
pub fn arpa(closing: Mrr, customers: u64) -> Rate {
    Rate::of(Side::Money(closing), Side::count(customers), "no paying customers")
}

/// ASP = N / new customers; a customer who was imported is in neither (rule `opening-balance`).
pub fn asp(new: Mrr, new_customers: u64) -> Rate {
    Rate::of(Side::Money(new), Side::count(new_customers), "no new customers")
}

/// Gross MRR churn = (X + C)/S; not known where S is 0.
pub fn gross_mrr_churn(flows: &Flows) -> Rate {
    Rate::money(flows.lost(), Some(flows.opening), NO_OPENING)
}

/// (X + C − E − R)/S.
pub fn net_mrr_churn(flows: &Flows) -> Rate {
    let gained = sum(&[flows.expansion, flows.reactivation]);
    Rate::money(less(flows.lost(), gained), Some(flows.opening), NO_OPENING)
}

/// One customer's MRR at the start and at the end of a period (or 12 months ago and now).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// MRR at the start; 0 for one who wasn't there.
    pub opening: Mrr,
    /// MRR at the end; 0 for one who left.
    pub closing: Mrr,
}

/// NRR = Σ closing / S over the customers with opening MRR.
pub fn nrr(customers: impl IntoIterator<Item = Pair>) -> Rate {
    retained(customers, |pair| pair.closing)
}

/// GRR = Σ min(closing, opening) / S over the customers with opening MRR.
pub fn grr(customers: impl IntoIterator<Item = Pair>) -> Rate {
    retained(customers, |pair| pair.closing.min(pair.opening))
}

fn retained(customers: impl IntoIterator<Item = Pair>, kept: impl Fn(Pair) -> Mrr) -> Rate {
    let (mut above, mut below) = (Some(Mrr::ZERO), Some(Mrr::ZERO));
    for pair in customers.into_iter().filter(|pair| pair.opening > Mrr::ZERO) {
        above = above.and_then(|sum| sum.checked_add(kept(pair)));
        below = below.and_then(|sum| sum.checked_add(pair.opening));
    }
    Rate::money(above, below, NO_OPENING)
}

/// The bridge form of NRR: (S + E − C − X)/S. New MRR is no part of it.
pub fn nrr_bridge(flows: &Flows) -> Rate {
    Rate::money(less(sum(&[flows.opening, flows.expansion]), flows.lost()), Some(flows.opening), NO_OPENING)
}

/// Customers lost of those present at the start / customers at the start.
pub fn customer_churn(lost_of_start: u64, at_start: u64) -> Rate {
    Rate::share(lost_of_start, at_start, "no customers at the start")
}

/// Stripe's form: lost in 30 days / (active 30 days ago + new in 30 days).
pub fn customer_churn_stripe(lost: u64, active_30_days_ago: u64, new: u64) -> Rate {
    let base = Exact::whole(i128::from(active_30_days_ago) + i128::from(new));
    Rate::of(Side::count(lost), Side::Number(base), "no customers 30 days ago and none new since")
}

/// (N + R + E)/(C + X).
pub fn quick_ratio(flows: &Flows) -> Rate {
    Rate::money(sum(&[flows.new, flows.reactivation, flows.expansion]), flows.lost(), "no contraction and no churn")
}

/// (N + E)/(C + X): the variant without reactivations.
pub fn quick_ratio_without_reactivation(flows: &Flows) -> Rate {
    Rate::money(sum(&[flows.new, flows.expansion]), flows.lost(), "no contraction and no churn")
}

/// LTV = ARPA / customer churn per month, the churn unrounded: `lost` of `base` customers.
pub fn ltv(closing: Mrr, customers: u64, lost: u64, base: u64) -> Rate {
    let share = |above: Exact, below: u64| above.over(Exact::whole(below.into()));
    let Ok(arpa) = share(Side::Money(closing).exact(), customers) else {
        return Rate::none("no paying customers", closing.to_string(), customers.to_string());
    };
    let Ok(churn) = share(Exact::whole(lost.into()), base) else {
        return Rate::none("no customers at the start", Side::Number(arpa).text(), base.to_string());
    };
    if churn == Exact::ZERO {
        return Rate::none("no customer churn", Side::Number(arpa).text(), "0".into());
    }
    let (numerator, denominator) = (Side::Number(arpa).text(), Side::Number(churn).text());
    match arpa.over(churn).and_then(Exact::round) {
        Ok(amount) => {
            let (value, millionths) = (Some(amount.to_string()), Some(amount.0));
            Rate { numerator, denominator, value, millionths, reason: None }
        }
        Err(Overflow) => Rate::none(OVERFLOW, numerator, denominator),
    }
}

/// One customer's expansion within a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expanded {
    /// The month's expansion, above 0.
    pub expansion: Mrr,
    /// What is held of it 90 days after the month (rule `durability`).
    pub held: Mrr,
}

/// Share of a month's expansion MRR still held by the same customers 90 days later.
pub fn expansion_durability(customers: impl IntoIterator<Item = Expanded>) -> Rate {
    let (mut held, mut all) = (Some(Mrr::ZERO), Some(Mrr::ZERO));
    for customer in customers.into_iter().filter(|customer| customer.expansion > Mrr::ZERO) {
        held = held.and_then(|sum| sum.checked_add(customer.held));
        all = all.and_then(|sum| sum.checked_add(customer.expansion));
    }
    Rate::money(held, all, "no expansion")
}

/// A part of an amount of MRR.
pub fn mrr_share(part: Mrr, whole: Mrr) -> Rate {
    Rate::money(Some(part), Some(whole), "no MRR")
}

/// Trials converted in 30 days / trials ended in 30 days, or of one trial-start cohort.
pub fn trial_conversion(converted: u64, ended: u64) -> Rate {
    Rate::share(converted, ended, "no trials ended")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minor(amount: i128) -> Mrr {
        Mrr(amount * Mrr::MINOR)
    }

    fn flows(opening: i128, new: i128, reactivation: i128, expansion: i128, contraction: i128, churn: i128) -> Flows {
        Flows {
            opening: minor(opening),
            new: minor(new),
            reactivation: minor(reactivation),
            expansion: minor(expansion),
            contraction: minor(contraction),
            churn: minor(churn),
            ..Flows::default()
        }
    }

    fn value(rate: &Rate) -> &str {
        rate.value.as_deref().unwrap_or_else(|| rate.reason.unwrap())
    }

    #[test]
    fn rates_of_a_month() {
        let month = flows(100_000, 20_000, 5_000, 10_000, 4_000, 6_000);
        assert_eq!(value(&gross_mrr_churn(&month)), "0.1000");
        assert_eq!(value(&net_mrr_churn(&month)), "-0.0500");
        assert_eq!(value(&nrr_bridge(&month)), "1.0000");
        assert_eq!(value(&quick_ratio(&month)), "3.5000");
        assert_eq!(value(&quick_ratio_without_reactivation(&month)), "3.0000");
        assert_eq!(month.closing(), Some(minor(125_000)));
        assert_eq!(gross_mrr_churn(&month).numerator, "10000");
        assert_eq!(gross_mrr_churn(&month).denominator, "100000");
    }

    /// docs/wire.md 4.4: 1000 + 100 + 50 − 40 − 60 − 5 = 1,045.
    #[test]
    fn stripes_bridge() {
        let mut month = Flows::starting(minor(1_000));
        for (kind, amount) in
            [(Kind::New, 100), (Kind::Expansion, 50), (Kind::Contraction, -40), (Kind::Churn, -60), (Kind::Fx, -5)]
        {
            month.add(kind, minor(amount)).unwrap();
        }
        month.add(Kind::Transient, minor(7)).unwrap();
        assert_eq!(month.closing(), Some(minor(1_045)));
        assert_eq!((month.contraction, month.churn), (minor(40), minor(60)), "kept positive");
    }

    #[test]
    fn retention_is_per_customer() {
        let pair = |opening, closing| Pair { opening: minor(opening), closing: minor(closing) };
        // The last one is new: it is in neither sum.
        let customers = [pair(100, 150), pair(100, 60), pair(100, 0), pair(0, 900)];
        assert_eq!(value(&nrr(customers)), "0.7000");
        assert_eq!(value(&grr(customers)), "0.533333", "an aggregate min() would say 0.7");
        assert_eq!(nrr([pair(0, 5)]).reason, Some("no opening MRR"));
    }

    #[test]
    fn an_empty_denominator_has_a_reason_and_no_value() {
        let nothing = Flows::default();
        for (rate, reason) in [
            (gross_mrr_churn(&nothing), "no opening MRR"),
            (net_mrr_churn(&nothing), "no opening MRR"),
            (nrr_bridge(&nothing), "no opening MRR"),
            (nrr([]), "no opening MRR"),
            (grr([]), "no opening MRR"),
            (quick_ratio(&nothing), "no contraction and no churn"),
            (quick_ratio_without_reactivation(&nothing), "no contraction and no churn"),
            (arpa(minor(5), 0), "no paying customers"),
            (asp(minor(5), 0), "no new customers"),
            (customer_churn(0, 0), "no customers at the start"),
            (customer_churn_stripe(0, 0, 0), "no customers 30 days ago and none new since"),
            (ltv(minor(5), 0, 1, 2), "no paying customers"),
            (ltv(minor(5), 1, 0, 0), "no customers at the start"),
            (ltv(minor(5), 1, 0, 9), "no customer churn"),
            (expansion_durability([]), "no expansion"),
            (trial_conversion(0, 0), "no trials ended"),
        ] {
            assert_eq!((rate.value, rate.reason), (None, Some(reason)));
        }
    }

    #[test]
    fn what_doesnt_fit_is_said_not_wrapped() {
        assert_eq!(arr(Mrr(i128::MAX / 2)).reason, Some(OVERFLOW));
        let huge = Flows { churn: Mrr(i128::MAX), contraction: Mrr(1), opening: minor(1), ..Flows::default() };
        assert_eq!(gross_mrr_churn(&huge).reason, Some(OVERFLOW));
        assert_eq!(huge.closing(), None);
    }

    #[test]
    fn what_is_held_is_told_of_what_was_expanded() {
        let customer = |expansion, held| Expanded { expansion: minor(expansion), held: minor(held) };
        // Kept; half given back; all given back; gone.
        let customers = [customer(100, 100), customer(100, 50), customer(100, 0), customer(100, 0)];
        assert_eq!(value(&expansion_durability(customers)), "0.3750");
    }

    #[test]
    fn rates_round_half_to_even_at_six_places_and_show_four() {
        let text = |numerator, denominator| decimal(Exact::ratio(numerator, denominator).scaled(MILLION).unwrap());
        assert_eq!(text(39, 40), "0.9750");
        assert_eq!(text(1, 11), "0.090909");
        assert_eq!(text(1, 2_000_000), "0.0000");
        assert_eq!(text(3, 2_000_000), "0.000002");
        assert_eq!(text(-1, 3), "-0.333333");
        assert_eq!(text(4, 1), "4.0000");
    }

    #[test]
    fn money_over_customers_is_money() {
        assert_eq!(value(&arpa(minor(10_000), 3)), "3333.333333");
        assert_eq!(value(&asp(minor(65_000), 10)), "6500");
        assert_eq!(value(&arr(minor(383_859_969))), "4606319628");
    }
}
