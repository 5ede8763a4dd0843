//! Which ledgers there are and who is in them: for whoever asked about one that is empty, or needs one customer of many.

use sqlx::{AssertSqlSafe, QueryBuilder, Row as _};

use super::{
    super::{Database, dialect::*},
    asked::{Scoped, current, push_scope},
    reader::Columns,
};
use crate::{
    event::CustomerKey,
    ledger::ids::{AccountId, CustomerId, TestClockId},
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
        let push_which = |query: &mut QueryBuilder<Driver>| {
            query.push(
                " FROM customer_ledger l WHERE l.generation = (SELECT id FROM generation WHERE state = 'current')",
            );
            query.push(" AND l.profile = ").push_bind(clean(profile));
            if let Some(id) = holding {
                query.push(" AND (l.customer = ").push_bind(clean(id));
                query.push(
                    " OR EXISTS (SELECT 1 FROM subscription_ledger s WHERE s.generation = l.generation
                       AND s.profile = l.profile AND s.livemode = l.livemode AND s.account = l.account
                       AND s.customer = l.customer AND s.subscription = ",
                );
                query.push_bind(clean(id)).push("))");
            }
        };
        // Customers lie by account: all that are on no test clock are counted as they come, and nothing is sorted.
        let mut query = QueryBuilder::<Driver>::new("SELECT l.livemode, l.account, '' AS test_clock, COUNT(*)");
        push_which(&mut query);
        query.push(
            " AND l.test_clock = '' GROUP BY l.livemode, l.account
             UNION ALL SELECT l.livemode, l.account, l.test_clock, COUNT(*)",
        );
        push_which(&mut query);
        query.push(" AND l.test_clock <> '' GROUP BY l.livemode, l.account, l.test_clock ORDER BY 1 DESC, 2, 3");
        let rows = query.build().fetch_all(&self.derived).await.doing(DOING)?;
        let read = |row: &Row| {
            let mut columns = Columns::of(row, 0);
            Ok(LedgerThere {
                livemode: columns.truth()?,
                account: columns.account()?,
                test_clock: Some(columns.text()?)
                    .filter(|clock| !clock.is_empty())
                    .map(|clock| TestClockId::from(&*clock)),
                customers: columns.number()?,
            })
        };
        rows.iter().map(read).collect()
    }

    pub(in crate::store) async fn has_subscriptions(&self, scope: &Scope) -> Result<bool, StoreError> {
        let mut tx = self.derived.begin_with(begin_read()).await.doing(DOING)?;
        let scope = &Scoped::look_up(&mut tx, scope).await?;
        let mut query = QueryBuilder::<Driver>::new(
            "SELECT COUNT(*) FROM (SELECT 1 FROM customer_ledger l JOIN subscription_ledger s
             ON s.generation = l.generation AND s.profile = l.profile AND s.livemode = l.livemode
             AND s.account = l.account AND s.customer = l.customer",
        );
        push_scope(&mut query, "l", "l", scope);
        query.push(" LIMIT 1) AS one");
        let row = query.build().fetch_one(&mut *tx).await.doing(DOING)?;
        tx.commit().await.doing(DOING)?;
        Ok(row.try_get::<i64, _>(0).doing(DOING)? > 0)
    }

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

    /// A customer whose facts name a price, of each of these prices: who can tell what it is called.
    pub(in crate::store) async fn who_name(
        &self,
        livemode: bool,
        prices: &[String],
    ) -> Result<Vec<CustomerKey>, StoreError> {
        let mut tx = self.derived.begin_with(begin_read()).await.doing(DOING)?;
        let generation = current(&mut tx).await?;
        // Each account found from the one before. Of one alone each price's first customer is looked up: everybody names a price.
        let text = format!(
            "WITH RECURSIVE accounts (account) AS (
                 SELECT MIN(account) FROM reference WHERE generation = {generation} AND livemode = $1
                 UNION ALL
                 SELECT (SELECT MIN(account) FROM reference WHERE generation = {generation} AND livemode = $1
                         AND account > accounts.account)
                 FROM accounts WHERE accounts.account IS NOT NULL
             ) SELECT account FROM accounts WHERE account IS NOT NULL"
        );
        let accounts: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(text)).bind(livemode).fetch_all(&mut *tx).await.doing(DOING)?;
        let mut found = Vec::new();
        if let [account] = &accounts[..] {
            let text = format!(
                "SELECT livemode, account, customer FROM reference WHERE generation = {generation} AND livemode = $1
                 AND account = $2 AND object = $3 ORDER BY customer LIMIT 1"
            );
            for price in prices {
                let query = sqlx::query(AssertSqlSafe(text.clone())).bind(livemode).bind(account).bind(price);
                let row = query.fetch_optional(&mut *tx).await.doing(DOING)?;
                found.extend(row.map(|row| Columns::of(&row, 0).customer()).transpose()?);
            }
        } else {
            let text = format!(
                "SELECT livemode, account, MIN(customer) FROM reference WHERE generation = {generation} AND livemode = $1
                 AND {} GROUP BY livemode, account, object",
                in_list("object", 2)
            );
            let query = sqlx::query(AssertSqlSafe(text)).bind(livemode);
            let query = query.bind(text_list(prices.iter().map(String::as_str)));
            for row in &query.fetch_all(&mut *tx).await.doing(DOING)? {
                found.push(Columns::of(row, 0).customer()?);
            }
        }
        tx.commit().await.doing(DOING)?;
        Ok(found)
    }
}
