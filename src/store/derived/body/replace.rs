//! What a batch of customers changes in the derived rows: those that differ from what stands. Read and written by each
//! database's own `replace.rs`.

use std::collections::BTreeMap;

use super::{
    columns::*,
    kept_rows::Kept,
    readback::Group,
    rows::{TableRows, Values, account, account_of},
};
use crate::{
    event::CustomerKey,
    ledger::{ids::CustomerId, movement_id::movement_id, outcome::CustomerLedger},
    store::{
        StoreError,
        derived::{
            Filled, GenerationId, ProfileLedger,
            day_sums::{DaySums, Standing},
            digests::KeptDigest,
            sum::amounts_fit,
        },
        errors::corrupt,
        log::prepared::clean,
    },
};

pub(in super::super) const DOING: &str = "writing derived rows";

/// Where a row belongs: the columns every derived table begins with, and the test clock.
#[derive(Clone)]
pub(in super::super) struct RowKey {
    pub(in super::super) generation: GenerationId,
    pub(in super::super) profile: String,
    pub(in super::super) livemode: bool,
    pub(in super::super) account: String,
    pub(in super::super) customer: String,
    pub(in super::super) clock: String,
}

impl RowKey {
    fn new(generation: GenerationId, key: &CustomerKey, derived: &ProfileLedger) -> Self {
        Self {
            generation,
            profile: clean(&derived.profile),
            livemode: key.livemode,
            account: account(key.account.as_ref()),
            customer: clean(key.customer.as_str()),
            clock: derived.ledger.test_clock.as_ref().map(|clock| clean(clock.as_str())).unwrap_or_default(),
        }
    }

    fn bind(&self, query: Values) -> Values {
        query
            .bind(self.generation.0)
            .bind(self.profile.clone())
            .bind(self.livemode)
            .bind(self.account.clone())
            .bind(self.customer.clone())
    }
}

/// A customer's rows under one profile, and how many of them are there already.
pub(in super::super) struct Change<'l> {
    place: RowKey,
    ledger: &'l CustomerLedger,
    kept: Kept,
}

/// A row of a table, with its number within its customer.
struct NumberedRow<'l, T> {
    place: &'l RowKey,
    ordinal: i64,
    row: &'l T,
}

impl<T> NumberedRow<'_, T> {
    fn bind(&self, query: Values) -> Values {
        self.place.bind(query).bind(self.ordinal)
    }
}

fn lines<'l, T>(
    changes: &'l [Change<'l>],
    of: impl Fn(&'l CustomerLedger) -> &'l [T],
    kept: impl Fn(&Kept) -> usize,
) -> Vec<NumberedRow<'l, T>> {
    changes
        .iter()
        .flat_map(|Change { place, ledger, kept: there }| {
            let numbered = (0..).zip(of(ledger)).skip(kept(there));
            numbered.map(move |(ordinal, row)| NumberedRow { place, ordinal, row })
        })
        .collect()
}

/// The rows of customers that have none yet.
pub(super) fn fresh_rows(generation: GenerationId, batch: &[Filled]) -> Result<Vec<TableRows>, StoreError> {
    for one in batch {
        all_fit(&one.key, &one.derived)?;
    }
    let placed = batch.iter().flat_map(|one| placed(generation, &one.key, &one.derived));
    let changes: Vec<_> =
        placed.map(|(place, _, derived)| Change { place, ledger: &derived.ledger, kept: Kept::default() }).collect();
    Ok(rows(&changes))
}

/// Errors where an amount is beyond what a row holds.
pub(in super::super) fn all_fit(key: &CustomerKey, derived: &[ProfileLedger]) -> Result<(), StoreError> {
    derived.iter().try_for_each(|derived| {
        amounts_fit(&derived.ledger).map_err(|amount| {
            corrupt(DOING, format!("{}: an amount of {amount} minor units is beyond a row", key.customer))
        })
    })
}

/// A customer's ledger under one profile, and where its rows belong.
pub(in super::super) type PlacedLedger<'d> = (RowKey, &'d CustomerKey, &'d ProfileLedger);

