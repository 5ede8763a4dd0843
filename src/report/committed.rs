//! MRR now, and what the log already knows will happen to it (rule `committed-mrr`), for `/api/v1/committed`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::ToSpan;

use super::{
    ReportError,
    ask::Ask,
    beside::DueBeside,
    committed_answer::{CommittedAnswer, CommittedEntry, CommittedLine, CurvePoint, PastDue, UntoldEntry},
    known_ahead::{Found, past_due},
    money::Exact,
    question::Asked,
    service::{AskError, Reports},
    view,
};
use crate::{
    event::CustomerKey,
    ledger::{
        ahead::{Ahead, Change, Due},
        money::{Currency, Mrr},
        time::{Day, UnixTime, Zone},
    },
    store::derived::reports::{AccountScope, RowGroup, StandingRows},
};

/// The horizon where none is asked for, in days.
pub const HORIZON: u16 = 30;
/// The longest horizon, in days: ten years.
pub const HORIZON_MAX: u16 = 3650;
/// The account's own conversion rate is that of the trials that ended in so many days.
const CONVERSION_DAYS: i64 = 365;

impl Reports<'_> {
    /// MRR now and what is known of it up to `horizon` days ahead. Of the trials and renewals due beside it the first `listed` are listed;
    /// without it all.
    pub async fn committed(&self, ask: &Ask, horizon: u16, listed: Option<usize>) -> Result<CommittedAnswer, AskError> {
        let before = self.store.derived.rows_state().await?;
        let answer = self.committed_once(ask, horizon, listed).await?;
        // What stands and what is known ahead are read one after the other. Where customers were derived anew in between, one of them
        // might be in the one and not in the other.
        if self.store.derived.rows_state().await? == before {
            return Ok(answer);
        }
        self.committed_once(ask, horizon, listed).await
    }

    async fn committed_once(
        &self,
        ask: &Ask,
        horizon: u16,
        listed: Option<usize>,
    ) -> Result<CommittedAnswer, AskError> {
        let Asked { scope, view } = self.resolve(ask).await?;
        let kept = self.kept(ask)?;
        // Facts are read up to where the tables have come, so that both tell of one prefix of the log.
        let position = match view.seq() {
            None => self.answering(&kept).await?.map(|current| current.position),
            seq => seq,
        };
        let zone = &self.ledger.zone;
        let today = zone.day(scope.cut);
        // Of a segment, who belongs to it today, wherever what is scheduled takes them.
        let members = self.membership(ask, &scope, &*view).await?;
        let is_of = |customer: &str| members.as_ref().is_none_or(|members| members.holds(customer, today));
        let until = today.0.checked_add(i64::from(horizon).days()).map_or(today, Day);
        let end = zone.end_of(until);
        let listed = listed.unwrap_or(usize::MAX);
        // Of a segment it matters whose a trial is.
        let summed = members.is_none().then_some(listed);
        let Found { mut told, mut unread, mut trials, told_past_due } =
            self.found(ask, &*view, &scope, end, summed).await?;
        told.retain(|(key, _)| is_of(key.customer.as_str()));
        unread.retain(|key| is_of(key.customer.as_str()));
        let told_past_due = told_past_due && members.is_none();
        let mut known = self.ahead(ask, &scope, &unread, position, end).await?;
        // Over all accounts a customer's id doesn't tell whose it is: the tables' word stands.
        let by_facts = if matches!(scope.account, AccountScope::All) { 0 } else { known.len() };
        let (read, named) = (known.len(), known[..by_facts].iter().map(|(key, _)| key.clone()).collect::<Vec<_>>());
        known.append(&mut told);
        let mut standing = match &members {
            None => view.standing(&scope, &named, !told_past_due).await?,
            Some(_) => {
                let mut rows = view.ledger_rows(&scope, RowGroup::Customer).await?.amounts;
                let currencies: BTreeSet<Currency> = rows.iter().map(|row| row.currency).collect();
                rows.retain(|row| row.group.as_deref().is_some_and(is_of));
                let named = named.iter().map(|key| key.customer.as_str()).collect();
                let mut of_members = StandingRows::of_customers(&rows, &named).ok_or(ReportError::Overflow)?;
                for currency in currencies {
                    of_members.mrr.entry(currency).or_default();
                }
                of_members
            }
        };
        if told_past_due {
            standing.at_risk = past_due(&known).ok_or(ReportError::Overflow)?;
        }
        if let Some(own) = ask.own_currency() {
            known.iter_mut().for_each(|(_, one)| keep(one, own));
            standing.mrr.retain(|currency, _| *currency == own);
            standing.of_named.retain(|currency, _| *currency == own);
            standing.at_risk.retain(|(currency, _), _| *currency == own);
            trials.0.retain(|currency, _| currency.is_none_or(|of| of == own));
        }
        let mut books = books(&standing, &known, by_facts)?;
        for currency in trials.0.keys().flatten() {
            books.entry(*currency).or_default();
        }
        if let Some(own) = ask.own_currency() {
            books.entry(own).or_default();
        }
        let since = scope.cut.plus(-CONVERSION_DAYS * UnixTime::DAY_SECONDS);
        let conversion = match &members {
            None => view.trials_ended(&scope, since).await?,
            Some(_) => {
                let mut trials = view.trials(&scope).await?;
                trials.retain(|one| is_of(one.customer.as_str()));
                view::ended(&trials, since)
            }
        };
        let beside = DueBeside { zone, conversion, trials, listed };
        let of = Of { zone, today, until, read, beside };
        let data: Vec<CommittedEntry> =
            books.into_iter().map(|(currency, book)| of.entry(currency, book, &known)).collect::<Result<_, _>>()?;
        Ok(CommittedAnswer {
            profile: self.profile(ask)?.name.as_ref().into(),
            currency: Some(data.as_slice()).filter(|data| data.len() == 1).map(|data| data[0].currency.clone()),
            converted: self.reporting(ask).is_some(),
            horizon,
            day: today.to_string(),
            until: until.to_string(),
            as_known_at_seq: view.seq(),
            data,
        })
    }
}

