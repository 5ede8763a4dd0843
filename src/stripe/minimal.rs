//! Bodies without personal data (`privacy.keep = "minimal"`): what names, reaches or pays for a person is taken out before anything is
//! stored. What facts are read from stays, so figures are the same.
//!
//! A country stays, for figures are grouped by it; metadata stays as you wrote it. Whatever holds nothing of the kind keeps its
//! own bytes. No digest of what was received is kept: all else of a body is known, so that a name could be guessed back from it.

use std::{borrow::Cow, fmt};

use bytes::Bytes;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// Gone wherever it stands.
const GONE: &[&str] = &[
    "acss_debit",
    "au_becs_debit",
    "bacs_debit",
    "bank_account",
    "billing_details",
    "business_name",
    "card",
    "client_ip",
    "comment",
    "custom_fields",
    "customer_email",
    "customer_name",
    "customer_phone",
    "customer_tax_ids",
    "email",
    "footer",
    "hosted_invoice_url",
    "individual_name",
    "invoice_pdf",
    "ip_address",
    "link",
    "owner",
    "payment_method_details",
    "paypal",
    "phone",
    "receipt_email",
    "receipt_number",
    "receipt_url",
    "sepa_debit",
    "sources",
    "tax_ids",
    "us_bank_account",
];

/// Where only the country stays.
const ADDRESSES: &[&str] = &["address", "customer_address"];

/// Where only the address stays, and of that the country.
const SHIPPED: &[&str] = &["shipping", "customer_shipping"];

/// Objects whose `name` and `description` are of a person; those of products and coupons aren't.
const PEOPLE: &[&str] = &["customer", "charge", "payment_intent", "setup_intent", "payment_method", "source", "person"];

/// Objects whose `description` is written to a person.
const WRITTEN: &[&str] = &["invoice", "subscription", "quote"];

/// The body without personal data; the same bytes where there is none, or where it is no JSON.
pub fn redacted(body: &Bytes) -> Bytes {
    let text = std::str::from_utf8(body).ok();
    let changed = text.and_then(|text| value(text.trim(), None));
    changed.map_or_else(|| body.clone(), Bytes::from)
}

/// The members of an object in their order.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Each;

        impl<'de> Visitor<'de> for Each {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Members<'de>, M::Error> {
                let mut members = Vec::new();
                while let Some((Name(name), value)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }

        from.deserialize_map(Each)
    }
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// A value without personal data; `None` where it has none. `kind` is what the object around it says it is.
fn value(text: &str, kind: Option<&str>) -> Option<String> {
    match text.as_bytes().first()? {
        b'{' => object(text, kind),
        b'[' => {
            let elements: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            let changed: Vec<Option<String>> = elements.iter().map(|element| value(element.get(), kind)).collect();
            changed.iter().any(Option::is_some).then(|| {
                let all = changed.into_iter().zip(&elements);
                let all = all.map(|(changed, element)| changed.unwrap_or_else(|| element.get().to_owned()));
                format!("[{}]", all.collect::<Vec<_>>().join(","))
            })
        }
        _ => None,
    }
}

fn object(text: &str, around: Option<&str>) -> Option<String> {
    let Members(members) = serde_json::from_str(text).ok()?;
    let named = members.iter().find(|(name, _)| name == "object").map(|(_, value)| value.get());
    let own: Option<Cow<'_, str>> = named.and_then(|value| match value.as_bytes().first() {
        Some(b'"') => serde_json::from_str::<Name<'_>>(value).ok().map(|Name(kind)| kind),
        // An event's data: what it was before is told beside the object, without saying again what it is.
        Some(b'{') => kind_of(value),
        _ => None,
    });
    let kind = own.as_deref().or(around);
    let mut changed = false;
    let parts: Vec<String> = members
        .iter()
        .map(|(name, value)| {
            let is = member(name, value.get(), kind);
            changed |= is.is_some();
            let is = is.unwrap_or_else(|| value.get().to_owned());
            format!("{}:{is}", serde_json::Value::from(name.as_ref()))
        })
        .collect();
    changed.then(|| format!("{{{}}}", parts.join(",")))
}

fn kind_of(object: &str) -> Option<Cow<'_, str>> {
    let Members(members) = serde_json::from_str(object).ok()?;
    let (_, value) = members.into_iter().find(|(name, _)| name == "object")?;
    serde_json::from_str::<Name<'_>>(value.get()).ok().map(|Name(kind)| kind)
}

/// What a member becomes; `None` where it stays.
fn member(name: &str, text: &str, kind: Option<&str>) -> Option<String> {
    let of = |kinds: &[&str]| kind.is_some_and(|kind| kinds.contains(&kind));
    let gone = GONE.contains(&name)
        || (matches!(name, "name" | "description") && of(PEOPLE))
        || (name == "description" && of(WRITTEN));
    if gone {
        return (text != "null").then(|| "null".to_owned());
    }
    if ADDRESSES.contains(&name) {
        return only(text, "country", |country| country.to_owned());
    }
    if SHIPPED.contains(&name) {
        return only(text, "address", |address| {
            only(address, "country", |country| country.to_owned()).unwrap_or_else(|| address.to_owned())
        });
    }
    // What you wrote yourself is yours.
    if name == "metadata" {
        return None;
    }
    value(text, kind)
}

/// An object with one of its members only; `None` where it is none.
fn only(text: &str, name: &str, keep: impl Fn(&str) -> String) -> Option<String> {
    let Members(members) = serde_json::from_str(text).ok()?;
    let kept =
        members.iter().find(|(one, _)| one == name).map(|(_, value)| format!("\"{name}\":{}", keep(value.get())));
    Some(format!("{{{}}}", kept.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        String::from_utf8(redacted(&Bytes::copy_from_slice(text.as_bytes())).to_vec()).unwrap()
    }

    #[test]
    fn a_person_is_gone_and_what_figures_rest_on_stays() {
        let text = r#"{"id":"evt_1","object":"event","data":{"object":{"id":"cus_1","object":"customer","name":"Ada",
            "email":"ada@example.com","phone":null,"address":{"line1":"Street 1","country":"DE"},"metadata":{"name":"x"},
            "shipping":{"name":"Ada","address":{"city":"Ulm","country":"FR"}},"balance":-10.50},
            "previous_attributes":{"name":"Eve","email":"e@example.com"}}}"#;
        let kept = told(text);
        for gone in ["Ada", "ada@", "Street", "Ulm", "Eve", "e@"] {
            assert!(!kept.contains(gone), "{gone}: {kept}");
        }
        for stays in [r#""address":{"country":"DE"}"#, r#"{"address":{"country":"FR"}}"#, r#"{"name":"x"}"#, "-10.50"] {
            assert!(kept.contains(stays), "{stays}: {kept}");
        }
    }

    #[test]
    fn what_names_nobody_keeps_its_bytes() {
        for text in [
            "{ \"object\": \"event\",\n \"data\": {\"object\": {\"object\": \"product\", \"name\": \"Pro\", \"description\": \"all\"}}}",
            r#"{"object":"coupon","name":"SUMMER","email":null}"#,
            "no JSON",
            "",
        ] {
            assert_eq!(told(text), text);
        }
    }
}
