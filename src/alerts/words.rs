//! Money and ledgers in words that people read.

use crate::{
    ledger::money::{Currency, Mrr},
    report::units::said,
};

/// `1,234.50 USD`: an amount in units of its currency, to the minor unit, as tables and sentences of reports write it.
pub fn money(amount: Mrr, currency: Currency) -> String {
    said(amount, currency)
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
