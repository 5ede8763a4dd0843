//! Whose MRR something is known of ahead: all other customers stay as they are.

use sqlx::{QueryBuilder, Row as _};

use super::{
    super::{Database, dialect::*},
    asked::{Scoped, ledger_of, push_scope},
    columns::{PROSPECT, read_prospect},
    daily::Question,
    group_sums::has_sums,
    reader::parsed,
    rows::{Value, account_of},
};
use crate::{
    budget::charge,
    event::CustomerKey,
    ledger::{
        ahead::{Ahead, Prospect, ProspectKind, told},
        ids::CustomerId,
        money::{Currency, Mrr},
        time::UnixTime,
    },
    store::{
        StoreError,
        derived::{
            prospects::{FirstTrial, Prospects, TrialSums, TrialTold},
            reports::Scope,
        },
        errors::{Doing, corrupt},
    },
};

const DOING: &str = "looking whose MRR changes ahead";

impl Database {
    pub(in crate::store) async fn changing_ahead(&self, scope: &Scope) -> Result<Vec<CustomerKey>, StoreError> {
        let mut tx = self.derived.begin_with(begin_read()).await.doing(DOING)?;
        let scope = &Scoped::look_up(&mut tx, scope).await?;
        // Set to end, or there without counting: on trial, paused, waiting for its first payment.
        let mut query = QueryBuilder::<Driver>::new(
            "SELECT s.account, s.customer FROM subscription_ledger s CROSS JOIN customer_ledger l",
        );
        push_scope(&mut query, "s", "l", scope);
        query.push(format_args!(" AND {}", ledger_of("s")));
        query.push(" AND s.ended_at IS NULL AND (s.ends_at IS NOT NULL OR s.mrr = 0)");
        // Written ahead.
        query.push(format_args!(
            " UNION SELECT d.account, d.customer FROM item_delta d{}",
            by_own_index("item_delta_by_time", scope.generation)
        ));
        push_scope(&mut query, "d", "d", scope);
        query.push(" AND d.ordinal >= 0 AND d.at > ").push_bind(scope.cut.0);
        // Billed by the year, as it stands: whoever once was is not.
        query.push(" UNION SELECT d.account, d.customer FROM item_delta d");
        push_scope(&mut query, "d", "d", scope);
        query.push(
            " AND (d.interval LIKE '%year' OR d.interval LIKE '__ month') AND EXISTS (SELECT 1 FROM subscription_ledger s
             WHERE s.generation = d.generation AND s.profile = d.profile AND s.livemode = d.livemode
             AND s.account = d.account AND s.customer = d.customer AND s.subscription = d.subscription
             AND s.ended_at IS NULL AND s.mrr <> 0) AND d.at <= ",
        );
        query.push_bind(scope.cut.0);
        query
            .push(" GROUP BY d.account, d.customer, d.subscription, d.item HAVING SUM(d.mrr) <> 0 OR SUM(d.list) <> 0");
        // With a schedule.
        query.push(
            " UNION SELECT r.account, r.customer FROM reference r JOIN customer_ledger l ON l.generation = r.generation
             AND l.livemode = r.livemode AND l.account = r.account AND l.customer = r.customer",
        );
        push_scope(&mut query, "l", "l", scope);
        query.push(" AND r.object LIKE ").push_bind(format!("{}%", crate::event::naming::SCHEDULES));
        query.push(" ORDER BY 1, 2");
        let rows = query.build().fetch_all(&mut *tx).await.doing(DOING)?;
        tx.commit().await.doing(DOING)?;
        let read = |row: &Row| {
            let (account, customer): (String, &str) = (row.try_get(0)?, row.try_get(1)?);
            let (account, customer) = (account_of(account), CustomerId::new(customer));
            Ok(CustomerKey { livemode: scope.livemode, account, customer })
        };
        rows.iter().map(read).collect::<Result<_, sqlx::Error>>().doing(DOING)
    }

    /// What is known ahead of customers from the cut up to `until`, in the order of accounts and ids; `None` where rows of it aren't
    /// kept. `listed`: trials are summed, and so many of each currency kept.
    pub(in crate::store) async fn prospects(
        &self,
        scope: &Scope,
        until: UnixTime,
        listed: Option<usize>,
    ) -> Result<Option<Prospects>, StoreError> {
        let mut tx = self.derived.begin_with(begin_read()).await.doing(DOING)?;
        let kept = has_sums(&mut tx).await?;
        tx.commit().await.doing(DOING)?;
        if !kept {
            return Ok(None);
        }
        if let Some(listed) = listed {
            let looking = self.each_ahead(scope, until, false).await?;
            // Where rows leave something overdue to a customer's facts, these tell its trials as well.
            if !looking.overdue {
                let trials = self.trials_ahead(scope, until, listed).await?;
                return Ok(Some(Prospects { of: looking.all, trials }));
            }
        }
        Ok(Some(Prospects { of: self.each_ahead(scope, until, true).await?.all, ..Prospects::default() }))
    }

    /// What is known ahead of each customer; `with_trials`: of trials as well.
    async fn each_ahead(&self, scope: &Scope, until: UnixTime, with_trials: bool) -> Result<Looking, StoreError> {
        let columns = format!("SELECT p.account, p.customer, {} FROM prospect p WHERE", PROSPECT.columns_of("p"));
        // Of whom less was known at the cut, facts are read.
        let late = || ("p.known_at >", Value::from(scope.cut.0));
        let mut shown = shown_at(scope, &columns).and_either([("p.at <=", until.0.into()), late()]);
        if !with_trials {
            shown = shown.and_either([("p.kind <>", ProspectKind::Trial.as_str().to_owned().into()), late()]);
        }
        let looking = Looking {
            livemode: scope.livemode,
            cut: scope.cut,
            until,
            account: String::new(),
            customer: String::new(),
            rows: Vec::new(),
            overdue: false,
            all: Vec::new(),
        };
        let mut looking = fold(self, DOING, shown.in_order_of_customers(), looking, |looking, columns| {
            let (account, customer) = (columns.str()?, columns.str()?);
            looking.take_in(account, customer, read_prospect(columns)?)
        })
        .await?;
        looking.close()?;
        Ok(looking)
    }

    /// Trials that end by `until`, of customers whose rows tell all that was known at the cut.
    async fn trials_ahead(&self, scope: &Scope, until: UnixTime, listed: usize) -> Result<TrialSums, StoreError> {
        let columns = "SELECT p.at, p.customer, p.subscription, p.currency, p.amount, p.event FROM prospect p WHERE";
        let trials = shown_at(scope, columns)
            .and("p.kind =", Some(ProspectKind::Trial.as_str().to_owned()))
            .and("p.shown_from <=", Some(scope.cut.0))
            .and("p.known_at <=", Some(scope.cut.0))
            .and("p.at <=", Some(until.0));
        fold(self, DOING, trials.in_any_order(), TrialSums::default(), move |sums, columns| {
            let (at, customer, subscription) = (columns.time()?, columns.str()?, columns.str()?);
            let currency: Option<Currency> = columns.str_or_null()?.map(|text| parsed(text, "currency")).transpose()?;
            let amount = columns.number_or_null()?.map(|units| Mrr(units.into()));
            let event = columns.str_or_null()?.unwrap_or_default();
            let told = TrialTold { at, customer, subscription, mrr: currency.zip(amount), event };
            let more = sums.add(&told, listed).ok_or_else(|| corrupt(DOING, "what trials bring passes 128 bits"))?;
            Ok(charge(more * size_of::<FirstTrial>())?)
        })
        .await
    }
}

