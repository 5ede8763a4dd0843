//! `GET /api/v1/rules`: the rules of money by name, as this binary applies them.

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Answer, ApiProblem, json,
    query::{Nothing, Query},
    sent::Named,
};
use crate::rules::{self, Rule};

/// Every rule of money. Not paged.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RuleList {
    /// The rules, in reading order.
    data: Vec<Rule>,
    /// Always null: the list has one page.
    next_cursor: Option<String>,
}

/// The rules of money, whose names `explain` cites.
#[utoipa::path(get, path = "/api/v1/rules", tag = "log", responses((status = 200, body = RuleList)))]
pub(super) async fn rules(_: Query<Nothing>) -> Answer {
    Ok(json(&RuleList { data: rules::all(), next_cursor: None }))
}

/// One rule of money by its name.
#[utoipa::path(get, path = "/api/v1/rules/{name}", tag = "log", params(("name" = String, Path, description = "Its name")),
    responses((status = 200, body = Rule), (status = 404, body = super::document::ProblemBody)))]
pub(super) async fn rule(Named(name): Named, _: Query<Nothing>) -> Answer {
    let rule = rules::named(&name).ok_or(ApiProblem::NotFound { what: "rule", id: name, hint: None })?;
    Ok(json(&rule))
}
