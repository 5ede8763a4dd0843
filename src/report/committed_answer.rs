//! The answer of `/api/v1/committed`, as it is serialised, tabled and read by a person.

use serde::Serialize;
use utoipa::ToSchema;

use super::{metrics::Metric, money::Exact, table::Table};
use crate::event::Seq;

/// Committed MRR of each currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CommittedAnswer {
    /// The profile whose rules made the figures.
    pub profile: String,
    /// The currency, where all entries share one.
    pub currency: Option<String>,
    /// Whether everything is converted into the reporting currency; else each entry is of its currency's own ledger.
    pub converted: bool,
    /// How many days ahead are looked at.
    pub horizon: u16,
    /// The day it is told on.
    pub day: String,
    /// The last day of the horizon.
    pub until: String,
    /// The log sequence number the answer was as known at.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub as_known_at_seq: Option<Seq>,
    /// One entry a currency, in order of its code.
    pub data: Vec<CommittedEntry>,
}

macro_rules! amounts {
    ($($(#[$doc:meta])+ $name:ident, $exact:ident);+ $(;)?) => {
        /// Committed MRR of one currency: `committed` = `mrr` + the six lines, exactly.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
        pub struct CommittedEntry {
            /// The currency of every amount.
            pub currency: String,
            $(
                $(#[$doc])+
                pub $name: i128,
                /// The same exactly, to 10⁻⁶ of a minor unit.
                pub $exact: Exact,
            )+
            /// What the lines are made of, in order of time.
            pub lines: Vec<CommittedLine>,
            /// At the end of each month and of the horizon.
            pub curve: Vec<CurvePoint>,
            /// Beside it: running trials that end within the horizon.
            pub trials_due: TrialsDue,
            /// Beside it: what is past due now, and counts.
            pub past_due: PastDue,
            /// Beside it: what is billed by the year and renews within the horizon.
            pub annual_renewals: AnnualRenewals,
            /// What is planned at an amount that the log can't tell: it is in no line.
            pub untold: Vec<UntoldEntry>,
        }

        impl CommittedEntry {
            /// Every amount by its name, in order.
            pub fn amounts(&self) -> Vec<(&'static str, Exact)> {
                vec![$((stringify!($name), self.$exact)),+]
            }
        }
    };
}

amounts! {
    /// MRR now, in minor units.
    mrr, mrr_exact;
    /// What of MRR is scheduled to end within the horizon; 0 or less. The field of this name of a period or a customer is another
    /// figure: all that is set to end, whenever that is, in MRR still or not.
    scheduled_churn, scheduled_churn_exact;
    /// Less in later phases of schedules; 0 or less.
    scheduled_contraction, scheduled_contraction_exact;
    /// More in later phases of schedules.
    scheduled_expansion, scheduled_expansion_exact;
    /// What MRR grows by as known discounts end.
    discount_end, discount_end_exact;
    /// What MRR shrinks by as known discounts begin.
    discount_start, discount_start_exact;
    /// Paused collections that resume by themselves, where a pause counts 0.
    resume, resume_exact;
    /// MRR at the end of the horizon.
    committed, committed_exact;
}

/// What is known to happen to one item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CommittedLine {
    /// The line it is in, e.g. `scheduled_churn`.
    pub line: &'static str,
    /// The day it is due; what is overdue is due today.
    pub day: String,
    /// The id of the customer, `cus_…`.
    pub customer: String,
    /// Its account; absent for the account's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The subscription, or the schedule that hasn't begun yet.
    pub subscription: String,
    /// Its item; one that is yet to come is named after its schedule.
    pub item: String,
    /// The product, `prod_…`; null where the price names none.
    pub product: Option<String>,
    /// At which price: afterwards, or before where the item goes.
    pub price: String,
    /// How much, in minor units.
    pub amount: i128,
    /// `amount` exactly, to 10⁻⁶ of a minor unit.
    pub amount_exact: Exact,
    /// It rests on an estimate.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub estimated: bool,
    /// The event that says so.
    pub event: String,
}

/// What will stand on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CurvePoint {
    /// The accounting day at whose end it will stand.
    pub day: String,
    /// At its end, in minor units.
    pub committed: i128,
    /// `committed` exactly, to 10⁻⁶ of a minor unit.
    pub committed_exact: Exact,
}

/// Running trials that end within the horizon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TrialsDue {
    /// How many trials end within the horizon.
    pub trials: u64,
    /// Of them those whose amount the log can't tell.
    pub untold: u64,
    /// MRR if all convert, in minor units.
    pub mrr: i128,
    /// `mrr` exactly, to 10⁻⁶ of a minor unit.
    pub mrr_exact: Exact,
    /// The account's own: trials converted over trials ended, of those that ended in the last 365 days.
    pub conversion: Metric,
    /// MRR at that rate, exactly rounded; null where no trial ended.
    pub expected_exact: Option<Exact>,
    /// Each of them, in order of time: the first ones where `limit` asks for no more.
    pub data: Vec<DueEntry>,
}

