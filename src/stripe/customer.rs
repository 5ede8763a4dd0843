//! Customers and products: ids, a country, a discount; never a name or an address.

use std::sync::Arc;

use serde::Deserialize;

use super::{
    discount::DiscountWire,
    json::{Named, Obj, Oddities, Raw, Ref},
};
use crate::ledger::{
    fact::{CustomerState, ProductState},
    ids::{CustomerId, ProductId, TestClockId},
};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct CustomerWire<'a> {
    #[serde(borrow)]
    object: Raw<'a>,
    #[serde(borrow)]
    id: Raw<'a>,
    #[serde(borrow)]
    address: Obj<Address<'a>>,
    #[serde(borrow)]
    shipping: Obj<Shipping<'a>>,
    #[serde(borrow)]
    discount: Obj<DiscountWire<'a>>,
    #[serde(borrow)]
    deleted: Raw<'a>,
    #[serde(borrow)]
    test_clock: Ref<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Shipping<'a> {
    #[serde(borrow)]
    address: Obj<Address<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Address<'a> {
    #[serde(borrow)]
    country: Raw<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ProductWire<'a> {
    #[serde(borrow)]
    object: Raw<'a>,
    #[serde(borrow)]
    id: Raw<'a>,
    #[serde(borrow)]
    name: Raw<'a>,
    #[serde(borrow)]
    metadata: Obj<ProductMetadata<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ProductMetadata<'a> {
    #[serde(borrow)]
    mrrd_add_on: Raw<'a>,
}

impl Named for CustomerWire<'_> {
    fn object(&self) -> Raw<'_> {
        self.object
    }
}

impl CustomerWire<'_> {
    /// The state; `deleted` also where the event's type says so.
    pub(super) fn read(&self, deleted: bool, odd: &mut Oddities) -> Result<CustomerState, &'static str> {
        let id = self.id.word("customer.id", odd).ok_or("the customer has no id")?;
        let own = self.address.get("customer.address", odd).and_then(|address| address.country(odd));
        let country = own.or_else(|| {
            let shipping = self.shipping.get("customer.shipping", odd)?;
            shipping.address.get("customer.shipping.address", odd)?.country(odd)
        });
        Ok(CustomerState {
            id: CustomerId::new(id),
            country,
            discount: self.discount.get("customer.discount", odd).map(|discount| discount.read(odd)),
            deleted: deleted || self.deleted.flag("customer.deleted", odd),
            test_clock: self.test_clock.id("customer.test_clock", odd).map(TestClockId::new),
        })
    }
}

impl Address<'_> {
    /// Two letters; anything else is free text and stays out of facts.
    fn country(&self, odd: &mut Oddities) -> Option<Arc<str>> {
        let country = self.country.string().filter(|country| !country.is_empty())?;
        match country.as_bytes() {
            [a, b] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() => Some(country.to_ascii_uppercase().into()),
            _ => {
                odd.note("customer.address.country");
                None
            }
        }
    }
}

impl Named for ProductWire<'_> {
    fn object(&self) -> Raw<'_> {
        self.object
    }
}

impl ProductWire<'_> {
    /// The state. Metadata key `mrrd_add_on` with `true`, `1` or `yes`, in any case, marks an add-on (rule `causes`).
    pub(super) fn read(&self, odd: &mut Oddities) -> Result<ProductState, &'static str> {
        let id = self.id.word("product.id", odd).ok_or("the product has no id")?;
        let mark = self.metadata.get("product.metadata", odd).and_then(|metadata| metadata.mrrd_add_on.string());
        let add_on = mark.is_some_and(|mark| matches!(mark.trim().to_ascii_lowercase().as_str(), "true" | "1" | "yes"));
        Ok(ProductState { id: ProductId::new(id), add_on, name: self.name.text() })
    }
}
