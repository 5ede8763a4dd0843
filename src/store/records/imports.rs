//! Imports as they are kept: what people know of customers beside Stripe, dated, numbered, sealed into a chain (rule `attributes`).

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::{
    event::Seq,
    ledger::{
        ids::CustomerId,
        money::{Currency, Mrr},
        month::Month,
        time::{Day, UnixTime},
    },
};

/// The kinds of files that can be imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportKind {
    /// Values of customers' attributes, from a day on.
    Attributes,
    /// What was spent, by month.
    Spend,
}

impl ImportKind {
    /// Every kind, in the order in which it is listed.
    pub const ALL: [Self; 2] = [Self::Attributes, Self::Spend];

    /// As it is kept and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Attributes => "attributes",
            Self::Spend => "spend",
        }
    }
}

/// Whose attribute a row tells.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    /// The customer of this id at Stripe.
    Stripe(CustomerId),
    /// Every customer whose metadata has this value under this key.
    Metadata {
        /// The key, one of `ledger.metadata_keys`.
        key: Arc<str>,
        /// The value that its customers have there.
        value: Arc<str>,
    },
}

/// A value of an attribute from a day on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeRow {
    /// The line of the file, from 1.
    pub line: i64,
    /// The customer whose attribute it is.
    pub whose: Whose,
    /// The name of the attribute.
    pub key: Arc<str>,
    /// Its value; empty where there is none from that day on.
    pub value: Arc<str>,
    /// The first day on which it holds, in the ledger's zone.
    pub valid_from: Day,
}

/// What money was spent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each says it by its name")]
pub enum SpendKind {
    Sales,
    Marketing,
    CostOfService,
    Operating,
}

impl SpendKind {
    /// Every kind, in the order in which it is listed.
    pub const ALL: [Self; 4] = [Self::Sales, Self::Marketing, Self::CostOfService, Self::Operating];

    /// As it is imported, kept and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sales => "sales",
            Self::Marketing => "marketing",
            Self::CostOfService => "cost_of_service",
            Self::Operating => "operating",
        }
    }

    /// The kind of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What was spent on something in a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpendRow {
    /// The line of the file, from 1.
    pub line: i64,
    /// The month in which it was spent.
    pub month: Month,
    /// The currency of the amount.
    pub currency: Currency,
    /// What the money was spent on.
    pub kind: SpendKind,
    /// For which segment, by its name; empty for the whole company.
    pub segment: Arc<str>,
    /// How much, in 10⁻⁶ of a minor unit; below zero for what came back.
    pub amount: Mrr,
}

/// A line that couldn't be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// The line of the file, from 1.
    pub line: i64,
    /// What is wrong with it; never what it says of people.
    pub reason: String,
}

/// An import to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewImport {
    /// Which of `rows` and `spend` it brings.
    pub kind: ImportKind,
    /// What the file was called; empty for none.
    pub file: String,
    /// What was taken of attributes, by line.
    pub rows: Vec<AttributeRow>,
    /// What was taken of spend, by line.
    pub spend: Vec<SpendRow>,
    /// The lines that weren't taken, in their order.
    pub set_aside: Vec<SetAside>,
}

/// An import as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Its number: 1, 2, 3, … without a hole.
    pub id: i64,
    /// What it brings, by its word: another version of mrrd may know more of them.
    pub kind: String,
    /// When it was recorded, by mrrd's clock.
    pub recorded_at: UnixTime,
    /// The log's end then: whoever asks as of a later place knows of the import.
    pub log_seq: Seq,
    /// By whom, as the audit trail has it.
    pub who: String,
    /// What the file was called; empty for none.
    pub file: String,
    /// How many rows were taken.
    pub taken: i64,
    /// How many lines were set aside.
    pub set_aside: i64,
    /// What its seal is made of, and that of the import before.
    pub seal: [u8; 32],
}

/// Up to which moment imports are known to a question (rule `attributes`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportsKnown {
    /// Every import recorded by now.
    All,
    /// Those recorded at this instant or before.
    Instant(UnixTime),
    /// Those recorded before the event at this place was appended.
    Seq(Seq),
}

/// What the first seal follows.
pub const BEGINNING: [u8; 32] = [0; 32];

/// Digests one field with its length, so that no two rows read alike.
fn field(hash: &mut Sha256, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_be_bytes());
    hash.update(bytes);
}

/// The seal of an import: SHA-256 over the seal before it, its header, its rows and the lines it set aside, each by line. Rows of spend
/// come last, where there are any.
pub fn seal(
    before: &[u8; 32],
    import: &Import,
    rows: &[AttributeRow],
    spend: &[SpendRow],
    set_aside: &[SetAside],
) -> [u8; 32] {
    let mut hash = Sha256::new();
    field(&mut hash, before);
    for number in [import.id, import.recorded_at.0, import.log_seq.0, import.taken, import.set_aside] {
        field(&mut hash, &number.to_be_bytes());
    }
    for text in [&import.kind, &import.who, &import.file] {
        field(&mut hash, text.as_bytes());
    }
    field(&mut hash, &(rows.len() as u64).to_be_bytes());
    for row in rows {
        field(&mut hash, &row.line.to_be_bytes());
        let (key, customer) = row.whose.columns();
        for text in [key, customer, &row.key, &row.value, &row.valid_from.to_string()] {
            field(&mut hash, text.as_bytes());
        }
    }
    field(&mut hash, &(set_aside.len() as u64).to_be_bytes());
    for one in set_aside {
        field(&mut hash, &one.line.to_be_bytes());
        field(&mut hash, one.reason.as_bytes());
    }
    for row in spend {
        field(&mut hash, &row.line.to_be_bytes());
        let (currency, amount) = (row.currency.to_string(), row.amount.to_string());
        for text in [&*row.month.to_string(), &currency, row.kind.as_str(), &row.segment, &amount] {
            field(&mut hash, text.as_bytes());
        }
    }
    hash.finalize().into()
}

impl Whose {
    /// As two columns hold it: a key of metadata, empty for Stripe's id, and what is looked for.
    pub fn columns(&self) -> (&str, &str) {
        match self {
            Self::Stripe(id) => ("", id.as_str()),
            Self::Metadata { key, value } => (key, value),
        }
    }

    /// Read back from its two columns: an empty key is a customer of Stripe's.
    pub fn of_columns(key: String, customer: String) -> Self {
        if key.is_empty() {
            Self::Stripe(CustomerId::new(customer))
        } else {
            Self::Metadata { key: key.into(), value: customer.into() }
        }
    }
}

impl std::fmt::Display for Whose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stripe(id) => f.write_str(id.as_str()),
            Self::Metadata { key, value } => write!(f, "metadata:{key}={value}"),
        }
    }
}
