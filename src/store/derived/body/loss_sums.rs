//! How many customers lost something on each day, in SQL: moved with the customers, read up to a day; and the losses of single
//! days, one by one.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{QueryBuilder, Row as _};

use super::{
    super::{Database, dialect::*},
    asked::{PART_OF, Scoped, currency, day, each, push_customers, push_scope, push_visible},
    day_sums,
    group_sums::has_sums,
    losses::Whole,
    readback::{Group, read_group},
    reader::Columns,
    retention_sums::in_between,
    rows::account,
    sum_rows::{Line, Lines, Meaning},
};
use crate::{
    budget::{Charge, charge},
    ledger::{
        ids::CustomerId,
        losses::{self, Loss, LossRow, Lossy, Lost, replaced_until},
        money::{Currency, Mrr},
        outcome::CustomerLedger,
        retention::days_before,
        time::{Day, UnixTime},
    },
    limits,
    store::{
        StoreError,
        derived::{
            day_sums::DaySums,
            loss_sums::{DaySpan, LossSum, LossesAsked, LossesTold, LossyDays, add},
            reports::*,
            sum::Rows,
        },
        errors::{Doing, corrupt},
        log::prepared::clean,
    },
};

const DOING: &str = "reading what was lost";
const NUMBERS: &str = "items, churned, involuntary, voluntary, contracted, failing";

/// The rows of what alerts count.
pub(super) fn lines(sums: &DaySums) -> Lines<'_> {
    let mut lines = Vec::new();
    for (of, ledger) in &sums.0 {
        let changed = ledger.losses.0.iter().filter(|(_, row)| **row != LossSum::default());
        lines.extend(changed.map(|((currency, day, magnitude), LossSum { items, lossy })| {
            let currency = currency.map(|currency| currency.to_string()).unwrap_or_default();
            let key = vec![currency.into(), day.to_string().into(), i64::from(*magnitude).into()];
            let counts = lossy.churned.iter().chain([&lossy.contracted, &lossy.failing]);
            Line { of, key, numbers: std::iter::once(items).chain(counts).copied().collect() }
        }));
    }
    Lines {
        table: "loss_day",
        key: "currency, day, magnitude",
        numbers: NUMBERS.into(),
        meaning: Meaning::Moved,
        lines,
    }
}

fn beyond() -> StoreError {
    corrupt(DOING, "an amount or a count passes what its sum holds")
}

impl Database {
    /// What alerts count of each day up to `last`, and the losses that `asked` asks for when it has seen that; all of one instant.
    /// `None` where the current generation doesn't keep it, where accounts are asked together, or where nothing is asked for.
    pub(in crate::store) async fn lossy_days(
        &self,
        scope: &Scope,
        (cut_day, last): (Day, Day),
        own: Option<Currency>,
        asked: impl FnOnce(&DailyRows, &LossyDays) -> Option<LossesAsked> + Send,
    ) -> Result<Option<LossesTold>, StoreError> {
        let AccountScope::One(of) = &scope.account else { return Ok(None) };
        let mut tx = self.derived.begin_with(begin_read()).await.doing(DOING)?;
        if !has_sums(&mut tx).await? {
            return Ok(None);
        }
        let scope = &Scoped::look_up(&mut tx, scope).await?;
        let daily = DailyRows {
            amounts: day_sums::amounts(&mut tx, scope, cut_day).await?,
            counts: day_sums::counts(&mut tx, scope, cut_day).await?,
            ..DailyRows::default()
        };
        let mut reading = Reading { tx: &mut tx, scope, account: account(of.as_ref()), last, own };
        let mut days = reading.kept().await?;
        reading.correct(&mut days, cut_day).await?;
        days.retain(|(currency, ..), lossy| {
            *lossy != Lossy::default() && own.is_none_or(|own| currency.is_none_or(|of| of == own))
        });
        if own.is_some() {
            // In one currency nobody is counted twice.
            for (_, lossy) in days.iter_mut().filter(|((currency, ..), _)| currency.is_none()) {
                *lossy = Lossy { failing: lossy.failing, ..Lossy::default() };
            }
        }
        let Some(asked) = asked(&daily, &days) else { return Ok(None) };
        let told = reading.told(&asked).await?;
        tx.commit().await.doing(DOING)?;
        Ok(Some(told))
    }
}