/// Rows of what is known ahead that are shown at the cut or later.
fn shown_at(scope: &Scope, columns: &str) -> Question {
    Question::of(scope, "p", columns).and("COALESCE(p.shown_until, 9223372036854775807) >", Some(scope.cut.0))
}

/// Customers with what is known ahead of them, as their rows come.
struct Looking {
    livemode: bool,
    cut: UnixTime,
    until: UnixTime,
    account: String,
    customer: String,
    rows: Vec<Prospect>,
    /// Whether rows leave something overdue to a customer's facts.
    overdue: bool,
    all: Vec<(CustomerKey, Option<Ahead>)>,
}

impl Looking {
    fn take_in(&mut self, account: &str, customer: &str, row: Prospect) -> Result<(), StoreError> {
        if self.customer != customer || self.account != account {
            self.close()?;
            self.account.replace_range(.., account);
            self.customer.replace_range(.., customer);
        }
        self.overdue |= row.kind == ProspectKind::Overdue;
        self.rows.push(row);
        Ok(())
    }

    fn close(&mut self) -> Result<(), StoreError> {
        if self.rows.is_empty() {
            return Ok(());
        }
        charge(size_of::<(CustomerKey, Option<Ahead>)>() + self.rows.len() * size_of::<Prospect>())?;
        let (livemode, account) = (self.livemode, account_of(self.account.clone()));
        let key = CustomerKey { livemode, account, customer: CustomerId::new(self.customer.as_str()) };
        self.all.push((key, told(&self.rows, self.cut, self.until)));
        self.rows.clear();
        Ok(())
    }
}
