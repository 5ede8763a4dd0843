//! Which ledgers there are, for whoever asked about one that is empty.

use sqlx::{QueryBuilder, Row as _};

use super::{
    super::{Database, dialect::*},
    reports::push_scope,
    rows::account_of,
};
use crate::{
    ledger::ids::TestClockId,
    store::{
        StoreError,
        derived::reports::{LedgerThere, Scope},
        errors::Doing,
        log::prepared::clean,
    },
};

const DOING: &str = "looking which ledgers there are";

impl Database {
    pub(in crate::store) async fn ledgers_there(
        &self,
        profile: &str,
        holding: Option<&str>,
    ) -> Result<Vec<LedgerThere>, StoreError> {
        let mut query = QueryBuilder::<Driver>::new(
            "SELECT l.livemode, l.account, l.test_clock, COUNT(*) FROM customer_ledger l
             WHERE l.generation = (SELECT id FROM generation WHERE state = 'current') AND l.profile = ",
        );
        query.push_bind(clean(profile));
        if let Some(id) = holding {
            query.push(" AND (l.customer = ").push_bind(clean(id));
            query.push(
                " OR EXISTS (SELECT 1 FROM subscription_ledger s WHERE s.generation = l.generation
                   AND s.profile = l.profile AND s.livemode = l.livemode AND s.account = l.account
                   AND s.customer = l.customer AND s.subscription = ",
            );
            query.push_bind(clean(id)).push("))");
        }
        query.push(" GROUP BY l.livemode, l.account, l.test_clock ORDER BY l.livemode DESC, l.account, l.test_clock");
        let rows = query.build().fetch_all(&self.derived).await.doing(DOING)?;
        let read = |row: &Row| {
            let (account, clock): (String, String) = (row.try_get(1)?, row.try_get(2)?);
            Ok(LedgerThere {
                livemode: row.try_get(0)?,
                account: account_of(account),
                test_clock: Some(clock).filter(|clock| !clock.is_empty()).map(|clock| TestClockId::from(&*clock)),
                customers: row.try_get(3)?,
            })
        };
        rows.iter().map(read).collect::<Result<_, sqlx::Error>>().doing(DOING)
    }

    pub(in crate::store) async fn has_subscriptions(&self, scope: &Scope) -> Result<bool, StoreError> {
        let mut query = QueryBuilder::<Driver>::new(
            "SELECT COUNT(*) FROM (SELECT 1 FROM customer_ledger l JOIN subscription_ledger s
             ON s.generation = l.generation AND s.profile = l.profile AND s.livemode = l.livemode
             AND s.account = l.account AND s.customer = l.customer",
        );
        push_scope(&mut query, "l", "l", scope);
        query.push(" LIMIT 1) AS one");
        let row = query.build().fetch_one(&self.derived).await.doing(DOING)?;
        Ok(row.try_get::<i64, _>(0).doing(DOING)? > 0)
    }
}
