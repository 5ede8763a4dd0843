//! The second look: a spike, or a large loss, is told only from losses that were seen a while ago and still stand.
//!
//! Webhooks come in any order. A customer who is cancelled and created anew in the same second may be gone for as long as
//! the second webhook takes, and so may eighty of them.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    alert::Series,
    backtest,
    distance::distance,
    history::{AccountDay, Counts, Loss},
};
use crate::{
    config::alert_rules::Rule,
    ledger::{
        ids::CustomerId,
        money::Currency,
        time::{Day, UnixTime},
    },
    limits,
};

/// One customer's loss, as far as it matters whether it was seen before.
type Seen = (Day, Kind, CustomerId, Currency);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Churned,
    Contracted,
    Failing,
}

/// Since when each loss of the last days has been seen.
#[derive(Debug, Default)]
pub(super) struct SecondLook {
    seen: BTreeMap<Seen, UnixTime>,
    /// When one of them was last seen to be gone.
    came_back: Option<UnixTime>,
}

/// The days without the losses that are too new to tell a spike from.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) days: Vec<AccountDay>,
    /// When the first of those will have been seen for long enough.
    pub(super) next: UnixTime,
}

impl SecondLook {
    /// Takes note of what is seen `now`.
    pub(super) fn note(&mut self, days: &[AccountDay], today: Day, now: UnixTime) {
        let present: BTreeSet<Seen> = days[first_young(days, today)..].iter().flat_map(seen).collect();
        // What grew too old to matter hasn't come back.
        if self.seen.keys().any(|one| young(one.0, today) && !present.contains(one)) {
            self.came_back = Some(now);
        }
        self.seen.retain(|one, _| present.contains(one));
        for one in present {
            let _ = self.seen.entry(one).or_insert(now);
        }
    }

    /// The days without what was first noted less than `wait` seconds ago; `None` where nothing was. While customers still
    /// come back the wait is twice as long, within a minute.
    pub(super) fn settled(&self, days: &[AccountDay], today: Day, now: UnixTime, wait: i64) -> Option<Settled> {
        let coming_back = self.came_back.is_some_and(|at| now.0 - at.0 < wait);
        let wait = if coming_back { (2 * wait).min(limits::ALERT_SECOND_LOOK_MAX_SECONDS) } else { wait };
        let first = self.seen.values().filter(|at| now.0 - at.0 < wait).min()?;
        let next = first.plus(wait);
        let settled = |day: Day, kind: Kind, loss: &Loss| {
            let since = self.seen.get(&(day, kind, loss.customer.clone(), loss.currency));
            since.is_none_or(|at| now.0 - at.0 >= wait)
        };
        let (from, mut days) = (first_young(days, today), days.to_vec());
        for day in &mut days[from..] {
            let of = day.day;
            day.churned.retain(|loss| settled(of, Kind::Churned, loss));
            day.contracted.retain(|loss| settled(of, Kind::Contracted, loss));
            day.failing.retain(|loss| settled(of, Kind::Failing, loss));
            if let Some(counts) = &mut day.counts {
                counts
                    .large
                    .retain(|lost| settled(of, if lost.ended { Kind::Churned } else { Kind::Contracted }, &lost.loss));
            }
            recount(day);
        }
        Some(Settled { days, next })
    }
}

/// What is counted of a day all of whose losses stand there, anew.
fn recount(day: &mut AccountDay) {
    let Some(Counts { large, .. }) = day.counts.take() else { return };
    // Without counts a day is counted from its losses.
    let of = |rule: Rule, series: Series| backtest::count(rule, series, day);
    day.counts = Some(Counts {
        churned: Series::ALL.map(|series| of(Rule::ChurnSpike, series)),
        contracted: of(Rule::ContractionSpike, Series::All),
        failing: of(Rule::PaymentFailures, Series::All),
        currencies: day.churned.iter().chain(&day.contracted).map(|loss| loss.currency).collect(),
        large,
    });
}

fn young(day: Day, today: Day) -> bool {
    distance(day, today) < i64::from(limits::ALERT_SECOND_LOOK_DAYS)
}

/// Where the days begin whose losses are looked at twice.
fn first_young(days: &[AccountDay], today: Day) -> usize {
    days.partition_point(|day| !young(day.day, today))
}

fn seen(day: &AccountDay) -> impl Iterator<Item = Seen> + '_ {
    let lists = [(Kind::Churned, &day.churned), (Kind::Contracted, &day.contracted), (Kind::Failing, &day.failing)];
    let all = lists.into_iter().flat_map(|(kind, losses)| losses.iter().map(move |loss| (kind, loss)));
    all.map(|(kind, loss)| (day.day, kind, loss.customer.clone(), loss.currency))
}

#[cfg(test)]
mod tests;
