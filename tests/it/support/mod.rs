//! What several areas' tests stand on.
#![allow(dead_code, reason = "each area uses its share")]

pub(crate) mod daemon;
pub(crate) mod fake_stripe;
pub(crate) mod nginx;
pub(crate) mod postgres;
pub(crate) mod python;
pub(crate) mod sql;
mod stripe_contract;

/// A line of the audit trail, for tests that are about something else.
pub(crate) fn deed(at: i64) -> mrrd::store::records::audit_trail::Deed {
    use mrrd::store::records::audit_trail::{Action, Actor, KnownBy};
    let actor = Actor { who: "ada".into(), by: KnownBy::Command, address: String::new() };
    actor.does(mrrd::ledger::time::UnixTime(at), Action::MonthClosed, "a test")
}