/// Losses found, and by whom they have to be looked at further.
#[derive(Default)]
struct Found {
    churned: Vec<Lost>,
    contracted: Vec<Lost>,
    /// Who dropped one of several subscriptions: what else it began counts.
    dropped: BTreeSet<CustomerId>,
}

/// One question.
struct Reading<'r> {
    tx: &'r mut Connection,
    scope: &'r Scoped<'r>,
    account: String,
    last: Day,
    own: Option<Currency>,
}

impl Reading<'_> {
    /// What is kept of all customers' rows, those dated ahead among them.
    async fn kept(&mut self) -> Result<LossyDays, StoreError> {
        let mut query = QueryBuilder::<Driver>::new(
            "SELECT s.currency, s.day, s.magnitude, s.churned, s.involuntary, s.voluntary, s.contracted, s.failing
             FROM loss_day s",
        );
        push_scope(&mut query, "s", "s", self.scope);
        query.push(" AND s.day <= ").push_bind(self.last.to_string());
        let read = |row: &Row| {
            let code: &str = row.try_get(0).doing(DOING)?;
            let number = |at: usize| row.try_get::<i64, _>(at).doing(DOING);
            let of = if code.is_empty() { None } else { Some(currency(code)?) };
            let magnitude = u32::try_from(number(2)?).map_err(|_| beyond())?;
            let mut lossy = Lossy { contracted: number(6)?, failing: number(7)?, ..Lossy::default() };
            for (series, count) in lossy.churned.iter_mut().enumerate() {
                *count = number(3 + series)?;
            }
            Ok(((of, day(row.try_get(1).doing(DOING)?)?, magnitude), lossy))
        };
        Ok(each(&mut query, self.tx, read).await?.into_iter().collect())
    }

    /// Whoever has rows that aren't shown yet, or not for ever, or that come after the last day, counts as it is shown.
    async fn correct(&mut self, days: &mut LossyDays, cut_day: Day) -> Result<(), StoreError> {
        let mut customers = in_between(self.tx, self.scope, cut_day).await?;
        customers.extend(self.back_later(cut_day).await?);
        customers.extend(self.beginning_later().await?);
        customers.sort_unstable();
        customers.dedup();
        for customers in customers.chunks(limits::CUSTOMERS_IN_BETWEEN) {
            for (customer, ledger) in self.ledgers(customers).await? {
                let customer = CustomerId::new(customer);
                let kept = losses::of_customer(&customer, &ledger, None, None).ok_or_else(beyond)?;
                for (of, lossy) in kept.days() {
                    if of.1 <= self.last {
                        add(days.entry(of).or_default(), &lossy, Rows::Taken).ok_or_else(beyond)?;
                    }
                }
                let shown = self.shown(&customer, &ledger)?;
                for (of, lossy) in shown.days() {
                    if of.1 <= self.last {
                        add(days.entry(of).or_default(), &lossy, Rows::Written).ok_or_else(beyond)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn shown(&self, customer: &CustomerId, ledger: &CustomerLedger) -> Result<losses::Losses, StoreError> {
        losses::of_customer(customer, ledger, Some(self.scope.cut), Some(self.last)).ok_or_else(beyond)
    }

    async fn ledgers(&mut self, customers: &[String]) -> Result<BTreeMap<String, CustomerLedger>, StoreError> {
        let profile = clean(&self.scope.profile);
        let group = Group {
            generation: self.scope.generation,
            profile: &profile,
            livemode: self.scope.livemode,
            account: &self.account,
            customers,
        };
        let ledgers = read_group(self.tx, &group).await?;
        // What is held of them goes with the page; the question's time is looked at as well.
        Charge::begin().add(ledgers.values().map(CustomerLedger::bytes_held).sum())?;
        Ok(ledgers)
    }

    /// Who left shortly before the last day that is shown and comes back shortly after it.
    async fn back_later(&mut self, cut_day: Day) -> Result<Vec<String>, StoreError> {
        let scope = self.scope;
        let last = self.last.min(cut_day);
        let until = replaced_until(last);
        let index = by_own_index("count_delta_by_time", scope.generation);
        let mut query = QueryBuilder::<Driver>::new(format!("SELECT DISTINCT d.customer FROM count_delta d{index}"));
        push_scope(&mut query, "d", "d", scope);
        query.push(" AND d.ordinal >= 0 AND d.currency = '' AND d.customers > 0");
        query.push(" AND d.at > ").push_bind(around(last).0 - day_sums::DAY_SECONDS);
        query.push(" AND d.at <= ").push_bind(around(until).0 + day_sums::DAY_SECONDS);
        query.push(" AND d.day > ").push_bind(last.to_string()).push(" AND d.day <= ").push_bind(until.to_string());
        query.push(
            " AND EXISTS (SELECT 1 FROM count_delta l WHERE l.generation = d.generation AND l.profile = d.profile
             AND l.livemode = d.livemode AND l.account = d.account AND l.customer = d.customer AND l.currency = ''
             AND l.customers < 0 AND l.day >= ",
        );
        query.push_bind(days_before(last, losses::REPLACED_DAYS).to_string()).push(")");
        self.customers(query).await
    }

    /// Who begins something ahead beside what it has: what it dropped shortly before may be replaced by it.
    async fn beginning_later(&mut self) -> Result<Vec<String>, StoreError> {
        let scope = self.scope;
        let index = by_own_index("movement_by_time", scope.generation);
        let mut query = QueryBuilder::<Driver>::new(format!("SELECT DISTINCT m.customer FROM movement m{index}"));
        push_scope(&mut query, "m", "m", scope);
        query.push(" AND m.visible_until IS NULL AND m.kind = 'expansion' AND m.visible_from > ");
        query.push_bind(scope.cut.0).push(format_args!(
            " AND EXISTS (SELECT 1 FROM movement_part p WHERE {PART_OF}
             AND p.cause IN ('cross_sell', 'extra_subscription'))"
        ));
        self.customers(query).await
    }

    async fn customers(&mut self, mut query: QueryBuilder<Driver>) -> Result<Vec<String>, StoreError> {
        each(&mut query, self.tx, |row| row.try_get(0).doing(DOING)).await
    }

    async fn told(&mut self, asked: &LossesAsked) -> Result<LossesTold, StoreError> {
        let mut found = Found::default();
        for span in &asked.churned {
            self.find("churn", *span, None, &mut found).await?;
        }
        for span in &asked.contracted {
            self.find("contraction", *span, None, &mut found).await?;
        }
        let Found { churned, contracted, .. } = self.looked_at(found).await?;
        let mut large = Vec::new();
        for (currency, least, span) in &asked.large {
            let mut found = Found::default();
            for kind in ["churn", "contraction"] {
                self.find(kind, *span, Some((*currency, *least)), &mut found).await?;
            }
            let found = self.looked_at(found).await?;
            large.extend(found.churned.into_iter().chain(found.contracted).filter(|lost| lost.loss.amount >= *least));
        }
        in_order(&mut large);
        Ok(LossesTold { churned, contracted, failing: self.failing(&asked.failing).await?, large })
    }

    /// Losses of a kind on days of a span, as each movement says them.
    async fn find(
        &mut self,
        kind: &str,
        (from, to): DaySpan,
        large: Option<(Currency, Mrr)>,
        found: &mut Found,
    ) -> Result<(), StoreError> {
        let scope = self.scope;
        let mut query = QueryBuilder::<Driver>::new(format!(
            "SELECT m.ordinal, m.customer, m.account, m.effective_at, m.amount, p.amount, m.currency, m.day, m.kind,
             p.cause, p.end_reason, CASE WHEN p.before_price IS NULL THEN p.after_product ELSE p.before_product END
             FROM movement m{} CROSS JOIN movement_part p",
            by_own_index("movement_lost", scope.generation)
        ));
        push_scope(&mut query, "m", "m", scope);
        // As the index says it.
        query.push(format_args!(" AND {PART_OF} AND m.kind IN ('churn', 'contraction') AND m.kind = "));
        query.push_bind(kind.to_owned());
        query.push(" AND m.day >= ").push_bind(from.to_string()).push(" AND m.day <= ").push_bind(to.to_string());
        push_visible(&mut query, scope);
        if let Some(own) = large.map(|(currency, _)| currency).or(self.own) {
            query.push(" AND m.currency = ").push_bind(own.as_str().to_owned());
        }
        if let Some((_, Mrr(least))) = large {
            query.push(" AND m.amount <= ").push_bind(-i64::try_from(least).unwrap_or(i64::MAX));
        }
        query.push(" ORDER BY m.day, m.effective_at, m.customer, m.ordinal, p.part");
        let (mut whole, mut rows) = (Whole::default(), Vec::new());
        each(&mut query, self.tx, |row| {
            rows.extend(whole.take_in(&mut Columns::of(row, 0))?);
            Ok(())
        })
        .await?;
        rows.extend(whole.row);
        for lost in rows.iter().map(LossRow::lost) {
            let Some(lost) = lost.ok_or_else(beyond)? else { continue };
            charge(size_of::<Lost>())?;
            if lost.is_dropped() {
                found.dropped.insert(lost.loss.customer.clone());
            }
            if lost.ended { found.churned.push(lost) } else { found.contracted.push(lost) }
        }
        Ok(())
    }

    /// Those of the losses found that are left once everything is looked at that is near them, in order.
    async fn looked_at(&mut self, mut found: Found) -> Result<Found, StoreError> {
        let gone: BTreeSet<&str> = found.churned.iter().map(|lost| lost.loss.customer.as_str()).collect();
        let gone: Vec<String> = gone.into_iter().map(str::to_owned).collect();
        let mut turns: BTreeMap<CustomerId, BTreeMap<Day, i64>> = BTreeMap::new();
        for customers in gone.chunks(limits::CUSTOMERS_IN_BETWEEN) {
            let mut query =
                QueryBuilder::<Driver>::new("SELECT c.customer, c.day, c.customers FROM count_delta c".to_owned());
            push_scope(&mut query, "c", "c", self.scope);
            query.push(" AND c.currency = '' AND c.customers <> 0 AND c.at <= ").push_bind(self.scope.cut.0);
            push_customers(&mut query, "c.customer", customers);
            let read = |row: &Row| {
                let mut columns = Columns::of(row, 0);
                Ok((columns.text()?, columns.parsed::<Day>("day")?, columns.number()?))
            };
            for (customer, day, change) in each(&mut query, self.tx, read).await? {
                let sum = turns.entry(CustomerId::new(customer)).or_default().entry(day).or_default();
                *sum = sum.checked_add(change).ok_or_else(beyond)?;
            }
        }
        let nothing = BTreeMap::new();
        found.churned.retain(|lost| {
            let turns = turns.get(&lost.loss.customer).unwrap_or(&nothing);
            losses::is_gone(lost.day, turns, Some(self.last))
        });
        let dropped: Vec<String> = found.dropped.iter().map(|customer| customer.as_str().to_owned()).collect();
        if !dropped.is_empty() {
            let mut left = BTreeMap::new();
            for customers in dropped.chunks(limits::CUSTOMERS_IN_BETWEEN) {
                for (customer, ledger) in self.ledgers(customers).await? {
                    let customer = CustomerId::new(customer);
                    for lost in self.shown(&customer, &ledger)?.contracted {
                        let of = (customer.clone(), lost.loss.currency, lost.day, lost.at);
                        left.entry(of).or_insert_with(Vec::new).push(lost);
                    }
                }
            }
            let all = std::mem::take(&mut found.contracted);
            let (of_dropped, mut others): (Vec<Lost>, Vec<Lost>) =
                all.into_iter().partition(|lost| found.dropped.contains(&lost.loss.customer));
            for lost in of_dropped {
                let of = (lost.loss.customer, lost.loss.currency, lost.day, lost.at);
                // All of one instant at once.
                others.extend(left.remove(&of).unwrap_or_default());
            }
            found.contracted = others;
        }
        in_order(&mut found.churned);
        in_order(&mut found.contracted);
        Ok(found)
    }

    /// Whose payments began to fail on days of these spans.
    async fn failing(&mut self, spans: &[DaySpan]) -> Result<Vec<(Day, Loss)>, StoreError> {
        let scope = self.scope;
        let mut customers = BTreeSet::new();
        for (from, to) in spans {
            let index = by_own_index("item_delta_failing", scope.generation);
            let mut query = QueryBuilder::<Driver>::new(format!("SELECT DISTINCT d.customer FROM item_delta d{index}"));
            push_scope(&mut query, "d", "d", scope);
            query.push(" AND d.at_risk > 0 AND d.at <= ").push_bind(scope.cut.0);
            query.push(" AND d.day >= ").push_bind(from.to_string()).push(" AND d.day <= ").push_bind(to.to_string());
            customers.extend(self.customers(query).await?);
        }
        let customers: Vec<String> = customers.into_iter().collect();
        let mut failing = Vec::new();
        for customers in customers.chunks(limits::CUSTOMERS_IN_BETWEEN) {
            let index = by_index("item_delta_in_doubt");
            let mut query = QueryBuilder::<Driver>::new(format!(
                "SELECT d.customer, d.currency, d.day, d.at_risk FROM item_delta d{index}"
            ));
            push_scope(&mut query, "d", "d", scope);
            // As the index says it.
            query.push(" AND (d.at_risk <> 0 OR d.scheduled_churn <> 0) AND d.at <= ").push_bind(scope.cut.0);
            push_customers(&mut query, "d.customer", customers);
            let read = |row: &Row| {
                let mut columns = Columns::of(row, 0);
                let (customer, code) = (columns.text()?, columns.text()?);
                Ok((customer, currency(&code)?, columns.parsed::<Day>("day")?, columns.mrr()?))
            };
            let mut changes: BTreeMap<String, BTreeMap<(Currency, Day), Mrr>> = BTreeMap::new();
            for (customer, currency, day, change) in each(&mut query, self.tx, read).await? {
                let sum = changes.entry(customer).or_default().entry((currency, day)).or_default();
                *sum = sum.checked_add(change).ok_or_else(beyond)?;
            }
            for (customer, changes) in changes {
                let changes = changes.into_iter().map(|((currency, day), change)| (currency, day, change)).collect();
                let failed = losses::failed(&CustomerId::new(customer), changes).ok_or_else(beyond)?;
                let asked = |(day, _): &(Day, Loss)| spans.iter().any(|(from, to)| from <= day && day <= to);
                failing.extend(failed.into_iter().filter(asked));
            }
        }
        Ok(failing)
    }
}

fn in_order(losses: &mut [Lost]) {
    losses.sort_by(|a, b| (a.day, a.at, &a.loss.customer).cmp(&(b.day, b.at, &b.loss.customer)));
}

/// An instant within a day, in whatever zone, give or take a day.
fn around(day: Day) -> UnixTime {
    let since = day.0.duration_since(jiff::civil::date(1970, 1, 1));
    UnixTime(since.as_secs())
}
