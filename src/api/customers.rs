//! `GET /api/v1/customers` and `/api/v1/customers/{id}`: who pays what, and how it came about.

use axum::extract::State;

use super::{
    Answer, ApiProblem, Asked, Told, cursor, ledger_status,
    links::onward,
    movements, named,
    params::{FormatQuery, LIMIT_MAX, LedgerQuery, PageQuery, SegmentQuery, Wanted},
    query::{Query, parameters},
    reports,
    sent::Named,
    told,
};
use crate::{
    api::state::AppState,
    ledger::{
        ids::{AccountId, CustomerId},
        time::Day,
    },
    limits,
    report::{
        ask::Ask,
        customers::{CustomerDetail, CustomerEntry, CustomerList, SubscriptionEntry},
        explain::Explanation,
        invoices::InvoiceList,
        month::{Month, first_mrr},
        movements::MovementEntry,
        notice::Notice,
        table::Table,
    },
    store::derived::reports::{CustomerOrder, CustomerSearch, CustomerState, FoundPosition, MovementFilter, Order},
};

const LIST: &str = "customers";

parameters! {
    /// Which customers are listed.
    pub(super) struct CustomerQuery {
        /// Only those whose id, name, e-mail or metadata holds each of these words (500 letters at most in all); `KEY:VALUE` is one
        /// pair of metadata. Names are searched where they are shown (`privacy.show_names`).
        q: Option<String>,
        /// `paying`, `past_due`, `ending` (set to end), `trialing` or `left`.
        state: Option<CustomerState>,
        /// Only those whose first MRR lies in this month, such as `2026-01`.
        cohort: Option<Month>,
        /// `mrr` (the most in `currency` first), `since` (the newest first), `ends` (the next set to end first), `name` or `id` (without it).
        sort: Option<CustomerOrder>,
        page: PageQuery,
        segment: SegmentQuery,
        ledger: LedgerQuery,
        format: FormatQuery,
    }
}

parameters! {
    /// Which part of a customer's story is told.
    pub(super) struct ExplainQuery {
        /// Only what happened on this accounting day.
        day: Option<Day>,
        ledger: LedgerQuery,
        format: FormatQuery,
    }
}

parameters! {
    /// Of which ledger invoices are told.
    pub(super) struct InvoiceQuery {
        ledger: LedgerQuery,
        format: FormatQuery,
    }
}

/// The text by which customers are sought, refused where it is longer than anybody needs: SQLite takes no statement of a thousand words.
pub(super) fn sought(parameter: &'static str, text: String) -> Result<String, ApiProblem> {
    let letters = text.chars().count();
    if letters > limits::SOUGHT_LETTERS {
        let most = limits::SOUGHT_LETTERS;
        return Err(ApiProblem::parameter(parameter, &format!("it has {letters} letters, and may have {most}")));
    }
    Ok(text)
}

