//! The days that alerts look at, now and tried on the past: they are counted from what is summed beside the rows, and customers are
//! read only of days that stand out. Where that isn't kept, or where most of it would stand out, all rows are read, which gives the
//! same.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

use super::{
    alert::Series,
    backtest::{self, Backtest},
    history::{self, AccountDay},
};
use crate::{
    config::{alert_rules::Rule, alerting::LargeLoss},
    ledger::{
        losses::{Lossy, largest},
        money::{Currency, Mrr},
        time::Day,
    },
    report::{
        ReportError,
        ask::Ask,
        service::{AskError, Reports},
    },
    store::derived::reports::{DaySpan, LossesAsked, LossyDays},
};

/// Of the losses that are counted, those that stand out may be one in so many: beyond that all are read.
const ONE_IN: i64 = 2;

/// Which past, and under which rules.
#[derive(Clone, Copy, Debug)]
pub struct Past<'p> {
    /// The first day that is learnt from; the ledger's first without it.
    pub since: Option<Day>,
    /// The first day to tell of; the first of all without it.
    pub from: Option<Day>,
    /// The last day; today without it.
    pub to: Option<Day>,
    /// Of days from here on all losses are read, whether they stand out or not; of none without it.
    pub whole: Option<Day>,
    /// False alerts a year each calibrated rule may bring.
    pub budget: f64,
    /// When one customer's loss is large.
    pub large: &'p LargeLoss,
}

impl Past<'_> {
    /// What the rules would have told; `None` where there is no day to go through.
    pub async fn tried(&self, reports: &Reports<'_>, ask: &Ask) -> Result<Option<Backtest>, AskError> {
        let days = self.days(reports, ask).await?;
        let Some(first) = days.first() else { return Ok(None) };
        Ok(Some(backtest::run(&days, self.from.unwrap_or(first.day), self.budget, self.large)?))
    }

    /// The days in their order, with the losses that the rules tell of.
    pub async fn days(&self, reports: &Reports<'_>, ask: &Ask) -> Result<Vec<AccountDay>, AskError> {
        let today = reports.ledger.zone.day(reports.now);
        let last = self.to.map_or(today, |to| to.min(today));
        match self.counted(reports, ask, last).await? {
            Some(days) => Ok(days),
            None => self.of_rows(reports, ask, last).await,
        }
    }

    /// What the rules find in these days; `None` where they speak of losses of a day that weren't read, or there is no day.
    pub(super) fn found(&self, days: &[AccountDay]) -> Result<Option<Backtest>, ReportError> {
        let Some(first) = days.first() else { return Ok(None) };
        let from = self.from.unwrap_or(first.day);
        let mut lacks = false;
        let mut stands_out = |rule: Rule, at: RangeInclusive<usize>| {
            let read = |day: &AccountDay| backtest::distinct(backtest::counted(rule, Series::All, day));
            lacks |=
                days[at].iter().any(|day| day.counts.is_some() && read(day) != backtest::count(rule, Series::All, day));
        };
        let found = backtest::replay(days, from, self.budget, self.large, &mut stands_out)?;
        Ok((!lacks).then_some(found))
    }

    /// The same from all rows.
    pub(super) async fn of_rows(
        &self,
        reports: &Reports<'_>,
        ask: &Ask,
        last: Day,
    ) -> Result<Vec<AccountDay>, AskError> {
        let rows = reports.daily_rows(ask, self.since).await?;
        let losses = Box::pin(history::losses(reports, ask, self.since)).await?;
        let members = reports.members_now(ask).await?;
        let mut days = history::of_segment(history::days(&rows, losses, last)?, members.as_ref());
        self.learnt_from(&mut days);
        Ok(days)
    }

    /// Leaves out the days before the first that is learnt from.
    fn learnt_from(&self, days: &mut Vec<AccountDay>) {
        days.retain(|day| self.since.is_none_or(|since| since <= day.day));
    }

    /// Days from what is counted of them, with the losses of those that stand out.
    async fn counted(&self, reports: &Reports<'_>, ask: &Ask, last: Day) -> Result<Option<Vec<AccountDay>>, AskError> {
        let mut days = Ok(Vec::new());
        let told = reports.lossy_days(ask, last, |rows, lossy| {
            days = history::counted(rows, lossy, last);
            if let Ok(days) = &mut days {
                self.learnt_from(days);
            }
            match days.as_ref().map(|days| self.standing_out(days, lossy)) {
                Ok(Ok(asked)) => asked.filter(|asked| is_some(asked, lossy, self.since)),
                Ok(Err(error)) => {
                    days = Err(error);
                    None
                }
                Err(_) => None,
            }
        });
        let told = told.await?;
        let mut days = days?;
        Ok(told.map(|told| {
            history::put(&mut days, told);
            days
        }))
    }

    /// The losses that are told of, of these days; `None` where there are none.
    fn standing_out(&self, days: &[AccountDay], lossy: &LossyDays) -> Result<Option<LossesAsked>, ReportError> {
        let Some(first) = days.first().map(|day| day.day) else { return Ok(None) };
        let from = self.from.unwrap_or(first);
        let mut spans: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        let mut stands_out = |rule: Rule, days: RangeInclusive<usize>| {
            spans.entry(rule.as_str()).or_default().extend(days);
        };
        backtest::replay(days, from, self.budget, self.large, &mut stands_out)?;
        let whole = self.whole.map_or(days.len(), |whole| days.partition_point(|day| day.day < whole));
        let mut of = |rule: Rule| -> Vec<DaySpan> {
            let mut places = spans.remove(rule.as_str()).unwrap_or_default();
            places.extend(whole..days.len());
            connected(places.into_iter().map(|at| (days[at].day, ())).collect()).into_iter().map(|of| of.1).collect()
        };
        let asked = LossesAsked {
            churned: of(Rule::ChurnSpike),
            contracted: of(Rule::ContractionSpike),
            failing: of(Rule::PaymentFailures),
            large: self.large(days, from, lossy),
        };
        Ok(Some(asked))
    }

    /// Losses that may be large, and all before them that are as large.
    fn large(&self, days: &[AccountDay], from: Day, lossy: &LossyDays) -> Vec<(Currency, Mrr, DaySpan)> {
        let mut cells: BTreeMap<Currency, BTreeMap<Day, Vec<u32>>> = BTreeMap::new();
        for ((currency, day, magnitude), counts) in lossy {
            if let Some(currency) = currency
                && (counts.churned[0] > 0 || counts.contracted > 0)
            {
                cells.entry(*currency).or_default().entry(*day).or_default().push(*magnitude);
            }
        }
        let known: BTreeMap<Day, &AccountDay> = days.iter().map(|day| (day.day, day)).collect();
        let mut asked = Vec::new();
        for (currency, cells) in cells {
            // From the last day on: what may be large on a day is held against all that came before it.
            let (mut least, mut wanted) = (None::<u32>, Vec::new());
            for (day, magnitudes) in cells.iter().rev() {
                let Some(known) = known.get(day) else { continue };
                let mrr = known.mrr.get(&currency).copied().unwrap_or(Mrr::ZERO);
                let may_be = |magnitude: &u32| self.large.reached(currency, largest(*magnitude), mrr);
                if *day >= from
                    && let Some(smallest) = magnitudes.iter().copied().filter(may_be).min()
                {
                    least = Some(least.map_or(smallest, |least| least.min(smallest)));
                }
                if let Some(least) = least.filter(|least| magnitudes.iter().any(|magnitude| magnitude >= least)) {
                    wanted.push((*day, least));
                }
            }
            wanted.reverse();
            let from = |least: u32| largest(least.saturating_sub(1)).0.saturating_add(1);
            asked.extend(connected(wanted).into_iter().map(|(least, span)| (currency, Mrr(from(least)), span)));
        }
        asked
    }
}

