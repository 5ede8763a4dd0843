//! Metadata of a customer, for the keys that were configured: read from the raw body when it is needed, never a fact.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use crate::limits;

/// What the body of an event, or of an API answer, says under `keys` of its customer; `None` where it holds no customer.
///
/// The customer is the object itself, or stands in full within an object that names it.
pub fn customer_metadata(body: &[u8], keys: &[Arc<str>]) -> Option<BTreeMap<Arc<str>, Arc<str>>> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let object = body.pointer("/data/object").unwrap_or(&body);
    let is_customer = |value: &&Value| value["object"] == "customer";
    let customer = [object, &object["customer"]].into_iter().find(is_customer)?;
    let value = |key: &Arc<str>| {
        let value = customer["metadata"].get(&**key)?.as_str().filter(|value| !value.is_empty() && fits(value))?;
        Some((key.clone(), Arc::from(value)))
    };
    Some(keys.iter().filter_map(value).collect())
}

/// Whether it can be Stripe's: what is longer, or no text, is no value to join or group by.
fn fits(value: &str) -> bool {
    value.len() <= limits::METADATA_BYTES
        && value.chars().count() <= limits::METADATA_CHARACTERS
        && !value.contains('\0')
}

/// Name and e-mail as the body of an event, or of an API answer, tells them of its customer, empty where it tells none; `None`
/// where it holds no customer. What a customer may have been made to say is cut to a length that people read.
pub fn customer_name(body: &[u8]) -> Option<(String, String)> {
    const CHARS_MAX: usize = 200;
    let body: Value = serde_json::from_slice(body).ok()?;
    let object = body.pointer("/data/object").unwrap_or(&body);
    let is_customer = |value: &&Value| value["object"] == "customer";
    let customer = [object, &object["customer"]].into_iter().find(is_customer)?;
    let text = |field: &str| {
        let text = customer[field].as_str().unwrap_or_default().trim();
        text.chars().filter(|c| !c.is_control()).take(CHARS_MAX).collect::<String>()
    };
    Some((text("name"), text("email")))
}

/// What a customer wrote when a subscription was cancelled, as the body of the event tells it.
pub fn cancellation_comment(body: &[u8]) -> Option<String> {
    const CHARS_MAX: usize = 500;
    let body: Value = serde_json::from_slice(body).ok()?;
    let object = body.pointer("/data/object").unwrap_or(&body);
    let said = object.pointer("/cancellation_details/comment")?.as_str()?.trim();
    let said: String = said.chars().filter(|c| !c.is_control()).take(CHARS_MAX).collect();
    Some(said).filter(|said| !said.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Option<String> {
        let found = customer_metadata(body.as_bytes(), &["tier".into(), "owner".into()])?;
        Some(found.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn a_customer_is_called_by_name_where_it_has_one() {
        let named = |body: &str| customer_name(body.as_bytes());
        let ada = r#"{"object":"customer","name":" Ada\u0007 Ltd ","email":"ada@example.com"}"#;
        let both = Some(("Ada Ltd".to_owned(), "ada@example.com".to_owned()));
        assert_eq!(named(&format!(r#"{{"data":{{"object":{ada}}}}}"#)), both);
        assert_eq!(named(ada), both);
        assert_eq!(named(r#"{"object":"customer","name":null}"#), Some((String::new(), String::new())));
        assert_eq!(named(r#"{"data":{"object":{"object":"invoice","customer":"cus_1"}}}"#), None);
    }

    #[test]
    fn only_configured_keys_of_a_customer_are_read() {
        let customer = r#"{"object":"customer","metadata":{"tier":"gold","owner":"","email":"a@b.c"}}"#;
        assert_eq!(read(&format!(r#"{{"data":{{"object":{customer}}}}}"#)).as_deref(), Some("tier=gold"));
        let nested = format!(r#"{{"data":{{"object":{{"object":"subscription","customer":{customer}}}}}}}"#);
        assert_eq!(read(&nested).as_deref(), Some("tier=gold"));
        assert_eq!(read(customer).as_deref(), Some("tier=gold"));
        for nobody in [r#"{"data":{"object":{"object":"invoice","customer":"cus_1"}}}"#, "[]", "?"] {
            assert_eq!(read(nobody), None, "{nobody}");
        }
        assert_eq!(read(r#"{"object":"customer","metadata":null}"#).as_deref(), Some(""));
    }
}
