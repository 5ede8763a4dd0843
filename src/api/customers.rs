//! `GET /api/v1/customers` and `/api/v1/customers/{id}`: who pays what, and how it came about.

use axum::extract::{Path, RawQuery, State};

use super::{
    Answer, ApiProblem, answer, cursor,
    document::{CommonQuery, CustomerQuery},
    json, movements,
    params::{LIMIT_MAX, Params},
    reports,
};
use crate::{
    ledger::ids::{AccountId, CustomerId},
    report::{
        customers::{CustomerDetail, CustomerEntry, CustomerList, SubscriptionEntry},
        explain::Explanation,
        movements::MovementEntry,
    },
    server::state::AppState,
    store::reports::{CustomerPosition, CustomersAsked, MovementFilter, Order},
};

const LIST: &str = "customers";

/// Customers by account and id, page by page.
#[utoipa::path(get, path = "/api/v1/customers", tag = "customers", params(CustomerQuery, CommonQuery),
    responses((status = 200, body = CustomerList), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn customers(State(state): State<AppState>, RawQuery(query): RawQuery) -> Answer {
    let mut params = Params::read(query.as_deref())?;
    let ask = params.ask()?;
    let after: Option<(Option<AccountId>, CustomerId)> = cursor::read(LIST, params.text("cursor").as_deref())?;
    let by_mrr = params.with("sort", "mrr", |text| (text == "mrr").then_some(()))?.is_some();
    let (limit, csv) = (params.limit()?, params.csv()?);
    params.end()?;
    let reports = reports(&state);
    let asked = match (by_mrr, ask.own_currency().or(reports.reporting(&ask))) {
        (true, Some(currency)) => CustomersAsked::Largest(currency),
        (true, None) => {
            return Err(ApiProblem::parameter("currency", "sort=mrr compares within one currency: name it"));
        }
        (false, _) => CustomersAsked::After(after.map(|(account, customer)| CustomerPosition { account, customer })),
    };
    let (rows, next) = reports.customers(&ask, &asked, limit).await?;
    let list = CustomerList {
        profile: reports.profile(&ask)?.name.as_ref().into(),
        converted: reports.reporting(&ask).is_some(),
        data: rows.iter().map(CustomerEntry::from).collect(),
        next_cursor: next.map(|position| cursor::write(LIST, (position.account, position.customer))),
    };
    Ok(answer(csv, &list, CustomerList::table))
}

/// One customer: current MRR, subscriptions and movements.
#[utoipa::path(get, path = "/api/v1/customers/{id}", tag = "customers",
    params(("id" = String, Path, description = "`cus_…`; also of one that is joined to others"), CommonQuery),
    responses((status = 200, body = CustomerDetail), (status = 404, body = super::document::ProblemBody)))]
pub(super) async fn customer(
    State(state): State<AppState>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let mut params = Params::read(query.as_deref())?;
    let ask = params.ask()?;
    params.end()?;
    let (reports, customer) = (reports(&state), CustomerId::new(id.as_str()));
    let Some(row) = reports.customer(&ask, &customer).await? else {
        return Err(ApiProblem::NotFound { what: "customer", id });
    };
    let filter = MovementFilter { customer: Some(row.customer.clone()), ..MovementFilter::default() };
    let (rows, next) = reports.movements(&ask, &filter, Order::Ascending, None, LIMIT_MAX).await?;
    let reporting = reports.reporting(&ask);
    let subscriptions = row.subscriptions.iter().map(|one| SubscriptionEntry::of(one, reporting));
    Ok(json(&CustomerDetail {
        profile: reports.profile(&ask)?.name.as_ref().into(),
        converted: reports.reporting(&ask).is_some(),
        customer: CustomerEntry::from(&row),
        stripe_customers: reports.stripe_customers(&ask, &row).await?,
        subscriptions: subscriptions.collect(),
        movements: rows.iter().map(MovementEntry::from).collect(),
        movements_next_cursor: next.as_ref().map(movements::write_cursor),
    }))
}

/// How a customer's MRR came about: every state, every rule applied, every movement, with event ids.
#[utoipa::path(get, path = "/api/v1/customers/{id}/explain", tag = "customers",
    params(("id" = String, Path, description = "`cus_…`, or `sub_…` for its customer"),
           ("day" = Option<String>, Query, description = "only what happened on this accounting day"), CommonQuery),
    responses((status = 200, body = Explanation), (status = 404, body = super::document::ProblemBody)))]
pub(super) async fn explain(
    State(state): State<AppState>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let mut params = Params::read(query.as_deref())?;
    let ask = params.ask()?;
    let day = params.day("day")?;
    let csv = params.csv()?;
    params.end()?;
    match reports(&state).explain(&ask, &id, day).await? {
        Some(explanation) => Ok(answer(csv, &explanation, Explanation::table)),
        None => Err(ApiProblem::NotFound { what: "customer or subscription", id }),
    }
}
