//! SQL behind the store's back: what an intruder, or an mrrd of another version, may have done to a database.

use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

/// Runs SQL on the log at `url`.
pub(crate) async fn run(url: &str, text: &str) -> Result<(), sqlx::Error> {
    let text = AssertSqlSafe(text.to_owned());
    if url.starts_with("sqlite://") {
        sqlx::raw_sql(text).execute(&mut SqliteConnection::connect(url).await?).await?;
    } else {
        sqlx::raw_sql(text).execute(&mut PgConnection::connect(url).await?).await?;
    }
    Ok(())
}

/// The one number a query answers.
pub(crate) async fn number(url: &str, query: &str) -> i64 {
    let query = sqlx::AssertSqlSafe(query.to_owned());
    if url.starts_with("sqlite://") {
        let mut connection = SqliteConnection::connect(url).await.unwrap();
        sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap()
    } else {
        let mut connection = PgConnection::connect(url).await.unwrap();
        sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap()
    }
}

/// Takes the triggers off that protect a table of the log.
pub(crate) async fn unprotect(url: &str, table: &str) {
    let text = match url.starts_with("sqlite://") {
        true => format!("DROP TRIGGER {table}_no_update; DROP TRIGGER {table}_no_delete;"),
        false => format!("ALTER TABLE {table} DISABLE TRIGGER USER"),
    };
    run(url, &text).await.unwrap();
}

/// The lines a query of one text column answers, in its order.
pub(crate) async fn lines(url: &str, query: &str) -> Result<Vec<String>, sqlx::Error> {
    let query = AssertSqlSafe(query.to_owned());
    if url.starts_with("sqlite://") {
        sqlx::query_scalar(query).fetch_all(&mut SqliteConnection::connect(url).await?).await
    } else {
        sqlx::query_scalar(query).fetch_all(&mut PgConnection::connect(url).await?).await
    }
}
