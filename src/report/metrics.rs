//! The answer of `/api/v1/metrics`: the formulas of rule `metrics` over each period, with what they were made of.

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    ReportError,
    ask::Basis,
    bridge::{Bridge, Grouping},
    bridges::bridges,
    notice::Notice,
    period::{Interval, Period, Phase},
    retained::People,
    table::Table,
    trials::TrialDays,
};
use crate::{
    budget::charge,
    event::Seq,
    ledger::{
        metrics::{self, Flows, Rate},
        money::Currency,
        outcome::Kind,
        retention::{DURABLE_DAYS, WINDOW_DAYS, days_after, days_before},
        time::Day,
    },
    limits,
    store::derived::reports::LedgerRows,
};

/// The metrics of each period and currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MetricsAnswer {
    /// The profile whose rules made the figures.
    pub profile: String,
    /// The currency, where all entries share one.
    pub currency: Option<String>,
    /// Whether everything is converted into the reporting currency; else each entry is of its currency's own ledger.
    pub converted: bool,
    /// The length of a period.
    pub interval: Interval,
    /// What closed months are answered from, where it isn't all that is known now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
    /// The log sequence number the answer was as known at.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub as_known_at_seq: Option<Seq>,
    /// In order of currency and time.
    pub data: Vec<MetricsEntry>,
    /// The first day of the ledger, over all currencies; `None` while it has none. A notice says it where periods lie before it.
    #[serde(skip)]
    pub begins: Option<Day>,
}

impl MetricsAnswer {
    /// That periods of it lie before the ledger begins.
    pub fn notice(&self) -> Option<Notice> {
        Notice::before_the_ledger(self.begins, self.data.iter().map(|entry| entry.end).min())
    }
}

/// A figure with what it was made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Metric {
    /// The quotient at six places, half-even; money in minor units as `_exact` is. Null where there is none.
    pub value: Option<String>,
    /// The same in millionths, for whoever compares it: of a minor unit where it is money.
    #[serde(skip)]
    pub millionths: Option<i128>,
    /// What stands above the line.
    pub numerator: String,
    /// What it is divided by.
    pub denominator: String,
    /// Why there is no value.
    pub reason: Option<&'static str>,
}

impl From<Rate> for Metric {
    fn from(rate: Rate) -> Self {
        let Rate { numerator, denominator, value, millionths, reason } = rate;
        Self { value, millionths, numerator, denominator, reason }
    }
}

impl Metric {
    /// Its cells in a table, under `metric`, `value`, `numerator`, `denominator` and `reason`.
    pub(super) fn cells(&self, name: &str) -> [String; 5] {
        [
            name.to_owned(),
            self.value.clone().unwrap_or_default(),
            self.numerator.clone(),
            self.denominator.clone(),
            self.reason.unwrap_or_default().to_owned(),
        ]
    }
}

