//! Amounts in the sentences of reports.

use crate::ledger::money::{Currency, Mrr};
pub use crate::ledger::units::{Places, grouped, major};

/// An amount in a sentence: `1,234.56 USD`.
pub fn said(amount: Mrr, currency: Currency) -> String {
    let code = currency.to_string().to_uppercase();
    let minor = amount.to_string();
    match grouped(&minor, currency, Places::Currency) {
        Some(units) => format!("{units} {code}"),
        None => format!("{minor} minor units of {code}"),
    }
}
