//! Appending to the log, durable on return: what nobody has sent before in as few words as the database allows, and the
//! rest after a look at what the log holds.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{
    super::{Database, arrivals, dialect::*},
    log_columns::{EVENT, EVENT_BODY, FACT, FactLine, bind_event, bind_fact},
    reader::Columns,
    rows::{self, account},
};
use crate::{
    event::{EventRow, Reading, Seq, codec},
    store::{
        StoreError,
        errors::{Doing, corrupt},
        log::{
            Appended,
            prepared::{FactRow, Prepared, clean, fact_rows, same_event},
        },
        planned,
    },
};

pub(in super::super) const DOING: &str = "appending events";

/// How often an append looks again after another process has appended the same event first.
const COLLISIONS_MAX: usize = 5;

/// A body of an id that the log or this very batch has already.
enum EarlierBody<'p> {
    /// In the log.
    Stored { salt: Vec<u8>, digest: Vec<u8>, codec: i64, bytes: Vec<u8>, length: usize },
    /// Erased: it must not come back by being delivered once more, in whatever shape.
    Erased,
    /// Earlier in this batch.
    Fresh(&'p Prepared),
}

impl EarlierBody<'_> {
    fn is(&self, event: &Prepared) -> Result<bool, StoreError> {
        let body = &event.event.body;
        match self {
            Self::Erased => Ok(true),
            Self::Fresh(other) => Ok(same_event(&other.event.body, body)),
            Self::Stored { salt, digest, .. } if codec::digest(salt, body)[..] == digest[..] => Ok(true),
            Self::Stored { codec, bytes, length, .. } => {
                let stored = codec::decode(*codec, bytes, *length)
                    .map_err(|error| corrupt(DOING, format!("event {}: {error}", event.event.id)))?;
                Ok(same_event(&stored, body))
            }
        }
    }
}

/// A row about to be written.
pub(in super::super) struct Fresh<'p> {
    pub(in super::super) seq: Seq,
    pub(in super::super) variant: i64,
    pub(in super::super) event: &'p Prepared,
}

impl Database {
    pub(in crate::store) async fn append(&self, batch: &Arc<Vec<Prepared>>) -> Result<Vec<Appended>, StoreError> {
        let new = |answers: &Vec<Appended>| answers.iter().any(|answer| *answer != Appended::Duplicate);
        let outcome = self.health.log().of(self.append_all(batch), new).await?;
        for answer in &outcome {
            if let Appended::New(seq) | Appended::Variant(seq) = answer {
                self.health.reach(*seq);
            }
        }
        Ok(outcome)
    }

    async fn append_all(&self, batch: &Arc<Vec<Prepared>>) -> Result<Vec<Appended>, StoreError> {
        self.health.log_is_there(DOING)?;
        let placed = self.append_arrivals(batch).await?;
        let rest: Vec<&Prepared> =
            batch.iter().zip(&placed).filter(|(_, placed)| placed.is_none()).map(|(event, _)| event).collect();
        let mut rest = if rest.is_empty() { Vec::new() } else { self.append_known(&rest).await? }.into_iter();
        // Whatever had no place was asked for in this order; without an answer nothing may be acknowledged.
        let answers: Option<Vec<Appended>> = placed.into_iter().map(|placed| placed.or_else(|| rest.next())).collect();
        answers.ok_or_else(|| corrupt(DOING, "an event of the batch got no answer"))
    }

    /// Almost every event comes for the first time: those are written without asking. One that the log has already stays
    /// `None`, as does what repeats an id within the batch.
    async fn append_arrivals(&self, batch: &Arc<Vec<Prepared>>) -> Result<Vec<Option<Appended>>, StoreError> {
        let mut seen = HashSet::with_capacity(batch.len());
        let first = batch.iter().enumerate().filter(|(_, event)| seen.insert(event.event.id.as_str()));
        let places: Vec<usize> = first.map(|(place, _)| place).collect();
        let seqs = arrivals::insert(self, batch, &places).await?;
        let mut placed = vec![None; batch.len()];
        for (place, seq) in places.into_iter().zip(seqs) {
            placed[place] = seq.map(Appended::New);
        }
        Ok(placed)
    }