/// The ledgers of a customer, each with its place.
pub(in super::super) fn placed<'d>(
    generation: GenerationId,
    key: &'d CustomerKey,
    derived: &'d [ProfileLedger],
) -> impl Iterator<Item = PlacedLedger<'d>> {
    derived.iter().map(move |derived| (RowKey::new(generation, key, derived), key, derived))
}

/// Customers of one ledger, which a statement can name together, with their places among those asked for.
pub(in super::super) type Together<'p> = BTreeMap<(&'p str, bool, &'p str), Vec<(usize, &'p str)>>;

/// These places by what a statement can name together.
pub(in super::super) fn together<'p>(places: impl Iterator<Item = &'p RowKey>) -> Together<'p> {
    let mut groups = Together::new();
    for (at, place) in places.enumerate() {
        let group = (place.profile.as_str(), place.livemode, place.account.as_str());
        groups.entry(group).or_default().push((at, &place.customer));
    }
    groups
}

/// The halves of the digests that are kept of some ledgers, in their order; `None` where none is.
pub(in super::super) type KeptHalves = Vec<Option<[i64; 2]>>;

/// Ledgers other than those that stand, each with its digest.
pub(in super::super) struct Differing<'d> {
    pub(in super::super) placed: Vec<PlacedLedger<'d>>,
    digests: Vec<KeptDigest>,
}

impl<'d> Differing<'d> {
    /// Leaves out the ledgers that are what is kept already, by their digests: most webhooks change no figure, and of these
    /// customers nothing is read or written.
    pub(in super::super) fn among(placed: Vec<PlacedLedger<'d>>, kept: KeptHalves) -> Result<Self, StoreError> {
        let mut differing =
            Self { placed: Vec::with_capacity(placed.len()), digests: Vec::with_capacity(placed.len()) };
        for (one, kept) in placed.into_iter().zip(kept) {
            let digest = KeptDigest::from_ledger(&one.2.ledger)?;
            if kept != Some(digest.halves) {
                differing.placed.push(one);
                differing.digests.push(digest);
            }
        }
        Ok(differing)
    }
}

/// What becomes of these ledgers' rows, `old` being what is stored of each; what the sums move by is added to them.
pub(in super::super) fn changes<'d>(
    Differing { placed, digests }: Differing<'d>,
    old: &[Option<CustomerLedger>],
    sums: &mut DaySums,
) -> Result<Vec<Change<'d>>, StoreError> {
    let mut changes = Vec::with_capacity(placed.len());
    for (((place, key, derived), digest), old) in placed.into_iter().zip(digests).zip(old) {
        let ProfileLedger { profile, ledger } = derived;
        let kept = old.as_ref().map_or_else(Kept::default, |old| Kept::between(old, ledger));
        let before = old.as_ref().map(|old| Standing { ledger: old, tails: kept.tails(old), digest: None });
        let after = Standing { ledger, tails: kept.tails(ledger), digest: Some(digest) };
        sums.change(profile, key, before, Some(after))?;
        changes.push(Change { place, ledger, kept });
    }
    Ok(changes)
}

/// Rows of a table that don't stand any more: of each customer of a group those from a number on, or all of them where they
/// aren't numbered.
pub(in super::super) struct Tails<'c> {
    pub(in super::super) table: &'static Table,
    pub(in super::super) group: Group<'c>,
    pub(in super::super) customers: Vec<(&'c str, i64)>,
}

