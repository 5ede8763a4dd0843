//! Envelopes: what is an event, whose it is, and what is done with one that tells nothing.

use mrrd::{
    event::Reading,
    ledger::fact::{Fact, Role, State},
    stripe::{
        envelope::NotAnEvent,
        read::{ReadEvent, list_elements, read, read_answer},
    },
};
use serde_json::{Value, json};

fn read_json(body: &Value) -> ReadEvent {
    read(body.to_string().as_bytes()).unwrap()
}

fn event(kind: &str, object: Value) -> Value {
    json!({"id": "evt_1", "object": "event", "type": kind, "created": 1_700_000_000, "data": {"object": object}})
}

fn one_fact(event: &ReadEvent) -> &Fact {
    let Reading::Facts(facts) = &event.reading else { panic!("{:?}", event.reading) };
    let [fact] = facts.as_slice() else { panic!("{facts:?}") };
    fact
}

#[test]
fn a_body_without_an_event_is_refused_by_what_it_is() {
    for (body, expected) in [
        (&b""[..], NotAnEvent::NotJson),
        (b"hello", NotAnEvent::NotJson),
        (b"{\"id\":\"evt_1\"", NotAnEvent::NotJson),
        (b"{\"id\":\"evt_1\"} x", NotAnEvent::NotJson),
        (b"{\"id\":\"\xff\"}", NotAnEvent::NotJson),
        (b"[]", NotAnEvent::NotAnObject),
        (b"null", NotAnEvent::NotAnObject),
        (b"7", NotAnEvent::NotAnObject),
        (b"\"evt_1\"", NotAnEvent::NotAnObject),
        (b"{}", NotAnEvent::NoId),
        (b"{\"id\":null,\"object\":\"event\"}", NotAnEvent::NoId),
        (b"{\"id\":\"\",\"object\":\"event\"}", NotAnEvent::NoId),
        (b"{\"id\":7,\"object\":\"event\"}", NotAnEvent::NoId),
        (b"{\"id\":\"cus_1\",\"object\":\"customer\"}", NotAnEvent::OtherObject),
    ] {
        assert_eq!(read(body).unwrap_err(), expected, "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn an_event_that_tells_nothing_says_why() {
    for (body, reason) in [
        (json!({"id": "evt_1", "created": 1}), "the event has no type"),
        (json!({"id": "evt_1", "type": "invoice.paid"}), "the event has no created time"),
        (json!({"id": "evt_1", "type": "invoice.paid", "created": 1}), "the event has no data.object"),
        (event("invoice.paid", json!([])), "data.object is not an object"),
        (
            event("invoice.paid", json!({"object": "charge"})),
            "data.object is not the object that the event's type names",
        ),
        (event("invoice.paid", json!({"id": null})), "the invoice has no id"),
        (event("invoice.paid", json!({"id": "in_1", "total": "much"})), "the invoice has no total"),
        (
            event("customer.subscription.updated", json!({"id": "sub_1", "customer": null})),
            "the subscription has neither customer nor customer_account",
        ),
        (
            event("customer.subscription.updated", json!({"id": "sub_1", "customer": "cus_1"})),
            "the subscription has no status",
        ),
    ] {
        assert_eq!(read_json(&body).reading, Reading::Unreadable(reason.into()), "{body}");
    }
}

#[test]
fn types_mrrd_does_not_read_are_ignored() {
    for kind in ["invoice.upcoming", "invoiceitem.created", "customer.source.updated", "payment_intent.created", "odd"]
    {
        assert_eq!(read_json(&event(kind, json!({"id": "x"}))).reading, Reading::Ignored, "{kind}");
    }
}

#[test]
fn a_thin_event_points_to_its_object_and_its_twin() {
    let mut thin = json!({
        "id": "evt_65", "object": "v2.core.event", "type": "v1.customer.subscription.updated", "livemode": true,
        "created": "2026-10-30T10:11:12.123Z", "context": "org_1/acct_2",
        "related_object": {"id": "sub_1", "type": "subscription", "url": "/v1/subscriptions/sub_1"},
        "reason": null,
    });
    let event = read_json(&thin);
    assert_eq!(event.reading, Reading::Thin("sub_1".into()));
    assert_eq!(event.created.to_string(), "2026-10-30T10:11:12Z");
    assert_eq!(event.account.unwrap().as_str(), "acct_2");
    assert!(event.livemode);
    thin["snapshot_event"] = json!("evt_1");
    assert_eq!(read_json(&thin).reading, Reading::Thin("evt_1 sub_1".into()));
    thin["related_object"] = Value::Null;
    thin["snapshot_event"] = Value::Null;
    assert_eq!(read_json(&thin).reading, Reading::Thin(String::new()));
}

#[test]
fn account_mode_and_version_come_from_the_envelope() {
    let mut body = event("product.created", json!({"id": "prod_1", "object": "product"}));
    let own = read_json(&body);
    assert_eq!((own.account, own.livemode, own.api_version), (None, false, None));
    body["account"] = json!("acct_1");
    body["livemode"] = json!(true);
    body["api_version"] = json!("2026-03-25.dahlia");
    let event = read_json(&body);
    assert_eq!(event.account.as_ref().unwrap().as_str(), "acct_1");
    assert!(event.livemode);
    assert_eq!(one_fact(&event).api_version.as_deref(), Some("2026-03-25.dahlia"));
}

#[test]
fn nul_never_reaches_a_fact() {
    let body = r#"{"id":"evt_1","type":"price.created","created":1,"api_version":"v\u0000",
        "data":{"object":{"id":"price_1","nickname":"a\u0000b","currency":"usd","unit_amount":1,"product":"p"}}}"#;
    let event = read(body.as_bytes()).unwrap();
    let State::Price(price) = &one_fact(&event).state else { panic!() };
    assert_eq!(price.nickname.as_deref(), Some("a\\u0000b"));
    assert!(!format!("{event:?}").contains('\0'));
}

#[test]
fn an_id_that_cannot_be_stripe_s_keeps_its_event_without_a_fact() {
    let long = "x".repeat(256);
    for (field, id) in [
        ("/id", "evt_\0"),
        ("/account", "acct_\n"),
        ("/account", &long),
        ("/data/object/id", "price_\0"),
        ("/data/object/id", &long),
        ("/data/object/product", &long),
        ("/data/object/product", &"\u{1f600}".repeat(200)),
    ] {
        let mut body = event("price.created", json!({"id": "price_1", "object": "price", "product": "prod_1"}));
        body["account"] = "acct_1".into();
        *body.pointer_mut(field).unwrap() = id.into();
        let event = read_json(&body);
        let Reading::Unreadable(reason) = &event.reading else { panic!("{field}: {:?}", event.reading) };
        assert!(
            reason.ends_with("is longer than an id of Stripe's") || reason.ends_with("a control character"),
            "{reason}"
        );
        assert!(!format!("{event:?}").contains('\0'));
    }
    let mut body = event("price.created", json!({"id": "price_1", "object": "price"}));
    body["id"] = "x".repeat(256).into();
    assert_eq!(read(body.to_string().as_bytes()).unwrap_err(), NotAnEvent::LongId);
    body["id"] = "x".repeat(255).into();
    assert_eq!(one_fact(&read_json(&body)).event.as_str().len(), 255);
}

#[test]
fn a_number_that_cannot_be_held_keeps_its_event_without_a_fact() {
    for (field, value) in [
        ("unit_amount", "99999999999999999999"),
        ("unit_amount_decimal", "\"99999999999999999999\""),
        ("unit_amount", "1e400"),
        ("unit_amount", "-9223372036854775809"),
    ] {
        let body = format!(
            r#"{{"id":"evt_1","type":"price.created","created":1,"data":{{"object":{{"id":"price_1","{field}":{value}}}}}}}"#
        );
        let event = read(body.as_bytes()).unwrap();
        let Reading::Unreadable(reason) = &event.reading else { panic!("{value}: {:?}", event.reading) };
        assert!(reason.ends_with("is out of range"), "{reason}");
    }
}

#[test]
fn facts_hold_no_names_addresses_or_comments() {
    let person = json!({
        "id": "cus_1", "object": "customer", "name": "Jo Doe", "email": "jo@example.com", "phone": "123",
        "description": "Jo", "metadata": {"who": "Jo"}, "shipping": {"name": "Jo", "address": {"country": "de"}},
        "address": {"line1": "Jo Street", "country": ""},
    });
    let event = read_json(&self::event("customer.created", person));
    let State::Customer(customer) = &one_fact(&event).state else { panic!() };
    assert_eq!(customer.country.as_deref(), Some("DE"));
    assert!(!serde_json::to_string(one_fact(&event)).unwrap().contains("Jo"));
}

#[test]
fn a_product_is_marked_as_add_on_by_its_metadata() {
    for (mark, add_on) in [("true", true), ("1", true), ("Yes", true), ("false", false), ("", false), ("no", false)] {
        let product = json!({"id": "prod_1", "object": "product", "metadata": {"mrrd_add_on": mark}});
        let event = read_json(&event("product.updated", product));
        let State::Product(product) = &one_fact(&event).state else { panic!() };
        assert_eq!(product.add_on, add_on, "{mark:?}");
    }
}

#[test]
fn an_answer_of_the_api_is_read_like_an_event() {
    let subscription = r#"{"id":"sub_1","object":"subscription","customer":{"id":"cus_1","object":"customer"},
        "status":"active","created":1,"currency":"eur","items":{"object":"list","has_more":false,"data":[{"id":"si_1",
        "current_period_start":1,"current_period_end":2,"quantity":3,
        "price":{"id":"price_1","currency":"usd","billing_scheme":"tiered","tiers_mode":"volume",
          "recurring":{"interval":"month","interval_count":1,"usage_type":"licensed"},
          "tiers":[{"up_to":5,"unit_amount":null,"unit_amount_decimal":"12.5","flat_amount":null},
                   {"up_to":"inf","unit_amount":10,"flat_amount":100}],
          "currency_options":{"eur":{"tiers":[{"up_to":null,"unit_amount":9}]},"chf":{"unit_amount":3}}},
        "discounts":[{"id":"di_2","object":"discount","source":{"type":"coupon","coupon":"TEN"},"start":1}]}]},
        "discounts":[{"id":"di_1","source":{"type":"coupon","coupon":{"id":"OFF","percent_off":33.333333333333336,
          "duration":"forever","applies_to":{"products":["prod_1"]},
          "currency_options":{"eur":{"amount_off":5}}}},"start":1}]}"#;
    let list = format!(
        r#"{{"object":"list","data":[{subscription},{{"id":"ch_1","object":"dispute"}},
           {{"id":"OFF","object":"coupon","amount_off":500,"currency":"usd","duration":"once"}}],"has_more":true}}"#
    );
    assert_eq!(list_elements(&list).map(|(elements, more)| (elements.len(), more)), Some((3, true)));
    assert_eq!(list_elements(subscription), None);
    let at = mrrd::ledger::time::UnixTime(9);
    let Reading::Facts(facts) = read_answer(list.as_bytes(), &"answer_1".into(), at, None) else { panic!() };
    assert!(facts.iter().all(|fact| fact.role == Role::Read && fact.at == at && fact.event.as_str() == "answer_1"));
    let lines: Vec<String> = facts.iter().map(super::line::line).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    subscription sub_1 of cus_1 active eur [si_1 price_1 usd volume 5:12.5+0 ∞:10+100 / month chf UNKNOWN eur volume ∞:9+0 × 3 discount ( di_2 coupon TEN TERMS-UNKNOWN from 1 ) period 1…2] discount ( di_1 OFF 33.333333333333% Forever eur 5 only [prod_1] from 1 ) created 1 period 1…2
    coupon OFF 500usd Once
    ");
}

#[test]
fn what_is_no_answer_says_so() {
    let at = mrrd::ledger::time::UnixTime(9);
    for body in [&b"<html>"[..], b"\xff", b"[]", b"{}", b"{\"object\":\"subscription\"}"] {
        let reading = read_answer(body, &"answer_1".into(), at, None);
        assert!(matches!(reading, Reading::Unreadable(_)), "{}: {reading:?}", String::from_utf8_lossy(body));
    }
    assert_eq!(read_answer(b"{\"object\":\"dispute\"}", &"answer_1".into(), at, None), Reading::Ignored);
}
