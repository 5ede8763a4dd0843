//! What Stripe's published description of its API (version 2026-09-30.endive) lets a request ask: routes, parameters, and
//! what may be expanded. The stand-in refuses the rest as Stripe does, and shows of an object only what was asked for.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

/// Versions a request may name, of those that mrrd was ever built against.
const VERSIONS: [&str; 2] = ["2026-09-30.endive", "2026-10-28.endive"];

/// No expansion goes deeper.
const DEPTH: usize = 4;

/// A refusal: its status, and the answer's `error`.
pub(super) type Refusal = (u16, Value);

/// What one route answers with, and what it may be asked.
struct Route {
    object: &'static str,
    list: bool,
    parameters: &'static [&'static str],
    required: &'static [&'static str],
}

fn route(path: &str) -> Option<Route> {
    let of = |object, list, parameters| Some(Route { object, list, parameters, required: &[] });
    let segments: Vec<&str> = path.split('/').collect();
    match segments.as_slice() {
        ["events"] => of("event", true, &["created", "delivery_success", "type", "types"]),
        ["coupons"] => of("coupon", true, &["created"]),
        ["products"] => of("product", true, &["active", "created", "ids", "shippable", "type", "url"]),
        ["prices"] => {
            of("price", true, &["active", "created", "currency", "lookup_keys", "product", "recurring", "type"])
        }
        ["customers"] => of("customer", true, &["created", "email", "test_clock"]),
        ["subscriptions"] => of(
            "subscription",
            true,
            &[
                "automatic_tax",
                "collection_method",
                "created",
                "current_period_end",
                "current_period_start",
                "customer",
                "customer_account",
                "plan",
                "price",
                "status",
                "test_clock",
            ],
        ),
        ["subscription_items"] => Some(Route {
            object: "subscription_item",
            list: true,
            parameters: &["subscription"],
            required: &["subscription"],
        }),
        ["invoices"] => of(
            "invoice",
            true,
            &["collection_method", "created", "customer", "customer_account", "due_date", "status", "subscription"],
        ),
        ["invoices", _, "lines"] => of("line_item", true, &[]),
        [list, id] if !id.is_empty() => match *list {
            "events" => of("event", false, &[]),
            "coupons" => of("coupon", false, &[]),
            "products" => of("product", false, &[]),
            "prices" => of("price", false, &[]),
            "customers" => of("customer", false, &[]),
            "subscriptions" => of("subscription", false, &[]),
            "invoices" => of("invoice", false, &[]),
            "webhook_endpoints" => of("webhook_endpoint", false, &[]),
            _ => None,
        },
        ["webhook_endpoints"] => of("webhook_endpoint", true, &[]),
        _ => None,
    }
}

