//! The answers that a pack is made of, each with the question of the API that gives the same.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    PackError, not_yet,
    said::{Answered, Piece},
};
use crate::{
    config::Names,
    event::Seq,
    ledger::{
        ids::EventId,
        money::{Currency, Mrr},
        time::Day,
    },
    report::{
        ReportError,
        about::About,
        accuracy::{AccuracyAnswer, AccuracyEntry},
        ask::{Ask, GroupBy, InCurrency, KnownAt},
        closed_month::MonthKept,
        cohorts::CohortsAnswer,
        committed_answer::CommittedAnswer,
        durability::DurabilityAnswer,
        metrics::MetricsAnswer,
        month::Month,
        movements::MovementEntry,
        mrr::{MrrAnswer, MrrEntry},
        restatements::RestatementList,
        service::{AskError, Reports},
    },
    store::derived::reports::{AccountScope, MovementFilter, MovementRow, Order, QualityAsked},
};

/// So many days ahead committed MRR is told.
pub(super) const HORIZON: u16 = 90;
/// So many months are looked back at, beside the month itself.
const BACK: i32 = 12;
/// Read at once; a month of more movements is told without them.
const MANY: i64 = 1_000_000;
/// How many names are read at once.
const NAMED: usize = 1000;

/// Names by account and customer.
type Called = BTreeMap<(Option<String>, String), String>;

/// Which pack is asked for.
#[derive(Clone, Debug)]
pub struct Question {
    /// The month the pack is of.
    pub month: Month,
    /// Whose ledger, under which profile, in which currency.
    pub ask: Ask,
    /// Also of an open month; each page says that it is a draft.
    pub draft: bool,
    /// Whether customers are called by name.
    pub names: Names,
    /// Where people reach the dashboard: what links begin with.
    pub url: Option<String>,
}