/// What is past due now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PastDue {
    /// Customers with a subscription that is `past_due`.
    pub customers: u64,
    /// MRR at risk, in minor units.
    pub mrr: i128,
    /// `mrr` exactly, to 10⁻⁶ of a minor unit.
    pub mrr_exact: Exact,
}

/// What is billed by the year and renews within the horizon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AnnualRenewals {
    /// How many yearly subscriptions renew within the horizon.
    pub subscriptions: u64,
    /// Their MRR that renews, in minor units.
    pub mrr: i128,
    /// `mrr` exactly, to 10⁻⁶ of a minor unit.
    pub mrr_exact: Exact,
    /// Each of them, in order of time: the first ones where `limit` asks for no more.
    pub data: Vec<DueEntry>,
}

/// A subscription with something due.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub struct DueEntry {
    /// The accounting day it is due on.
    pub day: String,
    /// The id of the customer, `cus_…`.
    pub customer: String,
    /// The id of the subscription, `sub_…`.
    pub subscription: String,
    /// Its MRR; null where the log can't tell.
    #[schema(value_type = Option<String>)]
    pub mrr_exact: Option<String>,
    /// The event that says so.
    pub event: String,
}

/// Something planned whose amount isn't known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub struct UntoldEntry {
    /// The day it is due.
    pub day: String,
    /// The id of the customer, `cus_…`.
    pub customer: String,
    /// The subscription, or the schedule that hasn't begun yet.
    pub subscription: String,
    /// What isn't known, in words.
    pub detail: String,
    /// The event that plans it.
    pub event: String,
}

impl CommittedAnswer {
    /// One row an amount: what stands, each change of each line, and what it comes to.
    pub fn table(&self) -> Table {
        let columns =
            vec!["currency", "line", "day", "amount_exact", "customer", "subscription", "item", "price", "event"];
        let mut rows = Vec::new();
        for entry in &self.data {
            let total = |line: &str, day: &str, amount: Exact| {
                let mut row = vec![entry.currency.clone(), line.to_owned(), day.to_owned(), amount.to_string()];
                row.resize(9, String::new());
                row
            };
            rows.push(total("mrr", &self.day, entry.mrr_exact));
            rows.extend(entry.lines.iter().map(|line| {
                vec![
                    entry.currency.clone(),
                    line.line.to_owned(),
                    line.day.clone(),
                    line.amount_exact.to_string(),
                    line.customer.clone(),
                    line.subscription.clone(),
                    line.item.clone(),
                    line.price.clone(),
                    line.event.clone(),
                ]
            }));
            rows.push(total("committed", &self.until, entry.committed_exact));
        }
        Table { columns, rows }.telling_converted(self.converted)
    }

    /// For a person: each currency's lines, then what stands beside them.
    pub fn text(&self) -> String {
        let amounts = self.data.iter().flat_map(|entry| {
            entry
                .amounts()
                .into_iter()
                .map(|(name, amount)| vec![entry.currency.clone(), name.to_owned(), amount.to_string()])
        });
        let beside = self.data.iter().flat_map(|entry| {
            let TrialsDue { trials, mrr_exact, .. } = &entry.trials_due;
            let row = |what: &str, count: u64, amount: String| {
                vec![entry.currency.clone(), what.to_owned(), count.to_string(), amount]
            };
            [
                row("trials due, if all convert", *trials, mrr_exact.to_string()),
                row("customers past due", entry.past_due.customers, entry.past_due.mrr_exact.to_string()),
                row(
                    "annual renewals due",
                    entry.annual_renewals.subscriptions,
                    entry.annual_renewals.mrr_exact.to_string(),
                ),
                row("planned at an unknown amount", entry.untold.len() as u64, String::new()),
            ]
        });
        let summary = Table { columns: vec!["currency", "line", "amount_exact"], rows: amounts.collect() };
        let beside = Table { columns: vec!["currency", "beside_it", "count", "mrr_exact"], rows: beside.collect() };
        let [summary, beside] = [summary, beside].map(|table| table.telling_converted(self.converted).terminal());
        format!("{} to {}\n{summary}\n\n{beside}", self.day, self.until)
    }
}
