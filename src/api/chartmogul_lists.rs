//! ChartMogul's lists: `GET /v1/ping`, `/v1/account`, `/v1/customers…` and `/v1/plans…`, for its client libraries.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Answer, ApiProblem,
    chartmogul::PER_PAGE,
    cursor,
    customers::sought,
    json, ledger_status, named, noticed,
    params::{LIMIT_MAX, LedgerQuery},
    query::{Nothing, Query, Required, parameters},
    reports,
    sent::Named,
    values::{PageSize, words},
};
use crate::{
    api::state::AppState,
    config::Names,
    ledger::ids::{AccountId, CustomerId},
    report::{
        ask::Ask,
        chartmogul_lists::{Account, Customer, DATA_SOURCE, Page, Plan, Plans, SeveralCurrencies, Subscription},
        customers::CustomerEntry,
        ledger_status::LedgerStatus,
        notice::Notice,
    },
    store::derived::reports::{
        CustomerOrder, CustomerRow, CustomerSearch, CustomerState, FoundPosition, MovementFilter, Order,
    },
};

/// How a customer stands, as ChartMogul says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Active,
    PastDue,
    Cancelled,
}

impl Status {
    const ALL: [Self; 3] = [Self::Active, Self::PastDue, Self::Cancelled];

    fn as_str(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::PastDue => "Past_Due",
            Self::Cancelled => "Cancelled",
        }
    }
}

/// Where objects come from, as ChartMogul says it: there is one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Source;

impl Source {
    const ALL: [Self; 1] = [Self];

    fn as_str(self) -> &'static str {
        DATA_SOURCE
    }
}

words! {
    Status: Status::ALL, Status::as_str;
    Source: Source::ALL, Source::as_str;
}

parameters! {
    /// What ChartMogul's clients ask of an account.
    pub(super) struct AccountQuery {
        /// What else is wanted of the account; changes nothing here.
        include: Option<String>,
    }
}

parameters! {
    /// A page of a list of ChartMogul's.
    pub(super) struct ListQuery {
        /// Entries a page, 200 at most and without it.
        per_page: PageSize<PER_PAGE, PER_PAGE>,
        /// The `cursor` of the page before.
        cursor: Option<String>,
    }
}

parameters! {
    /// Which customers are listed.
    pub(super) struct CustomersQuery {
        /// Only customers who stand so.
        status: Option<Status>,
        /// Only the customer of this id, `cus_…`.
        external_id: Option<CustomerId>,
        /// Where they come from: there is one place.
        data_source_uuid: Option<Source>,
        list: ListQuery,
        ledger: LedgerQuery,
    }
}

parameters! {
    /// Which customers are looked for.
    pub(super) struct SearchQuery {
        /// The e-mail of the customer, whole.
        email: Required<String>,
        list: ListQuery,
        ledger: LedgerQuery,
    }
}

parameters! {
    /// Which subscriptions are listed: all of a customer's, on one page.
    pub(super) struct SubscriptionsQuery {
        list: ListQuery,
        ledger: LedgerQuery,
    }
}

parameters! {
    /// Which prices are listed.
    pub(super) struct PlansQuery {
        /// Only the price of this id, `price_…`.
        external_id: Option<String>,
        /// Where they come from: there is one place.
        data_source_uuid: Option<Source>,
        list: ListQuery,
    }
}

/// Says that the door is open.
#[derive(Serialize, ToSchema)]
#[schema(as = ChartMogulPing)]
pub(super) struct Pong {
    /// Always `pong!`: the answer to a ping.
    data: &'static str,
}

/// Whether the token is in force.
#[utoipa::path(get, path = "/v1/ping", operation_id = "chartmogul_ping", tag = "chartmogul", responses((status = 200, body = Pong)))]
pub(super) async fn ping(_: Query<Nothing>) -> Answer {
    Ok(json(&Pong { data: "pong!" }))
}

/// Whose ledger it is, and how it counts.
#[utoipa::path(get, path = "/v1/account", operation_id = "chartmogul_account", tag = "chartmogul",
    params(AccountQuery), responses((status = 200, body = Account)))]
