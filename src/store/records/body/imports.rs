//! Imports: recorded once, each with the seal of the one before in its own, and read again.

use super::{
    super::{Database, dialect::*},
    audit_trail::record,
    reader::Columns,
    rows::insert,
};
use crate::{
    event::Seq,
    ledger::{
        money::{Decimal, Mrr},
        time::UnixTime,
    },
    store::{
        StoreError,
        errors::{Doing, corrupt},
        log::prepared::clean,
        records::{audit_trail::Deed, imports::*},
    },
};

const READING: &str = "reading imports";
const RECORDING: &str = "recording an import";

const COLUMNS: &str = "id, kind, recorded_at, log_seq, who, file, taken, set_aside, seal";

fn import(row: &Row) -> Result<Import, StoreError> {
    let mut columns = Columns::of(row, 0);
    Ok(Import {
        id: columns.number()?,
        kind: columns.text()?,
        recorded_at: UnixTime(columns.number()?),
        log_seq: Seq(columns.number()?),
        who: columns.text()?,
        file: columns.text()?,
        taken: columns.number()?,
        set_aside: columns.number()?,
        seal: sealed(row)?,
    })
}

fn sealed(row: &Row) -> Result<[u8; 32], StoreError> {
    let bytes: Vec<u8> = sqlx::Row::try_get(row, "seal").doing(READING)?;
    bytes.try_into().map_err(|_| corrupt(READING, "a seal isn't 32 bytes long"))
}

fn attribute(row: &Row) -> Result<(i64, AttributeRow), StoreError> {
    let mut columns = Columns::of(row, 0);
    let (import, line) = (columns.number()?, columns.number()?);
    let whose = Whose::of_columns(columns.text()?, columns.text()?);
    let (key, value) = (columns.text()?.into(), columns.text()?.into());
    Ok((import, AttributeRow { line, whose, key, value, valid_from: columns.parsed("valid_from")? }))
}

fn spend(row: &Row) -> Result<(i64, SpendRow), StoreError> {
    let mut columns = Columns::of(row, 0);
    let (import, line) = (columns.number()?, columns.number()?);
    let month = columns.parsed("month")?;
    let (currency, kind, segment) = (columns.parsed("currency")?, columns.text()?, columns.text()?);
    let kind = SpendKind::parse(&kind).ok_or_else(|| corrupt(READING, format!("{kind:?} is no kind of spend")))?;
    let text = columns.text()?;
    let amount: Decimal = text.parse().map_err(|_| corrupt(READING, format!("{text:?} is no amount")))?;
    let amount = Mrr(amount.units() / (Decimal::ONE_UNITS / Mrr::MINOR));
    Ok((import, SpendRow { line, month, currency, kind, segment: segment.into(), amount }))
}

impl Database {
    pub(in crate::store) async fn record_import(
        &self,
        new: &NewImport,
        deed: &Deed,
    ) -> Result<Option<Import>, StoreError> {
        // Texts as they come back from either database.
        let rows: Vec<AttributeRow> = new
            .rows
            .iter()
            .map(|row| {
                let (key, customer) = row.whose.columns();
                let whose = Whose::of_columns(clean(key), clean(customer));
                AttributeRow { whose, key: clean(&row.key).into(), value: clean(&row.value).into(), ..row.clone() }
            })
            .collect();
        let aside: Vec<SetAside> =
            new.set_aside.iter().map(|one| SetAside { line: one.line, reason: clean(&one.reason) }).collect();
        let mut tx = self.log_writer.begin_with(BEGIN_WRITE).await.doing(RECORDING)?;
        let last = sqlx::query("SELECT id, seal FROM import ORDER BY id DESC LIMIT 1")
            .fetch_optional(&mut *tx)
            .await
            .doing(RECORDING)?;
        let (number, before) = match &last {
            Some(row) => (Columns::of(row, 0).number()?, sealed(row)?),
            None => (0_i64, BEGINNING),
        };
        let log_seq: Seq =
            sqlx::query_scalar("SELECT COALESCE(MAX(seq), 0) FROM event").fetch_one(&mut *tx).await.doing(RECORDING)?;
        let mut made = Import {
            id: number + 1,
            kind: new.kind.as_str().into(),
            recorded_at: deed.at,
            log_seq,
            who: clean(&deed.actor.who),
            file: clean(&new.file),
            taken: i64::try_from(rows.len() + new.spend.len()).unwrap_or(i64::MAX),
            set_aside: i64::try_from(aside.len()).unwrap_or(i64::MAX),
            seal: BEGINNING,
        };
        made.seal = seal(&before, &made, &rows, &new.spend, &aside);
        let written = sqlx::query(
            "INSERT INTO import (id, kind, recorded_at, log_seq, who, file, taken, set_aside, seal)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING",
        )
        .bind(made.id)
        .bind(made.kind.as_str())
        .bind(made.recorded_at.0)
        .bind(made.log_seq)
        .bind(made.who.as_str())
        .bind(made.file.as_str())
        .bind(made.taken)
        .bind(made.set_aside)
        .bind(made.seal.to_vec())
        .execute(&mut *tx)
        .await
        .doing(RECORDING)?
        .rows_affected();
        if written == 0 {
            // Another import has taken the number meanwhile.
            tx.rollback().await.doing(RECORDING)?;
            return Ok(None);
        }
        let head = "INSERT INTO import_attribute (import, line, metadata_key, customer, key, value, valid_from)";
        insert(&mut tx, head, 7, "", &rows, |query, row: &AttributeRow| {
            let (key, customer) = row.whose.columns();
            query
                .bind(made.id)
                .bind(row.line)
                .bind(key.to_owned())
                .bind(customer.to_owned())
                .bind(row.key.to_string())
                .bind(row.value.to_string())
                .bind(row.valid_from.to_string())
        })
        .await
        .doing(RECORDING)?;
        let head = "INSERT INTO import_spend (import, line, month, currency, kind, segment, amount)";
        insert(&mut tx, head, 7, "", &new.spend, |query, row: &SpendRow| {
            query
                .bind(made.id)
                .bind(row.line)
                .bind(row.month.to_string())
                .bind(row.currency.to_string())
                .bind(row.kind.as_str().to_owned())
                .bind(row.segment.to_string())
                .bind(row.amount.to_string())
        })
        .await
        .doing(RECORDING)?;
        let head = "INSERT INTO import_set_aside (import, line, reason)";
        insert(&mut tx, head, 3, "", &aside, |query, one: &SetAside| {
            query.bind(made.id).bind(one.line).bind(one.reason.clone())
        })
        .await
        .doing(RECORDING)?;
        let detail = format!(
            "{} rows, {} lines set aside, of {:?}, sealed {}",
            made.taken,
            made.set_aside,
            made.file,
            hex::encode(made.seal)
        );
        let deed = Deed { subject: format!("import {}", made.id), ..deed.clone().saying(detail) };
        record(&mut tx, &deed).await?;
        tx.commit().await.doing(RECORDING)?;
        Ok(Some(made))
    }

