//! The answer of `/api/v1/committed`: MRR now, and what the log already knows will happen to it (rule `committed-mrr`).

use std::collections::{BTreeMap, BTreeSet};

use jiff::ToSpan;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    ReportError,
    ask::Ask,
    book::Book,
    metrics::Metric,
    money::Exact,
    question::Asked,
    service::{AskError, Reports},
    table::Table,
};
use crate::{
    budget::{self, Charge},
    event::CustomerKey,
    ledger::{
        CustomerFacts,
        ahead::{self, Ahead, Change, Due},
        metrics,
        money::{Currency, Mrr},
        outcome::Trial,
        pricing::exact::Exact as Ratio,
        time::{Day, UnixTime, Zone},
    },
    limits,
    reconciler::derivation,
    store::derived::reports::{AccountScope, LedgerRows, RowGroup, Scope},
};

/// The horizon where none is asked for, in days.
pub const HORIZON: u16 = 30;
/// The longest horizon, in days: ten years.
pub const HORIZON_MAX: u16 = 3650;
/// The account's own conversion rate is that of the trials that ended in so many days.
const CONVERSION_DAYS: i64 = 365;

/// Committed MRR of each currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CommittedAnswer {
    /// The profile whose rules made the figures.
    pub profile: String,
    /// The currency, where all entries share one.
    pub currency: Option<String>,
    /// Whether everything is converted into the reporting currency; else each entry is of its currency's own ledger.
    pub converted: bool,
    /// So many days ahead.
    pub horizon: u16,
    /// The day it is told on.
    pub day: String,
    /// The last day of the horizon.
    pub until: String,
    /// The log sequence number the answer was as known at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_known_at_seq: Option<i64>,
    /// In order of currency.
    pub data: Vec<CommittedEntry>,
}

macro_rules! amounts {
    ($($(#[$doc:meta])+ $name:ident, $exact:ident);+ $(;)?) => {
        /// Committed MRR of one currency: `committed` = `mrr` + the six lines, exactly.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
        pub struct CommittedEntry {
            /// The currency of every amount.
            pub currency: String,
            $(
                $(#[$doc])+
                pub $name: i128,
                /// Its exact twin.
                pub $exact: Exact,
            )+
            /// What the lines are made of, in order of time.
            pub lines: Vec<CommittedLine>,
            /// At the end of each month and of the horizon.
            pub curve: Vec<CurvePoint>,
            /// Beside it: running trials that end within the horizon.
            pub trials_due: TrialsDue,
            /// Beside it: what is past due now, and counts.
            pub past_due: PastDue,
            /// Beside it: what is billed by the year and renews within the horizon.
            pub annual_renewals: AnnualRenewals,
            /// What is planned at an amount that the log can't tell: it is in no line.
            pub untold: Vec<UntoldEntry>,
        }

        impl CommittedEntry {
            /// Every amount by its name, in order.
            fn amounts(&self) -> Vec<(&'static str, Exact)> {
                vec![$((stringify!($name), self.$exact)),+]
            }
        }
    };
}

amounts! {
    /// MRR now, in minor units.
    mrr, mrr_exact;
    /// What is scheduled to end; 0 or less.
    scheduled_churn, scheduled_churn_exact;
    /// Less in later phases of schedules; 0 or less.
    scheduled_contraction, scheduled_contraction_exact;
    /// More in later phases of schedules.
    scheduled_expansion, scheduled_expansion_exact;
    /// Known discounts that end.
    discount_end, discount_end_exact;
    /// Known discounts that begin.
    discount_start, discount_start_exact;
    /// Paused collections that resume by themselves, where a pause counts 0.
    resume, resume_exact;
    /// MRR at the end of the horizon.
    committed, committed_exact;
}

/// One item's change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CommittedLine {
    /// The line it is in, e.g. `scheduled_churn`.
    pub line: &'static str,
    /// The day it is due; what is overdue is due today.
    pub day: String,
    /// Whose.
    pub customer: String,
    /// Its account; absent for the account's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The subscription, or the schedule that hasn't begun yet.
    pub subscription: String,
    /// Its item; one that is yet to come is named after its schedule.
    pub item: String,
    /// What is sold.
    pub product: Option<String>,
    /// At which price: afterwards, or before where the item goes.
    pub price: String,
    /// How much, in minor units.
    pub amount: i128,
    /// Its exact twin.
    pub amount_exact: Exact,
    /// It rests on an estimate.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub estimated: bool,
    /// The event that says so.
    pub event: String,
}

/// What will stand on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CurvePoint {
    /// The day.
    pub day: String,
    /// At its end, in minor units.
    pub committed: i128,
    /// Its exact twin.
    pub committed_exact: Exact,
}

/// Running trials that end within the horizon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TrialsDue {
    /// How many.
    pub trials: u64,
    /// Of them those whose amount the log can't tell.
    pub untold: u64,
    /// MRR if all convert, in minor units.
    pub mrr: i128,
    /// Its exact twin.
    pub mrr_exact: Exact,
    /// The account's own: trials converted over trials ended, of those that ended in the last 365 days.
    pub conversion: Metric,
    /// MRR at that rate, exactly rounded; null where no trial ended.
    pub expected_exact: Option<Exact>,
    /// Each of them, in order of time.
    pub data: Vec<DueEntry>,
}