/// What stands of one currency.
#[derive(Clone, Debug, Default)]
struct Stands {
    mrr: Mrr,
    at_risk: Mrr,
    past_due: u64,
}

/// MRR and what is past due of each currency: by the tables, and of the first `by_facts` of those known by their facts.
fn books(
    standing: &StandingRows,
    known: &[(CustomerKey, Ahead)],
    by_facts: usize,
) -> Result<BTreeMap<Currency, Stands>, ReportError> {
    let mut books: BTreeMap<Currency, Stands> = BTreeMap::new();
    for (currency, mrr) in &standing.mrr {
        let of_named = standing.of_named.get(currency).copied().unwrap_or_default();
        books.entry(*currency).or_default().mrr = mrr.checked_sub(of_named).ok_or(ReportError::Overflow)?;
    }
    for ((currency, _), at_risk) in &standing.at_risk {
        let book = books.entry(*currency).or_default();
        book.at_risk = book.at_risk.checked_add(*at_risk).ok_or(ReportError::Overflow)?;
        book.past_due += 1;
    }
    for (place, (_, one)) in known.iter().enumerate() {
        for (currency, mrr) in one.mrr.iter().filter(|_| place < by_facts) {
            let book = books.entry(*currency).or_default();
            book.mrr = book.mrr.checked_add(*mrr).ok_or(ReportError::Overflow)?;
        }
        for change in &one.changes {
            books.entry(change.currency).or_default();
        }
        for (currency, _) in one.trials.iter().filter_map(|trial| trial.mrr) {
            books.entry(currency).or_default();
        }
    }
    Ok(books)
}

fn keep(one: &mut Ahead, currency: Currency) {
    one.mrr.retain(|of, _| *of == currency);
    one.committed.retain(|of, _| *of == currency);
    one.changes.retain(|change| change.currency == currency);
    one.trials.retain(|trial| trial.mrr.is_none_or(|(of, _)| of == currency));
    one.renewals.retain(|renewal| renewal.mrr.0 == currency);
}

/// What every entry is told with.
struct Of<'a> {
    zone: &'a Zone,
    today: Day,
    until: Day,
    /// So many of those known, from the first on, were told by their facts: their MRR is known at both ends.
    read: usize,
    beside: DueBeside<'a>,
}

