//! One subscription as each era of Stripe's API would send it, and what each era can't tell.

use mrrd::ledger::{fact::*, money::Decimal, time::UnixTime};
use serde_json::{Map, Value, json};

/// Versions after which a subscription looks different.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Era {
    /// 2016-07-06: one plan, no items, no `created`.
    Plan,
    /// 2018-02-28: items, tiers, products.
    Items,
    /// 2019-10-17: `start_date`, `cancel_at`, decimals.
    Dates,
    /// 2020-08-27: prices; tiers only when expanded.
    Prices,
    /// 2022-11-15: currency, cancellation details, test clocks.
    Details,
    /// 2024-06-20: lists of discounts beside the single one.
    Discounts,
    /// 2025-03-31.basil: discounts by id only, periods on items.
    Basil,
    /// 2025-09-30.clover: `source.coupon`; `customer_account`.
    Clover,
    /// 2026-03-25.dahlia: decimal quantities.
    Dahlia,
    /// 2026-09-30.endive: pauses with a reason, trials of items.
    Endive,
}

impl Era {
    pub(crate) const ALL: [Self; 10] = [
        Self::Plan,
        Self::Items,
        Self::Dates,
        Self::Prices,
        Self::Details,
        Self::Discounts,
        Self::Basil,
        Self::Clover,
        Self::Dahlia,
        Self::Endive,
    ];

    pub(crate) fn version(self) -> &'static str {
        match self {
            Self::Plan => "2016-07-06",
            Self::Items => "2018-02-28",
            Self::Dates => "2019-10-17",
            Self::Prices => "2020-08-27",
            Self::Details => "2022-11-15",
            Self::Discounts => "2024-06-20",
            Self::Basil => "2025-03-31.basil",
            Self::Clover => "2025-09-30.clover",
            Self::Dahlia => "2026-03-25.dahlia",
            Self::Endive => "2026-10-28.endive",
        }
    }
}

/// How ids are written: alone, or inside the expanded object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ids {
    Plain,
    Expanded,
}

/// When the last change was: the old field `start`.
pub(crate) const LAST_CHANGE: i64 = 1_750_000_000;

/// The subscription as `era` sends it in a webhook.
pub(crate) fn render(era: Era, ids: Ids, state: &SubscriptionState) -> Value {
    let id = |id: &str| match ids {
        Ids::Plain => json!(id),
        Ids::Expanded => json!({"id": id, "object": "whatever"}),
    };
    let mut sub = json!({
        "id": state.id.as_str(),
        "object": "subscription",
        "status": state.status,
        "cancel_at_period_end": state.cancel_at_period_end,
        "canceled_at": state.canceled_at,
        "ended_at": state.ended_at,
        "trial_start": state.trial_start,
        "trial_end": state.trial_end,
        "metadata": {"note": "a \"quoted\" \u{e9} \u{0} note"},
    });
    let mut put = |key: &str, value: Value| sub[key] = value;
    if era >= Era::Clover {
        put("customer", Value::Null);
        put("customer_account", id(state.customer.as_str()));
    } else {
        put("customer", id(state.customer.as_str()));
    }
    let period = state.period.unwrap();
    if era < Era::Basil {
        put("current_period_start", json!(period.start));
        put("current_period_end", json!(period.end));
    }
    let (first, several) = (&state.items[0], state.items.len() > 1);
    if era == Era::Plan {
        put("plan", plan(era, &first.price));
        put("quantity", whole(first.quantity));
        put("start", json!(LAST_CHANGE));
    } else {
        let items: Vec<Value> = state.items.iter().map(|state| item(era, state)).collect();
        put("items", json!({"object": "list", "data": items, "has_more": !state.items_complete, "url": "/v1/…"}));
        put("plan", if several { Value::Null } else { plan(era, &first.price) });
        put("quantity", if several { Value::Null } else { whole(first.quantity) });
        put("created", json!(state.created));
    }
    if era < Era::Dates {
        put("billing", json!("charge_automatically"));
    } else {
        put("collection_method", json!("charge_automatically"));
        put("start_date", json!(state.start_date));
        put("cancel_at", json!(state.cancel_at));
        put("latest_invoice", state.latest_invoice.as_ref().map_or(Value::Null, |invoice| id(invoice.as_str())));
    }
    if era < Era::Prices {
        let exclusive = state.tax_rates.first().filter(|rate| !rate.inclusive);
        put("tax_percent", exclusive.and_then(|rate| rate.percentage).map_or(Value::Null, number));
    } else {
        put("default_tax_rates", tax_rates(&state.tax_rates));
        put("pause_collection", json!(state.pause_collection));
        put("pending_update", if state.pending_update { json!({"expires_at": 1}) } else { Value::Null });
    }
    if era >= Era::Details {
        put("currency", json!(state.currency));
        put("test_clock", state.test_clock.as_ref().map_or(Value::Null, |clock| id(clock.as_str())));
        let reason = state.cancel_reason.as_ref().map(|reason| match reason {
            CancelReason::CancellationRequested => "cancellation_requested",
            CancelReason::PaymentFailed => "payment_failed",
            CancelReason::PaymentDisputed => "payment_disputed",
            CancelReason::RetentionPolicy => "canceled_by_retention_policy",
            CancelReason::Other(reason) => reason,
        });
        put(
            "cancellation_details",
            json!({"comment": "my name is Jo", "feedback": state.cancel_feedback, "reason": reason}),
        );
    }
    if era < Era::Basil {
        put("discount", state.discounts.first().map_or(Value::Null, |first| discount(era, first)));
    }
    if era >= Era::Discounts {
        put("discounts", discount_ids(&state.discounts));
    }
    if era >= Era::Endive {
        let paused = state
            .pause_reason
            .as_ref()
            .map(|reason| json!({"type": "subscription", "transitioned_at": 1, "subscription": {"type": reason}}));
        put("status_details", json!({"paused": paused}));
    }
    sub
}

