//! Whole ledgers read back where they lie: a page of customers in one trip, row by row in the order of customers. Its twin is
//! in `postgres/`.

use std::sync::Arc;

use rusqlite::{Connection, Row, Transaction, params, types::ValueRef};

use super::{
    Database,
    body::{
        columns::*,
        readback::{Group, by_account},
        reader::{Cells, Columns, Read},
        rows::{account, account_of},
    },
    direct::Failure,
    sql::text_list,
};
use crate::{
    event::CustomerKey,
    ledger::{ids::CustomerId, outcome::CustomerLedger},
    store::{
        StoreError,
        derived::{GenerationId, ProfileLedger},
        errors::corrupt,
        log::prepared::clean,
    },
};

const DOING: &str = "reading derived rows";

/// The next ledgers of a generation in the order of their keys. One transaction: a customer replaced meanwhile is seen
/// before or after, never in between.
pub(crate) async fn read_ledgers(
    database: &Database,
    generation: GenerationId,
    after: Option<(&str, &CustomerKey)>,
    limit: i64,
) -> Result<Vec<(CustomerKey, ProfileLedger)>, StoreError> {
    let from = after.map_or_else(Place::default, |(profile, key)| Place {
        profile: clean(profile),
        livemode: key.livemode,
        account: account(key.account.as_ref()),
        customer: clean(key.customer.as_str()),
    });
    let read = move |connection: &mut Connection| {
        let tx = connection.transaction()?;
        let mut ledgers = heads(&tx, generation, &from, limit)?;
        let mut first = 0;
        while let Some(head) = ledgers.get(first) {
            let group = head.group.clone();
            let count = ledgers[first..].iter().take_while(|one| one.group == group).count();
            fill(&tx, generation, &group, None, &mut ledgers[first..first + count])?;
            first += count;
        }
        Ok(ledgers)
    };
    let ledgers = database.ledgers.run(DOING, read).await?;
    let placed = |Placed { group, customer, ledger }: Placed| {
        let Whose { profile, livemode, account } = &*group;
        let account = account_of(account.clone());
        let key = CustomerKey { livemode: *livemode, account, customer: CustomerId::new(customer) };
        (key, ProfileLedger { profile: profile.clone(), ledger })
    };
    Ok(ledgers.into_iter().map(placed).collect())
}

/// The ledgers of these customers under one profile, of those who have any, in their order: as of one instant, and without a
/// trip to another thread for each row.
pub(crate) async fn read_ledgers_of(
    database: &Database,
    generation: GenerationId,
    profile: &str,
    customers: &[CustomerKey],
) -> Result<Vec<(CustomerKey, CustomerLedger)>, StoreError> {
    let (profile, groups) = (clean(profile), by_account(customers));
    let read = move |connection: &mut Connection| {
        let tx = connection.transaction()?;
        let mut ledgers = Vec::new();
        for ((livemode, account), customers) in &groups {
            let group = Group { generation, profile: &profile, livemode: *livemode, account, customers };
            ledgers.extend(read_named(&tx, &group)?.into_iter().map(|one| group.keyed(one)));
        }
        Ok(ledgers)
    };
    let mut ledgers = database.ledgers.run(DOING, read).await?;
    ledgers.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(ledgers)
}

/// Where a ledger stands in the order of keys. The default is before every profile: none has no name.
#[derive(Default)]
struct Place {
    profile: String,
    livemode: bool,
    account: String,
    customer: String,
}

/// Customers of one profile within one ledger.
#[derive(PartialEq)]
struct Whose {
    profile: Arc<str>,
    livemode: bool,
    account: String,
}

struct Placed {
    group: Arc<Whose>,
    customer: String,
    ledger: CustomerLedger,
}

/// The next customers, without their rows.
fn heads(tx: &Transaction<'_>, generation: GenerationId, after: &Place, limit: i64) -> Result<Vec<Placed>, Failure> {
    let mut statement = tx.prepare_cached(&format!(
        "SELECT profile, livemode, account, customer, test_clock, {} FROM customer_ledger
         WHERE generation = ? AND (profile, livemode, account, customer) > (?, ?, ?, ?)
         ORDER BY profile, livemode, account, customer LIMIT ?",
        CUSTOMER.columns
    ))?;
    let Place { profile, livemode, account, customer } = after;
    let mut rows = statement.query(params![generation.0, profile, livemode, account, customer, limit])?;
    let mut heads: Vec<Placed> = Vec::new();
    while let Some(row) = rows.next()? {
        let mut columns = Columns::of(row, 0);
        let whose = Whose { profile: columns.text()?.into(), livemode: columns.truth()?, account: columns.text()? };
        let group = heads.last().map(|last| last.group.clone()).filter(|group| **group == whose);
        let customer = columns.text()?;
        let ledger = read_customer(&mut columns)?;
        heads.push(Placed { group: group.unwrap_or_else(|| Arc::new(whose)), customer, ledger });
    }
    Ok(heads)
}

