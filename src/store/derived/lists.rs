//! What lists of movements, customers and quality entries are asked for, and the stable keys at which their pages end.

use std::sync::Arc;

use crate::ledger::{
    ids::{AccountId, CustomerId, PriceId, ProductId},
    money::Currency,
    outcome::{Cause, Kind, QualityKind, Rollup},
    time::{Day, UnixTime},
};

/// Which movements are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MovementFilter {
    /// The first day asked for; `None` from the beginning on.
    pub from: Option<Day>,
    /// The last day asked for, which belongs to it; `None` for all that follow.
    pub to: Option<Day>,
    /// Only those of this customer.
    pub customer: Option<CustomerId>,
    /// Only this kind; without it every kind that moves money (`transient` only when named).
    pub kind: Option<Kind>,
    /// Every kind but this one.
    pub without: Option<Kind>,
    /// Only those with a part of this cause.
    pub cause: Option<Cause>,
    /// Only movements in this currency.
    pub currency: Option<Currency>,
    /// Only those with a part like this.
    pub part: PartFilter,
    /// Only of customers of this country, as it is now.
    pub country: Option<Arc<str>>,
    /// Only of customers whose metadata has this value under this key, as it is now.
    pub metadata: Option<(Arc<str>, Arc<str>)>,
    /// Only of customers whose first MRR lies in there.
    pub cohort: Option<FirstMrr>,
}

/// A month of first MRR, as instants: customers of one cohort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstMrr {
    /// The first instant of it.
    pub from: UnixTime,
    /// The first instant after it.
    pub before: UnixTime,
}

impl FirstMrr {
    /// Whether a customer with this first MRR is one of the cohort.
    pub fn holds(self, first: Option<UnixTime>) -> bool {
        first.is_some_and(|first| self.from <= first && first < self.before)
    }
}

/// Which parts are asked for: one part is all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartFilter {
    /// With a cause of this group of causes.
    pub rollup: Option<Rollup>,
    /// Of this product, before or after.
    pub product: Option<ProductId>,
    /// At this price, before or after.
    pub price: Option<PriceId>,
    /// Billed so often, before or after: `month`, `3 month`.
    pub interval: Option<Arc<str>>,
}

/// Where a page of movements ends: stable keys, so that a page stays where it is while the ledger grows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MovementKey {
    /// The accounting day it is booked on.
    pub day: Day,
    /// The instant of its last part.
    pub effective_at: UnixTime,
    /// Its place among its customer's movements: of one instant each begins where the one before it ended.
    pub ordinal: i64,
    /// The id of the movement as the API shows it, `mov_…`.
    pub id: Arc<str>,
}

/// Which way a list of movements runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// In order of time: the oldest first.
    #[default]
    Ascending,
    /// Against the order of time: the newest first.
    Descending,
}

impl Order {
    /// Both of them, the default first.
    pub const ALL: [Self; 2] = [Self::Ascending, Self::Descending];

    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ascending => "asc",
            Self::Descending => "desc",
        }
    }
}

/// Where a page of customers ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CustomerPosition {
    /// The connected account; `None` for the account's own.
    pub account: Option<AccountId>,
    /// The id of the customer, `cus_…`.
    pub customer: CustomerId,
}

/// Which customers are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CustomersAsked {
    /// All by account and id, after this one.
    After(Option<CustomerPosition>),
    /// Only the customer of this id.
    One(CustomerId),
}

/// Customers by what is known of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerSearch {
    /// Each word of it is in the id, the name, the e-mail or the metadata; `key:value` is one pair of metadata.
    pub text: String,
    /// Only those that stand so.
    pub state: Option<CustomerState>,
    /// Only those whose first MRR lies in there.
    pub cohort: Option<FirstMrr>,
    /// The order of the list.
    pub order: CustomerOrder,
    /// In which currency MRR is compared.
    pub currency: Option<Currency>,
    /// The place of the last one of the page before; `None` for the first page.
    pub after: Option<FoundPosition>,
}

/// How a customer stands at the cut: what the list can be narrowed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CustomerState {
    /// With MRR above 0 in any currency.
    Paying,
    /// With a subscription whose payment failed.
    PastDue,
    /// With a subscription that is set to end.
    Ending,
    /// With a subscription on trial.
    Trialing,
    /// Without MRR, and once with.
    Left,
}

impl CustomerState {
    /// Every state, in the order in which they are documented.
    pub const ALL: [Self; 5] = [Self::Paying, Self::PastDue, Self::Ending, Self::Trialing, Self::Left];

    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Paying => "paying",
            Self::PastDue => "past_due",
            Self::Ending => "ending",
            Self::Trialing => "trialing",
            Self::Left => "left",
        }
    }
}

/// In which order customers are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CustomerOrder {
    /// By MRR, the most first.
    Mrr,
    /// By first MRR, the newest customers first.
    Since,
    /// Those set to end first, the next first.
    Ends,
    /// By name; who has none comes last.
    Name,
    /// In the order of customers' ids.
    Id,
}

impl CustomerOrder {
    /// Every order, in the order in which they are documented.
    pub const ALL: [Self; 5] = [Self::Mrr, Self::Since, Self::Ends, Self::Name, Self::Id];

    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mrr => "mrr",
            Self::Since => "since",
            Self::Ends => "ends",
            Self::Name => "name",
            Self::Id => "id",
        }
    }
}

/// Where a page of customers found ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundPosition {
    /// What the order compares of the last row, as a text.
    pub key: String,
    /// The connected account; `None` for the account's own.
    pub account: Option<AccountId>,
    /// The customer's id, which tells equal keys apart.
    pub customer: CustomerId,
}

/// Which quality entries are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QualityAsked {
    /// Every entry of the ledger.
    All,
    /// Only entries of this kind.
    Kind(QualityKind),
    /// Only entries about this customer.
    Customer(CustomerId),
}

/// Where a page of quality entries ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QualityPosition {
    /// Kind, as the API writes it.
    pub kind: Arc<str>,
    /// From when on it is shown.
    pub at: UnixTime,
    /// The connected account; `None` for the account's own.
    pub account: Option<AccountId>,
    /// The customer it is about.
    pub customer: CustomerId,
    /// Its place among the customer's entries.
    pub ordinal: i64,
}
