//! What falls due by itself: rows dated ahead that begin or cease to be shown; and whose ledgers there are.

use sqlx::Row as _;

use super::super::{Database, dialect::*};
use crate::{
    event::CustomerKey,
    ledger::{
        ids::{AccountId, CustomerId},
        time::UnixTime,
    },
    store::{StoreError, errors::Doing},
};

impl Database {
    pub(in crate::store) async fn connected_accounts(
        &self,
        profile: &str,
        livemode: bool,
    ) -> Result<Vec<(AccountId, i64)>, StoreError> {
        const DOING: &str = "looking for connected accounts";
        let text = "SELECT account, COUNT(*) FROM customer_ledger
                    WHERE generation = (SELECT id FROM generation WHERE state = 'current')
                      AND profile = $1 AND livemode = $2 AND account <> ''
                    GROUP BY account ORDER BY account";
        let rows = sqlx::query(text).bind(profile).bind(livemode).fetch_all(&self.derived).await.doing(DOING)?;
        rows.iter()
            .map(|row: &Row| Ok((row.try_get::<&str, _>(0).doing(DOING)?.into(), row.try_get(1).doing(DOING)?)))
            .collect()
    }

    pub(in crate::store) async fn price_holders(
        &self,
        profile: &str,
        livemode: bool,
    ) -> Result<Vec<CustomerKey>, StoreError> {
        const DOING: &str = "looking for who holds each price";
        let text = "SELECT DISTINCT MIN(customer) FROM item_delta
                    WHERE generation = (SELECT id FROM generation WHERE state = 'current')
                      AND profile = $1 AND livemode = $2 AND account = '' AND test_clock = ''
                    GROUP BY price";
        let rows = sqlx::query(text).bind(profile).bind(livemode).fetch_all(&self.derived).await.doing(DOING)?;
        rows.iter()
            .map(|row: &Row| {
                let customer = CustomerId::new(row.try_get::<&str, _>(0).doing(DOING)?);
                Ok(CustomerKey { livemode, account: None, customer })
            })
            .collect()
    }

    pub(in crate::store) async fn falls_due(
        &self,
        generation: i64,
        since: UnixTime,
        until: UnixTime,
    ) -> Result<bool, StoreError> {
        // Each by the index that orders it by time.
        let text = "SELECT EXISTS (SELECT 1 FROM count_delta WHERE generation = $1 AND ordinal >= 0 AND at > $2 AND at <= $3)
                        OR EXISTS (SELECT 1 FROM item_delta WHERE generation = $1 AND ordinal >= 0 AND at > $2 AND at <= $3)
                        OR EXISTS (SELECT 1 FROM movement WHERE generation = $1 AND visible_until IS NULL
                                   AND visible_from > $2 AND visible_from <= $3)
                        OR EXISTS (SELECT 1 FROM movement WHERE generation = $1 AND visible_until IS NOT NULL
                                   AND ((visible_from > $2 AND visible_from <= $3) OR (visible_until > $2 AND visible_until <= $3)))";
        sqlx::query_scalar(text)
            .bind(generation)
            .bind(since.0)
            .bind(until.0)
            .fetch_one(&self.derived)
            .await
            .doing("looking for what fell due")
    }
}
