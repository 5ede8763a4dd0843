//! `GET /api/v1/customers` and `/api/v1/customers/{id}`: who pays what, and how it came about.

use axum::extract::{Path, RawQuery, State};

use super::{
    Answer, ApiProblem, Told, cursor,
    document::{CommonQuery, CustomerQuery},
    movements, named,
    params::{LIMIT_MAX, Params},
    reports, standing, told,
};
use crate::{
    ledger::ids::{AccountId, CustomerId},
    report::{
        ask::Ask,
        customers::{CustomerDetail, CustomerEntry, CustomerList, SubscriptionEntry},
        explain::Explanation,
        movements::MovementEntry,
        notice::Notice,
        table::Table,
    },
    server::state::AppState,
    store::derived::reports::{CustomerOrder, CustomerSearch, CustomerState, FoundPosition, MovementFilter, Order},
};

const LIST: &str = "customers";

/// Customers in the order asked for, page by page: found by id, name, e-mail or metadata.
#[utoipa::path(get, path = "/api/v1/customers", tag = "customers", params(CustomerQuery, CommonQuery),
    responses((status = 200, body = Told<CustomerList>), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn customers(State(state): State<AppState>, RawQuery(query): RawQuery) -> Answer {
    let mut params = Params::read(query.as_deref())?;
    let ask = params.ask()?;
    let orders = CustomerOrder::ALL.map(CustomerOrder::as_str);
    let order = params.with("sort", &format!("one of {}", orders.join(", ")), |text| {
        CustomerOrder::ALL.into_iter().find(|order| order.as_str() == text)
    })?;
    let states = CustomerState::ALL.map(CustomerState::as_str);
    let state_asked = params.with("state", &format!("one of {}", states.join(", ")), |text| {
        CustomerState::ALL.into_iter().find(|state| state.as_str() == text)
    })?;
    let text = params.text("q").unwrap_or_default();
    let order = order.unwrap_or(CustomerOrder::Id);
    // A cursor goes on in the list it came from.
    let of = format!("{LIST} {} {} {text}", order.as_str(), state_asked.map_or("", CustomerState::as_str));
    let after: Option<(String, Option<AccountId>, CustomerId)> = cursor::read(&of, params.text("cursor").as_deref())?;
    let (limit, csv) = (params.limit()?, params.csv()?);
    params.end()?;
    let reports = reports(&state);
    let currency = ask.own_currency().or(reports.reporting(&ask));
    if order == CustomerOrder::Mrr && currency.is_none() {
        return Err(ApiProblem::parameter("currency", "sort=mrr compares within one currency: name it"));
    }
    let further = after.is_some();
    let after = after.map(|(key, account, customer)| FoundPosition { key, account, customer });
    let asked = CustomerSearch { text, state: state_asked, order, currency, after };
    let standing = standing(&state, &ask).await?;
    let (rows, next) = reports.customers_found(&ask, &asked, limit).await?;
    let mut list = CustomerList {
        profile: reports.profile(&ask)?.name.as_ref().into(),
        converted: reports.reporting(&ask).is_some(),
        data: rows.iter().map(CustomerEntry::from).collect(),
        next_cursor: next.map(|place| cursor::write(&of, (place.key, place.account, place.customer))),
    };
    named::customers(&state, &ask, &mut list.data).await?;
    // A search that finds nobody says so by itself.
    let searched = further || !asked.text.is_empty() || asked.state.is_some();
    let is_empty = list.data.is_empty() && !searched;
    told(&state, (&ask, standing), csv, list, is_empty, CustomerList::table).await
}

/// One customer: current MRR, subscriptions and movements.
#[utoipa::path(get, path = "/api/v1/customers/{id}", tag = "customers",
    params(("id" = String, Path, description = "`cus_…`; also of one that is joined to others"), CommonQuery),
    responses((status = 200, body = Told<CustomerDetail>), (status = 404, body = super::document::ProblemBody)))]
pub(super) async fn customer(
    State(state): State<AppState>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let mut params = Params::read(query.as_deref())?;
    let ask = params.ask()?;
    params.end()?;
    let standing = standing(&state, &ask).await?;
    let (reports, customer) = (reports(&state), CustomerId::new(id.as_str()));
    let Some(row) = reports.customer(&ask, &customer).await? else {
        return Err(not_found(&state, &ask, "customer", id).await?);
    };
    let filter = MovementFilter { customer: Some(row.customer.clone()), ..MovementFilter::default() };
    let (rows, next) = reports.movements(&ask, &filter, Order::Ascending, None, LIMIT_MAX).await?;
    let reporting = reports.reporting(&ask);
    let subscriptions = row.subscriptions.iter().map(|one| SubscriptionEntry::of(one, reporting));
    let mut entry = [CustomerEntry::from(&row)];
    named::customers(&state, &ask, &mut entry).await?;
    let [entry] = entry;
    let mut moved: Vec<MovementEntry> = rows.iter().map(MovementEntry::from).collect();
    reports.name_movements(&ask, &mut moved).await?;
    let detail = CustomerDetail {
        profile: reports.profile(&ask)?.name.as_ref().into(),
        converted: reports.reporting(&ask).is_some(),
        customer: entry,
        stripe_customers: reports.stripe_customers(&ask, &row).await?,
        subscriptions: subscriptions.collect(),
        movements: moved,
        movements_next_cursor: next.as_ref().map(movements::write_cursor),
    };
    told(&state, (&ask, standing), false, detail, false, |_| Table::default()).await
}

/// There is none in the ledger asked: where it is instead, if it is anywhere.
async fn not_found(state: &AppState, ask: &Ask, what: &'static str, id: String) -> Result<ApiProblem, ApiProblem> {
    let notices = reports(state).found_elsewhere(ask, &id).await?;
    let hint = |notice: Notice| match notice.option {
        Some(option) => format!("{}; ask with {option}", notice.detail),
        None => notice.detail,
    };
    Ok(ApiProblem::NotFound { what, id, hint: notices.into_iter().next().map(hint) })
}

/// How a customer's MRR came about: every state, every rule applied, every movement, with event ids.
#[utoipa::path(get, path = "/api/v1/customers/{id}/explain", tag = "customers",
    params(("id" = String, Path, description = "`cus_…`, or `sub_…` for its customer"),
           ("day" = Option<String>, Query, description = "only what happened on this accounting day"), CommonQuery),
    responses((status = 200, body = Told<Explanation>), (status = 404, body = super::document::ProblemBody)))]
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
    let standing = standing(&state, &ask).await?;
    match reports(&state).explain(&ask, &id, day).await? {
        Some(explanation) => told(&state, (&ask, standing), csv, explanation, false, Explanation::table).await,
        None => Err(not_found(&state, &ask, "customer or subscription", id).await?),
    }
}
