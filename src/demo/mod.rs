//! A simulated Stripe account: it lives by its own rules, posts what it does as signed webhooks, and knows its own MRR.
//!
//! Nothing here asks the ledger what a figure should be: the truth comes from the simulator's own states, so that the
//! daemon can be held against it.

mod beginnings;
mod billing;
mod catalog;
mod changes;
pub mod check;
mod choices;
pub mod delivery;
mod event;
pub mod http;
mod invoice;
mod life;
mod random;
mod rates;
mod state;
mod truth;
mod wire;
mod worth;

pub use catalog::{Money, months_after};
pub use event::Event;
pub use life::Simulator;
pub use rates::{REPORTING, Rates};
pub use truth::{Change, Figures, Ledger, Truth, months};
pub use worth::{RULES, Rules, exact, read_exact};

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::ledger::time::{UnixTime, Zone};

    /// 2024-01-01 and two years later.
    const START: UnixTime = UnixTime(1_704_067_200);
    const END: UnixTime = UnixTime(1_767_225_600);

    fn lived(seed: u64, customers: u32) -> (Simulator, Vec<Event>) {
        let mut account = Simulator::new(seed, customers, START, END);
        let events = account.advance(END);
        (account, events)
    }

    #[test]
    fn the_same_seed_lives_the_same_life_whatever_the_steps() {
        let (_, whole) = lived(7, 20);
        let mut account = Simulator::new(7, 20, START, END);
        let mut steps = Vec::new();
        for day in 0..=731 {
            steps.extend(account.advance(START.plus(day * UnixTime::DAY_SECONDS).min(END)));
        }
        steps.sort_by_key(|event| event.created);
        let bodies = |events: &[Event]| events.iter().map(|event| event.body.clone()).collect::<Vec<_>>();
        assert_eq!(bodies(&whole), bodies(&steps));
        assert_ne!(bodies(&whole).len(), bodies(&lived(8, 20).1).len());
    }

    #[test]
    fn its_months_add_up_and_every_kind_of_movement_occurs() {
        let (account, _) = lived(1, 100);
        let months = months(START, END);
        assert_eq!(months.len(), 24);
        let mut kinds: BTreeMap<(&str, &str), u32> = BTreeMap::new();
        for rules in &RULES {
            for ledger in Ledger::ALL {
                for (from, to) in &months {
                    let month = account.truth().figures(rules, ledger, *from, *to);
                    let moved = month.new + month.expansion + month.reactivation + month.contraction + month.churn;
                    assert_eq!(month.opening + moved + month.fx, month.closing, "{} {from}", rules.profile);
                    assert!(ledger == Ledger::Reporting || month.fx == 0, "{ledger:?} {from}");
                    for change in account.truth().changes(rules, ledger, *from, *to) {
                        *kinds.entry((rules.profile, change.kind)).or_default() += 1;
                    }
                }
            }
        }
        for rules in &RULES {
            for kind in ["new", "expansion", "reactivation", "contraction", "churn"] {
                assert!(kinds.get(&(rules.profile, kind)).is_some_and(|seen| *seen > 3), "{kind}: {kinds:?}");
            }
        }
        assert_eq!(Zone::UTC.day(START), months[0].0);
    }

    #[test]
    fn it_sends_what_stripe_sends() {
        let (_, events) = lived(3, 100);
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        for event in &events {
            *kinds.entry(event.kind).or_default() += 1;
        }
        for kind in [
            "product.created",
            "price.created",
            "coupon.created",
            "customer.created",
            "customer.updated",
            "customer.deleted",
            "customer.subscription.created",
            "customer.subscription.updated",
            "customer.subscription.deleted",
            "customer.subscription.paused",
            "customer.subscription.resumed",
            "customer.subscription.trial_will_end",
            "customer.discount.created",
            "customer.discount.deleted",
            "invoice.created",
            "invoice.finalized",
            "invoice.paid",
            "invoice.payment_succeeded",
            "invoice.payment_failed",
            "invoice.voided",
            "invoiceitem.created",
            "subscription_schedule.created",
            "subscription_schedule.released",
            "charge.succeeded",
            "charge.failed",
            "payment_intent.succeeded",
        ] {
            assert!(kinds.contains_key(kind), "no {kind}");
        }
    }
}