/// The rows that don't stand any more: of each table, what comes after the rows that are kept.
pub(in super::super) fn tails<'c>(changes: &'c [Change<'_>], old: &[Option<CustomerLedger>]) -> Vec<Tails<'c>> {
    let groups = together(changes.iter().map(|change| &change.place));
    let mut all = Vec::new();
    for table in &TABLES {
        for ((profile, livemode, account), members) in &groups {
            let mut customers = Vec::new();
            for (at, customer) in members {
                let Some(old) = &old[*at] else { continue };
                let (kept, there) = changes[*at].kept.of_table(table.name, old);
                if kept < there {
                    customers.push((*customer, i64::try_from(kept).unwrap_or(i64::MAX)));
                }
            }
            if let Some((at, _)) = members.first().filter(|_| !customers.is_empty()) {
                let generation = changes[*at].place.generation;
                let group = Group { generation, profile, livemode: *livemode, account, customers: &[] };
                all.push(Tails { table, group, customers });
            }
        }
    }
    all
}

/// Rows can't be replaced by others while nobody can tell what of the days' sums is theirs.
pub(in super::super) fn unreadable(error: StoreError) -> StoreError {
    match error {
        StoreError::Corrupt { reason, .. } => {
            corrupt(DOING, format!("what stands can't be read ({reason}): `mrrd rebuild` derives all of it anew"))
        }
        other => other,
    }
}

/// The profiles under which a generation (`$1`) has customers, each found from the one before: the index begins with them.
pub(in super::super) const PROFILES: &str = "WITH RECURSIVE kept (profile) AS (
         SELECT MIN(profile) FROM customer_ledger WHERE generation = $1
         UNION ALL
         SELECT (SELECT MIN(profile) FROM customer_ledger WHERE generation = $1 AND profile > kept.profile)
         FROM kept WHERE kept.profile IS NOT NULL
     ) SELECT profile FROM kept WHERE profile IS NOT NULL";

/// The rows that aren't there yet, table by table.
pub(in super::super) fn rows(changes: &[Change<'_>]) -> Vec<TableRows> {
    let movements = lines(changes, |ledger| &ledger.movements, |kept| kept.movements);
    let heads: Vec<_> = changes.iter().filter(|change| change.kept.customer == 0).collect();
    let mut parts = Vec::new();
    for movement in &movements {
        let (place, ordinal, of) = (movement.place, movement.ordinal, movement.row);
        parts.extend((0i64..).zip(of.parts.iter().enumerate()).map(|(part, (at, row))| {
            // The movement is listed once under each cause.
            let first = of.parts[..at].iter().all(|before| before.cause != row.cause);
            (part, NumberedRow { place, ordinal, row }, first.then_some(of))
        }));
    }
    vec![
        CUSTOMER.rows(&heads, |row, Change { place, ledger, .. }| {
            bind_customer(place.bind(row).bind(place.clock.clone()), ledger)
        }),
        DELTA.rows(&lines(changes, |ledger| &ledger.deltas, |kept| kept.deltas), |row, line| {
            bind_delta(line.bind(row).bind(line.place.clock.clone()), line.row)
        }),
        COUNT.rows(&lines(changes, |ledger| &ledger.counts, |kept| kept.counts), |row, line| {
            bind_count(line.bind(row).bind(line.place.clock.clone()), line.row)
        }),
        MOVEMENT.rows(&movements, |row, line| {
            let RowKey { profile, livemode, account, customer, clock, .. } = line.place;
            let account = account_of(account.clone());
            let id = movement_id(profile, *livemode, account.as_ref(), &CustomerId::from(customer.as_str()), line.row);
            bind_movement(line.bind(row).bind(clock.clone()).bind(id), line.row)
        }),
        PART.rows(&parts, |row, (part, line, listed)| {
            let row = line.bind(row).bind(*part);
            bind_part(row.bind(listed.map(|of| of.day.to_string())).bind(listed.map(|of| of.effective_at.0)), line.row)
        }),
        SUBSCRIPTION.rows(&lines(changes, |ledger| &ledger.subscriptions, |kept| kept.subscriptions), |row, line| {
            bind_subscription(line.place.bind(row), line.row)
        }),
        QUALITY.rows(&lines(changes, |ledger| &ledger.quality, |kept| kept.quality), |row, line| {
            bind_quality(line.bind(row), line.row)
        }),
        TRIAL.rows(&lines(changes, |ledger| &ledger.trials, |kept| kept.trials), |row, line| {
            bind_trial(line.bind(row), line.row)
        }),
        PROSPECT.rows(&lines(changes, |ledger| &ledger.prospects, |kept| kept.prospects), |row, line| {
            bind_prospect(line.bind(row).bind(line.place.clock.clone()), line.row)
        }),
    ]
}