/// What is past due now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PastDue {
    /// Customers with any.
    pub customers: u64,
    /// MRR at risk, in minor units.
    pub mrr: i128,
    /// Its exact twin.
    pub mrr_exact: Exact,
}

/// What is billed by the year and renews within the horizon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AnnualRenewals {
    /// How many subscriptions.
    pub subscriptions: u64,
    /// Their MRR that renews, in minor units.
    pub mrr: i128,
    /// Its exact twin.
    pub mrr_exact: Exact,
    /// Each of them, in order of time.
    pub data: Vec<DueEntry>,
}

/// A subscription with something due.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub struct DueEntry {
    /// The day.
    pub day: String,
    /// Whose.
    pub customer: String,
    /// The subscription.
    pub subscription: String,
    /// Its MRR; null where the log can't tell.
    #[schema(value_type = Option<String>)]
    pub mrr_exact: Option<String>,
    /// The event that says so.
    pub event: String,
}

/// Something planned whose amount isn't known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub struct UntoldEntry {
    /// The day it is due.
    pub day: String,
    /// Whose.
    pub customer: String,
    /// The subscription, or the schedule that hasn't begun yet.
    pub subscription: String,
    /// What isn't known, in words.
    pub detail: String,
    /// The event that plans it.
    pub event: String,
}

impl Reports<'_> {
    /// MRR now and what is known of it up to `horizon` days ahead.
    pub async fn committed(&self, ask: &Ask, horizon: u16) -> Result<CommittedAnswer, AskError> {
        let Asked { scope, view } = self.resolve(ask).await?;
        let kept = self.kept(ask)?;
        // Facts are read up to where the tables have come, so that both tell of one prefix of the log.
        let position = match view.seq() {
            None => self.answering(&kept).await?.map(|current| current.position),
            seq => seq,
        };
        let mut rows = view.ledger_rows(&scope, RowGroup::Customer).await?;
        let trials = view.trials(&scope).await?;
        let changing = view.changing_ahead(&scope).await?;
        if let Some(currency) = ask.own_currency() {
            rows.keep_currency(currency);
        }
        let zone = &self.ledger.zone;
        let today = zone.day(scope.cut);
        let until = today.0.checked_add(i64::from(horizon).days()).map_or(today, Day);
        let mut known = self.ahead(ask, &scope, &changing, position, zone.end_of(until)).await?;
        if let Some(own) = ask.own_currency() {
            known.iter_mut().for_each(|(_, one)| keep(one, own));
        }
        let mut books = standing(&rows, &scope, &known, today)?;
        if let Some(own) = ask.own_currency() {
            books.entry(own).or_default();
        }
        let conversion = conversion(&trials, scope.cut);
        let of = Of { zone, today, until, conversion };
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

    /// What is known ahead of each of these customers.
    async fn ahead(
        &self,
        ask: &Ask,
        scope: &Scope,
        customers: &[CustomerKey],
        position: Option<i64>,
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
                    let facts = known.counted(&rules.customers);
                    let input = CustomerFacts { customer: &key.customer, facts: &facts, references: &known.references };
                    let native = ahead::ahead(input, profile, &rules.zone, scope.cut, until);
                    let told = match kept.reporting {
                        Some(to) => ahead::convert(native, to, &rules.rates, &rules.zone, scope.cut),
                        None => Ok(native),
                    };
                    let missing = |entry: Box<crate::ledger::outcome::QualityEntry>| ReportError::MissingRate {
                        detail: entry.detail,
                        settle: entry.settle,
                    };
                    Ok((key.clone(), told.map_err(missing)?))
                })
                .collect::<Result<Vec<_>, ReportError>>()
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

