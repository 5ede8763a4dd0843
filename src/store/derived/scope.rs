//! Which ledger a question asks: profile, mode, account and test clock, cut at an instant.

use std::sync::Arc;

use crate::ledger::{
    ids::{AccountId, TestClockId},
    time::UnixTime,
};

/// Which ledger is asked: `livemode`, `account` and test clocks are ledgers of their own (rule `separate-ledgers`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The profile under whose rules it is counted.
    pub profile: Arc<str>,
    /// True in live mode, false in test mode.
    pub livemode: bool,
    /// The account asked for, or all of them together.
    pub account: AccountScope,
    /// Simulated time, only where asked for.
    pub test_clock: Option<TestClockId>,
    /// Readers cut here: nothing that takes effect later is in the answer.
    pub cut: UnixTime,
}

/// A ledger that there is under a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerThere {
    /// True in live mode, false in test mode.
    pub livemode: bool,
    /// `None` for the account's own.
    pub account: Option<AccountId>,
    /// The test clock whose simulated time it runs in; `None` for real time.
    pub test_clock: Option<TestClockId>,
    /// How many customers have rows in it.
    pub customers: i64,
}

/// Which accounts are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountScope {
    /// The account's own events (`None`), or one connected account's.
    One(Option<AccountId>),
    /// All rows together, as one group.
    All,
}

impl AccountScope {
    /// By its name: the account's own events without one, `all`, or a connected account.
    pub fn named(name: Option<&str>) -> Self {
        match name {
            None | Some("") => Self::One(None),
            Some("all") => Self::All,
            Some(id) => Self::One(Some(AccountId::from(id))),
        }
    }
}

impl AccountScope {
    /// Whether events of this account, or the account's own, are asked for.
    pub fn includes(&self, account: Option<&AccountId>) -> bool {
        match self {
            Self::All => true,
            Self::One(one) => one.as_ref() == account,
        }
    }

    /// The one connected account asked for; `None` for the account's own, and for all of them.
    pub fn one(&self) -> Option<&AccountId> {
        match self {
            Self::One(account) => account.as_ref(),
            Self::All => None,
        }
    }
}

impl Scope {
    /// Whether a live or test ledger of this account is asked for.
    pub fn includes(&self, livemode: bool, account: Option<&AccountId>) -> bool {
        self.livemode == livemode && self.account.includes(account)
    }
}