/// The ledgers of a group's customers, in their order; nothing of whoever has none.
pub(super) fn read_named(tx: &Transaction<'_>, group: &Group<'_>) -> Result<Vec<(String, CustomerLedger)>, Failure> {
    let Group { generation, profile, livemode, account, customers } = *group;
    let named = text_list(customers.iter().map(String::as_str));
    let mut statement = tx.prepare_cached(&format!(
        "SELECT customer, test_clock, {} FROM customer_ledger
         WHERE generation = ? AND profile = ? AND livemode = ? AND account = ? AND {NAMED} ORDER BY customer",
        CUSTOMER.columns
    ))?;
    let whose = Arc::new(Whose { profile: profile.into(), livemode, account: account.to_owned() });
    let mut rows = statement.query(params![generation.0, profile, livemode, account, named])?;
    let mut ledgers = Vec::with_capacity(customers.len());
    while let Some(row) = rows.next()? {
        let mut columns = Columns::of(row, 0);
        let customer = columns.text()?;
        ledgers.push(Placed { group: whose.clone(), customer, ledger: read_customer(&mut columns)? });
    }
    fill(tx, generation, &whose, Some(&named), &mut ledgers)?;
    Ok(ledgers.into_iter().map(|Placed { customer, ledger, .. }| (customer, ledger)).collect())
}

/// Customers of a list in JSON.
const NAMED: &str = "customer IN (SELECT value FROM json_each(?))";

/// Reads the rows of these customers: those of the list `named`, or, without one, all from the first to the last.
fn fill(
    tx: &Transaction<'_>,
    generation: GenerationId,
    group: &Whose,
    named: Option<&str>,
    ledgers: &mut [Placed],
) -> Result<(), Failure> {
    let which = if named.is_some() { NAMED } else { "customer >= ? AND customer <= ?" };
    let mut each = |table: &Table, put: &dyn Fn(&mut CustomerLedger, &mut Columns<'_>) -> Read<()>| {
        let (Some(first), Some(last)) = (ledgers.first(), ledgers.last()) else { return Ok(()) };
        let mut statement = tx.prepare_cached(&format!(
            "SELECT customer, {} FROM {} WHERE generation = ? AND profile = ? AND livemode = ? AND account = ?
             AND {which} ORDER BY customer, {}",
            if table.name == PART.name { format!("ordinal, {}", table.columns) } else { table.columns.to_owned() },
            table.name,
            table.order
        ))?;
        let Whose { profile, livemode, account } = group;
        let mut rows = match named {
            Some(named) => statement.query(params![generation.0, &**profile, livemode, account, named]),
            None => {
                statement.query(params![generation.0, &**profile, livemode, account, first.customer, last.customer])
            }
        }?;
        let mut place = 0;
        while let Some(row) = rows.next()? {
            let customer = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
            // Both are in the order of customers.
            while ledgers.get(place).is_some_and(|one| *one.customer < *customer) {
                place += 1;
            }
            let ledger = ledgers
                .get_mut(place)
                .filter(|one| one.customer == customer)
                .ok_or_else(|| corrupt(DOING, format!("{customer} has rows in {} without a ledger", table.name)))?;
            put(&mut ledger.ledger, &mut Columns::of(row, 1))?;
        }
        Ok::<_, Failure>(())
    };
    each(&DELTA, &|ledger, columns| read_delta(columns).map(|row| ledger.deltas.push(row)))?;
    each(&COUNT, &|ledger, columns| read_count(columns).map(|row| ledger.counts.push(row)))?;
    each(&MOVEMENT, &|ledger, columns| read_movement(columns).map(|row| ledger.movements.push(row)))?;
    each(&PART, &|ledger, columns| {
        let ordinal = usize::try_from(columns.number()?).unwrap_or(usize::MAX);
        let movement = ledger.movements.get_mut(ordinal);
        let movement = movement.ok_or_else(|| corrupt(DOING, "a part is of a movement that isn't there"))?;
        read_part(columns).map(|row| movement.parts.push(row))
    })?;
    each(&SUBSCRIPTION, &|ledger, columns| read_subscription(columns).map(|row| ledger.subscriptions.push(row)))?;
    each(&QUALITY, &|ledger, columns| read_quality(columns).map(|row| ledger.quality.push(row)))?;
    each(&TRIAL, &|ledger, columns| read_trial(columns).map(|row| ledger.trials.push(row)))?;
    each(&PROSPECT, &|ledger, columns| read_prospect(columns).map(|row| ledger.prospects.push(row)))
}

impl Cells for Row<'_> {
    fn text(&self, place: usize) -> Read<Option<&str>> {
        match cell(self, place)? {
            ValueRef::Null => Ok(None),
            text => text.as_str().map(Some).map_err(unreadable),
        }
    }

    fn number(&self, place: usize) -> Read<Option<i64>> {
        cell(self, place)?.as_i64_or_null().map_err(unreadable)
    }

    fn truth(&self, place: usize) -> Read<bool> {
        Ok(cell(self, place)?.as_i64().map_err(unreadable)? != 0)
    }

    fn bytes(&self, place: usize) -> Read<Option<Vec<u8>>> {
        Ok(cell(self, place)?.as_blob_or_null().map_err(unreadable)?.map(<[u8]>::to_vec))
    }
}

fn cell<'r>(row: &'r Row<'_>, place: usize) -> Read<ValueRef<'r>> {
    row.get_ref(place).map_err(unreadable)
}

fn unreadable(error: impl std::fmt::Display) -> StoreError {
    corrupt(DOING, error.to_string())
}
