//! Closed months told again as they were when they were closed (rule `closing`): metrics and movements, which a closing keeps
//! only in part. Under the same rules the log up to the closing's end gives them whole, and has to give the closing's own
//! totals; under other rules by now, there is what the closing kept, and nothing is made up beside it.

use std::sync::Arc;

use super::{
    ReportError,
    ask::{Ask, Basis},
    basis::answerable,
    book::Book,
    bridge::Grouping,
    closing_figures::closed,
    memory::Memory,
    metrics::{self, MetricsAnswer, MetricsEntry},
    month::Month,
    period::{Interval, Period, Phase},
    question::Asked,
    reports::{AskError, Reports},
    retained::People,
    trials::TrialDays,
};
use crate::{
    event::CustomerKey,
    ledger::{ids::AccountId, money::Mrr, time::Day},
    reconciler::rules,
    store::{
        derived::reports::{DayAmounts, DayCounts, DayLine, LedgerRows, RowGroup, Scope},
        records::closings::{ClosedTotal, Closing},
    },
};

/// What of the rules is another than when a month was closed: `profile`, `zone`, `ledger`, `rates`, ….
struct OtherRules(Vec<String>);

fn refused(name: &'static str, reason: String) -> AskError {
    AskError::Parameter { name, reason }
}

impl<'a> Reports<'a> {
    /// The months closed under the profile of a question that lie within its days, in order.
    async fn closings_of(&self, ask: &Ask) -> Result<Vec<(Month, Closing)>, AskError> {
        let profile = self.kept(ask)?;
        let known = self.known_at(ask).await?;
        let within = |closing: &Closing| {
            let month = closing.month;
            let asked = ask.from.is_none_or(|from| from <= month.first()) && ask.to.is_none_or(|to| month.last() <= to);
            (asked && closing.profile == profile.name).then_some(month)
        };
        let mut all: Vec<_> =
            self.closings_at(known).await?.into_iter().filter_map(|one| Some((within(&one)?, one))).collect();
        all.sort_by_key(|(month, _)| month.first());
        Ok(all)
    }

    /// The ledger from which a month was closed; or what of the rules is another by now, for then there is none.
    async fn at_closing(
        &self,
        ask: &Ask,
        month: Month,
        closing: &Closing,
    ) -> Result<Result<(Scope, Arc<Memory>), OtherRules>, AskError> {
        let profile = self.kept(ask)?;
        let rules_now = self.rules(std::slice::from_ref(&profile)).await?.fingerprint();
        if closing.inputs != rules_now {
            return Ok(Err(OtherRules(rules::differences(&closing.inputs, &rules_now))));
        }
        let ledgers = self.derived(Some(closing.seq), &profile, &[]).await?;
        let fresh = closed(closing.clone(), &ledgers, month, &self.ledger.zone)?;
        let stored = self.store.records.closed_totals(closing).await?;
        if told(&stored) != told(&fresh.totals) {
            return Err(ReportError::ClosingDiffers { month: month.to_string() }.into());
        }
        let Asked { scope, .. } = self.resolve_now(ask, &profile).await?;
        Ok(Ok((Scope { cut: closing.closed_at, ..scope }, ledgers)))
    }

    /// What a closing kept, as rows by customer: what each had before the month and its movements in it. How many customers
    /// there were is kept of all together only.
    async fn kept_rows(&self, ask: &Ask, month: Month, closing: &Closing) -> Result<LedgerRows, AskError> {
        let Asked { scope, .. } = self.resolve_now(ask, &self.kept(ask)?).await?;
        let of = |livemode: bool, account: &Option<AccountId>| scope.includes(livemode, account.as_ref());
        let mut rows = LedgerRows::default();
        let stands = |currency, customer: &CustomerKey, day, mrr| {
            let group = Some(customer.customer.as_str().into());
            DayAmounts { mrr, ..DayAmounts::nothing(currency, group, day) }
        };
        for one in self.store.records.closed_customers(closing).await? {
            if of(one.key.livemode, &one.key.account) {
                rows.amounts.push(stands(one.currency, &one.key, month.first().before(), one.opening));
            }
        }
        for one in self.store.records.closed_movements(closing).await? {
            if of(one.key.livemode, &one.key.account) {
                rows.amounts.push(stands(one.currency, &one.key, one.day, one.amount));
                let group = Some(one.key.customer.as_str().into());
                rows.lines.push(DayLine {
                    currency: one.currency,
                    group,
                    day: one.day,
                    kind: one.kind,
                    amount: one.amount,
                });
            }
        }
        for total in self.store.records.closed_totals(closing).await? {
            if of(total.livemode, &total.account) && &*total.line == "customers" {
                let customers = i64::try_from(total.amount.0 / Mrr::MINOR).map_err(|_| ReportError::Overflow)?;
                let (currency, day) = (Some(total.currency), month.last());
                rows.counts.push(DayCounts { currency, group: None, day, customers, subscriptions: 0, trials: 0 });
            }
        }
        Ok(rows)
    }

