//! What is due beside committed MRR, trials and annual renewals (rule `committed-mrr`): all of it counted, the first of it written out.

use super::{
    ReportError,
    committed_answer::{AnnualRenewals, DueEntry, TrialsDue},
    money::Exact,
};
use crate::{
    event::CustomerKey,
    ledger::{
        ahead::Ahead,
        ids::{CustomerId, EventId, SubscriptionId},
        metrics,
        money::{Currency, Mrr},
        pricing::exact::Exact as Ratio,
        time::{UnixTime, Zone},
    },
    store::derived::prospects::TrialSums,
};

/// What every list of what is due is told with.
pub(super) struct DueBeside<'a> {
    pub(super) zone: &'a Zone,
    /// Of the trials that ended in the last year: how many have converted, and how many there are.
    pub(super) conversion: (u64, u64),
    /// Trials that were summed as their rows came.
    pub(super) trials: TrialSums,
    /// So many of each are listed.
    pub(super) listed: usize,
}

impl DueBeside<'_> {
    /// Running trials of a currency, and those whose amount the log can't tell.
    pub(super) fn trials(&self, currency: Currency, known: &[(CustomerKey, Ahead)]) -> Result<TrialsDue, ReportError> {
        let (mut due, mut sum, mut untold) = (Vec::new(), Mrr::ZERO, 0);
        for (key, trial) in known.iter().flat_map(|(key, one)| one.trials.iter().map(move |trial| (key, trial))) {
            let mrr = match trial.mrr {
                Some((of, _)) if of != currency => continue,
                told => told.map(|(_, mrr)| mrr),
            };
            sum = sum.checked_add(mrr.unwrap_or_default()).ok_or(ReportError::Overflow)?;
            untold += u64::from(mrr.is_none());
            due.push(Beside {
                at: trial.at,
                customer: &key.customer,
                subscription: &trial.subscription,
                mrr,
                event: &trial.event,
            });
        }
        let mut trials = due.len() as u64;
        for of in [Some(currency), None] {
            let Some(more) = self.trials.0.get(&of) else { continue };
            trials += more.trials;
            untold += if of.is_none() { more.trials } else { 0 };
            sum = sum.checked_add(more.mrr).ok_or(ReportError::Overflow)?;
            due.extend(more.first.iter().map(|trial| Beside {
                at: trial.at,
                customer: &trial.customer,
                subscription: &trial.subscription,
                mrr: trial.mrr,
                event: &trial.event,
            }));
        }
        let (converted, ended) = self.conversion;
        let expected = (ended > 0).then(|| {
            let rate = Ratio::ratio(converted.into(), ended.into());
            Ratio::whole(sum.0).times(rate)?.scaled(1).map(|units| Exact(Mrr(units)))
        });
        Ok(TrialsDue {
            trials,
            untold,
            mrr: sum.minor(),
            mrr_exact: Exact(sum),
            conversion: metrics::trial_conversion(converted, ended).into(),
            expected_exact: expected.transpose().map_err(|_| ReportError::Overflow)?,
            data: Beside::first(due, self.listed, self.zone),
        })
    }

    /// What is billed by the year in a currency and renews.
    pub(super) fn renewals(
        &self,
        currency: Currency,
        known: &[(CustomerKey, Ahead)],
    ) -> Result<AnnualRenewals, ReportError> {
        let (mut due, mut sum) = (Vec::new(), Mrr::ZERO);
        let all = known.iter().flat_map(|(key, one)| one.renewals.iter().map(move |renewal| (key, renewal)));
        for (key, renewal) in all.filter(|(_, renewal)| renewal.mrr.0 == currency) {
            sum = sum.checked_add(renewal.mrr.1).ok_or(ReportError::Overflow)?;
            due.push(Beside {
                at: renewal.at,
                customer: &key.customer,
                subscription: &renewal.subscription,
                mrr: Some(renewal.mrr.1),
                event: &renewal.event,
            });
        }
        let (subscriptions, mrr, mrr_exact) = (due.len() as u64, sum.minor(), Exact(sum));
        Ok(AnnualRenewals { subscriptions, mrr, mrr_exact, data: Beside::first(due, self.listed, self.zone) })
    }
}

/// Something due, before it is written out.
struct Beside<'a> {
    at: UnixTime,
    customer: &'a CustomerId,
    subscription: &'a SubscriptionId,
    /// `None` where the log can't tell.
    mrr: Option<Mrr>,
    event: &'a EventId,
}

impl Beside<'_> {
    /// The first `listed` of them in order of time. They may be hundreds of thousands: only these are written out.
    fn first(mut all: Vec<Self>, listed: usize, zone: &Zone) -> Vec<DueEntry> {
        let in_order = |one: &Self, other: &Self| {
            let key = |it: &Self| (it.at, it.customer, it.subscription, it.mrr, it.event);
            key(one).cmp(&key(other))
        };
        if listed < all.len() {
            all.select_nth_unstable_by(listed, in_order);
            all.truncate(listed);
        }
        all.sort_unstable_by(in_order);
        all.iter().map(|one| one.entry(zone)).collect()
    }

    fn entry(&self, zone: &Zone) -> DueEntry {
        DueEntry {
            day: zone.day(self.at).to_string(),
            customer: self.customer.to_string(),
            subscription: self.subscription.to_string(),
            mrr_exact: self.mrr.map(|mrr| mrr.to_string()),
            event: self.event.to_string(),
        }
    }
}
