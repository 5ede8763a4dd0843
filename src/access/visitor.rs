//! What a request tells of its sender: the address, the token it bears, and whose page made a browser send it.

use std::net::{IpAddr, Ipv4Addr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, header, request::Parts};
use secrecy::SecretString;

use crate::{config::SignOn, server::peer::Peer};

/// The header that mrrd's own page sends with whatever changes anything: a browser lets no other site's page set it.
pub(crate) const OWN_REQUEST: HeaderName = HeaderName::from_static("mrrd-request");

/// Who is at the other end, as far as it can be known. Nobody is trusted for the address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// Where the request comes from: the connection's other end, or whom a listed proxy names.
    pub address: IpAddr,
    /// The user that a listed proxy has signed in.
    pub(crate) user: Option<String>,
}

impl Visitor {
    /// Of a request. What headers say of the sender counts only from a proxy that is listed (`api.proxies`).
    pub(crate) fn from_head(head: &Parts, sign_on: &SignOn) -> Self {
        // Every connection has a peer; without one all such requests count as one sender's.
        let peer = head.extensions.get::<Peer>().map(|peer| peer.0.ip().to_canonical());
        let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        if !sign_on.is_listed(peer) {
            return Self { address: peer, user: None };
        }
        // The last one is what the proxy itself saw; those before it anybody may have written.
        let mut lines = head.headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok());
        let last = lines.next_back().and_then(|line| line.rsplit(',').next()).and_then(|last| last.trim().parse().ok());
        Self { address: last.unwrap_or(peer), user: sign_on.user_header.as_ref().and_then(|name| user(head, name)) }
    }
}

/// The user in the proxy's header; one given twice may be the visitor's own, and names nobody.
fn user(head: &Parts, name: &HeaderName) -> Option<String> {
    let mut lines = head.headers.get_all(name).iter();
    let (Some(one), None) = (lines.next(), lines.next()) else { return None };
    let user = one.to_str().ok()?.trim();
    (!user.is_empty() && !user.contains(',')).then(|| user.to_owned())
}

/// `Bearer TOKEN`, or the user name of HTTP Basic, as ChartMogul's clients send it. A header that can't be read counts as a
/// wrong token.
pub(crate) fn presented_token(headers: &HeaderMap) -> Option<SecretString> {
    let value = headers.get(header::AUTHORIZATION)?;
    Some(value.to_str().ok().and_then(token).unwrap_or_default().into())
}

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

/// Whether no other site's page made a browser send this. Browsers say so in `Sec-Fetch-Site` wherever a session can be
/// (over TLS and on loopback); older ones at least say whose page it was.
pub(crate) fn same_site(headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Some((_, authority)) = origin.to_str().ok().and_then(|origin| origin.split_once("://")) else { return false };
    // A proxy may have replaced `Host`; what it says instead no page of another site can set.
    let forwarded = text(HeaderName::from_static("x-forwarded-host"));
    [text(header::HOST), forwarded].into_iter().flatten().any(|host| host.eq_ignore_ascii_case(authority))
}

/// How a browser came to the page it sends a form from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// Over TLS, or by a way we can't tell: a cookie is for TLS only.
    Secure,
    /// Plain HTTP that doesn't leave this machine.
    Loopback,
    /// Plain HTTP over a network, where a token could be read.
    Open,
}

/// Tells it by the page's own origin, which browsers send with every form; without one by the `Host`. Whoever makes either up
/// has only themselves to deceive.
pub(crate) fn transport(headers: &HeaderMap) -> Transport {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    match text(header::ORIGIN).and_then(|origin| origin.split_once("://")) {
        Some(("http", host)) if is_loopback_host(host) => Transport::Loopback,
        Some(("http", _)) => Transport::Open,
        Some(_) => Transport::Secure,
        None if text(header::HOST).is_some_and(is_loopback_host) => Transport::Loopback,
        None => Transport::Secure,
    }
}

/// A host, with or without port, that can only be this machine.
fn is_loopback_host(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, _)) => name,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    /// Headers from words such as `host=localhost`.
    fn headers(words: &str) -> HeaderMap {
        let pair = |word: &str| word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap();
        let pairs = words.split_whitespace().map(pair);
        pairs.map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_token_is_a_bearers_or_the_user_name_of_basic() {
        let presented = |authorization: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, authorization.parse().unwrap());
            presented_token(&headers).unwrap().expose_secret().to_owned()
        };
        assert_eq!(presented("Bearer first-token"), "first-token");
        assert_eq!(presented("bearer  first-token"), "first-token");
        assert_eq!(presented(&format!("Basic {}", STANDARD.encode("first-token:"))), "first-token");
        for unreadable in ["Bearer", "first-token", "Basic first-token", "Digest first-token"] {
            assert_eq!(presented(unreadable), "", "{unreadable}");
        }
        assert!(presented_token(&HeaderMap::new()).is_none());
    }

    #[test]
    fn another_sites_page_is_told_from_our_own() {
        for ours in [
            "host=mrrd.example",
            "host=mrrd.example sec-fetch-site=same-origin origin=https://mrrd.example",
            "host=mrrd.example origin=https://mrrd.example",
            "host=127.0.0.1:8787 x-forwarded-host=mrrd.example origin=https://mrrd.example",
            "host=127.0.0.1:8787 origin=https://mrrd.example sec-fetch-site=same-origin",
        ] {
            assert!(same_site(&headers(ours)), "{ours}");
        }
        for theirs in [
            "host=mrrd.example sec-fetch-site=cross-site",
            "host=mrrd.example sec-fetch-site=same-site origin=https://mrrd.example",
            "host=mrrd.example origin=https://evil.example",
            "host=mrrd.example origin=null",
        ] {
            assert!(!same_site(&headers(theirs)), "{theirs}");
        }
    }

    #[test]
    fn a_cookie_is_for_tls_unless_nothing_leaves_this_machine() {
        for (words, expected) in [
            ("host=127.0.0.1:8787 origin=https://mrrd.example", Transport::Secure),
            ("host=mrrd.example", Transport::Secure),
            ("host=127.0.0.1:8787 origin=http://127.0.0.1:8787", Transport::Loopback),
            ("host=localhost:8787", Transport::Loopback),
            ("host=[::1]:8787 origin=http://[::1]:8787", Transport::Loopback),
            ("host=127.0.0.1:8787 origin=http://mrrd.example", Transport::Open),
            ("host=localhost.evil.example", Transport::Secure),
            ("host=127.0.0.1:8787 origin=null", Transport::Loopback),
        ] {
            assert_eq!(transport(&headers(words)), expected, "{words}");
        }
    }
}
