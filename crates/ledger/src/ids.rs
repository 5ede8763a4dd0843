//! Identifiers: one type per kind of object, so that a customer can never stand where a subscription belongs.

use std::{borrow::Borrow, fmt, sync::Arc};

use minicbor::{
    Decode, Decoder, Encode, Encoder, decode,
    encode::{self, Write},
};
use serde::{Deserialize, Deserializer, Serialize, de};

use super::stored;

/// Takes any text; serde's own way to shared text goes through two copies, and a fact is mostly ids.
struct AnyText;

impl de::Visitor<'_> for AnyText {
    type Value = Arc<str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Arc<str>, E> {
        Ok(text.into())
    }
}

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident)+) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps the id as Stripe wrote it.
            pub fn new(id: impl Into<Arc<str>>) -> Self {
                Self(id.into())
            }

            /// The id as Stripe wrote it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<Arc<str>> for $name {
            fn from(id: Arc<str>) -> Self {
                Self(id)
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.into())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(AnyText).map(Self)
            }
        }

        impl<C> Encode<C> for $name {
            fn encode<W: Write>(&self, to: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
                to.str(&self.0)?.ok()
            }
        }

        impl<C> Decode<'_, C> for $name {
            fn decode(from: &mut Decoder<'_>, _: &mut C) -> Result<Self, decode::Error> {
                from.str().map(|text| Self(stored::shared(text)))
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

id! {
    /// A connected account (`acct_…`); the account's own events carry none.
    AccountId
    /// Who pays: `customer`, or `customer_account` where Stripe has no customer (docs/wire.md 3.1, 2025-12-15).
    CustomerId
    /// Stripe's id of a subscription, `sub_…`.
    SubscriptionId
    /// `si_…`; the subscription's own id for shapes before items existed.
    ItemId
    /// `price_…` or `plan_…`, or a free-text plan id.
    PriceId
    /// Stripe's id of a product, `prod_…`.
    ProductId
    /// A coupon's id, often free text.
    CouponId
    /// A discount, `di_…`: a coupon as it is put on somebody.
    DiscountId
    /// Stripe's id of a tax rate, `txr_…`.
    TaxRateId
    /// Stripe's id of an invoice, `in_…`.
    InvoiceId
    /// `evt_…`, or the digest that names an appended API answer.
    EventId
    /// `clock_…`: simulated time, always a ledger of its own.
    TestClockId
}
