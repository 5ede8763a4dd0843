//! What alerts look at, in SQL: the days of the whole from their sums, and customers in the order in which their rows lie.

use std::collections::BTreeMap;

use super::{
    super::{Database, dialect::*},
    asked::Scoped,
    day_sums,
    reader::{Columns, Read},
    rows::{Value, account},
};
use crate::{
    budget::charge,
    ledger::{ids::CustomerId, money::Currency, time::Day},
    store::{
        StoreError,
        derived::reports::*,
        errors::{Doing, corrupt},
        log::prepared::clean,
    },
};

const DOING: &str = "reading the days";

impl Database {
    pub(in crate::store) async fn daily_rows(
        &self,
        scope: &Scope,
        cut_day: Day,
        from: Option<Day>,
    ) -> Result<DailyRows, StoreError> {
        let mut tx = self.derived.begin_with(begin_read()).await.doing(DOING)?;
        let scoped = &Scoped::look_up(&mut tx, scope).await?;
        let amounts = day_sums::amounts(&mut tx, scoped, cut_day).await?;
        let counts = day_sums::counts(&mut tx, scoped, cut_day).await?;
        tx.commit().await.doing(DOING)?;
        let counted = Question::of(scope, "c", "SELECT c.customer, c.day, c.customers FROM count_delta c WHERE")
            .and("c.currency = '' AND c.customers <> 0 AND c.at <=", Some(scope.cut.0))
            .and("c.day >=", from.map(|from| from.to_string()))
            .in_order_of_customers();
        let turning = fold(self, DOING, counted, Turning::default(), Turning::take_in).await?;
        let columns = "SELECT d.customer, d.at_risk, d.scheduled_churn, d.currency, d.day FROM item_delta d";
        let by_index = by_index("item_delta_in_doubt");
        // As the index says it.
        let doubted = Question::of(scope, "d", &format!("{columns}{by_index} WHERE"))
            .and("(d.at_risk <> 0 OR d.scheduled_churn <> 0) AND d.at <=", Some(scope.cut.0))
            .in_order_of_customers();
        let doubting = fold(self, DOING, doubted, Doubting::default(), Doubting::take_in).await?;
        Ok(DailyRows { amounts, counts, turns: turning.ended()?, in_doubt: doubting.rows })
    }
}

/// A question that walks a table in the order of customers.
pub(super) struct Question {
    text: String,
    values: Vec<Value>,
    table: String,
    account: AccountScope,
}

impl Question {
    /// Of the generation that answers and of the scope, by columns of the table called `t`; `text` ends where its conditions
    /// begin.
    pub(super) fn of(scope: &Scope, t: &str, text: &str) -> Self {
        let account = match &scope.account {
            AccountScope::One(one) => Some(account(one.as_ref())),
            AccountScope::All => None,
        };
        let test_clock = scope.test_clock.as_ref().map(|clock| clean(clock.as_str())).unwrap_or_default();
        Self {
            text: format!("{text} {t}.generation = (SELECT id FROM generation WHERE state = 'current')"),
            values: Vec::new(),
            table: t.to_owned(),
            account: scope.account.clone(),
        }
        .and(&format!("{t}.profile ="), Some(clean(&scope.profile)))
        .and(&format!("{t}.livemode ="), Some(scope.livemode))
        .and(&format!("{t}.account ="), account)
        .and(&format!("{t}.test_clock ="), Some(test_clock))
    }

    /// Where there is a value: with this condition, which ends where the value stands.
    pub(super) fn and(mut self, condition: &str, value: Option<impl Into<Value>>) -> Self {
        if let Some(value) = value {
            self.values.push(value.into());
            self.text.push_str(&format!(" AND {condition} "));
            place(self.values.len(), &mut self.text);
        }
        self
    }

    /// With either of two conditions, each of which ends where its value stands.
    pub(super) fn and_either(mut self, conditions: [(&str, Value); 2]) -> Self {
        for ((condition, value), before) in conditions.into_iter().zip([" AND (", " OR "]) {
            self.values.push(value);
            self.text.push_str(&format!("{before}{condition} "));
            place(self.values.len(), &mut self.text);
        }
        self.text.push(')');
        self
    }

    /// In whatever order the rows come.
    pub(super) fn in_any_order(self) -> (String, Vec<Value>) {
        (self.text, self.values)
    }

    /// Each customer's rows follow each other, in the order of time.
    pub(super) fn in_order_of_customers(self) -> (String, Vec<Value>) {
        let t = &self.table;
        let order = match self.account {
            AccountScope::One(_) => format!("{t}.account, {t}.customer, {t}.ordinal"),
            // Of several accounts one customer's are put together, as everywhere.
            AccountScope::All => format!("{t}.customer, {t}.account, {t}.ordinal"),
        };
        (format!("{} ORDER BY {order}", self.text), self.values)
    }
}

/// The days on which customers came and went, of those who ever went.
#[derive(Default)]
struct Turning {
    turns: Vec<Turn>,
    customer: String,
    of_customer: BTreeMap<Day, i64>,
    went: bool,
}

impl Turning {
    fn take_in(&mut self, columns: &mut Columns<'_>) -> Read<()> {
        let (customer, day, change) = (columns.text()?, columns.parsed("day")?, columns.number()?);
        if customer != self.customer {
            self.close()?;
            self.customer = customer;
        }
        let sum = self.of_customer.entry(day).or_default();
        *sum = sum.checked_add(change).ok_or_else(|| corrupt(DOING, "a count is beyond 64 bits"))?;
        self.went |= change < 0;
        Ok(())
    }

    fn close(&mut self) -> Read<()> {
        let days = std::mem::take(&mut self.of_customer);
        if std::mem::take(&mut self.went) {
            charge(days.len() * size_of::<Turn>())?;
            let customer = CustomerId::new(self.customer.as_str());
            self.turns.extend(days.into_iter().map(|(day, customers)| Turn {
                customer: customer.clone(),
                day,
                customers,
            }));
        }
        Ok(())
    }

    fn ended(mut self) -> Read<Vec<Turn>> {
        self.close()?;
        Ok(self.turns)
    }
}

/// What is past due or set to cancel, by customer, currency and day.
#[derive(Default)]
struct Doubting {
    rows: Vec<InDoubt>,
    /// Where the rows of the last customer begin.
    first: usize,
}

impl Doubting {
    fn take_in(&mut self, columns: &mut Columns<'_>) -> Read<()> {
        let (customer, at_risk, scheduled_churn) = (columns.text()?, columns.mrr()?, columns.mrr()?);
        let (currency, day): (Currency, Day) = (columns.parsed("currency")?, columns.parsed("day")?);
        let known = self.rows.last().filter(|row| row.customer.as_str() == customer).map(|row| row.customer.clone());
        if known.is_none() {
            self.first = self.rows.len();
        }
        let own = &mut self.rows[self.first..];
        if let Some(row) = own.iter_mut().find(|row| row.currency == currency && row.day == day) {
            let beyond = || corrupt(DOING, "what is in doubt is beyond an amount");
            row.at_risk = row.at_risk.checked_add(at_risk).ok_or_else(beyond)?;
            row.scheduled_churn = row.scheduled_churn.checked_add(scheduled_churn).ok_or_else(beyond)?;
            return Ok(());
        }
        charge(size_of::<InDoubt>())?;
        let customer = known.unwrap_or_else(|| CustomerId::new(customer));
        self.rows.push(InDoubt { customer, currency, day, at_risk, scheduled_churn });
        Ok(())
    }
}
