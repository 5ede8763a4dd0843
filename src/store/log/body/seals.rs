//! The seal: a chain of digests over the log, written afterwards and never beyond what every reader may see.

use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Row as _};

use super::super::{Database, dialect::*};
use crate::{
    event::Seq,
    event::codec,
    store::{
        StoreError,
        errors::Doing,
        log::{ChainReport, Sealed},
    },
};

/// What the first seal follows.
const BEGINNING: [u8; 32] = [0; 32];

/// Events looked at in one statement while verifying: their bodies are in memory together.
const PAGE: i64 = 256;

/// Adds one event to a root: every column of its row, each with its length, so that no two rows read alike.
fn add(hash: &mut Sha256, row: &Row) -> Result<Seq, sqlx::Error> {
    let mut field = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    let seq: Seq = row.try_get("seq")?;
    field(&seq.0.to_be_bytes());
    for text in ["id", "type", "account", "api_version", "source"] {
        field(row.try_get::<String, _>(text)?.as_bytes());
    }
    field(&[row.try_get::<bool, _>("livemode")?.into()]);
    for number in ["variant", "created", "received_at", "body_bytes"] {
        field(&row.try_get::<i64, _>(number)?.to_be_bytes());
    }
    field(&row.try_get::<Vec<u8>, _>("digest")?);
    Ok(seq)
}

impl Database {
    pub(in crate::store) async fn seal_is_due(&self) -> Result<bool, StoreError> {
        sqlx::query_scalar(
            "SELECT COALESCE((SELECT MAX(seq) FROM event), 0) > COALESCE((SELECT MAX(to_seq) FROM seal), 0)",
        )
        .fetch_one(&self.log)
        .await
        .doing("looking for events to seal")
    }

    pub(in crate::store) async fn sealed_to(&self) -> Result<Seq, StoreError> {
        let text = "SELECT COALESCE(MAX(to_seq), 0) FROM seal";
        sqlx::query_scalar(text).fetch_one(&self.log).await.doing("looking for seals")
    }

    pub(in crate::store) async fn sizes(&self) -> Result<(i64, Option<i64>), StoreError> {
        let doing = "looking at sizes";
        let log = sqlx::query_scalar(SIZE).fetch_one(&self.log).await.doing(doing)?;
        if !APART {
            return Ok((log, None));
        }
        Ok((log, Some(sqlx::query_scalar(SIZE).fetch_one(&self.derived).await.doing(doing)?)))
    }

    pub(in crate::store) async fn seal(&self, max_rows: i64) -> Result<Option<Sealed>, StoreError> {
        let doing = "sealing the log";
        // Read before anything is locked: nothing at or below the horizon changes any more.
        let horizon = horizon(self).await?;
        let last = sqlx::query("SELECT to_seq, root FROM seal ORDER BY to_seq DESC LIMIT 1")
            .fetch_optional(&self.log)
            .await
            .doing(doing)?;
        let (after, previous): (Seq, Vec<u8>) = match &last {
            Some(row) => (row.try_get(0).doing(doing)?, row.try_get(1).doing(doing)?),
            None => (Seq::START, BEGINNING.to_vec()),
        };
        let mut hash = Sha256::new().chain_update(&previous);
        let (mut to, mut events) = (after, 0);
        // By the page: it runs beside the webhooks, and memory is theirs.
        while events < max_rows {
            let rows = sqlx::query("SELECT * FROM event WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3")
                .bind(to)
                .bind(horizon)
                .bind(PAGE.min(max_rows - events))
                .fetch_all(&self.log)
                .await
                .doing(doing)?;
            if rows.is_empty() {
                break;
            }
            for row in &rows {
                to = add(&mut hash, row).doing(doing)?;
                events += 1;
            }
        }
        if to == after {
            return Ok(None);
        }
        // Another sealer that began at the same place makes this fail on the key: no stretch is sealed twice.
        let mut tx = self.log_writer.begin_with(BEGIN_WRITE).await.doing(doing)?;
        sqlx::query("INSERT INTO seal (from_seq, to_seq, root, previous) VALUES ($1, $2, $3, $4)")
            .bind(after.next())
            .bind(to)
            .bind(hash.finalize().to_vec())
            .bind(previous)
            .execute(&mut *tx)
            .await
            .doing(doing)?;
        tx.commit().await.doing(doing)?;
        Ok(Some(Sealed { from_seq: after.next(), to_seq: to, events }))
    }

