//! The answer of `/api/v1/durability`: of each month's expansion, what the same customers still hold later (rule `durability`).

use std::collections::BTreeMap;

use jiff::ToSpan;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    ReportError,
    ask::{Ask, Basis},
    metrics::Metric,
    money::Exact,
    month::Month,
    service::{AskError, Reports},
    table::Table,
};
use crate::{
    budget::Charge,
    ledger::{
        durability::{Expansion, expansions},
        metrics,
        money::{Currency, Mrr},
        outcome::{Kind, Movement, Rollup},
        time::Day,
    },
    store::derived::reports::{MovementFilter, Order},
};

/// After so many days from a month's end it is asked what is left.
pub const AGES: [u16; 4] = [30, 90, 180, 365];
/// Movements read at once.
const PAGE: i64 = 1000;

/// Durability of expansion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DurabilityAnswer {
    /// The profile whose rules made the figures.
    pub profile: String,
    /// The currency, where all entries share one.
    pub currency: Option<String>,
    /// Whether everything is converted into the reporting currency; else each entry is of its currency's own ledger.
    pub converted: bool,
    /// In order of currency, month and roll-up; the whole of a month comes first.
    pub data: Vec<DurabilityEntry>,
}

/// One month's expansion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DurabilityEntry {
    /// `2026-01`
    pub month: String,
    /// The currency of every amount.
    pub currency: String,
    /// By which group of causes; null for all of them.
    pub rollup: Option<&'static str>,
    /// Customers who expanded.
    pub customers: u64,
    /// By how much, in minor units.
    pub expansion: i128,
    /// Its exact twin.
    pub expansion_exact: Exact,
    /// What is left of it, 30, 90, 180 and 365 days after the month's end.
    pub ages: Vec<DurabilityAge>,
}

/// What is left at one age: `held` + `lost` = `expansion`, exactly; null until the age is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DurabilityAge {
    /// Days after the month's end.
    pub days: u16,
    /// Still held, in minor units.
    pub held: Option<i128>,
    /// Its exact twin.
    pub held_exact: Option<Exact>,
    /// Lost since, in minor units.
    pub lost: Option<i128>,
    /// Its exact twin.
    pub lost_exact: Option<Exact>,
    /// Held over expansion.
    pub share: Metric,
}

impl Reports<'_> {
    /// How long each month's expansion lasts; `from` and `to` choose months.
    pub async fn durability(&self, ask: &Ask) -> Result<DurabilityAnswer, AskError> {
        let (scope, _) = self.scope(ask).await?;
        let today = self.day_of(&scope);
        let question = Ask { from: None, to: None, basis: Basis::Restated, ..ask.clone() };
        let (mut after, filter) = (None, MovementFilter::default());
        let mut of_customers: BTreeMap<(Option<String>, String), Vec<Movement>> = BTreeMap::new();
        let mut charge = Charge::begin();
        loop {
            let (rows, next) = self.movements(&question, &filter, Order::Ascending, after.as_ref(), PAGE).await?;
            let kept = rows.into_iter().filter(|row| {
                matches!(row.movement.kind, Kind::Expansion | Kind::Contraction | Kind::Churn)
            });
            for row in kept {
                charge.add(size_of::<Movement>() + row.movement.parts.len() * 256).map_err(ReportError::from)?;
                let whose = (row.account.map(|account| account.to_string()), row.customer.to_string());
                of_customers.entry(whose).or_default().push(row.movement);
            }
            after = next;
            if after.is_none() {
                break;
            }
        }
        let all: Vec<Vec<Expansion>> = of_customers.values().map(|movements| expansions(movements)).collect();
        let data = entries(&all, (ask.from, ask.to), today)?;
        let currencies: std::collections::BTreeSet<&str> = data.iter().map(|entry| entry.currency.as_str()).collect();
        let currency = match (ask.own_currency(), currencies.len()) {
            (Some(own), _) => Some(own.to_string()),
            (None, 1) => currencies.first().map(|one| (*one).to_owned()),
            (None, _) => None,
        };
        Ok(DurabilityAnswer {
            profile: self.profile(ask)?.name.as_ref().into(),
            currency,
            converted: self.reporting(ask).is_some(),
            data,
        })
    }
}

/// One entry a month, currency and roll-up, and one for all roll-ups of a month.
fn entries(
    of_customers: &[Vec<Expansion>],
    (from, to): (Option<Day>, Option<Day>),
    today: Day,
) -> Result<Vec<DurabilityEntry>, ReportError> {
    type Group<'e> = BTreeMap<usize, Vec<&'e Expansion>>;
    let mut groups: BTreeMap<(Currency, Month, Option<Rollup>), Group<'_>> = BTreeMap::new();
    for (customer, expansions) in of_customers.iter().enumerate() {
        for one in expansions {
            let month = Month::of(one.day);
            let asked = from.is_none_or(|from| month.last() >= from) && to.is_none_or(|to| month.first() <= to);
            for rollup in [None, Some(one.rollup)].into_iter().filter(|_| asked) {
                groups.entry((one.currency, month, rollup)).or_default().entry(customer).or_default().push(one);
            }
        }
    }
    groups
        .into_iter()
        .map(|((currency, month, rollup), group)| {
            let all = || group.values().flatten();
            let expansion = sum(all().map(|one| one.amount))?;
            let age = |days: u16| {
                let day = month.last().0.checked_add(i64::from(days).days()).map(Day).ok();
                let reached = day.filter(|day| *day <= today);
                let held = reached.map(|day| sum(all().map(|one| one.held(day)))).transpose()?;
                let lost = held.map(|held| expansion.checked_sub(held).ok_or(ReportError::Overflow)).transpose()?;
                let share = metrics::held_share(held, expansion);
                Ok(DurabilityAge {
                    days,
                    held: held.map(|held| held.minor()),
                    held_exact: held.map(Exact),
                    lost: lost.map(|lost| lost.minor()),
                    lost_exact: lost.map(Exact),
                    share: share.into(),
                })
            };
            Ok(DurabilityEntry {
                month: month.to_string(),
                currency: currency.to_string(),
                rollup: rollup.map(Rollup::as_str),
                customers: group.len() as u64,
                expansion: expansion.minor(),
                expansion_exact: Exact(expansion),
                ages: AGES.into_iter().map(age).collect::<Result<_, ReportError>>()?,
            })
        })
        .collect()
}

fn sum(amounts: impl Iterator<Item = Mrr>) -> Result<Mrr, ReportError> {
    let mut sum = Mrr::ZERO;
    for amount in amounts {
        sum = sum.checked_add(amount).ok_or(ReportError::Overflow)?;
    }
    Ok(sum)
}

impl DurabilityAnswer {
    /// One row a month, roll-up and age.
    pub fn table(&self) -> Table {
        let columns = vec![
            "month", "currency", "rollup", "customers", "expansion_exact", "days", "held_exact", "lost_exact", "share",
        ];
        let exact = |amount: Option<Exact>| amount.map(|amount| amount.to_string()).unwrap_or_default();
        let rows = self.data.iter().flat_map(|entry| {
            entry.ages.iter().map(move |age| {
                vec![
                    entry.month.clone(),
                    entry.currency.clone(),
                    entry.rollup.unwrap_or("all").to_owned(),
                    entry.customers.to_string(),
                    entry.expansion_exact.to_string(),
                    age.days.to_string(),
                    exact(age.held_exact),
                    exact(age.lost_exact),
                    age.share.value.clone().unwrap_or_default(),
                ]
            })
        });
        Table { columns, rows: rows.collect() }
    }
}
