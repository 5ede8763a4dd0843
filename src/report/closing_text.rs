//! Closings as people read them: a sentence for each ledger, then its bridge in units of its currency.

use std::collections::BTreeMap;

use super::{
    closing_answer::{CloseAnswer, ClosedLine, ClosedProfile, LedgerMovements},
    table::Table,
    units::said,
};
use crate::{
    event::Seq,
    ledger::{
        money::{Currency, Mrr},
        profile::Profile,
    },
    store::{
        StoreError,
        records::{
            Records,
            closings::{Closing, holding},
        },
    },
};

/// Lines of a bridge in their order.
const LINES: [&str; 9] =
    ["opening", "opening_balance", "new", "expansion", "reactivation", "contraction", "churn", "fx", "closing"];

/// A ledger's lines, by the ledger.
type Ledgers<'a> = BTreeMap<(bool, &'a str, Currency), BTreeMap<&'a str, Mrr>>;

fn ledgers(lines: &[ClosedLine]) -> Ledgers<'_> {
    let mut all = Ledgers::new();
    for line in lines {
        let ledger = (!line.livemode, line.account.as_deref().unwrap_or_default(), line.currency);
        all.entry(ledger).or_default().insert(&line.line, line.amount_exact.0);
    }
    all
}

fn whose(test: bool, account: &str) -> String {
    let account = if account.is_empty() { String::new() } else { format!(" of {account}") };
    if test { format!("{account}, test events") } else { account }
}

impl CloseAnswer {
    /// What was kept, or would be: a sentence for each ledger, then the bridges.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for profile in &self.closed {
            let verb = if self.dry_run { "would be closed" } else { "is closed" };
            let anew =
                if profile.revision > 1 { format!(" anew (revision {})", profile.revision) } else { String::new() };
            for ((test, account, currency), lines) in ledgers(&profile.totals) {
                let of = |line| lines.get(line).copied().unwrap_or_default();
                let moved = of("closing").checked_sub(of("opening")).unwrap_or_default();
                let change = match moved.0 {
                    0 => "as much as before it".to_owned(),
                    more if more > 0 => format!("{} more than before it", said(moved, currency)),
                    _ => format!("{} less than before it", said(Mrr(-moved.0), currency)),
                };
                text.push_str(&format!(
                    "{} {verb}{anew} under {}{} with MRR {}, {change}, from the log up to {}.\n",
                    self.month,
                    profile.profile,
                    whose(test, account),
                    said(of("closing"), currency),
                    profile.seq,
                ));
            }
            if profile.totals.is_empty() {
                text.push_str(&format!("{} {verb}{anew} under {} with no MRR.\n", self.month, profile.profile));
            }
        }
        if let Some(notice) = &self.notice {
            text.push_str(&format!("{notice}.\n"));
        }
        let table = self.table();
        if !table.rows.is_empty() {
            text.push('\n');
            text.push_str(&table.terminal());
        }
        text.trim_end().to_owned()
    }

    /// The bridge of each ledger, a row each.
    fn table(&self) -> Table {
        let mut columns = vec!["profile", "account", "mode", "currency", "converted"];
        columns.extend([
            "opening_exact",
            "opening_balance_exact",
            "new_exact",
            "expansion_exact",
            "reactivation_exact",
            "contraction_exact",
            "churn_exact",
            "fx_exact",
            "closing_exact",
            "customers",
            "movements",
        ]);
        let row = |profile: &ClosedProfile| {
            let rows = ledgers(&profile.totals).into_iter().map(|((test, account, currency), lines)| {
                let mode = if test { "test" } else { "" };
                let mut row: Vec<String> =
                    [profile.profile.as_str(), account, mode, currency.as_str()].map(str::to_owned).into();
                row.push(profile.converted.to_string());
                row.extend(LINES.map(|line| lines.get(line).copied().unwrap_or_default().to_string()));
                let customers = lines.get("customers").map_or(0, |count| count.0 / Mrr::MINOR);
                let own = |one: &&LedgerMovements| {
                    let whose = (!one.livemode, one.account.as_deref().unwrap_or_default(), one.currency);
                    whose == (test, account, currency)
                };
                let movements = profile.movements_by_ledger.iter().find(own).map_or(0, |one| one.movements);
                row.extend([customers.to_string(), movements.to_string()]);
                row
            });
            rows.collect::<Vec<_>>()
        };
        Table { columns, rows: self.closed.iter().flat_map(row).collect() }
    }
}

