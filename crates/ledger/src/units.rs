//! Amounts as people read them: minor units of a currency as its own units, with separators.

use crate::{
    fx::minor_units,
    money::{Currency, Decimal},
};

/// How much of an amount is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Places {
    /// As many as the currency has, rounded half-even: `1,234.56`.
    Currency,
    /// All the ledger knows, at least as many as the currency has: `1,234.563333`.
    All,
}

/// An amount within a sentence about `currency`: `1,234.56`, all that the ledger knows of it. What is no decimal, or has no
/// known currency, stays in minor units and says so.
pub(crate) fn within(minor: impl ToString, currency: Option<Currency>) -> String {
    let text = minor.to_string();
    // Of what has no end the ledger shows six places.
    let (digits, more) = text.strip_suffix('…').map_or((text.as_str(), ""), |digits| (digits, "…"));
    match currency.and_then(|currency| grouped(digits, currency, Places::All)) {
        Some(units) => format!("{units}{more}"),
        None => format!("{text} minor units"),
    }
}

/// `minor` (a decimal of minor units) in the currency's own units, thousands apart; `None` where it is no decimal.
pub fn grouped(minor: &str, currency: Currency, places: Places) -> Option<String> {
    let text = major(minor, currency, places)?;
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
    let mut shown = String::with_capacity(text.len() + 6);
    for (at, digit) in whole.char_indices() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            shown.push(',');
        }
        shown.push(digit);
    }
    let fraction = fraction.map(|fraction| format!(".{fraction}")).unwrap_or_default();
    Some(format!("{sign}{shown}{fraction}"))
}

/// `minor` in the currency's own units, plain, as a spreadsheet reads a number.
pub fn major(minor: &str, currency: Currency, places: Places) -> Option<String> {
    let exact = minor.parse::<Decimal>().ok()?.units();
    let per_unit = minor_units(currency);
    let digits = per_unit.checked_ilog10()? as usize;
    let exact = match places {
        Places::All => exact,
        Places::Currency => half_even(exact)?,
    };
    // A unit is `per_unit` minor units, each of which the decimal counts in its last place.
    let whole = Decimal::ONE_UNITS.checked_mul(per_unit)?;
    let fraction = format!("{:0width$}", (exact % whole).unsigned_abs(), width = Decimal::PLACES as usize + digits);
    let shown = fraction.trim_end_matches('0').len().max(digits);
    let sign = if exact < 0 { "-" } else { "" };
    let point = if shown == 0 { "" } else { "." };
    Some(format!("{sign}{}{point}{}", (exact / whole).unsigned_abs(), &fraction[..shown]))
}

/// To whole minor units.
fn half_even(exact: i128) -> Option<i128> {
    let (whole, rest) = (exact.div_euclid(Decimal::ONE_UNITS), exact.rem_euclid(Decimal::ONE_UNITS));
    let half = Decimal::ONE_UNITS / 2;
    let up = rest > half || (rest == half && whole % 2 != 0);
    whole.checked_add(i128::from(up))?.checked_mul(Decimal::ONE_UNITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minor_units_become_units_of_their_currency() {
        let in_two = |text: &str, code: &str| grouped(text, code.parse().unwrap(), Places::Currency).unwrap();
        let all = |text: &str, code: &str| grouped(text, code.parse().unwrap(), Places::All).unwrap();
        assert_eq!(in_two("123456789", "usd"), "1,234,567.89");
        assert_eq!(in_two("-5", "eur"), "-0.05");
        assert_eq!(in_two("0", "eur"), "0.00");
        assert_eq!(in_two("833.333333", "usd"), "8.33");
        assert_eq!(all("833.333333", "usd"), "8.33333333");
        assert_eq!(all("1500", "usd"), "15.00");
        assert_eq!((in_two("1500", "jpy"), all("0.5", "jpy")), ("1,500".into(), "0.5".into()));
        assert_eq!(in_two("1234567", "kwd"), "1,234.567");
        assert_eq!(
            (in_two("0.5", "usd"), in_two("1.5", "usd"), in_two("-0.5", "usd")),
            ("0.00".into(), "0.02".into(), "0.00".into())
        );
        assert_eq!(grouped("none", "usd".parse().unwrap(), Places::All), None);
        assert_eq!(major("123456789", "usd".parse().unwrap(), Places::All).unwrap(), "1234567.89");
    }

    #[test]
    fn an_amount_in_a_sentence_says_all_there_is_to_know() {
        let usd = "usd".parse().ok();
        assert_eq!(within("1350", usd), "13.50");
        assert_eq!(within("833.333333…", usd), "8.33333333…");
        assert_eq!(within("1.35", usd), "0.0135");
        assert_eq!(within("1/7", usd), "1/7 minor units");
        assert_eq!(within("1350", None), "1350 minor units");
    }
}
