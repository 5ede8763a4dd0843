//! Shapes at the edges, one by one: what each says, and that none says what it can't know.

use mrrd::{
    event::Reading,
    ledger::{fact::*, time::UnixTime},
    stripe::read::{matters, read},
};
use serde_json::{Value, json};

/// A subscription of one item at 20.00 a month.
fn subscription() -> Value {
    json!({
        "id": "sub_1", "object": "subscription", "customer": "cus_1", "status": "active", "currency": "usd",
        "created": 1_700_000_000, "start_date": 1_700_000_000,
        "items": {"object": "list", "has_more": false, "data": [{
            "id": "si_1", "object": "subscription_item", "quantity": 1,
            "current_period_start": 1_700_000_000, "current_period_end": 1_702_592_000,
            "price": {"id": "price_1", "object": "price", "currency": "usd", "unit_amount": 2000,
                "unit_amount_decimal": "2000", "billing_scheme": "per_unit", "type": "recurring",
                "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}}
        }]}
    })
}

fn facts(kind: &str, object: &Value) -> Vec<Fact> {
    let event =
        json!({"id": "evt_1", "object": "event", "type": kind, "created": 1_700_000_000, "data": {"object": object}});
    match read(event.to_string().as_bytes()).unwrap().reading {
        Reading::Facts(facts) => facts,
        other => panic!("{other:?}"),
    }
}

/// The subscription after `change`.
fn read_as(change: impl FnOnce(&mut Value)) -> SubscriptionState {
    let mut object = subscription();
    change(&mut object);
    match &facts("customer.subscription.updated", &object)[0].state {
        State::Subscription { after, .. } => *after.clone(),
        other => panic!("{other:?}"),
    }
}

fn item(value: &mut Value) -> &mut Value {
    &mut value["items"]["data"][0]
}

#[test]
fn an_item_that_cannot_be_told_is_missing_from_its_list() {
    // Terms are joined by id: an item kept with an unknown price would be priced with what it isn't.
    for change in [
        (|sub| item(sub)["quantity"] = json!("many")) as fn(&mut Value),
        |sub| item(sub)["quantity_decimal"] = json!("1,000"),
        |sub| item(sub)["current_trial"] = json!({"start_date": 1, "end_date": null}),
        |sub| item(sub)["current_trial"] = json!("soon"),
        |sub| item(sub)["id"] = Value::Null,
        |sub| *item(sub) = json!("si_1"),
        |sub| sub["items"]["data"] = json!([]),
        |sub| sub["items"] = json!("si_1"),
        |sub| {
            sub["items"] = Value::Null;
            (sub["plan"], sub["quantity"]) = (json!({"id": "gold", "amount": 100, "interval": "month"}), json!("many"));
        },
    ] {
        let read = read_as(change);
        assert!(read.items.is_empty() && !read.items_complete, "{read:?}");
    }
    let cut = read_as(|sub| sub["items"]["has_more"] = json!(true));
    assert!(cut.items.len() == 1 && !cut.items_complete);
}

#[test]
fn words_of_prices_that_nobody_knows_make_no_amount() {
    for (field, word) in [
        ("billing_scheme", json!("per_moon")),
        ("unit_amount_decimal", json!("?")),
        ("transform_quantity", json!({"divide_by": 0})),
    ] {
        let read = read_as(|sub| item(sub)["price"][field] = word);
        assert_eq!(read.items[0].price.scheme, Scheme::Unknown, "{field}");
    }
    for (field, word) in
        [("interval", json!("fortnight")), ("interval_count", json!(0)), ("usage_type", json!("guessed"))]
    {
        let read = read_as(|sub| item(sub)["price"]["recurring"][field] = word);
        assert_eq!(read.items[0].price.scheme, Scheme::Unknown, "{field}");
    }
    let tiered = read_as(|sub| {
        let price = &mut item(sub)["price"];
        (price["billing_scheme"], price["tiers_mode"]) = (json!("tiered"), json!("spiral"));
        price["tiers"] = json!([{"up_to": null, "unit_amount": 1}]);
    });
    assert_eq!(tiered.items[0].price.scheme, Scheme::Unknown);
    assert_eq!(read_as(|sub| sub["status"] = json!("hibernating")).status, Status::Other("hibernating".into()));
}

#[test]
fn a_discount_that_cannot_be_read_is_unresolved_never_none() {
    let single = read_as(|sub| sub["discount"] = json!([1])).discounts;
    let listed = read_as(|sub| sub["discounts"] = json!([7])).discounts;
    let listless = read_as(|sub| sub["discounts"] = json!("di_1")).discounts;
    let cut = read_as(|sub| sub["discounts"] = json!({"object": "list", "data": [], "has_more": true})).discounts;
    for discounts in [single, listed, listless, cut] {
        assert!(matches!(discounts.as_slice(), [DiscountState { id: None, terms: None, .. }]), "{discounts:?}");
    }
    for nothing in [json!(null), json!([])] {
        assert_eq!(read_as(|sub| sub["discounts"] = nothing).discounts, []);
    }
}

#[test]
fn discounts_by_id_and_in_full_since_clover() {
    let read = read_as(|sub| {
        sub["discounts"] = json!(["di_1", {"id": "di_2", "object": "discount", "start": 5, "customer": null,
            "customer_account": "acct_1", "source": {"type": "coupon", "coupon": {"id": "HALF", "object": "coupon",
            "percent_off": 12.5, "duration": "repeating", "duration_in_months": 3}}}, {"id": "di_3", "source": {"coupon": "HALF"}}]);
    });
    let [by_id, full, by_coupon] = read.discounts.as_slice() else { panic!("{:?}", read.discounts) };
    assert_eq!((by_id.id.as_ref().unwrap().as_str(), by_id.coupon.is_none()), ("di_1", true));
    let terms = full.terms.as_ref().unwrap();
    assert_eq!((terms.off, terms.months), (Some(Off::Percent("12.5".parse().unwrap())), Some(3)));
    assert_eq!(full.customer, Some("acct_1".into()));
    assert_eq!((by_coupon.coupon.as_ref().unwrap().as_str(), by_coupon.terms.is_none()), ("HALF", true));
}

#[test]
fn a_scheduled_end_is_seen_in_every_spelling() {
    for (change, at, with_period) in [
        ((|sub| sub["cancel_at_period_end"] = json!(true)) as fn(&mut Value), None, true),
        (|sub| sub["cancel_at"] = json!(1_702_592_000), Some(UnixTime(1_702_592_000)), false),
        // Words of requests: none is answered today.
        (|sub| sub["cancel_at"] = json!("min_period_end"), None, true),
        (|sub| sub["cancel_at"] = json!("max_billed_until"), None, true),
    ] {
        let read = read_as(change);
        assert_eq!((read.cancel_at, read.cancel_at_period_end), (at, with_period));
    }
}

#[test]
fn amounts_in_any_currency_stand_in_its_own_units() {
    for (currency, minor) in [("jpy", "1500"), ("bhd", "12345"), ("isk", "150000"), ("ugx", "500000")] {
        let read = read_as(|sub| {
            (sub["currency"], item(sub)["price"]["currency"]) = (json!(currency), json!(currency));
            (item(sub)["price"]["unit_amount"], item(sub)["price"]["unit_amount_decimal"]) =
                (Value::Null, json!(minor));
        });
        assert_eq!(read.currency.unwrap().as_str(), currency);
        assert_eq!(read.items[0].price.scheme, Scheme::PerUnit(minor.parse().unwrap()));
    }
    // A price in dollars sold in euros, the other way round in yen.
    let read = read_as(|sub| {
        sub["currency"] = json!("eur");
        item(sub)["price"]["currency_options"] = json!({
            "eur": {"unit_amount": 1800, "unit_amount_decimal": "1800"}, "jpy": {"unit_amount": null}});
    });
    let options = &read.items[0].price.currency_options;
    assert_eq!(options[&"eur".parse().unwrap()], Scheme::PerUnit("1800".parse().unwrap()));
    assert_eq!(options[&"jpy".parse().unwrap()], Scheme::Unknown);
    assert_eq!(
        read_as(|sub| {
            (sub["currency"], item(sub)["price"]["currency"]) = (json!("usdc"), json!("usdc"));
        })
        .currency,
        None,
        "four letters: in no currency, and quality says so"
    );
}

#[test]
fn an_invoice_tells_the_terms_of_the_discounts_it_shows() {
    let discount = json!({"id": "di_1", "object": "discount", "start": 5, "subscription": "sub_1",
        "coupon": {"id": "HALF", "object": "coupon", "percent_off": 50, "duration": "forever"}});
    let mut invoice =
        json!({"id": "in_1", "object": "invoice", "customer": "cus_1", "status": "paid", "total": 1, "created": 5});
    for (field, shown) in
        [("discount", discount.clone()), ("discounts", json!([discount])), ("discounts", json!(["di_1"]))]
    {
        let by_id = shown == json!(["di_1"]);
        (invoice["discount"], invoice["discounts"]) = (Value::Null, Value::Null);
        invoice[field] = shown;
        let facts = facts("invoice.paid", &invoice);
        if by_id {
            assert_eq!(facts.len(), 1, "an id tells no terms");
            continue;
        }
        let [_, Fact { role: Role::Other, state: State::Discount(told), .. }] = facts.as_slice() else {
            panic!("{facts:?}")
        };
        assert_eq!((told.customer.as_ref().unwrap().as_str(), told.terms.is_some()), ("cus_1", true));
    }
}

#[test]
fn a_line_tells_the_tax_inside_it() {
    let line = |more: Value| {
        let mut line = json!({"id": "il_1", "object": "line_item", "amount": 1190});
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"id": "in_1", "object": "invoice", "status": "paid", "total": 1190, "created": 5,
            "lines": {"object": "list", "has_more": false, "data": [line]}})
    };
    for (more, inside) in [
        (
            json!({"taxes": [{"amount": 190, "tax_behavior": "inclusive"}, {"amount": 5, "tax_behavior": "exclusive"}]}),
            Some(190),
        ),
        (json!({"tax_amounts": [{"amount": 100, "inclusive": true}, {"amount": 90, "inclusive": true}]}), Some(190)),
        (json!({"taxes": [{"amount": 190, "tax_behavior": "exclusive"}]}), Some(0)),
        (json!({"taxes": [{"amount": 0, "tax_behavior": "inclusive"}]}), Some(0)),
        (json!({"taxes": []}), Some(0)),
        (json!({}), None),
    ] {
        let State::Invoice(invoice) = &facts("invoice.paid", &line(more))[0].state else { panic!() };
        assert_eq!(invoice.lines[0].tax_inside, inside);
    }
}

