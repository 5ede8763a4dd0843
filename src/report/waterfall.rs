//! The waterfall: each period's bridge as lines from opening to closing, every movement line with its causes below it.

use serde::Serialize;

use super::{
    money::Exact,
    mrr::{MrrAnswer, MrrEntry},
    notice::Notice,
    period::Interval,
    table::Table,
};
use crate::{
    event::Seq,
    ledger::{money::Currency, time::Day},
};

/// The waterfall of each period and currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Waterfall {
    /// The profile whose rules made the figures.
    pub profile: String,
    /// Whether everything is converted into the reporting currency.
    pub converted: bool,
    /// The length of a period.
    pub interval: Interval,
    /// The log sequence number the answer was as known at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_known_at_seq: Option<Seq>,
    /// That periods of it lie before the ledger begins.
    #[serde(skip)]
    pub notice: Option<Notice>,
    /// WaterfallRow by line. closing = opening + the movement lines; the causes of a line sum to it.
    pub data: Vec<WaterfallRow>,
}

/// One line of a waterfall, or one cause of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WaterfallRow {
    /// The first day of the period.
    pub start: Day,
    /// The last day of the period, which is in it.
    pub end: Day,
    /// The currency of the amount.
    pub currency: Currency,
    /// `opening`, a kind of movement, or `closing`.
    pub line: &'static str,
    /// The share of one cause in the line; null on the line itself.
    pub cause: Option<String>,
    /// How much, in minor units of `currency`.
    pub amount: i128,
    /// `amount` exactly, to 10⁻⁶ of a minor unit.
    pub amount_exact: Exact,
    /// The period is still running.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
}

/// The movement lines of an entry, in the order of the identity (rule `snapshots`).
fn lines(entry: &MrrEntry) -> [(&'static str, i128, Exact); 7] {
    [
        ("opening_balance", entry.opening_balance, entry.opening_balance_exact),
        ("new", entry.new, entry.new_exact),
        ("expansion", entry.expansion, entry.expansion_exact),
        ("reactivation", entry.reactivation, entry.reactivation_exact),
        ("contraction", entry.contraction, entry.contraction_exact),
        ("churn", entry.churn, entry.churn_exact),
        ("fx", entry.fx, entry.fx_exact),
    ]
}

impl Waterfall {
    /// From the bridges of the whole ledger, and of the same ledger by cause.
    pub fn from_answers(whole: &MrrAnswer, by_cause: &MrrAnswer) -> Self {
        let mut data = Vec::new();
        for entry in &whole.data {
            let line = |line, cause, (amount, amount_exact)| WaterfallRow {
                start: entry.start,
                end: entry.end,
                currency: entry.currency,
                line,
                cause,
                amount,
                amount_exact,
                partial: entry.partial,
            };
            let same = |one: &&MrrEntry| one.start == entry.start && one.currency == entry.currency;
            let causes: Vec<&MrrEntry> = by_cause.data.iter().filter(same).collect();
            data.push(line("opening", None, (entry.opening, entry.opening_exact)));
            for (at, (name, amount, exact)) in lines(entry).into_iter().enumerate() {
                data.push(line(name, None, (amount, exact)));
                for of_cause in &causes {
                    let (_, amount, exact) = lines(of_cause)[at];
                    if exact.0 != crate::ledger::money::Mrr::ZERO {
                        data.push(line(name, of_cause.group.clone().flatten(), (amount, exact)));
                    }
                }
            }
            data.push(line("closing", None, (entry.closing, entry.closing_exact)));
        }
        let (profile, interval) = (whole.profile.clone(), whole.interval);
        let (as_known_at_seq, notice) = (whole.as_known_at_seq, whole.notice());
        Self { profile, converted: whole.converted, interval, as_known_at_seq, notice, data }
    }

    /// As a table for CSV and terminal, one row a line.
    pub fn table(&self) -> Table {
        let row = |line: &WaterfallRow| {
            vec![
                line.start.to_string(),
                line.end.to_string(),
                line.currency.to_string(),
                line.line.into(),
                line.cause.clone().unwrap_or_default(),
                line.amount_exact.to_string(),
                if line.partial { "true".into() } else { String::new() },
            ]
        };
        let columns = vec!["start", "end", "currency", "line", "cause", "amount_exact", "partial"];
        Table { columns, rows: self.data.iter().map(row).collect() }.telling_converted(self.converted)
    }
}
