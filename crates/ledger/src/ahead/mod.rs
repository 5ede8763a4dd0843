//! What the log already knows will happen to a customer's MRR (rule `committed-mrr`): as if every scheduled thing happened,
//! and nothing else.
//!
//! Each subscription's line of snapshots is carried on by the states that are planned for it (`planned.rs`), and priced and
//! counted as it would be if they had come. What time alone changes before the first of them is the ledger's own row, dated ahead.

mod convert;
mod known;
mod level;
mod outlook;
mod planned;
mod prospects;
#[cfg(test)]
mod tests;

pub use convert::convert;
pub use known::{Ahead, Change, Renewal, TrialDue, Untold};
pub(super) use prospects::prospects;
pub use prospects::told;

pub use super::prospect::{Due, Prospect, ProspectKind};
use super::{
    CustomerFacts, deltas,
    derivation::Derivation,
    ids::SubscriptionId,
    money::Mrr,
    profile::Profile,
    time::{UnixTime, Zone},
};
use outlook::{Outlook, at_risk};

/// What is known of a customer's MRR from `now` up to `until`.
pub fn ahead(input: CustomerFacts<'_>, profile: &Profile, zone: &Zone, now: UnixTime, until: UnixTime) -> Ahead {
    let Derivation { known, subscriptions, terms, .. } = Derivation::new(input, profile, zone, &[]);
    let mut rows = Vec::new();
    subscriptions.iter().for_each(|counted| deltas::deltas(counted, zone, &mut rows));
    rows.retain(|row| row.at <= now);
    rows.sort_unstable();
    let mut ahead = Ahead { test_clock: known.test_clock(), deltas: rows, ..Ahead::default() };
    let schedules = planned::schedules(input.facts);
    let of = Outlook { known: &known, terms: &terms, profile, now, until };
    for base in &subscriptions {
        let Some(last) = base.snapshots.last() else { continue };
        let schedule = schedules.iter().find(|one| one.state.subscription.as_ref() == Some(&last.state.id));
        let plans = planned::of_subscription(&base.snapshots, schedule, now, until);
        of.take(Some(base), last.state.id.clone(), plans, &mut ahead);
        of.trial(base, &mut ahead);
        ahead.renewals.extend(of.renewal(base));
        if let Some((currency, at_risk)) = base.stands_at(now).and_then(at_risk) {
            ahead.at_risk.entry(currency).or_default().0 += at_risk.0;
        }
    }
    for schedule in schedules.iter().filter(|one| one.begins()) {
        let plans = planned::of_schedule(schedule, now, until);
        of.take(None, SubscriptionId::from(&*schedule.state.id), plans, &mut ahead);
    }
    ahead.changes.sort_by(|a, b| (a.at, a.due, &a.subscription, &a.item).cmp(&(b.at, b.due, &b.subscription, &b.item)));
    ahead.mrr.retain(|_, mrr| *mrr != Mrr::ZERO);
    ahead.at_risk.retain(|_, mrr| *mrr != Mrr::ZERO);
    ahead.committed.retain(|_, mrr| *mrr != Mrr::ZERO);
    ahead
}
