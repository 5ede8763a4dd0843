//! Reading derived rows back whole, exactly as they were written.

use std::{collections::BTreeMap, sync::Arc};

use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Row as _};

use super::{
    super::{Database, dialect::*},
    columns::*,
    reader::Columns,
    rows::{account, account_of},
};
use crate::{
    event::CustomerKey,
    ledger::{ids::CustomerId, outcome::CustomerLedger},
    store::{
        StoreError,
        derived::{Dumped, GenerationId, ProfileLedger},
        errors::{Doing, corrupt},
        log::prepared::clean,
    },
};

const DOING: &str = "reading derived rows";

/// Rows of a group, by its first four values.
pub(in super::super) const GROUP: &str = "generation = $1 AND profile = $2 AND livemode = $3 AND account = $4";

/// Which customers' rows: of one generation and profile, within one ledger.
pub(in super::super) struct Group<'g> {
    pub(in super::super) generation: GenerationId,
    pub(in super::super) profile: &'g str,
    pub(in super::super) livemode: bool,
    pub(in super::super) account: &'g str,
    pub(in super::super) customers: &'g [String],
}

impl Group<'_> {
    /// A customer of the group with its key.
    pub(in super::super) fn keyed<T>(&self, (customer, of): (String, T)) -> (CustomerKey, T) {
        let (livemode, account) = (self.livemode, account_of(self.account.to_owned()));
        (CustomerKey { livemode, account, customer: CustomerId::new(customer) }, of)
    }
}

/// Customers by mode and account, as columns hold them: those of one can be named in one statement.
pub(in super::super) fn by_account(customers: &[CustomerKey]) -> BTreeMap<(bool, String), Vec<String>> {
    let mut groups: BTreeMap<(bool, String), Vec<String>> = BTreeMap::new();
    for key in customers {
        let group = groups.entry((key.livemode, account(key.account.as_ref()))).or_default();
        group.push(clean(key.customer.as_str()));
    }
    groups
}

impl Database {
    pub(in crate::store) async fn customer_ledger(
        &self,
        generation: GenerationId,
        profile: &str,
        key: &CustomerKey,
    ) -> Result<Option<CustomerLedger>, StoreError> {
        let customer = clean(key.customer.as_str());
        let account = account(key.account.as_ref());
        let group = Group {
            generation,
            profile: &clean(profile),
            livemode: key.livemode,
            account: &account,
            customers: std::slice::from_ref(&customer),
        };
        Ok(self.read_group(&group).await?.remove(&customer))
    }

    pub(in crate::store) async fn ledgers(
        &self,
        generation: GenerationId,
        after: Option<(&str, &CustomerKey)>,
        limit: i64,
    ) -> Result<Vec<(CustomerKey, ProfileLedger)>, StoreError> {
        read_ledgers(self, generation, after, limit).await
    }

    pub(in crate::store) async fn dump(
        &self,
        generation: GenerationId,
        after: Option<&Dumped>,
        limit: i64,
    ) -> Result<Vec<Dumped>, StoreError> {
        let after = after.map(|after| (after.profile.as_str(), &after.key));
        let digest = |(key, ProfileLedger { profile, ledger }): (CustomerKey, ProfileLedger)| {
            let bytes = serde_json::to_vec(&ledger).map_err(|error| corrupt(DOING, error.to_string()))?;
            Ok(Dumped { profile: profile.to_string(), key, digest: Sha256::digest(&bytes).into() })
        };
        self.ledgers(generation, after, limit).await?.into_iter().map(digest).collect()
    }

    /// The ledgers of a group by customer. One transaction: a customer replaced meanwhile is seen before or after, never
    /// in between.
    async fn read_group(&self, group: &Group<'_>) -> Result<BTreeMap<String, CustomerLedger>, StoreError> {
        let mut tx = self.derived.begin_with(begin_read()).await.doing(DOING)?;
        let ledgers = read_group(&mut tx, group).await?;
        tx.commit().await.doing(DOING)?;
        Ok(ledgers)
    }
}