/// What remains of `state` where `era` is all that tells it. Everything removed here is absent or unknown, never 0.
pub(crate) fn forget(era: Era, at: UnixTime, state: &SubscriptionState) -> SubscriptionState {
    let mut state = state.clone();
    if era == Era::Plan {
        state.items.truncate(1);
        state.items[0].id = state.id.as_str().into();
        state.items_complete = true;
        let seen = [Some(at), Some(UnixTime(LAST_CHANGE)), state.trial_start, state.period.map(|period| period.start)];
        state.created = seen.into_iter().flatten().min().unwrap();
        state.created_bound = true;
    }
    if era < Era::Dates {
        (state.start_date, state.cancel_at, state.latest_invoice) = (None, None, None);
    }
    if era < Era::Prices {
        (state.pause_collection, state.pending_update) = (None, false);
        state.tax_rates.truncate(1);
        state.tax_rates.retain(|rate| !rate.inclusive);
    }
    if era < Era::Details {
        (state.cancel_reason, state.cancel_feedback, state.test_clock) = (None, None, None);
    }
    if era < Era::Discounts {
        state.discounts.truncate(1);
    }
    let known = if era < Era::Basil { 1 } else { 0 };
    state.discounts.iter_mut().skip(known).for_each(only_the_id);
    if era < Era::Prices {
        state.discounts.iter_mut().for_each(|discount| discount.id = None);
    }
    if era < Era::Endive {
        state.pause_reason = None;
    }
    for item in &mut state.items {
        forget_item(era, item);
    }
    state
}

fn forget_item(era: Era, item: &mut ItemState) {
    let price = &mut item.price;
    if era == Era::Plan {
        (price.product, price.transform, price.usage, price.nickname) = (None, None, Usage::Licensed, None);
    }
    if era < Era::Prices {
        (price.lookup_key, price.tax_inclusive) = (None, false);
    }
    match &price.scheme {
        // Whole minor units only, and nothing but them.
        Scheme::PerUnit(amount) if era < Era::Dates && !is_whole(*amount) => price.scheme = Scheme::Unknown,
        // No tiers yet; or only when expanded.
        Scheme::Graduated(_) | Scheme::Volume(_) if era == Era::Plan || era >= Era::Prices => {
            price.scheme = Scheme::Unknown;
        }
        _ => {}
    }
    if era < Era::Dahlia {
        item.quantity = item.quantity.map(|quantity| Decimal::whole(truncated(quantity)));
    }
    if era < Era::Dates {
        item.tax_rates.clear();
    }
    if era >= Era::Discounts {
        item.discounts.iter_mut().for_each(only_the_id);
    } else {
        item.discounts.clear();
    }
    if era < Era::Endive {
        item.trial = None;
    }
}

