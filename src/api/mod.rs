//! `/api/v1/…`: figures as JSON (docs/interface.md 5). Parameters in, reports out; rules and SQL live elsewhere.

mod accounts;
mod accuracy;
mod alerts;
mod answers;
mod audit;
mod audit_trail;
mod auth;
mod backtest;
mod beside;
mod chartmogul;
mod chartmogul_lists;
mod closings;
mod committed;
mod cursor;
mod customers;
mod document;
mod durability;
mod events;
mod failures;
mod fresh;
mod goals;
mod health;
mod imports;
pub mod kept;
mod links;
mod long;
mod metrics;
mod movements;
mod mrr;
mod named;
mod params;
mod planned;
mod problem;
mod profiles;
pub mod pulse;
mod quality;
mod query;
mod restatements;
mod rules;
mod segments;
mod sent;
pub mod sign_in;
pub mod state;
mod status;
mod stream;
mod unit_economics;
mod values;

use axum::{
    Router,
    body::Body,
    extract::Request,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderValue, header};
use serde::Serialize;
use tower_http::compression::CompressionLayer;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub use self::{document::document, problem::ApiProblem};
use self::{params::Wanted, values::Units};
use crate::{
    api::state::AppState,
    budget::{self, Budget},
    report::{
        ask::Ask,
        ledger_status::LedgerStatus,
        notice::Notice,
        service::Reports,
        table::Table,
        workbook::{self, workbook},
    },
};

/// Where assistants ask (src/mcp).
pub const MCP: &str = "/mcp";

/// Every route of the API, guarded.
pub fn router(state: AppState) -> Router {
    let guard = middleware::from_fn_with_state(state.clone(), auth::guard);
    routes(&state)
        .route_layer(guard)
        .layer(middleware::from_fn(links::links))
        .layer(middleware::from_fn(headers))
        // No secret is ever in an answer beside text that a visitor chooses, so its length gives nothing away.
        .layer(CompressionLayer::new())
        .with_state(state)
}

/// The same without a door, for what asks them within this process and has let in whoever asks.
pub fn answering(state: AppState) -> Router {
    routes(&state).with_state(state)
}

fn routes(state: &AppState) -> Router<AppState> {
    let (routes, _) = described().split_for_parts();
    routes
        .route("/api/openapi.json", get(document::openapi_route))
        .route_layer(middleware::from_fn(within_budget))
        // What still holds costs nothing of a budget; who may not ask hears nothing of it.
        .route_layer(middleware::from_fn_with_state(state.clone(), fresh::tags))
}

/// The routes with their descriptions.
fn described() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(status::status))
        .routes(routes!(mrr::mrr))
        .routes(routes!(movements::movements))
        .routes(routes!(metrics::metrics))
        .routes(routes!(metrics::cohorts))
        .routes(routes!(committed::committed))
        .routes(routes!(accuracy::accuracy))
        .routes(routes!(durability::durability))
        .routes(routes!(unit_economics::unit_economics))
        .routes(routes!(customers::customers))
        .routes(routes!(customers::customer))
        .routes(routes!(customers::explain))
        .routes(routes!(customers::invoices))
        .routes(routes!(failures::failures))
        .routes(routes!(named::list))
        .routes(routes!(events::events))
        .routes(routes!(events::event))
        .routes(routes!(events::raw))
        .routes(routes!(events::facts))
        .routes(routes!(quality::quality))
        .routes(routes!(chartmogul::metrics))
        .routes(routes!(chartmogul::activities))
        .routes(routes!(chartmogul_lists::ping))
        .routes(routes!(chartmogul_lists::account))
        .routes(routes!(chartmogul_lists::customers))
        .routes(routes!(chartmogul_lists::search))
        .routes(routes!(chartmogul_lists::customer))
        .routes(routes!(chartmogul_lists::subscriptions))
        .routes(routes!(chartmogul_lists::plans))
        .routes(routes!(chartmogul_lists::plan))
        .routes(routes!(accounts::accounts))
        .routes(routes!(imports::imports, imports::take))
        .routes(routes!(imports::import))
        .routes(routes!(restatements::restatements))
        .routes(routes!(rules::rules))
        .routes(routes!(rules::rule))
        .routes(routes!(alerts::alerts))
        .routes(routes!(alerts::alert))
        .routes(routes!(alerts::acknowledge))
        .routes(routes!(closings::closings, closings::close))
        .routes(routes!(goals::goals, goals::set))
        .routes(routes!(goals::end))
        .routes(routes!(segments::segments, segments::save))
        .routes(routes!(segments::drop_saved))
        .routes(routes!(planned::annotations, planned::annotate))
        .routes(routes!(planned::forget))
        .routes(routes!(planned::mutes, planned::mute))
        .routes(routes!(planned::unmute))
        .routes(routes!(backtest::run))
        .routes(routes!(profiles::profiles))
        .routes(routes!(profiles::compare))
        .routes(routes!(audit::audit))
        .routes(routes!(health::health))
        .routes(routes!(stream::stream))
        .routes(routes!(audit_trail::audit_trail))
}

