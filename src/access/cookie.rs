//! The session's cookie: HttpOnly, SameSite=Strict, and Secure wherever it could be read on its way.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, header};
use secrecy::{ExposeSecret, SecretString};

/// The cookie's two names. Browsers keep one beginning with `__Host-` only when it came over TLS, for this host alone; over
/// plain HTTP on loopback the name holds the port, for cookies don't tell ports of one host apart.
#[derive(Clone, Debug)]
pub(crate) struct Cookies {
    plain: Arc<str>,
    seconds: i64,
}

const SECURE: &str = "__Host-mrrd_session";

impl Cookies {
    /// Of a daemon at this port, each for so many seconds.
    pub(crate) fn of_port(port: u16, seconds: i64) -> Self {
        Self { plain: format!("mrrd_session_{port}").into(), seconds }
    }

    /// What the request's cookie holds.
    pub(crate) fn presented<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        let all = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let pairs = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut found = pairs.filter(|(name, _)| *name == SECURE || **name == *self.plain).collect::<Vec<_>>();
        found.sort_by_key(|(name, _)| *name != SECURE);
        found.first().map(|(_, value)| *value)
    }

    /// Sets it, to go with every further request until the session ends.
    pub(crate) fn set(&self, value: &SecretString, secure: bool) -> Option<HeaderValue> {
        self.line(value.expose_secret(), self.seconds, secure)
    }

    /// Takes both back.
    pub(crate) fn cleared(&self) -> impl Iterator<Item = HeaderValue> {
        [true, false].into_iter().filter_map(|secure| self.line("", 0, secure))
    }

    fn line(&self, value: &str, seconds: i64, secure: bool) -> Option<HeaderValue> {
        let (name, tail) = if secure { (SECURE, "; Secure") } else { (&*self.plain, "") };
        let line = format!("{name}={value}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Strict{tail}");
        let mut line = HeaderValue::try_from(line).ok()?;
        line.set_sensitive(true);
        Some(line)
    }
}
