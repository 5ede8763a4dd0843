//! What any route may answer besides its own, written into the document in one place: refusals as problems, tables as CSV, and the
//! header fields that go with them.

use utoipa::openapi::{
    Content, ContentBuilder, HeaderBuilder, HttpMethod, ObjectBuilder, OpenApi, PathItem, Ref, RefOr, Response, Type,
    path::Operation,
    schema::{KnownFormat, SchemaFormat},
};

use super::fresh;
use crate::report::workbook::MEDIA_TYPE;

/// How a file is described.
const BINARY: SchemaFormat = SchemaFormat::KnownFormat(KnownFormat::Binary);

/// The media type of every refusal.
const PROBLEM: &str = "application/problem+json";

/// Completes the document that the routes made: each operation with every status it can give, each with a description, and
/// problems under their own media type.
pub(super) fn complete(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            let tagged = method == HttpMethod::Get && fresh::is_tagged(path);
            for status in beside(path, &method, operation) {
                operation.responses.responses.entry(status.to_owned()).or_insert_with(|| RefOr::T(Response::default()));
            }
            let tabular = operation.parameters.as_ref().is_some_and(|all| {
                all.iter().any(|one| matches!(one, RefOr::T(parameter) if parameter.name == "format"))
            });
            for (status, response) in &mut operation.responses.responses {
                if let RefOr::T(response) = response {
                    describe(status, response, tabular, tagged);
                }
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (HttpMethod, &mut Operation)> {
    let all = [
        (HttpMethod::Get, &mut item.get),
        (HttpMethod::Post, &mut item.post),
        (HttpMethod::Put, &mut item.put),
        (HttpMethod::Patch, &mut item.patch),
        (HttpMethod::Delete, &mut item.delete),
    ];
    all.into_iter().filter_map(|(method, operation)| operation.as_mut().map(|operation| (method, operation)))
}

/// The statuses that a route shares with all of its kind.
fn beside(path: &str, method: &HttpMethod, operation: &Operation) -> Vec<&'static str> {
    if !guarded(path) {
        return Vec::new();
    }
    // The door, a parameter that isn't known, what is wrong with the ledger itself, and the database.
    let mut statuses = vec!["401", "422", "429", "500", "503"];
    if *method != HttpMethod::Get {
        statuses.extend(["403", "413"]);
    }
    let reads_figures =
        operation.tags.iter().flatten().any(|tag| matches!(tag.as_str(), "figures" | "customers" | "chartmogul"));
    if path.contains('{') {
        statuses.push("404");
    }
    if fresh::is_tagged(path) {
        statuses.push("304");
    }
    if reads_figures {
        // A rate that the reporting currency needs is missing.
        statuses.push("409");
    }
    statuses
}

/// Whether the door stands before it.
fn guarded(path: &str) -> bool {
    path.starts_with("/api/") || path.starts_with("/v1/")
}

fn describe(status: &str, response: &mut Response, tabular: bool, tagged: bool) {
    let code: u16 = status.parse().unwrap_or_default();
    if response.description.is_empty() {
        response.description = words(code).to_owned();
    }
    if code >= 400 {
        let problem = RefOr::Ref(Ref::from_schema_name("ProblemBody"));
        response.content.clear();
        response.content.insert(PROBLEM.to_owned(), ContentBuilder::new().schema(Some(problem)).build().into());
    } else if tabular && response.content.contains_key("application/json") {
        let text = ObjectBuilder::new().schema_type(Type::String).build();
        response.content.insert("text/csv".to_owned(), RefOr::T(Content::new(Some(text))));
        let file = ObjectBuilder::new().schema_type(Type::String).format(Some(BINARY)).build();
        response.content.insert(MEDIA_TYPE.to_owned(), RefOr::T(Content::new(Some(file))));
    }
    let headers: &[(&str, &str)] = match code {
        401 => &[("WWW-Authenticate", "How to say who asks.")],
        429 | 503 => &[("Retry-After", "When trying again makes sense, in seconds.")],
        200 | 304 if tagged => &[("ETag", "What the answer is made of, for `If-None-Match`.")],
        _ => &[],
    };
    for (name, what) in headers {
        let text = ObjectBuilder::new().schema_type(Type::String).build();
        let header = HeaderBuilder::new().schema(Some(text)).description(Some(*what)).build();
        response.headers.insert((*name).to_owned(), header.into());
    }
}

/// What a status means wherever nothing more exact is said.
fn words(code: u16) -> &'static str {
    match code {
        200 => "What was asked for.",
        304 => "What the client has is still what would be answered.",
        400 => "The body isn't a webhook of Stripe's: not verified, or not an event.",
        401 => "No valid token came with the request, and no session.",
        403 => "Who asks may only read, or another site's page sent this.",
        404 => "There is no such object.",
        408 => "The body did not arrive in time.",
        409 => "It can't be done as things stand: `detail` says what to do first.",
        413 => "The body is too large.",
        422 => "A parameter, or the body, isn't as it should be; `detail` names it.",
        429 => "Too many wrong tokens came from this address.",
        500 => "The ledger contradicts itself, or mrrd does: its log says more.",
        503 => {
            "It can't be answered just now: the database is away, nothing is derived yet, or too much is asked at once."
        }
        _ => "Another answer.",
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_answer_is_described_and_every_refusal_is_a_problem() {
        let document = serde_json::to_value(crate::api::document()).unwrap();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                for (status, response) in operation["responses"].as_object().unwrap() {
                    let place = format!("{method} {path} {status}");
                    assert!(response["description"].as_str().is_some_and(|text| !text.is_empty()), "{place}");
                    let refused = status.as_str() >= "400";
                    assert_eq!(response["content"].get("application/problem+json").is_some(), refused, "{place}");
                }
            }
        }
    }
}
