//! The answer of `/api/v1/unit-economics`: what was spent of each month beside what it brought (rule `unit-economics`).

use std::collections::BTreeMap;

use jiff::ToSpan;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    ReportError,
    ask::{Ask, Basis, Segment},
    metrics::Metric,
    mrr::MrrEntry,
    period::Interval,
    saved_segments::records_known,
    service::{AskError, Reports, one_currency},
    table::Table,
};
use crate::{
    event::Seq,
    ledger::{
        money::{Currency, Mrr},
        month::Month,
        time::Day,
        unit_economics::{self, Brought, Spent},
    },
    store::records::imports::SpendKind,
};

/// What was spent in each month beside what it brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct UnitEconomicsAnswer {
    /// The profile whose rules made the figures.
    pub profile: String,
    /// The currency, where all entries share one.
    pub currency: Option<String>,
    /// Whether everything is converted into the reporting currency; else each entry is of its currency's own ledger.
    pub converted: bool,
    /// Customers are held against what was spent so many months before they were won.
    pub lag: u16,
    /// The log sequence number the answer was as known at.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub as_known_at_seq: Option<Seq>,
    /// In order of currency and time.
    pub data: Vec<UnitEconomicsEntry>,
}

macro_rules! figures {
    ($($(#[$doc:meta])+ $name:ident),+ $(,)?) => {
        /// One month of one currency. What wasn't imported is null with its reason.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
        pub struct UnitEconomicsEntry {
            /// The first day of the period.
            #[schema(value_type = String)]
            pub start: Day,
            /// The last day of the period, which is in it.
            #[schema(value_type = String)]
            pub end: Day,
            /// The currency of every amount.
            #[schema(value_type = String)]
            pub currency: Currency,
            /// The month is still running.
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            pub partial: bool,
            $($(#[$doc])+ pub $name: Metric,)+
        }

        impl UnitEconomicsEntry {
            fn figures(&self) -> Vec<(&'static str, &Metric)> {
                vec![$((stringify!($name), &self.$name)),+]
            }
        }
    };
}

figures! {
    /// What was spent on selling, in minor units.
    sales,
    /// What was spent on marketing, in minor units.
    marketing,
    /// Spent on serving those who pay.
    cost_of_service,
    /// What was spent on all the rest, in minor units.
    operating,
    /// Sales and marketing of the month `lag` months before, over the month's new customers.
    cac,
    /// (new + expansion) × 12 over the same spend.
    cac_ratio,
    /// (MRR − cost of service) / MRR.
    gross_margin,
    /// CAC / (ARPA × gross margin): months until a customer has brought what winning it cost, by the usual ratio.
    payback_months,
    /// ARR over that of 12 months before, less 1.
    arr_growth,
    /// (MRR − all that was spent) / MRR.
    operating_margin,
    /// ARR growth + operating margin.
    rule_of_40,
}

type Spending = BTreeMap<(Currency, Month), Spent>;

impl Reports<'_> {
    /// What was spent of each month, beside what it brought.
    pub async fn unit_economics(&self, ask: &Ask, lag: u16) -> Result<UnitEconomicsAnswer, AskError> {
        // Months are whole: a part of one has no spend of its own.
        let from = ask.from.map(|from| Interval::Month.first_day(from));
        let months = Ask { from, interval: Interval::Month, basis: Basis::Restated, group_by: None, ..ask.clone() };
        let metrics = self.metrics(&months).await?;
        // A year more, to see what stood then.
        let mrr = self.mrr(&Ask { from: from.map(|from| earlier(from, 12)), ..months }).await?;
        let spending = self.spending(ask, metrics.as_known_at_seq).await?;
        let bridges: BTreeMap<(Currency, Day), &MrrEntry> =
            mrr.data.iter().map(|entry| ((entry.currency, entry.start), entry)).collect();
        let mut data = Vec::new();
        for entry in &metrics.data {
            let (currency, start) = (entry.currency, entry.start);
            let (Some(bridge), Some(won)) = (bridges.get(&(currency, start)), entry.new_customers) else { continue };
            let then = bridges.get(&(currency, earlier(start, 12))).map(|then| then.closing_exact.0);
            let month = Brought {
                mrr: bridge.closing_exact.0,
                a_year_ago: then.unwrap_or_default(),
                gained: bridge.new_exact.0.checked_add(bridge.expansion_exact.0).ok_or(ReportError::Overflow)?,
                customers: bridge.customers.and_then(|count| count.try_into().ok()).unwrap_or(0),
                won,
            };
            let of = |first: Day| spending.get(&(currency, Month::of(first))).copied().unwrap_or_default();
            let (spent, winning) = (of(start), of(earlier(start, lag.into())));
            data.push(UnitEconomicsEntry {
                start,
                end: entry.end,
                currency,
                partial: entry.partial,
                sales: unit_economics::spent(spent.sales).into(),
                marketing: unit_economics::spent(spent.marketing).into(),
                cost_of_service: unit_economics::spent(spent.cost_of_service).into(),
                operating: unit_economics::spent(spent.operating).into(),
                cac: unit_economics::cac(&winning, &month).into(),
                cac_ratio: unit_economics::cac_ratio(&winning, &month).into(),
                gross_margin: unit_economics::gross_margin(&spent, &month).into(),
                payback_months: unit_economics::payback_months(&winning, &spent, &month).into(),
                arr_growth: unit_economics::arr_growth(&month).into(),
                operating_margin: unit_economics::operating_margin(&spent, &month).into(),
                rule_of_40: unit_economics::rule_of_40(&spent, &month).into(),
            });
        }
        Ok(UnitEconomicsAnswer {
            profile: metrics.profile,
            currency: one_currency(ask, data.iter().map(|entry| entry.currency.as_str())),
            converted: metrics.converted,
            lag,
            as_known_at_seq: metrics.as_known_at_seq,
            data,
        })
    }

    /// What was spent, of the whole or of the segment asked about by its name: the last import that tells of a month, currency and
    /// kind holds, and its lines add up. Of a condition without a name nobody can have told anything.
    async fn spending(&self, ask: &Ask, seq: Option<Seq>) -> Result<Spending, AskError> {
        let segment = match &ask.segment {
            None => "",
            Some(Segment::Named(name)) => name,
            Some(Segment::Where(_)) => return Ok(Spending::new()),
        };
        let last = self.store.records.imports_known(records_known(ask, seq)).await?;
        let mut held: BTreeMap<(Currency, Month, SpendKind), (i64, Mrr)> = BTreeMap::new();
        for (import, row) in self.store.records.spend_rows(segment, last).await? {
            let (by, sum) = held.entry((row.currency, row.month, row.kind)).or_insert((import, Mrr::ZERO));
            if *by != import {
                (*by, *sum) = (import, Mrr::ZERO);
            }
            *sum = sum.checked_add(row.amount).ok_or(ReportError::Overflow)?;
        }
        let mut spending = Spending::new();
        for ((currency, month, kind), (_, amount)) in held {
            let spent = spending.entry((currency, month)).or_default();
            let place = match kind {
                SpendKind::Sales => &mut spent.sales,
                SpendKind::Marketing => &mut spent.marketing,
                SpendKind::CostOfService => &mut spent.cost_of_service,
                SpendKind::Operating => &mut spent.operating,
            };
            *place = Some(amount);
        }
        Ok(spending)
    }
}

/// The first day of the month so many months before.
fn earlier(first: Day, months: i32) -> Day {
    first.0.checked_sub(months.months()).map_or(first, Day)
}

impl UnitEconomicsAnswer {
    /// As a table for CSV and terminal, one row a figure.
    pub fn table(&self) -> Table {
        let columns =
            vec!["start", "end", "currency", "partial", "metric", "value", "numerator", "denominator", "reason"];
        let rows = self.data.iter().flat_map(|entry| {
            entry.figures().into_iter().map(|(name, metric)| {
                let period = [entry.start.to_string(), entry.end.to_string(), entry.currency.to_string()];
                let partial = if entry.partial { "true".into() } else { String::new() };
                period.into_iter().chain([partial]).chain(metric.cells(name)).collect::<Vec<_>>()
            })
        });
        Table { columns, rows: rows.collect() }.telling_converted(self.converted)
    }
}