/// Days that follow each other and are asked the same of, as spans.
fn connected<T: PartialEq>(days: Vec<(Day, T)>) -> Vec<(T, DaySpan)> {
    let mut spans: Vec<(T, DaySpan)> = Vec::new();
    for (day, of) in days {
        match spans.last_mut() {
            Some((same, (_, to))) if *same == of && to.after() == day => *to = day,
            _ => spans.push((of, (day, day))),
        }
    }
    spans
}

/// Whether what is asked for is only some of what is counted.
fn is_some(asked: &LossesAsked, lossy: &LossyDays, since: Option<Day>) -> bool {
    let within = |spans: &[DaySpan], day: Day| spans.iter().any(|(from, to)| *from <= day && day <= *to);
    let large = |currency: &Option<Currency>, day: Day, magnitude: u32| {
        let of = |(of, least, (from, to)): &(Currency, Mrr, DaySpan)| {
            *currency == Some(*of) && *from <= day && day <= *to && largest(magnitude) >= *least
        };
        asked.large.iter().any(of)
    };
    let (mut all, mut some) = (0_i64, 0_i64);
    let learnt_from = lossy.iter().filter(|((_, day, _), _)| since.is_none_or(|since| since <= *day));
    for ((currency, day, magnitude), Lossy { churned: [churned, ..], contracted, failing }) in learnt_from {
        let is_large = large(currency, *day, *magnitude);
        for (spans, count, large) in [
            (&asked.churned, *churned, is_large),
            (&asked.contracted, *contracted, is_large),
            (&asked.failing, *failing, false),
        ] {
            all = all.saturating_add(count);
            let told = i64::from(within(spans, *day)) + i64::from(large);
            some = some.saturating_add(count.saturating_mul(told));
        }
    }
    some.saturating_mul(ONE_IN) <= all
}

#[cfg(test)]
mod tests;
