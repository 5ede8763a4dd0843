//! One paid invoice with a proration, as five eras would send it.

use mrrd::{
    event::Reading,
    ledger::fact::{InvoiceState, InvoiceStatus, State},
    stripe::read::read,
};
use serde_json::{Value, json};

use super::line::line;

/// What every era writes the same way.
fn common() -> Value {
    json!({
        "id": "in_1", "object": "invoice", "currency": "usd", "total": 4500, "subtotal": 5000,
        "billing_reason": "subscription_cycle", "starting_balance": -1000, "ending_balance": 0,
        "test_clock": "clock_1",
    })
}

fn with(more: Value, lines: Value) -> Value {
    let mut invoice = common();
    let more = more.as_object().unwrap().clone();
    invoice.as_object_mut().unwrap().extend(more);
    invoice["lines"] = json!({"object": "list", "data": lines, "has_more": false});
    invoice
}

fn plan() -> Value {
    json!({"id": "gold", "product": "prod_1", "amount": 2500, "currency": "usd", "interval": "month", "interval_count": 1})
}

fn invoice_of(kind: &str, invoice: &Value) -> (InvoiceState, String) {
    let event = json!({"id": "evt_1", "type": kind, "created": 1_700_000_000, "data": {"object": invoice}});
    let event = read(event.to_string().as_bytes()).unwrap();
    assert_eq!(event.oddities, [""; 0]);
    let Reading::Facts(facts) = event.reading else { panic!("{:?}", event.reading) };
    let State::Invoice(invoice) = &facts[0].state else { panic!() };
    (*invoice.clone(), line(&facts[0]))
}

#[test]
fn one_invoice_in_five_eras() {
    let period = json!({"start": 10, "end": 20});
    let old_line = |more: Value| {
        let mut line = json!({"amount": 2500, "quantity": 1, "plan": plan(), "period": period, "proration": false});
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        line
    };
    let amounts = json!([{"amount": 250, "discount": "di_1"}]);
    let new_line = |kind: &str, proration: bool| {
        let details = json!({"subscription": "sub_1", "subscription_item": "si_1", "proration": proration});
        json!({
            "id": "il_1", "amount": 2500, "quantity": 1, "period": period, "discount_amounts": amounts,
            "parent": {"type": kind, "subscription_item_details": null, "invoice_item_details": null, kind: details},
            "pricing": {"type": "price_details", "price_details": {"price": "gold", "product": "prod_1"},
                        "unit_amount_decimal": "2500"},
            "taxes": [],
        })
    };
    let basil = |more: Value| {
        let mut invoice = with(
            json!({
                "customer": "cus_1", "status": "paid", "created": 5, "status_transitions": {"paid_at": 7},
                "parent": {"type": "subscription_details", "subscription_details": {"subscription": "sub_1"}},
                "total_discount_amounts": [{"amount": 500, "discount": "di_1"}], "discounts": ["di_1"],
            }),
            json!([new_line("subscription_item_details", false), new_line("invoice_item_details", true)]),
        );
        invoice.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        invoice
    };
    let eras = [
        // 2016: flags for a status, the subscription's id as its line's.
        with(
            json!({"customer": "cus_1", "subscription": "sub_1", "date": 5, "paid": true, "closed": true,
                   "forgiven": false, "attempted": true, "discount": {"coupon": {"id": "SAVE", "percent_off": 10, "duration": "forever"}}, "tax": null}),
            json!([
                old_line(json!({"id": "sub_1", "type": "subscription"})),
                old_line(json!({"id": "ii_1", "type": "invoiceitem", "subscription": "sub_1", "proration": true}))
            ]),
        ),
        // 2018-11-08: a status; lines name their subscription and item.
        with(
            json!({"customer": "cus_1", "subscription": "sub_1", "date": 5, "paid": true, "status": "paid",
                   "discount": {"coupon": {"id": "SAVE", "percent_off": 10, "duration": "forever"}}, "tax": null}),
            json!([
                old_line(json!({"id": "sli_1", "type": "subscription", "subscription": "sub_1",
                                   "subscription_item": "si_1"})),
                old_line(json!({"id": "ii_1", "type": "invoiceitem", "subscription": "sub_1",
                                   "subscription_item": "si_1", "proration": true}))
            ]),
        ),
        // 2020-08-27: prices, amounts by discount.
        with(
            json!({"customer": "cus_1", "subscription": "sub_1", "created": 5, "status": "paid",
                   "status_transitions": {"paid_at": 7}, "discount": {"id": "di_1"},
                   "total_discount_amounts": [{"amount": 500, "discount": "di_1"}]}),
            json!([
                old_line(json!({"id": "il_1", "type": "subscription", "subscription": "sub_1",
                                   "subscription_item": "si_1", "discount_amounts": amounts,
                                   "price": {"id": "gold", "product": "prod_1", "unit_amount_decimal": "2500",
                                             "recurring": {"interval": "month", "interval_count": 1}}})),
                old_line(json!({"id": "il_2", "type": "invoiceitem", "subscription": "sub_1",
                                   "subscription_item": "si_1", "discount_amounts": amounts, "proration": true}))
            ]),
        ),
        // basil: parents and pricing; a price is an id, so no interval.
        basil(json!({})),
        // clover and later: an account instead of a customer, expanded ids.
        basil(json!({"customer": null, "customer_account": {"id": "cus_1"}})),
    ];
    let lines: Vec<String> = eras.iter().map(|invoice| invoice_of("invoice.paid", invoice).1).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    invoice in_1 Paid 4500 of 5000 usd by cus_1 for sub_1 balance 1000 discounted 500 subscription_cycle created 5 [2500 gold for prod_1 / month × 1 at 2500 sub_1 sub_1 period 10…20 plain] [2500 gold for prod_1 / month × 1 at 2500 sub_1 proration period 10…20 plain] clock clock_1
    invoice in_1 Paid 4500 of 5000 usd by cus_1 for sub_1 balance 1000 discounted 500 subscription_cycle created 5 [2500 gold for prod_1 / month × 1 at 2500 sub_1 si_1 period 10…20 plain] [2500 gold for prod_1 / month × 1 at 2500 sub_1 si_1 proration period 10…20 plain] clock clock_1
    invoice in_1 Paid 4500 of 5000 usd by cus_1 for sub_1 balance 1000 discounted 500 subscription_cycle created 5 paid 7 [2500 gold for prod_1 / month × 1 at 2500 sub_1 si_1 period 10…20 − 250 di_1 terms (gold for prod_1 2500 / month)] [2500 gold for prod_1 / month × 1 at 2500 sub_1 si_1 proration period 10…20 − 250 di_1 plain] clock clock_1
    invoice in_1 Paid 4500 of 5000 usd by cus_1 for sub_1 balance 1000 discounted 500 subscription_cycle created 5 paid 7 [2500 gold for prod_1 × 1 at 2500 sub_1 si_1 period 10…20 − 250 di_1 tax-inside 0] [2500 gold for prod_1 × 1 at 2500 sub_1 si_1 proration period 10…20 − 250 di_1 tax-inside 0] clock clock_1
    invoice in_1 Paid 4500 of 5000 usd by cus_1 for sub_1 balance 1000 discounted 500 subscription_cycle created 5 paid 7 [2500 gold for prod_1 × 1 at 2500 sub_1 si_1 period 10…20 − 250 di_1 tax-inside 0] [2500 gold for prod_1 × 1 at 2500 sub_1 si_1 proration period 10…20 − 250 di_1 tax-inside 0] clock clock_1
    ");
}

