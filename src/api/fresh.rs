//! `ETag` and `If-None-Match`: an answer is told by what it is made of, looked up before any work is done.
//!
//! A tag is made of the generation and its position, the rules and records beside it, the day, the address and the instant of the
//! answer. Rows are dated ahead and readers cut at now, so the same state may answer otherwise a second later: a tag holds on only
//! while nothing has become due since its instant, and so does an answer that is kept. While customers wait to be recomputed there is none, for rows change then
//! without the position.

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use sha2::{Digest, Sha256};

use super::problem::ApiProblem;
use crate::{
    api::state::AppState,
    config::Names,
    ledger::time::UnixTime,
    store::{
        StoreError,
        derived::{Applied, GenerationId},
    },
};

/// Routes of figures that name nobody: a browser may keep their answers, and asks whether they still hold.
const FIGURES: [&str; 4] = ["/api/v1/mrr", "/api/v1/metrics", "/api/v1/cohorts", "/v1/metrics/{metric}"];
/// Routes whose answers look at everybody's whole past: they bear no tag, and what was answered is given again while it holds.
const OF_THE_PAST: [&str; 2] = ["/api/v1/durability", "/api/v1/alerts/backtest"];
/// Routes whose answers name customers: programs may keep them, no browser writes them to a disk.
const OF_PEOPLE: [&str; 10] = [
    "/api/v1/movements",
    "/api/v1/customers",
    "/api/v1/customers/{id}",
    "/api/v1/customers/{id}/explain",
    "/api/v1/restatements",
    "/v1/customers",
    "/v1/customers/search",
    "/v1/customers/{uuid}",
    "/v1/customers/{uuid}/activities",
    "/v1/customers/{uuid}/subscriptions",
];

/// Whether the answers of this route bear a tag.
pub(super) fn is_tagged(route: &str) -> bool {
    FIGURES.contains(&route) || OF_PEOPLE.contains(&route)
}

/// Answers 304 where the client has what would be answered, and tags the answer where it hasn't.
pub(super) async fn tags(State(state): State<AppState>, request: Request, next: Next) -> Result<Response, ApiProblem> {
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned()).unwrap_or_default();
    let query = request.uri().query().unwrap_or_default();
    // A prefix of the log is derived for its question, with dates of its own.
    let (tagged, is_past) = (is_tagged(&route), OF_THE_PAST.contains(&&*route));
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    if !(tagged || is_past) || !is_read || query.contains("as_known_at") {
        return Ok(next.run(request).await);
    }
    let now = state.clock.now();
    let made_of = made_of(&state, request.uri().path(), query, now).await?;
    let kept = if FIGURES.contains(&&*route) { "private, no-cache" } else { "no-store" };
    if tagged
        && let Some(made_of) = &made_of
        && let Some(tag) = holds(&state, request.headers(), made_of, now).await?
    {
        return Ok(tag_on(StatusCode::NOT_MODIFIED.into_response(), tag, kept));
    }
    let with_tag = |answer: Response, tag: String| if tagged { tag_on(answer, tag, kept) } else { answer };
    // The answer itself is kept of a route that names nobody, and of one that is dear; to HEAD there is none.
    let keeps = (is_past || FIGURES.contains(&&*route)) && *request.method() == Method::GET;
    if keeps
        && let Some(made_of) = &made_of
        && let Some((since, answer)) = state.kept.get(&made_of.digest)
        && since <= now
        && !state.store.derived.falls_due(made_of.generation, since, now).await?
    {
        return Ok(with_tag(answer, made_of.tag(since)));
    }
    let response = next.run(request).await;
    match made_of {
        Some(made_of) if response.status() == StatusCode::OK => {
            let response = if keeps { state.kept.keep(&made_of.digest, now, response).await } else { response };
            Ok(with_tag(response, made_of.tag(now)))
        }
        _ => Ok(response),
    }
}

