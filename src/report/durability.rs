//! The answer of `/api/v1/durability`: of each month's expansion, what the same customers still hold later (rule `durability`).

use std::collections::{BTreeMap, BTreeSet};

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
    view::View,
};
use crate::{
    budget::Charge,
    event::Seq,
    ledger::{
        durability::{AGES, Expansion, Step, expansions, steps_by_rollup, steps_of_parts},
        ids::{AccountId, CustomerId},
        lasting::{Lasting, LastingMonth, LastingMonths, add_lasting},
        metrics::{self, Expanded, Rate},
        money::{Currency, Mrr},
        outcome::Rollup,
        retention::days_after,
        time::Day,
    },
    segment::Members,
    store::derived::reports::{LossRow, MovementFilter, MovementKey, Order, Scope},
};

/// What moves a customer's expansions in one currency.
type DaySteps = Vec<(Day, Step, Rollup)>;

/// The same with the currency.
type CurrencySteps = (Currency, DaySteps);

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
        let members = self.membership(ask, &scope, &*view).await?;
        let today = self.ledger.zone.day(scope.cut);
        let summed = match (&members, view.seq()) {
            (None, None) => self.store.derived.lasting_months(&scope, today).await?,
            _ => None,
        };
        let held = Held::new(members, (ask.from, ask.to), today);
        let held = match (summed, view.seq()) {
            (Some(months), _) => held.of_months(months, ask.own_currency()),
            // The tables, in the order in which rows lie.
            (None, None) => {
                let add = |held: &mut Held, row: LossRow, is_last: bool| {
                    let parts = row.parts.iter().map(|part| (part.cause, part.amount));
                    held.add_steps(row.currency, steps_of_parts(row.kind, row.day, row.amount, parts));
                    if is_last {
                        held.end_customer(&row.customer);
                    }
                    Ok(())
                };
                self.store.derived.expanding(&scope, ask.own_currency(), held, add).await?
            }
            (None, Some(_)) => self.held_as_known(&scope, &*view, ask.own_currency(), held).await?,
        };
        let data = held.entries()?;
        Ok(DurabilityAnswer {
            profile: self.profile(ask)?.name.as_ref().into(),
            currency: one_currency(ask, data.iter().map(|entry| entry.currency.as_str())),
            converted: self.reporting(ask).is_some(),
            as_known_at_seq: view.seq(),
            data,
        })
    }
}

impl Reports<'_> {
    /// The same as an earlier ledger knew it: in the order of days.
    async fn held_as_known(
        &self,
        scope: &Scope,
        view: &dyn View,
        currency: Option<Currency>,
        mut held: Held,
    ) -> Result<Held, AskError> {
        let filter = MovementFilter { currency, ..MovementFilter::default() };
        let mut of_customers: BTreeMap<(Option<AccountId>, CustomerId), Vec<CurrencySteps>> = BTreeMap::new();
        let mut charge = Charge::begin();
        let mut after: Option<MovementKey> = None;
        loop {
            let rows = view.movement_page(scope, &filter, Order::Ascending, after.as_ref(), PAGE).await?;
            let read = rows.len();
            after = rows.last().map(|row| row.key());
            // Of a movement little is needed, and of everybody's there are many.
            for row in rows {
                let steps = steps_by_rollup(&row.movement);
                if !steps.is_empty() {
                    charge.add(size_of_val(&*steps)).map_err(ReportError::from)?;
                    of_customers.entry((row.account, row.customer)).or_default().push((row.movement.currency, steps));
                }
            }
            if i64::try_from(read).is_ok_and(|read| read < PAGE) {
                break;
            }
        }
        for ((_, customer), steps) in of_customers {
            steps.into_iter().for_each(|(currency, steps)| held.add_steps(currency, steps));
            held.end_customer(&customer);
        }
        Ok(held)
    }
}

/// What is held of expansions, summed customer by customer: of a segment, of what its customers grew by while in it.
struct Held {
    members: Option<Members>,
    /// The first and the last day whose months are asked for.
    months: (Option<Day>, Option<Day>),
    today: Day,
    /// Of the customer that is being read.
    steps: BTreeMap<Currency, DaySteps>,
    /// By month and currency, of all causes and of each roll-up.
    groups: LastingMonths,
    /// A sum passed 128 bits.
    is_beyond: bool,
}

impl Held {
    fn new(members: Option<Members>, months: (Option<Day>, Option<Day>), today: Day) -> Self {
        Self { members, months, today, steps: BTreeMap::new(), groups: LastingMonths::new(), is_beyond: false }
    }

    fn add_steps(&mut self, currency: Currency, steps: DaySteps) {
        if !steps.is_empty() {
            self.steps.entry(currency).or_default().extend(steps);
        }
    }

    /// Sums up what a customer's steps come to, all of which were added.
    fn end_customer(&mut self, customer: &CustomerId) {
        let mut counted = BTreeSet::new();
        for (currency, steps) in std::mem::take(&mut self.steps) {
            let is_of = |one: &Expansion<Rollup>| {
                let members = self.members.as_ref();
                is_asked_for(self.months, Month::of(one.day))
                    && members.is_none_or(|members| members.holds(customer.as_str(), one.day))
            };
            let all = expansions(steps).into_iter().filter(is_of);
            self.is_beyond |= add_lasting(&mut self.groups, &mut counted, currency, all).is_none();
        }
    }

    /// The months that are asked for, of those of all customers; in one currency, where one is named.
    fn of_months(mut self, months: LastingMonths, own: Option<Currency>) -> Self {
        self.groups = months;
        self.groups.retain(|(currency, month, _), _| {
            own.is_none_or(|own| own == *currency) && is_asked_for(self.months, *month)
        });
        self
    }

    /// One entry for each month and currency, and one for each roll-up of it.
    fn entries(self) -> Result<Vec<DurabilityEntry>, ReportError> {
        if self.is_beyond {
            return Err(ReportError::Overflow);
        }
        let today = self.today;
        let entry = |((currency, month, rollup), one): (LastingMonth, Lasting)| {
            let Lasting { customers, expansion, held } = one;
            let age = |(days, held): (i32, Mrr)| {
                let day = days_after(month.last(), days);
                let held = (day <= today).then_some(held);
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
                customers: u64::try_from(customers).map_err(|_| ReportError::Overflow)?,
                expansion: expansion.minor(),
                expansion_exact: Exact(expansion),
                ages: AGES.into_iter().zip(held).map(age).collect::<Result<_, ReportError>>()?,
            })
        };
        self.groups.into_iter().map(entry).collect()
    }
}

/// Whether any of the days asked for, from one to another, lies in a month.
fn is_asked_for((from, to): (Option<Day>, Option<Day>), month: Month) -> bool {
    from.is_none_or(|from| month.last() >= from) && to.is_none_or(|to| month.first() <= to)
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
