//! What movements took or brought, and what customers began beside it: all of a span in one reading, a few columns of each row.

use std::collections::BTreeSet;

use sqlx::{QueryBuilder, Row as _};

use super::{
    super::{Database, dialect::*},
    asked::{PART_OF, Scoped, currency, day, each, push_scope, push_visible},
    daily::Question,
    reader::{Columns, Read, parsed, word},
    rows::Value,
};
use crate::{
    ledger::{
        ids::{CustomerId, ProductId},
        money::{Currency, Mrr},
        outcome::{Cause, Kind},
        time::Day,
    },
    store::{StoreError, derived::reports::*, errors::Doing},
};

const DOING: &str = "reading what was lost";

impl Database {
    /// Churn and contractions in the order of customers: in that of days each would be looked up by itself, where one customer's
    /// lie side by side.
    pub(in crate::store) async fn losses<T: Send + 'static>(
        &self,
        scope: &Scope,
        (own, from): (Option<Currency>, Option<Day>),
        to: T,
        add: impl FnMut(&mut T, LossRow) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.whole_movements(of_kinds(scope, LOST, own, from), to, add_each(add)).await
    }

    /// Expansions, churn and contractions in the order of customers, each with whether it is its customer's last.
    pub(in crate::store) async fn expanding<T: Send + 'static>(
        &self,
        scope: &Scope,
        own: Option<Currency>,
        to: T,
        add: impl FnMut(&mut T, LossRow, bool) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.whole_movements(of_kinds(scope, EXPANDING, own, None), to, add).await
    }

    /// Puts movements together from their parts, each with whether it is its customer's last.
    async fn whole_movements<T: Send + 'static>(
        &self,
        question: (String, Vec<Value>),
        to: T,
        add: impl FnMut(&mut T, LossRow, bool) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let state = (Whole::default(), to, add);
        let (whole, mut to, mut add) = fold(self, DOING, question, state, |(whole, to, add), columns| {
            let row = whole.take_in(columns)?;
            row.map_or(Ok(()), |row| add(to, row, whole.is_of_another))
        })
        .await?;
        if let Some(last) = whole.row {
            add(&mut to, last, true)?;
        }
        Ok(to)
    }

    /// Parts of expansions that are subscriptions or products of their own, by cause in the order of words, each in the order of
    /// the list of movements.
    pub(in crate::store) async fn begun(
        &self,
        scope: &Scope,
        own: Option<Currency>,
        from: Option<Day>,
    ) -> Result<Vec<BegunRow>, StoreError> {
        let mut tx = self.derived.begin_with(begin_read()).await.doing(DOING)?;
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

/// Kinds of movements that may be losses.
const LOST: &str = "'churn', 'contraction'";

/// Kinds of movements that move what a customer expanded by (rule `durability`).
const EXPANDING: &str = "'expansion', 'churn', 'contraction'";

/// For whoever needn't know where a customer ends.
fn add_each<T>(
    mut add: impl FnMut(&mut T, LossRow) -> Result<(), StoreError> + Send + 'static,
) -> impl FnMut(&mut T, LossRow, bool) -> Result<(), StoreError> + Send + 'static {
    move |to, row, _| add(to, row)
}

/// Movements of some kinds in the order of customers; each row is a part of one.
fn of_kinds(scope: &Scope, kinds: &str, own: Option<Currency>, from: Option<Day>) -> (String, Vec<Value>) {
    let text = format!(
        "SELECT m.ordinal, m.customer, m.account, m.effective_at, m.amount, p.amount, m.currency, m.day, m.kind, p.cause,
         p.end_reason, CASE WHEN p.before_price IS NULL THEN p.after_product ELSE p.before_product END
         FROM movement m CROSS JOIN movement_part p WHERE {PART_OF} AND m.kind IN ({kinds}) AND"
    );
    let (text, values) = Question::of(scope, "m", &text)
        .and("m.visible_from <=", Some(scope.cut.0))
        // Shown for ever, or still.
        .and("COALESCE(m.visible_until, 9223372036854775807) >", Some(scope.cut.0))
        .and("m.currency =", own.map(|own| own.as_str().to_owned()))
        .and("m.day >=", from.map(|from| from.to_string()))
        .in_order_of_customers();
    (format!("{text}, p.part"), values)
}

/// A movement put together from its parts, which follow each other.
#[derive(Default)]
pub(super) struct Whole {
    pub(super) row: Option<LossRow>,
    /// Whether it is of another customer than the one before.
    is_of_another: bool,
    ordinal: i64,
    account: String,
    /// There are few, and many rows of each.
    products: BTreeSet<ProductId>,
}

impl Whole {
    /// Takes a part in; answers the movement before, where another begins with it.
    pub(super) fn take_in(&mut self, columns: &mut Columns<'_>) -> Read<Option<LossRow>> {
        let (ordinal, customer, account) = (columns.number()?, columns.str()?, columns.str()?);
        let (effective_at, amount, of_part) = (columns.time()?, columns.mrr()?, columns.mrr()?);
        let (currency, day, kind) = (columns.str()?, columns.str()?, columns.str()?);
        let cause = |text: &str| word(text, Cause::parse, "cause");
        let part = LossPart {
            cause: cause(columns.str()?)?,
            amount: of_part,
            end_reason: columns.str_or_null()?.map(cause).transpose()?,
            product: columns.str_or_null()?.map(|product| self.product(product)),
        };
        let same_customer = |row: &LossRow| row.customer.as_str() == customer && self.account == account;
        if let Some(row) = self.row.as_mut().filter(|row| self.ordinal == ordinal && same_customer(row)) {
            row.parts.push(part);
            return Ok(None);
        }
        // One text for all of a customer's.
        let known = self.row.as_ref().filter(|row| same_customer(row)).map(|row| row.customer.clone());
        let is_of_another = known.is_none();
        let row = LossRow {
            customer: known.unwrap_or_else(|| CustomerId::new(customer)),
            currency: parsed(currency, "currency")?,
            day: parsed(day, "day")?,
            effective_at,
            kind: word(kind, Kind::parse, "kind of movement")?,
            amount,
            parts: vec![part],
        };
        self.ordinal = ordinal;
        self.is_of_another = is_of_another;
        if self.account != account {
            account.clone_into(&mut self.account);
        }
        Ok(self.row.replace(row))
    }

    fn product(&mut self, product: &str) -> ProductId {
        let product = ProductId::new(product);
        if let Some(known) = self.products.get(&product) {
            return known.clone();
        }
        self.products.insert(product.clone());
        product
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