/// What stands of one currency.
#[derive(Clone, Debug, Default)]
struct Stands {
    mrr: Mrr,
    at_risk: Mrr,
    past_due: u64,
}

/// MRR and what is past due of each currency: by the tables, and by the facts of those whose facts were read.
fn standing(
    rows: &LedgerRows,
    scope: &Scope,
    known: &[(CustomerKey, Ahead)],
    today: Day,
) -> Result<BTreeMap<Currency, Stands>, ReportError> {
    let mut books: BTreeMap<Currency, Stands> = BTreeMap::new();
    let mut at_risk: BTreeMap<(Currency, &str), Mrr> = BTreeMap::new();
    for row in &rows.amounts {
        let sum = at_risk.entry((row.currency, row.group.as_deref().unwrap_or_default())).or_default();
        *sum = sum.checked_add(row.at_risk).ok_or(ReportError::Overflow)?;
        books.entry(row.currency).or_default();
    }
    for ((currency, _), sum) in at_risk.into_iter().filter(|(_, sum)| *sum != Mrr::ZERO) {
        let book = books.entry(currency).or_default();
        book.at_risk = book.at_risk.checked_add(sum).ok_or(ReportError::Overflow)?;
        book.past_due += 1;
    }
    // Over all accounts a customer's id doesn't tell whose it is: the tables' word stands.
    let by_facts = !matches!(scope.account, AccountScope::All);
    let read: BTreeSet<&str> = known.iter().filter(|_| by_facts).map(|(key, _)| key.customer.as_str()).collect();
    for (customer, one) in &Book::of(rows)?.customers {
        for (currency, mrr) in one.mrr.iter().filter(|_| !read.contains(&**customer)) {
            let book = books.entry(*currency).or_default();
            book.mrr = book.mrr.checked_add(mrr.at(today)).ok_or(ReportError::Overflow)?;
        }
    }
    for (_, one) in known {
        for (currency, mrr) in one.mrr.iter().filter(|_| by_facts) {
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

/// Of the trials that ended in the last year: how many converted, and how many there were.
fn conversion(trials: &[Trial], now: UnixTime) -> (u64, u64) {
    let since = now.plus(-CONVERSION_DAYS * UnixTime::DAY_SECONDS);
    let ended = || trials.iter().filter(|trial| trial.ended_at > since);
    (ended().filter(|trial| trial.converted_at.is_some()).count() as u64, ended().count() as u64)
}

/// What every entry is told with.
struct Of<'a> {
    zone: &'a Zone,
    today: Day,
    until: Day,
    conversion: (u64, u64),
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
            trials_due: self.trials(currency, known)?,
            past_due,
            annual_renewals: self.renewals(currency, known)?,
            untold: self.untold(known),
        })
    }

    /// Each customer's own lines lead from what counts now to what counts at the horizon, or no figure is shown.
    fn closes(&self, currency: Currency, known: &[(CustomerKey, Ahead)]) -> Result<(), ReportError> {
        for (key, one) in known {
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

    fn trials(&self, currency: Currency, known: &[(CustomerKey, Ahead)]) -> Result<TrialsDue, ReportError> {
        let (mut data, mut sum, mut untold) = (Vec::new(), Mrr::ZERO, 0);
        for (key, trial) in known.iter().flat_map(|(key, one)| one.trials.iter().map(move |trial| (key, trial))) {
            let mrr = match trial.mrr {
                Some((of, _)) if of != currency => continue,
                told => told.map(|(_, mrr)| mrr),
            };
            sum = sum.checked_add(mrr.unwrap_or_default()).ok_or(ReportError::Overflow)?;
            untold += u64::from(mrr.is_none());
            data.push(DueEntry {
                day: self.day(trial.at).to_string(),
                customer: key.customer.to_string(),
                subscription: trial.subscription.to_string(),
                mrr_exact: mrr.map(|mrr| mrr.to_string()),
                event: trial.event.to_string(),
            });
        }
        data.sort();
        let (converted, ended) = self.conversion;
        let expected = (ended > 0).then(|| {
            let rate = Ratio::ratio(converted.into(), ended.into());
            Ratio::whole(sum.0).times(rate)?.scaled(1).map(|units| Exact(Mrr(units)))
        });
        Ok(TrialsDue {
            trials: data.len() as u64,
            untold,
            mrr: sum.minor(),
            mrr_exact: Exact(sum),
            conversion: metrics::trial_conversion(converted, ended).into(),
            expected_exact: expected.transpose().map_err(|_| ReportError::Overflow)?,
            data,
        })
    }

    fn renewals(&self, currency: Currency, known: &[(CustomerKey, Ahead)]) -> Result<AnnualRenewals, ReportError> {
        let (mut data, mut sum) = (Vec::new(), Mrr::ZERO);
        let all = known.iter().flat_map(|(key, one)| one.renewals.iter().map(move |renewal| (key, renewal)));
        for (key, renewal) in all.filter(|(_, renewal)| renewal.mrr.0 == currency) {
            sum = sum.checked_add(renewal.mrr.1).ok_or(ReportError::Overflow)?;
            data.push(DueEntry {
                day: self.day(renewal.at).to_string(),
                customer: key.customer.to_string(),
                subscription: renewal.subscription.to_string(),
                mrr_exact: Some(renewal.mrr.1.to_string()),
                event: renewal.event.to_string(),
            });
        }
        data.sort();
        let (subscriptions, mrr, mrr_exact) = (data.len() as u64, sum.minor(), Exact(sum));
        Ok(AnnualRenewals { subscriptions, mrr, mrr_exact, data })
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

impl CommittedAnswer {
    /// One row an amount: what stands, each change of each line, and what it comes to.
    pub fn table(&self) -> Table {
        let columns =
            vec!["currency", "line", "day", "amount_exact", "customer", "subscription", "item", "price", "event"];
        let mut rows = Vec::new();
        for entry in &self.data {
            let total = |line: &str, day: &str, amount: Exact| {
                let mut row = vec![entry.currency.clone(), line.to_owned(), day.to_owned(), amount.to_string()];
                row.resize(9, String::new());
                row
            };
            rows.push(total("mrr", &self.day, entry.mrr_exact));
            rows.extend(entry.lines.iter().map(|line| {
                vec![
                    entry.currency.clone(),
                    line.line.to_owned(),
                    line.day.clone(),
                    line.amount_exact.to_string(),
                    line.customer.clone(),
                    line.subscription.clone(),
                    line.item.clone(),
                    line.price.clone(),
                    line.event.clone(),
                ]
            }));
            rows.push(total("committed", &self.until, entry.committed_exact));
        }
        Table { columns, rows }
    }

    /// For a person: each currency's lines, then what stands beside them.
    pub fn text(&self) -> String {
        let amounts = self.data.iter().flat_map(|entry| {
            entry
                .amounts()
                .into_iter()
                .map(|(name, amount)| vec![entry.currency.clone(), name.to_owned(), amount.to_string()])
        });
        let beside = self.data.iter().flat_map(|entry| {
            let TrialsDue { trials, mrr_exact, .. } = &entry.trials_due;
            let row = |what: &str, count: u64, amount: String| {
                vec![entry.currency.clone(), what.to_owned(), count.to_string(), amount]
            };
            [
                row("trials due, if all convert", *trials, mrr_exact.to_string()),
                row("customers past due", entry.past_due.customers, entry.past_due.mrr_exact.to_string()),
                row(
                    "annual renewals due",
                    entry.annual_renewals.subscriptions,
                    entry.annual_renewals.mrr_exact.to_string(),
                ),
                row("planned at an unknown amount", entry.untold.len() as u64, String::new()),
            ]
        });
        let summary = Table { columns: vec!["currency", "line", "amount_exact"], rows: amounts.collect() };
        let beside = Table { columns: vec!["currency", "beside_it", "count", "mrr_exact"], rows: beside.collect() };
        format!("{} to {}\n{}\n\n{}", self.day, self.until, summary.terminal(), beside.terminal())
    }
}