fn only_the_id(discount: &mut DiscountState) {
    *discount = DiscountState {
        id: discount.id.take(),
        coupon: None,
        terms: None,
        start: None,
        end: None,
        customer: None,
        subscription: None,
        item: None,
    };
}

fn item(era: Era, state: &ItemState) -> Value {
    let mut item = json!({
        "id": state.id.as_str(),
        "object": "subscription_item",
        "plan": plan(era, &state.price),
        "metadata": {},
    });
    if era >= Era::Dates {
        item["tax_rates"] = tax_rates(&state.tax_rates);
    }
    if let Some(quantity) = state.quantity {
        item["quantity"] = json!(truncated(quantity));
        if era >= Era::Dahlia {
            item["quantity_decimal"] = json!(quantity.to_string());
        }
    }
    if era >= Era::Prices {
        item["price"] = price(&state.price);
    }
    if era >= Era::Discounts {
        item["discounts"] = discount_ids(&state.discounts);
    }
    if let Some(period) = state.period.filter(|_| era >= Era::Basil) {
        item["current_period_start"] = json!(period.start);
        item["current_period_end"] = json!(period.end);
    }
    if let Some(trial) = state.trial.filter(|_| era >= Era::Endive) {
        item["current_trial"] = json!({"start_date": trial.start, "end_date": trial.end, "trial_offer": null});
    }
    item
}

/// A plan, as it stands alone before prices and beside them since.
fn plan(era: Era, state: &Price) -> Value {
    let mut plan = json!({
        "id": state.id.as_str(),
        "object": "plan",
        "currency": state.currency,
        "interval": state.interval.map(|interval| interval.unit),
        "interval_count": state.interval.map(|interval| interval.count),
        "amount": whole_amount(&state.scheme),
    });
    if era == Era::Plan {
        plan["name"] = json!("A plan");
        return plan;
    }
    plan["product"] = json!(state.product.as_ref().map(|product| product.as_str()));
    plan["nickname"] = json!(state.nickname);
    plan["usage_type"] = json!(state.usage);
    plan["transform_usage"] = json!(state.transform);
    let (scheme, mode, list) = scheme_words(&state.scheme);
    plan["billing_scheme"] = json!(scheme);
    plan["tiers_mode"] = json!(mode);
    if era >= Era::Dates {
        plan["amount_decimal"] = decimal_amount(&state.scheme);
    }
    if era < Era::Prices {
        let amount = if era < Era::Dates { "amount" } else { "unit_amount" };
        plan["tiers"] = list.map_or(Value::Null, |tiers| self::tiers(amount, tiers));
    }
    plan
}

fn price(state: &Price) -> Value {
    let (scheme, mode, _) = scheme_words(&state.scheme);
    json!({
        "id": state.id.as_str(),
        "object": "price",
        "type": "recurring",
        "currency": state.currency,
        "product": state.product.as_ref().map(|product| product.as_str()),
        "nickname": state.nickname,
        "lookup_key": state.lookup_key,
        "billing_scheme": scheme,
        "tiers_mode": mode,
        "unit_amount": whole_amount(&state.scheme),
        "unit_amount_decimal": decimal_amount(&state.scheme),
        "recurring": {
            "interval": state.interval.map(|interval| interval.unit),
            "interval_count": state.interval.map(|interval| interval.count),
            "usage_type": state.usage,
        },
        "transform_quantity": state.transform,
        "tax_behavior": if state.tax_inclusive { "inclusive" } else { "unspecified" },
    })
}

fn scheme_words(scheme: &Scheme) -> (&'static str, Option<&'static str>, Option<&[Tier]>) {
    match scheme {
        Scheme::PerUnit(_) | Scheme::Unknown => ("per_unit", None, None),
        Scheme::Graduated(tiers) => ("tiered", Some("graduated"), Some(tiers)),
        Scheme::Volume(tiers) => ("tiered", Some("volume"), Some(tiers)),
    }
}

