//! Who belongs to whose ledger (`ledger.customer_key`): kept place by place of the log, so that any prefix of it can be
//! asked. A customer that no row speaks of is a ledger of its own.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{AssertSqlSafe, Row as _};

use super::{
    super::{Database, dialect::*},
    facts::NEWEST,
    log_columns::{STORED, fact},
    reader::Columns,
    rows::{self, account, account_of},
    stretch::{Marks, touch},
};
use crate::{
    event::{CustomerKey, Seq, SeqRange, codec},
    ledger::ids::{CustomerId, EventId},
    store::{
        StoreError,
        derived::{
            GenerationId,
            joined::{Belongs, CustomerTold, Joining},
        },
        errors::{Doing, corrupt},
        log::prepared::clean,
    },
};

const DOING: &str = "joining customers";

/// The row of a customer that holds in the log up to `$5`: the last one.
const HOLDS: &str = "j.seq <= $5 AND NOT EXISTS (SELECT 1 FROM joined l WHERE l.generation = j.generation
    AND l.livemode = j.livemode AND l.account = j.account AND l.customer = j.customer AND l.seq > j.seq AND l.seq <= $5)";

/// Customers of one ledger, by their column, with their places in what was asked.
type Places = BTreeMap<(bool, String), BTreeMap<String, Vec<usize>>>;

fn places(keys: &[CustomerKey]) -> Places {
    let mut places = Places::new();
    for (place, key) in keys.iter().enumerate() {
        let scope = places.entry((key.livemode, account(key.account.as_ref()))).or_default();
        scope.entry(clean(key.customer.as_str())).or_default().push(place);
    }
    places
}

impl Database {
    pub(in crate::store) async fn joining(&self, generation: GenerationId) -> Result<Option<Joining>, StoreError> {
        let row = sqlx::query("SELECT customer_key, joined_to FROM generation WHERE id = $1")
            .bind(generation)
            .fetch_optional(&self.derived)
            .await
            .doing(DOING)?
            .ok_or_else(|| corrupt(DOING, format!("there is no generation {generation}")))?;
        let key: Option<String> = row.try_get(0).doing(DOING)?;
        let joined_to = row.try_get(1).doing(DOING)?;
        Ok(key.map(|customer_key| Joining { customer_key, joined_to }))
    }

    pub(in crate::store) async fn customers_told(
        &self,
        after: Seq,
        to: Seq,
        limit: i64,
    ) -> Result<Vec<CustomerTold>, StoreError> {
        let text = format!(
            "SELECT {STORED}, f.livemode, f.account, f.customer, e.body_bytes, b.codec, b.bytes
             FROM fact f JOIN event e ON e.seq = f.seq LEFT JOIN {BODY}
             WHERE f.seq > $1 AND f.seq <= $2 AND f.kind = 'customer' AND f.customer IS NOT NULL AND {NEWEST}
             ORDER BY f.seq, f.ordinal LIMIT $3"
        );
        let query = sqlx::query(AssertSqlSafe(text)).bind(after).bind(to).bind(limit);
        let rows = query.fetch_all(&self.log).await.doing(DOING)?;
        let read = |row: &Row| -> Result<CustomerTold, StoreError> {
            let seq = Columns::of(row, 0).seq()?;
            let mut columns = Columns::of(row, 3);
            let (key, length) = (columns.customer()?, columns.number()?);
            let (codec, bytes) = (columns.number_or_null()?, columns.bytes_or_null()?);
            let body = codec.zip(bytes).map(|(codec, bytes)| {
                codec::decode(codec, &bytes, usize::try_from(length).unwrap_or(0))
                    .map_err(|error| corrupt(DOING, format!("the event at {seq}: {error}")))
            });
            Ok(CustomerTold { seq, key, fact: fact(row)?, body: body.transpose()? })
        };
        rows.iter().map(read).collect()
    }