    pub(in crate::store) async fn imports(&self) -> Result<Vec<Import>, StoreError> {
        let text = format!("SELECT {COLUMNS} FROM import ORDER BY id");
        let rows = sqlx::query(sqlx::AssertSqlSafe(text)).fetch_all(&self.log).await.doing(READING)?;
        rows.iter().map(import).collect()
    }

    pub(in crate::store) async fn imported_rows(&self, import: i64) -> Result<Vec<AttributeRow>, StoreError> {
        let text = "SELECT import, line, metadata_key, customer, key, value, valid_from FROM import_attribute
                    WHERE import = $1 ORDER BY line";
        let rows = sqlx::query(text).bind(import).fetch_all(&self.log).await.doing(READING)?;
        rows.iter().map(|row| Ok(attribute(row)?.1)).collect()
    }

    pub(in crate::store) async fn imported_spend(&self, import: i64) -> Result<Vec<SpendRow>, StoreError> {
        let text = "SELECT import, line, month, currency, kind, segment, amount FROM import_spend
                    WHERE import = $1 ORDER BY line";
        let rows = sqlx::query(text).bind(import).fetch_all(&self.log).await.doing(READING)?;
        rows.iter().map(|row| Ok(spend(row)?.1)).collect()
    }

    pub(in crate::store) async fn spend_rows(
        &self,
        segment: &str,
        last_import: i64,
    ) -> Result<Vec<(i64, SpendRow)>, StoreError> {
        let text = "SELECT import, line, month, currency, kind, segment, amount FROM import_spend
                    WHERE segment = $1 AND import <= $2 ORDER BY import, line";
        let rows =
            sqlx::query(text).bind(clean(segment)).bind(last_import).fetch_all(&self.log).await.doing(READING)?;
        rows.iter().map(spend).collect()
    }

    pub(in crate::store) async fn lines_set_aside(&self, import: i64) -> Result<Vec<SetAside>, StoreError> {
        let text = "SELECT line, reason FROM import_set_aside WHERE import = $1 ORDER BY line";
        let rows = sqlx::query(text).bind(import).fetch_all(&self.log).await.doing(READING)?;
        let one = |row: &Row| {
            let mut columns = Columns::of(row, 0);
            Ok(SetAside { line: columns.number()?, reason: columns.text()? })
        };
        rows.iter().map(one).collect()
    }

    pub(in crate::store) async fn imports_known(&self, known: ImportsKnown) -> Result<i64, StoreError> {
        let (text, bound) = match known {
            ImportsKnown::All => ("SELECT COALESCE(MAX(id), 0) FROM import WHERE id <= $1", i64::MAX),
            // The longest beginning of the list that was known by then.
            ImportsKnown::Instant(at) => (
                "SELECT COALESCE((SELECT MIN(id) - 1 FROM import WHERE recorded_at > $1),
                                 (SELECT MAX(id) FROM import), 0)",
                at.0,
            ),
            ImportsKnown::Seq(seq) => (
                "SELECT COALESCE((SELECT MIN(id) - 1 FROM import WHERE log_seq >= $1),
                                 (SELECT MAX(id) FROM import), 0)",
                seq.0,
            ),
        };
        sqlx::query_scalar(text).bind(bound).fetch_one(&self.log).await.doing(READING)
    }

    pub(in crate::store) async fn attribute_rows(
        &self,
        key: &str,
        last_import: i64,
    ) -> Result<Vec<AttributeRow>, StoreError> {
        let text = "SELECT import, line, metadata_key, customer, key, value, valid_from FROM import_attribute
                    WHERE key = $1 AND import <= $2 ORDER BY import, line";
        let rows = sqlx::query(text).bind(clean(key)).bind(last_import).fetch_all(&self.log).await.doing(READING)?;
        rows.iter().map(|row| Ok(attribute(row)?.1)).collect()
    }

    pub(in crate::store) async fn attribute_keys(&self, last_import: i64) -> Result<Vec<String>, StoreError> {
        let text = "SELECT DISTINCT key FROM import_attribute WHERE import <= $1 ORDER BY key";
        sqlx::query_scalar(text).bind(last_import).fetch_all(&self.log).await.doing(READING)
    }

    pub(in crate::store) async fn imports_told(&self) -> Result<i64, StoreError> {
        let text = "SELECT COUNT(*) FROM audit_trail WHERE action IN ('attributes_imported', 'spend_imported')";
        sqlx::query_scalar(text).fetch_one(&self.log).await.doing(READING)
    }
}
