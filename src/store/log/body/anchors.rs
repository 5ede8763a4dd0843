//! Holding the log against what is remembered of it, and remembering how far it has come.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, Row as _};

use super::{
    super::{Database, dialect::*},
    reader::{Columns, Read},
};
use crate::{
    event::Seq,
    store::{
        StoreError,
        anchors::{Anchors, OtherLog, Reach, SealHead, digits, refusal},
        errors::Doing,
    },
};

const DOING: &str = "holding the log against what is remembered of it";
const REMEMBERING: &str = "remembering how far the log has come";

impl Database {
    /// The log's identity.
    pub(in super::super) async fn identity(&self) -> Result<String, StoreError> {
        sqlx::query_scalar("SELECT MIN(id) FROM log_identity").fetch_one(&self.log).await.doing(DOING)
    }

    /// What is remembered of the log; `None` where nothing is yet.
    pub(in super::super) async fn remembered(&self) -> Result<Option<Reach>, StoreError> {
        let row = sqlx::query("SELECT log, last_seq, sealed_to, root FROM log_reach WHERE id = 1")
            .fetch_optional(&self.derived)
            .await
            .doing(DOING)?;
        let read = |row: Row| -> Read<Reach> {
            let mut columns = Columns::of(&row, 0);
            Ok(Reach {
                log: columns.text()?,
                last_seq: columns.seq()?,
                sealed_to: columns.seq()?,
                root: columns.text()?,
            })
        };
        row.map(read).transpose()
    }

    /// How far the derived tables have read a log, by generation.
    async fn positions(&self) -> Result<BTreeMap<i64, Seq>, StoreError> {
        let rows = sqlx::query("SELECT id, position, joined_to FROM generation ORDER BY id");
        let rows = rows.fetch_all(&self.derived).await.doing(DOING)?;
        let read = |row: &Row| -> Result<(i64, Seq), sqlx::Error> {
            Ok((row.try_get(0)?, row.try_get::<Seq, _>(1)?.max(row.try_get(2)?)))
        };
        rows.iter().map(read).collect::<Result<_, _>>().doing(DOING)
    }

    /// The first thing remembered in the derived tables that the log contradicts; and how far it went, by them.
    async fn difference(&self) -> Result<(Option<String>, Option<Seq>), StoreError> {
        // What is remembered first: a live process beside us may append, and remember, between the two reads.
        let (remembered, positions) = (self.remembered().await?, self.positions().await?);
        let (identity, last) = (self.identity().await?, self.end().await?);
        let position = positions.into_values().max().filter(|position| *position > Seq::START);
        let reached = remembered.as_ref().map(|reach| reach.last_seq).max(position);
        if let Some(reach) = remembered.as_ref().filter(|reach| reach.log != identity) {
            let there = if last == Seq::START { "there is a new and empty log" } else { "the log is another one" };
            let last = reached.unwrap_or(reach.last_seq);
            return Ok((Some(format!("{there}, where one of {last} events was")), reached));
        }
        if let Some(reached) = reached.filter(|reached| *reached > last) {
            return Ok((Some(format!("the log ends at {last}, and once went as far as {reached}")), Some(reached)));
        }
        if let Some(reach) = remembered.filter(|reach| reach.sealed_to > Seq::START) {
            let found = self.root_at(reach.sealed_to).await?;
            if found.as_deref() != Some(reach.root.as_str()) {
                let what = format!("the seal that ends at {} is not the one that was made", reach.sealed_to);
                return Ok((Some(what), reached));
            }
        }
        Ok((None, reached))
    }

    /// Whether the log is the one that the derived tables were made from, and has all of it; `other` says what to do if not.
    pub(in super::super) async fn hold_against_anchors(&self, other: OtherLog) -> Result<(), StoreError> {
        let (difference, reached) = self.difference().await?;
        match (difference, other) {
            (Some(difference), OtherLog::Refuse) => return Err(StoreError::OtherLog(refusal(&difference))),
            (Some(difference), OtherLog::Accept) => {
                tracing::warn!(
                    "{difference}: accepted as it is, and everything derived from the other one is forgotten"
                );
                self.forget_other_logs().await?;
                self.remember(true).await?;
            }
            (Some(_), OtherLog::Tell) => {}
            (None, OtherLog::Tell) => {}
            (None, _) => {
                if self.remembered().await?.is_none() {
                    let end = self.end().await?;
                    if reached.is_none() && end > Seq::START {
                        tracing::warn!(
                            "nothing beside the log remembers how far it went: if it was copied or restored, events that \
                             followed {end} could be missing"
                        );
                    }
                    self.remember(false).await?;
                }
            }
        }
        Ok(())
    }