impl Of<'_> {
    fn entry(
        &self,
        currency: Currency,
        book: Stands,
        known: &[(CustomerKey, Ahead)],
    ) -> Result<CommittedEntry, ReportError> {
        let mut lines: Vec<(UnixTime, &CustomerKey, &Change)> = known
            .iter()
            .flat_map(|(key, one)| one.changes.iter().map(move |change| (change.at, key, change)))
            .filter(|(_, _, change)| change.currency == currency)
            .collect();
        lines.sort_by(|a, b| {
            (a.0, a.1, a.2.due, &a.2.subscription, &a.2.item).cmp(&(b.0, b.1, b.2.due, &b.2.subscription, &b.2.item))
        });
        let mut sums: BTreeMap<Due, Mrr> = Due::ALL.into_iter().map(|due| (due, Mrr::ZERO)).collect();
        let mut committed = book.mrr;
        for (_, _, change) in &lines {
            let sum = sums.entry(change.due).or_default();
            *sum = sum.checked_add(change.amount).ok_or(ReportError::Overflow)?;
            committed = committed.checked_add(change.amount).ok_or(ReportError::Overflow)?;
        }
        self.closes(currency, known)?;
        let of = |due: Due| (sums[&due].minor(), Exact(sums[&due]));
        let (scheduled_churn, scheduled_churn_exact) = of(Due::ScheduledChurn);
        let (scheduled_contraction, scheduled_contraction_exact) = of(Due::ScheduledContraction);
        let (scheduled_expansion, scheduled_expansion_exact) = of(Due::ScheduledExpansion);
        let (discount_end, discount_end_exact) = of(Due::DiscountEnd);
        let (discount_start, discount_start_exact) = of(Due::DiscountStart);
        let (resume, resume_exact) = of(Due::Resume);
        let past_due = PastDue { customers: book.past_due, mrr: book.at_risk.minor(), mrr_exact: Exact(book.at_risk) };
        Ok(CommittedEntry {
            currency: currency.to_string(),
            mrr: book.mrr.minor(),
            mrr_exact: Exact(book.mrr),
            scheduled_churn,
            scheduled_churn_exact,
            scheduled_contraction,
            scheduled_contraction_exact,
            scheduled_expansion,
            scheduled_expansion_exact,
            discount_end,
            discount_end_exact,
            discount_start,
            discount_start_exact,
            resume,
            resume_exact,
            committed: committed.minor(),
            committed_exact: Exact(committed),
            curve: self.curve(book.mrr, &lines)?,
            lines: lines.iter().map(|(_, key, change)| self.line(key, change)).collect(),
            trials_due: self.beside.trials(currency, known)?,
            past_due,
            annual_renewals: self.beside.renewals(currency, known)?,
            untold: self.untold(known),
        })
    }

    /// Each customer's own lines lead from what counts now to what counts at the horizon, or no figure is shown.
    fn closes(&self, currency: Currency, known: &[(CustomerKey, Ahead)]) -> Result<(), ReportError> {
        for (key, one) in &known[..self.read] {
            let of = |sums: &BTreeMap<Currency, Mrr>| sums.get(&currency).map_or(0, |mrr| mrr.0);
            let moved = one.changes.iter().filter(|change| change.currency == currency).map(|change| change.amount.0);
            let rest = of(&one.committed) - of(&one.mrr) - moved.sum::<i128>();
            if rest != 0 {
                return Err(ReportError::DoesNotClose {
                    currency,
                    group: Some(key.customer.as_str().into()),
                    start: self.today,
                    end: self.until,
                    rest: Mrr(rest),
                });
            }
        }
        Ok(())
    }

    fn day(&self, at: UnixTime) -> Day {
        self.zone.day(at)
    }

    fn line(&self, key: &CustomerKey, change: &Change) -> CommittedLine {
        CommittedLine {
            line: change.due.as_str(),
            day: self.day(change.at).to_string(),
            customer: key.customer.to_string(),
            account: key.account.as_ref().map(ToString::to_string),
            subscription: change.subscription.to_string(),
            item: change.item.to_string(),
            product: change.product.as_ref().map(ToString::to_string),
            price: change.price.to_string(),
            amount: change.amount.minor(),
            amount_exact: Exact(change.amount),
            estimated: change.estimated,
            event: change.event.to_string(),
        }
    }

    fn curve(&self, mrr: Mrr, lines: &[(UnixTime, &CustomerKey, &Change)]) -> Result<Vec<CurvePoint>, ReportError> {
        let (mut points, mut standing, mut at) = (Vec::new(), mrr, 0);
        let mut day = Day(self.today.0.last_of_month());
        loop {
            let point = day.min(self.until);
            let due = lines[at..].iter().take_while(|(when, ..)| self.day(*when) <= point).count();
            for (_, _, change) in &lines[at..at + due] {
                standing = standing.checked_add(change.amount).ok_or(ReportError::Overflow)?;
            }
            at += due;
            points.push(CurvePoint {
                day: point.to_string(),
                committed: standing.minor(),
                committed_exact: Exact(standing),
            });
            if point == self.until {
                return Ok(points);
            }
            day = Day(day.after().0.last_of_month());
        }
    }

    fn untold(&self, known: &[(CustomerKey, Ahead)]) -> Vec<UntoldEntry> {
        let all = known.iter().flat_map(|(key, one)| one.untold.iter().map(move |untold| (key, untold)));
        let mut all: Vec<UntoldEntry> = all
            .map(|(key, untold)| UntoldEntry {
                day: self.day(untold.at).to_string(),
                customer: key.customer.to_string(),
                subscription: untold.subscription.to_string(),
                detail: untold.detail.clone(),
                event: untold.event.to_string(),
            })
            .collect();
        all.sort();
        all
    }
}