/// Customers in the order asked for, page by page: found by id, name, e-mail or metadata.
#[utoipa::path(get, path = "/api/v1/customers", tag = "customers", params(CustomerQuery),
    responses((status = 200, body = Told<CustomerList>), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn customers(State(state): State<AppState>, Query(query): Query<CustomerQuery>) -> Answer {
    let ask = query.segment.of(query.ledger.ask())?;
    let text = sought("q", query.q.unwrap_or_default())?;
    let order = query.sort.unwrap_or(CustomerOrder::Id);
    // A cursor goes on in the list it came from.
    let cohort = query.cohort.map(|month| first_mrr(month, &state.config.ledger.zone));
    let month = query.cohort.map(|month| month.to_string()).unwrap_or_default();
    let of = format!("{LIST} {} {} {month} {text}", order.as_str(), query.state.map_or("", CustomerState::as_str));
    let after: Option<(String, Option<AccountId>, CustomerId)> = cursor::read(&of, query.page.cursor.as_deref())?;
    let reports = reports(&state);
    let currency = ask.own_currency().or(reports.reporting(&ask));
    if order == CustomerOrder::Mrr && currency.is_none() {
        return Err(ApiProblem::parameter("currency", "sort=mrr compares within one currency: name it"));
    }
    let further = after.is_some();
    let after = after.map(|(key, account, customer)| FoundPosition { key, account, customer });
    let asked = CustomerSearch { text, state: query.state, cohort, order, currency, after };
    let ledger_status = ledger_status(&state, &ask).await?;
    let (rows, next) = reports.customers_found(&ask, &asked, query.page.limit.0).await?;
    let mut list = CustomerList {
        profile: reports.profile(&ask)?.name.as_ref().into(),
        converted: reports.reporting(&ask).is_some(),
        data: rows.iter().map(CustomerEntry::from).collect(),
        next_cursor: next.map(|place| cursor::write(&of, (place.key, place.account, place.customer))),
    };
    named::customers(&state, &ask, &mut list.data).await?;
    // A search that finds nobody says so by itself.
    let searched =
        further || !asked.text.is_empty() || asked.state.is_some() || asked.cohort.is_some() || ask.segment.is_some();
    let is_empty = list.data.is_empty() && !searched;
    let next = list.next_cursor.clone();
    Ok(onward(
        told(&state, Asked { ask: &ask, ledger_status }, query.format.wanted()?, list, is_empty, CustomerList::table)
            .await?,
        next,
    ))
}

/// One customer: current MRR, subscriptions and movements.
#[utoipa::path(get, path = "/api/v1/customers/{id}", tag = "customers",
    params(("id" = String, Path, description = "`cus_…`; also of one that is joined to others"), LedgerQuery),
    responses((status = 200, body = Told<CustomerDetail>), (status = 404, body = super::document::ProblemBody)))]
pub(super) async fn customer(
    State(state): State<AppState>,
    Named(id): Named,
    Query(query): Query<LedgerQuery>,
) -> Answer {
    let ask = query.ask();
    let ledger_status = ledger_status(&state, &ask).await?;
    let (reports, customer) = (reports(&state), CustomerId::new(id.as_str()));
    let Some(row) = reports.customer(&ask, &customer).await? else {
        return Err(not_found(&state, &ask, "customer", id).await?);
    };
    let filter = MovementFilter { customer: Some(row.customer.clone()), ..MovementFilter::default() };
    let (rows, next) = reports.movements(&ask, &filter, Order::Ascending, None, LIMIT_MAX).await?;
    let reporting = reports.reporting(&ask);
    let subscriptions = row.subscriptions.iter().map(|one| SubscriptionEntry::from_ledger(one, reporting));
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
    told(&state, Asked { ask: &ask, ledger_status }, Wanted::Json, detail, false, |_| Table::default()).await
}

/// The invoices of a customer, the newest first, each as the log last told it, with its lines and the events that tell of it.
#[utoipa::path(get, path = "/api/v1/customers/{id}/invoices", tag = "customers",
    params(("id" = String, Path, description = "`cus_…`; also of one that is joined to others"), InvoiceQuery),
    responses((status = 200, body = Told<InvoiceList>), (status = 404, body = super::document::ProblemBody)))]
pub(super) async fn invoices(
    State(state): State<AppState>,
    Named(id): Named,
    Query(query): Query<InvoiceQuery>,
) -> Answer {
    let ask = query.ledger.ask();
    let ledger_status = ledger_status(&state, &ask).await?;
    match reports(&state).invoices(&ask, &CustomerId::new(id.as_str())).await? {
        Some(list) => {
            told(&state, Asked { ask: &ask, ledger_status }, query.format.wanted()?, list, false, InvoiceList::table)
                .await
        }
        None => Err(not_found(&state, &ask, "customer", id).await?),
    }
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
    params(("id" = String, Path, description = "`cus_…`, or `sub_…` for its customer"), ExplainQuery),
    responses((status = 200, body = Told<Explanation>), (status = 404, body = super::document::ProblemBody)))]
pub(super) async fn explain(
    State(state): State<AppState>,
    Named(id): Named,
    Query(query): Query<ExplainQuery>,
) -> Answer {
    let ask = query.ledger.ask();
    let ledger_status = ledger_status(&state, &ask).await?;
    match reports(&state).explain(&ask, &id, query.day).await? {
        Some(explanation) => {
            told(
                &state,
                Asked { ask: &ask, ledger_status },
                query.format.wanted()?,
                explanation,
                false,
                Explanation::table,
            )
            .await
        }
        None => Err(not_found(&state, &ask, "customer or subscription", id).await?),
    }
}
