//! One call of a tool: its arguments become questions to the API's routes, their answers one answer, with what it can be checked by.

use std::collections::{BTreeMap, BTreeSet};

use axum::{Router, body::Body};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use rmcp::model::JsonObject;
use serde_json::{Map, Value, json};
use tower::ServiceExt as _;

use super::{
    tools::{LEDGER, LIMIT, LIMIT_MAX, Part, Tool, Traced, Trim, When},
    written::written,
};
use crate::{
    api::{self, state::AppState},
    ledger::time::Day,
    report::month::Month,
    rules,
};

/// The most customers and events that an answer names.
const TRACED: usize = 200;
/// The longest beginning of a rule's text.
const SAYS_CHARACTERS: usize = 600;

/// What tools ask, and what they say of where an answer comes from.
#[derive(Debug)]
pub(super) struct Asking {
    routes: Router,
    profile: String,
    /// Where people reach the dashboard, as configured.
    url: Option<String>,
    /// The same where nothing is configured and nothing is known of the request.
    dashboard: String,
}

/// The arguments of a call, as texts.
type Given = BTreeMap<String, String>;

impl Asking {
    pub(super) fn new(state: &AppState, dashboard: String) -> Self {
        let profile = state.config.ledger.profiles.first().map(|profile| profile.name.to_string());
        Self {
            routes: api::answering(state.clone()),
            profile: profile.unwrap_or_default(),
            url: state.config.alerts.url.clone(),
            dashboard,
        }
    }

    /// A tool's answer; errors say what is wrong with the question, or why there is no answer.
    pub(super) async fn answer(
        &self,
        tool: &Tool,
        arguments: &JsonObject,
        reached: Option<&str>,
    ) -> Result<Value, String> {
        let given = read(tool, arguments)?;
        let mut whose = Whose::default();
        let mut answer = Map::new();
        answer.insert("profile".into(), given.get("profile").unwrap_or(&self.profile).as_str().into());
        answer.insert("definition".into(), tool.rules.iter().map(|name| definition(name)).collect());
        answer.insert("link".into(), self.link(tool, &given, reached).into());
        for part in tool.parts.iter().filter(|part| part.is_asked(&given)) {
            let mut told = self.get(&part.address(&given)).await?;
            part.trim.of(&mut told);
            if tool.traced == Traced::Within {
                whose.found(&told);
            }
            answer.insert(part.name.into(), written(&told));
        }
        if tool.traced != Traced::Within {
            whose.found(&self.get(&behind(tool, &given)?).await?);
        }
        answer.insert("traced_to".into(), whose.told());
        Ok(Value::Object(answer))
    }

    /// The answer of one route.
    async fn get(&self, address: &str) -> Result<Value, String> {
        let request = Request::get(address).body(Body::empty());
        let request = request.map_err(|error| format!("the question can't be asked: {error}"))?;
        // A router refuses nothing itself: whatever is wrong is an answer.
        let Ok(response) = self.routes.clone().oneshot(request).await;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|_| "the answer broke off: ask again".to_owned())?;
        let answer: Value = serde_json::from_slice(&body.to_bytes())
            .map_err(|_| "the answer broke off, or was too large: ask for less".to_owned())?;
        if status == StatusCode::OK {
            return Ok(answer);
        }
        let (title, detail) = (answer["title"].as_str().unwrap_or("refused"), answer["detail"].as_str());
        Err(format!("{title}: {}", detail.unwrap_or(status.as_str())))
    }

    fn link(&self, tool: &Tool, given: &Given, reached: Option<&str>) -> String {
        let base = self.url.as_deref().or(reached).unwrap_or(&self.dashboard).trim_end_matches('/');
        let id = given.get("id").map(|id| encoded(id)).unwrap_or_default();
        let page = tool.page.replace("{id}", &id);
        // The dashboard's word for it.
        let word = |name: &str| if name == "as_known_at" { "asof".to_owned() } else { name.to_owned() };
        let aside = ["id", "limit", "cursor", "explain", "comments", "name", "order"];
        let chosen: Vec<String> = given
            .iter()
            .filter(|(name, _)| !aside.contains(&name.as_str()))
            .map(|(name, value)| format!("{}={}", word(name), encoded(value)))
            .collect();
        let query = if chosen.is_empty() { String::new() } else { format!("?{}", chosen.join("&")) };
        format!("{base}{}{query}", if page.len() > 1 { page.trim_end_matches('/') } else { &page })
    }
}