/// The next ledgers of a generation in the order of their keys, within a transaction.
pub(in super::super) async fn ledgers_in(
    tx: &mut Connection,
    generation: GenerationId,
    after: Option<(&str, &CustomerKey)>,
    limit: i64,
) -> Result<Vec<(CustomerKey, ProfileLedger)>, StoreError> {
    let text = format!(
        "SELECT profile, livemode, account, customer FROM customer_ledger WHERE generation = $1 {}
         ORDER BY profile, livemode, account, customer LIMIT $2",
        if after.is_some() { "AND (profile, livemode, account, customer) > ($3, $4, $5, $6)" } else { "" }
    );
    let mut query = sqlx::query(AssertSqlSafe(text)).bind(generation).bind(limit);
    if let Some((profile, key)) = after {
        query = query
            .bind(clean(profile))
            .bind(key.livemode)
            .bind(account(key.account.as_ref()))
            .bind(clean(key.customer.as_str()));
    }
    let rows = query.fetch_all(&mut *tx).await.doing(DOING)?;
    let mut groups: BTreeMap<(String, bool, String), Vec<String>> = BTreeMap::new();
    for row in &rows {
        let group = (row.try_get(0).doing(DOING)?, row.try_get(1).doing(DOING)?, row.try_get(2).doing(DOING)?);
        groups.entry(group).or_default().push(row.try_get(3).doing(DOING)?);
    }
    let mut ledgers = Vec::with_capacity(rows.len());
    for ((profile, livemode, account), customers) in groups {
        let group = Group { generation, profile: &profile, livemode, account: &account, customers: &customers };
        let profile: Arc<str> = profile.as_str().into();
        for (customer, ledger) in read_group(tx, &group).await? {
            let account = account_of(account.clone());
            let key = CustomerKey { livemode, account, customer: CustomerId::new(customer) };
            ledgers.push((key, ProfileLedger { profile: profile.clone(), ledger }));
        }
    }
    Ok(ledgers)
}

/// The ledgers of a group by customer, within a transaction.
pub(in super::super) async fn read_group(
    tx: &mut Connection,
    group: &Group<'_>,
) -> Result<BTreeMap<String, CustomerLedger>, StoreError> {
    let mut ledgers = BTreeMap::new();
    for row in select(&mut *tx, &CUSTOMER, "test_clock, ", group).await? {
        ledgers.insert(Columns::of(&row, 0).text()?, read_customer(&mut Columns::of(&row, 1))?);
    }
    each(&mut *tx, &DELTA, group, &mut ledgers, |ledger, columns| {
        ledger.deltas.push(read_delta(columns)?);
        Ok(())
    })
    .await?;
    each(&mut *tx, &COUNT, group, &mut ledgers, |ledger, columns| {
        ledger.counts.push(read_count(columns)?);
        Ok(())
    })
    .await?;
    each(&mut *tx, &MOVEMENT, group, &mut ledgers, |ledger, columns| {
        ledger.movements.push(read_movement(columns)?);
        Ok(())
    })
    .await?;
    for row in select(&mut *tx, &PART, "ordinal, ", group).await? {
        let ordinal = usize::try_from(Columns::of(&row, 1).number()?).unwrap_or(usize::MAX);
        let customer = Columns::of(&row, 0).text()?;
        let movement = ledgers.get_mut(&customer).and_then(|ledger| ledger.movements.get_mut(ordinal));
        movement
            .ok_or_else(|| corrupt(DOING, format!("{customer} has a part of a movement it doesn't have")))?
            .parts
            .push(read_part(&mut Columns::of(&row, 2))?);
    }
    each(&mut *tx, &SUBSCRIPTION, group, &mut ledgers, |ledger, columns| {
        ledger.subscriptions.push(read_subscription(columns)?);
        Ok(())
    })
    .await?;
    each(&mut *tx, &QUALITY, group, &mut ledgers, |ledger, columns| {
        ledger.quality.push(read_quality(columns)?);
        Ok(())
    })
    .await?;
    each(&mut *tx, &TRIAL, group, &mut ledgers, |ledger, columns| {
        ledger.trials.push(read_trial(columns)?);
        Ok(())
    })
    .await?;
    each(&mut *tx, &PROSPECT, group, &mut ledgers, |ledger, columns| {
        ledger.prospects.push(read_prospect(columns)?);
        Ok(())
    })
    .await?;
    Ok(ledgers)
}

/// Rows of a table: the customer, `also`, and the table's columns.
async fn select(
    connection: &mut Connection,
    table: &Table,
    also: &str,
    group: &Group<'_>,
) -> Result<Vec<Row>, StoreError> {
    let text = format!(
        "SELECT customer, {also}{} FROM {}
         WHERE {GROUP} AND {}
         ORDER BY customer, {}",
        table.columns,
        table.name,
        in_list("customer", 5),
        table.order
    );
    sqlx::query(AssertSqlSafe(text))
        .bind(group.generation)
        .bind(group.profile)
        .bind(group.livemode)
        .bind(group.account)
        .bind(text_list(group.customers.iter().map(String::as_str)))
        .fetch_all(connection)
        .await
        .doing(DOING)
}

async fn each(
    connection: &mut Connection,
    table: &Table,
    group: &Group<'_>,
    ledgers: &mut BTreeMap<String, CustomerLedger>,
    put: impl Fn(&mut CustomerLedger, &mut Columns<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    for row in select(connection, table, "", group).await? {
        let customer = Columns::of(&row, 0).text()?;
        let ledger = ledgers
            .get_mut(&customer)
            .ok_or_else(|| corrupt(DOING, format!("{customer} has rows in {} without a ledger", table.name)))?;
        put(ledger, &mut Columns::of(&row, 1))?;
    }
    Ok(())
}
