//! Exact ratios: what an item costs before it is rounded, once, half-even, to 10⁻⁶ of a minor unit (rule `fixed-point`).

use std::{cmp::Ordering, fmt};

use num_rational::Ratio;
use num_traits::{CheckedAdd, CheckedDiv, CheckedMul, CheckedSub};
use thiserror::Error;

use crate::money::{Decimal, Mrr};

/// An exact number of minor units (or units, or a share): every operation is checked, none rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exact(Ratio<i128>);

/// The value doesn't fit: an exact one into 128 bits over 128 bits, an item's into 64. It is never bent to fit.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the amount overflows the ledger's exact numbers")]
pub struct Overflow;

impl Exact {
    /// The fraction 0.
    pub const ZERO: Self = Self::whole(0);
    /// The fraction 1.
    pub const ONE: Self = Self::whole(1);

    /// A whole number as a fraction.
    pub const fn whole(value: i128) -> Self {
        Self(Ratio::new_raw(value, 1))
    }

    /// `numerator / denominator`; a denominator below 1 is taken as 1.
    pub fn ratio(numerator: i128, denominator: i128) -> Self {
        match denominator {
            ..=1 => Self::whole(numerator),
            _ => Self(Ratio::new(numerator, denominator)),
        }
    }

    /// Numerator of the reduced fraction.
    pub fn numerator(self) -> i128 {
        *self.0.numer()
    }

    /// Denominator of the reduced fraction, at least 1.
    pub fn denominator(self) -> i128 {
        *self.0.denom()
    }

    fn wholes(self, other: Self) -> bool {
        self.denominator() == 1 && other.denominator() == 1
    }

    /// `self + other`, exactly; an error where it doesn't fit.
    pub fn plus(self, other: Self) -> Result<Self, Overflow> {
        self.0.checked_add(&other.0).map(Self).ok_or(Overflow)
    }

    /// `self − other`, exactly; an error where it doesn't fit.
    pub fn minus(self, other: Self) -> Result<Self, Overflow> {
        self.0.checked_sub(&other.0).map(Self).ok_or(Overflow)
    }

    /// `self × other`, exactly; an error where it doesn't fit.
    pub fn times(self, other: Self) -> Result<Self, Overflow> {
        if self.wholes(other) {
            // The common case, a whole price times a whole quantity, without reducing a fraction.
            return self.numerator().checked_mul(other.numerator()).map(Self::whole).ok_or(Overflow);
        }
        self.0.checked_mul(&other.0).map(Self).ok_or(Overflow)
    }

    /// `self / other`; division by zero counts as overflow.
    pub fn over(self, other: Self) -> Result<Self, Overflow> {
        if other == Self::ZERO {
            return Err(Overflow);
        }
        self.0.checked_div(&other.0).map(Self).ok_or(Overflow)
    }

    /// The greatest whole number not above.
    pub fn floor(self) -> Self {
        Self::whole(self.numerator().div_euclid(self.denominator()))
    }

    /// The smallest whole number not below.
    pub fn ceil(self) -> Result<Self, Overflow> {
        let floor = self.floor();
        if floor == self { Ok(self) } else { floor.plus(Self::ONE) }
    }

    /// Itself, or 0 when negative.
    pub fn at_least_zero(self) -> Self {
        self.max(Self::ZERO)
    }

    /// Rounds half-even to the ledger's unit: the one rounding of an item's amount.
    pub fn round(self) -> Result<Mrr, Overflow> {
        self.scaled(Mrr::MINOR).map(Mrr)
    }

    /// `self × scale`, rounded half-even to a whole number.
    pub fn scaled(self, scale: i128) -> Result<i128, Overflow> {
        if self.denominator() == 1 {
            return self.numerator().checked_mul(scale).ok_or(Overflow);
        }
        let (whole, rest) =
            (self.numerator().div_euclid(self.denominator()), self.numerator().rem_euclid(self.denominator()));
        let below = rest.checked_mul(scale).ok_or(Overflow)?;
        let (mut digits, left) = (below / self.denominator(), below % self.denominator());
        let mut up = left.cmp(&(self.denominator() - left));
        if up == Ordering::Equal {
            // The parity of the whole result: `whole × scale` is even whenever `scale` is.
            let even = (whole.wrapping_mul(scale).wrapping_add(digits)) & 1 == 0;
            up = if even { Ordering::Less } else { Ordering::Greater };
        }
        if up == Ordering::Greater {
            digits += 1;
        }
        whole.checked_mul(scale).and_then(|wholes| wholes.checked_add(digits)).ok_or(Overflow)
    }
}

/// Rounds an item's amount and keeps it within 64 bits: what the store holds of one item, so that sums over any number
/// of them stay within 128.
pub(super) fn in_range(amount: Exact) -> Result<Mrr, Overflow> {
    let rounded = amount.round()?;
    i64::try_from(rounded.0).map_err(|_| Overflow).map(|_| rounded)
}

impl From<Decimal> for Exact {
    fn from(value: Decimal) -> Self {
        if value.units() % Decimal::ONE_UNITS == 0 {
            Self::whole(value.units() / Decimal::ONE_UNITS)
        } else {
            Self::ratio(value.units(), Decimal::ONE_UNITS)
        }
    }
}

/// Prints at most six places; `…` says that there are more.
impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.round() {
            Ok(rounded) if Mrr::MINOR % self.denominator() == 0 => write!(f, "{rounded}"),
            Ok(rounded) => write!(f, "{rounded}…"),
            Err(Overflow) => write!(f, "{}/{}", self.numerator(), self.denominator()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_once_half_to_even_on_both_sides_of_zero() {
        for (numerator, denominator, rounded) in [
            (1, 2_000_000, 0),
            (3, 2_000_000, 2),
            (5, 2_000_000, 2),
            (-1, 2_000_000, 0),
            (-3, 2_000_000, -2),
            (-5, 2_000_000, -2),
            (10_000, 12, 833_333_333),
            (20_000, 12, 1_666_666_667),
        ] {
            assert_eq!(Exact::ratio(numerator, denominator).round(), Ok(Mrr(rounded)), "{numerator}/{denominator}");
        }
    }

    #[test]
    fn parity_is_that_of_the_whole_result_at_any_scale() {
        assert_eq!(Exact::ratio(3, 2).scaled(1), Ok(2));
        assert_eq!(Exact::ratio(5, 2).scaled(1), Ok(2));
        assert_eq!(Exact::ratio(-3, 2).scaled(1), Ok(-2));
        assert_eq!(Exact::ratio(7, 2).scaled(3), Ok(10), "10.5");
    }

    #[test]
    fn overflow_is_an_error_and_nothing_else() {
        let huge = Exact::whole(i128::MAX);
        assert_eq!(huge.plus(Exact::ONE), Err(Overflow));
        assert_eq!(huge.times(Exact::whole(2)), Err(Overflow));
        assert_eq!(huge.round(), Err(Overflow));
        assert_eq!(Exact::ONE.over(Exact::ZERO), Err(Overflow));
        assert_eq!(Exact::ratio(1, i128::MAX).times(Exact::ratio(1, 2)), Err(Overflow));
        assert_eq!(Exact::ratio(i128::MAX - 1, i128::MAX).round(), Err(Overflow));
    }

    #[test]
    fn prints_what_it_knows() {
        assert_eq!(Exact::ratio(10_000, 12).to_string(), "833.333333…");
        assert_eq!(Exact::ratio(5, 2).to_string(), "2.5");
    }
}
