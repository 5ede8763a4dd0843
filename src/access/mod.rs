//! The door: who may read figures, and who may change anything. Closed until opened (docs/interface.md 1): no request is trusted
//! for where it comes from, only for the token it bears or the session it opened with one.

mod attempts;
mod cookie;
pub mod first;
mod secret;
pub mod sign_in_page;
pub mod visitor;

use std::{fmt, net::IpAddr, sync::Arc};

use http::{HeaderMap, request::Parts};
use secrecy::{ExposeSecret, SecretString};
use subtle::{Choice, ConstantTimeEq};
use thiserror::Error;

use self::{attempts::Attempts, cookie::Cookies, secret::digest};
pub use self::{secret::new_token, visitor::Visitor};
use crate::{
    clock::Clock,
    config,
    ledger::time::UnixTime,
    limits,
    store::{
        StoreError,
        records::Records,
        records::{
            access::{AccessRole, SecretDigest, SessionRow, TokenRow},
            audit_trail::{Action, Actor, KnownBy},
        },
    },
};

/// Why a request isn't answered.
#[derive(Debug, Error)]
pub enum Denied {
    /// No token came with it, and no session.
    #[error(
        "no token was sent: send one as `Authorization: Bearer TOKEN`, or sign in at / with one; `mrrd token create` makes one"
    )]
    NoToken,
    /// A token that is none of ours, whether it never was one or was revoked: which of these is nobody's business who has no other.
    #[error(
        "the token that was sent is none of this ledger's, or was revoked: `mrrd token list` names those in force, \
         `mrrd token create` makes one"
    )]
    WrongToken,
    /// A session that has ended, or whose token is no longer in force.
    #[error("the session has ended, or the token that opened it was revoked: sign in at / again")]
    SessionEnded,
    /// Too many wrong tokens came from this address.
    #[error("too many wrong tokens came from this address: try again in {retry_seconds} seconds")]
    TooMany {
        /// When trying again makes sense.
        retry_seconds: u32,
    },
    /// Who asks may only read.
    #[error("this needs an admin's token: the one presented may only read")]
    NeedsAdmin,
    /// Another site's page made the browser send this.
    #[error(
        "a browser's request that changes anything must come from mrrd's own page, with the header `Mrrd-Request: 1`"
    )]
    OtherSite,
    /// It can't be looked up now.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How somebody showed who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// By a token with the request itself.
    Token,
    /// By a session's cookie.
    Session {
        /// When it ends by itself.
        ends_at: UnixTime,
    },
    /// By the word of a single-sign-on proxy.
    Proxy,
}

/// Who asks, and what they may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The token's name, as people know it.
    pub who: String,
    /// What they may read and change.
    pub role: AccessRole,
    /// By what they showed who they are.
    pub shown: Shown,
    /// The address of the network that it came from.
    pub address: IpAddr,
}

impl Identity {
    /// As the audit trail names them.
    pub fn actor(&self) -> Actor {
        let by = match self.shown {
            Shown::Token => KnownBy::Token,
            Shown::Session { .. } => KnownBy::Session,
            Shown::Proxy => KnownBy::Proxy,
        };
        Actor { who: self.who.clone(), by, address: self.address.to_string() }
    }
}

/// The user of a command on the machine itself, as the audit trail names them.
pub fn at_the_command_line() -> Actor {
    let who = config::user_of_process().unwrap_or_else(|| "unknown".to_owned());
    Actor { who, by: KnownBy::Command, address: String::new() }
}

/// A new token, and what is kept of it.
pub fn made(name: &str, role: AccessRole, now: UnixTime) -> (SecretString, TokenRow) {
    let token = new_token();
    let digest = digest(token.expose_secret());
    (token, TokenRow { id: secret::new_id(), digest, name: name.into(), role, created_at: now, revoked_at: None })
}

/// The door of one process; clones share it.
#[derive(Clone)]
pub struct Access {
    configured: Arc<[SecretDigest]>,
    sign_on: Arc<config::SignOn>,
    session_seconds: i64,
    records: Records,
    clock: Clock,
    attempts: Arc<Attempts>,
    pub(crate) cookies: Cookies,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("configured", &self.configured.len()).finish_non_exhaustive()
    }
}

/// What is posted to be looked at, and changes nothing.
const READS_BY_POST: [&str; 2] = ["/api/v1/audit", "/mcp"];

impl Access {
    /// The door of a process that listens on `port`.
    pub fn new(api: &config::Api, port: u16, records: Records, clock: Clock) -> Self {
        let configured = api.tokens.iter().map(|token| digest(token.expose_secret())).collect();
        let session_seconds = i64::try_from(api.session.as_secs()).unwrap_or(i64::MAX);
        let cookies = Cookies::of_port(port, session_seconds);
        let sign_on = Arc::new(api.sign_on.clone());
        Self { configured, sign_on, session_seconds, records, clock, attempts: Arc::default(), cookies }
    }

