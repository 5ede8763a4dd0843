//! What a configuration says about customers: metadata to group by, whom the ledger leaves out, and who are one.

use std::sync::Arc;

/// What the configuration says of customers: `ledger.metadata_keys`, `ledger.exclude` and `ledger.customer_key`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomerRules {
    /// Keys whose values are kept with each customer.
    pub metadata_keys: Vec<Arc<str>>,
    /// Customers who are in no figure.
    pub exclude: Vec<Exclusion>,
    /// Customers whose metadata has the same value under this key are one.
    pub customer_key: Option<Arc<str>>,
}

/// Whom one entry of `ledger.exclude` leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exclusion {
    /// The customer of this id.
    Customer(Arc<str>),
    /// Every customer whose metadata has this value under this key.
    Metadata {
        /// The key of its metadata.
        key: Arc<str>,
        /// The value of the key, letter by letter.
        value: Arc<str>,
    },
}

impl Exclusion {
    /// Reads `cus_…` or `metadata:KEY=VALUE`; a product or a price is none of these.
    pub fn parse(text: &str) -> Option<Self> {
        let Some(pair) = text.strip_prefix("metadata:") else {
            let id = !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c == ':' || c == '=');
            let id = id && !text.starts_with("prod_") && !text.starts_with("price_");
            return id.then(|| Self::Customer(text.into()));
        };
        let (key, value) = pair.split_once('=').filter(|(key, value)| !key.is_empty() && !value.is_empty())?;
        Some(Self::Metadata { key: key.into(), value: value.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exclusion_is_a_customer_or_a_pair_of_metadata() {
        for (text, expected) in [
            ("cus_1", Some(Exclusion::Customer("cus_1".into()))),
            ("metadata:internal=yes", Some(Exclusion::Metadata { key: "internal".into(), value: "yes".into() })),
            ("metadata:internal", None),
            ("metadata:=yes", None),
            ("internal=yes", None),
            ("", None),
        ] {
            assert_eq!(Exclusion::parse(text), expected, "{text}");
        }
    }
}
