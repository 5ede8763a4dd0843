//! Bodies lie in a partition for each month (UTC) in which they were received. Months are made ahead, by whichever process
//! comes first; what none is there for goes to the default partition, so no append waits for one or fails for want of one.

use std::sync::atomic::Ordering;

use jiff::Span;
use sqlx::AssertSqlSafe;

use super::{Database, sql::BEGIN_WRITE};
use crate::{
    ledger::time::{Day, UnixTime, Zone},
    store::{StoreError, errors::Doing, log::LateMonth},
};

const DOING: &str = "making room for the bodies of a month";

/// Months that have a partition before they begin: time to put right what hinders it.
const AHEAD: i64 = 2;

/// Two processes never make a month at once: 'mrrd', 'mon' in ASCII. While the default partition is looked through for
/// bodies of the month, its readers wait: for a lock that isn't to be had at once the next turn is soon enough.
const ALONE: &str = "SELECT set_config('lock_timeout', '500ms', TRUE), pg_advisory_xact_lock(1836216932, 7171950)";

/// One month: what was received from its first second on until that of the next.
#[derive(Debug, PartialEq, Eq)]
struct Month {
    name: String,
    from: i64,
    to: i64,
}

/// The month of `now` and those that are made ahead. None begins before 1: what lies there has no month.
fn months(now: UnixTime) -> impl Iterator<Item = Month> {
    let first = Zone::UTC.day(now).0.first_of_month();
    let month = move |ahead: i64| {
        let day = first.checked_add(Span::new().months(ahead)).ok()?;
        let next = day.checked_add(Span::new().months(1)).ok()?;
        let start = |day| Zone::UTC.start_of(Day(day)).0;
        let name = format!("event_body_{:04}_{:02}", day.year(), day.month());
        Some(Month { name, from: start(day).max(1), to: start(next) })
    };
    (0..=AHEAD).map_while(month).filter(|month| month.from < month.to)
}

impl Database {
    pub(in crate::store) async fn months_ahead(&self, now: UnixTime) -> Result<Vec<LateMonth>, StoreError> {
        let months: Vec<Month> = months(now).collect();
        let last = months.last().map_or(0, |month| month.from);
        let mut late = Vec::new();
        if last > self.months_to.load(Ordering::SeqCst) {
            for month in months {
                late.extend(self.make(month, now).await.doing(DOING)?);
            }
            self.months_to.fetch_max(last, Ordering::SeqCst);
        }
        Ok(late)
    }

    /// Makes the partition of `month`, unless it is there.
    async fn make(&self, month: Month, now: UnixTime) -> Result<Option<LateMonth>, sqlx::Error> {
        let Month { name, mut from, to } = month;
        let there = || sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL").bind(&name);
        if there().fetch_one(&self.log_writer).await? {
            return Ok(None);
        }
        let mut tx = self.log_writer.begin_with(BEGIN_WRITE).await?;
        sqlx::query(ALONE).execute(&mut *tx).await?;
        if there().fetch_one(&mut *tx).await? {
            return Ok(None);
        }
        let newest: Option<i64> = sqlx::query_scalar(
            "SELECT MAX(received_at) FROM event_body_default WHERE received_at >= $1 AND received_at < $2",
        )
        .bind(from)
        .bind(to)
        .fetch_one(&mut *tx)
        .await?;
        if let Some(newest) = newest {
            // They stay where they are; the partition begins where none of them lies and none comes to lie meanwhile.
            let today = Zone::UTC.day(UnixTime(newest.max(now.0)));
            from = Zone::UTC.start_of(today.after()).0;
        }
        let made = from < to;
        if made {
            // Attached, for `PARTITION OF` would lock every append out. Numbers of ours make up the text.
            let text = format!(
                "CREATE TABLE {name} (LIKE event_body INCLUDING DEFAULTS INCLUDING STORAGE INCLUDING COMPRESSION,
                     PRIMARY KEY (seq));
                 CREATE TRIGGER event_body_no_truncate BEFORE TRUNCATE ON {name} EXECUTE FUNCTION mrrd_append_only();
                 ALTER TABLE event_body ATTACH PARTITION {name} FOR VALUES FROM ({from}) TO ({to})"
            );
            sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut *tx).await?;
            tx.commit().await?;
        }
        Ok(newest.map(|_| LateMonth { partition: name, from: made.then_some(UnixTime(from)) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_cut_in_utc_and_none_begins_before_1() {
        let told = |now: &str| {
            let now = now.parse::<jiff::Timestamp>().unwrap().as_second();
            months(UnixTime(now)).map(|Month { name, from, to }| format!("{name} {from} {to}")).collect::<Vec<_>>()
        };
        let winter = [
            "event_body_2026_11 1793491200 1796083200",
            "event_body_2026_12 1796083200 1798761600",
            "event_body_2027_01 1798761600 1801440000",
        ];
        assert_eq!(told("2026-11-01T00:00:00Z"), winter);
        assert_eq!(told("2026-11-30T23:59:59Z"), winter);
        let beginning = told("1969-12-31T23:59:59Z");
        assert_eq!(beginning, ["event_body_1970_01 1 2678400", "event_body_1970_02 2678400 5097600"]);
        assert_eq!(months(UnixTime(i64::MIN)).count() + months(UnixTime(i64::MAX)).count(), 0);
    }
}
