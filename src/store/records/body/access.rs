//! Tokens and sessions: found by the digest of what was presented.

use super::{
    super::{Database, dialect::*},
    audit_trail::record,
    reader::Columns,
};
use crate::{
    ledger::time::UnixTime,
    store::{
        StoreError,
        errors::{Doing, corrupt},
        log::prepared::clean,
        records::{access::*, audit_trail::Deed},
    },
};

const READING: &str = "looking up a token";
const CHANGING: &str = "keeping a token";

const TOKEN: &str = "SELECT id, digest, name, role, created_at, revoked_at FROM access_token";

fn token(row: &Row) -> Result<TokenRow, StoreError> {
    let mut columns = Columns::of(row, 0);
    Ok(TokenRow {
        id: columns.text()?,
        digest: SecretDigest(columns.text()?),
        name: columns.text()?,
        role: role(&columns.text()?)?,
        created_at: UnixTime(columns.number()?),
        revoked_at: columns.time_or_null()?,
    })
}

fn role(name: &str) -> Result<AccessRole, StoreError> {
    AccessRole::named(name).ok_or_else(|| corrupt(READING, format!("{name:?} is neither viewer nor admin")))
}

impl Database {
    pub(in crate::store) async fn access_token(&self, digest: &SecretDigest) -> Result<Option<TokenRow>, StoreError> {
        let text = sqlx::AssertSqlSafe(format!("{TOKEN} WHERE digest = $1"));
        let row = sqlx::query(text).bind(digest.0.as_str()).fetch_optional(&self.log).await.doing(READING)?;
        row.as_ref().map(token).transpose()
    }

    pub(in crate::store) async fn access_tokens(&self) -> Result<Vec<TokenRow>, StoreError> {
        let text = sqlx::AssertSqlSafe(format!("{TOKEN} ORDER BY created_at, id"));
        let rows = sqlx::query(text).fetch_all(&self.log).await.doing(READING)?;
        rows.iter().map(token).collect()
    }

    pub(in crate::store) async fn keep_token(&self, token: &TokenRow, deed: &Deed) -> Result<(), StoreError> {
        let mut tx = self.log_writer.begin_with(BEGIN_WRITE).await.doing(CHANGING)?;
        // Of two processes that start at once over one token file, the second finds it there.
        let written = sqlx::query(
            "INSERT INTO access_token (id, digest, name, role, created_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (digest) DO NOTHING",
        )
        .bind(token.id.as_str())
        .bind(token.digest.0.as_str())
        .bind(clean(&token.name))
        .bind(token.role.as_str())
        .bind(token.created_at.0)
        .execute(&mut *tx)
        .await
        .doing(CHANGING)?
        .rows_affected();
        if written > 0 {
            record(&mut tx, deed).await?;
        }
        tx.commit().await.doing(CHANGING)
    }

    pub(in crate::store) async fn revoke_token(&self, id: &str, deed: &Deed) -> Result<bool, StoreError> {
        let mut tx = self.log_writer.begin_with(BEGIN_WRITE).await.doing(CHANGING)?;
        let text = "UPDATE access_token SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
        let changed =
            sqlx::query(text).bind(id).bind(deed.at.0).execute(&mut *tx).await.doing(CHANGING)?.rows_affected();
        sqlx::query("DELETE FROM access_session WHERE token = (SELECT digest FROM access_token WHERE id = $1)")
            .bind(id)
            .execute(&mut *tx)
            .await
            .doing(CHANGING)?;
        if changed > 0 {
            record(&mut tx, deed).await?;
        }
        tx.commit().await.doing(CHANGING)?;
        Ok(changed > 0)
    }

    pub(in crate::store) async fn open_session(&self, session: &SessionRow, deed: &Deed) -> Result<(), StoreError> {
        let mut tx = self.log_writer.begin_with(BEGIN_WRITE).await.doing(CHANGING)?;
        sqlx::query("DELETE FROM access_session WHERE ends_at <= $1")
            .bind(session.created_at.0)
            .execute(&mut *tx)
            .await
            .doing(CHANGING)?;
        sqlx::query(
            "INSERT INTO access_session (digest, token, created_at, ends_at, address) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(session.digest.0.as_str())
        .bind(session.token.0.as_str())
        .bind(session.created_at.0)
        .bind(session.ends_at.0)
        .bind(clean(&session.address))
        .execute(&mut *tx)
        .await
        .doing(CHANGING)?;
        record(&mut tx, deed).await?;
        tx.commit().await.doing(CHANGING)
    }

    pub(in crate::store) async fn session(
        &self,
        digest: &SecretDigest,
        now: UnixTime,
    ) -> Result<Option<SessionRow>, StoreError> {
        let text = "SELECT digest, token, created_at, ends_at, address FROM access_session
                    WHERE digest = $1 AND ends_at > $2";
        let query = sqlx::query(text).bind(digest.0.as_str()).bind(now.0);
        let Some(row) = query.fetch_optional(&self.log).await.doing(READING)? else { return Ok(None) };
        let mut columns = Columns::of(&row, 0);
        Ok(Some(SessionRow {
            digest: SecretDigest(columns.text()?),
            token: SecretDigest(columns.text()?),
            created_at: UnixTime(columns.number()?),
            ends_at: UnixTime(columns.number()?),
            address: columns.text()?,
        }))
    }

    pub(in crate::store) async fn end_session(&self, digest: &SecretDigest) -> Result<(), StoreError> {
        let mut tx = self.log_writer.begin_with(BEGIN_WRITE).await.doing(CHANGING)?;
        let query = sqlx::query("DELETE FROM access_session WHERE digest = $1").bind(digest.0.as_str());
        query.execute(&mut *tx).await.doing(CHANGING)?;
        tx.commit().await.doing(CHANGING)
    }
}
