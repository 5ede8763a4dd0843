//! Goals: set, ended, listed in the order in which they were set.

use super::{
    super::{Database, dialect::*},
    audit_trail::record,
    reader::Columns,
};
use crate::{
    ledger::{goals::GoalMetric, time::UnixTime},
    store::{
        StoreError,
        errors::{Doing, corrupt},
        log::prepared::clean,
        records::{audit_trail::Deed, goals::*},
    },
};

const READING: &str = "reading the goals";
const CHANGING: &str = "keeping a goal";

fn goal(row: &Row) -> Result<GoalRow, StoreError> {
    let mut columns = Columns::of(row, 0);
    Ok(GoalRow {
        id: columns.number()?,
        name: columns.text()?,
        metric: GoalMetric::parse(&columns.text()?)
            .ok_or_else(|| corrupt(READING, "a goal is of no metric there is"))?,
        target: columns.text()?.parse().map_err(|reason| corrupt(READING, format!("a goal's target: {reason}")))?,
        currency: columns.text()?,
        profile: columns.text()?,
        account: columns.text()?,
        first: columns.parsed("day")?,
        last: columns.parsed("day")?,
        owner: columns.text()?,
        note: columns.text()?,
        set_at: UnixTime(columns.number()?),
        ended: match columns.time_or_null()? {
            Some(at) => Some((at, columns.text()?)),
            None => None,
        },
    })
}

impl Database {
    pub(in crate::store) async fn goals(&self) -> Result<Vec<GoalRow>, StoreError> {
        let text = "SELECT g.id, g.name, g.metric, g.target, g.currency, g.profile, g.account, g.first_day, g.last_day,
                           g.owner, g.note, g.created_at, e.created_at, e.reason
                    FROM goal g LEFT JOIN goal_end e ON e.goal = g.id ORDER BY g.id";
        let rows = sqlx::query(text).fetch_all(&self.log).await.doing(READING)?;
        rows.iter().map(goal).collect()
    }

    pub(in crate::store) async fn set_goal(&self, goal: &GoalRow, deed: &Deed) -> Result<i64, StoreError> {
        let mut tx = self.log_writer.begin_with(BEGIN_WRITE).await.doing(CHANGING)?;
        let id = sqlx::query_scalar(
            "INSERT INTO goal (name, metric, target, currency, profile, account, first_day, last_day, owner, note, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id",
        )
        .bind(clean(&goal.name))
        .bind(goal.metric.as_str())
        .bind(goal.target.to_string())
        .bind(clean(&goal.currency))
        .bind(clean(&goal.profile))
        .bind(clean(&goal.account))
        .bind(goal.first.to_string())
        .bind(goal.last.to_string())
        .bind(clean(&goal.owner))
        .bind(clean(&goal.note))
        .bind(deed.at.0)
        .fetch_one(&mut *tx)
        .await
        .doing(CHANGING)?;
        record(&mut tx, deed).await?;
        tx.commit().await.doing(CHANGING)?;
        Ok(id)
    }

    pub(in crate::store) async fn end_goal(&self, id: i64, reason: &str, deed: &Deed) -> Result<bool, StoreError> {
        let mut tx = self.log_writer.begin_with(BEGIN_WRITE).await.doing(CHANGING)?;
        let ended = sqlx::query(
            "INSERT INTO goal_end (goal, reason, created_at) SELECT id, $2, $3 FROM goal WHERE id = $1
             ON CONFLICT (goal) DO NOTHING",
        )
        .bind(id)
        .bind(clean(reason))
        .bind(deed.at.0)
        .execute(&mut *tx)
        .await
        .doing(CHANGING)?
        .rows_affected();
        if ended > 0 {
            record(&mut tx, deed).await?;
        }
        tx.commit().await.doing(CHANGING)?;
        Ok(ended > 0)
    }
}
