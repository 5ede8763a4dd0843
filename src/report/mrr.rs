//! The answer of `/api/v1/mrr`: one bridge a period, currency and group.

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    ReportError,
    ask::Basis,
    bridge::{Bridge, Grouping},
    bridges::{ANSWERED_BYTES, ENTRIES_MAX},
    money::Exact,
    notice::Notice,
    period::{Interval, Phase},
    table::Table,
};
use crate::{
    event::Seq,
    ledger::{money::Currency, outcome::Kind, time::Day},
};

/// The bridge of MRR of each period, currency and group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MrrAnswer {
    /// The profile whose rules made the figures.
    pub profile: String,
    /// The currency, where all entries share one.
    pub currency: Option<String>,
    /// Whether everything is converted into the reporting currency; else each entry is of its currency's own ledger.
    pub converted: bool,
    /// The length of a period.
    pub interval: Interval,
    /// `closed`, where closed months are answered from their closing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
    /// What the entries are grouped by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_by: Option<String>,
    /// The log sequence number the answer was as known at.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub as_known_at_seq: Option<Seq>,
    /// In order of currency, group and time.
    pub data: Vec<MrrEntry>,
    /// The first day of the ledger, over all currencies; `None` while it has none. A notice says it where periods lie before it.
    #[serde(skip)]
    pub begins: Option<Day>,
}

impl MrrAnswer {
    /// That periods of it lie before the ledger begins.
    pub fn notice(&self) -> Option<Notice> {
        Notice::before_the_ledger(self.begins, self.data.iter().map(|entry| entry.end).min())
    }
}

/// One period. Money is in minor units; `X_exact` is exact, `X` rounded half-even. closing = opening + the lines from
/// `opening_balance` to `fx` (and `transfer`, where grouped by what money may move between).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MrrEntry {
    /// The first day of the period.
    #[schema(value_type = String)]
    pub start: Day,
    /// The last day of the period, which is in it.
    #[schema(value_type = String)]
    pub end: Day,
    /// The currency of every amount.
    #[schema(value_type = String)]
    pub currency: Currency,
    /// Whether the amounts are converted into it.
    pub converted: bool,
    /// The group; null where it isn't known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub group: Option<Option<String>>,
    /// What the group is called, by product, where the log tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_name: Option<String>,
    /// The group's nickname, by price, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_name: Option<String>,
    /// MRR at the end of the day before.
    pub opening: i128,
    /// `opening` exactly, to 10⁻⁶ of a minor unit.
    pub opening_exact: Exact,
    /// Money first seen already running.
    pub opening_balance: i128,
    /// `opening_balance` exactly, to 10⁻⁶ of a minor unit.
    pub opening_balance_exact: Exact,
    /// MRR of customers who never had any before.
    pub new: i128,
    /// `new` exactly, to 10⁻⁶ of a minor unit.
    pub new_exact: Exact,
    /// What customers with MRR pay more.
    pub expansion: i128,
    /// `expansion` exactly, to 10⁻⁶ of a minor unit.
    pub expansion_exact: Exact,
    /// MRR of customers who had left and came back.
    pub reactivation: i128,
    /// `reactivation` exactly, to 10⁻⁶ of a minor unit.
    pub reactivation_exact: Exact,
    /// Less of running customers, at most 0.
    pub contraction: i128,
    /// `contraction` exactly, to 10⁻⁶ of a minor unit.
    pub contraction_exact: Exact,
    /// Customers lost, at most 0.
    pub churn: i128,
    /// `churn` exactly, to 10⁻⁶ of a minor unit.
    pub churn_exact: Exact,
    /// What exchange rates did to what stands (rule `revaluation`).
    pub fx: i128,
    /// `fx` exactly, to 10⁻⁶ of a minor unit.
    pub fx_exact: Exact,
    /// What changed group: over all groups it sums to 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transfer: Option<i128>,
    /// `transfer` exactly, to 10⁻⁶ of a minor unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transfer_exact: Option<Exact>,
    /// What later events changed in closed months before, where these are answered from their closing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prior_period: Option<i128>,
    /// `prior_period` exactly, to 10⁻⁶ of a minor unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prior_period_exact: Option<Exact>,
    /// MRR at the end of the last day.
    pub closing: i128,
    /// `closing` exactly, to 10⁻⁶ of a minor unit.
    pub closing_exact: Exact,
    /// Paying customers in this currency at the end; absent where a customer may be in several groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customers: Option<i64>,
    /// Paying subscriptions at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscriptions: Option<i64>,
    /// Subscriptions on trial at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trials: Option<i64>,
    /// MRR before discounts at the end.
    pub list: i128,
    /// `list` exactly, to 10⁻⁶ of a minor unit.
    pub list_exact: Exact,
    /// MRR that is `past_due` at the end.
    pub at_risk: i128,
    /// `at_risk` exactly, to 10⁻⁶ of a minor unit.
    pub at_risk_exact: Exact,
    /// MRR set to cancel at the end; under `churn_at = request` it lies outside MRR.
    pub scheduled_churn: i128,
    /// `scheduled_churn` exactly, to 10⁻⁶ of a minor unit.
    pub scheduled_churn_exact: Exact,
    /// The share of MRR that rests on estimates at the end.
    pub estimated: i128,
    /// `estimated` exactly, to 10⁻⁶ of a minor unit.
    pub estimated_exact: Exact,
    /// The period is still running.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// The period lies ahead: only what is written ahead is in it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub scheduled: bool,
    /// A closed month in it is no longer what it was closed with: `restatements` tells what changed it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub restated: bool,
}

// A question is charged for its entries when their bridges are made.
const _: () = assert!(size_of::<MrrEntry>() <= ANSWERED_BYTES);

