//! What `/metrics` shows about money, and only to the bearer of a token: read anew for each scrape, kept nowhere.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};

/// Which ledger a figure is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct LedgerLabels {
    /// The profile under whose rules it is counted.
    pub profile: String,
    /// The currency of the amounts.
    pub currency: String,
}

/// Figures of the present, in minor units of their currency, rounded half-even as the API rounds them.
#[derive(Debug)]
pub struct MoneyMetrics {
    pub(super) registry: Registry,
    /// MRR now, in minor units.
    pub mrr: Family<LedgerLabels, Gauge>,
    /// The part of it that is `past_due`.
    pub at_risk: Family<LedgerLabels, Gauge>,
    /// The part of it that is set to cancel.
    pub scheduled_churn: Family<LedgerLabels, Gauge>,
    /// Customers with MRR above zero.
    pub customers: Family<LedgerLabels, Gauge>,
}

impl Default for MoneyMetrics {
    fn default() -> Self {
        let [mrr, at_risk, scheduled_churn, customers] = std::array::from_fn(|_| Family::default());
        let mut registry = Registry::with_prefix("mrrd");
        for (name, help, family) in [
            ("mrr_minor_units", "Monthly recurring revenue, in minor units", &mrr),
            ("mrr_at_risk_minor_units", "MRR that is past due, in minor units", &at_risk),
            ("mrr_scheduled_churn_minor_units", "MRR that is set to cancel, in minor units", &scheduled_churn),
            ("paying_customers", "Customers with MRR", &customers),
        ] {
            registry.register(name, help, family.clone());
        }
        Self { registry, mrr, at_risk, scheduled_churn, customers }
    }
}