fn tag_on(mut response: Response, tag: String, kept: &'static str) -> Response {
    let headers = response.headers_mut();
    // Hexadecimal digits and quotes are always a header's value.
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(header::ETAG, tag);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
        headers.insert(header::VARY, HeaderValue::from_static("authorization, cookie"));
    }
    response
}

/// What an answer is made of, beside the instant.
struct MadeOf {
    generation: GenerationId,
    digest: String,
}

impl MadeOf {
    fn tag(&self, at: UnixTime) -> String {
        format!("W/\"{}-{:x}\"", self.digest, at.0)
    }
}

/// `None` where it can't be told by so little: nothing is derived, or customers wait.
async fn made_of(state: &AppState, path: &str, query: &str, now: UnixTime) -> Result<Option<MadeOf>, ApiProblem> {
    let (store, ledger) = (&state.store, &state.config.ledger);
    let Some(current) = store.derived.generations().await?.into_iter().find(|generation| generation.current) else {
        return Ok(None);
    };
    // Before the position: what is taken in between may make a tag that is older than its answer, never a younger one.
    let last_seq = store.log.end().await?;
    let records = store.records.mark().await?;
    let names = match state.config.privacy.names {
        Names::Shown => Some(store.derived.names_position().await?),
        Names::Hidden => None,
    };
    let Applied { position, first_marked } = match store.derived.applied(current.id).await {
        // A rebuild has just replaced it.
        Err(StoreError::Corrupt { .. }) => return Ok(None),
        applied => applied?,
    };
    if first_marked.is_some() {
        return Ok(None);
    }
    let own = (
        &ledger.profiles,
        &ledger.timezone,
        &ledger.customers,
        &ledger.reporting_currency,
        &ledger.fx_day,
        &ledger.segments,
    );
    let day = ledger.zone.day(now);
    let text = format!(
        "{}\n{path}\n{query}\n{}\n{}\n{own:?}\n{position} {last_seq} {records:?} {names:?} {day}",
        env!("CARGO_PKG_VERSION"),
        current.id,
        current.fingerprint,
    );
    let digest = Sha256::digest(text.as_bytes())[..12].iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Some(MadeOf { generation: current.id, digest }))
}

/// The tag among those the client has that still holds.
async fn holds(
    state: &AppState,
    headers: &HeaderMap,
    made_of: &MadeOf,
    now: UnixTime,
) -> Result<Option<String>, ApiProblem> {
    let offered = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
    for tag in offered.flat_map(|line| line.split(',')).map(str::trim) {
        let Some(since) = instant_of(tag, &made_of.digest).filter(|since| *since <= now) else { continue };
        if !state.store.derived.falls_due(made_of.generation, since, now).await? {
            return Ok(Some(made_of.tag(since)));
        }
    }
    Ok(None)
}

/// The instant of a tag of this digest.
fn instant_of(tag: &str, digest: &str) -> Option<UnixTime> {
    // A comparison of `If-None-Match` is weak.
    let text = tag.strip_prefix("W/").unwrap_or(tag).strip_prefix('"')?.strip_suffix('"')?;
    let (of, at) = text.split_once('-')?;
    (of == digest).then(|| i64::from_str_radix(at, 16).ok().map(UnixTime)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_tells_its_instant_to_its_own_digest_alone() {
        let made_of = MadeOf { generation: GenerationId(1), digest: "ab12".to_owned() };
        let tag = made_of.tag(UnixTime(1_772_000_000));
        assert_eq!(instant_of(&tag, "ab12"), Some(UnixTime(1_772_000_000)));
        assert_eq!(
            instant_of(tag.trim_start_matches("W/"), "ab12"),
            Some(UnixTime(1_772_000_000)),
            "the comparison is weak"
        );
        assert_eq!(instant_of(&tag, "ab13"), None);
        for other in ["*", "\"\"", "W/\"ab12\"", "ab12-1", "W/\"ab12-zz\""] {
            assert_eq!(instant_of(other, "ab12"), None, "{other}");
        }
    }
}
