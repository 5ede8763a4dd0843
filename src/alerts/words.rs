//! Money and ledgers in words that people read.

use crate::ledger::{
    fx::minor_units,
    money::{Currency, Mrr},
};

/// `1,234.50 USD`: an amount in units of its currency, to the minor unit.
pub fn money(amount: Mrr, currency: Currency) -> String {
    let (units, minor) = (minor_units(currency), amount.minor());
    let (whole, rest) = ((minor / units).unsigned_abs(), (minor % units).unsigned_abs());
    let digits = whole.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let fraction = match units {
        1 => String::new(),
        100 => format!(".{rest:02}"),
        _ => format!(".{rest:03}"),
    };
    let sign = if minor < 0 { "-" } else { "" };
    format!("{sign}{grouped}{fraction} {}", currency.as_str().to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_as_their_currency_is_written() {
        for (minor, currency, text) in [
            (123_450, "usd", "1,234.50 USD"),
            (-5, "eur", "-0.05 EUR"),
            (1_000_000, "jpy", "1,000,000 JPY"),
            (1_500, "kwd", "1.500 KWD"),
            (0, "usd", "0.00 USD"),
        ] {
            assert_eq!(money(Mrr(minor * Mrr::MINOR), currency.parse().unwrap()), text);
        }
    }
}
