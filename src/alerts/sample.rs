//! A made-up alert, for `mrrd alerts test`.

use std::collections::BTreeSet;

use super::{
    alert::{Alert, Confidence, Expected, Lost, Named, Series, Share},
    message::stripe_link,
};
use crate::{
    config::alert_rules::Rule,
    ledger::{
        money::{Currency, Mrr},
        time::{UnixTime, Zone},
    },
    report::money::Exact,
};

/// Three customers nobody has.
pub fn alert(now: UnixTime) -> Alert {
    let minor = |amount: i128| Exact(Mrr(amount * Mrr::MINOR));
    let share = |name: &str, amount| Share { name: name.into(), currency: Currency::USD, amount_exact: minor(amount) };
    let named = |customer: &str, amount, reason| Named {
        customer: customer.into(),
        currency: Currency::USD,
        amount_exact: minor(amount),
        reason,
        link: Some(stripe_link(true, customer)),
    };
    let day = Zone::UTC.day(now);
    Alert {
        rule: Rule::ChurnSpike,
        day,
        as_of: day,
        version: 1,
        closed: None,
        ended: None,
        threshold: "at most 2 false alerts a year".into(),
        series: Series::All,
        observed: 3,
        further: Some(5),
        expected: Some(Expected { mean: 0.4, low: 0, high: 1, days: 1, by_chance_once_in_years: 4.2 }),
        confidence: Confidence::High,
        lost: vec![Lost {
            currency: Currency::USD,
            total_exact: minor(34_800),
            voluntary_exact: minor(29_900),
            involuntary_exact: minor(4_900),
            unknown_exact: minor(0),
        }],
        by_product: vec![share("prod_sample", 34_800)],
        by_reason: vec![share("cancellation", 29_900), share("payment_failure", 4_900)],
        customers: vec![
            named("cus_sample_1", 19_900, "cancellation"),
            named("cus_sample_2", 10_000, "cancellation"),
            named("cus_sample_3", 4_900, "payment_failure"),
        ],
        next: Rule::ChurnSpike.next(),
        statement: None,
        warnings: Vec::new(),
        planned: Vec::new(),
        sections: Vec::new(),
        permille_of_mrr: None,
        how_unusual: None,
        updates: Vec::new(),
        window: BTreeSet::new(),
    }
}
