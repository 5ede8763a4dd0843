//! Terms of prices and coupons that customers' facts embed (rule `monthly-amount`), as a generation keeps them: each once, with the first
//! place in the log that tells them.

use sha2::{Digest, Sha256};

use crate::{
    event::Seq,
    ledger::{
        fact::{Fact, Origin, Role, State},
        ids::{AccountId, EventId},
        stored,
        time::UnixTime,
        told::Telling,
    },
};

/// Terms of one object, told by one customer for all of its ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// True in live mode, false in test mode.
    pub livemode: bool,
    /// `None` for the account's own.
    pub account: Option<AccountId>,
    /// The id of the price or coupon.
    pub object: String,
    /// They tell what it amounts to.
    pub amount: bool,
    /// The first place in the log that tells them.
    pub seq: Seq,
    /// The terms, as a fact: of any two that differ the choice follows from what they say, never from who told first.
    pub fact: Fact,
}

impl Told {
    /// What `telling` says, in the event at `seq`.
    pub fn new(livemode: bool, account: Option<AccountId>, telling: &Telling<'_>, seq: Seq, event: &EventId) -> Self {
        let state = telling.state();
        let digest = Sha256::digest(stored::to_bytes(&state));
        let digest: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        let fact = Fact {
            event: event.clone(),
            // What a customer's own facts or the object's own say comes before.
            at: UnixTime(i64::MIN),
            api_version: Some(digest.into()),
            origin: Origin::Api,
            role: Role::Read,
            state,
        };
        Self { livemode, account, object: telling.object().to_owned(), amount: telling.tells_amount(), seq, fact }
    }

    /// The digest of the terms, by which two that say the same are one.
    pub fn digest(&self) -> &str {
        self.fact.api_version.as_deref().unwrap_or_default()
    }

    /// The terms, as a fact about the object would state them.
    pub fn state(&self) -> &State {
        &self.fact.state
    }
}
