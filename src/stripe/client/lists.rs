//! The lists mrrd reads, and their pages: each element its own text, as received.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest};
use stripe_core::event::ListEvent;
use stripe_types::{RangeBoundsTs, RangeQueryTs};

use super::{Answer, ApiError};
use crate::{
    ledger::time::UnixTime,
    limits,
    stripe::read::{is_cut, list_elements},
};

/// Events created from `from` on and before `until`, newest first, after the event `after`.
pub fn events(from: UnixTime, until: UnixTime, after: Option<&str>) -> RequestBuilder {
    let created = RangeBoundsTs { gte: Some(from.0), lt: Some(until.0), ..RangeBoundsTs::default() };
    let mut list = ListEvent::new().limit(limits::STRIPE_PAGE).created(RangeQueryTs::Bounds(created));
    if let Some(after) = after {
        list = list.starting_after(after);
    }
    list.build()
}

/// A list of objects as they stand now. Their parameters are alike, so that one request serves all; async-stripe's own
/// builders for them would compile some 100,000 generated lines for as many fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objects {
    /// Customers.
    Customers,
    /// Products.
    Products,
    /// Prices with their tiers and other currencies.
    Prices,
    /// Coupons with the products they apply to.
    Coupons,
    /// Subscriptions of every status with the terms of their discounts.
    Subscriptions,
    /// Invoices with their lines.
    Invoices,
}

#[derive(Serialize)]
struct Parameters<'a> {
    limit: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    starting_after: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    expand: Vec<String>,
}

impl Objects {
    /// All lists, the small ones first.
    pub const ALL: [Self; 6] =
        [Self::Coupons, Self::Products, Self::Prices, Self::Customers, Self::Subscriptions, Self::Invoices];

    /// As Stripe's addresses name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Customers => "customers",
            Self::Products => "products",
            Self::Prices => "prices",
            Self::Coupons => "coupons",
            Self::Subscriptions => "subscriptions",
            Self::Invoices => "invoices",
        }
    }

    /// What no answer holds unless it is asked for (stripe.md 0, items 1 and 2).
    fn expanded(self) -> &'static [&'static str] {
        match self {
            Self::Prices => &["tiers", "currency_options"],
            Self::Coupons => &["applies_to", "currency_options"],
            Self::Subscriptions => &["discounts.source.coupon", "items.data.discounts"],
            // Discounts can't be fetched by id (stripe.md 0, item 1): those of the past are told by their invoices only.
            Self::Invoices => &["discounts.source.coupon", "total_discount_amounts.discount"],
            Self::Customers | Self::Products => &[],
        }
    }

    /// The list inside an object of which Stripe shows only the beginning.
    pub fn embedded(self) -> Option<&'static str> {
        match self {
            Self::Invoices => Some("lines"),
            Self::Subscriptions => Some("items"),
            Self::Customers | Self::Products | Self::Prices | Self::Coupons => None,
        }
    }

    /// Whose list that is, where `object` shows only its beginning: the list's name and the object's id.
    pub fn cut(self, object: &[u8]) -> Option<(&'static str, String)> {
        #[derive(Deserialize)]
        struct Named {
            id: String,
        }
        let (field, text) = (self.embedded()?, std::str::from_utf8(object).ok()?);
        let id = is_cut(text, field).then(|| serde_json::from_str::<Named>(text).ok())?;
        Some((field, id?.id))
    }

    /// A page of that list, after its element `after`.
    pub fn rest(self, id: &str, after: Option<&str>) -> RequestBuilder {
        let (path, subscription) = match self {
            Self::Subscriptions => ("/subscription_items".to_owned(), Some(id)),
            _ => (format!("/{}/{id}/{}", self.as_str(), self.embedded().unwrap_or_default()), None),
        };
        let expand = if self == Self::Subscriptions { vec!["data.discounts".to_owned()] } else { Vec::new() };
        let limit = Some(limits::STRIPE_PAGE);
        let parameters = Parameters { limit, starting_after: after, status: None, subscription, expand };
        RequestBuilder::new(StripeMethod::Get, path).query(&parameters)
    }

    /// The page after the object `after`, newest first.
    pub fn page(self, after: Option<&str>) -> RequestBuilder {
        let status = (self == Self::Subscriptions).then_some("all");
        let expand = self.expanded().iter().map(|field| format!("data.{field}")).collect();
        let limit = Some(limits::STRIPE_PAGE);
        let parameters = Parameters { limit, starting_after: after, status, subscription: None, expand };
        RequestBuilder::new(StripeMethod::Get, format!("/{}", self.as_str())).query(&parameters)
    }

    /// One object by its id.
    pub fn one(self, id: &str) -> RequestBuilder {
        let expand = self.expanded().iter().map(|field| (*field).to_owned()).collect();
        let parameters = Parameters { limit: None, starting_after: None, status: None, subscription: None, expand };
        RequestBuilder::new(StripeMethod::Get, format!("/{}/{id}", self.as_str())).query(&parameters)
    }
}

/// One page of a list.
#[derive(Debug)]
pub struct Page {
    /// Its elements, each the very bytes received.
    pub elements: Vec<Bytes>,
    /// Whether another page follows.
    pub has_more: bool,
}

impl Page {
    /// Reads an answer as a page of a list.
    pub fn of(answer: &Answer) -> Result<Self, ApiError> {
        let unreadable = |reason: &str| ApiError::Unreadable { path: answer.path.clone(), reason: reason.into() };
        let text = std::str::from_utf8(&answer.body).map_err(|_| unreadable("it is not text"))?;
        let (elements, has_more) = list_elements(text).ok_or_else(|| unreadable("it is not a list"))?;
        let elements = elements.into_iter().map(|element| answer.body.slice_ref(element.as_bytes())).collect();
        Ok(Self { elements, has_more })
    }
}
