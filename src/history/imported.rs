//! What becomes of a file that people import: recorded beside the log unless it is only tried, and told line by line.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    limits,
    report::service::{AskError, Reports},
    store::{
        StoreError,
        records::{
            audit_trail::Deed,
            imports::{Import, NewImport, SetAside, Whose},
        },
    },
};

/// What becomes of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ImportAnswer {
    /// Its number; null where nothing was recorded (`dry_run`).
    pub id: Option<i64>,
    /// What the file held: `attributes` or `spend`.
    pub kind: String,
    /// How many rows are taken.
    pub taken: i64,
    /// Lines that are not, by number.
    pub set_aside: Vec<SetAsideEntry>,
    /// Attributes that are told, by name, or kinds of spend, with the number of rows of each.
    pub keys: BTreeMap<String, i64>,
    /// Customers of whom the log knows nothing yet: their rows are kept, and count once it does. The first of them.
    pub unknown: Vec<String>,
    /// How many customers of whom nothing is known it names.
    pub unknown_count: i64,
    /// The seal, in hexadecimal; null where nothing was recorded.
    pub seal: Option<String>,
}

/// A line that isn't taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SetAsideEntry {
    /// The number of the line, from 1.
    pub line: i64,
    /// What is wrong with it.
    pub reason: String,
}

/// Customers of whom nothing is known that an answer names; the others it only counts.
const UNKNOWN_NAMED: usize = 100;

impl ImportAnswer {
    /// Records an import unless it is only to be tried (`deed` is `None`), and tells what became of it. `unknown` are the
    /// customers it names of whom the log tells nothing.
    pub(super) async fn record(
        reports: &Reports<'_>,
        new: &NewImport,
        unknown: impl ExactSizeIterator<Item = Whose>,
        deed: Option<&Deed>,
    ) -> Result<Self, AskError> {
        let recorded = match deed {
            None => None,
            Some(deed) => Some(recorded(reports, new, deed).await?),
        };
        let mut keys: BTreeMap<String, i64> = BTreeMap::new();
        let attributes = new.rows.iter().map(|row| row.key.as_ref());
        for key in attributes.chain(new.spend.iter().map(|row| row.kind.as_str())) {
            *keys.entry(key.to_owned()).or_default() += 1;
        }
        let aside = |one: &SetAside| SetAsideEntry { line: one.line, reason: one.reason.clone() };
        Ok(Self {
            id: recorded.as_ref().map(|import| import.id),
            kind: new.kind.as_str().into(),
            taken: i64::try_from(new.rows.len() + new.spend.len()).unwrap_or(i64::MAX),
            set_aside: new.set_aside.iter().map(aside).collect(),
            keys,
            unknown_count: i64::try_from(unknown.len()).unwrap_or(i64::MAX),
            unknown: unknown.take(UNKNOWN_NAMED).map(|whose| whose.to_string()).collect(),
            seal: recorded.map(|import| hex::encode(import.seal)),
        })
    }
}

/// Records an import behind whatever other imports come meanwhile.
async fn recorded(reports: &Reports<'_>, new: &NewImport, deed: &Deed) -> Result<Import, StoreError> {
    for _ in 0..limits::IMPORT_TRIES {
        if let Some(import) = reports.store.records.record_import(new, deed).await? {
            return Ok(import);
        }
    }
    let reason = "other imports are being recorded: import the file again".into();
    Err(StoreError::Unavailable { doing: "recording an import", reason })
}
