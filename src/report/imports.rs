//! Imports as lists show them, and as `mrrd verify` holds them against their seals (rule `attributes`).

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    money::Exact,
    reports::{AskError, Reports},
    table::Table,
};
use crate::{
    event::Seq,
    store::{
        StoreError,
        records::imports::{AttributeRow, BEGINNING, Import, SetAside, SpendRow, seal},
    },
};

/// Every import, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ImportList {
    /// One entry for each file, in the order they came.
    pub data: Vec<ImportEntry>,
}

/// An import as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ImportEntry {
    /// Its number: 1, 2, 3, … without a hole.
    pub id: i64,
    /// What it brought: `attributes` or `spend`.
    pub kind: String,
    /// When it was recorded, by mrrd's clock.
    pub recorded_at: String,
    /// The log's end then: a question as of a later place knows of it.
    #[schema(value_type = i64)]
    pub log_seq: Seq,
    /// Who imported it, as the audit trail names them.
    pub who: String,
    /// What the file was called; empty for none.
    pub file: String,
    /// How many rows were taken.
    pub taken: i64,
    /// How many lines were set aside.
    pub set_aside: i64,
    /// SHA-256 over the seal before it and all it holds, in hexadecimal.
    pub seal: String,
}

/// An import with all it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ImportShown {
    /// When it was recorded, by whom, and its seal.
    #[serde(flatten)]
    pub import: ImportEntry,
    /// What was taken of attributes, by line.
    pub rows: Vec<ImportedRow>,
    /// What was taken of spend, by line; absent where there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub spend: Vec<ImportedSpend>,
    /// The lines that weren't taken, by number.
    pub lines_set_aside: Vec<LineSetAside>,
}

/// A value of an attribute from a day on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ImportedRow {
    /// The line of the file, from 1.
    pub line: i64,
    /// Whose it is: Stripe's id of a customer, or `metadata:KEY=VALUE`.
    pub customer: String,
    /// The name of the attribute it tells.
    pub key: String,
    /// Its value; empty where there is none from that day on.
    pub value: String,
    /// The first day on which it holds.
    pub valid_from: String,
}

/// What was spent on something in a month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ImportedSpend {
    /// The line of the file, from 1.
    pub line: i64,
    /// The calendar month, such as `2026-05`.
    pub month: String,
    /// The currency of the amounts, such as `usd`.
    pub currency: String,
    /// `sales`, `marketing`, `cost_of_service` or `operating`.
    pub kind: &'static str,
    /// For which segment, by its name; empty for the whole company.
    pub segment: String,
    /// How much, in minor units.
    pub amount: i128,
    /// `amount` exactly, to 10⁻⁶ of a minor unit.
    pub amount_exact: Exact,
}

/// A line that wasn't taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LineSetAside {
    /// The line of the file, from 1.
    pub line: i64,
    /// What is wrong with it.
    pub reason: String,
}

/// What verifying the imports found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportsReport {
    /// Imports held against their seals.
    pub checked: u64,
    /// The first that isn't as it was recorded, in words.
    pub first_difference: Option<String>,
}