/// How a field of an object is shown.
#[derive(Clone, Copy, PartialEq)]
enum Field {
    /// As an id, or whole when it is asked for.
    Reference(&'static str),
    /// Only when it is asked for.
    Included,
    /// Always whole; what is in it may be expanded.
    Within(&'static str),
    /// A list object, whose elements are in its `data`.
    List(&'static str),
}

fn field(object: &str, name: &str) -> Option<Field> {
    use Field::{Included, List, Reference, Within};
    Some(match (object, name) {
        ("subscription" | "subscription_item" | "invoice" | "line_item", "discounts") => Reference("discount"),
        ("subscription" | "invoice" | "discount", "customer") => Reference("customer"),
        ("subscription", "items") => List("subscription_item"),
        ("subscription", "latest_invoice") => Reference("invoice"),
        ("subscription", "schedule" | "default_payment_method" | "pending_setup_intent" | "test_clock") => {
            Reference("other")
        }
        ("subscription_item", "price") => Within("price"),
        ("discount", "promotion_code") => Reference("other"),
        ("discount", "source") => Within("discount_source"),
        ("discount_source", "coupon") => Reference("coupon"),
        ("coupon", "applies_to" | "currency_options") | ("price", "tiers" | "currency_options") => Included,
        ("price", "product") => Reference("product"),
        ("product", "default_price") => Reference("price"),
        ("product", "tax_code") => Reference("other"),
        ("customer", "subscriptions" | "tax_ids" | "sources") => Included,
        ("customer", "default_source" | "test_clock") => Reference("other"),
        ("invoice", "lines") => List("line_item"),
        ("invoice" | "line_item", "total_discount_amounts" | "discount_amounts") => Within("discount_amount"),
        ("invoice", "payments" | "confirmation_secret") => Included,
        ("invoice", "test_clock" | "latest_revision" | "default_payment_method") => Reference("other"),
        ("discount_amount", "discount") => Reference("discount"),
        _ => return None,
    })
}

/// Whether `path` may stand in `expand` of an answer about `object`.
fn expandable(object: &str, path: &[&str]) -> bool {
    let Some((name, rest)) = path.split_first() else { return false };
    match field(object, name) {
        None => false,
        Some(Field::Included) => rest.is_empty(),
        Some(Field::Reference(child)) => rest.is_empty() || expandable(child, rest),
        Some(Field::Within(child)) => expandable(child, rest),
        Some(Field::List(child)) => rest.first() == Some(&"data") && expandable(child, &rest[1..]),
    }
}

/// A request as Stripe reads it.
#[derive(Debug)]
pub(super) struct Asked {
    object: &'static str,
    /// Without the `data` of a list.
    expand: BTreeSet<String>,
    /// Every parameter but `expand`.
    pub(super) parameters: BTreeMap<String, String>,
}

fn invalid(code: &str, param: &str, message: &str) -> Refusal {
    (400, json!({"type": "invalid_request_error", "code": code, "param": param, "message": message}))
}

/// Reads a request, or refuses it as Stripe does.
pub(super) fn read(path: &str, query: &str, version: Option<&str>) -> Result<Asked, Refusal> {
    if !version.is_some_and(|version| VERSIONS.contains(&version)) {
        return Err((400, json!({"type": "invalid_request_error", "message": "Invalid Stripe API version"})));
    }
    let Some(route) = route(path) else {
        return Err((404, json!({"type": "invalid_request_error", "message": "Unrecognized request URL"})));
    };
    let mut asked = Asked { object: route.object, expand: BTreeSet::new(), parameters: BTreeMap::new() };
    for pair in query.split('&').filter(|_| !query.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decoded(name), decoded(value));
        let base = name.split('[').next().unwrap_or_default();
        let paging = route.list && matches!(base, "limit" | "starting_after" | "ending_before");
        if base != "expand" && !paging && !route.parameters.contains(&base) {
            return Err(invalid("parameter_unknown", &name, "Received unknown parameter"));
        }
        if value.is_empty() {
            return Err(invalid("parameter_invalid_empty", &name, "You passed an empty string"));
        }
        match base {
            "expand" => {
                let full: Vec<&str> = value.split('.').collect();
                let within = if route.list { full.strip_prefix(&["data"]) } else { Some(&*full) };
                if full.len() > DEPTH {
                    return Err(invalid("", &name, "You cannot expand more than 4 levels of a property"));
                }
                let Some(within) = within.filter(|within| expandable(route.object, within)) else {
                    return Err(invalid("", &name, "This property cannot be expanded"));
                };
                asked.expand.insert(within.join("."));
                continue;
            }
            "limit" if !value.parse().is_ok_and(|limit: u32| (1..=100).contains(&limit)) => {
                return Err(invalid("parameter_invalid_integer", "limit", "It must be from 1 to 100"));
            }
            "created" if value.parse::<i64>().is_err() => {
                return Err(invalid("parameter_invalid_integer", &name, "Invalid integer"));
            }
            "status" if route.object == "subscription" => {
                let known = [
                    "active",
                    "all",
                    "canceled",
                    "ended",
                    "incomplete",
                    "incomplete_expired",
                    "past_due",
                    "paused",
                    "trialing",
                    "unpaid",
                ];
                if !known.contains(&&*value) {
                    return Err(invalid("", "status", "Invalid status"));
                }
            }
            _ => {}
        }
        if asked.parameters.insert(name.clone(), value).is_some() {
            return Err(invalid("", &name, "It was given twice"));
        }
    }
    match route.required.iter().find(|name| !asked.parameters.contains_key(**name)) {
        Some(name) => Err(invalid("parameter_missing", name, "Missing required param")),
        None => Ok(asked),
    }
}

/// One month of MRR by customer, as the Metrics API is asked for it.
#[derive(Debug)]
pub(super) struct MetricAsked {
    /// `2026-01`
    pub(super) month: String,
    /// The end of its last day, as a row is stamped.
    pub(super) end: String,
    pub(super) currency: String,
}

/// Reads a question to the Metrics API (`v2.data.analytics.metric_query`), or refuses it as Stripe does: unknown parameters,
/// more than one dimension, a range that isn't one whole month where the test knows only months.
pub(super) fn metric(body: &[u8], version: Option<&str>) -> Result<MetricAsked, Refusal> {
    const KNOWN: [&str; 10] = [
        "currency",
        "ends_at",
        "filters",
        "granularity",
        "group_by",
        "limit",
        "metrics",
        "page",
        "starts_at",
        "timezone",
    ];
    if !version.is_some_and(|version| version.ends_with(".preview")) {
        return Err((400, json!({"type": "invalid_request_error", "message": "Invalid Stripe API version"})));
    }
    let asked: Value = serde_json::from_slice(body).map_err(|_| invalid("", "", "Invalid JSON"))?;
    let fields = asked.as_object().ok_or_else(|| invalid("", "", "Invalid JSON"))?;
    if let Some(name) = fields.keys().find(|name| !KNOWN.contains(&name.as_str())) {
        return Err(invalid("parameter_unknown", name, "Received unknown parameter"));
    }
    for name in ["metrics", "starts_at", "ends_at", "granularity"] {
        if !fields.contains_key(name) {
            return Err(invalid("parameter_missing", name, "Missing required param"));
        }
    }
    if asked["metrics"] != json!([{"name": "revenue.mrr"}]) {
        return Err(invalid("", "metrics", "No such metric"));
    }
    if asked["group_by"] != json!(["customer"]) || asked["granularity"] != "month" {
        return Err(invalid("", "group_by", "Unsupported dimension"));
    }
    let zone = jiff::tz::TimeZone::get(asked["timezone"].as_str().unwrap_or("UTC"))
        .map_err(|_| invalid("", "timezone", "No such zone"))?;
    let at = |name: &str| {
        let text = asked[name].as_str().unwrap_or_default();
        let instant = text.parse::<jiff::Timestamp>().map_err(|_| invalid("", name, "Invalid timestamp"))?;
        Ok(instant.to_zoned(zone.clone()).date())
    };
    let (first, last) = (at("starts_at")?, at("ends_at")?);
    if first != first.first_of_month() || last != first.last_of_month() {
        return Err(invalid("", "starts_at", "Not a whole month"));
    }
    let end = last.to_zoned(zone).unwrap().timestamp().to_string();
    let currency = asked["currency"].as_str().unwrap_or("usd").to_owned();
    Ok(MetricAsked { month: first.strftime("%Y-%m").to_string(), end, currency })
}

impl Asked {
    /// The object's text as this request is shown it: untouched, unless it holds what wasn't asked for.
    pub(super) fn shown(&self, text: &str) -> String {
        if self.object == "event" {
            return text.to_owned();
        }
        let whole: Value = serde_json::from_str(text).unwrap();
        let mut shown = whole.clone();
        self.hide(self.object, "", &mut shown);
        if shown == whole { text.to_owned() } else { shown.to_string() }
    }

    fn hide(&self, object: &str, above: &str, value: &mut Value) {
        if let Value::Array(all) = value {
            return all.iter_mut().for_each(|one| self.hide(object, above, one));
        }
        let Value::Object(fields) = value else { return };
        let mut left_out = Vec::new();
        for (name, value) in fields.iter_mut() {
            let path = if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
            let asked = self.expand.iter().any(|one| *one == path || one.starts_with(&format!("{path}.")));
            match field(object, name) {
                None => {}
                Some(Field::Within(child)) => self.hide(child, &path, value),
                Some(Field::List(child)) => self.hide(child, &format!("{path}.data"), &mut value["data"]),
                Some(Field::Included) if asked => {}
                Some(Field::Included) => left_out.push(name.clone()),
                Some(Field::Reference(child)) if asked => self.hide(child, &path, value),
                Some(Field::Reference(_)) => collapse(value),
            }
        }
        left_out.iter().for_each(|name| drop(fields.remove(name)));
    }
}

/// An object becomes its id.
fn collapse(value: &mut Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(collapse),
        Value::Object(object) => *value = object.get("id").cloned().unwrap_or(Value::Null),
        _ => {}
    }
}

/// Percent-decoded.
pub(super) fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let code = rest.get(..2).and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        match (byte, code) {
            (b'%', Some(code)) => {
                bytes.push(code);
                rest = &rest[2..];
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn it_refuses_what_stripe_refuses() {
    let ask = |path: &str, query: &str| {
        read(path, query, Some("2026-09-30.endive")).map_err(|(status, error)| (status, error["code"].clone()))
    };
    assert!(ask("prices/price_1", "expand[0]=tiers&expand[1]=currency_options").is_ok());
    assert!(ask("subscriptions", "limit=100&status=all&expand[]=data.discounts.source.coupon").is_ok());
    for (path, query, code) in [
        ("prices/price_1", "limit&expand[0]=tiers", "parameter_unknown"),
        ("prices", "limit=", "parameter_invalid_empty"),
        ("prices", "limit=101", "parameter_invalid_integer"),
        ("prices", "limit=0", "parameter_invalid_integer"),
        ("prices", "status=all", "parameter_unknown"),
        ("prices", "expand[]=tiers", ""),
        ("coupons/C", "expand[]=discounts", ""),
        ("subscriptions/sub_1", "expand[]=items.data.discounts.source.coupon", ""),
        ("subscription_items", "limit=3", "parameter_missing"),
    ] {
        assert_eq!(ask(path, query).unwrap_err(), (400, code.into()), "{path}?{query}");
    }
    assert_eq!(ask("discounts/di_1", "").unwrap_err().0, 404);
    assert_eq!(read("events", "", Some("2026-13-01")).unwrap_err().0, 400);
    let asked = ask("subscriptions/sub_1", "expand[]=discounts").unwrap();
    let text = json!({"discounts": [{"id": "di_1", "source": {"coupon": {"id": "C", "applies_to": {}}}}], "customer": "cus_1",
        "items": {"data": [{"discounts": [{"id": "di_2"}], "price": {"id": "p", "tiers": []}}]}});
    let shown: Value = serde_json::from_str(&asked.shown(&text.to_string())).unwrap();
    assert_eq!(
        shown,
        json!({"discounts": [{"id": "di_1", "source": {"coupon": "C"}}], "customer": "cus_1",
            "items": {"data": [{"discounts": ["di_2"], "price": {"id": "p"}}]}})
    );
}
