//! The lists mrrd reads, and their pages: each element its own text, as received.

use std::fmt::Write as _;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest};
use stripe_core::event::ListEvent;
use stripe_types::{RangeBoundsTs, RangeQueryTs};
use strum::IntoStaticStr;

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

/// The account's webhook endpoints, after the endpoint `after`.
pub fn webhook_endpoints(after: Option<&str>) -> RequestBuilder {
    let limit = Some(limits::STRIPE_PAGE);
    get("/webhook_endpoints".into(), &Parameters { limit, starting_after: after, ..Parameters::default() })
}

/// A list of objects as they stand now. Their parameters are alike, so that one request serves all; async-stripe's own
/// builders for them would compile some 100,000 generated lines for as many fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Objects {
    /// `GET /v1/customers`.
    Customers,
    /// `GET /v1/products`.
    Products,
    /// Prices with their tiers and other currencies.
    Prices,
    /// Coupons with the products they apply to.
    Coupons,
    /// Subscriptions of every status with the terms of their discounts.
    Subscriptions,
    /// `GET /v1/invoices`, each with its lines.
    Invoices,
}

#[derive(Default, Serialize)]
struct Parameters<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
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
        self.into()
    }

    /// What no answer holds unless it is asked for (docs/wire.md 0, items 1 and 2).
    fn expanded(self) -> &'static [&'static str] {
        match self {
            Self::Prices => &["tiers", "currency_options"],
            Self::Coupons => &["applies_to", "currency_options"],
            Self::Subscriptions => &["discounts.source.coupon", "items.data.discounts"],
            // Discounts can't be fetched by id (docs/wire.md 0, item 1): those of the past are told by their invoices only.
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
            _ => (format!("/{}/{}/{}", self.as_str(), segment(id), self.embedded().unwrap_or_default()), None),
        };
        let expand = if self == Self::Subscriptions { vec!["data.discounts".to_owned()] } else { Vec::new() };
        let limit = Some(limits::STRIPE_PAGE);
        get(path, &Parameters { limit, starting_after: after, subscription, expand, ..Parameters::default() })
    }

    /// The page after the object `after`, newest first.
    pub fn page(self, after: Option<&str>) -> RequestBuilder {
        let status = (self == Self::Subscriptions).then_some("all");
        let expand = self.expanded().iter().map(|field| format!("data.{field}")).collect();
        let limit = Some(limits::STRIPE_PAGE);
        let parameters = Parameters { limit, starting_after: after, status, expand, ..Parameters::default() };
        get(format!("/{}", self.as_str()), &parameters)
    }

    /// One object by its id.
    pub fn one(self, id: &str) -> RequestBuilder {
        // Of one object a level more may be asked for than of a list.
        let fields = match self {
            Self::Subscriptions => &[
                "discounts.source.coupon.applies_to",
                "discounts.source.coupon.currency_options",
                "items.data.discounts",
            ],
            _ => self.expanded(),
        };
        let expand = fields.iter().map(|field| (*field).to_owned()).collect();
        get(format!("/{}/{}", self.as_str(), segment(id)), &Parameters { expand, ..Parameters::default() })
    }
}

/// A request without a parameter that says nothing: Stripe refuses an empty one as it refuses one it doesn't know.
fn get(path: String, parameters: &Parameters<'_>) -> RequestBuilder {
    let mut request = RequestBuilder::new(StripeMethod::Get, path).query(parameters);
    request.query = request.query.filter(|query| !query.is_empty());
    request
}

/// An id as one segment of an address, whatever it holds: a coupon's is free text.
fn segment(id: &str) -> String {
    let mut written = String::with_capacity(id.len());
    for byte in id.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => written.push(char::from(byte)),
            _ => {
                // Writing into a string can't fail.
                let _ = write!(written, "%{byte:02X}");
            }
        }
    }
    written
}

/// One page of a list.
#[derive(Debug)]
pub struct Page {
    /// Its elements, each the very bytes received.
    pub elements: Vec<Bytes>,
    /// True where another page follows the last object of this one.
    pub has_more: bool,
}