/// Turns bridges into entries; a group's empty periods are left out.
pub fn entries(bridges: &[Bridge], grouping: Grouping, grouped: bool) -> Result<Vec<MrrEntry>, ReportError> {
    let shown: Vec<&Bridge> = bridges.iter().filter(|bridge| !grouped || !bridge.is_empty()).collect();
    if shown.len() > ENTRIES_MAX {
        return Err(ReportError::TooManyEntries { max: ENTRIES_MAX });
    }
    Ok(shown.into_iter().map(|bridge| entry(bridge, grouping, grouped)).collect())
}

fn entry(bridge: &Bridge, grouping: Grouping, grouped: bool) -> MrrEntry {
    let line = |kind| bridge.lines.get(kind);
    let transfer = grouping.transfers().then_some(bridge.transfer);
    let totals = &bridge.totals;
    MrrEntry {
        start: bridge.period.start,
        end: bridge.period.end,
        currency: bridge.currency,
        converted: false,
        group: grouped.then(|| bridge.group.as_deref().map(str::to_owned)),
        product_name: None,
        price_name: None,
        opening: bridge.opening.minor(),
        opening_exact: Exact(bridge.opening),
        opening_balance: line(Kind::OpeningBalance).minor(),
        opening_balance_exact: Exact(line(Kind::OpeningBalance)),
        new: line(Kind::New).minor(),
        new_exact: Exact(line(Kind::New)),
        expansion: line(Kind::Expansion).minor(),
        expansion_exact: Exact(line(Kind::Expansion)),
        reactivation: line(Kind::Reactivation).minor(),
        reactivation_exact: Exact(line(Kind::Reactivation)),
        contraction: line(Kind::Contraction).minor(),
        contraction_exact: Exact(line(Kind::Contraction)),
        churn: line(Kind::Churn).minor(),
        churn_exact: Exact(line(Kind::Churn)),
        fx: line(Kind::Fx).minor(),
        fx_exact: Exact(line(Kind::Fx)),
        transfer: transfer.map(|amount| amount.minor()),
        transfer_exact: transfer.map(Exact),
        prior_period: None,
        prior_period_exact: None,
        closing: bridge.closing.minor(),
        closing_exact: Exact(bridge.closing),
        customers: totals.counts.map(|counts| counts.customers),
        subscriptions: totals.counts.map(|counts| counts.subscriptions),
        trials: totals.counts.map(|counts| counts.trials),
        list: totals.list.minor(),
        list_exact: Exact(totals.list),
        at_risk: totals.at_risk.minor(),
        at_risk_exact: Exact(totals.at_risk),
        scheduled_churn: totals.scheduled_churn.minor(),
        scheduled_churn_exact: Exact(totals.scheduled_churn),
        estimated: totals.estimated.minor(),
        estimated_exact: Exact(totals.estimated),
        partial: bridge.period.phase == Phase::Running,
        scheduled: bridge.period.phase == Phase::Scheduled,
        restated: false,
    }
}

impl MrrAnswer {
    /// The columns of CSV and terminal: the exact amounts, and no twin of them.
    pub fn table(&self) -> Table {
        let columns = vec![
            "start",
            "end",
            "currency",
            "group",
            "opening_exact",
            "opening_balance_exact",
            "new_exact",
            "expansion_exact",
            "reactivation_exact",
            "contraction_exact",
            "churn_exact",
            "fx_exact",
            "transfer_exact",
            "prior_period_exact",
            "closing_exact",
            "customers",
            "subscriptions",
            "trials",
            "list_exact",
            "at_risk_exact",
            "scheduled_churn_exact",
            "estimated_exact",
            "partial",
            "scheduled",
            "restated",
            "name",
        ];
        Table { columns, rows: self.data.iter().map(MrrEntry::row).collect() }.telling_converted(self.converted)
    }
}

impl MrrAnswer {
    /// The table as people read it: a group that isn't known says so, instead of nothing, and segments, which may overlap, are
    /// called so.
    pub fn for_people(&self) -> Table {
        let mut table = self.table();
        let group = table.columns.iter().position(|column| *column == "group");
        if let Some(group) = group.filter(|_| self.group_by.is_some()) {
            table.rows.iter_mut().filter(|row| row[group].is_empty()).for_each(|row| row[group] = "(unknown)".into());
            if self.group_by.as_deref() == Some("segment") {
                table.columns[group] = "segment";
            }
        }
        table
    }
}

impl MrrEntry {
    fn row(&self) -> Vec<String> {
        let optional = |value: Option<String>| value.unwrap_or_default();
        vec![
            self.start.to_string(),
            self.end.to_string(),
            self.currency.to_string(),
            optional(self.group.clone().flatten()),
            self.opening_exact.to_string(),
            self.opening_balance_exact.to_string(),
            self.new_exact.to_string(),
            self.expansion_exact.to_string(),
            self.reactivation_exact.to_string(),
            self.contraction_exact.to_string(),
            self.churn_exact.to_string(),
            self.fx_exact.to_string(),
            optional(self.transfer_exact.map(|amount| amount.to_string())),
            optional(self.prior_period_exact.map(|amount| amount.to_string())),
            self.closing_exact.to_string(),
            optional(self.customers.map(|count| count.to_string())),
            optional(self.subscriptions.map(|count| count.to_string())),
            optional(self.trials.map(|count| count.to_string())),
            self.list_exact.to_string(),
            self.at_risk_exact.to_string(),
            self.scheduled_churn_exact.to_string(),
            self.estimated_exact.to_string(),
            if self.partial { "true".into() } else { String::new() },
            if self.scheduled { "true".into() } else { String::new() },
            if self.restated { "true".into() } else { String::new() },
            optional(self.product_name.clone().or(self.price_name.clone())),
        ]
    }
}