    pub(in crate::store) async fn join(
        &self,
        generation: GenerationId,
        from: Seq,
        to: Seq,
        told: &[Belongs],
    ) -> Result<bool, StoreError> {
        let mut tx = self.derived_writer.begin_with(BEGIN_WRITE).await.doing(DOING)?;
        let moved = sqlx::query(
            "UPDATE generation SET joined_to = $1 WHERE id = $2 AND joined_to = $3 AND customer_key IS NOT NULL
             AND state <> 'retired'",
        )
        .bind(to)
        .bind(generation)
        .bind(from)
        .execute(&mut *tx)
        .await
        .doing(DOING)?
        .rows_affected();
        if moved != 1 {
            tx.rollback().await.doing(DOING)?;
            return Ok(false);
        }
        let mut held = held(&mut tx, generation, told).await?;
        let mut changed: BTreeMap<(Place, Seq), Held> = BTreeMap::new();
        for one in told {
            let (account, customer) = (account(one.key.account.as_ref()), clean(one.key.customer.as_str()));
            let now = Held {
                ledger: clean(one.ledger.as_str()),
                rank: (one.at.0, one.role as i64, clean(one.event.as_str())),
                seq: one.seq,
            };
            let place = (one.key.livemode, account, customer);
            let before = held.get(&place);
            if before.is_some_and(|before| before.rank >= now.rank) {
                continue;
            }
            // What stays as it was is the same from the same place on, told by a later state.
            let seq = before.filter(|before| before.ledger == now.ledger).map_or(now.seq, |before| before.seq);
            let now = Held { seq, ..now };
            changed.insert((place.clone(), seq), now.clone());
            held.insert(place, now);
        }
        let changed: Vec<_> = changed.into_iter().collect();
        let head = "INSERT INTO joined (generation, livemode, account, customer, seq, ledger, at, role, event)";
        let tail = "ON CONFLICT (generation, livemode, account, customer, seq)
                    DO UPDATE SET at = excluded.at, role = excluded.role, event = excluded.event";
        rows::insert(&mut tx, head, 9, tail, &changed, |query, (((livemode, account, customer), seq), held)| {
            let (at, role, event) = held.rank.clone();
            let query = query.bind(generation).bind(*livemode).bind(account.clone()).bind(customer.clone()).bind(*seq);
            query.bind(held.ledger.clone()).bind(at).bind(role).bind(event)
        })
        .await
        .doing(DOING)?;
        tx.commit().await.doing(DOING)?;
        Ok(true)
    }

    /// The rows that hold up to `known_at` and name one of `keys` in `column`: the place of what was asked, one of Stripe's
    /// customers, and its ledger.
    async fn holding(
        &self,
        generation: GenerationId,
        column: &str,
        keys: &[CustomerKey],
        known_at: Option<Seq>,
    ) -> Result<Vec<(usize, CustomerKey, CustomerId)>, StoreError> {
        let text = format!(
            "SELECT {column}, j.customer, j.ledger FROM joined j WHERE j.generation = $1 AND j.livemode = $2
             AND j.account = $3 AND {} AND {HOLDS}",
            in_list(column, 4)
        );
        let mut holding = Vec::new();
        for ((livemode, account), named) in places(keys) {
            let rows = sqlx::query(AssertSqlSafe(text.clone()))
                .bind(generation)
                .bind(livemode)
                .bind(&account)
                .bind(text_list(named.keys().map(String::as_str)))
                .bind(known_at.unwrap_or(Seq::END))
                .fetch_all(&self.derived)
                .await
                .doing(DOING)?;
            for row in &rows {
                let mut columns = Columns::of(row, 0);
                let (asked, customer, ledger) = (columns.text()?, columns.text()?, columns.text()?);
                let (account, customer) = (account_of(account.clone()), CustomerId::new(customer));
                let (key, ledger) = (CustomerKey { livemode, account, customer }, CustomerId::new(ledger));
                let places = named.get(&asked).into_iter().flatten();
                holding.extend(places.map(|place| (*place, key.clone(), ledger.clone())));
            }
        }
        Ok(holding)
    }

    pub(in crate::store) async fn ledgers_of(
        &self,
        generation: GenerationId,
        customers: &[CustomerKey],
        known_at: Option<Seq>,
    ) -> Result<Vec<Option<CustomerId>>, StoreError> {
        let mut ledgers = vec![None; customers.len()];
        for (place, _, ledger) in self.holding(generation, "j.customer", customers, known_at).await? {
            ledgers[place] = Some(ledger);
        }
        Ok(ledgers)
    }

