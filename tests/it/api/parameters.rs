//! Every route of the OpenAPI document takes the parameters that are documented for it, and no other.

use std::collections::BTreeSet;

use bytes::Bytes;
use mrrd::demo::http::Client;
use serde_json::Value;

use super::ledger;
use crate::support::daemon::{Daemon, Settings};

/// A route as OpenAPI has it.
struct Route {
    method: String,
    path: String,
    parameters: Vec<Value>,
}

fn routes() -> Vec<Route> {
    let document = serde_json::to_value(mrrd::api::document()).unwrap();
    let mut routes = Vec::new();
    // Webhooks, health and metrics belong to no report: whatever stands behind their addresses is passed over.
    let ours = document["paths"].as_object().unwrap().iter();
    for (path, methods) in ours.filter(|(path, _)| path.starts_with("/api/") || path.starts_with("/v1/")) {
        for (method, route) in methods.as_object().unwrap() {
            let parameters = route["parameters"].as_array().cloned().unwrap_or_default();
            let asked = parameters.into_iter().filter(|one| one["in"] == "query").collect();
            routes.push(Route { method: method.to_uppercase(), path: filled(path), parameters: asked });
        }
    }
    routes
}

/// An address with ids in it that may be of nothing: parameters are read before anything is looked for.
fn filled(path: &str) -> String {
    let steps = path.split('/').map(|step| match step {
        "{metric}" => "mrr",
        "{name}" => "netting",
        step if step.starts_with('{') => "1",
        step => step,
    });
    steps.collect::<Vec<_>>().join("/")
}

/// A value as the schema has it.
fn example(parameter: &Value) -> String {
    match parameter["name"].as_str().unwrap() {
        // Of the profiles that are kept, and of all there are.
        "profile" => return "stripe".into(),
        "with" => return "finance".into(),
        _ => {}
    }
    let schema = &parameter["schema"];
    let value = [&schema["examples"][0], &schema["enum"][0], &schema["default"]].into_iter().find(|one| !one.is_null());
    match (value, schema["type"].as_str()) {
        (Some(Value::String(text)), _) => text.clone(),
        (Some(value), _) => value.to_string(),
        (None, Some("boolean")) => "true".into(),
        (None, _) => panic!("the schema of {parameter} has neither an example, nor a choice, nor a default"),
    }
}

/// What is said of a request, if it is a parameter that is wrong with it.
async fn refusal(client: &mut Client, route: &Route, query: &str) -> Option<String> {
    let path = format!("{}?{query}", route.path);
    let sent: &[(&str, &str)] = &[("mrrd-request", "1")];
    let answer = client.send(route.method.parse().unwrap(), &path, sent, Bytes::new()).await.unwrap();
    assert!(
        answer.status < 500,
        "{} {path}: {} {}",
        route.method,
        answer.status,
        String::from_utf8_lossy(&answer.body)
    );
    let refused = answer.status == 422 && answer.json()["type"] == "urn:mrrd:problem:bad-parameter";
    refused.then(|| answer.json()["detail"].as_str().unwrap().to_owned())
}

fn name(parameter: &Value) -> &str {
    parameter["name"].as_str().unwrap()
}

async fn daemon() -> Daemon {
    let feeds = Settings::default()
        .env("MRRD_FEEDS__CRM__URL", "http://127.0.0.1:9/")
        .env("MRRD_FEEDS__CRM__SECRET", "whsec_of_a_feed")
        // The example of a name is a text.
        .env("MRRD_SEGMENTS__TEXT__WHERE", "status = paying");
    let mut daemon = ledger(feeds).await;
    daemon.settle().await;
    daemon
}

#[tokio::test]
async fn every_documented_parameter_is_taken() {
    let daemon = daemon().await;
    let mut client = daemon.connect();
    for route in routes() {
        let needed = route.parameters.iter().filter(|one| one["required"] == true);
        let needed: Vec<String> = needed.map(|one| format!("{}={}", name(one), example(one))).collect();
        for parameter in &route.parameters {
            let name = name(parameter);
            // Units are of a table.
            let beside = if name == "units" { "&format=csv" } else { "" };
            let given = format!("{name}={}{beside}", example(parameter));
            let query =
                needed.iter().filter(|one| **one != given).chain([&given]).map(String::as_str).collect::<Vec<_>>();
            let said = refusal(&mut client, &route, &query.join("&")).await.unwrap_or_default();
            let of_it = said.starts_with(&format!("{name}: "));
            // A cursor is of a list that was read before, and the only value that can't be made up.
            let made_up = name == "cursor" && said.contains("is not a next_cursor of this list");
            assert!(
                !of_it || made_up,
                "{} {} documents {name}, and says of {given:?}: {said}",
                route.method,
                route.path
            );
        }
    }
}

#[tokio::test]
async fn every_other_parameter_is_refused_by_its_name() {
    let daemon = daemon().await;
    let mut client = daemon.connect();
    let routes = routes();
    let every = routes.iter().flat_map(|route| &route.parameters).map(name);
    let every: BTreeSet<&str> = every.chain(["nonsense"]).collect();
    for route in &routes {
        let taken: BTreeSet<&str> = route.parameters.iter().map(name).collect();
        let needed = route.parameters.iter().filter(|one| one["required"] == true);
        let needed: Vec<String> = needed.map(|one| format!("{}={}&", name(one), example(one))).collect();
        for other in every.difference(&taken) {
            let query = format!("{}{other}=x", needed.concat());
            let said = refusal(&mut client, route, &query).await;
            let named =
                said.as_ref().is_some_and(|said| said.starts_with(&format!("{other}: there is no such parameter")));
            assert!(named, "{} {} takes {other}, which isn't documented: {said:?}", route.method, route.path);
        }
    }
}