/// One closing, as `mrrd close list` shows it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ListedClosing {
    /// The calendar month, such as `2026-10`.
    pub month: String,
    /// The profile under whose rules it is counted.
    pub profile: String,
    /// Whether it is closed converted into the reporting currency of then.
    pub converted: bool,
    /// 1 as the month was first closed.
    pub revision: i64,
    /// Whether a later revision took its place.
    pub superseded: bool,
    /// When it was closed, by mrrd's clock.
    pub closed_at: String,
    /// By whom; null where that wasn't kept yet.
    pub who: Option<String>,
    /// Why it took the place of the one before; null for the first.
    pub reason: Option<String>,
    /// The log up to here made the figures.
    pub seq: Seq,
    /// SHA-256 of month, `seq` and the rules.
    pub hash: String,
    /// What was kept of each ledger.
    pub totals: Vec<ClosedLine>,
}

/// Every closing, those that were superseded among them.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ClosingsListed {
    /// By month, profile and revision.
    pub data: Vec<ListedClosing>,
}

impl ClosingsListed {
    /// Reads every closing with its totals, superseded ones too.
    pub async fn read(records: &Records) -> Result<Self, StoreError> {
        let all = records.closings().await?;
        let hold = holding(all.clone());
        let mut data = Vec::with_capacity(all.len());
        for closing in all {
            let totals = records.closed_totals(&closing).await?;
            let superseded = !hold.contains(&closing);
            let Closing { profile, month, seq, closed_at, inputs: _, hash, revision, who, reason } = closing;
            // By its name: it may be configured no longer.
            let converted =
                Profile::converts_into(&profile).is_some_and(|into| totals.iter().all(|total| total.currency == into));
            let some = |text: String| Some(text).filter(|text| !text.is_empty());
            data.push(ListedClosing {
                month: month.to_string(),
                profile: profile.to_string(),
                converted,
                revision,
                superseded,
                closed_at: closed_at.to_string(),
                who: some(who),
                reason: some(reason),
                seq,
                hash,
                totals: totals.iter().map(ClosedLine::from).collect(),
            });
        }
        Ok(Self { data })
    }

    /// A row for each ledger of each closing.
    pub fn table(&self) -> Table {
        let columns = vec![
            "month",
            "profile",
            "account",
            "mode",
            "currency",
            "converted",
            "closing_exact",
            "closed_at",
            "who",
            "revision",
            "state",
            "reason",
        ];
        let mut rows = Vec::new();
        for one in &self.data {
            let state = if one.superseded { "superseded" } else { "holds" };
            let row = |account: &str, mode: &str, currency: &str, closing: String| {
                let (who, reason) = (one.who.clone().unwrap_or_default(), one.reason.clone().unwrap_or_default());
                let (month, profile) = (one.month.clone(), one.profile.clone());
                let revision = one.revision.to_string();
                let converted = if currency.is_empty() { String::new() } else { one.converted.to_string() };
                vec![
                    month,
                    profile,
                    account.into(),
                    mode.into(),
                    currency.into(),
                    converted,
                    closing,
                    one.closed_at.clone(),
                    who,
                    revision,
                    state.into(),
                    reason,
                ]
            };
            let all = ledgers(&one.totals);
            if all.is_empty() {
                rows.push(row("", "", "", String::new()));
            }
            for ((test, account, currency), lines) in all {
                let closing = lines.get("closing").copied().unwrap_or_default();
                rows.push(row(account, if test { "test" } else { "" }, currency.as_str(), closing.to_string()));
            }
        }
        Table { columns, rows }
    }
}
