//! The OpenAPI document: made from the routes themselves, so that it can't drift from them.

use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::{
    Modify, OpenApi, ToSchema,
    openapi::{
        OpenApi as Document,
        security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
    },
};

use super::query::{Nothing, Query};

/// The OpenAPI document of this API.
#[utoipa::path(get, path = "/api/openapi.json", tag = "status", operation_id = "openapi",
    responses((status = 200, body = Object)))]
pub(super) async fn openapi_route(_: Query<Nothing>) -> Response {
    axum::Json(document()).into_response()
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "mrrd",
        description = "The MRR daemon: Stripe webhooks in, a ledger of monthly recurring revenue out.\n\n\
            Money is in minor units: `X` is an integer, rounded half-even; `X_exact` is a decimal string of the same, \
            exact to the ledger. Days are of the ledger's zone, instants RFC 3339 in UTC. Errors are RFC 9457 problems."
    ),
    paths(
        super::beside::healthz,
        super::beside::readyz,
        super::beside::metrics,
        super::beside::webhook,
        super::beside::named_webhook,
        openapi_route
    ),
    components(schemas(ProblemBody)),
    tags(
        (name = "webhooks", description = "Where Stripe posts to"),
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
    super::answers::complete(&mut document);
    document
}

/// An error as RFC 9457 has it.
#[derive(Serialize, ToSchema)]
pub(super) struct ProblemBody {
    /// What a program tells it by.
    r#type: String,
    /// What it is, the same for every case of its kind.
    title: String,
    /// The HTTP status of the answer.
    status: u16,
    /// This case, and what to do.
    detail: String,
}

/// Who acknowledges an alert.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes what alerts.rs reads")]
pub(super) struct AcknowledgeBody {
    /// Who takes it on; without it, who is signed in.
    by: Option<String>,
}
