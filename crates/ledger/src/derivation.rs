//! One customer's facts on their way to rows: what its subscriptions count, and how that moves.

use std::cell::OnceCell;

use super::{
    CustomerFacts, counting,
    fact::SubscriptionState,
    ids, movements, netting, outcome,
    past::{self, Bills},
    pricing::{self, Terms},
    profile::{InclusiveTax, Profile, TrialGranted},
    sorted_facts::SortedFacts,
    sweep,
    time::{UnixTime, Zone},
    timeline,
};

/// What one subscription counts, and what couldn't be known of it.
pub(super) fn count<'a>(
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
pub(super) struct Derivation<'a> {
    pub(super) known: SortedFacts<'a>,
    pub(super) terms: Terms<'a>,
    pub(super) subscriptions: Vec<counting::Counted<'a>>,
    pub(super) sweep: sweep::Sweep,
    pub(super) movements: Vec<outcome::Movement>,
    pub(super) quality: Vec<outcome::QualityEntry>,
}

impl<'a> Derivation<'a> {
    pub(super) fn new(input: CustomerFacts<'a>, profile: &Profile, zone: &Zone, cuts: &[UnixTime]) -> Self {
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
