//! Tokens and sessions as they are kept: digests only, records beside the log.

use crate::ledger::time::UnixTime;

/// SHA-256 of a token or of a cookie, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretDigest(pub String);

/// What a visitor may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AccessRole {
    /// Reads all figures, and changes nothing.
    Viewer,
    /// Reads, closes months, acknowledges, mutes.
    Admin,
}

impl AccessRole {
    /// Both, as the commands write them.
    pub const ALL: [Self; 2] = [Self::Viewer, Self::Admin];

    /// As it is kept and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Admin => "admin",
        }
    }

    /// The role of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

/// A token, without the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRow {
    /// Names it in lists; opens nothing.
    pub id: String,
    /// What a presented token is looked up by.
    pub digest: SecretDigest,
    /// What its maker called it.
    pub name: String,
    /// What its bearer may do.
    pub role: AccessRole,
    /// When the token was made.
    pub created_at: UnixTime,
    /// Since when it opens nothing.
    pub revoked_at: Option<UnixTime>,
}

/// A session, without what the cookie holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// What a cookie is looked up by.
    pub digest: SecretDigest,
    /// The token it was opened with: it ends with that token.
    pub token: SecretDigest,
    /// When the session was opened.
    pub created_at: UnixTime,
    /// When it ends by itself.
    pub ends_at: UnixTime,
    /// From where it was opened.
    pub address: String,
}