#[test]
fn a_schedule_is_read_with_plans_and_with_items() {
    let phase = |items: &str, price: &str| json!({"start_date": 10, "end_date": 20, items: [{price: {"id": "gold", "object": "plan"}, "quantity": 3}, {price: "silver"}]});
    for phase in [phase("plans", "plan"), phase("items", "price")] {
        let schedule = json!({"id": "sub_sched_1", "object": "subscription_schedule", "customer": "cus_1",
            "released_subscription": "sub_1", "status": "released", "end_behavior": "release", "phases": [phase]});
        let facts = facts("subscription_schedule.released", &schedule);
        assert_eq!(
            super::line::line(&facts[0]),
            "schedule sub_sched_1 released of cus_1 for sub_1 [ gold × 3 silver 10…20] then release"
        );
    }
}

#[test]
fn the_discounts_and_the_trial_of_a_phase_are_read() {
    let coupon = json!({"id": "half", "object": "coupon", "percent_off": 50, "duration": "forever"});
    let phase = json!({"start_date": 10, "end_date": 20, "trial_end": 15, "discounts": [{"coupon": coupon}, {"discount": "di_1"}],
        "items": [{"price": "gold", "quantity": 3, "discounts": [{"promotion_code": "promo_1"}]}, {"price": "silver", "tax_rates": []}],
        "default_tax_rates": ["txr_1"]});
    let older = json!({"start_date": 20, "end_date": 30, "coupon": "half", "items": [{"price": "gold"}]});
    let schedule = json!({"id": "sub_sched_1", "object": "subscription_schedule", "customer": "cus_1",
        "subscription": "sub_1", "status": "active", "end_behavior": "release", "phases": [phase, older]});
    let facts = facts("subscription_schedule.updated", &schedule);
    let State::Schedule(schedule) = &facts[0].state else { panic!() };
    let told = |discounts: &Option<Vec<DiscountState>>| {
        let one = |one: &DiscountState| (one.id.clone(), one.coupon.clone(), one.terms.is_some());
        discounts.as_ref().map(|all| all.iter().map(one).collect::<Vec<_>>())
    };
    let half = Some("half".into());
    let [first, second] = &*schedule.phases else { panic!() };
    assert_eq!(told(&first.discounts), Some(vec![(None, half.clone(), true), (Some("di_1".into()), None, false)]));
    assert_eq!(first.trial_end, Some(UnixTime(15)));
    // A promotion code by its id alone takes something off, and nobody can tell how much.
    assert_eq!(told(&first.items[0].discounts), Some(vec![(None, None, false)]));
    // By its id, as webhooks have it; where a list is empty there are none, where it is missing nothing is told.
    let rates = |rates: &Option<Vec<TaxRate>>| {
        rates.as_ref().map(|all| all.iter().map(|one| one.id.clone()).collect::<Vec<_>>())
    };
    assert_eq!((rates(&first.tax_rates), rates(&second.tax_rates)), (Some(vec![Some("txr_1".into())]), None));
    assert_eq!((rates(&first.items[1].tax_rates), rates(&first.items[0].tax_rates)), (Some(Vec::new()), None));
    assert_eq!((told(&first.items[1].discounts), told(&second.discounts)), (None, Some(vec![(None, half, false)])));
}

#[test]
fn thin_events_matter_where_figures_rest_on_their_object() {
    for kind in
        ["customer.subscription.item_added", "invoice.paid", "price.activated", "customer.discount.source_changed"]
    {
        assert!(matters(&format!("v1.{kind}")), "{kind}");
    }
    for kind in
        ["v1.invoice.upcoming", "v1.billing.meter.no_meter_found", "v2.core.account.updated", "v1.refund.created"]
    {
        assert!(!matters(kind), "{kind}");
    }
}
