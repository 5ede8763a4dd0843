//! What all rows of a customer come to, in two numbers: equal digests, equal rows. Kept beside the rows and moved with them.

use sha2::{Digest, Sha256};

use crate::{
    ledger::outcome::CustomerLedger,
    store::{StoreError, errors::corrupt},
};

/// A customer's digest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeptDigest {
    /// 1; 0 where the customer has no rows any more.
    pub(crate) items: i64,
    /// 62 bits each.
    pub(crate) halves: [i64; 2],
}

impl KeptDigest {
    /// Of all rows of a customer under one profile.
    pub(crate) fn from_ledger(ledger: &CustomerLedger) -> Result<Self, StoreError> {
        let bytes = serde_json::to_vec(ledger).map_err(|error| corrupt("digesting rows", error.to_string()))?;
        let digest = Sha256::digest(&bytes);
        let half = |from: usize| {
            let eight: [u8; 8] = std::array::from_fn(|at| digest[from + at]);
            (u64::from_be_bytes(eight) >> 2).cast_signed()
        };
        Ok(Self { items: 1, halves: [half(0), half(8)] })
    }
}