    pub(in crate::store) async fn members(
        &self,
        generation: GenerationId,
        ledgers: &[CustomerKey],
        known_at: Option<Seq>,
    ) -> Result<Vec<Vec<CustomerKey>>, StoreError> {
        let mut members: Vec<BTreeSet<CustomerKey>> = vec![BTreeSet::new(); ledgers.len()];
        for (place, customer, _) in self.holding(generation, "j.ledger", ledgers, known_at).await? {
            members[place].insert(customer);
        }
        // Of whom no row speaks, it is at home.
        for ((members, key), own) in
            members.iter_mut().zip(ledgers).zip(self.ledgers_of(generation, ledgers, known_at).await?)
        {
            if own.is_none() {
                members.insert(key.clone());
            }
        }
        Ok(members.into_iter().map(|members| members.into_iter().collect()).collect())
    }

    pub(in crate::store) async fn once_members(
        &self,
        generation: GenerationId,
        ledger: &CustomerKey,
        SeqRange { after, to }: SeqRange,
    ) -> Result<Vec<CustomerKey>, StoreError> {
        let rows = sqlx::query(
            "SELECT DISTINCT livemode, account, customer FROM joined WHERE generation = $1 AND livemode = $2
             AND account = $3 AND ledger = $4 AND seq > $5 AND seq <= $6 ORDER BY customer",
        )
        .bind(generation)
        .bind(ledger.livemode)
        .bind(account(ledger.account.as_ref()))
        .bind(clean(ledger.customer.as_str()))
        .bind(after)
        .bind(to)
        .fetch_all(&self.derived)
        .await
        .doing(DOING)?;
        rows.iter().map(|row| Columns::of(row, 0).customer()).collect()
    }

    pub(in crate::store) async fn joined_ledgers(
        &self,
        generation: GenerationId,
        after: Option<&CustomerKey>,
        limit: i64,
        known_at: Option<Seq>,
    ) -> Result<Vec<CustomerKey>, StoreError> {
        let text = format!(
            "SELECT DISTINCT j.livemode, j.account, j.ledger FROM joined j WHERE j.generation = $1
             AND (j.livemode, j.account, j.ledger) > ($2, $3, $4) AND {HOLDS}
             ORDER BY j.livemode, j.account, j.ledger LIMIT $6"
        );
        let rows = sqlx::query(AssertSqlSafe(text))
            .bind(generation)
            .bind(after.is_some_and(|after| after.livemode))
            .bind(after.map(|after| account(after.account.as_ref())).unwrap_or_default())
            .bind(after.map(|after| clean(after.customer.as_str())).unwrap_or_default())
            .bind(known_at.unwrap_or(Seq::END))
            .bind(limit)
            .fetch_all(&self.derived)
            .await
            .doing(DOING)?;
        rows.iter().map(|row| Columns::of(row, 0).customer()).collect()
    }

    pub(in crate::store) async fn events_about(
        &self,
        customers: &[CustomerKey],
        objects: &[&str],
        SeqRange { after, to }: SeqRange,
    ) -> Result<Vec<(Seq, EventId)>, StoreError> {
        let text = |condition: String| {
            format!(
                "SELECT DISTINCT f.seq, e.id FROM fact f JOIN event e ON e.seq = f.seq
                 WHERE f.livemode = $1 AND f.account = $2 AND f.seq > $3 AND f.seq <= $4 AND {condition} AND {NEWEST}"
            )
        };
        let of_customers = text(in_list("f.customer", 5));
        let of_objects = text(format!("f.customer IS NULL AND f.object IS NOT NULL AND {}", in_list("f.object", 5)));
        let mut events = BTreeMap::new();
        for ((livemode, account), named) in places(customers) {
            let customers: Vec<&str> = named.keys().map(String::as_str).collect();
            let objects: Vec<String> = objects.iter().map(|object| clean(object)).collect();
            let objects: Vec<&str> = objects.iter().map(String::as_str).collect();
            for (text, named) in [(&of_customers, customers), (&of_objects, objects)] {
                let rows = sqlx::query(AssertSqlSafe(text.clone()))
                    .bind(livemode)
                    .bind(&account)
                    .bind(after)
                    .bind(to)
                    .bind(text_list(named))
                    .fetch_all(&self.log)
                    .await
                    .doing(DOING)?;
                for row in &rows {
                    let event = EventId::new(row.try_get::<String, _>(1).doing(DOING)?);
                    events.insert(row.try_get(0).doing(DOING)?, event);
                }
            }
        }
        Ok(events.into_iter().collect())
    }
}

