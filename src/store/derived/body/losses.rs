//! What movements took, and what customers began beside it: all of a span in one reading, a few columns of each row.

use sqlx::{QueryBuilder, Row as _};

use super::{
    super::{Database, dialect::*},
    asked::{PART_OF, Scoped, currency, day, each, kind, push_scope, push_visible},
};
use crate::{
    ledger::{
        ids::CustomerId,
        money::{Currency, Mrr},
        outcome::Cause,
        time::Day,
    },
    store::{
        StoreError,
        derived::reports::*,
        errors::{Doing, corrupt},
    },
};

const DOING: &str = "reading what was lost";

impl Database {
    /// Churn, then contractions, each in the order of the list of movements.
    pub(in crate::store) async fn losses(
        &self,
        scope: &Scope,
        own: Option<Currency>,
        from: Option<Day>,
    ) -> Result<Vec<LossRow>, StoreError> {
        let mut tx = self.derived.begin_with(BEGIN_READ).await.doing(DOING)?;
        let scope = &Scoped::look_up(&mut tx, scope).await?;
        let mut losses: Vec<LossRow> = Vec::new();
        for lost in ["churn", "contraction"] {
            let mut query = QueryBuilder::<Driver>::new(format!(
                "SELECT m.customer, m.ordinal, m.currency, m.day, m.kind, m.amount, p.cause, p.amount, p.end_reason,
                 CASE WHEN p.before_price IS NULL THEN p.after_product ELSE p.before_product END
                 FROM movement m{} JOIN movement_part p ON {PART_OF}",
                by_own_index("movement_lost", scope.generation)
            ));
            push_scope(&mut query, "m", "m", scope);
            push_visible(&mut query, scope);
            // As the index says it.
            query.push(" AND m.kind IN ('churn', 'contraction') AND m.kind = ").push_bind(lost);
            push_which(&mut query, own, from);
            query.push(" ORDER BY m.day, m.effective_at, m.id, p.part");
            let mut last: Option<(String, i64)> = None;
            let read = |row: &Row| {
                let (customer, ordinal): (&str, i64) = (row.try_get(0).doing(DOING)?, row.try_get(1).doing(DOING)?);
                if last.as_ref().is_none_or(|(of, at)| of != customer || *at != ordinal) {
                    last = Some((customer.to_owned(), ordinal));
                    losses.push(LossRow {
                        customer: CustomerId::new(customer),
                        currency: currency(row.try_get(2).doing(DOING)?)?,
                        day: day(row.try_get(3).doing(DOING)?)?,
                        kind: kind(row.try_get(4).doing(DOING)?)?,
                        amount: amount(row, 5)?,
                        parts: Vec::new(),
                    });
                }
                let part = LossPart {
                    cause: cause(row.try_get(6).doing(DOING)?)?,
                    amount: amount(row, 7)?,
                    end_reason: row.try_get::<Option<&str>, _>(8).doing(DOING)?.map(cause).transpose()?,
                    product: row.try_get::<Option<&str>, _>(9).doing(DOING)?.map(Into::into),
                };
                if let Some(movement) = losses.last_mut() {
                    movement.parts.push(part);
                }
                Ok(())
            };
            each(&mut query, &mut tx, read).await?;
        }
        tx.commit().await.doing(DOING)?;
        Ok(losses)
    }

    /// Parts of expansions that are subscriptions or products of their own, by cause in the order of words, each in the order of
    /// the list of movements.
    pub(in crate::store) async fn begun(
        &self,
        scope: &Scope,
        own: Option<Currency>,
        from: Option<Day>,
    ) -> Result<Vec<BegunRow>, StoreError> {
        let mut tx = self.derived.begin_with(BEGIN_READ).await.doing(DOING)?;
        let scope = &Scoped::look_up(&mut tx, scope).await?;
        let mut query = QueryBuilder::<Driver>::new(format!(
            "SELECT m.customer, m.currency, m.day, p.amount FROM movement m JOIN movement_part p ON {PART_OF}"
        ));
        push_scope(&mut query, "m", "m", scope);
        push_visible(&mut query, scope);
        query.push(" AND m.kind = 'expansion' AND p.cause IN (").push_bind(Cause::CrossSell.as_str());
        query.push(", ").push_bind(Cause::ExtraSubscription.as_str()).push(")");
        push_which(&mut query, own, from);
        query.push(" ORDER BY p.cause, m.day, m.effective_at, m.id, p.part");
        let read = |row: &Row| {
            Ok(BegunRow {
                customer: CustomerId::new(row.try_get::<&str, _>(0).doing(DOING)?),
                currency: currency(row.try_get(1).doing(DOING)?)?,
                day: day(row.try_get(2).doing(DOING)?)?,
                amount: amount(row, 3)?,
            })
        };
        let begun = each(&mut query, &mut tx, read).await?;
        tx.commit().await.doing(DOING)?;
        Ok(begun)
    }
}

/// In one currency, from one day on.
fn push_which(query: &mut QueryBuilder<Driver>, own: Option<Currency>, from: Option<Day>) {
    if let Some(currency) = own {
        query.push(" AND m.currency = ").push_bind(currency.as_str().to_owned());
    }
    if let Some(from) = from {
        query.push(" AND m.day >= ").push_bind(from.to_string());
    }
}

fn amount(row: &Row, at: usize) -> Result<Mrr, StoreError> {
    Ok(Mrr(row.try_get::<i64, _>(at).doing(DOING)?.into()))
}

fn cause(text: &str) -> Result<Cause, StoreError> {
    Cause::parse(text).ok_or_else(|| corrupt(DOING, format!("{text:?} is not a cause")))
}