    pub(in crate::store) async fn verify_chain(&self) -> Result<ChainReport, StoreError> {
        let doing = "verifying the log";
        let horizon = horizon(self).await?;
        let mut report = ChainReport::default();
        let mut previous = BEGINNING.to_vec();
        loop {
            let seal = sqlx::query(
                "SELECT from_seq, to_seq, root, previous FROM seal WHERE to_seq > $1 ORDER BY to_seq LIMIT 1",
            )
            .bind(report.sealed_to)
            .fetch_optional(&self.log)
            .await
            .doing(doing)?;
            let Some(seal) = seal else { break };
            let (from, to): (Seq, Seq) = (seal.try_get(0).doing(doing)?, seal.try_get(1).doing(doing)?);
            let root: Vec<u8> = seal.try_get(2).doing(doing)?;
            if from != report.sealed_to.next() || seal.try_get::<Vec<u8>, _>(3).doing(doing)? != previous {
                report.first_difference = Some(format!("the seal of {from} to {to} doesn't follow the one before it"));
                return Ok(report);
            }
            let mut hash = Sha256::new().chain_update(&previous);
            if let Some(difference) = self.walk(from.before(), to, Some(&mut hash)).await?.1 {
                report.first_difference = Some(difference);
                return Ok(report);
            }
            if hash.finalize()[..] != root[..] {
                report.first_difference =
                    Some(format!("the events from {from} to {to} are not the ones that were sealed"));
                return Ok(report);
            }
            (report.sealed_to, previous) = (to, root);
        }
        let (unsealed, difference) = self.walk(report.sealed_to, horizon, None).await?;
        Ok(ChainReport { unsealed, first_difference: difference, ..report })
    }

    /// Goes through the events after `after` up to `to`, holding each body against its digest: how many there are, and
    /// the first that differs.
    async fn walk(
        &self,
        mut after: Seq,
        to: Seq,
        mut hash: Option<&mut Sha256>,
    ) -> Result<(i64, Option<String>), StoreError> {
        let doing = "verifying the log";
        let text = format!(
            "SELECT e.*, b.salt, b.codec, b.bytes, x.erased_at
             FROM event e LEFT JOIN {BODY} LEFT JOIN erasure x ON x.seq = e.seq
             WHERE e.seq > $1 AND e.seq <= $2 ORDER BY e.seq LIMIT $3"
        );
        let mut seen = 0;
        loop {
            let query = sqlx::query(AssertSqlSafe(text.as_str())).bind(after).bind(to).bind(PAGE);
            let rows = query.fetch_all(&self.log).await.doing(doing)?;
            if rows.is_empty() {
                return Ok((seen, None));
            }
            for row in &rows {
                after = row.try_get("seq").doing(doing)?;
                seen += 1;
                if let Some(hash) = hash.as_deref_mut() {
                    add(hash, row).doing(doing)?;
                }
                if let Some(difference) = body_difference(row).doing(doing)? {
                    let id: String = row.try_get("id").doing(doing)?;
                    return Ok((seen, Some(format!("event {id} at {after}: {difference}"))));
                }
            }
        }
    }
}

/// What is wrong with a body, if anything.
fn body_difference(row: &Row) -> Result<Option<String>, sqlx::Error> {
    let Some(salt) = row.try_get::<Option<Vec<u8>>, _>("salt")? else {
        let erased = row.try_get::<Option<i64>, _>("erased_at")?.is_some();
        return Ok((!erased).then(|| "its body is missing, and no erasure is logged".into()));
    };
    let length = usize::try_from(row.try_get::<i64, _>("body_bytes")?).unwrap_or(0);
    let body = match codec::decode(row.try_get("codec")?, &row.try_get::<Vec<u8>, _>("bytes")?, length) {
        Ok(body) => body,
        Err(error) => return Ok(Some(error.to_string())),
    };
    let same = codec::digest(&salt, &body)[..] == row.try_get::<Vec<u8>, _>("digest")?[..];
    Ok((!same).then(|| "its body is not the one that was received".into()))
}