/// The arguments as texts: those that the tool takes, and no other.
fn read(tool: &Tool, arguments: &JsonObject) -> Result<Given, String> {
    let taken = tool.arguments();
    let mut given = Given::new();
    for (name, value) in arguments {
        if !taken.contains(&name.as_str()) {
            return Err(format!("{} takes no {name}: it takes {}", tool.name, taken.join(", ")));
        }
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            Value::Array(_) | Value::Object(_) => return Err(format!("{name}: give a text, a number, true or false")),
        };
        if !text.is_empty() {
            given.insert(name.clone(), text);
        }
    }
    if let Some(limit) = given.get("limit")
        && !limit.parse().is_ok_and(|limit| (1..=LIMIT_MAX).contains(&limit))
    {
        return Err(format!("limit: {limit:?} is not a number from 1 to {LIMIT_MAX}"));
    }
    let in_path = |part: &&Part| part.is_asked(&given) && part.route.contains("{id}");
    if tool.parts.iter().any(|part| in_path(&part)) && !given.contains_key("id") {
        return Err("id: it is missing".into());
    }
    Ok(given)
}

impl Part {
    fn is_asked(&self, given: &Given) -> bool {
        let has = |name| given.get(name).is_some_and(|value| value != "false");
        match self.when {
            When::Always => true,
            When::With(name) => has(name),
            When::Without(name) => !has(name),
        }
    }

    /// The route with everything given that goes with it.
    fn address(&self, given: &Given) -> String {
        let mut path = self.route.to_owned();
        let mut query: Vec<String> = self.fixed.iter().map(|(name, value)| format!("{name}={value}")).collect();
        for name in self.arguments() {
            let place = format!("{{{name}}}");
            match given.get(name) {
                Some(value) if path.contains(&place) => path = path.replace(&place, &encoded(value)),
                Some(value) => query.push(format!("{name}={}", encoded(value))),
                None if name == "limit" => query.push(format!("limit={LIMIT}")),
                None => {}
            }
        }
        format!("{path}?{}", query.join("&"))
    }
}

impl Trim {
    fn of(self, told: &mut Value) {
        match self {
            Self::Nothing => {}
            Self::Field(name) => {
                let entries = told["data"].as_array_mut().map(Vec::as_mut_slice).unwrap_or_default();
                let without = |one: &mut Value| one.as_object_mut().and_then(|fields| fields.remove(name));
                entries.iter_mut().for_each(|one| drop(without(one)));
                without(told);
            }
            Self::ToLosses => {
                let Some(entries) = told["data"].as_array_mut() else { return };
                let lost = |one: &Value, line: &str| one[line].as_str().is_some_and(|amount| amount != "0");
                entries.retain(|one| lost(one, "churn_exact") || lost(one, "contraction_exact"));
                let kept =
                    ["start", "end", "currency", "converted", "group", "churn_exact", "contraction_exact", "partial"];
                let fields = entries.iter_mut().filter_map(Value::as_object_mut);
                fields.for_each(|fields| fields.retain(|name, _| kept.contains(&name.as_str())));
            }
        }
    }
}

/// The movements that made a figure, the latest first.
fn behind(tool: &Tool, given: &Given) -> Result<String, String> {
    let day = |name: &str| {
        let text = given.get(name);
        text.map(|text| text.parse::<Day>().map_err(|_| format!("{name}: {text:?} is not a day"))).transpose()
    };
    let (from, to, kind) = match tool.traced {
        Traced::ByFirstMovements => {
            let (from, to) = (day("from")?, day("to")?);
            (from.map(|day| Month::of(day).first()), to.map(|day| Month::of(day).last()), Some("new"))
        }
        Traced::ByMovements | Traced::Within => (day("from")?, day("to")?, None),
    };
    let mut query = vec![format!("order=desc&limit={TRACED}")];
    query.extend(from.map(|day| format!("from={day}")));
    query.extend(to.map(|day| format!("to={day}")));
    query.extend(kind.map(|kind| format!("kind={kind}")));
    let ledger = LEDGER.iter().filter_map(|name| given.get(*name).map(|value| format!("{name}={}", encoded(value))));
    query.extend(ledger);
    Ok(format!("/api/v1/movements?{}", query.join("&")))
}

