//! The OpenAPI document: made from the routes themselves, so that it can't drift from them.

use axum::response::Response;
use serde::Serialize;
use utoipa::{
    IntoParams, Modify, OpenApi, ToSchema,
    openapi::{
        OpenApi as Document,
        security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
    },
};

/// `GET /api/openapi.json`
pub(super) async fn openapi_route() -> Response {
    super::json(&document())
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "mrrd",
        description = "The MRR daemon: Stripe webhooks in, a ledger of monthly recurring revenue out.\n\n\
            Money is in minor units: `X` is an integer, rounded half-even; `X_exact` is a decimal string of the same, \
            exact to the ledger. Days are of the ledger's zone, instants RFC 3339 in UTC. Errors are RFC 9457 problems."
    ),
    tags(
        (name = "figures", description = "MRR, movements and what is made of them"),
        (name = "customers", description = "Who pays what, and why"),
        (name = "alerts", description = "What was out of the ordinary, and who was told"),
        (name = "log", description = "Events as they came, and what couldn't be known"),
        (name = "status", description = "How the daemon stands"),
        (name = "chartmogul", description = "The same figures in ChartMogul's shapes; the token is the user name of HTTP Basic")
    ),
    modifiers(&Tokens)
)]
struct Base;

/// A token with the request, or a session opened with one.
struct Tokens;

impl Modify for Tokens {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_with(Default::default);
        let schemes = [
            ("token", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer))),
            ("token_as_user", SecurityScheme::Http(Http::new(HttpAuthScheme::Basic))),
            (
                "session",
                SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(
                    "__Host-mrrd_session",
                    "Set by POST /sign-in for browsers; over plain HTTP on loopback it is called mrrd_session_PORT. What changes \
                     anything also needs the header `Mrrd-Request: 1`.",
                ))),
            ),
        ];
        let any = schemes.iter().map(|(name, _)| SecurityRequirement::new(*name, Vec::<String>::new())).collect();
        document.security = Some(any);
        components.security_schemes.extend(schemes.map(|(name, scheme)| (name.to_owned(), scheme.into())));
    }
}

/// OpenAPI 3.1 of all routes.
pub fn document() -> Document {
    let (_, routes) = super::described().split_for_parts();
    let mut document = Base::openapi();
    document.merge(routes);
    document
}

/// An error as RFC 9457 has it.
#[derive(Serialize, ToSchema)]
pub(super) struct ProblemBody {
    /// What a program tells it by.
    r#type: String,
    /// What it is, the same for every case of its kind.
    title: String,
    /// The HTTP status.
    status: u16,
    /// This case, and what to do.
    detail: String,
}

/// What every report understands.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what params.rs reads")]
pub(super) struct CommonQuery {
    /// Rule profile; the first configured one without it.
    profile: Option<String>,
    /// A currency's own ledger, or `reporting`: the one converted into the reporting currency, which is the default where
    /// one is configured; else every currency's.
    currency: Option<String>,
    /// Live or test ledger: live without it, unless only test events were ever seen.
    livemode: Option<bool>,
    /// The account's own events without it; else `acct_…`, or `all`.
    account: Option<String>,
    /// A test clock's ledger (`clock_…`); simulated time is left out without it.
    test_clock: Option<String>,
    /// From a prefix of the log: an RFC 3339 instant, or a log sequence number.
    as_known_at: Option<String>,
    /// `json`, or `csv` where the answer is a table.
    format: Option<String>,
}

/// What time series understand.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what params.rs reads")]
pub(super) struct SeriesQuery {
    /// First day; the ledger's first without it.
    #[param(format = "date")]
    from: Option<String>,
    /// Last day, inclusive; the end of the running period without it.
    #[param(format = "date")]
    to: Option<String>,
    /// `day`, `week`, `month` (the default), `quarter` or `year`.
    interval: Option<String>,
    /// `product`, `price`, `interval`, `currency`, `country`, `cohort`, `customer`, `cause` or `metadata:KEY`.
    group_by: Option<String>,
    /// `scheduled`: also what is written ahead, up to `to`.
    include: Option<String>,
    /// `restated` (the default): closed months as they are known now, marked where they are no longer what they were closed
    /// with. `closed`: as they were closed, with later changes as `prior_period` in the first open month.
    basis: Option<String>,
}

/// What restatements understand.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what params.rs reads")]
pub(super) struct RestatementQuery {
    /// Only this closed month, such as `2026-10`.
    month: Option<String>,
}

/// What alerts understand.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what params.rs reads")]
pub(super) struct AlertQuery {
    /// Only this rule's: `churn_spike`, `large_loss`, ….
    rule: Option<String>,
    /// Only those that go on, or only those that are over.
    open: Option<bool>,
    /// Only those somebody took on, or only the others.
    acknowledged: Option<bool>,
    /// `json`, or `csv`.
    format: Option<String>,
}

/// What the audit trail understands.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what audit_trail.rs reads")]
pub(super) struct AuditTrailQuery {
    /// Only this: `month_closed`, `alert_acknowledged`, ….
    action: Option<String>,
    /// `json`, or `csv`.
    format: Option<String>,
}

/// What acknowledging takes.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes what alerts.rs reads")]
pub(super) struct AcknowledgeBody {
    /// Who takes it on; without it, who is signed in.
    by: Option<String>,
}

