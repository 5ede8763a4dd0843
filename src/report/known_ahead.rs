//! What is known ahead of each customer: told by the rows that are kept of it, or by its facts where rows don't tell (rule
//! `committed-mrr`).

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use super::{
    ReportError,
    ask::Ask,
    service::{AskError, Reports},
    view::View,
};
use crate::{
    budget::{self, Charge},
    event::{CustomerKey, Seq},
    ledger::{
        CustomerFacts,
        ahead::{self, Ahead, Change},
        fact::Fact,
        money::{Currency, Mrr},
        time::UnixTime,
    },
    limits,
    reconciler::{ReconcileError, derivation, guard::guarded},
    store::derived::{
        prospects::{Prospects, TrialSums},
        reports::Scope,
    },
};

impl Reports<'_> {
    /// What rows tell of customers, and whose facts must be read for it. `listed`: trials are summed where they can be, and so many of each
    /// currency kept.
    pub(super) async fn found(
        &self,
        ask: &Ask,
        view: &dyn View,
        scope: &Scope,
        until: UnixTime,
        listed: Option<usize>,
    ) -> Result<Found, AskError> {
        // Rows tell what is billed. Only in the reporting currency itself that is what it is converted into.
        let reporting = self.kept(ask)?.reporting;
        let listed = listed.filter(|_| reporting.is_none());
        let Some(Prospects { of, trials }) = view.prospects(scope, until, listed).await? else {
            return Ok(Found { unread: view.changing_ahead(scope).await?, ..Found::default() });
        };
        let told_past_due = reporting.is_none();
        let mut found = Found { told_past_due, trials, ..Found::default() };
        for (key, told) in of {
            match told.filter(|told| reporting.is_none_or(|to| told.is_in(to))) {
                Some(told) => found.told.push((key, told)),
                None => found.unread.push(key),
            }
        }
        Ok(found)
    }

    /// What is known ahead of each of these customers.
    pub(super) async fn ahead(
        &self,
        ask: &Ask,
        scope: &Scope,
        customers: &[CustomerKey],
        position: Option<Seq>,
        until: UnixTime,
    ) -> Result<Vec<(CustomerKey, Ahead)>, AskError> {
        let (profile, kept) = (self.profile(ask)?, self.kept(ask)?);
        let rules = self.rules(std::slice::from_ref(&kept)).await?;
        let mut all = Vec::new();
        let mut charge = Charge::begin();
        for page in customers.chunks(usize::try_from(limits::CUSTOMERS_PAGE).unwrap_or(usize::MAX)) {
            let known = derivation::read(self.store, &rules, page, position).await?;
            let of_page = budget::compute(|| {
                let of = page.iter().zip(&known).filter(|(_, known)| !known.is_left_out(&rules.customers));
                of.map(|(key, known)| {
                    let counted = known.counted(&rules.customers);
                    // What the log tells of later than the cut had not happened, and was not scheduled either.
                    let facts: Cow<'_, [Fact]> = if counted.iter().all(|fact| fact.at <= scope.cut) {
                        counted
                    } else {
                        counted.iter().filter(|fact| fact.at <= scope.cut).cloned().collect()
                    };
                    let input = CustomerFacts { customer: &key.customer, facts: &facts, references: &known.references };
                    let derive = || {
                        let native = ahead::ahead(input, profile, &rules.zone, scope.cut, until);
                        match kept.reporting {
                            Some(to) => ahead::convert(native, to, &rules.rates, &rules.zone, scope.cut),
                            None => Ok(native),
                        }
                    };
                    let told = guarded(profile, derive)
                        .map_err(|reason| ReconcileError::Customer { customer: key.clone(), reason })?;
                    Ok::<_, AskError>((key.clone(), told.map_err(|entry| ReportError::missing_rate(&entry))?))
                })
                .collect::<Result<Vec<_>, AskError>>()
            })?;
            for (key, one) in of_page.into_iter().filter(|(_, one)| one.test_clock == scope.test_clock) {
                charge
                    .add(size_of::<Ahead>() + one.changes.len() * 4 * size_of::<Change>())
                    .map_err(ReportError::from)?;
                all.push((key, one));
            }
        }
        Ok(all)
    }
}

/// Where what is known ahead of customers comes from.
#[derive(Default)]
pub(super) struct Found {
    /// Told by rows.
    pub(super) told: Vec<(CustomerKey, Ahead)>,
    /// Trials of those who are told by rows, where they were summed.
    pub(super) trials: TrialSums,
    /// Whose facts must be read.
    pub(super) unread: Vec<CustomerKey>,
    /// Whether both tell all that is past due.
    pub(super) told_past_due: bool,
}

/// What is past due, by currency and customer; `None` beyond what an amount holds.
pub(super) fn past_due(known: &[(CustomerKey, Ahead)]) -> Option<BTreeMap<(Currency, Arc<str>), Mrr>> {
    let mut sums: BTreeMap<(Currency, Arc<str>), Mrr> = BTreeMap::new();
    for (key, one) in known {
        for (currency, at_risk) in &one.at_risk {
            let sum = sums.entry((*currency, key.customer.as_str().into())).or_default();
            *sum = sum.checked_add(*at_risk)?;
        }
    }
    sums.retain(|_, sum| *sum != Mrr::ZERO);
    Some(sums)
}