/// Figures are nobody else's: no cache keeps them unless an answer says otherwise, and no browser guesses another type.
/// A table is a file, with a name of its own where it is saved.
async fn headers(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    let kind = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let extension = match kind {
        kind if kind.starts_with(b"text/csv") => Some("csv"),
        kind if kind == workbook::MEDIA_TYPE.as_bytes() => Some("xlsx"),
        _ => None,
    };
    if let Some(name) = extension.and_then(|extension| file_name(&path, extension)) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    // A tagged answer has said how it may be kept.
    if !response.headers().contains_key(header::ETAG) {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// `attachment; filename="mrrd-customers-cus_1-explain.csv"` for `/api/v1/customers/cus_1/explain`.
fn file_name(path: &str, extension: &str) -> Option<HeaderValue> {
    let route = path.strip_prefix("/api/v1/")?;
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let name: String = route.chars().map(plain).collect();
    HeaderValue::try_from(format!("attachment; filename=\"mrrd-{name}.{extension}\"")).ok()
}

type Answer = Result<Response, ApiProblem>;

fn reports(state: &AppState) -> Reports<'_> {
    Reports::new(&state.store, &state.config.ledger, state.clock.now()).sharing(&state.derivations)
}

/// JSON, or the table it was asked for as. A long answer is sent as it is written, and is never whole in memory; a workbook is.
fn answer<T: Serialize + Send + 'static>(wanted: Wanted, value: T, table: fn(&T) -> Table) -> Answer {
    let whose = budget::current().filter(|question| question.held() > long::LONG_BYTES);
    let (kind, body) = match (wanted, whose) {
        (Wanted::Xlsx, _) => return workbook_of(&[], table(&value)),
        (Wanted::Json, None) => return Ok(json(&value)),
        (Wanted::Json, Some(question)) => {
            ("application/json", long::body(question, move |out| Ok(serde_json::to_writer(out, &value)?)))
        }
        (Wanted::Csv(units), whose) => {
            let cells = move |value: &T| match units {
                Units::Major => table(value).in_units(),
                Units::Minor => table(value),
            };
            let body = match whose {
                Some(question) => long::body(question, move |out| cells(&value).write_csv(out)),
                None => cells(&value).csv().into(),
            };
            ("text/csv; charset=utf-8; header=present", body)
        }
    };
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(kind))], body).into_response())
}

/// A table as a workbook, with what was asked.
fn workbook_of(about: &[(&str, String)], table: Table) -> Answer {
    let bytes = workbook(about, &[("figures", table)])?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(workbook::MEDIA_TYPE))], bytes).into_response())
}

/// Lets each question cost what it may. What it holds is given back once its answer is gone.
async fn within_budget(request: Request, next: Next) -> Result<Response, ApiProblem> {
    let question = Budget::begin();
    let response = question.answer(next.run(request)).await?;
    Ok(response.map(|body| Body::new(long::Holding::new(body, question))))
}

/// An answer with what a reader has to be told of it: that its figures are behind, or why there are none.
#[derive(Serialize, ToSchema)]
struct Told<T> {
    #[serde(flatten)]
    answer: T,
    /// So many events of the log are not in these figures yet; absent where all are.
    #[serde(skip_serializing_if = "Option::is_none")]
    behind: Option<i64>,
    /// What isn't shown, and why; absent where there is nothing to say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    notices: Vec<Notice>,
}

/// How the ledger stands that `ask` is about. Looked at before its rows are read: what is applied in between may count as
/// behind, and nothing that was acknowledged before the question is missing without a word.
async fn ledger_status(state: &AppState, ask: &Ask) -> Result<Option<LedgerStatus>, ApiProblem> {
    Ok(reports(state).ledger_status_of(ask).await?)
}

/// A question, with the ledger as it stood before the question's rows were read.
struct Asked<'a> {
    ask: &'a Ask,
    /// `None` for a prefix of the log, which is derived for the question.
    ledger_status: Option<LedgerStatus>,
}

/// JSON, or the table it was asked for as, of the ledger that `ask` is about, as it stood before it was read. An empty answer
/// says why it is.
async fn told<T: Serialize + Send + 'static>(
    state: &AppState,
    asked: Asked<'_>,
    wanted: Wanted,
    value: T,
    is_empty: bool,
    table: fn(&T) -> Table,
) -> Answer {
    told_with(state, asked, wanted, value, is_empty, None, table).await
}

/// The same, with what the answer itself has to say.
async fn told_with<T: Serialize + Send + 'static>(
    state: &AppState,
    Asked { ask, ledger_status }: Asked<'_>,
    wanted: Wanted,
    value: T,
    is_empty: bool,
    notice: Option<Notice>,
    table: fn(&T) -> Table,
) -> Answer {
    let mut notices = ledger_status.as_ref().map(LedgerStatus::notices).unwrap_or_default();
    notices.extend(notice);
    if is_empty {
        notices.extend(reports(state).why_empty(ask).await?);
    }
    match wanted {
        Wanted::Json => {}
        Wanted::Csv(_) => return Ok(noticed(answer(wanted, value, table)?, &notices)),
        Wanted::Xlsx => {
            let about = reports(state).about(ask, &notices).await?;
            return Ok(noticed(workbook_of(&about, table(&value))?, &notices));
        }
    }
    let behind = ledger_status.map(|ledger_status| ledger_status.behind).filter(|behind| *behind > 0);
    answer(wanted, Told { answer: value, behind, notices }, |_| Table::default())
}

/// An answer whose shape has no place for notices carries them as `mrrd-notice`.
fn noticed(mut response: Response, notices: &[Notice]) -> Response {
    for notice in notices {
        // What isn't ASCII in it, of an account's id, is left out.
        let text: String = notice.detail.chars().filter(|c| c.is_ascii() && !c.is_ascii_control()).collect();
        if let Ok(text) = HeaderValue::from_str(&text) {
            response.headers_mut().append("mrrd-notice", text);
        }
    }
    response
}

fn json<T: Serialize>(value: &T) -> Response {
    axum::Json(value).into_response()
}