    /// Remembers how far the log has come, where that is further than before; `anew` whatever was before.
    pub(in super::super) async fn remember(&self, anew: bool) -> Result<(), StoreError> {
        let before = if anew { None } else { self.remembered().await? };
        let (log, last_seq) = (self.identity().await?, self.end().await?);
        let head = self.last_seal().await?;
        let (sealed_to, root) = head.map_or((Seq::START, String::new()), |(seq, root)| (seq, root));
        let now = Reach { log, last_seq, sealed_to, root };
        if before.is_some_and(|before| {
            before.log != now.log || (before.last_seq >= now.last_seq && before.sealed_to >= now.sealed_to)
        }) {
            return Ok(());
        }
        let mut tx = self.derived_writer.begin_with(BEGIN_WRITE).await.doing(REMEMBERING)?;
        if anew {
            // A row that stays as it is SQLite doesn't write: a full disk would pass for a well one.
            sqlx::query("DELETE FROM log_reach WHERE id = 1").execute(&mut *tx).await.doing(REMEMBERING)?;
        }
        // Another process may have seen more meanwhile.
        let further = "WHERE excluded.last_seq >= log_reach.last_seq AND excluded.sealed_to >= log_reach.sealed_to";
        let text = format!(
            "INSERT INTO log_reach (id, log, last_seq, sealed_to, root) VALUES (1, $1, $2, $3, $4)
             ON CONFLICT (id) DO UPDATE SET log = excluded.log, last_seq = excluded.last_seq,
                 sealed_to = excluded.sealed_to, root = excluded.root {}",
            if anew { "" } else { further }
        );
        sqlx::query(AssertSqlSafe(text))
            .bind(&now.log)
            .bind(now.last_seq)
            .bind(now.sealed_to)
            .bind(&now.root)
            .execute(&mut *tx)
            .await
            .doing(REMEMBERING)?;
        tx.commit().await.doing(REMEMBERING)
    }

    async fn last_seal(&self) -> Result<Option<(Seq, String)>, StoreError> {
        let row = sqlx::query("SELECT to_seq, root FROM seal ORDER BY to_seq DESC LIMIT 1");
        let row = row.fetch_optional(&self.log).await.doing(DOING)?;
        let read = |row: Row| -> Result<(Seq, String), sqlx::Error> {
            Ok((row.try_get(0)?, digits(&row.try_get::<Vec<u8>, _>(1)?)))
        };
        row.map(read).transpose().doing(DOING)
    }

    /// The root of the seal that ends at `to_seq`.
    async fn root_at(&self, to_seq: Seq) -> Result<Option<String>, StoreError> {
        let root: Option<Vec<u8>> = sqlx::query_scalar("SELECT root FROM seal WHERE to_seq = $1")
            .bind(to_seq)
            .fetch_optional(&self.log)
            .await
            .doing(DOING)?;
        Ok(root.as_deref().map(digits))
    }

    pub(in crate::store) async fn seal_head(&self) -> Result<Option<SealHead>, StoreError> {
        let log = self.identity().await?;
        Ok(self.last_seal().await?.map(|(to_seq, root)| SealHead { log, to_seq, root }))
    }

    pub(in crate::store) async fn anchors(&self, head: Option<&SealHead>) -> Result<Anchors, StoreError> {
        let (mut difference, mut reached) = self.difference().await?;
        let last_seq = self.end().await?;
        let closed: Option<Seq> =
            sqlx::query_scalar("SELECT MAX(seq) FROM closing").fetch_one(&self.log).await.doing(DOING)?;
        if let Some(closed) = closed {
            reached = reached.max(Some(closed));
            if closed > last_seq && difference.is_none() {
                difference =
                    Some(format!("a month was closed on a log of {closed} events, and this one ends at {last_seq}"));
            }
        }
        if let (Some(head), None) = (head, &difference) {
            difference = self.head_difference(head).await?;
        }
        // Derived tables remember as they go; where they were made afresh, whatever was lost before is unknown to them.
        let sealed_to = self.last_seal().await?.map_or(Seq::START, |(to_seq, _)| to_seq);
        let could_be_missing = match (head, reached) {
            (None, None) => Some(format!(
                "nothing beside the log remembers it: events that followed {last_seq} could be missing, and whoever can write \
                 the log could have changed it with its seals; a head kept elsewhere (mrrd seal head) shows both"
            )),
            (Some(head), None) => Some(format!("events that followed {} could be missing", head.to_seq.max(sealed_to))),
            (_, Some(_)) => None,
        };
        Ok(Anchors { last_seq, reached, first_difference: difference, could_be_missing })
    }

    async fn head_difference(&self, head: &SealHead) -> Result<Option<String>, StoreError> {
        if self.identity().await? != head.log {
            return Ok(Some(format!("this log is another one than that of the head: {}", self.identity().await?)));
        }
        Ok(match self.root_at(head.to_seq).await? {
            Some(root) if root == head.root => None,
            Some(_) => Some(format!("the seal that ends at {} is not the one of the head", head.to_seq)),
            None => Some(format!("the log has no seal that ends at {}, where the head's does", head.to_seq)),
        })
    }
}