pub(super) async fn account(State(state): State<AppState>, Query(query): Query<AccountQuery>) -> Answer {
    let _ = query.include;
    let ledger = &state.config.ledger;
    let currency = match ledger.reporting_currency {
        Some(currency) => Some(currency),
        None => {
            let all = reports(&state).currencies(&Ask::default()).await?;
            all.first().copied().filter(|_| all.len() == 1)
        }
    };
    Ok(json(&Account {
        id: "mrrd",
        name: "mrrd",
        currency: currency.map(|currency| currency.to_string().to_uppercase()),
        time_zone: ledger.timezone.clone(),
        week_start_on: "monday",
    }))
}

const LIST: &str = "chartmogul customers";

/// What the lists of customers have in common.
struct Listed {
    ask: Ask,
    search: CustomerSearch,
    per_page: i64,
}

impl Listed {
    /// `text` is what is looked for.
    fn new(ask: Ask, list: ListQuery, text: String, state: Option<CustomerState>) -> Result<Self, ApiProblem> {
        let ListQuery { per_page: PageSize(per_page), cursor } = list;
        let after: Option<(String, Option<AccountId>, CustomerId)> =
            cursor::read(&format!("{LIST} {text}"), cursor.as_deref())?;
        let after = after.map(|(key, account, customer)| FoundPosition { key, account, customer });
        let search = CustomerSearch { text, state, order: CustomerOrder::Id, currency: None, cohort: None, after };
        Ok(Self { ask, search, per_page })
    }

    async fn answer(self, state: &AppState, keep: impl Fn(&CustomerEntry) -> bool) -> Answer {
        let Self { ask, search, per_page } = self;
        let notices = notices(state, &ask).await?;
        let (rows, next) = reports(state).customers_found(&ask, &search, per_page).await?;
        let mut named: Vec<CustomerEntry> = rows.iter().map(CustomerEntry::from).collect();
        named::customers(state, &ask, &mut named).await?;
        let converted = reports(state).reporting(&ask).is_some();
        let mut entries = Vec::new();
        for (row, entry) in rows.iter().zip(&named).filter(|(_, entry)| keep(entry)) {
            entries.push(customer_of(row, entry, converted)?);
        }
        let list = format!("{LIST} {}", search.text);
        let cursor = next.map(|place| cursor::write(&list, (place.key, place.account, place.customer)));
        Ok(noticed(json(&Page { converted, entries, has_more: cursor.is_some(), per_page, cursor }), &notices))
    }
}

fn customer_of(row: &CustomerRow, named: &CustomerEntry, converted: bool) -> Result<Customer, ApiProblem> {
    Customer::from_row(row, named, converted).map_err(|SeveralCurrencies| {
        let reason = format!("{} pays in several currencies: name one", row.customer);
        ApiProblem::parameter("currency", &reason)
    })
}

async fn notices(state: &AppState, ask: &Ask) -> Result<Vec<Notice>, ApiProblem> {
    Ok(ledger_status(state, ask).await?.as_ref().map(LedgerStatus::notices).unwrap_or_default())
}

/// Customers by id, page by page.
#[utoipa::path(get, path = "/v1/customers", operation_id = "chartmogul_customers", tag = "chartmogul", params(CustomersQuery),
    responses((status = 200, body = Page<Customer>)))]
pub(super) async fn customers(State(state): State<AppState>, Query(query): Query<CustomersQuery>) -> Answer {
    // There is one place: naming it chooses nothing.
    let _ = query.data_source_uuid;
    let standing = query.status.map(|status| match status {
        Status::Active => CustomerState::Paying,
        Status::PastDue => CustomerState::PastDue,
        Status::Cancelled => CustomerState::Left,
    });
    let one = query.external_id.map(|id| id.to_string());
    let text = sought("external_id", one.clone().unwrap_or_default())?;
    let listed = Listed::new(query.ledger.ask(), query.list, text, standing)?;
    listed.answer(&state, |entry| one.as_ref().is_none_or(|one| entry.id == *one)).await
}

/// The customers with this e-mail.
#[utoipa::path(get, path = "/v1/customers/search", operation_id = "chartmogul_customer_search", tag = "chartmogul",
    params(SearchQuery), responses((status = 200, body = Page<Customer>)))]
pub(super) async fn search(State(state): State<AppState>, Query(query): Query<SearchQuery>) -> Answer {
    let Required(email) = query.email;
    let listed = Listed::new(query.ledger.ask(), query.list, sought("email", email.clone())?, None)?;
    if state.config.privacy.names == Names::Hidden {
        return Err(ApiProblem::parameter("email", "e-mails are hidden here: see privacy.show_names"));
    }
    listed.answer(&state, |entry| entry.email.as_ref().is_some_and(|known| known.eq_ignore_ascii_case(&email))).await
}

