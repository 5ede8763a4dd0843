//! What a rebuild changed: two generations held against each other, by the digests of their customers, or page by page where
//! an older mrrd kept none.

use std::collections::{BTreeMap, VecDeque};

use crate::{
    event::CustomerKey,
    ledger::{money::Mrr, outcome::CustomerLedger, time::UnixTime},
    limits,
    store::{
        ReadStore, StoreError,
        derived::{Compared, GenerationId, ProfileLedger},
    },
};

pub use crate::store::derived::Book;

/// What differs between the generation before and the one after.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Customers under each profile, counted once for each.
    pub ledgers: u64,
    /// Of these, how many have other rows than before; new and vanished ones among them.
    pub changed: u64,
    /// MRR now, before and after, wherever there is any.
    pub mrr: BTreeMap<Book, BeforeAfter>,
    /// Customers that couldn't be derived, with the reason.
    pub failed: Vec<(CustomerKey, String)>,
}

/// An amount in each of two generations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BeforeAfter {
    /// In the one that answered so far.
    pub before: Mrr,
    /// In the one that answers now.
    pub after: Mrr,
}

/// Compares two generations as of `now`. Simulated time (test clocks) is compared, but summed into no MRR.
pub(super) async fn between(
    store: &ReadStore,
    before: GenerationId,
    after: GenerationId,
    now: UnixTime,
) -> Result<Changes, StoreError> {
    let mut changes = Changes::default();
    if let Some(Compared { ledgers, changed, mrr: [mrr_before, mrr_after] }) =
        store.derived.compare((before, after), now).await?
    {
        (changes.ledgers, changes.changed) = (ledgers, changed);
        for (book, before) in mrr_before {
            changes.mrr.entry(book).or_default().before = before;
        }
        for (book, after) in mrr_after {
            changes.mrr.entry(book).or_default().after = after;
        }
        return Ok(changes);
    }
    let (mut before, mut after) = (Walk::new(store, before), Walk::new(store, after));
    loop {
        let (one, other) = (before.place().await?, after.place().await?);
        let Some(place) = one.iter().chain(&other).min().cloned() else { return Ok(changes) };
        let one = if one.as_ref() == Some(&place) { before.take() } else { None };
        let other = if other.as_ref() == Some(&place) { after.take() } else { None };
        changes.ledgers += 1;
        changes.changed += u64::from(one != other);
        for (ledger, side) in [(one, Side::Before), (other, Side::After)] {
            if let Some(ledger) = ledger {
                changes.add(&place, &ledger, side, now)?;
            }
        }
    }
}

/// A profile and a customer under it: generations are walked in this order.
type LedgerKey = (String, CustomerKey);

#[derive(Clone, Copy)]
enum Side {
    Before,
    After,
}

impl Changes {
    fn add(
        &mut self,
        (profile, key): &LedgerKey,
        ledger: &CustomerLedger,
        side: Side,
        now: UnixTime,
    ) -> Result<(), StoreError> {
        if ledger.test_clock.is_some() {
            return Ok(());
        }
        for delta in ledger.deltas.iter().filter(|delta| delta.at <= now) {
            let book = Book {
                profile: profile.clone(),
                livemode: key.livemode,
                account: key.account.clone(),
                currency: delta.currency,
            };
            let amounts = self.mrr.entry(book).or_default();
            let sum = match side {
                Side::Before => &mut amounts.before,
                Side::After => &mut amounts.after,
            };
            *sum = sum.checked_add(delta.mrr).ok_or_else(|| StoreError::Corrupt {
                doing: "comparing generations",
                reason: format!("the MRR of {profile} in {} passes the range of integers", delta.currency),
            })?;
        }
        Ok(())
    }
}

/// A generation's ledgers in order, a page in memory.
struct Walk<'a> {
    store: &'a ReadStore,
    generation: GenerationId,
    page: VecDeque<(LedgerKey, CustomerLedger)>,
    last: Option<LedgerKey>,
    done: bool,
}

impl<'a> Walk<'a> {
    fn new(store: &'a ReadStore, generation: GenerationId) -> Self {
        Self { store, generation, page: VecDeque::new(), last: None, done: false }
    }

    /// Where it stands; `None` at the end.
    async fn place(&mut self) -> Result<Option<LedgerKey>, StoreError> {
        if self.page.is_empty() && !self.done {
            let after = self.last.as_ref().map(|(profile, key)| (profile.as_str(), key));
            let page = self.store.derived.ledgers(self.generation, after, limits::CUSTOMERS_PAGE).await?;
            self.done = page.is_empty();
            let placed = |(key, ProfileLedger { profile, ledger }): (CustomerKey, ProfileLedger)| {
                ((profile.to_string(), key), ledger)
            };
            self.page = page.into_iter().map(placed).collect();
            self.last = self.page.back().map(|(place, _)| place.clone());
        }
        Ok(self.page.front().map(|(place, _)| place.clone()))
    }

    fn take(&mut self) -> Option<CustomerLedger> {
        self.page.pop_front().map(|(_, ledger)| ledger)
    }
}
