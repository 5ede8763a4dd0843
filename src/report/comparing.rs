//! Customers compared under profiles that aren't kept, as far as questions have come: every customer is derived under each knob, and
//! who asks the same again goes on from there.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::AtomicUsize},
};

use tokio::sync::Mutex;

use super::month::{Figures, Month};
use crate::{
    event::CustomerKey,
    ledger::{ids::TestClockId, money::Currency, time::UnixTime},
    store::derived::reports::AccountScope,
};

/// Figures under each profile of the steps, the first one before it.
pub(super) type FiguresByStep = Vec<Figures>;

/// What was found of customers.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Of each customer that was looked at, under each profile.
    pub(super) figures: BTreeMap<(CustomerKey, Currency), FiguresByStep>,
    /// Of all others together, who are the same under all of them.
    pub(super) others: BTreeMap<Currency, FiguresByStep>,
    /// In which there are ledgers.
    pub(super) currencies: BTreeSet<Currency>,
}

/// Customers under each profile, as far as they have been looked at.
#[derive(Debug, Default)]
pub(super) struct Everywhere {
    pub(super) found: Found,
    pub(super) saw_live: bool,
    /// The last one that was looked at.
    pub(super) after: Option<CustomerKey>,
    /// All have been.
    pub(super) done: bool,
}

/// The same while it is kept, with about how many bytes it takes: one question at a time goes on with it.
#[derive(Debug, Default)]
pub(super) struct Comparing {
    pub(super) everywhere: Arc<Mutex<Everywhere>>,
    pub(super) bytes: AtomicUsize,
}

/// What figures under profiles are asked of, beside the place of the log and the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) month: Month,
    pub(super) cut: UnixTime,
    pub(super) account: AccountScope,
    pub(super) livemode: Option<bool>,
    pub(super) test_clock: Option<TestClockId>,
    pub(super) currency: Option<Currency>,
}