/// One customer; `uuid` is its `cus_…`.
#[utoipa::path(get, path = "/v1/customers/{uuid}", operation_id = "chartmogul_customer", tag = "chartmogul",
    params(("uuid" = String, Path, description = "`cus_…`"), LedgerQuery), responses((status = 200, body = Customer)))]
pub(super) async fn customer(
    State(state): State<AppState>,
    Named(uuid): Named,
    Query(query): Query<LedgerQuery>,
) -> Answer {
    let ask = query.ask();
    let notices = notices(&state, &ask).await?;
    let row = one_of(&state, &ask, uuid).await?;
    let mut named = [CustomerEntry::from(&row)];
    named::customers(&state, &ask, &mut named).await?;
    let converted = reports(&state).reporting(&ask).is_some();
    Ok(noticed(json(&customer_of(&row, &named[0], converted)?), &notices))
}

async fn one_of(state: &AppState, ask: &Ask, uuid: String) -> Result<CustomerRow, ApiProblem> {
    let row = reports(state).customer(ask, &CustomerId::new(uuid.as_str())).await?;
    row.ok_or(ApiProblem::NotFound { what: "customer", id: uuid, hint: None })
}

/// A customer's subscriptions, all of them on one page; `uuid` is its `cus_…`.
#[utoipa::path(get, path = "/v1/customers/{uuid}/subscriptions", operation_id = "chartmogul_subscriptions", tag = "chartmogul",
    params(("uuid" = String, Path, description = "`cus_…`"), SubscriptionsQuery),
    responses((status = 200, body = Page<Subscription>)))]
pub(super) async fn subscriptions(
    State(state): State<AppState>,
    Named(uuid): Named,
    Query(query): Query<SubscriptionsQuery>,
) -> Answer {
    let (ask, PageSize(per_page)) = (query.ledger.ask(), query.list.per_page);
    let notices = notices(&state, &ask).await?;
    let row = one_of(&state, &ask, uuid).await?;
    let reports = reports(&state);
    let filter = MovementFilter { customer: Some(row.customer.clone()), ..MovementFilter::default() };
    // The last ones tell how it stands.
    let (mut movements, _) = reports.movements(&ask, &filter, Order::Descending, None, LIMIT_MAX).await?;
    movements.reverse();
    let reporting = reports.reporting(&ask);
    let entries = Subscription::all_of(&row, &movements, reporting);
    let converted = reporting.is_some();
    Ok(noticed(json(&Page { converted, entries, has_more: false, per_page, cursor: None }), &notices))
}

/// Prices that are or were paid, by id.
#[utoipa::path(get, path = "/v1/plans", operation_id = "chartmogul_plans", tag = "chartmogul", params(PlansQuery),
    responses((status = 200, body = Plans)))]
pub(super) async fn plans(State(state): State<AppState>, Query(query): Query<PlansQuery>) -> Answer {
    const LIST: &str = "chartmogul plans";
    let _ = query.data_source_uuid;
    let ListQuery { per_page: PageSize(per_page), cursor } = query.list;
    let after: Option<String> = cursor::read(LIST, cursor.as_deref())?;
    let mut plans = reports(&state).plans(&Ask::default()).await?;
    plans.retain(|plan| after.as_ref().is_none_or(|after| plan.uuid > *after));
    plans.retain(|plan| query.external_id.as_ref().is_none_or(|one| plan.uuid == *one));
    let size = usize::try_from(per_page).unwrap_or(usize::MAX);
    let has_more = plans.len() > size;
    plans.truncate(size);
    let cursor = plans.last().filter(|_| has_more).map(|last| cursor::write(LIST, &last.uuid));
    Ok(json(&Plans { plans, has_more, cursor }))
}

/// One price; `uuid` is its id.
#[utoipa::path(get, path = "/v1/plans/{uuid}", operation_id = "chartmogul_plan", tag = "chartmogul",
    params(("uuid" = String, Path, description = "`price_…`")), responses((status = 200, body = Plan)))]
pub(super) async fn plan(State(state): State<AppState>, Named(uuid): Named, _: Query<Nothing>) -> Answer {
    let found = reports(&state).plans(&Ask::default()).await?.into_iter().find(|plan| plan.uuid == uuid);
    Ok(json(&found.ok_or(ApiProblem::NotFound { what: "plan", id: uuid, hint: None })?))
}
