//! `Stripe-Signature`: is this body Stripe's own, and recent? (docs/wire.md 1)
//!
//! Where Stripe's libraries disagree, the stricter reading holds, except where strictness protects nothing:
//! - elements we don't know (`v0`, `v2=…`, a bare `foo`, an empty one after a trailing comma) are ignored;
//! - spaces are not trimmed: Stripe sends none, so ` v1=…` is an unknown element;
//! - `t` is digits only and may appear once;
//! - a `v1` is compared as 32 bytes, so upper-case hex matches and anything that isn't 64 hex digits never does;
//! - the HMAC is checked before the time, so a forged header learns nothing from our clock;
//! - a time ahead of ours is held to the same tolerance as one behind;
//! - an empty body or one that isn't UTF-8 verifies, if signed: what it says is the envelope's business.

use std::fmt;

use hex::FromHex;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};
use thiserror::Error;

use crate::ledger::time::UnixTime;

/// A signing secret (`whsec_…`), kept only as the key it makes. Never prints.
#[derive(Clone)]
pub struct SigningSecret(Hmac<Sha256>);

/// The secret is empty or blank: anyone could sign with it.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("a webhook signing secret is empty: set it to the whsec_… value of the endpoint")]
pub struct BlankSecret;

impl SigningSecret {
    /// Takes the secret as Stripe shows it, `whsec_` included, untrimmed. Errors when it is empty or only white space.
    pub fn new(secret: &str) -> Result<Self, BlankSecret> {
        if secret.trim().is_empty() {
            return Err(BlankSecret);
        }
        // HMAC takes keys of any length.
        Hmac::new_from_slice(secret.as_bytes()).map(Self).map_err(|_| BlankSecret)
    }

    fn mac(&self, time: &str, body: &[u8]) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(time.as_bytes());
        mac.update(b".");
        mac.update(body);
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(…)")
    }
}

/// Why a body was refused. Each has its own problem type (docs/interface.md 4).
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum SignatureError {
    /// The request has no `Stripe-Signature` header.
    #[error("there is no Stripe-Signature header: only Stripe, or mrrd replay --to, posts here")]
    Missing,
    /// The header has no single readable time, or a bare `v1`.
    #[error("the Stripe-Signature header is malformed: {0}")]
    Malformed(&'static str),
    /// The header has no `v1`: other schemes are ignored, so that nobody can downgrade.
    #[error("the Stripe-Signature header has no v1 signature")]
    NoV1,
    /// No `v1` matches any secret of the endpoint.
    #[error(
        "no v1 signature matches: check that the endpoint's signing secret is configured and that nothing between \
         Stripe and mrrd rewrites the body"
    )]
    NoMatch,
    /// Signed by Stripe, but too long ago or too far ahead.
    #[error("the signature is {seconds} seconds {}: check this machine's clock", if *.ahead { "ahead" } else { "old" })]
    OutsideTolerance {
        /// By how many seconds the signature's time differs from ours.
        seconds: u64,
        /// True where the signature's time lies in the future.
        ahead: bool,
    },
}

impl SignatureError {
    /// The last part of the problem's `type`.
    pub fn slug(&self) -> &'static str {
        match self {
            Self::Missing => "signature-missing",
            Self::Malformed(_) => "signature-malformed",
            Self::NoV1 => "signature-without-v1",
            Self::NoMatch => "signature-mismatch",
            Self::OutsideTolerance { .. } => "signature-outside-tolerance",
        }
    }
}

/// Checks that any `v1` of `header` matches any of `secrets` over `body`, and then that it is at most
/// `tolerance_seconds` old or ahead; `None` switches the second check off. Returns the time that was signed.
pub fn verify(
    header: Option<&[u8]>,
    body: &[u8],
    secrets: &[SigningSecret],
    now: UnixTime,
    tolerance_seconds: Option<u64>,
) -> Result<UnixTime, SignatureError> {
    let header = std::str::from_utf8(header.ok_or(SignatureError::Missing)?)
        .map_err(|_| SignatureError::Malformed("it is not text"))?;
    let (time_text, time) = signed_time(header)?;
    let candidates: Vec<Option<[u8; 32]>> = header
        .split(',')
        .filter_map(|element| element.strip_prefix("v1="))
        .map(|text| <[u8; 32]>::from_hex(text).ok())
        .collect();
    if candidates.is_empty() {
        return Err(SignatureError::NoV1);
    }
    // No early exit: the answer's time must not tell which secret or signature came closest.
    let mut matched = Choice::from(0);
    for secret in secrets {
        let expected = secret.mac(time_text, body);
        for candidate in candidates.iter().flatten() {
            matched |= expected.ct_eq(candidate);
        }
    }
    if !bool::from(matched) {
        return Err(SignatureError::NoMatch);
    }
    let seconds = now.0.abs_diff(time.0);
    match tolerance_seconds {
        Some(tolerance) if seconds > tolerance => Err(SignatureError::OutsideTolerance { seconds, ahead: time > now }),
        _ => Ok(time),
    }
}

/// The header Stripe would send for `body`, signed at `at`: for `replay --to`, the demo and tests.
pub fn sign(secret: &SigningSecret, at: UnixTime, body: &[u8]) -> String {
    let time = at.0.to_string();
    format!("t={time},v1={}", hex::encode(secret.mac(&time, body)))
}

/// The one `t` of the header, as signed and as an instant.
fn signed_time(header: &str) -> Result<(&str, UnixTime), SignatureError> {
    let mut found = None;
    for element in header.split(',') {
        match element.split_once('=') {
            Some(("t", value)) if found.replace(value).is_some() => {
                return Err(SignatureError::Malformed("it has more than one t"));
            }
            None if element == "t" || element == "v1" => {
                return Err(SignatureError::Malformed("t or v1 has no value"));
            }
            _ => {}
        }
    }
    let text = found.ok_or(SignatureError::Malformed("it has no t"))?;
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(SignatureError::Malformed("t is not a number of seconds"));
    }
    let seconds = text.parse().map_err(|_| SignatureError::Malformed("t is out of range"))?;
    Ok((text, UnixTime(seconds)))
}