    /// The metrics of months, closed ones as they were when they were closed.
    pub(super) async fn metrics_as_closed(&self, ask: &Ask) -> Result<MetricsAnswer, AskError> {
        answerable(ask)?;
        if ask.interval != Interval::Month {
            let reason = "metrics are closed with their month: with basis=closed it is month".into();
            return Err(refused("interval", reason));
        }
        let mut answer = self.metrics(&Ask { basis: Basis::Restated, ..ask.clone() }).await?;
        for (month, closing) in self.closings_of(ask).await? {
            let told = self.at_closing(ask, month, &closing).await?;
            let (mut rows, imported, trials, today) = match &told {
                Ok((scope, ledgers)) => (
                    ledgers.ledger_rows(scope, RowGroup::Customer)?,
                    ledgers.imported_lines(scope),
                    ledgers.trials(scope),
                    self.ledger.zone.day(scope.cut),
                ),
                Err(_) => (self.kept_rows(ask, month, &closing).await?, Vec::new(), Vec::new(), month.last()),
            };
            if let Some(currency) = ask.own_currency() {
                rows.keep_currency(currency);
            }
            let whole = rows.whole().ok_or(ReportError::Overflow)?;
            let people = People::Book(Book::of(&rows)?, &imported, None);
            let sources = metrics::Sources {
                whole: &whole,
                grouping: Grouping::Closed,
                people: &people,
                interval: ask.interval,
                trials: &TrialDays::of(trials.iter().map(|one| &one.trial), &self.ledger.zone),
                today,
                stripe_form: &*self.profile(ask)?.name == "stripe",
            };
            let period = Period { start: month.first(), end: month.last(), phase: Phase::Past };
            answer.data.retain(|entry| entry.start != period.start);
            let entries = metrics::entries(sources, &[period], ask.own_currency())?;
            answer.data.extend(entries.into_iter().map(|mut entry| {
                if told.is_err() {
                    entry.keep_what_closings_keep();
                }
                MetricsEntry { closed_seq: Some(closing.seq), ..entry }
            }));
        }
        answer.data.sort_by(|a, b| (&a.currency, &a.start).cmp(&(&b.currency, &b.start)));
        answer.basis = Some(Basis::Closed);
        Ok(answer)
    }

    /// What movements with `basis=closed` are read from: the one closed month that `from` and `to` span.
    pub(super) async fn movements_as_closed(
        &self,
        ask: &Ask,
        (from, to): (Option<Day>, Option<Day>),
    ) -> Result<Asked<'a>, AskError> {
        let of_month = Ask { from, to, ..ask.clone() };
        let closings = self.closings_of(&of_month).await?;
        match closings.as_slice() {
            [(month, closing)] if (from, to) == (Some(month.first()), Some(month.last())) => {
                let (scope, ledgers) = self.at_closing(&of_month, *month, closing).await?.map_err(|OtherRules(what)| {
                    let what = what.join(", ");
                    refused(
                        "basis",
                        format!(
                            "{month} was closed under other rules ({what}), and its closing keeps no parts and causes: \
                             report mrr and report metrics tell what it keeps"
                        ),
                    )
                })?;
                Ok(Asked { scope, view: self.prefix(Some(closing.seq), ledgers) })
            }
            _ => Err(refused(
                "from",
                "with basis=closed, from and to are the first and last day of one closed month".into(),
            )),
        }
    }
}

/// Totals in one order, whoever lists them.
fn told(totals: &[ClosedTotal]) -> Vec<String> {
    let mut all: Vec<String> = totals.iter().map(|total| format!("{total:?}")).collect();
    all.sort_unstable();
    all
}