fn tiers(amount: &str, tiers: &[Tier]) -> Value {
    let tiers = tiers.iter().map(|tier| {
        let mut value = Map::new();
        value.insert("up_to".into(), tier.up_to.map_or(Value::Null, |up_to| json!(truncated(up_to))));
        value.insert(amount.into(), json!(truncated(tier.unit_amount)));
        value.insert("flat_amount".into(), json!(truncated(tier.flat_amount)));
        Value::Object(value)
    });
    tiers.collect()
}

/// A discount in full, with its coupon inlined.
pub(crate) fn discount(era: Era, state: &DiscountState) -> Value {
    let mut discount = json!({
        "object": "discount",
        "start": state.start,
        "end": state.end,
        "customer": state.customer.as_ref().map(|customer| customer.as_str()),
        "subscription": state.subscription.as_ref().map(|subscription| subscription.as_str()),
    });
    if era >= Era::Prices {
        discount["id"] = json!(state.id.as_ref().map(|id| id.as_str()));
    }
    let terms = state.terms.as_ref().unwrap();
    let mut coupon = json!({
        "id": terms.id.as_str(),
        "object": "coupon",
        "duration": terms.duration,
        "duration_in_months": terms.months,
    });
    match terms.off.unwrap() {
        Off::Percent(percent) if era < Era::Dates => {
            // Before 2018-07-27 the plain field was rounded.
            coupon["percent_off"] = json!(truncated(percent));
            coupon["percent_off_precise"] = number(percent);
        }
        Off::Percent(percent) => coupon["percent_off"] = number(percent),
        Off::Amount(amount, currency) => {
            coupon["amount_off"] = json!(truncated(amount));
            coupon["currency"] = json!(currency);
        }
    }
    if era >= Era::Clover {
        discount["source"] = json!({"type": "coupon", "coupon": coupon});
    } else {
        discount["coupon"] = coupon;
    }
    discount
}

fn discount_ids(discounts: &[DiscountState]) -> Value {
    discounts.iter().map(|discount| json!(discount.id.as_ref().unwrap().as_str())).collect()
}

fn tax_rates(rates: &[TaxRate]) -> Value {
    rates
        .iter()
        .map(|rate| json!({"object": "tax_rate", "percentage": rate.percentage.map(number), "inclusive": rate.inclusive}))
        .collect()
}

/// As a JSON number, exactly.
fn number(decimal: Decimal) -> Value {
    serde_json::from_str(&decimal.to_string()).unwrap()
}

fn truncated(decimal: Decimal) -> i64 {
    i64::try_from(decimal.units() / Decimal::ONE_UNITS).unwrap()
}

fn is_whole(decimal: Decimal) -> bool {
    decimal.units() % Decimal::ONE_UNITS == 0
}

fn whole(quantity: Option<Decimal>) -> Value {
    quantity.map_or(Value::Null, |quantity| json!(truncated(quantity)))
}

fn whole_amount(scheme: &Scheme) -> Value {
    match scheme {
        Scheme::PerUnit(amount) if is_whole(*amount) => json!(truncated(*amount)),
        _ => Value::Null,
    }
}

fn decimal_amount(scheme: &Scheme) -> Value {
    match scheme {
        Scheme::PerUnit(amount) => json!(amount.to_string()),
        _ => Value::Null,
    }
}

/// What Stripe would put into `previous_attributes`: changed keys with their old values, arrays whole, null for a key
/// that was not there.
pub(crate) fn previous_attributes(before: &Value, after: &Value) -> Value {
    let (Value::Object(before), Value::Object(after)) = (before, after) else { return before.clone() };
    let mut previous = Map::new();
    for key in before.keys().chain(after.keys()) {
        let (old, new) = (before.get(key).unwrap_or(&Value::Null), after.get(key).unwrap_or(&Value::Null));
        if old == new {
            continue;
        }
        let both_objects = old.is_object() && new.is_object();
        previous.insert(key.clone(), if both_objects { previous_attributes(old, new) } else { old.clone() });
    }
    Value::Object(previous)
}
