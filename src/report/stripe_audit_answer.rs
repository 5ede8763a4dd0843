//! What holding the ledger against one of Stripe's exports found, as it is serialised and tabled.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{knob_steps::Switch, money::Exact, stripe_export::Form, stripe_reason::Reason, table::Table};
use crate::ledger::money::Currency;

/// What holding the ledger against an export found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExportAudit {
    /// Which of Stripe's exports it is.
    pub form: Form,
    /// Under whose rules the ledger answered.
    pub profile: String,
    /// The first month or day of the export.
    pub from: String,
    /// The last month or day of the export.
    pub to: String,
    /// Figures held against each other: those of customers whom the export names.
    pub compared: usize,
    /// Those that agree, but for what Stripe rounds: less than one minor unit, or than one for each item that is no whole number
    /// of them.
    pub matched: usize,
    /// Those that don't: as many of `differences` as are of customers whom the export names.
    pub differ: usize,
    /// Currencies of the ledger that the export says nothing of, and how many figures in them were left aside.
    pub left_out: LeftOut,
    /// Customers whom the export names, and how many of them the ledger knows.
    pub named: Named,
    /// Customers of the ledger whom the export doesn't name, and how many figures of theirs are among the differences: what Stripe says
    /// of them isn't known.
    pub not_named: NotNamed,
    /// Those that don't agree, and those of customers whom the export doesn't name, by customer.
    pub differences: Vec<Difference>,
    /// The reasons, with how many differences each explains; the one that explains most comes first.
    pub reasons: Vec<Explained>,
}

/// What an export says nothing of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// The currencies that the export says nothing of.
    pub currencies: BTreeSet<Currency>,
    /// How many of the ledger's figures.
    pub figures: usize,
}

/// Whom an export names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Named {
    /// How many customers.
    pub customers: usize,
    /// How many of them the ledger knows.
    pub in_ledger: usize,
    /// The first of them, where the ledger knows none: they show what was read as the customer's id.
    #[serde(skip)]
    pub unknown: Vec<String>,
}

/// Whom an export doesn't name though the ledger has figures of theirs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NotNamed {
    /// How many customers.
    pub customers: usize,
    /// How many of the ledger's figures.
    pub figures: usize,
}

/// A figure of Stripe's that isn't the ledger's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The id of the customer, `cus_…`.
    pub customer: String,
    /// The currency of both figures.
    pub currency: String,
    /// The month or day it is about.
    pub at: String,
    /// Whether the export names the customer; where it doesn't, what Stripe says isn't known.
    pub named: bool,
    /// What Stripe says, in minor units; 0 where `named` is false, which is no more than a guess.
    pub stripe_exact: Exact,
    /// The ledger's figure, in minor units.
    pub ledger_exact: Exact,
    /// By how much the ledger's is above Stripe's, in minor units; 0 where only the kind of change is another.
    pub difference_exact: Exact,
    /// The kind of change Stripe names, where it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stripe_kind: Option<&'static str>,
    /// The kind of the ledger's movement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ledger_kind: Option<&'static str>,
    /// The likeliest reason why the two differ.
    pub reason: Reason,
    /// The events behind what the ledger says there.
    pub events: Vec<String>,
}

/// A reason, and how much it explains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// The word of the reason.
    pub reason: &'static str,
    /// The knobs that would make the ledger's figure Stripe's, where it is a setting.
    pub knobs: Vec<Switch>,
    /// Said in a few words.
    pub text: String,
    /// How many differences it explains.
    pub differences: usize,
    /// How many of these are of customers whom the export names: as many of `differ`.
    pub named: usize,
}

impl ExportAudit {
    /// Whether the ledger knows none of the customers whom the export names: one of the two is of another account.
    pub fn is_of_others(&self) -> bool {
        self.named.customers > 0 && self.named.in_ledger == 0
    }

    /// Whether there is anything to look at.
    pub fn agrees(&self) -> bool {
        self.differences.is_empty() && !self.is_of_others()
    }

    /// As a table for CSV, one row a difference.
    pub fn table(&self) -> Table {
        self.tabled("0")
    }

    /// As a table for a terminal: of customers whom the export doesn't name it says that instead of an amount.
    pub fn terminal(&self) -> String {
        self.tabled("not named").terminal()
    }

    /// One row a difference, with `unnamed` for what Stripe says of customers whom the export doesn't name.
    fn tabled(&self, unnamed: &str) -> Table {
        let columns = vec![
            "customer",
            "at",
            "currency",
            "stripe_exact",
            "ledger_exact",
            "difference_exact",
            "reason",
            "why",
            "events",
        ];
        let row = |one: &Difference| {
            let with = |amount: Exact, kind: Option<&str>| match kind {
                Some(kind) => format!("{kind} {amount}"),
                None => amount.to_string(),
            };
            vec![
                one.customer.clone(),
                one.at.clone(),
                one.currency.clone(),
                if one.named { with(one.stripe_exact, one.stripe_kind) } else { unnamed.to_owned() },
                with(one.ledger_exact, one.ledger_kind),
                one.difference_exact.to_string(),
                one.reason.kind.into(),
                one.reason.text.clone(),
                one.events.join(" "),
            ]
        };
        Table { columns, rows: self.differences.iter().map(row).collect() }
    }
}