/// What the log doesn't tell, by kind: how many entries.
pub(super) type Unknown = Vec<(&'static str, usize)>;

/// Everything a pack tells.
#[derive(Debug)]
pub(super) struct Figures {
    pub(super) month: Month,
    pub(super) kept: MonthKept,
    pub(super) draft: bool,
    pub(super) names: Names,
    called: Called,
    pub(super) url: Option<String>,
    /// The currencies of the month's bridges, in order.
    pub(super) currencies: Vec<Currency>,
    pub(super) mrr: Answered<MrrAnswer>,
    pub(super) causes: Answered<MrrAnswer>,
    pub(super) metrics: Answered<MetricsAnswer>,
    /// The month's movements, in order of time, with names where they are shown; the path of each customer's own.
    pub(super) movements: Vec<Moved>,
    pub(super) durability: Answered<DurabilityAnswer>,
    pub(super) cohorts: Answered<CohortsAnswer>,
    pub(super) committed: Answered<CommittedAnswer>,
    pub(super) restatements: Answered<RestatementList>,
    /// Which of them came since the month before was closed.
    pub(super) since: BTreeSet<usize>,
    pub(super) accuracy: Answered<AccuracyAnswer>,
    pub(super) unknown: Unknown,
    pub(super) about: About,
    /// What is set to end is out of MRR already (rule `churn-at`).
    pub(super) counts_requests: bool,
    /// The ledger in a query of the dashboard's.
    pub(super) page_query: String,
}

/// A movement, as the list of its customer's movements of the month has it.
#[derive(Debug)]
pub(super) struct Moved {
    pub(super) of: Answered<MovementEntry>,
    /// Its place in that list.
    pub(super) place: String,
}

pub(super) async fn gather(reports: &Reports<'_>, question: &Question) -> Result<Figures, PackError> {
    let Question { month, ask, draft, names, url } = question;
    let (month, zone) = (*month, &reports.ledger.zone);
    not_yet(month, reports.now, zone.start_of(month.first()))?;
    let kept = reports.month_kept(ask, month).await?;
    if kept.closing.is_none() && !draft {
        let marked = "--draft makes a pack that says on each page that it is a draft";
        // A month that still runs can't be closed: what would be refused isn't advised.
        return Err(PackError::Refused(if reports.now <= zone.end_of(month.last()) {
            let (last, timezone) = (month.last(), &reports.ledger.timezone);
            format!(
                "{month} isn't over: it ends with {last} in {timezone}, and can be closed after that; until then {marked}"
            )
        } else {
            let (profile, command) = (&reports.profile(ask)?.name, reports.command_that_closes(month).await?);
            format!("{month} isn't closed under profile {profile}: `{command}` closes it, and {marked}")
        }));
    }
    // A closed month is told as it was closed, whatever was asked: there is nothing of a draft in it.
    let draft = kept.closing.is_none();
    let ask = Ask { as_known_at: Some(kept.known_at), from: None, to: None, ..ask.clone() };
    let first = back(month, BACK);
    let of = |path: &str, more: &[(&str, String)]| path_of(path, &ask, more);
    let span = |from: Month| Ask { from: Some(from.first()), to: Some(month.last()), ..ask.clone() };
    let days = |from: Month| [("from", from.first().to_string()), ("to", month.last().to_string())];

    let mrr = Answered { answer: reports.mrr(&span(first)).await?, path: of("mrr", &days(first)) };
    let by_cause = Ask { group_by: Some(GroupBy::Cause), ..span(month) };
    let [from, to] = days(month);
    let causes = Answered {
        answer: reports.mrr(&by_cause).await?,
        path: of("mrr", &[from, to, ("group_by", "cause".to_owned())]),
    };
    let metrics = Answered { answer: reports.metrics(&span(first)).await?, path: of("metrics", &days(first)) };
    let durability = Answered { answer: reports.durability(&span(first)).await?, path: of("durability", &days(first)) };
    let cohorts_from = back(month, BACK - 1);
    let cohorts =
        Answered { answer: reports.cohorts(&span(cohorts_from)).await?, path: of("cohorts", &days(cohorts_from)) };
    let committed = Answered {
        answer: reports.committed(&ask, HORIZON, None).await?,
        path: of("committed", &[("horizon", HORIZON.to_string())]),
    };
    let restatements = Answered { answer: reports.restatements(&ask, None).await?, path: of("restatements", &[]) };
    let accuracy = Answered { answer: reports.accuracy(&span(first)).await?, path: of("accuracy", &days(first)) };
    let rows = movements(reports, &span(month)).await?;
    let lines = committed.answer.data.iter().flat_map(|one| &one.lines).map(|line| line.customer.as_str());
    let changed = restatements.answer.data.iter().map(|one| one.customer.as_str());
    let ids: BTreeSet<&str> = rows.iter().map(|row| row.customer.as_str()).chain(lines).chain(changed).collect();
    let called = match names {
        Names::Shown => called(reports, &ask, &ids).await?,
        Names::Hidden => Called::new(),
    };
    let movements = moved(&rows, &span(month), month, &called);
    let since = since(reports, &restatements.answer, &kept, month).await?;
    let (entries, _) = reports.quality(&ask, &QualityAsked::All, None, MANY).await?;
    let mut unknown: BTreeMap<&'static str, usize> = BTreeMap::new();
    entries.iter().for_each(|row| *unknown.entry(row.entry.kind.as_str()).or_default() += 1);

    let mut about = reports.about(&ask, &[]).await?;
    about.insert(0, ("month", month.to_string()));
    about.insert(
        1,
        match &kept.closing {
            Some(closing) => {
                ("closed", format!("{} by {}, revision {}", closing.closed_at, whom(&closing.who), closing.revision))
            }
            None => ("draft", "the month isn't closed: these figures will change".to_owned()),
        },
    );
    let mut currencies: Vec<Currency> =
        mrr.answer.data.iter().filter(|one| of_month(one, month)).map(|one| one.currency).collect();
    currencies.dedup();
    let page_query = query(&Ask { as_known_at: None, ..ask.clone() });
    let figures = Figures {
        month,
        draft,
        names: *names,
        url: url.as_ref().map(|url| url.trim_end_matches('/').to_owned()),
        currencies,
        mrr,
        causes,
        metrics,
        movements,
        called,
        durability,
        cohorts,
        committed,
        restatements,
        since,
        accuracy,
        unknown: unknown.into_iter().collect(),
        about,
        counts_requests: reports.counts_requests(&ask)?,
        page_query,
        kept,
    };
    figures.are_as_closed()?;
    Ok(figures)
}

fn whom(who: &str) -> &str {
    if who.is_empty() { "whom wasn't kept" } else { who }
}

impl Figures {
    /// Refuses figures that aren't those the month was closed with.
    fn are_as_closed(&self) -> Result<(), PackError> {
        if self.kept.closing.is_none() {
            return Ok(());
        }
        for currency in &self.currencies {
            let made = self.entry(*currency, 0).map_or(Mrr::ZERO, |(_, entry)| entry.closing_exact.0);
            if self.kept.closed_with.get(currency).copied().unwrap_or_default() == made {
                continue;
            }
            let month = self.month;
            if self.kept.rules_changed.is_empty() {
                return Err(ReportError::ClosingDiffers { month: month.to_string() }.into());
            }
            return Err(PackError::Refused(format!(
                "{month} was closed under other rules than the configuration's (differs in: {}), so its figures can't be made \
                 again: `mrrd close {month} --supersede --reason WHY` closes it under these",
                self.kept.rules_changed.join(", ")
            )));
        }
        Ok(())
    }

    /// The bridge of the month, or of so many months before it; none where there was no MRR yet.
    pub(super) fn entry(&self, currency: Currency, back: i32) -> Option<(usize, &MrrEntry)> {
        let month = self::back(self.month, back);
        let all = self.mrr.answer.data.iter().enumerate();
        let (at, entry) = all.clone().find(|(_, one)| one.currency == currency && of_month(one, month))?;
        // Before the first MRR nothing was counted: that isn't 0.
        let begun = all.take(at + 1).any(|(_, one)| one.currency == currency && has_figures(one));
        begun.then_some((at, entry))
    }

    /// What the month's figures of a currency are judged by; none of a draft.
    pub(super) fn judged(&self, currency: Currency) -> Option<(usize, &AccuracyEntry)> {
        let mut all = self.accuracy.answer.data.iter().enumerate();
        all.find(|(_, one)| one.month == self.month && one.currency == currency)
    }

    /// `October 2026`
    pub(super) fn month_name(&self) -> String {
        self.month.first().0.strftime("%B %Y").to_string()
    }

    /// A customer by name, where names are shown and it has one, else by its id; leads to its page.
    pub(super) fn who(&self, account: Option<&String>, customer: &str) -> Piece {
        let named = self.called.get(&(account.cloned(), customer.to_owned()));
        let path = self.page(&format!("/customers/{customer}"));
        Piece::Page { text: named.map_or(customer, String::as_str).to_owned(), path }
    }

    /// A page of the dashboard about the month.
    pub(super) fn page(&self, path: &str) -> String {
        let days = format!("from={}&to={}", self.month.first(), self.month.last());
        match self.page_query.as_str() {
            "" => format!("{path}?{days}"),
            query => format!("{path}?{query}&{days}"),
        }
    }
}

fn has_figures(entry: &MrrEntry) -> bool {
    let moved =
        [entry.opening_exact, entry.closing_exact, entry.opening_balance_exact, entry.new_exact, entry.churn_exact];
    moved.iter().any(|amount| amount.0 != Mrr::ZERO) || entry.customers.is_some_and(|customers| customers > 0)
}

pub(super) fn of_month(entry: &MrrEntry, month: Month) -> bool {
    entry.start == month.first()
}

/// So many months earlier.
pub(super) fn back(month: Month, months: i32) -> Month {
    let first = month.first().0.checked_sub(jiff::Span::new().months(months));
    first.map_or(month, |first| Month::of(Day(first)))
}

/// The month's movements, in order of time.
async fn movements(reports: &Reports<'_>, ask: &Ask) -> Result<Vec<MovementRow>, AskError> {
    let filter = MovementFilter { from: ask.from, to: ask.to, ..MovementFilter::default() };
    let (rows, more) = reports.movements(ask, &filter, Order::Ascending, None, MANY).await?;
    match more {
        Some(_) => Err(ReportError::TooManyEntries { max: usize::try_from(MANY).unwrap_or(usize::MAX) }.into()),
        None => Ok(rows),
    }
}

/// What these customers are called.
async fn called(reports: &Reports<'_>, ask: &Ask, ids: &BTreeSet<&str>) -> Result<Called, AskError> {
    let (livemode, ids) = (reports.livemode(ask).await?, ids.iter().copied().collect::<Vec<_>>());
    let mut called = Called::new();
    for ids in ids.chunks(NAMED) {
        let named = reports.store.derived.names_of(livemode, ids).await?;
        called.extend(
            named.into_iter().filter(|one| !one.name.is_empty()).map(|one| {
                ((one.key.account.map(|account| account.to_string()), one.key.customer.to_string()), one.name)
            }),
        );
    }
    Ok(called)
}

fn moved(rows: &[MovementRow], ask: &Ask, month: Month, called: &Called) -> Vec<Moved> {
    let mut entries: Vec<MovementEntry> = rows.iter().map(MovementEntry::from).collect();
    for entry in &mut entries {
        entry.customer_name = called.get(&(entry.account.clone(), entry.customer.clone())).cloned();
    }
    let mut counted: BTreeMap<(Option<String>, String), usize> = BTreeMap::new();
    let moved = |entry: MovementEntry| {
        let nth = counted.entry((entry.account.clone(), entry.customer.clone())).or_default();
        let place = format!("/data/{nth}");
        *nth += 1;
        let of = Ask {
            account: match &entry.account {
                Some(account) => AccountScope::One(Some(account.as_str().into())),
                None => AccountScope::One(None),
            },
            ..ask.clone()
        };
        let more = [
            ("customer", entry.customer.clone()),
            ("from", month.first().to_string()),
            ("to", month.last().to_string()),
            ("limit", "1000".to_owned()),
        ];
        Moved { of: Answered { path: path_of("movements", &of, &more), answer: entry }, place }
    };
    entries.into_iter().map(moved).collect()
}

/// Which changes of closed months came after the closing before this month's.
async fn since(
    reports: &Reports<'_>,
    list: &RestatementList,
    kept: &MonthKept,
    month: Month,
) -> Result<BTreeSet<usize>, AskError> {
    let last = kept.before.as_ref().map_or(Seq::START, |closing| closing.seq);
    let mut since = BTreeSet::new();
    for (at, one) in list.data.iter().enumerate() {
        if one.month >= month {
            continue;
        }
        for event in &one.events {
            if reports.store.log.event(&EventId::from(event.as_str())).await?.is_some_and(|event| event.seq > last) {
                since.insert(at);
            }
        }
    }
    Ok(since)
}

/// A route with the ledger and more in its query.
fn path_of(route: &str, ask: &Ask, more: &[(&str, String)]) -> String {
    let mut all: Vec<String> = Some(query(ask)).filter(|query| !query.is_empty()).into_iter().collect();
    all.extend(more.iter().map(|(name, value)| format!("{name}={}", encoded(value))));
    format!("/api/v1/{route}?{}", all.join("&"))
}

/// The ledger of a question, as the API and the pages are asked for it.
fn query(ask: &Ask) -> String {
    let account = match &ask.account {
        AccountScope::One(None) => None,
        AccountScope::One(Some(account)) => Some(account.to_string()),
        AccountScope::All => Some("all".to_owned()),
    };
    let currency = ask.currency.map(|currency| match currency {
        InCurrency::Reporting => "reporting".to_owned(),
        InCurrency::Own(own) => own.to_string(),
    });
    let all = [
        ("profile", ask.profile.clone()),
        ("currency", currency),
        ("livemode", ask.livemode.map(|livemode| livemode.to_string())),
        ("account", account),
        ("as_known_at", ask.as_known_at.as_ref().map(KnownAt::to_string)),
    ];
    let given = all.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", encoded(&value?))));
    given.collect::<Vec<_>>().join("&")
}

/// A value as a query may hold it.
fn encoded(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.:@~".contains(&byte) {
            shown.push(char::from(byte));
        } else {
            shown.push_str(&format!("%{byte:02X}"));
        }
    }
    shown
}