/// One of Stripe's customers, by its columns.
type Place = (bool, String, String);

/// What the last row of a customer says.
#[derive(Clone)]
struct Held {
    seq: Seq,
    ledger: String,
    /// When, the place within its second, and the event: the greatest holds.
    rank: (i64, i64, String),
}

/// The last row of each customer that `told` speaks of.
async fn held(
    connection: &mut Connection,
    generation: GenerationId,
    told: &[Belongs],
) -> Result<BTreeMap<Place, Held>, StoreError> {
    let text = format!(
        "SELECT j.customer, j.seq, j.ledger, j.at, j.role, j.event FROM joined j
         WHERE j.generation = $1 AND j.livemode = $2 AND j.account = $3 AND {} AND {HOLDS}",
        in_list("j.customer", 4)
    );
    let keys: Vec<CustomerKey> = told.iter().map(|one| one.key.clone()).collect();
    let mut held = BTreeMap::new();
    for ((livemode, account), named) in places(&keys) {
        let rows = sqlx::query(AssertSqlSafe(text.clone()))
            .bind(generation)
            .bind(livemode)
            .bind(&account)
            .bind(text_list(named.keys().map(String::as_str)))
            .bind(Seq::END)
            .fetch_all(&mut *connection)
            .await
            .doing(DOING)?;
        for row in &rows {
            let mut columns = Columns::of(row, 0);
            let (customer, seq, ledger) = (columns.text()?, columns.seq()?, columns.text()?);
            let last = Held { seq, ledger, rank: (columns.number()?, columns.number()?, columns.text()?) };
            held.insert((livemode, account.clone(), customer), last);
        }
    }
    Ok(held)
}

/// The ledgers that marked customers belonged to at any place from `from` to `to`: whoever comes, goes or stays, the
/// figures of each may be others now.
pub(super) async fn of_ledgers(
    connection: &mut Connection,
    generation: GenerationId,
    marks: &Marks,
    SeqRange { after, to }: SeqRange,
) -> Result<Marks, StoreError> {
    let text = format!(
        "SELECT customer, seq, ledger FROM joined WHERE generation = $1 AND livemode = $2 AND account = $3 AND {}
         AND seq <= $5 ORDER BY customer, seq DESC",
        in_list("customer", 4)
    );
    let mut scopes: BTreeMap<(bool, &str), BTreeSet<&str>> = BTreeMap::new();
    for (livemode, account, customer) in marks.keys() {
        scopes.entry((*livemode, account)).or_default().insert(customer);
    }
    let mut ledgers = Marks::new();
    for ((livemode, account), mut customers) in scopes {
        let rows = sqlx::query(AssertSqlSafe(text.clone()))
            .bind(generation)
            .bind(livemode)
            .bind(account)
            .bind(text_list(customers.iter().copied()))
            .bind(to)
            .fetch_all(&mut *connection)
            .await
            .doing(DOING)?;
        let mut add = |customer: &str, ledger: &str| {
            let Some(places) = marks.get(&(livemode, account.to_owned(), customer.to_owned())) else { return };
            touch(&mut ledgers, (livemode, account.to_owned(), ledger.to_owned()), *places);
        };
        for row in &rows {
            let mut columns = Columns::of(row, 0);
            let (customer, seq, ledger) = (columns.text()?, columns.seq()?, columns.text()?);
            // Later ones come first: behind the one that held at `after` are ledgers of before.
            if customers.contains(&*customer) {
                add(&customer, &ledger);
            }
            if seq <= after {
                customers.remove(&*customer);
            }
        }
        // Nothing was said of them at `after`: they were at home.
        customers.iter().for_each(|customer| add(customer, customer));
    }
    Ok(ledgers)
}
