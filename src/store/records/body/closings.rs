//! Closed months: written once, read again.

use super::{
    super::{Database, dialect::*},
    audit_trail::record,
    columns::units,
    reader::Columns,
    rows::{account, account_of, insert},
};
use crate::{
    ledger::{money::Mrr, outcome::Kind, time::UnixTime},
    store::{
        StoreError,
        errors::{Doing, corrupt},
        log::prepared::clean,
        records::{audit_trail::Deed, closings::*},
    },
};

const READING: &str = "reading closed months";

impl Database {
    pub(in crate::store) async fn close_month(&self, month: &ClosedMonth, deed: &Deed) -> Result<bool, StoreError> {
        let doing = "closing a month";
        let ClosedMonth { closing, totals, customers, movements } = month;
        let amounts = customers.iter().flat_map(|row| [row.opening, row.closing]);
        for amount in amounts.chain(movements.iter().map(|row| row.amount)) {
            if i64::try_from(amount.0).is_err() {
                return Err(corrupt(doing, format!("{amount} minor units are more than a row holds")));
            }
        }
        let mut tx = self.log_writer.begin_with(BEGIN_WRITE).await.doing(doing)?;
        let written = sqlx::query(
            "INSERT INTO closing (profile, month, seq, closed_at, inputs, hash, revision, who, reason)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9
             WHERE (SELECT COALESCE(MAX(revision), 0) FROM closing WHERE profile = $1 AND month = $2) = $7 - 1
             ON CONFLICT (profile, month, revision) DO NOTHING",
        )
        .bind(closing.profile.as_ref())
        .bind(closing.month.to_string())
        .bind(closing.seq)
        .bind(closing.closed_at.0)
        .bind(closing.inputs.as_str())
        .bind(closing.hash.as_str())
        .bind(closing.revision)
        .bind(clean(&closing.who))
        .bind(clean(&closing.reason))
        .execute(&mut *tx)
        .await
        .doing(doing)?
        .rows_affected();
        if written == 0 {
            tx.rollback().await.doing(doing)?;
            return Ok(false);
        }
        let head = "INSERT INTO closing_total (profile, month, livemode, account, currency, line, amount, revision)";
        insert(&mut tx, head, 8, "", totals, |query, row: &ClosedTotal| {
            query
                .bind(closing.profile.to_string())
                .bind(closing.month.to_string())
                .bind(row.livemode)
                .bind(account(row.account.as_ref()))
                .bind(row.currency.to_string())
                .bind(row.line.to_string())
                .bind(row.amount.0.to_string())
                .bind(closing.revision)
        })
        .await
        .doing(doing)?;
        let head = "INSERT INTO closing_customer (profile, month, livemode, account, customer, currency, opening, closing, \
                    revision)";
        insert(&mut tx, head, 9, "", customers, |query, row: &ClosedCustomer| {
            query
                .bind(closing.profile.to_string())
                .bind(closing.month.to_string())
                .bind(row.key.livemode)
                .bind(account(row.key.account.as_ref()))
                .bind(clean(row.key.customer.as_str()))
                .bind(row.currency.to_string())
                .bind(units(row.opening))
                .bind(units(row.closing))
                .bind(closing.revision)
        })
        .await
        .doing(doing)?;
        let head = "INSERT INTO closing_movement (profile, month, livemode, account, customer, id, currency, day, \
                    effective_at, kind, amount, revision)";
        insert(&mut tx, head, 12, "", movements, |query, row: &ClosedMovement| {
            query
                .bind(closing.profile.to_string())
                .bind(closing.month.to_string())
                .bind(row.key.livemode)
                .bind(account(row.key.account.as_ref()))
                .bind(clean(row.key.customer.as_str()))
                .bind(row.id.to_string())
                .bind(row.currency.to_string())
                .bind(row.day.to_string())
                .bind(row.effective_at.0)
                .bind(row.kind.as_str())
                .bind(units(row.amount))
                .bind(closing.revision)
        })
        .await
        .doing(doing)?;
        record(&mut tx, deed).await?;
        tx.commit().await.doing(doing)?;
        Ok(true)
    }

