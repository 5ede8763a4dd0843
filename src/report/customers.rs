//! The answers of `/api/v1/customers` and `/api/v1/customers/{id}`.

use serde::Serialize;
use utoipa::ToSchema;

use super::{money::Exact, movements::MovementEntry, table::Table};
use crate::{
    ledger::{
        money::{Currency, Mrr},
        outcome::SubscriptionLedger,
    },
    store::derived::reports::CustomerRow,
};

/// A page of the ledger's customers with what they pay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CustomerList {
    /// The profile whose rules made the figures.
    pub profile: String,
    /// Whether every amount is converted into the reporting currency.
    pub converted: bool,
    /// In order of account and id.
    pub data: Vec<CustomerEntry>,
    /// Where the next page begins; null at the end.
    pub next_cursor: Option<String>,
}

/// A customer as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CustomerEntry {
    /// Stripe's id of the customer, `cus_…`.
    pub id: String,
    /// The connected account; absent for the account's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Its name, where names are shown (privacy.show_names) and it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its e-mail; absent where names are hidden or the log tells none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Two letters of ISO 3166; null where the log tells none.
    pub country: Option<String>,
    /// First instant of MRR above 0.
    pub first_mrr_at: Option<String>,
    /// Current MRR, one entry a currency it ever paid in.
    pub mrr: Vec<CurrencyMrr>,
    /// How many subscriptions count now.
    pub subscriptions_active: usize,
    /// When the first of its subscriptions that are set to end does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<String>,
    /// MRR that is set to end, one entry a currency; absent where nothing is. Under a profile that counts a cancellation
    /// when it is asked for it is gone from `mrr` already.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scheduled_churn: Vec<CurrencyMrr>,
}

/// What a customer pays in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CurrencyMrr {
    /// The currency of the amounts, such as `usd`.
    #[schema(value_type = String)]
    pub currency: Currency,
    /// MRR in minor units of its currency, rounded half-even.
    pub mrr: i128,
    /// `mrr` exactly, to 10⁻⁶ of a minor unit.
    pub mrr_exact: Exact,
}

/// A customer with its subscriptions and movements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CustomerDetail {
    /// The profile whose rules made the figures.
    pub profile: String,
    /// Whether every amount is converted into the reporting currency.
    pub converted: bool,
    /// The customer as it stands.
    #[serde(flatten)]
    pub customer: CustomerEntry,
    /// Stripe's customers that are one here; absent unless `ledger.customer_key` joins customers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stripe_customers: Vec<String>,
    /// Its subscriptions in order of their ids, ended ones too.
    pub subscriptions: Vec<SubscriptionEntry>,
    /// Its movements in order of time, at most a thousand; the rest is in `/api/v1/movements?customer=`.
    pub movements: Vec<MovementEntry>,
    /// Where they go on there; null at the end.
    pub movements_next_cursor: Option<String>,
}

/// A subscription as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SubscriptionEntry {
    /// Stripe's id of the subscription, `sub_…`.
    pub id: String,
    /// Stripe's word for its status.
    pub status: String,
    /// The currency of `mrr`: the one it is billed in or, where everything is converted, the reporting currency.
    pub currency: Option<String>,
    /// The currency it is billed in, where that is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billed_in: Option<String>,
    /// The MRR it counts, in minor units of `currency`.
    pub mrr: i128,
    /// `mrr` exactly, to 10⁻⁶ of a minor unit.
    pub mrr_exact: Exact,
    /// When it started, by Stripe.
    pub started_at: String,
    /// When it ended; null while it hasn't.
    pub ended_at: Option<String>,
    /// When it is set to end.
    pub ends_at: Option<String>,
    /// The event of its latest state.
    pub event: String,
}

impl From<&CustomerRow> for CustomerEntry {
    fn from(row: &CustomerRow) -> Self {
        Self {
            id: row.customer.to_string(),
            name: None,
            email: None,
            account: row.account.as_ref().map(ToString::to_string),
            country: row.country.as_deref().map(str::to_owned),
            first_mrr_at: row.first_mrr_at.map(|at| at.to_string()),
            mrr: row.mrr.iter().map(CurrencyMrr::from).collect(),
            ends_at: row
                .subscriptions
                .iter()
                .filter(|one| one.ended_at.is_none())
                .filter_map(|one| one.ends_at)
                .min()
                .map(|at| at.to_string()),
            scheduled_churn: row
                .scheduled_churn
                .iter()
                .filter(|(_, mrr)| *mrr != Mrr::ZERO)
                .map(CurrencyMrr::from)
                .collect(),
            subscriptions_active: row.subscriptions.iter().filter(|one| one.mrr > Mrr::ZERO).count(),
        }
    }
}

impl From<&(Currency, Mrr)> for CurrencyMrr {
    fn from((currency, mrr): &(Currency, Mrr)) -> Self {
        Self { currency: *currency, mrr: mrr.minor(), mrr_exact: Exact(*mrr) }
    }
}

impl SubscriptionEntry {
    /// A subscription as it stands, its amounts converted into `reporting`, where anything is.
    pub fn from_ledger(one: &SubscriptionLedger, reporting: Option<Currency>) -> Self {
        let own = one.currency.filter(|own| reporting.is_some_and(|reporting| reporting != *own));
        Self {
            id: one.id.to_string(),
            status: one.status.as_ref().into(),
            currency: reporting.or(one.currency).map(|currency| currency.to_string()),
            billed_in: own.map(|currency| currency.to_string()),
            mrr: one.mrr.minor(),
            mrr_exact: Exact(one.mrr),
            started_at: one.started_at.to_string(),
            ended_at: one.ended_at.map(|at| at.to_string()),
            ends_at: one.ends_at.map(|at| at.to_string()),
            event: one.event.to_string(),
        }
    }
}

impl CustomerList {
    /// One row a customer and currency; a customer that never paid has one row without.
    pub fn table(&self) -> Table {
        let columns = vec!["id", "account", "country", "first_mrr_at", "currency", "mrr_exact", "subscriptions_active"];
        Table { columns, rows: self.data.iter().flat_map(CustomerEntry::rows).collect() }
            .telling_converted(self.converted)
    }
}

impl CustomerEntry {
    fn rows(&self) -> Vec<Vec<String>> {
        let row = |currency: String, mrr: String| {
            vec![
                self.id.clone(),
                self.account.clone().unwrap_or_default(),
                self.country.clone().unwrap_or_default(),
                self.first_mrr_at.clone().unwrap_or_default(),
                currency,
                mrr,
                self.subscriptions_active.to_string(),
            ]
        };
        if self.mrr.is_empty() {
            return vec![row(String::new(), String::new())];
        }
        self.mrr.iter().map(|one| row(one.currency.to_string(), one.mrr_exact.to_string())).collect()
    }
}