/// What metrics understand.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what params.rs reads")]
pub(super) struct MetricsQuery {
    /// First day; the ledger's first without it.
    #[param(format = "date")]
    from: Option<String>,
    /// Last day, inclusive; the end of the running period without it.
    #[param(format = "date")]
    to: Option<String>,
    /// `day`, `week`, `month` (the default), `quarter` or `year`.
    interval: Option<String>,
    /// `restated` (the default), or `closed`: closed months as they were when they were closed, with `interval=month`.
    basis: Option<String>,
}

/// What the metrics in ChartMogul's shapes understand.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "kebab-case")]
#[expect(dead_code, reason = "describes what params.rs reads")]
pub(super) struct ChartMogulQuery {
    /// First day; the ledger's first without it.
    #[param(format = "date")]
    start_date: Option<String>,
    /// Last day, inclusive; the end of the running period without it.
    #[param(format = "date")]
    end_date: Option<String>,
    /// `day`, `week`, `month` (the default), `quarter` or `year`.
    interval: Option<String>,
    /// A currency's own ledger, where there are several; `reporting`, the default where one is configured, is the one
    /// converted into the reporting currency.
    currency: Option<String>,
    /// Rule profile; the first configured one without it.
    profile: Option<String>,
}

/// What cohorts understand.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what params.rs reads")]
pub(super) struct CohortQuery {
    /// Cohorts of this day's month and later.
    #[param(format = "date")]
    from: Option<String>,
    /// Cohorts of this day's month and earlier.
    #[param(format = "date")]
    to: Option<String>,
}

/// What lists understand.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what params.rs reads")]
pub(super) struct PageQuery {
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// Entries a page, 1000 at most; 100 without it.
    limit: Option<u32>,
}

/// What the list of customers understands.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what params.rs reads")]
pub(super) struct CustomerQuery {
    /// Only those whose id, name, e-mail or metadata holds each of these words; `KEY:VALUE` is one pair of metadata. Names are
    /// searched where they are shown (`privacy.show_names`).
    q: Option<String>,
    /// `paying`, `past_due`, `ending` (set to end), `trialing` or `left`.
    state: Option<String>,
    /// `mrr` (the most in `currency` first), `since` (the newest first), `name` or `id` (without it).
    sort: Option<String>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// Entries a page, 1000 at most; 100 without it.
    limit: Option<u32>,
}

/// What the list of movements understands.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what params.rs reads")]
pub(super) struct MovementQuery {
    /// First day.
    #[param(format = "date")]
    from: Option<String>,
    /// Last day, inclusive.
    #[param(format = "date")]
    to: Option<String>,
    /// Only this customer's.
    customer: Option<String>,
    /// Only this kind; `transient` ones only when named.
    kind: Option<String>,
    /// Only those with a part of this cause.
    cause: Option<String>,
    /// Only those with a part of this group of causes: `upsell`, `voluntary`, ….
    rollup: Option<String>,
    /// Only those with a part of this product, before or after.
    product: Option<String>,
    /// Only those with a part at this price, before or after.
    price: Option<String>,
    /// Only those with a part billed so often, before or after: `month`, `year`, `3 month`.
    billing: Option<String>,
    /// Only of customers of this country, as it is now.
    country: Option<String>,
    /// Only of customers whose metadata has this now: `KEY:VALUE`, of the keys that `ledger.metadata_keys` keeps.
    metadata: Option<String>,
    /// `scheduled`: also what is written ahead, up to `to`.
    include: Option<String>,
    /// `restated` (the default), or `closed`: those of the closed month from `from` to `to`, as they were when it was closed.
    basis: Option<String>,
    /// `true`: with what customers wrote when leaving, read from bodies; `limit` is 200 at most then.
    comments: Option<bool>,
    /// `asc` (oldest first, the default) or `desc`.
    order: Option<String>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// Goes on with the feed: after 0, or after the `cursor` of the last message that was taken. Only `limit` goes with it;
    /// the answer is `{"data": […], "next_cursor": …}` with the feed's messages.
    after: Option<String>,
    /// Entries a page, 1000 at most; 100 without it.
    limit: Option<u32>,
}

/// What the list of events understands.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what params.rs reads")]
pub(super) struct EventQuery {
    /// Exactly this type, or a prefix ending in `*`.
    r#type: Option<String>,
    /// Created at or after.
    #[param(format = "date-time")]
    since: Option<String>,
    /// Created before.
    #[param(format = "date-time")]
    until: Option<String>,
    /// `facts`, `ignored`, `unreadable` or `thin`.
    reading: Option<String>,
    /// How it came: `webhook`, `replay` or `api`.
    source: Option<String>,
    /// Only this customer's.
    customer: Option<String>,
    /// `asc` (in order of the log, the default) or `desc`.
    order: Option<String>,
    /// Only live, or only test events.
    livemode: Option<bool>,
    /// Only this connected account's, or `own` for the account's own; `all` is everything, as without it. With `customer` it
    /// makes the answer quick on a long log.
    account: Option<String>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// Entries a page, 1000 at most; 100 without it.
    limit: Option<u32>,
    /// `json` or `csv`.
    format: Option<String>,
}
