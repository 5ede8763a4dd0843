//! Lists of events by a filter, in the order of the log or the newest first.

use sqlx::AssertSqlSafe;

use super::{
    super::{Database, dialect::*},
    log_columns::{EVENTS, LISTED, event_row},
    reader::Columns,
};
use crate::{
    event::{EventRow, ReadAs, Seq, SeqRange},
    store::{
        StoreError,
        errors::Doing,
        log::{EventFilter, prepared::clean},
    },
};

const DOING: &str = "reading events";

/// So many places that nobody looked at are looked through before a list is read: soon enough, and the next list needn't.
const LOOKED_FIRST: i64 = 200_000;

impl Database {
    pub(in crate::store) async fn events(
        &self,
        filter: &EventFilter,
        after_seq: Seq,
        limit: i64,
    ) -> Result<Vec<EventRow>, StoreError> {
        let until = horizon(self).await?;
        self.events_within(filter, after_seq, until, "ASC", limit).await
    }

    pub(in crate::store) async fn events_back(
        &self,
        filter: &EventFilter,
        before_seq: Option<Seq>,
        limit: i64,
    ) -> Result<Vec<EventRow>, StoreError> {
        let until = horizon(self).await?;
        let until = before_seq.map_or(until, |before| until.min(before.before()));
        self.events_within(filter, Seq::START, until, "DESC", limit).await
    }

    /// Events of `after_seq < seq <= until`, in this order. Where all would be looked at for a type or a source, only the
    /// stretches that may have such are.
    async fn events_within(
        &self,
        filter: &EventFilter,
        after_seq: Seq,
        until: Seq,
        order: &'static str,
        limit: i64,
    ) -> Result<Vec<EventRow>, StoreError> {
        let within = SeqRange { after: after_seq, to: until };
        if !filter.scans() {
            return self.events_of_part(filter, within, order, limit).await;
        }
        self.begin_counts().await?;
        let mut looked = self.tally.looked();
        if until.distance(looked.to()) <= LOOKED_FIRST {
            looked = self.look(until).await?;
        }
        let mut parts = looked.may_hold(within, |source, kind| filter.may_be(source, kind));
        if order == "DESC" {
            parts.reverse();
        }
        let mut events = Vec::new();
        for part in parts {
            let left = limit.saturating_sub(i64::try_from(events.len()).unwrap_or(i64::MAX));
            if left <= 0 {
                break;
            }
            events.extend(self.events_of_part(filter, part, order, left).await?);
        }
        Ok(events)
    }

    /// Events of one part of the log, in this order.
    async fn events_of_part(
        &self,
        filter: &EventFilter,
        part: SeqRange,
        order: &'static str,
        limit: i64,
    ) -> Result<Vec<EventRow>, StoreError> {
        let mut text = format!("SELECT {LISTED} FROM {EVENTS} WHERE e.seq > $1 AND e.seq <= $2");
        let mut parameters: Vec<Parameter> = Vec::new();
        let mut only = |condition: &str, value: Parameter| {
            parameters.push(value);
            text.push_str(" AND ");
            text.push_str(&condition.replace('?', &format!("${}", parameters.len() + 3)));
        };
        match filter.kind.as_deref().map(|kind| (kind, kind.strip_suffix('*'))) {
            Some((_, Some(prefix))) => {
                // A range instead of LIKE: no wildcard in what was asked for, and the same order on both databases.
                only("e.type >= ?", Parameter::Text(clean(prefix)));
                only("e.type < ?", Parameter::Text(format!("{}\u{10FFFF}", clean(prefix))));
            }
            Some((kind, None)) => only("e.type = ?", Parameter::Text(clean(kind))),
            None => {}
        }
        if let Some(since) = filter.since {
            only("e.created >= ?", Parameter::Number(since.0));
        }
        if let Some(until) = filter.until {
            only("e.created < ?", Parameter::Number(until.0));
        }
        if let Some(livemode) = filter.livemode {
            only("e.livemode = ?", Parameter::Truth(livemode));
        }
        if let Some(account) = &filter.account {
            only("e.account = ?", Parameter::Text(super::rows::account(account.as_ref())));
        }
        if let Some(source) = filter.source {
            only("e.source = ?", Parameter::Text(source.as_str().to_owned()));
        }
        match filter.reading {
            Some(ReadAs::Facts) => text.push_str(" AND f.kind NOT IN ('ignored', 'unreadable', 'thin')"),
            Some(reading) => {
                parameters.push(Parameter::Text(reading.as_str().to_owned()));
                // Said twice, so that the index of unread events can lead.
                let unread = format!(
                    " AND f.kind = ${0} AND e.seq IN (SELECT seq FROM fact WHERE kind = ${0}
                       AND kind IN ('ignored', 'unreadable', 'thin'))",
                    parameters.len() + 3
                );
                text.push_str(&unread);
            }
            None => {}
        }
        if let Some(customer) = &filter.customer {
            parameters.push(Parameter::Text(clean(customer.as_str())));
            let place = parameters.len() + 3;
            let newest = "c.normaliser = (SELECT MAX(n.normaliser) FROM fact n WHERE n.seq = c.seq)";
            // Within one account the index of customers leads; across accounts each event is looked at.
            let of_customer = match &filter.account {
                Some(account) => {
                    parameters.push(Parameter::Text(super::rows::account(account.as_ref())));
                    format!(
                        " AND e.seq IN (SELECT c.seq FROM fact c WHERE c.livemode IN (FALSE, TRUE)
                           AND c.account = ${} AND c.customer = ${place} AND {newest})",
                        place + 1
                    )
                }
                None => format!(
                    " AND EXISTS (SELECT 1 FROM fact c WHERE c.seq = e.seq AND c.customer = ${place} AND {newest})"
                ),
            };
            text.push_str(&of_customer);
        }
        text.push_str(&format!(" ORDER BY e.seq {order} LIMIT $3"));
        let mut query = sqlx::query(AssertSqlSafe(text)).bind(part.after).bind(part.to).bind(limit);
        for parameter in parameters {
            query = match parameter {
                Parameter::Text(text) => query.bind(text),
                Parameter::Number(number) => query.bind(number),
                Parameter::Truth(truth) => query.bind(truth),
            };
        }
        let rows = query.fetch_all(&self.log).await.doing(DOING)?;
        rows.iter().map(|row| event_row(&mut Columns::of(row, 0))).collect()
    }
}

/// A value of a filter.
enum Parameter {
    Text(String),
    Number(i64),
    Truth(bool),
}
