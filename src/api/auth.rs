//! Who may read figures: a bearer of a token; with none configured, this machine alone (interface.md 1).

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, header};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::problem::ApiProblem;
use crate::server::state::{AppState, Peer};

/// Lets a request pass or refuses it.
pub(super) async fn guard(State(state): State<AppState>, request: Request, next: Next) -> Result<Response, ApiProblem> {
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    check(&state.config.api.tokens, state.bound, peer, request.headers())?;
    Ok(next.run(request).await)
}

/// Whether these headers, from this peer, may read figures.
pub fn check(
    tokens: &[SecretString],
    bound: SocketAddr,
    peer: Option<SocketAddr>,
    headers: &HeaderMap,
) -> Result<(), ApiProblem> {
    if tokens.is_empty() {
        return if is_local(bound, peer, headers) { Ok(()) } else { Err(ApiProblem::NotLocal) };
    }
    let presented = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(token);
    match presented {
        Some(token) if is_one_of(tokens, &token) => Ok(()),
        _ => Err(ApiProblem::Unauthorized),
    }
}

/// `Bearer TOKEN`, or the user name of HTTP Basic, as ChartMogul's clients send it.
fn token(authorization: &str) -> Option<String> {
    let (scheme, rest) = authorization.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.to_owned());
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let text = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
        return text.split_once(':').map(|(user, _)| user.to_owned());
    }
    None
}

/// Compares digests, all of them, in constant time: neither the length nor the place of a difference tells anything.
fn is_one_of(tokens: &[SecretString], presented: &str) -> bool {
    let presented = Sha256::digest(presented);
    let found = tokens
        .iter()
        .fold(Choice::from(0), |found, token| found | Sha256::digest(token.expose_secret()).ct_eq(&presented));
    found.into()
}

/// Listen address, peer and `Host` are loopback, and no proxy stands between: it would make every visitor loopback.
fn is_local(bound: SocketAddr, peer: Option<SocketAddr>, headers: &HeaderMap) -> bool {
    let proxied = |name: &header::HeaderName| name == header::FORWARDED || name.as_str().starts_with("x-forwarded-");
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    bound.ip().to_canonical().is_loopback()
        && peer.is_some_and(|peer| peer.ip().to_canonical().is_loopback())
        && host.is_some_and(is_loopback_host)
        && !headers.keys().any(proxied)
}

/// A `Host` that can only be this machine: a name resolved elsewhere (DNS rebinding) is not.
fn is_loopback_host(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, _)) => name,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `bound peer header=value…` without tokens.
    fn local(line: &str) -> bool {
        let mut words = line.split(' ');
        let bound = words.next().unwrap().parse().unwrap();
        let peer = words.next().unwrap().parse().unwrap();
        check(&[], bound, Some(peer), &headers(words)).is_ok()
    }

    fn headers<'a>(words: impl Iterator<Item = &'a str>) -> HeaderMap {
        let pair = |word: &'a str| word.split_once('=').unwrap();
        words
            .map(pair)
            .map(|(name, value)| (name.parse::<header::HeaderName>().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn without_tokens_only_this_machine_is_answered() {
        for line in [
            "127.0.0.1:8787 127.0.0.1:5000 host=127.0.0.1:8787",
            "127.0.0.1:8787 127.0.0.1:5000 host=localhost:8787",
            "127.0.0.1:8787 127.0.0.1:5000 host=LOCALHOST",
            "[::1]:8787 [::1]:5000 host=[::1]:8787",
            "127.0.0.1:8787 [::ffff:127.0.0.1]:5000 host=127.0.0.1",
        ] {
            assert!(local(line), "{line}");
        }
        for line in [
            "0.0.0.0:8787 127.0.0.1:5000 host=127.0.0.1:8787",
            "127.0.0.1:8787 10.0.0.7:5000 host=127.0.0.1:8787",
            "127.0.0.1:8787 127.0.0.1:5000",
            "127.0.0.1:8787 127.0.0.1:5000 host=evil.example:8787",
            "127.0.0.1:8787 127.0.0.1:5000 host=localhost.evil.example",
            "127.0.0.1:8787 127.0.0.1:5000 host=127.0.0.1 forwarded=for=10.0.0.7",
            "127.0.0.1:8787 127.0.0.1:5000 host=127.0.0.1 x-forwarded-for=10.0.0.7",
            "127.0.0.1:8787 127.0.0.1:5000 host=127.0.0.1 x-forwarded-proto=https",
        ] {
            assert!(!local(line), "{line}");
        }
    }

    #[test]
    fn with_tokens_only_their_bearers_are_answered_wherever_they_are() {
        let tokens = [SecretString::from("first-token"), SecretString::from("second-token")];
        let (bound, peer) = ("0.0.0.0:8787".parse().unwrap(), "10.0.0.7:5000".parse().unwrap());
        let answered = |authorization: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, authorization.parse().unwrap());
            check(&tokens, bound, Some(peer), &headers).is_ok()
        };
        assert!(answered("Bearer first-token"));
        assert!(answered("bearer second-token"));
        assert!(answered(&format!("Basic {}", STANDARD.encode("second-token:"))));
        for wrong in ["Bearer first", "Bearer first-token-and-more", "Bearer", "first-token", "Basic first-token"] {
            assert!(!answered(wrong), "{wrong}");
        }
        let loopback = "127.0.0.1:8787".parse().unwrap();
        assert!(check(&tokens, loopback, Some(loopback), &headers(["host=localhost"].into_iter())).is_err());
    }
}
