//! The ledger: facts in, money out. Pure: no I/O, no clock, no async, no JSON (ARCHITECTURE.md names the enforcers).

pub mod ahead;
pub mod cohorts;
pub mod durability;
pub mod explain;
pub mod fact;
pub mod fx;
pub mod goals;
pub mod identities;
pub mod ids;
pub mod knobs;
pub mod lasting;
pub mod losses;
pub mod metrics;
pub mod money;
pub mod month;
pub mod movement_id;
pub mod outcome;
pub mod plans;
pub mod pricing;
pub mod profile;
pub mod retention;
pub mod rule;
pub mod sentence;
pub mod stored;
pub mod time;
pub mod timeline;
pub mod told;
pub mod told_again;
pub mod unit_economics;
pub mod units;

mod causes;
mod counting;
mod customer_facts;
mod deltas;
mod derivation;
mod latest;
#[cfg(test)]
mod laws;
mod movements;
mod netting;
mod order;
mod parts;
mod past;
mod prospect;
mod replacement;
mod snapshot;
mod sorted_facts;
#[cfg(test)]
mod story;
mod sweep;
#[cfg(test)]
mod tests;
mod words;

pub use customer_facts::CustomerFacts;
use derivation::Derivation;
use outcome::CustomerLedger;
use profile::Profile;
use time::{Day, UnixTime, Zone};

/// Version of the rules: raise it when the same facts would yield other rows, and every ledger rebuilds itself.
pub const VERSION: i64 = 8;

/// Derives one customer's ledger under one profile: the same facts in any order give the same outcome (rule `arrival-order`).
pub fn derive(input: CustomerFacts<'_>, profile: &Profile, zone: &Zone) -> CustomerLedger {
    derive_cut(input, profile, zone, &[])
}

/// [`derive`], with netting windows that end before each of the days `cuts`, in order: what a bridge over intervals shorter
/// than the profile's window is made of (rule `netting`). Amounts are the same; kinds are those of the shorter windows.
pub fn derive_cut(input: CustomerFacts<'_>, profile: &Profile, zone: &Zone, cuts: &[Day]) -> CustomerLedger {
    let cuts: Vec<UnixTime> = cuts.iter().map(|day| zone.start_of(*day)).collect();
    let derivation = Derivation::new(input, profile, zone, &cuts);
    let prospects = ahead::prospects(&derivation, input.facts, profile);
    let Derivation { known, subscriptions, sweep, movements, quality, .. } = derivation;
    let mut rows = Vec::new();
    subscriptions.iter().for_each(|counted| deltas::deltas(counted, zone, &mut rows));
    rows.sort_unstable();
    CustomerLedger {
        test_clock: known.test_clock(),
        country: known.country(),
        metadata: std::collections::BTreeMap::new(),
        first_mrr_at: sweep.first_mrr_at,
        deltas: rows,
        counts: sweep.counts,
        movements,
        subscriptions: subscriptions.iter().filter_map(latest::latest).collect(),
        quality,
        trials: subscriptions.iter().flat_map(latest::trials).collect(),
        prospects,
    }
}
