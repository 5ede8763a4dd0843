//! What is derived from the log: customers' rows by generation, and what stands beside them. It can be thrown away and made
//! again, and is read with the questions of `questions.rs`.

pub mod day_rows;
pub mod day_sums;
pub(crate) mod digests;
pub(in crate::store) mod generation;
pub(super) mod group_sums;
pub mod joined;
pub(super) mod lasting_sums;
pub mod lists;
pub(super) mod loss_sums;
pub mod names;
pub mod prospects;
mod questions;
pub mod reports;
pub(super) mod retention_sums;
pub mod scope;
pub(super) mod sum;
pub mod told;
pub mod touched;

use std::{collections::BTreeSet, ops::Deref};

pub use self::generation::{
    Advanced, Applied, Book, Compared, Dumped, Filled, Generation, GenerationId, Lacking, Mark, ProfileLedger,
    SUMS_VERSION, Turns, WrongDay,
};
use self::{
    day_sums::DaySums,
    joined::{Belongs, Joining},
    names::CustomerNamed,
    told::Told,
};
use super::{
    StoreError,
    database::{Database, either},
};
use crate::{
    event::{CustomerKey, Seq, SeqRange},
    ledger::{
        fact::Fact,
        ids::{AccountId, CustomerId},
        outcome::CustomerLedger,
        time::UnixTime,
    },
};

/// Reads derived tables. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ReadDerived(pub(super) Database);

/// Reads derived tables and writes them: only the reconciler, and who reads names, is handed one.
#[derive(Clone, Debug)]
pub struct Derived(pub(super) ReadDerived);

impl Deref for Derived {
    type Target = ReadDerived;

    fn deref(&self) -> &ReadDerived {
        &self.0
    }
}

impl ReadDerived {
    /// All generations, by number. One that is not current is being built, or waits to be dropped.
    pub async fn generations(&self) -> Result<Vec<Generation>, StoreError> {
        either!(self.0, database => database.generations().await)
    }

    /// How far a generation has come, as of one instant.
    pub async fn applied(&self, generation: GenerationId) -> Result<Applied, StoreError> {
        either!(self.0, database => database.applied(generation).await)
    }

    /// The greatest n such that everything up to n is in the rows that answer (docs/decisions/005-customer-is-the-unit.md).
    pub async fn applied_seq(&self) -> Result<Seq, StoreError> {
        loop {
            let Some(current) = self.generations().await?.into_iter().find(|generation| generation.current) else {
                return Ok(Seq::START);
            };
            match self.applied(current.id).await {
                // A rebuild has just replaced it, and dropped it.
                Err(StoreError::Corrupt { .. })
                    if self.generations().await?.iter().all(|generation| generation.id != current.id) => {}
                applied => return Ok(applied?.seq()),
            }
        }
    }

    /// How many customers are marked.
    pub async fn waiting(&self, generation: GenerationId) -> Result<u64, StoreError> {
        either!(self.0, database => database.waiting(generation).await)
    }

    /// How many customers have rows under a profile.
    pub async fn kept(&self, generation: GenerationId, profile: &str) -> Result<u64, StoreError> {
        either!(self.0, database => database.kept(generation, profile).await)
    }

    /// One customer's rows under one profile, exactly as they were written.
    pub async fn customer_ledger(
        &self,
        generation: GenerationId,
        profile: &str,
        key: &CustomerKey,
    ) -> Result<Option<CustomerLedger>, StoreError> {
        either!(self.0, database => database.customer_ledger(generation, profile, key).await)
    }

    /// Up to `limit` customers' rows, by profile and customer, after the place named.
    pub async fn ledgers(
        &self,
        generation: GenerationId,
        after: Option<(&str, &CustomerKey)>,
        limit: i64,
    ) -> Result<Vec<(CustomerKey, ProfileLedger)>, StoreError> {
        either!(self.0, database => database.ledgers(generation, after, limit).await)
    }

    /// What differs between two generations as of `now`, by the digests of their customers; `None` where one keeps none.
    pub async fn compare(
        &self,
        generations: (GenerationId, GenerationId),
        now: UnixTime,
    ) -> Result<Option<Compared>, StoreError> {
        either!(self.0, database => database.compare(generations, now).await)
    }

    /// Digests of up to `limit` customers' rows after `after`, by profile and customer: equal digests, equal rows.
    pub async fn dump(
        &self,
        generation: GenerationId,
        after: Option<&Dumped>,
        limit: i64,
    ) -> Result<Vec<Dumped>, StoreError> {
        either!(self.0, database => database.dump(generation, after, limit).await)
    }

    /// Up to `limit` dirty customers, the longest waiting first.
    pub async fn dirty(&self, generation: GenerationId, limit: i64) -> Result<Vec<Mark>, StoreError> {
        either!(self.0, database => database.dirty(generation, limit).await)
    }

