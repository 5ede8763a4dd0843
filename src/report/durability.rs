//! The answer of `/api/v1/durability`: of each month's expansion, what the same customers still hold later (rule `durability`).

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    ReportError,
    ask::Ask,
    metrics::Metric,
    money::Exact,
    month::Month,
    question::Asked,
    service::{AskError, Reports, one_currency},
    table::Table,
};
use crate::{
    budget::Charge,
    event::Seq,
    ledger::{
        durability::{AGES, Expansion, Step, expansions, steps_by_rollup},
        ids::{AccountId, CustomerId},
        metrics::{self, Expanded, Rate},
        money::{Currency, Mrr},
        outcome::Rollup,
        retention::days_after,
        time::Day,
    },
    segment::Members,
    store::derived::reports::{MovementFilter, MovementKey, Order},
};

/// What moves a customer's expansions, by currency.
type Steps = BTreeMap<Currency, Vec<(Day, Step, Rollup)>>;

/// How many movements are read at once.
const PAGE: i64 = 1000;

/// How much of each month's expansion was still held later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DurabilityAnswer {
    /// The profile whose rules made the figures.
    pub profile: String,
    /// The currency, where all entries share one.
    pub currency: Option<String>,
    /// Whether everything is converted into the reporting currency; else each entry is of its currency's own ledger.
    pub converted: bool,
    /// The log sequence number the answer was as known at.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub as_known_at_seq: Option<Seq>,
    /// In order of currency, month and roll-up; the whole of a month comes first.
    pub data: Vec<DurabilityEntry>,
}

/// The expansion of one month, and what is left of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DurabilityEntry {
    /// The calendar month, such as `2026-01`.
    pub month: String,
    /// The currency of every amount.
    pub currency: String,
    /// By which group of causes; null for all of them.
    pub rollup: Option<&'static str>,
    /// How many customers expanded in the month.
    pub customers: u64,
    /// By how much, in minor units.
    pub expansion: i128,
    /// `expansion` exactly, to 10⁻⁶ of a minor unit.
    pub expansion_exact: Exact,
    /// What is left of it, 30, 90, 180 and 365 days after the month's end.
    pub ages: Vec<DurabilityAge>,
}

/// What is left at one age: `held` + `lost` = `expansion`, exactly; null until that day is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DurabilityAge {
    /// Days after the month's end.
    pub days: i32,
    /// The day at whose end it is looked at.
    pub day: String,
    /// Still held, in minor units.
    pub held: Option<i128>,
    /// `held` exactly, to 10⁻⁶ of a minor unit.
    pub held_exact: Option<Exact>,
    /// Lost since, in minor units.
    pub lost: Option<i128>,
    /// `lost` exactly, to 10⁻⁶ of a minor unit.
    pub lost_exact: Option<Exact>,
    /// What is held over the expansion; no value while it can't be known.
    pub share: Metric,
}

impl Reports<'_> {
    /// How long each month's expansion lasts; `from` and `to` choose months.
    pub async fn durability(&self, ask: &Ask) -> Result<DurabilityAnswer, AskError> {
        let Asked { scope, view } = self.resolve(ask).await?;
        let filter = MovementFilter { currency: ask.own_currency(), ..MovementFilter::default() };
        let mut of_customers: BTreeMap<(Option<AccountId>, CustomerId), Steps> = BTreeMap::new();
        let mut charge = Charge::begin();
        let mut after: Option<MovementKey> = None;
        loop {
            let rows = view.movement_page(&scope, &filter, Order::Ascending, after.as_ref(), PAGE).await?;
            let read = rows.len();
            after = rows.last().map(|row| MovementKey {
                day: row.movement.day,
                effective_at: row.movement.effective_at,
                id: row.id.clone(),
            });
            // Of a movement little is needed, and of everybody's there are many.
            for row in rows {
                let steps = steps_by_rollup(&row.movement);
                if !steps.is_empty() {
                    charge.add(size_of_val(&*steps)).map_err(ReportError::from)?;
                    let of_customer = of_customers.entry((row.account, row.customer)).or_default();
                    of_customer.entry(row.movement.currency).or_default().extend(steps);
                }
            }
            if i64::try_from(read).is_ok_and(|read| read < PAGE) {
                break;
            }
        }
        let members = self.membership(ask, &scope, &*view).await?;
        let of_customers = of_customers.into_iter().map(|((_, customer), steps)| (customer, steps));
        let data = entries(of_customers, members.as_ref(), (ask.from, ask.to), self.ledger.zone.day(scope.cut))?;
        Ok(DurabilityAnswer {
            profile: self.profile(ask)?.name.as_ref().into(),
            currency: one_currency(ask, data.iter().map(|entry| entry.currency.as_str())),
            converted: self.reporting(ask).is_some(),
            as_known_at_seq: view.seq(),
            data,
        })
    }
}