macro_rules! metrics {
    ($($(#[$doc:meta])+ $name:ident),+ $(,)?) => {
        /// One period of one currency.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
        pub struct MetricsEntry {
            /// The first day of the period.
            #[schema(value_type = String)]
            pub start: Day,
            /// The last day of the period, which is in it.
            #[schema(value_type = String)]
            pub end: Day,
            /// The currency of every amount.
            #[schema(value_type = String)]
            pub currency: Currency,
            /// The period is still running.
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            pub partial: bool,
            /// The month is told as it was closed, from the log up to here (`basis=closed`).
            #[serde(skip_serializing_if = "Option::is_none")]
            #[schema(value_type = Option<i64>)]
            pub closed_seq: Option<Seq>,
            $($(#[$doc])+ pub $name: Metric,)+
            /// Customers whose first MRR lies in the period, by whom `asp` is divided; `None` where a closing doesn't keep it.
            #[serde(skip)]
            pub new_customers: Option<u64>,
        }

        impl MetricsEntry {
            /// Every figure by name, in order.
            pub fn figures(&self) -> Vec<(&'static str, &Metric)> {
                vec![$((stringify!($name), &self.$name)),+]
            }
        }
    };
}

metrics! {
    /// MRR at the end of the period.
    mrr,
    /// Twelve times the MRR at the end.
    arr,
    /// MRR at the end over the customers who pay then.
    arpa,
    /// New MRR per new customer; a customer who was imported is in neither.
    asp,
    /// What the customers with opening MRR pay at the end, over what they paid at the start.
    nrr,
    /// The same, where nobody counts for more than at the start.
    grr,
    /// The bridge form: (opening + expansion − contraction − churn) / opening.
    nrr_bridge,
    /// NRR over the customers with MRR twelve months before the end.
    nrr_12m,
    /// GRR over the customers with MRR twelve months before the end.
    grr_12m,
    /// (churn + contraction) / opening.
    gross_mrr_churn,
    /// (churn + contraction − expansion − reactivation) / opening.
    net_mrr_churn,
    /// Customers lost; under the profile `stripe` in its form over 30 days.
    customer_churn,
    /// (new + reactivation + expansion) / (contraction + churn).
    quick_ratio,
    /// The quick ratio without reactivation: (new + expansion) / (contraction + churn).
    quick_ratio_without_reactivation,
    /// ARPA over the customer churn of the month that ends with the period.
    ltv,
    /// Share of the month's expansion still held 90 days later.
    expansion_durability,
    /// Trials converted in the last 30 days over trials ended in them, over all currencies.
    trial_conversion,
    /// Trials that ended in the period without paying, over all currencies: no MRR moves by them (rule `trial-churn`).
    trial_churn,
}

/// What metrics are made of, read at one instant.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    /// Rows over all customers or, of a segment, those of its customers in no group and all others elsewhere.
    pub whole: &'a LedgerRows,
    /// `Closed`, or `Moving` where customers come into a segment and leave it.
    pub grouping: Grouping,
    /// What looks at customers one by one.
    pub people: &'a People<'a>,
    /// The length of a period, where it is one of the calendar's.
    pub interval: Interval,
    /// Trials that ended, as they stand at this instant.
    pub trials: &'a TrialDays,
    /// The day the answer is cut at.
    pub today: Day,
    /// Customer churn in Stripe's form.
    pub stripe_form: bool,
}

/// An entry and the texts in it.
const ENTRY_BYTES: usize = size_of::<MetricsEntry>() + 1024;

/// One entry a currency and period.
pub fn entries(
    sources: Sources<'_>,
    periods: &[Period],
    wanted: Option<Currency>,
) -> Result<Vec<MetricsEntry>, ReportError> {
    let mut bridges = bridges(sources.whole, periods, sources.grouping, wanted)?;
    // Who isn't asked about was needed to see that nothing was lost on the way.
    bridges.retain(|bridge| bridge.group.is_none());
    if bridges.len().saturating_mul(sources.people.len()) > limits::METRICS_STEPS {
        return Err(ReportError::TooManySteps { groups: sources.people.len(), periods: bridges.len() });
    }
    let one = |bridge| {
        charge(ENTRY_BYTES)?;
        entry(sources, bridge)
    };
    bridges.iter().map(one).collect()
}

fn entry(sources: Sources<'_>, bridge: &Bridge) -> Result<MetricsEntry, ReportError> {
    let (period, currency) = (bridge.period, bridge.currency);
    // Of a running period the figures are of what is known by today.
    let end = period.end.min(sources.today);
    let mut flows = Flows::starting(bridge.opening);
    for &kind in Kind::ALL {
        flows.add(kind, bridge.lines.get(kind)).ok_or(ReportError::Overflow)?;
    }
    let customers = bridge.totals.counts.map_or(0, |counts| count(counts.customers));
    let retained = sources.people.retained(currency, period, sources.interval, end)?;
    let (lost_in_month, base_of_month) = retained.lost_in_month;
    let customer_churn = if sources.stripe_form {
        let (lost, active, new) = retained.in_30_days;
        metrics::customer_churn_stripe(lost, active, new)
    } else {
        let (lost, base) = retained.lost;
        metrics::customer_churn(lost, base)
    };
    let (bought, buyers) = retained.bought;
    // The 30 days up to the end.
    let (converted, ended) = sources.trials.converted(days_before(end, WINDOW_DAYS).after()..=end);
    let durability = if days_after(end, DURABLE_DAYS) > sources.today {
        Rate::none("90 days haven't passed", String::new(), String::new())
    } else {
        metrics::expansion_durability(retained.expanded)
    };
    Ok(MetricsEntry {
        start: period.start,
        end: period.end,
        currency,
        partial: period.phase == Phase::Running,
        closed_seq: None,
        mrr: Rate::amount(bridge.closing).into(),
        arr: metrics::arr(bridge.closing).into(),
        arpa: metrics::arpa(bridge.closing, customers).into(),
        asp: metrics::asp(bought, buyers).into(),
        nrr: metrics::nrr(retained.since_start).into(),
        grr: metrics::grr(retained.least_since_start).into(),
        nrr_bridge: metrics::nrr_bridge(&flows).into(),
        nrr_12m: metrics::nrr(retained.in_12_months).into(),
        grr_12m: metrics::grr(retained.least_in_12_months).into(),
        gross_mrr_churn: metrics::gross_mrr_churn(&flows).into(),
        net_mrr_churn: metrics::net_mrr_churn(&flows).into(),
        customer_churn: customer_churn.into(),
        quick_ratio: metrics::quick_ratio(&flows).into(),
        quick_ratio_without_reactivation: metrics::quick_ratio_without_reactivation(&flows).into(),
        ltv: metrics::ltv(bridge.closing, customers, lost_in_month, base_of_month).into(),
        expansion_durability: durability.into(),
        trial_conversion: metrics::trial_conversion(converted, ended).into(),
        trial_churn: Rate::count(sources.trials.lost(period.start..=end)).into(),
        new_customers: Some(buyers),
    })
}

fn count(customers: i64) -> u64 {
    u64::try_from(customers).unwrap_or(0)
}

/// Why a figure of a closed month can't be told.
const NOT_KEPT: &str = "the month was closed under other rules, and a closing doesn't keep this";

impl MetricsEntry {
    /// Of a month that was closed under other rules: without what its closing doesn't tell.
    pub(super) fn keep_what_closings_keep(&mut self) {
        for figure in [
            &mut self.asp,
            &mut self.nrr_12m,
            &mut self.grr_12m,
            &mut self.customer_churn,
            &mut self.ltv,
            &mut self.expansion_durability,
            &mut self.trial_conversion,
            &mut self.trial_churn,
        ] {
            *figure = Rate::none(NOT_KEPT, String::new(), String::new()).into();
        }
        self.new_customers = None;
    }
}

impl MetricsAnswer {
    /// As a table for CSV and terminal, one row a figure.
    pub fn table(&self) -> Table {
        let columns = vec![
            "start",
            "end",
            "currency",
            "partial",
            "metric",
            "value",
            "numerator",
            "denominator",
            "reason",
            "closed_seq",
        ];
        let rows = self.data.iter().flat_map(|entry| {
            entry.figures().into_iter().map(|(name, metric)| {
                let period = [entry.start.to_string(), entry.end.to_string(), entry.currency.to_string()];
                let partial = if entry.partial { "true".into() } else { String::new() };
                let closed_seq = entry.closed_seq.map(|seq| seq.to_string()).unwrap_or_default();
                period.into_iter().chain([partial]).chain(metric.cells(name)).chain([closed_seq]).collect::<Vec<_>>()
            })
        });
        Table { columns, rows: rows.collect() }.telling_converted(self.converted)
    }
}
