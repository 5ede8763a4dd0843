//! Exchange rates: imported by the user, read whole.

use sqlx::Row as _;

use super::{
    super::{Database, dialect::*},
    audit_trail::record,
};
use crate::{
    ledger::fx::Quote,
    store::{
        StoreError,
        errors::{Doing, corrupt},
        records::audit_trail::Deed,
    },
};

const READING: &str = "reading exchange rates";
const IMPORTING: &str = "importing exchange rates";

/// Rates written in one transaction: webhooks wait for the same lock.
const AT_ONCE: usize = 2_000;

fn quote(row: &Row) -> Result<Quote, StoreError> {
    let texts: Vec<String> = (0..4).map(|at| row.try_get::<String, _>(at)).collect::<Result<_, _>>().doing(READING)?;
    let per_base = row.try_get(4).doing(READING)?;
    let [base, day, currency, rate] = texts.as_slice() else {
        return Err(corrupt(READING, "a rate has too few columns"));
    };
    let bad = |what: &str| corrupt(READING, format!("the rate of {currency} on {day} in {base}: {what} can't be read"));
    Ok(Quote {
        base: base.parse().map_err(|_| bad("its base"))?,
        day: day.parse().map_err(|_| bad("its day"))?,
        currency: currency.parse().map_err(|_| bad("its currency"))?,
        rate: rate.parse().map_err(|_| bad("it"))?,
        per_base,
    })
}

impl Database {
    pub(in crate::store) async fn rates(&self) -> Result<Vec<Quote>, StoreError> {
        let text = "SELECT base, day, currency, rate, per_base FROM fx_rate ORDER BY base, currency, day";
        let rows = sqlx::query(text).fetch_all(&self.log).await.doing(READING)?;
        rows.iter().map(quote).collect()
    }

    pub(in crate::store) async fn last_import(&self) -> Result<i64, StoreError> {
        sqlx::query_scalar("SELECT COALESCE(MAX(id), 0) FROM fx_import").fetch_one(&self.log).await.doing(READING)
    }

    pub(in crate::store) async fn import_rates(&self, quotes: &[Quote], deed: &Deed) -> Result<u64, StoreError> {
        let mut changed = 0;
        for quotes in quotes.chunks(AT_ONCE) {
            let mut tx = self.log_writer.begin_with(BEGIN_WRITE).await.doing(IMPORTING)?;
            for quote in quotes {
                changed += sqlx::query(
                    "INSERT INTO fx_rate (base, day, currency, rate, per_base) VALUES ($1, $2, $3, $4, $5)
                     ON CONFLICT (base, day, currency) DO UPDATE SET rate = excluded.rate, per_base = excluded.per_base
                     WHERE fx_rate.rate <> excluded.rate OR fx_rate.per_base <> excluded.per_base",
                )
                .bind(quote.base.as_str())
                .bind(quote.day.to_string())
                .bind(quote.currency.as_str())
                .bind(quote.rate.to_string())
                .bind(quote.per_base)
                .execute(&mut *tx)
                .await
                .doing(IMPORTING)?
                .rows_affected();
            }
            tx.commit().await.doing(IMPORTING)?;
        }
        let mut tx = self.log_writer.begin_with(BEGIN_WRITE).await.doing(IMPORTING)?;
        sqlx::query("INSERT INTO fx_import (imported_at, rates) VALUES ($1, $2)")
            .bind(deed.at.0)
            .bind(i64::try_from(changed).unwrap_or(i64::MAX))
            .execute(&mut *tx)
            .await
            .doing(IMPORTING)?;
        record(&mut tx, deed).await?;
        tx.commit().await.doing(IMPORTING)?;
        Ok(changed)
    }
}
