//! Terms told in customers' facts: read where somebody names what these tell, kept as the log is looked at.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{AssertSqlSafe, Row as _};

use super::{
    super::{Database, dialect::*},
    recompute::lives,
    rows::{self, account},
    stretch::{Stretch, touch},
};
use crate::{
    event::Seq,
    event::codec,
    ledger::{fact::Fact, ids::AccountId},
    store::{
        StoreError,
        derived::{GenerationId, told::Told},
        errors::{Doing, corrupt},
        log::prepared::clean,
    },
};

const DOING: &str = "reading terms told elsewhere";
const KEEPING: &str = "keeping terms";

/// Terms, in ten columns.
pub(in super::super) const TELL: &str =
    "INSERT INTO told (generation, livemode, account, object, digest, amount, seq, event, codec, state)";

impl Database {
    pub(in crate::store) async fn told(
        &self,
        generation: GenerationId,
        livemode: bool,
        of: Option<&AccountId>,
        objects: &[&str],
        known_at: Option<Seq>,
    ) -> Result<Vec<(Seq, String, Fact)>, StoreError> {
        let text = format!(
            "SELECT seq, object, codec, state FROM told
             WHERE generation = $1 AND livemode = $2 AND account = $3 AND {} AND seq <= $5 ORDER BY object, digest",
            in_list("object", 4)
        );
        let objects: Vec<String> = objects.iter().map(|object| clean(object)).collect();
        let rows = sqlx::query(AssertSqlSafe(text))
            .bind(generation)
            .bind(livemode)
            .bind(account(of))
            .bind(text_list(objects.iter().map(String::as_str)))
            .bind(known_at.unwrap_or(Seq::END))
            .fetch_all(&self.derived)
            .await
            .doing(DOING)?;
        let read = |row: &Row| -> Result<(Seq, String, Fact), StoreError> {
            let columns = || Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get::<&[u8], _>(3)?));
            let (seq, object, codec, state): (Seq, String, i64, _) = columns().doing(DOING)?;
            let fact = codec::decode_fact(codec, state)
                .map_err(|error| corrupt(DOING, format!("the terms of {object} can't be read: {error}")))?;
            Ok((seq, object, fact))
        };
        rows.iter().map(read).collect()
    }

    pub(in crate::store) async fn tell(&self, generation: GenerationId, told: &[Told]) -> Result<(), StoreError> {
        let mut tx = self.derived_writer.begin_with(BEGIN_WRITE).await.doing(KEEPING)?;
        if !lives(&mut tx, generation).await? {
            return Err(super::generations::dropped());
        }
        insert(&mut tx, generation, told).await?;
        tx.commit().await.doing(KEEPING)
    }
}

/// Keeps terms; of those that are kept already, the earlier place.
async fn insert(connection: &mut Connection, generation: GenerationId, told: &[Told]) -> Result<(), StoreError> {
    let tail = "ON CONFLICT (generation, livemode, account, object, digest) DO UPDATE
                SET seq = excluded.seq, event = excluded.event, codec = excluded.codec, state = excluded.state
                WHERE excluded.seq < told.seq";
    rows::insert(connection, TELL, 10, tail, told, |query, one| {
        let (codec, state) = codec::encode_fact(&one.fact);
        let query = query.bind(generation).bind(one.livemode).bind(account(one.account.as_ref()));
        let query = query.bind(clean(&one.object)).bind(one.digest().to_owned()).bind(one.amount).bind(one.seq);
        query.bind(clean(one.fact.event.as_str())).bind(codec).bind(state)
    })
    .await
    .doing(KEEPING)
}

/// Keeps what isn't kept yet, and hands it back: whoever names it may count something else now.
pub(super) async fn insert_new(
    connection: &mut Connection,
    generation: GenerationId,
    told: Vec<Told>,
) -> Result<Vec<Told>, StoreError> {
    let mut scopes: BTreeMap<(bool, String), BTreeSet<String>> = BTreeMap::new();
    for one in &told {
        let scope = scopes.entry((one.livemode, account(one.account.as_ref()))).or_default();
        scope.insert(clean(&one.object));
    }
    let text = format!(
        "SELECT object, digest FROM told WHERE generation = $1 AND livemode = $2 AND account = $3 AND {}",
        in_list("object", 4)
    );
    let mut known: BTreeSet<(bool, String, String, String)> = BTreeSet::new();
    for ((livemode, account), objects) in scopes {
        let rows = sqlx::query(AssertSqlSafe(text.clone()))
            .bind(generation)
            .bind(livemode)
            .bind(account.clone())
            .bind(text_list(objects.iter().map(String::as_str)))
            .fetch_all(&mut *connection)
            .await
            .doing(KEEPING)?;
        for row in &rows {
            let read = || Ok((row.try_get(0)?, row.try_get(1)?));
            let (object, digest): (String, String) = read().doing(KEEPING)?;
            known.insert((livemode, account.clone(), object, digest));
        }
    }
    let is_known = |one: &Told| {
        let of = account(one.account.as_ref());
        known.contains(&(one.livemode, of, clean(&one.object), one.digest().to_owned()))
    };
    let fresh: Vec<Told> = told.into_iter().filter(|one| !is_known(one)).collect();
    insert(connection, generation, &fresh).await?;
    Ok(fresh)
}

/// Other terms of an object than those of `digest`, in what customers' facts embed.
pub(in super::super) const TOLD_OTHERWISE: &str = "SELECT 1 FROM told
    WHERE generation = $1 AND livemode = $2 AND account = $3 AND object = $4 AND digest <> $5 LIMIT 1";

/// Adds the objects that a stretch tells again as they were, and of which customers' facts embed other terms.
pub(super) async fn add_told_otherwise(
    connection: &mut Connection,
    generation: GenerationId,
    stretch: &mut Stretch,
) -> Result<(), StoreError> {
    for ((object, digest), places) in std::mem::take(&mut stretch.again) {
        let (livemode, account, id) = &object;
        let query = sqlx::query(TOLD_OTHERWISE).bind(generation).bind(*livemode).bind(account.clone());
        let found = query.bind(id.clone()).bind(digest).fetch_optional(&mut *connection).await.doing(KEEPING)?;
        if found.is_some() {
            touch(&mut stretch.objects, object, places);
        }
    }
    Ok(())
}

/// Of the `objects` of one ledger that somebody lacks, those that are told, with the first place that tells them: what it
/// amounts to, or anything where only `anything` is asked for.
pub(super) async fn told_of(
    connection: &mut Connection,
    generation: GenerationId,
    (livemode, account): (bool, &str),
    objects: &BTreeSet<&str>,
    anything: bool,
) -> Result<Vec<(String, Seq)>, StoreError> {
    let text = format!(
        "SELECT object, MIN(seq) FROM told WHERE generation = $1 AND livemode = $2 AND account = $3 AND {}
         AND (amount OR $5) GROUP BY object ORDER BY object",
        in_list("object", 4)
    );
    let rows = sqlx::query(AssertSqlSafe(text))
        .bind(generation)
        .bind(livemode)
        .bind(account)
        .bind(text_list(objects.iter().copied()))
        .bind(anything)
        .fetch_all(connection)
        .await
        .doing(DOING)?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_, _>>().doing(DOING)
}