impl Page {
    /// Reads an answer as a page of a list.
    pub fn from_answer(answer: &Answer) -> Result<Self, ApiError> {
        let unreadable = |reason: &str| ApiError::Unreadable { path: answer.path.clone(), reason: reason.into() };
        let text = std::str::from_utf8(&answer.body).map_err(|_| unreadable("it is not text"))?;
        let (elements, has_more) = list_elements(text).ok_or_else(|| unreadable("it is not a list"))?;
        let elements = elements.into_iter().map(|element| answer.body.slice_ref(element.as_bytes())).collect();
        Ok(Self { elements, has_more })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(request: &RequestBuilder) -> String {
        let query = request.query.as_deref().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}{query}", request.path)
    }

    #[test]
    fn every_request_is_what_stripe_s_description_allows_to_the_byte() {
        let (from, until) = (UnixTime(1_767_225_600), UnixTime(1_767_312_000));
        let after = Some("x_1");
        let mut all = vec![sent(&events(from, until, None)), sent(&events(from, until, after))];
        for list in Objects::ALL {
            all.extend([sent(&list.page(None)), sent(&list.page(after)), sent(&list.one("x_1"))]);
            if list.embedded().is_some() {
                all.extend([sent(&list.rest("x_1", None)), sent(&list.rest("x_1", after))]);
            }
        }
        all.push(sent(&webhook_endpoints(None)));
        all.push(sent(&Objects::Coupons.one("50 % off/für alle?")));
        assert_eq!(all, EXPECTED.lines().map(str::trim).collect::<Vec<_>>());
        assert!(!all.iter().any(|one| one.ends_with(['?', '&']) || one.contains("=&") || one.contains("limit&")));
    }

    const EXPECTED: &str = "\
        /events?created[gte]=1767225600&created[lt]=1767312000&limit=100
        /events?created[gte]=1767225600&created[lt]=1767312000&limit=100&starting_after=x_1
        /coupons?limit=100&expand[0]=data.applies_to&expand[1]=data.currency_options
        /coupons?limit=100&starting_after=x_1&expand[0]=data.applies_to&expand[1]=data.currency_options
        /coupons/x_1?expand[0]=applies_to&expand[1]=currency_options
        /products?limit=100
        /products?limit=100&starting_after=x_1
        /products/x_1
        /prices?limit=100&expand[0]=data.tiers&expand[1]=data.currency_options
        /prices?limit=100&starting_after=x_1&expand[0]=data.tiers&expand[1]=data.currency_options
        /prices/x_1?expand[0]=tiers&expand[1]=currency_options
        /customers?limit=100
        /customers?limit=100&starting_after=x_1
        /customers/x_1
        /subscriptions?limit=100&status=all&expand[0]=data.discounts.source.coupon&expand[1]=data.items.data.discounts
        /subscriptions?limit=100&starting_after=x_1&status=all&expand[0]=data.discounts.source.coupon&expand[1]=data.items.data.discounts
        /subscriptions/x_1?expand[0]=discounts.source.coupon.applies_to&expand[1]=discounts.source.coupon.currency_options&expand[2]=items.data.discounts
        /subscription_items?limit=100&subscription=x_1&expand[0]=data.discounts
        /subscription_items?limit=100&starting_after=x_1&subscription=x_1&expand[0]=data.discounts
        /invoices?limit=100&expand[0]=data.discounts.source.coupon&expand[1]=data.total_discount_amounts.discount
        /invoices?limit=100&starting_after=x_1&expand[0]=data.discounts.source.coupon&expand[1]=data.total_discount_amounts.discount
        /invoices/x_1?expand[0]=discounts.source.coupon&expand[1]=total_discount_amounts.discount
        /invoices/x_1/lines?limit=100
        /invoices/x_1/lines?limit=100&starting_after=x_1
        /webhook_endpoints?limit=100
        /coupons/50%20%25%20off%2Ff%C3%BCr%20alle%3F?expand[0]=applies_to&expand[1]=currency_options";
}
