//! `Link`: where a list goes on and begins (RFC 8288), for clients that follow it and for CSV, which has no place for a cursor.

use axum::{extract::Request, middleware::Next, response::Response};
use http::{HeaderValue, Uri, header};

/// Where the list of this answer goes on: an extension that the list's handler leaves.
#[derive(Clone, Debug)]
struct Onward {
    parameter: &'static str,
    cursor: String,
}

/// The answer with its next page, where there is one.
pub(super) fn onward(mut response: Response, cursor: Option<String>) -> Response {
    if let Some(cursor) = cursor {
        response.extensions_mut().insert(Onward { parameter: "cursor", cursor });
    }
    response
}

/// The same of a list that goes on by another parameter.
pub(super) fn onward_by(mut response: Response, parameter: &'static str, cursor: Option<String>) -> Response {
    if let Some(cursor) = cursor {
        response.extensions_mut().insert(Onward { parameter, cursor });
    }
    response
}

/// Writes the header field of every list that goes on.
pub(super) async fn links(request: Request, next: Next) -> Response {
    let uri = request.uri().clone();
    let mut response = next.run(request).await;
    if let Some(Onward { parameter, cursor }) = response.extensions_mut().remove::<Onward>()
        && let Ok(link) = HeaderValue::try_from(format!("<{}>; rel=\"next\"", target(&uri, parameter, &cursor)))
    {
        response.headers_mut().append(header::LINK, link);
    }
    response
}

/// The same question with another cursor. A cursor is of letters, digits, `-` and `_`.
fn target(uri: &Uri, parameter: &str, cursor: &str) -> String {
    let others = uri.query().unwrap_or_default().split('&');
    let others = others.filter(|pair| !pair.is_empty() && pair.split('=').next() != Some(parameter));
    let query: Vec<String> = others.map(str::to_owned).chain([format!("{parameter}={cursor}")]).collect();
    format!("{}?{}", uri.path(), query.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_stays_and_the_cursor_moves() {
        let uri: Uri = "/api/v1/movements?kind=churn&cursor=old&limit=2".parse().unwrap();
        assert_eq!(target(&uri, "cursor", "new"), "/api/v1/movements?kind=churn&limit=2&cursor=new");
        assert_eq!(target(&"/api/v1/events".parse().unwrap(), "cursor", "a"), "/api/v1/events?cursor=a");
    }
}