/// One entry for each month and currency, and one for each roll-up of it: of a segment, of what its customers grew by while in it.
fn entries(
    of_customers: impl Iterator<Item = (CustomerId, Steps)>,
    members: Option<&Members>,
    (from, to): (Option<Day>, Option<Day>),
    today: Day,
) -> Result<Vec<DurabilityEntry>, ReportError> {
    type Grown = Vec<(Currency, Vec<Expansion<Rollup>>)>;
    let grown = |steps: Steps| steps.into_iter().map(|(currency, steps)| (currency, expansions(steps))).collect();
    let of_customers: Vec<(CustomerId, Grown)> =
        of_customers.map(|(customer, steps)| (customer, grown(steps))).collect();
    type Group<'e> = BTreeMap<usize, Vec<&'e Expansion<Rollup>>>;
    let mut groups: BTreeMap<(Currency, Month, Option<Rollup>), Group<'_>> = BTreeMap::new();
    for (customer, (id, all)) in of_customers.iter().enumerate() {
        for (currency, one) in all.iter().flat_map(|(currency, all)| all.iter().map(move |one| (*currency, one))) {
            let month = Month::of(one.day);
            if from.is_some_and(|from| month.last() < from) || to.is_some_and(|to| month.first() > to) {
                continue;
            }
            if members.is_some_and(|members| !members.holds(id.as_str(), one.day)) {
                continue;
            }
            for rollup in [None, Some(one.tag)] {
                groups.entry((currency, month, rollup)).or_default().entry(customer).or_default().push(one);
            }
        }
    }
    let entry = |((currency, month, rollup), group): ((Currency, Month, Option<Rollup>), Group<'_>)| {
        let all: Vec<&Expansion<Rollup>> = group.values().flatten().copied().collect();
        let expansion = sum(all.iter().map(|one| one.amount))?;
        let age = |days: i32| {
            let day = days_after(month.last(), days);
            let reached = day <= today;
            let held = reached.then(|| sum(all.iter().map(|one| one.held(day)))).transpose()?;
            let lost = held.map(|held| expansion.checked_sub(held).ok_or(ReportError::Overflow)).transpose()?;
            let share = match held {
                Some(held) => metrics::expansion_durability([Expanded { expansion, held }]),
                None => Rate::none("that day hasn't come", String::new(), expansion.to_string()),
            };
            Ok(DurabilityAge {
                days,
                day: day.to_string(),
                held: held.map(Mrr::minor),
                held_exact: held.map(Exact),
                lost: lost.map(Mrr::minor),
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
    };
    groups.into_iter().map(entry).collect()
}

fn sum(mut amounts: impl Iterator<Item = Mrr>) -> Result<Mrr, ReportError> {
    amounts.try_fold(Mrr::ZERO, Mrr::checked_add).ok_or(ReportError::Overflow)
}

impl DurabilityAnswer {
    /// One row a month, roll-up and age.
    pub fn table(&self) -> Table {
        let columns = vec![
            "month",
            "currency",
            "rollup",
            "customers",
            "expansion_exact",
            "days",
            "held_exact",
            "lost_exact",
            "share",
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

    /// For a person: one row a month and roll-up, with what is still held and its share at each age.
    pub fn by_month(&self) -> Table {
        let first = ["month", "currency", "rollup", "customers", "expansion_exact"];
        let rows = self.data.iter().map(|entry| {
            let ages = entry.ages.iter().flat_map(|age| {
                let held = age.held_exact.map(|held| held.to_string()).unwrap_or_default();
                [held, age.share.value.clone().unwrap_or_default()]
            });
            [
                entry.month.clone(),
                entry.currency.clone(),
                entry.rollup.unwrap_or("all").to_owned(),
                entry.customers.to_string(),
                entry.expansion_exact.to_string(),
            ]
            .into_iter()
            .chain(ages)
            .collect()
        });
        let columns = first.into_iter().chain(AT_AGES.into_iter().flatten()).collect();
        Table { columns, rows: rows.collect() }.telling_converted(self.converted)
    }
}

/// What a person's table calls the amount and the share held at each of [`AGES`].
const AT_AGES: [[&str; 2]; AGES.len()] = [
    ["held_30_days_exact", "share_30_days"],
    ["held_90_days_exact", "share_90_days"],
    ["held_180_days_exact", "share_180_days"],
    ["held_365_days_exact", "share_365_days"],
];
