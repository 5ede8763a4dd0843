//! An answer of the API as an assistant is to read it: each amount once, exact, in units with its currency; no bare number; strangers'
//! text short, and without what would steer a terminal.

use serde_json::{Map, Value};

use super::sided::{Sided, sided};
use crate::{
    ledger::{
        money::Currency,
        units::{Places, major},
    },
    report::{cells::COUNTED_LINES, table::steers},
};

/// The longest text that isn't a rule's or a step's.
const TEXT_CHARACTERS: usize = 300;
/// The longest of those.
const OUR_TEXT_CHARACTERS: usize = 20_000;

/// The whole answer.
pub(super) fn written(answer: &Value) -> Value {
    value("", answer, None)
}

fn value(name: &str, given: &Value, currency: Option<Currency>) -> Value {
    match given {
        Value::Object(fields) if is_figure(fields) => figure(name, fields, currency),
        Value::Object(fields) => object(fields, currency),
        Value::Array(all) => all.iter().map(|one| value(name, one, currency)).collect(),
        Value::Number(number) => number.to_string().into(),
        Value::String(text) => short(name, text).into(),
        Value::Null | Value::Bool(_) => given.clone(),
    }
}

fn object(fields: &Map<String, Value>, around: Option<Currency>) -> Value {
    let currency = fields.get("currency").and_then(Value::as_str).and_then(|code| code.parse().ok()).or(around);
    let counts = fields.get("line").and_then(Value::as_str).is_some_and(|line| COUNTED_LINES.contains(&line));
    let mut written = Map::new();
    for (name, field) in fields {
        if fields.contains_key(&format!("{name}_exact")) {
            // Its exact twin stands for it.
            continue;
        }
        match (name.strip_suffix("_exact"), field) {
            (Some(short), Value::String(exact)) if counts => written.insert(short.into(), exact.as_str().into()),
            (Some(short), Value::String(exact)) => written.insert(short.into(), amount(exact, currency).into()),
            (Some(short), _) => written.insert(short.into(), value(short, field, currency)),
            (None, _) => written.insert(name.clone(), value(name, field, currency)),
        };
    }
    Value::Object(written)
}

/// A figure with what it was made of.
fn is_figure(fields: &Map<String, Value>) -> bool {
    ["value", "numerator", "denominator"].iter().all(|name| fields.contains_key(*name))
}

fn figure(name: &str, fields: &Map<String, Value>, currency: Option<Currency>) -> Value {
    let of_money: &[&str] = match sided(name) {
        Some(Sided::Money) => &["value", "numerator"],
        Some(Sided::OfMoney) => &["numerator", "denominator"],
        Some(Sided::OfNumbers) => &[],
        // What nobody has said the sides of is told by nothing but its reason.
        None => return Value::Object(fields.iter().filter(|(name, _)| *name == "reason").map(owned).collect()),
    };
    let told = |(side, field): (&String, &Value)| match field {
        Value::String(text) if !text.is_empty() && of_money.contains(&side.as_str()) => {
            (side.clone(), amount(text, currency).into())
        }
        _ => (side.clone(), value(side, field, currency)),
    };
    Value::Object(fields.iter().map(told).collect())
}

fn owned((name, field): (&String, &Value)) -> (String, Value) {
    (name.clone(), field.clone())
}

/// `1234.56 USD`, all that the ledger knows of it. What is no decimal, or has no currency, stays in minor units and says so.
fn amount(minor: &str, currency: Option<Currency>) -> String {
    // Of what has no end the ledger shows six places.
    let (digits, more) = minor.strip_suffix('…').map_or((minor, ""), |digits| (digits, "…"));
    let code = currency.map(|currency| currency.to_string().to_uppercase());
    match (currency.and_then(|currency| major(digits, currency, Places::All)), code) {
        (Some(units), Some(code)) => format!("{units}{more} {code}"),
        (_, Some(code)) => format!("{minor} minor units of {code}"),
        (_, None) => format!("{minor} minor units of an unknown currency"),
    }
}

fn short(name: &str, text: &str) -> String {
    if name.ends_with("next_cursor") {
        return text.to_owned();
    }
    let most = if name == "text" { OUR_TEXT_CHARACTERS } else { TEXT_CHARACTERS };
    let mut shown: String = text.chars().filter(|c| !steers(*c)).take(most).collect();
    if text.chars().filter(|c| !steers(*c)).nth(most).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_amount_is_told_once_exactly_and_with_its_currency() {
        let answer = json!({"currency": null, "data": [
            {"currency": "usd", "closing": 833, "closing_exact": "833.333333", "customers": 41, "at_risk_exact": "0",
             "parts": [{"amount": -1, "amount_exact": "-1"}]},
            {"currency": "jpy", "closing": 5, "closing_exact": "5", "partial": true, "none_exact": null}]});
        assert_eq!(
            written(&answer),
            json!({"currency": null, "data": [
                {"currency": "usd", "closing": "8.33333333 USD", "customers": "41", "at_risk": "0.00 USD",
                 "parts": [{"amount": "-0.01 USD"}]},
                {"currency": "jpy", "closing": "5 JPY", "partial": true, "none": null}]})
        );
    }

    #[test]
    fn a_figure_says_money_where_it_is() {
        let made = |value: &str, numerator: &str, denominator: &str| json!({"value": value, "numerator": numerator, "denominator": denominator, "reason": null});
        let answer = json!({"currency": "usd", "arpa": made("1750", "3500", "2"), "nrr": made("1.1667", "3500", "3000"),
            "customer_churn": made("0.5", "1", "2"), "ltv": made("7", "3500.333333…", "1/2"), "unheard_of": made("1", "2", "3")});
        let told = written(&answer);
        assert_eq!(told["arpa"], made("17.50 USD", "35.00 USD", "2"));
        assert_eq!(told["nrr"], made("1.1667", "35.00 USD", "30.00 USD"));
        assert_eq!(told["customer_churn"], made("0.5", "1", "2"));
        assert_eq!(told["ltv"]["numerator"], "35.00333333… USD");
        assert_eq!(told["unheard_of"], json!({"reason": null}));
    }

    #[test]
    fn what_cannot_be_in_units_says_so() {
        assert_eq!(amount("1/7", "usd".parse().ok()), "1/7 minor units of USD");
        assert_eq!(amount("100", None), "100 minor units of an unknown currency");
        let counts = json!({"currency": "usd", "line": "customers", "amount": 2, "amount_exact": "2"});
        assert_eq!(written(&counts)["amount"], "2");
    }

    #[test]
    fn strangers_text_is_short_and_steers_nothing() {
        let name = format!("Ada\u{1b}[31m{}", "x".repeat(1000));
        let told = written(&json!({"name": name, "next_cursor": "c".repeat(1000)}));
        let shown = told["name"].as_str().unwrap();
        assert!(shown.starts_with("Ada[31mxx") && shown.ends_with('…'), "{shown}");
        assert_eq!(shown.chars().count(), TEXT_CHARACTERS + 1);
        assert_eq!(told["next_cursor"].as_str().unwrap().len(), 1000);
    }
}