    pub(in crate::store) async fn closings(&self) -> Result<Vec<Closing>, StoreError> {
        let rows = sqlx::query(
            "SELECT profile, month, seq, closed_at, inputs, hash, revision, who, reason FROM closing
             ORDER BY month, profile, revision",
        )
        .fetch_all(&self.log)
        .await
        .doing(READING)?;
        let closing = |row: &Row| {
            let mut columns = Columns::of(row, 0);
            Ok(Closing {
                profile: columns.text()?.into(),
                month: columns.parsed("month")?,
                seq: columns.seq()?,
                closed_at: UnixTime(columns.number()?),
                inputs: columns.text()?,
                hash: columns.text()?,
                revision: columns.number()?,
                who: columns.text()?,
                reason: columns.text()?,
            })
        };
        rows.iter().map(closing).collect()
    }

    /// The rows of one revision of a closed month, by a query that takes profile, month and revision.
    async fn rows_of(&self, query: &'static str, closing: &Closing) -> Result<Vec<Row>, StoreError> {
        sqlx::query(query)
            .bind(closing.profile.as_ref())
            .bind(closing.month.to_string())
            .bind(closing.revision)
            .fetch_all(&self.log)
            .await
            .doing(READING)
    }

    pub(in crate::store) async fn closed_totals(&self, closing: &Closing) -> Result<Vec<ClosedTotal>, StoreError> {
        let query = "SELECT livemode, account, currency, line, amount FROM closing_total
             WHERE profile = $1 AND month = $2 AND revision = $3 ORDER BY livemode, account, currency, line";
        let rows = self.rows_of(query, closing).await?;
        let total = |row: &Row| {
            let mut columns = Columns::of(row, 0);
            Ok(ClosedTotal {
                livemode: columns.truth()?,
                account: account_of(columns.text()?),
                currency: columns.parsed("currency")?,
                line: columns.text()?.into(),
                amount: Mrr(columns.parsed("amount")?),
            })
        };
        rows.iter().map(total).collect()
    }

    pub(in crate::store) async fn closed_customers(
        &self,
        closing: &Closing,
    ) -> Result<Vec<ClosedCustomer>, StoreError> {
        let query = "SELECT livemode, account, customer, currency, opening, closing FROM closing_customer
             WHERE profile = $1 AND month = $2 AND revision = $3 ORDER BY livemode, account, customer, currency";
        let rows = self.rows_of(query, closing).await?;
        let customer = |row: &Row| {
            let mut columns = Columns::of(row, 0);
            let key = columns.customer()?;
            Ok(ClosedCustomer {
                key,
                currency: columns.parsed("currency")?,
                opening: columns.mrr()?,
                closing: columns.mrr()?,
            })
        };
        rows.iter().map(customer).collect()
    }

    pub(in crate::store) async fn closed_movements(
        &self,
        closing: &Closing,
    ) -> Result<Vec<ClosedMovement>, StoreError> {
        let query =
            "SELECT livemode, account, customer, id, currency, day, effective_at, kind, amount FROM closing_movement
             WHERE profile = $1 AND month = $2 AND revision = $3 ORDER BY livemode, account, customer, id";
        let rows = self.rows_of(query, closing).await?;
        let movement = |row: &Row| {
            let mut columns = Columns::of(row, 0);
            let key = columns.customer()?;
            Ok(ClosedMovement {
                key,
                id: columns.text()?.into(),
                currency: columns.parsed("currency")?,
                day: columns.parsed("day")?,
                effective_at: UnixTime(columns.number()?),
                kind: kind(&columns.text()?)?,
                amount: columns.mrr()?,
            })
        };
        rows.iter().map(movement).collect()
    }
}

fn kind(text: &str) -> Result<Kind, StoreError> {
    Kind::parse(text).ok_or_else(|| corrupt(READING, format!("{text:?} is not a kind of movement")))
}
