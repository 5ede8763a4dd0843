//! Tokens and cookies: 256 random bits each, kept as a digest only. Against a digest of so many bits nothing can be tried,
//! so it needs neither salt nor stretching.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use crate::store::records::access::SecretDigest;

/// A new token. Its beginning tells secret scanners, and people, what it is.
pub fn new_token() -> SecretString {
    format!("mrrd_{}", random()).into()
}

/// What a new session's cookie holds.
pub(super) fn new_cookie() -> SecretString {
    random().into()
}

/// A name for a token: opens nothing.
pub(super) fn new_id() -> String {
    format!("tok_{:012x}", rand::random::<u64>() >> 16)
}

fn random() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// What a token or a cookie is looked up by.
pub(super) fn digest(secret: &str) -> SecretDigest {
    SecretDigest(hex::encode(Sha256::digest(secret)))
}