    /// Who sent this request. A token that comes with the request counts before a session.
    pub async fn identify(&self, head: &Parts) -> Result<Identity, Denied> {
        let visitor = self.visitor(head);
        if let Some(token) = visitor::presented_token(&head.headers) {
            return Ok(self.by_token(&visitor, &token).await?.0);
        }
        if let Some(user) = visitor.user {
            let (role, shown) = (self.sign_on.role, Shown::Proxy);
            return Ok(Identity { who: user, role, shown, address: visitor.address });
        }
        match self.cookies.presented(&head.headers) {
            Some(cookie) => self.by_session(&visitor, &digest(cookie)).await,
            None => Err(Denied::NoToken),
        }
    }

    /// Whether who sent this request would still be let in. While that can't be looked up, nobody is sent away.
    pub async fn still_admits(&self, head: &Parts) -> bool {
        matches!(self.identify(head).await, Ok(_) | Err(Denied::Store(_)))
    }

    /// Who is at the other end of a request.
    pub(crate) fn visitor(&self, head: &Parts) -> Visitor {
        Visitor::from_head(head, &self.sign_on)
    }

    /// Who sent this request, if they may do what it asks: reading is for everybody known, the rest for admins, and never for
    /// another site's page in their browser.
    pub async fn admit(&self, head: &Parts) -> Result<Identity, Denied> {
        let identity = self.identify(head).await?;
        if head.method.is_safe() {
            return Ok(identity);
        }
        // What a browser sends by itself, whoever's page it shows.
        let ambient = identity.shown != Shown::Token;
        if !visitor::same_site(&head.headers) || (ambient && !head.headers.contains_key(visitor::OWN_REQUEST)) {
            return Err(Denied::OtherSite);
        }
        if identity.role == AccessRole::Admin || READS_BY_POST.contains(&head.uri.path()) {
            return Ok(identity);
        }
        Err(Denied::NeedsAdmin)
    }

    /// The bearer of a token, and the token's digest. Wrong ones are counted by address.
    async fn by_token(&self, visitor: &Visitor, token: &SecretString) -> Result<(Identity, SecretDigest), Denied> {
        let token = token.expose_secret();
        let now = self.clock.now();
        let wait = self.attempts.wait(visitor.address, now);
        // A long token can't be guessed, so whoever shares an address with a guesser isn't locked out by it.
        if let Some(retry_seconds) = wait
            && token.len() < limits::UNGUESSABLE_TOKEN_BYTES
        {
            return Err(Denied::TooMany { retry_seconds });
        }
        let digest = digest(token);
        match self.known(&digest).await? {
            Some((who, role)) => Ok((Identity { who, role, shown: Shown::Token, address: visitor.address }, digest)),
            None => {
                self.attempts.failed(visitor.address, now);
                let denied = if token.is_empty() { Denied::NoToken } else { Denied::WrongToken };
                Err(wait.map_or(denied, |retry_seconds| Denied::TooMany { retry_seconds }))
            }
        }
    }

    /// Whose token this is, where it is in force.
    async fn known(&self, digest: &SecretDigest) -> Result<Option<(String, AccessRole)>, StoreError> {
        // All of them, each in constant time: neither the place of a difference nor of a match tells anything.
        let is_one = self
            .configured
            .iter()
            .fold(Choice::from(0), |found, one| found | one.0.as_bytes().ct_eq(digest.0.as_bytes()));
        if is_one.into() {
            return Ok(Some(("api.tokens".to_owned(), AccessRole::Admin)));
        }
        let row = self.records.access_token(digest).await?;
        Ok(row.filter(|row| row.revoked_at.is_none()).map(|TokenRow { name, role, .. }| (name, role)))
    }

    async fn by_session(&self, visitor: &Visitor, cookie: &SecretDigest) -> Result<Identity, Denied> {
        let Some(session) = self.records.session(cookie, self.clock.now()).await? else {
            return Err(Denied::SessionEnded);
        };
        match self.known(&session.token).await? {
            Some((who, role)) => {
                let shown = Shown::Session { ends_at: session.ends_at };
                Ok(Identity { who, role, shown, address: visitor.address })
            }
            // Its token was revoked, or is no longer configured.
            None => Err(Denied::SessionEnded),
        }
    }

    /// Opens a session for the bearer of a token: what the cookie is to hold, and who it is.
    pub(crate) async fn open(
        &self,
        visitor: &Visitor,
        token: &SecretString,
    ) -> Result<(SecretString, Identity), Denied> {
        let (identity, token) = self.by_token(visitor, token).await?;
        let (cookie, now) = (secret::new_cookie(), self.clock.now());
        let session = SessionRow {
            digest: digest(cookie.expose_secret()),
            token,
            created_at: now,
            ends_at: now.plus(self.session_seconds),
            address: visitor.address.to_string(),
        };
        let deed = identity.actor().does(now, Action::SignedIn, identity.who.clone());
        self.records.open_session(&session, &deed).await?;
        Ok((cookie, identity))
    }

    /// Ends the session of this request, where it has one.
    pub(crate) async fn close(&self, headers: &HeaderMap) -> Result<(), StoreError> {
        match self.cookies.presented(headers) {
            Some(cookie) => self.records.end_session(&digest(cookie)).await,
            None => Ok(()),
        }
    }
}