    /// The first sum in `generation` that isn't that of its rows; `seen` may have summed them one by one.
    pub async fn wrong_day(
        &self,
        generation: GenerationId,
        seen: Option<&DaySums>,
    ) -> Result<Option<WrongDay>, StoreError> {
        either!(self.0, database => database.wrong_day(generation, seen).await)
    }

    /// Terms that customers' facts told of `objects` up to `known_at`, as far as `generation` has looked at the log: each
    /// with the first place that tells it, and its object.
    pub async fn told(
        &self,
        generation: GenerationId,
        livemode: bool,
        account: Option<&AccountId>,
        objects: &[&str],
        known_at: Option<Seq>,
    ) -> Result<Vec<(Seq, String, Fact)>, StoreError> {
        either!(self.0, database => database.told(generation, livemode, account, objects, known_at).await)
    }

    /// How far a generation knows who belongs to whom; `None` where every customer is a ledger of its own.
    pub async fn joining(&self, generation: GenerationId) -> Result<Option<Joining>, StoreError> {
        either!(self.0, database => database.joining(generation).await)
    }

    /// Keeps what all states of customers between two places of the log say of where these belong. False, and nothing done,
    /// when another process has gone there first.
    ///
    /// The one thing that a reader writes here: a question about a place of the log may go on from where the reconciler is.
    /// What is kept says no more than the log does, so that no answer depends on who wrote it.
    pub async fn join(
        &self,
        generation: GenerationId,
        from: Seq,
        to: Seq,
        told: &[Belongs],
    ) -> Result<bool, StoreError> {
        either!(self.0, database => database.join(generation, from, to, told).await)
    }

    /// In whose ledger each of Stripe's customers is; `None` for one at home, of whom nothing is kept.
    pub async fn ledgers_of(
        &self,
        generation: GenerationId,
        customers: &[CustomerKey],
        known_at: Option<Seq>,
    ) -> Result<Vec<Option<CustomerId>>, StoreError> {
        either!(self.0, database => database.ledgers_of(generation, customers, known_at).await)
    }

    /// Stripe's customers in each ledger, by id. One that the log has never heard of is at home.
    pub async fn members(
        &self,
        generation: GenerationId,
        ledgers: &[CustomerKey],
        known_at: Option<Seq>,
    ) -> Result<Vec<Vec<CustomerKey>>, StoreError> {
        either!(self.0, database => database.members(generation, ledgers, known_at).await)
    }

    /// Stripe's customers that came into a ledger between two places of the log, the first exclusive.
    pub async fn once_members(
        &self,
        generation: GenerationId,
        ledger: &CustomerKey,
        between: SeqRange,
    ) -> Result<Vec<CustomerKey>, StoreError> {
        either!(self.0, database => database.once_members(generation, ledger, between).await)
    }

    /// Up to `limit` ledgers of customers of whom it is kept where they belong, after `after` in the order of keys.
    pub async fn joined_ledgers(
        &self,
        generation: GenerationId,
        after: Option<&CustomerKey>,
        limit: i64,
        known_at: Option<Seq>,
    ) -> Result<Vec<CustomerKey>, StoreError> {
        either!(self.0, database => database.joined_ledgers(generation, after, limit, known_at).await)
    }

    /// The connected accounts with customers under a profile, by id, and how many each has.
    pub async fn connected_accounts(&self, profile: &str, livemode: bool) -> Result<Vec<(AccountId, i64)>, StoreError> {
        either!(self.0, database => database.connected_accounts(profile, livemode).await)
    }

    /// For each price that the account's own customers pay or paid under a profile, one who does or did.
    pub async fn price_holders(&self, profile: &str, livemode: bool) -> Result<Vec<CustomerKey>, StoreError> {
        either!(self.0, database => database.price_holders(profile, livemode).await)
    }

    /// Whether rows of a generation that are dated ahead begin or cease to be shown after `since`, up to and with `until`.
    pub async fn falls_due(
        &self,
        generation: GenerationId,
        since: UnixTime,
        until: UnixTime,
    ) -> Result<bool, StoreError> {
        either!(self.0, database => database.falls_due(generation, since, until).await)
    }

    /// Up to which place of the log names have been read.
    pub async fn names_position(&self) -> Result<Seq, StoreError> {
        either!(self.0, database => database.names_position().await)
    }

    /// Every e-mail that is kept, with whose it is, in both modes and all accounts.
    pub async fn emails(&self) -> Result<Vec<(String, CustomerId)>, StoreError> {
        either!(self.0, database => database.emails().await)
    }

    /// The names of these customers of Stripe's, of all accounts.
    pub async fn names_of(&self, livemode: bool, customers: &[&str]) -> Result<Vec<CustomerNamed>, StoreError> {
        either!(self.0, database => database.names_of(livemode, customers).await)
    }

    /// Whether several processes may recompute customers of one generation at once.
    pub fn shares_marks(&self) -> bool {
        matches!(self.0, Database::Postgres(_))
    }
}

