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
pub mod unit_economics;
pub mod units;

mod causes;
mod counting;
mod customer_facts;
mod deltas;
mod latest;
#[cfg(test)]
mod laws;
mod movements;
mod netting;
mod order;
mod parts;
mod past;
mod replacement;
mod snapshot;
mod sorted_facts;
#[cfg(test)]
mod story;
mod sweep;
#[cfg(test)]
mod tests;
mod words;

use std::cell::OnceCell;

pub use customer_facts::CustomerFacts;
use fact::SubscriptionState;
use outcome::CustomerLedger;
use past::Bills;
use pricing::Terms;
use profile::{InclusiveTax, Profile, TrialGranted};
use sorted_facts::SortedFacts;
use time::{Day, UnixTime, Zone};

/// Version of the rules: raise it when the same facts would yield other rows, and every ledger rebuilds itself.
pub const VERSION: i64 = 7;

/// Derives one customer's ledger under one profile: the same facts in any order give the same outcome (rule `arrival-order`).
pub fn derive(input: CustomerFacts<'_>, profile: &Profile, zone: &Zone) -> CustomerLedger {
    derive_cut(input, profile, zone, &[])
}

/// [`derive`], with netting windows that end before each of the days `cuts`, in order: what a bridge over intervals shorter
/// than the profile's window is made of (rule `netting`). Amounts are the same; kinds are those of the shorter windows.
pub fn derive_cut(input: CustomerFacts<'_>, profile: &Profile, zone: &Zone, cuts: &[Day]) -> CustomerLedger {
    let cuts: Vec<UnixTime> = cuts.iter().map(|day| zone.start_of(*day)).collect();
    let Derivation { known, subscriptions, sweep, movements, quality, .. } =
        Derivation::new(input, profile, zone, &cuts);
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
    }
}

/// What one subscription counts, and what couldn't be known of it.
fn count<'a>(
    mut snapshots: Vec<timeline::Snapshot<'a>>,
    terms: &Terms<'a>,
    paid: Option<(UnixTime, ids::EventId)>,
    profile: &Profile,
) -> (counting::Counted<'a>, Vec<outcome::QualityEntry>) {
    let mut granted = pricing::Granted::new();
    loop {
        let (mut spans, mut quality) = pricing::price(&snapshots, terms, profile, &granted);
        quality.extend(counting::bound(&snapshots, &mut spans));
        let mut counted = counting::count(snapshots, spans, paid.clone(), profile);
        // Whether an item counted before its own trial is known only now; where such trials count, all is priced again.
        let more = match profile.trial_granted {
            TrialGranted::Count => counted.granted_items(),
            TrialGranted::Contraction => pricing::Granted::new(),
        };
        if more.is_subset(&granted) {
            counted.granted = granted;
            return (counted, quality);
        }
        granted.extend(more);
        snapshots = counted.snapshots;
    }
}

/// One customer's ledger with all that led to it: `derive` keeps the rows, `explain` tells the way.
struct Derivation<'a> {
    known: SortedFacts<'a>,
    terms: Terms<'a>,
    subscriptions: Vec<counting::Counted<'a>>,
    sweep: sweep::Sweep,
    movements: Vec<outcome::Movement>,
    quality: Vec<outcome::QualityEntry>,
}

impl<'a> Derivation<'a> {
    fn new(input: CustomerFacts<'a>, profile: &Profile, zone: &Zone, cuts: &[UnixTime]) -> Self {
        let known = SortedFacts::gather(input);
        let terms = Terms::gather(input).keeping_tax(profile.inclusive_tax == InclusiveTax::Keep);
        let mut quality = Vec::new();
        let mut subscriptions = Vec::with_capacity(known.subscriptions.len());
        // The common customer is known from its beginning, and its invoices needn't be asked.
        let bills = OnceCell::new();
        let past = |last: &SubscriptionState, until: UnixTime| {
            past::rebuild(last, until, bills.get_or_init(|| Bills::gather(input)), zone)
        };
        for (id, seen) in &known.subscriptions {
            let invoice_created = |invoice: &str| known.invoice_created(invoice);
            let mut timeline = timeline::build(seen, known.deleted(seen), &invoice_created, &past, zone);
            terms.complete(&mut timeline.snapshots);
            quality.extend(timeline.quality);
            let (counted, unknown) = count(timeline.snapshots, &terms, known.first_payment(id), profile);
            quality.extend(unknown);
            subscriptions.push(counted);
        }
        let mut sweep = sweep::sweep(&subscriptions);
        let windows = netting::windows(&subscriptions, &sweep, profile.netting, zone, cuts);
        sweep.count(&windows, profile, zone);
        let movements = movements::movements(&subscriptions, &sweep, &windows, &terms, profile, zone);
        quality.sort_unstable();
        quality.dedup();
        Self { known, terms, subscriptions, sweep, movements, quality }
    }
}