    /// Events whose ids the log may have: duplicates, and variants in other shapes.
    async fn append_known(&self, batch: &[&Prepared]) -> Result<Vec<Appended>, StoreError> {
        let mut collisions = 0;
        loop {
            match self.try_append(batch).await {
                Err(Failed::Collided) if collisions < COLLISIONS_MAX => collisions += 1,
                Err(Failed::Collided) => {
                    let reason = "another process keeps appending the same events".into();
                    return Err(StoreError::Unavailable { doing: DOING, reason });
                }
                Err(Failed::Store(error)) => return Err(error),
                Ok(appended) => return Ok(appended),
            }
        }
    }

    async fn try_append(&self, batch: &[&Prepared]) -> Result<Vec<Appended>, Failed> {
        let mut tx = self.log_writer.begin_with(BEGIN_WRITE).await.doing(DOING)?;
        let mut known = known_bodies(&mut tx, batch).await?;
        let mut answers = Vec::with_capacity(batch.len());
        let mut fresh = Vec::with_capacity(batch.len());
        for &event in batch {
            let bodies = known.entry(clean(event.event.id.as_str())).or_default();
            let mut duplicate = false;
            for body in bodies.iter() {
                duplicate = duplicate || body.is(event)?;
            }
            if duplicate {
                answers.push(Appended::Duplicate);
                continue;
            }
            let variant = i64::try_from(bodies.len()).unwrap_or(i64::MAX);
            bodies.push(EarlierBody::Fresh(event));
            // The place follows below, when it is known how many are needed.
            answers.push(if variant == 0 { Appended::New(Seq::START) } else { Appended::Variant(Seq::START) });
            fresh.push(Fresh { seq: Seq::START, variant, event });
        }
        if fresh.is_empty() {
            tx.rollback().await.doing(DOING)?;
            return Ok(answers);
        }
        hold_horizon(&mut tx).await?;
        let seqs = next_seqs(&mut tx, fresh.len()).await?;
        for (row, seq) in fresh.iter_mut().zip(seqs) {
            row.seq = seq;
        }
        // Each of these answers was pushed with its row: there are as many places.
        let mut places = fresh.iter().map(|row| row.seq);
        for answer in &mut answers {
            if let Appended::New(seq) | Appended::Variant(seq) = answer {
                *seq = places.next().unwrap_or_default();
            }
        }
        if APPENDS_MAY_COLLIDE {
            // In one order everywhere: two processes that append the same events wait for each other, never in a circle.
            fresh.sort_by(|one, other| one.event.event.id.cmp(&other.event.event.id));
        }
        write(&mut tx, &fresh).await?;
        self.plan.pass(planned::LOG_BEFORE_COMMIT).await?;
        tx.commit().await.doing(DOING)?;
        grown(self, fresh.len());
        self.plan.pass(planned::LOG_AFTER_COMMIT).await?;
        Ok(answers)
    }

    pub(in crate::store) async fn append_facts(
        &self,
        normaliser: i64,
        readings: &[(EventRow, Reading)],
    ) -> Result<(), StoreError> {
        let doing = "appending facts";
        let facts: Vec<Vec<FactRow>> = readings.iter().map(|(_, reading)| fact_rows(reading)).collect();
        let accounts: Vec<String> = readings.iter().map(|(event, _)| account(event.account.as_ref())).collect();
        let lines: Vec<FactLine<'_>> = readings
            .iter()
            .zip(&accounts)
            .zip(&facts)
            .flat_map(|(((event, _), account), facts)| lines(event.seq, normaliser, event.livemode, account, facts))
            .collect();
        let mut tx = self.log_writer.begin_with(BEGIN_WRITE).await.doing(doing)?;
        for (event, _) in readings {
            let there: Option<Seq> = sqlx::query_scalar("SELECT seq FROM event WHERE seq = $1 AND id = $2")
                .bind(event.seq)
                .bind(clean(event.id.as_str()))
                .fetch_optional(&mut *tx)
                .await
                .doing(doing)?;
            if there.is_none() {
                return Err(corrupt(doing, format!("the log has no event {} at {}", event.id, event.seq)));
            }
        }
        // Two that read the same events again read the same: whoever comes second changes nothing.
        insert_facts(&mut tx, "ON CONFLICT DO NOTHING", &lines).await.doing(doing)?;
        tx.commit().await.doing(doing)?;
        grown(self, readings.len());
        self.tally.forget();
        Ok(())
    }
}

