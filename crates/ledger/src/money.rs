//! Money: exact decimals from the wire, and the ledger's fixed scale of millionths of a minor unit.

use std::{fmt, marker::PhantomData, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// A three-letter ISO code in lower case, as Stripe writes it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

/// The text is not three ASCII letters.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{0:?} is not a currency: three letters such as usd are expected")]
pub struct NotACurrency(pub String);

impl Currency {
    /// US dollars, in which made-up examples are told.
    pub const USD: Self = Self(*b"usd");

    /// The code in lower case.
    pub fn as_str(&self) -> &str {
        // Three ASCII letters by construction.
        std::str::from_utf8(&self.0).unwrap_or("")
    }
}

impl FromStr for Currency {
    type Err = NotACurrency;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.as_bytes() {
            &[a, b, c] if [a, b, c].iter().all(u8::is_ascii_alphabetic) => {
                Ok(Self([a, b, c].map(|letter| letter.to_ascii_lowercase())))
            }
            _ => Err(NotACurrency(text.into())),
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Parsed(PhantomData))
    }
}

/// A decimal as Stripe writes them, exact to twelve places: unit amounts (in minor units), quantities, percentages.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Decimal(i128);

/// The text is not a decimal of at most twelve places within range.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{0:?} is not a decimal number of at most twelve places")]
pub struct NotADecimal(pub String);

impl Decimal {
    /// Places kept: Stripe's own limit for `*_decimal` fields.
    pub const PLACES: u32 = 12;
    /// One whole, in units of the last place.
    pub const ONE_UNITS: i128 = 1_000_000_000_000;

    /// A whole number, without decimal places.
    pub fn whole(value: i64) -> Self {
        Self(i128::from(value) * Self::ONE_UNITS)
    }

    /// The value in units of 10⁻¹².
    pub fn units(self) -> i128 {
        self.0
    }

    /// The number that is so many units of 10⁻¹².
    pub fn from_units(units: i128) -> Self {
        Self(units)
    }
}

impl FromStr for Decimal {
    type Err = NotADecimal;

    /// Reads plain and exponent notation (JSON numbers may carry one), without any float in between.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_decimal(text).map(Self).ok_or_else(|| NotADecimal(text.into()))
    }
}

fn parse_decimal(text: &str) -> Option<i128> {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], text[at + 1..].parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (negative, digits) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut value: i128 = 0;
    for digit in whole.bytes().chain(fraction.bytes()) {
        value = value.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
    }
    let shift = i32::try_from(Decimal::PLACES).ok()? + exponent - i32::try_from(fraction.len()).ok()?;
    let power = 10i128.checked_pow(shift.unsigned_abs());
    let scaled = match (value, shift >= 0, power) {
        (0, ..) => 0,
        (_, true, Some(power)) => value.checked_mul(power)?,
        // More than twelve places is fine only while the rest are zeros: anything else would be a guess.
        (_, false, Some(power)) if value % power == 0 => value / power,
        _ => return None,
    };
    Some(if negative { -scaled } else { scaled })
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_scaled(f, self.0, Self::ONE_UNITS, 12)
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Parsed(PhantomData))
    }
}

/// Reads a text where it stands, without a copy: money is read by the million.
struct Parsed<T>(PhantomData<T>);

impl<T: FromStr<Err: fmt::Display>> de::Visitor<'_> for Parsed<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

/// Monthly recurring revenue, or a change of it, in 10⁻⁶ of a currency's minor unit (rule `fixed-point`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mrr(pub i128);

impl Mrr {
    /// No MRR, or no change of it.
    pub const ZERO: Self = Self(0);
    /// So many units are one minor unit of the currency.
    pub const MINOR: i128 = 1_000_000;

    /// `self + other`; `None` outside the range of `i128`.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// `self - other`; `None` outside the range of `i128`.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// Whole minor units, rounded half-even: the integer twin of an `_exact` (docs/interface.md 5).
    pub fn minor(self) -> i128 {
        let (quotient, rest) = (self.0.div_euclid(Self::MINOR), self.0.rem_euclid(Self::MINOR));
        match rest.cmp(&(Self::MINOR / 2)) {
            std::cmp::Ordering::Less => quotient,
            std::cmp::Ordering::Equal => quotient + (quotient & 1),
            std::cmp::Ordering::Greater => quotient + 1,
        }
    }
}

/// Prints minor units with at most six places: the `_exact` form (docs/interface.md 5).
impl fmt::Display for Mrr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_scaled(f, self.0, Self::MINOR, 6)
    }
}

impl fmt::Debug for Mrr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

fn write_scaled(f: &mut fmt::Formatter<'_>, value: i128, one: i128, places: usize) -> fmt::Result {
    let (whole, fraction) = (value.unsigned_abs() / one.unsigned_abs(), value.unsigned_abs() % one.unsigned_abs());
    let sign = if value < 0 { "-" } else { "" };
    if fraction == 0 {
        return f.pad(&format!("{sign}{whole}"));
    }
    let digits = format!("{fraction:0places$}");
    f.pad(&format!("{sign}{whole}.{}", digits.trim_end_matches('0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_exactly_or_not_at_all() {
        for (text, printed) in [
            ("0.000000000001", "0.000000000001"),
            ("2000", "2000"),
            ("-3.50", "-3.5"),
            ("1.5e3", "1500"),
            ("25e-1", "2.5"),
            ("33.3300000000000000", "33.33"),
        ] {
            assert_eq!(text.parse::<Decimal>().unwrap().to_string(), printed);
        }
        for text in ["", ".", "+1", "1,5", "0.0000000000001", "1e40", "NaN", "1e", " 1"] {
            assert!(text.parse::<Decimal>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn minor_units_round_half_to_even_on_both_sides_of_zero() {
        for (units, minor) in [
            (500_000, 0),
            (1_500_000, 2),
            (2_500_000, 2),
            (-500_000, 0),
            (-1_500_000, -2),
            (1_500_001, 2),
            (-1_499_999, -1),
        ] {
            assert_eq!(Mrr(units).minor(), minor, "{units}");
        }
    }

    #[test]
    fn exact_prints_at_most_six_places() {
        assert_eq!(Mrr(833_333_333).to_string(), "833.333333");
        assert_eq!(Mrr(-1_500_000).to_string(), "-1.5");
        assert_eq!(Mrr(0).to_string(), "0");
    }
}