#[test]
fn three_flags_say_what_a_status_says() {
    for (paid, closed, forgiven, attempted, expected) in [
        (true, true, false, true, InvoiceStatus::Paid),
        (false, true, true, true, InvoiceStatus::Uncollectible),
        (false, true, false, true, InvoiceStatus::Uncollectible),
        (false, false, false, true, InvoiceStatus::Open),
        (false, false, false, false, InvoiceStatus::Draft),
    ] {
        let flags = json!({"paid": paid, "closed": closed, "forgiven": forgiven, "attempted": attempted, "date": 5});
        assert_eq!(invoice_of("invoice.updated", &with(flags, json!([]))).0.status, expected);
    }
    let draft = with(json!({"status": "draft", "created": 5}), json!([]));
    assert_eq!(invoice_of("invoice.deleted", &draft).0.status, InvoiceStatus::Deleted);
    let new = with(json!({"status": "in_2031", "created": 5}), json!([]));
    assert_eq!(invoice_of("invoice.updated", &new).0.status, InvoiceStatus::Other("in_2031".into()));
}

#[test]
fn lines_are_complete_only_if_all_are_there() {
    let line = json!({"amount": 1});
    for (lines, complete) in [
        (json!({"data": [line], "has_more": false}), true),
        (json!({"data": [line], "has_more": false, "total_count": 1}), true),
        (json!({"data": [line], "has_more": true}), false),
        (json!({"data": [line], "has_more": false, "total_count": 2}), false),
        (json!({"data": [line, {"amount": "?"}], "has_more": false}), false),
        (json!({"data": null}), false),
        (json!(null), false),
        (json!("x"), false),
    ] {
        let mut invoice = with(json!({"status": "open", "created": 5}), json!([]));
        invoice["lines"] = lines.clone();
        let event = json!({"id": "evt_1", "type": "invoice.updated", "created": 6, "data": {"object": invoice}});
        let Reading::Facts(facts) = read(event.to_string().as_bytes()).unwrap().reading else { panic!() };
        let State::Invoice(invoice) = &facts[0].state else { panic!() };
        assert_eq!(invoice.lines_complete, complete, "{lines}");
    }
}