/// Why an append didn't happen.
enum Failed {
    /// Another process appended one of the same events between our look and our write.
    Collided,
    Store(StoreError),
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What the log has of the batch's ids, by variant.
async fn known_bodies<'p>(
    connection: &mut Connection,
    batch: &[&Prepared],
) -> Result<HashMap<String, Vec<EarlierBody<'p>>>, StoreError> {
    let text = format!(
        "SELECT e.id, e.digest, e.body_bytes, b.salt, b.codec, b.bytes
         FROM event e LEFT JOIN {BODY}
         WHERE {} ORDER BY e.id, e.variant",
        in_list("e.id", 1)
    );
    let ids: Vec<String> = batch.iter().map(|event| clean(event.event.id.as_str())).collect();
    let found = sqlx::query(sqlx::AssertSqlSafe(text))
        .bind(text_list(ids.iter().map(String::as_str)))
        .fetch_all(connection)
        .await
        .doing(DOING)?;
    let mut known: HashMap<String, Vec<EarlierBody<'p>>> = HashMap::with_capacity(batch.len());
    for row in &found {
        let mut columns = Columns::of(row, 0);
        let (id, digest, length, salt) =
            (columns.text()?, columns.bytes()?, columns.number()?, columns.bytes_or_null()?);
        let body = match salt {
            None => EarlierBody::Erased,
            Some(salt) => EarlierBody::Stored {
                salt,
                digest,
                codec: columns.number()?,
                bytes: columns.bytes()?,
                length: usize::try_from(length).unwrap_or(0),
            },
        };
        known.entry(id).or_default().push(body);
    }
    Ok(known)
}

async fn write(connection: &mut Connection, fresh: &[Fresh<'_>]) -> Result<(), Failed> {
    let head = format!("INSERT INTO event (seq, variant, {EVENT})");
    let inserted = rows::insert(connection, &head, 12, "", fresh, |query, row| {
        bind_event(query.bind(row.seq).bind(row.variant), row.event)
    })
    .await;
    match inserted {
        Err(sqlx::Error::Database(error)) if APPENDS_MAY_COLLIDE && error.is_unique_violation() => {
            return Err(Failed::Collided);
        }
        other => other.doing(DOING)?,
    }
    write_contents(connection, fresh).await?;
    Ok(())
}

/// The bodies and facts of events whose own rows are written.
pub(in super::super) async fn write_contents(
    connection: &mut Connection,
    fresh: &[Fresh<'_>],
) -> Result<(), StoreError> {
    let (head, width) = match BODIES_HAVE_MONTHS {
        true => (format!("INSERT INTO event_body ({EVENT_BODY}, received_at)"), 5),
        false => (format!("INSERT INTO event_body ({EVENT_BODY})"), 4),
    };
    rows::insert(connection, &head, width, "", fresh, |query, row| {
        let event = row.event;
        let query = query.bind(row.seq).bind(event.salt.to_vec()).bind(event.codec).bind(event.bytes.clone());
        if BODIES_HAVE_MONTHS { query.bind(event.event.received_at.0) } else { query }
    })
    .await
    .doing(DOING)?;
    let accounts: Vec<String> = fresh.iter().map(|row| account(row.event.event.account.as_ref())).collect();
    let facts: Vec<FactLine<'_>> = fresh
        .iter()
        .zip(&accounts)
        .flat_map(|(row, account)| {
            lines(row.seq, row.event.normaliser, row.event.event.livemode, account, &row.event.facts)
        })
        .collect();
    insert_facts(connection, "", &facts).await.doing(DOING)
}

fn lines<'f>(
    seq: Seq,
    normaliser: i64,
    livemode: bool,
    account: &'f str,
    facts: &'f [FactRow],
) -> impl Iterator<Item = FactLine<'f>> {
    (0..).zip(facts).map(move |(ordinal, fact)| FactLine { seq, normaliser, ordinal, livemode, account, fact })
}

async fn insert_facts(connection: &mut Connection, tail: &str, facts: &[FactLine<'_>]) -> Result<(), sqlx::Error> {
    let head = format!("INSERT INTO fact ({FACT})");
    rows::insert(connection, &head, 10, tail, facts, bind_fact).await
}
