//! Events that come for the first time: one statement and one answer for a whole group, commit included. Its twin is in
//! `sqlite/`.

use std::{collections::HashMap, sync::LazyLock};

use sqlx::{AssertSqlSafe, Row as _};

use super::{
    Database,
    body::{
        append::DOING,
        log_columns::{EVENT, EVENT_BODY, FACT},
        rows::account,
    },
    driver::Row,
    sql::BEGIN_WRITE,
};
use crate::{
    event::Seq,
    store::{
        StoreError,
        errors::Doing,
        log::prepared::{FactRow, Prepared, clean},
        planned,
    },
};

/// The lock that holds the horizon comes before the first seq (`sql::horizon`). Seqs follow the order of arrival; rows
/// are written in the order of their ids, so that two processes with the same events wait for each other, never in a circle.
static INSERT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "
    WITH held AS MATERIALIZED (
        SELECT pg_advisory_xact_lock_shared(1836216932, 7562609)
    ), sent AS MATERIALIZED (
        SELECT nextval('event_seq_seq') AS seq, event.* FROM held CROSS JOIN unnest($1::text[], $2::text[], $3::text[],
            $4::bool[], $5::bigint[], $6::text[], $7::bigint[], $8::text[], $9::bigint[], $10::bytea[])
            AS event ({EVENT})
    ), placed AS (
        INSERT INTO event (seq, {EVENT})
        SELECT * FROM sent ORDER BY id
        ON CONFLICT (id, variant) DO NOTHING
        RETURNING seq, id, livemode, account, received_at
    ), bodies AS (
        INSERT INTO event_body ({EVENT_BODY}, received_at)
        SELECT placed.seq, body.salt, body.codec, body.bytes, placed.received_at
        FROM unnest($1::text[], $11::bytea[], $12::bigint[], $13::bytea[]) AS body (id, salt, codec, bytes)
        JOIN placed ON placed.id = body.id
    ), facts AS (
        INSERT INTO fact ({FACT})
        SELECT placed.seq, fact.normaliser, fact.ordinal, fact.kind, placed.livemode, placed.account, fact.customer,
            fact.object, fact.codec, fact.state
        FROM unnest($14::text[], $15::bigint[], $16::bigint[], $17::text[], $18::text[], $19::text[], $20::bigint[],
            $21::bytea[]) AS fact (id, normaliser, ordinal, kind, customer, object, codec, state)
        JOIN placed ON placed.id = fact.id
    )
    SELECT id, seq FROM placed"
    )
});

/// Appends those of `events` at `places` whose ids the log doesn't have: the place in the log of each, or `None`. Durable
/// on return.
///
/// Another process that appends one of them at the same time is waited for; whoever comes second gets `None`.
pub(super) async fn insert(
    database: &Database,
    events: &[Prepared],
    places: &[usize],
) -> Result<Vec<Option<Seq>>, StoreError> {
    let events: Vec<&Prepared> = places.iter().filter_map(|place| events.get(*place)).collect();
    let ids: Vec<String> = events.iter().map(|event| clean(event.event.id.as_str())).collect();
    let all = |of: fn(&Prepared) -> i64| events.iter().map(|event| of(event)).collect::<Vec<i64>>();
    let text = |of: fn(&Prepared) -> String| events.iter().map(|event| of(event)).collect::<Vec<String>>();
    let facts: Vec<(&str, i64, i64, &FactRow)> = ids
        .iter()
        .zip(&events)
        .flat_map(|(id, event)| (0..).zip(&event.facts).map(|(n, fact)| (id.as_str(), event.normaliser, n, fact)))
        .collect();
    let query = sqlx::query(AssertSqlSafe(INSERT.as_str()))
        .bind(&ids)
        .bind(text(|event| clean(&event.event.kind)))
        .bind(text(|event| account(event.event.account.as_ref())))
        .bind(events.iter().map(|event| event.event.livemode).collect::<Vec<_>>())
        .bind(all(|event| event.event.created.0))
        .bind(text(|event| event.event.api_version.as_deref().map(clean).unwrap_or_default()))
        .bind(all(|event| event.event.received_at.0))
        .bind(events.iter().map(|event| event.event.source.as_str()).collect::<Vec<_>>())
        .bind(all(|event| i64::try_from(event.event.body.len()).unwrap_or(i64::MAX)))
        .bind(events.iter().map(|event| &event.digest[..]).collect::<Vec<_>>())
        .bind(events.iter().map(|event| &event.salt[..]).collect::<Vec<_>>())
        .bind(all(|event| event.codec))
        .bind(events.iter().map(|event| &event.bytes[..]).collect::<Vec<_>>())
        .bind(facts.iter().map(|(id, ..)| *id).collect::<Vec<_>>())
        .bind(facts.iter().map(|(_, normaliser, ..)| *normaliser).collect::<Vec<_>>())
        .bind(facts.iter().map(|(_, _, ordinal, _)| *ordinal).collect::<Vec<_>>())
        .bind(facts.iter().map(|(.., fact)| fact.kind).collect::<Vec<_>>())
        .bind(facts.iter().map(|(.., fact)| fact.customer.as_deref()).collect::<Vec<_>>())
        .bind(facts.iter().map(|(.., fact)| fact.object.as_deref()).collect::<Vec<_>>())
        .bind(facts.iter().map(|(.., fact)| fact.codec).collect::<Vec<_>>())
        .bind(facts.iter().map(|(.., fact)| &fact.state[..]).collect::<Vec<_>>());
    let written = if database.plan.is_armed() {
        // The same statement; only its commit comes apart from it, so that a failure can be planned in between.
        let mut tx = database.log_writer.begin_with(BEGIN_WRITE).await.doing(DOING)?;
        let written = query.fetch_all(&mut *tx).await.doing(DOING)?;
        database.plan.pass(planned::LOG_BEFORE_COMMIT).await?;
        tx.commit().await.doing(DOING)?;
        database.plan.pass(planned::LOG_AFTER_COMMIT).await?;
        written
    } else {
        let mut connection = database.arriving.take(&database.log_writer).await.doing(DOING)?;
        match query.fetch_all(&mut *connection).await {
            Ok(written) => {
                database.arriving.keep(connection);
                written
            }
            Err(error) => {
                database.arriving.forget();
                return Err(error).doing(DOING);
            }
        }
    };
    let place = |row: &Row| -> Result<(String, Seq), sqlx::Error> { Ok((row.try_get(0)?, row.try_get(1)?)) };
    let seq_of: HashMap<String, Seq> = written.iter().map(place).collect::<Result<_, _>>().doing(DOING)?;
    Ok(ids.iter().map(|id| seq_of.get(id).copied()).collect())
}