impl Derived {
    /// Begins an empty generation at position 0, beside the current one; `customer_key` joins customers in it.
    pub async fn begin_generation(
        &self,
        fingerprint: &str,
        customer_key: Option<&str>,
    ) -> Result<GenerationId, StoreError> {
        either!(self.0.0, database => database.begin_generation(fingerprint, customer_key).await)
    }

    /// Makes `generation` the current one, in one small transaction; the one before is left to be dropped.
    ///
    /// False, and nothing done, while it is behind the current one or has more than `failing` customers marked: what was
    /// answered once must not be taken back.
    pub async fn switch_generation(&self, generation: GenerationId, failing: usize) -> Result<bool, StoreError> {
        either!(self.0.0, database => database.switch_generation(generation, failing).await)
    }

    /// Drops a generation's rows, some hundred customers a transaction. Cut short, it goes on when called again.
    pub async fn drop_generation(&self, generation: GenerationId) -> Result<(), StoreError> {
        either!(self.0.0, database => database.drop_generation(generation).await)
    }

    /// Looks at up to `limit` events after the position, marks the customers they touch, and moves the position, in one
    /// transaction. Where customers are joined it goes no further than [`ReadDerived::join`] has gone, and marks ledgers.
    pub async fn advance(&self, generation: GenerationId, limit: i64) -> Result<Advanced, StoreError> {
        either!(self.0.0, database => database.advance(generation, limit).await)
    }

    /// Takes so many dirty customers at most, in these turns and without those to be passed over, hands them to `derive`,
    /// replaces their rows as [`Derived::replace`] does, and answers how many were taken.
    ///
    /// On PostgreSQL several processes share the work: what one has taken, others pass over, and when it dies its marks are
    /// free at once. On SQLite nothing is locked: [`Derived::replace`] refuses rows older than those another has written, so
    /// that two at work at once cost time, never truth.
    pub async fn recompute<E, F>(
        &self,
        generation: GenerationId,
        whose: (Turns, i64),
        passed_over: &BTreeSet<&CustomerKey>,
        derive: impl FnOnce(Vec<Mark>) -> F + Send,
    ) -> Result<usize, E>
    where
        E: From<StoreError>,
        F: Future<Output = Result<Vec<(Mark, Vec<ProfileLedger>)>, E>> + Send,
    {
        either!(self.0.0, database => database.recompute(generation, whose, passed_over, derive).await)
    }

    /// Writes the rows of customers that `generation`, an empty one that nobody else works on, has nothing of yet; one
    /// transaction for all. The sums that customers share are owed: [`Derived::fill_sums`].
    pub async fn fill(&self, generation: GenerationId, batch: &[Filled]) -> Result<(), StoreError> {
        either!(self.0.0, database => database.fill(generation, batch).await)
    }

    /// Ends the filling of `generation`: everything up to `position` is in its rows, but for the customers `left_out`, which
    /// are marked, and for those who lack terms that others' facts tell, who are marked as well. Sums are owed no more.
    pub async fn filled(
        &self,
        generation: GenerationId,
        position: Seq,
        left_out: &[CustomerKey],
        lacking: &Lacking,
    ) -> Result<(), StoreError> {
        either!(self.0.0, database => database.filled(generation, position, left_out, lacking).await)
    }

    /// Adds shared sums of rows that [`Derived::fill`] wrote.
    pub async fn fill_sums(&self, generation: GenerationId, sums: DaySums) -> Result<(), StoreError> {
        either!(self.0.0, database => database.fill_sums(generation, sums).await)
    }

    /// Keeps terms told in the facts of a generation that is being filled.
    pub async fn tell(&self, generation: GenerationId, told: &[Told]) -> Result<(), StoreError> {
        either!(self.0.0, database => database.tell(generation, told).await)
    }

    /// Replaces all rows of each customer, one [`ProfileLedger`] for each profile kept (none for a customer merged into
    /// another), and clears its mark unless something was added to it meanwhile; one transaction for all. Answers how many
    /// customers were written: one whose mark is gone was done by another process and is left as it is.
    pub async fn replace(
        &self,
        generation: GenerationId,
        batch: &[(Mark, Vec<ProfileLedger>)],
    ) -> Result<i64, StoreError> {
        either!(self.0.0, database => database.replace(generation, batch.to_vec()).await)
    }

    /// Keeps what the log from `from` to `to` says of names; false where another process has gone on from there already.
    pub async fn keep_names(&self, from: Seq, to: Seq, named: &[CustomerNamed]) -> Result<bool, StoreError> {
        either!(self.0.0, database => database.keep_names(from, to, named).await)
    }

    /// Forgets every name, and reads the log for names from its beginning next time.
    pub async fn forget_names(&self) -> Result<(), StoreError> {
        either!(self.0.0, database => database.forget_names().await)
    }

    /// Forgets the name of a customer, in every account.
    pub async fn forget_name(&self, customer: &CustomerId) -> Result<(), StoreError> {
        either!(self.0.0, database => database.forget_name(customer).await)
    }
}