impl Reports<'_> {
    /// Every import, the newest first.
    pub async fn imports(&self) -> Result<ImportList, AskError> {
        let all = self.store.records.imports().await?;
        Ok(ImportList { data: all.iter().rev().map(ImportEntry::from).collect() })
    }

    /// The import of this number with all it holds; `None` where there is none.
    pub async fn import(&self, id: i64) -> Result<Option<ImportShown>, AskError> {
        let all = self.store.records.imports().await?;
        let Some(import) = all.iter().find(|import| import.id == id) else { return Ok(None) };
        let rows = self.store.records.imported_rows(id).await?;
        let spend = self.store.records.imported_spend(id).await?;
        let aside = self.store.records.lines_set_aside(id).await?;
        Ok(Some(ImportShown {
            import: import.into(),
            rows: rows.iter().map(ImportedRow::from).collect(),
            spend: spend.iter().map(ImportedSpend::from).collect(),
            lines_set_aside: aside.iter().map(LineSetAside::from).collect(),
        }))
    }

    /// Holds every import against its seal, and their number against what the audit trail tells. Writes nothing.
    pub async fn verify_imports(&self) -> Result<ImportsReport, AskError> {
        let (imports, told) = (self.store.records.imports().await?, self.store.records.imports_told().await?);
        let mut report = ImportsReport::default();
        let mut before = BEGINNING;
        for (number, import) in (1..).zip(&imports) {
            if import.id != number {
                report.first_difference = Some(format!("import {number} is gone"));
                return Ok(report);
            }
            if self.sealed(&before, import).await? != import.seal {
                report.first_difference = Some(format!("import {number} isn't as it was sealed"));
                return Ok(report);
            }
            (before, report.checked) = (import.seal, report.checked + 1);
        }
        if i64::try_from(imports.len()).is_ok_and(|len| len != told) {
            let len = imports.len();
            report.first_difference = Some(format!("there are {len} imports, and the audit trail tells of {told}"));
        }
        Ok(report)
    }

    async fn sealed(&self, before: &[u8; 32], import: &Import) -> Result<[u8; 32], StoreError> {
        let rows = self.store.records.imported_rows(import.id).await?;
        let aside = self.store.records.lines_set_aside(import.id).await?;
        let spend = self.store.records.imported_spend(import.id).await?;
        Ok(seal(before, import, &rows, &spend, &aside))
    }
}

impl From<&Import> for ImportEntry {
    fn from(import: &Import) -> Self {
        Self {
            id: import.id,
            kind: import.kind.clone(),
            recorded_at: import.recorded_at.to_string(),
            log_seq: import.log_seq,
            who: import.who.clone(),
            file: import.file.clone(),
            taken: import.taken,
            set_aside: import.set_aside,
            seal: hex::encode(import.seal),
        }
    }
}

impl From<&AttributeRow> for ImportedRow {
    fn from(row: &AttributeRow) -> Self {
        Self {
            line: row.line,
            customer: row.whose.to_string(),
            key: row.key.to_string(),
            value: row.value.to_string(),
            valid_from: row.valid_from.to_string(),
        }
    }
}

impl From<&SpendRow> for ImportedSpend {
    fn from(row: &SpendRow) -> Self {
        Self {
            line: row.line,
            month: row.month.to_string(),
            currency: row.currency.to_string(),
            kind: row.kind.as_str(),
            segment: row.segment.to_string(),
            amount: row.amount.minor(),
            amount_exact: Exact(row.amount),
        }
    }
}

impl From<&SetAside> for LineSetAside {
    fn from(one: &SetAside) -> Self {
        Self { line: one.line, reason: one.reason.clone() }
    }
}

impl ImportList {
    /// The columns of CSV and terminal.
    pub fn table(&self) -> Table {
        let columns = vec!["id", "kind", "recorded_at", "log_seq", "who", "file", "taken", "set_aside", "seal"];
        let row = |one: &ImportEntry| {
            vec![
                one.id.to_string(),
                one.kind.clone(),
                one.recorded_at.clone(),
                one.log_seq.to_string(),
                one.who.clone(),
                one.file.clone(),
                one.taken.to_string(),
                one.set_aside.to_string(),
                one.seal.clone(),
            ]
        };
        Table { columns, rows: self.data.iter().map(row).collect() }
    }
}

impl ImportShown {
    /// The columns of CSV and terminal: its rows, as they were imported.
    pub fn table(&self) -> Table {
        if !self.spend.is_empty() {
            return self.spend_table();
        }
        let columns = vec!["line", "customer", "key", "value", "valid_from"];
        let row = |one: &ImportedRow| {
            vec![one.line.to_string(), one.customer.clone(), one.key.clone(), one.value.clone(), one.valid_from.clone()]
        };
        Table { columns, rows: self.rows.iter().map(row).collect() }
    }

    fn spend_table(&self) -> Table {
        let columns = vec!["line", "month", "currency", "kind", "segment", "amount_exact"];
        let row = |one: &ImportedSpend| {
            vec![
                one.line.to_string(),
                one.month.clone(),
                one.currency.clone(),
                one.kind.into(),
                one.segment.clone(),
                one.amount_exact.to_string(),
            ]
        };
        Table { columns, rows: self.spend.iter().map(row).collect() }
    }
}