/// A rule's name, and how its text begins.
fn definition(name: &str) -> Value {
    let text = rules::named(name).map(|rule| rule.text).unwrap_or_default();
    let first = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = first.split_whitespace().collect();
    let mut says: String = words.join(" ").chars().take(SAYS_CHARACTERS).collect();
    if says.len() < text.len() {
        says.push_str(" …");
    }
    json!({"rule": name, "says": says})
}

/// The customers and events behind an answer.
#[derive(Default)]
struct Whose {
    customers: BTreeSet<String>,
    events: BTreeSet<String>,
    more: bool,
}

impl Whose {
    /// Takes those that an answer names.
    fn found(&mut self, told: &Value) {
        match told {
            Value::Array(all) => all.iter().for_each(|one| self.found(one)),
            Value::Object(fields) => {
                for (name, field) in fields {
                    match (name.as_str(), field) {
                        ("customer", Value::String(id)) => drop(self.customers.insert(id.clone())),
                        ("event", Value::String(id)) => drop(self.events.insert(id.clone())),
                        ("id", Value::String(id)) if id.starts_with("cus_") => drop(self.customers.insert(id.clone())),
                        ("id", Value::String(id)) if id.starts_with("evt_") => drop(self.events.insert(id.clone())),
                        ("events", Value::Array(ids)) if ids.iter().all(Value::is_string) => {
                            self.events.extend(ids.iter().filter_map(Value::as_str).map(str::to_owned));
                        }
                        (name, Value::String(_)) if name.ends_with("next_cursor") => self.more = true,
                        _ => self.found(field),
                    }
                }
            }
            _ => {}
        }
    }

    fn told(self) -> Value {
        let complete = !self.more && self.customers.len() <= TRACED && self.events.len() <= TRACED;
        let some = |ids: BTreeSet<String>| ids.into_iter().take(TRACED).collect::<Vec<_>>();
        json!({
            "customers": some(self.customers),
            "events": some(self.events),
            "complete": complete,
            "rest": if complete { Value::Null } else { "ask movements for fewer days, or page by page".into() },
        })
    }
}

/// Percent-encoded, but for what an address never has to hide.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mcp::tools::ALL;

    fn tool(name: &str) -> &'static Tool {
        ALL.iter().find(|tool| tool.name == name).unwrap()
    }

    fn given(name: &str, arguments: Value) -> Result<Given, String> {
        read(tool(name), arguments.as_object().unwrap())
    }

    #[test]
    fn arguments_are_those_that_a_tool_takes() {
        assert_eq!(given("mrr", json!({"from": "2026-01-01", "to": null})).unwrap().len(), 1);
        assert!(
            given("mrr", json!({"form": "2026-01-01"})).unwrap_err().starts_with("mrr takes no form: it takes from")
        );
        assert!(given("movements", json!({"limit": 201})).unwrap_err().contains("from 1 to 200"));
        assert_eq!(given("customer", json!({})).unwrap_err(), "id: it is missing");
        assert!(given("mrr", json!({"from": ["2026-01-01"]})).is_err());
    }

    #[test]
    fn nothing_given_leaves_its_place_in_an_address() {
        let evil = given("customer", json!({"id": "../status?x=1#", "profile": "a&b=c"})).unwrap();
        let address = tool("customer").parts[0].address(&evil);
        assert_eq!(address, "/api/v1/customers/..%2Fstatus%3Fx%3D1%23?profile=a%26b%3Dc");
    }

    #[test]
    fn a_part_is_asked_when_its_argument_is_there() {
        let asked = |name: &str, arguments: Value| -> Vec<&str> {
            let given = given(name, arguments).unwrap();
            tool(name).parts.iter().filter(|part| part.is_asked(&given)).map(|part| part.name).collect()
        };
        assert_eq!(asked("customer", json!({"id": "cus_1"})), ["customer"]);
        assert_eq!(asked("customer", json!({"id": "cus_1", "explain": true})), ["customer", "explanation"]);
        assert_eq!(asked("customer", json!({"id": "cus_1", "explain": false})), ["customer"]);
        assert_eq!(asked("events", json!({})), ["events"]);
        assert_eq!(asked("events", json!({"id": "evt_1"})), ["event"]);
    }
}
