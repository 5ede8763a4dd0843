//! Looking at the next stretch of the log: one trip reads it, another marks whoever it touches. Where customers are joined,
//! and on PostgreSQL, the driver's statements do it (`derived/body/advance.rs`).

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::{
    Database,
    body::{
        advance::{DOING, MARK, MARKED_AGAIN, REFERENCE, STRETCH_END, stretch_rows},
        rows::account,
        stretch::{Marks, Stretch, Touches, touch},
        told::{TELL, TOLD_OTHERWISE},
    },
    direct::Failure,
    facts::{fact, facts_about},
};
use crate::{
    event::{Seq, codec},
    store::{
        StoreError,
        derived::{Advanced, GenerationId, told::Told},
        errors::Doing,
        log::prepared::clean,
    },
};

/// Marks whoever the next `limit` events of the log touch.
pub(crate) async fn advance_to(
    database: &Database,
    generation: GenerationId,
    limit: i64,
) -> Result<Advanced, StoreError> {
    let (position, joined_to) = database.position(generation).await?;
    if joined_to.is_some() {
        return database.advance_by_statements(generation, limit).await;
    }
    let stretch = database.facts.run(DOING, move |log| read_stretch(log, position, limit)).await?;
    let Some((to, read, stretch)) = stretch else { return Ok(Advanced { position, read: 0, marked: 0 }) };
    // SQLite makes whoever finds the file locked sleep and try again: within this process one waits for one's turn.
    let _turn = database.derived_writer.acquire().await.doing(DOING)?;
    let mark = move |connection: &mut Connection| {
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let moved = tx
            .prepare_cached("UPDATE generation SET position = ? WHERE id = ? AND position = ?")?
            .execute(params![to.0, generation.0, position.0])?;
        if moved != 1 {
            return Ok(None);
        }
        let marks = write_marks(&tx, generation, stretch)?;
        tx.commit()?;
        Ok(Some(i64::try_from(marks).unwrap_or(i64::MAX)))
    };
    match database.replacing.run(DOING, mark).await? {
        Some(marked) => Ok(Advanced { position: to, read, marked }),
        // Another reconciler went first: what it found is marked already.
        None => Ok(Advanced { position: database.position(generation).await?.0, read: 0, marked: 0 }),
    }
}

/// The next events behind `after`, up to `limit`: the last one's place, how many there are, and what they say; `None` at the
/// log's end. There is one writer, so whatever is there may be seen, and nothing appears before it later.
fn read_stretch(log: &mut Connection, after: Seq, limit: i64) -> Result<Option<(Seq, i64, Stretch)>, Failure> {
    let tx = log.transaction()?;
    let mut end = tx.prepare_cached(STRETCH_END)?;
    let (read, last): (i64, i64) =
        end.query_row(params![after.0, Seq::END.0, limit], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if read == 0 {
        return Ok(None);
    }
    let mut stretch = Stretch::default();
    let mut statement = tx.prepare_cached(&stretch_rows())?;
    let mut rows = statement.query(params![after.0, last])?;
    while let Some(row) = rows.next()? {
        let seq = Seq(row.get(0)?);
        let (livemode, account, customer): (_, _, Option<String>) = (row.get(3)?, row.get(4)?, row.get(5)?);
        match customer {
            Some(customer) => {
                stretch.add((livemode, account, customer), seq, &fact(row)?);
            }
            None => {
                if let Some(object) = row.get(6)? {
                    stretch.add_object((livemode, account, object), seq, fact(row)?);
                }
            }
        }
    }
    for (ledger, objects) in stretch.to_weigh() {
        let before = facts_about(&tx, &ledger, &objects, after)?;
        stretch.weigh(&ledger, before);
    }
    Ok(Some((Seq(last), read, stretch)))
}

/// Keeps what a stretch names and tells, and marks whoever it touches; answers how many.
fn write_marks(tx: &Transaction<'_>, generation: GenerationId, stretch: Stretch) -> rusqlite::Result<usize> {
    let Stretch { customers: mut marks, mut objects, again, references, told, .. } = stretch;
    let mut insert = tx.prepare_cached(&format!("{REFERENCE} VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"))?;
    for ((livemode, account, customer), object) in &references {
        insert.execute(params![generation.0, livemode, account, object, customer])?;
    }
    for told in told.into_values().flatten() {
        if keep_told(tx, generation, &told)? {
            let object = (told.livemode, account(told.account.as_ref()), clean(&told.object));
            touch(&mut objects, object, Touches::by_object(told.seq));
        }
    }
    let mut otherwise = tx.prepare_cached(TOLD_OTHERWISE)?;
    for ((object, digest), places) in again {
        let (livemode, account, id) = &object;
        if otherwise.exists(params![generation.0, livemode, account, id, digest])? {
            touch(&mut objects, object, places);
        }
    }
    touched_by_objects(tx, generation, &objects, &mut marks)?;
    let mut mark = tx.prepare_cached(&format!("{MARK} VALUES (?, ?, ?, ?, ?, ?, ?) {MARKED_AGAIN}"))?;
    for ((livemode, account, customer), Touches { first, last, own }) in &marks {
        let own = own.map(|own| own.0);
        mark.execute(params![generation.0, livemode, account, customer, first.0, last.0, own])?;
    }
    Ok(marks.len())
}

/// Keeps terms that aren't kept yet; true where they were new.
fn keep_told(tx: &Transaction<'_>, generation: GenerationId, told: &Told) -> rusqlite::Result<bool> {
    let (account, object) = (account(told.account.as_ref()), clean(&told.object));
    let is_kept = tx
        .prepare_cached(
            "SELECT 1 FROM told WHERE generation = ? AND livemode = ? AND account = ? AND object = ? AND digest = ?",
        )?
        .query_row(params![generation.0, told.livemode, account, object, told.digest()], |_| Ok(()))
        .optional()?
        .is_some();
    if !is_kept {
        let (codec, state) = codec::encode_fact(&told.fact);
        let event = clean(told.fact.event.as_str());
        let mut keep = tx.prepare_cached(&format!("{TELL} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"))?;
        let (of, amount, seq, digest) = (generation.0, told.amount, told.seq.0, told.digest());
        keep.execute(params![of, told.livemode, account, object, digest, amount, seq, event, codec, state])?;
    }
    Ok(!is_kept)
}

/// Adds the customers whose facts name one of `objects`.
fn touched_by_objects(
    tx: &Transaction<'_>,
    generation: GenerationId,
    objects: &Marks,
    marks: &mut Marks,
) -> rusqlite::Result<()> {
    let mut named_by = tx.prepare_cached(
        "SELECT customer FROM reference WHERE generation = ? AND livemode = ? AND account = ? AND object = ?",
    )?;
    for ((livemode, account, object), places) in objects {
        let customers = named_by.query_map(params![generation.0, livemode, account, object], |row| row.get(0))?;
        for customer in customers {
            touch(marks, (*livemode, account.clone(), customer?), *places);
        }
    }
    Ok(())
}
