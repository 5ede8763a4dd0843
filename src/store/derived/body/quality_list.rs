//! The list of quality entries, page by page over stable keys, and how many there are of each kind.

use sqlx::QueryBuilder;

use super::{
    super::{Database, dialect::*},
    asked::{Scoped, push_scope},
    columns::*,
    reader::Columns,
    rows::{account, account_of},
};
use crate::{
    ledger::{ids::CustomerId, outcome::QualityKind, time::UnixTime},
    store::{
        StoreError,
        derived::reports::*,
        errors::{Doing, corrupt},
        log::prepared::clean,
    },
};

const DOING: &str = "reading quality entries";

impl Database {
    pub(in crate::store) async fn quality_page(
        &self,
        scope: &Scope,
        only: &QualityAsked,
        after: Option<&QualityPosition>,
        limit: i64,
    ) -> Result<Vec<(QualityPosition, QualityRow)>, StoreError> {
        let mut tx = self.derived.begin_with(begin_read()).await.doing(DOING)?;
        let scope = &Scoped::look_up(&mut tx, scope).await?;
        let mut query = QueryBuilder::<Driver>::new(format!(
            "SELECT q.account, q.customer, q.ordinal, {} FROM quality q JOIN customer_ledger l
             ON l.generation = q.generation AND l.profile = q.profile AND l.livemode = q.livemode
             AND l.account = q.account AND l.customer = q.customer",
            QUALITY.columns_of("q")
        ));
        push_scope(&mut query, "q", "l", scope);
        query.push(" AND q.at <= ").push_bind(scope.cut.0);
        query.push(" AND (q.until IS NULL OR q.until > ").push_bind(scope.cut.0).push(")");
        match only {
            QualityAsked::All => {}
            QualityAsked::Kind(kind) => {
                query.push(" AND q.kind = ").push_bind(kind.as_str());
            }
            QualityAsked::Customer(customer) => {
                query.push(" AND q.customer = ").push_bind(clean(customer.as_str()));
            }
        }
        if let Some(after) = after {
            query
                .push(" AND (q.kind, q.at, q.account, q.customer, q.ordinal) > (")
                .push_bind(clean(&after.kind))
                .push(", ")
                .push_bind(after.at.0)
                .push(", ")
                .push_bind(account(after.account.as_ref()))
                .push(", ")
                .push_bind(clean(after.customer.as_str()))
                .push(", ")
                .push_bind(after.ordinal)
                .push(")");
        }
        query.push(" ORDER BY q.kind, q.at, q.account, q.customer, q.ordinal LIMIT ").push_bind(limit);
        let rows = query.build().fetch_all(&mut *tx).await.doing(DOING)?;
        tx.commit().await.doing(DOING)?;
        rows.iter().map(quality_row).collect()
    }

    pub(in crate::store) async fn quality_counts(
        &self,
        profile: &str,
        now: UnixTime,
    ) -> Result<Vec<(QualityKind, i64)>, StoreError> {
        let mut query = QueryBuilder::<Driver>::new(
            "SELECT q.kind, COUNT(*) FROM quality q
             WHERE q.generation = (SELECT id FROM generation WHERE state = 'current') AND q.profile = ",
        );
        query.push_bind(clean(profile)).push(" AND q.at <= ").push_bind(now.0);
        query.push(" AND (q.until IS NULL OR q.until > ").push_bind(now.0).push(") GROUP BY q.kind");
        let rows = query.build().fetch_all(&self.derived).await.doing(DOING)?;
        let read = |row: &Row| {
            let mut columns = Columns::of(row, 0);
            let kind = columns.text()?;
            let kind = QualityKind::parse(&kind)
                .ok_or_else(|| corrupt(DOING, format!("{kind:?} is not a kind of quality entry")))?;
            Ok((kind, columns.number()?))
        };
        rows.iter().map(read).collect()
    }
}

fn quality_row(row: &Row) -> Result<(QualityPosition, QualityRow), StoreError> {
    let mut columns = Columns::of(row, 0);
    let (account, customer) = (account_of(columns.text()?), CustomerId::new(columns.text()?));
    let ordinal = columns.number()?;
    let entry = read_quality(&mut columns)?;
    let position = QualityPosition {
        kind: entry.kind.as_str().into(),
        at: entry.at,
        account: account.clone(),
        customer: customer.clone(),
        ordinal,
    };
    Ok((position, QualityRow { account, customer, entry }))
}
