//! What isn't shown, and why: an empty answer says what is true and names the option that shows more.

use std::collections::BTreeSet;

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    ask::Ask,
    question::Asked,
    reports::{AskError, Reports},
};
use crate::{
    event::Seq,
    ledger::{
        ids::{AccountId, TestClockId},
        time::Day,
    },
    store::{
        derived::reports::{AccountScope, LedgerThere, Scope},
        log::EventFilter,
    },
};

/// The events without which no subscription is known.
pub const SUBSCRIPTION_EVENTS: &str = "customer.subscription.created, customer.subscription.updated, \
    customer.subscription.deleted, customer.subscription.paused and customer.subscription.resumed";

/// Ledgers named in one notice; the others are counted.
const NAMED: usize = 5;

/// Something that an answer doesn't show, or that a reader must know to read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Notice {
    /// What a program tells it by.
    pub kind: NoticeKind,
    /// What there is to know, in a sentence.
    pub detail: String,
    /// The parameter that shows it, as `account=acct_1`; absent where none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub option: Option<String>,
}

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// The figures are behind the log.
    Behind,
    /// The figures are of other rules than the configuration's.
    OtherRules,
    /// No event has come yet: there is nothing to answer from.
    EmptyLog,
    /// No event of the log tells of a customer.
    NothingRead,
    /// What there is lies in another mode, account or test clock.
    Elsewhere,
    /// The figures are of test events, since no live one tells of a customer.
    TestEvents,
    /// Invoices came, and no subscription.
    SubscriptionsMissing,
    /// Periods of the answer lie before the ledger begins: what stands there is not known, and no 0.
    BeforeTheLedger,
    /// The span asked for is still to come.
    FutureRange,
    /// All events of the log are read and priced.
    AllKnown,
    /// All is read, and nothing counts in what was asked.
    NothingCounts,
}

impl Notice {
    /// A notice of a kind; `option` is the parameter that shows what the answer doesn't.
    pub fn new(kind: NoticeKind, detail: String, option: Option<String>) -> Self {
        Self { kind, detail, option }
    }

    /// That periods of an answer lie before the ledger `begins`: `first_end` is the last day of its first one. `None` where none does.
    pub fn before_the_ledger(begins: Option<Day>, first_end: Option<Day>) -> Option<Self> {
        let begins = begins.filter(|begins| first_end.is_some_and(|end| end < *begins))?;
        let detail = format!(
            "the ledger begins on {begins}: of the days before it the log tells nothing, and what stands at 0 there is not known"
        );
        Some(Self::new(NoticeKind::BeforeTheLedger, detail, None))
    }

    /// As a command tells it, with its own options.
    pub fn for_terminal(&self) -> String {
        match self.flags() {
            Some(flags) => format!("{}: {flags}", self.detail),
            None => self.detail.clone(),
        }
    }

    /// What shows it, as the options of a command.
    pub fn flags(&self) -> Option<String> {
        let flag = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            format!("--{} {value}", name.replace('_', "-"))
        };
        let option = self.option.as_ref()?;
        Some(option.split('&').map(flag).collect::<Vec<_>>().join(" "))
    }
}

impl Reports<'_> {
    /// Why an answer to `ask` is empty, by the ledgers there are.
    pub async fn why_empty(&self, ask: &Ask) -> Result<Vec<Notice>, AskError> {
        let head = self.store.log.head().await?;
        if head.events == 0 {
            let detail = "the log holds no event yet: point a webhook endpoint here, replay a file or run backfill";
            return Ok(vec![Notice::new(NoticeKind::EmptyLog, detail.into(), None)]);
        }
        if ask.as_known_at.is_some() {
            let nothing_came = self.resolve_unrated(ask).await?.view.seq() == Some(Seq::START);
            let detail = if nothing_came {
                "nothing was known then: the log's first event was received later (`as_known_at` goes by when events came, not by when \
                 Stripe made them)"
            } else {
                "as known then, nothing counts in what was asked"
            };
            return Ok(vec![Notice::new(NoticeKind::NothingCounts, detail.into(), None)]);
        }
        let Asked { scope, .. } = self.resolve_unrated(ask).await?;
        let there = self.store.derived.ledgers_there(&scope.profile, None).await?;
        let (here, elsewhere): (Vec<LedgerThere>, Vec<_>) = there.into_iter().partition(|one| is_asked(one, &scope));
        if here.is_empty() {
            let Some(first) = elsewhere.first() else {
                let of_log = match head.events {
                    1 => "the one event in the log doesn't tell of a customer".to_owned(),
                    some => format!("none of the {some} events in the log tells of a customer"),
                };
                let detail = format!(
                    "{of_log}: of types that are not read {}, not readable {}, without an object {}",
                    head.ignored, head.unreadable, head.thin
                );
                return Ok(vec![Notice::new(NoticeKind::NothingRead, detail, None)]);
            };
            let mut notices = vec![elsewhere_of(&scope, first, &elsewhere)];
            // Also there something may be missing.
            if let Some(missing) = self.subscriptions_missing(&scope_of(&scope, first)).await? {
                notices.push(missing);
            }
            return Ok(notices);
        }
        if let Some(missing) = self.subscriptions_missing(&scope).await? {
            return Ok(vec![missing]);
        }
        let today = self.ledger.zone.day(self.now);
        if ask.from.is_some_and(|from| from > today) && !ask.scheduled {
            let detail = format!("the span begins after today, {today}: what is written ahead is not shown");
            return Ok(vec![Notice::new(NoticeKind::FutureRange, detail, None)]);
        }
        let customers: i64 = here.iter().map(|one| one.customers).sum();
        let detail = format!(
            "{} {}, they tell of {}{}, and nothing of theirs counts in what was asked",
            all_events(head.events),
            if head.events == 1 { "is read" } else { "are read" },
            counted(customers, "customer"),
            if head.unreadable > 0 {
                format!(" ({} could not be read: see quality)", head.unreadable)
            } else {
                String::new()
            },
        );
        Ok(vec![Notice::new(NoticeKind::NothingCounts, detail, None)])
    }

    /// That the answer to `ask`, which says neither live nor test, is of test events.
    pub async fn of_test_events(&self, ask: &Ask) -> Result<Option<Notice>, AskError> {
        if ask.livemode.is_some() || ask.test_clock.is_some() || self.livemode(ask).await? {
            return Ok(None);
        }
        let detail = "these are figures of test events: no live event tells of a customer";
        Ok(Some(Notice::new(NoticeKind::TestEvents, detail.into(), None)))
    }

    /// What an empty quality list means: that all is known, or that there is nothing of which anything could be unknown.
    pub async fn nothing_unknown(&self, ask: &Ask) -> Result<Notice, AskError> {
        let Asked { scope, .. } = self.resolve_unrated(ask).await?;
        let there = self.store.derived.ledgers_there(&scope.profile, None).await?;
        if !there.iter().any(|one| is_asked(one, &scope))
            && let Some(why) = self.why_empty(ask).await?.into_iter().next()
        {
            return Ok(why);
        }
        let events = self.store.log.head().await?.events;
        let are = if events == 1 { "is" } else { "are" };
        let detail = format!("{} {are} read and priced", all_events(events));
        Ok(Notice::new(NoticeKind::AllKnown, detail, None))
    }

    /// What no restatement, or no closed month to tell of, means: that none is closed, or that what is closed stands.
    pub async fn nothing_restated(&self, ask: &Ask) -> Result<Notice, AskError> {
        let profile = self.kept(ask)?;
        let closed = self.store.records.closings().await?.iter().any(|closing| closing.profile == profile.name);
        let detail = if closed {
            format!("nothing of what was closed under profile {} has changed since", profile.name)
        } else {
            format!("no month is closed under profile {}: mrrd close keeps one as it is reported", profile.name)
        };
        Ok(Notice::new(NoticeKind::NothingCounts, detail, None))
    }

    /// The ledgers beside the one that is asked, where there are any: for `doctor`.
    pub async fn beside(&self, ask: &Ask) -> Result<Vec<LedgerThere>, AskError> {
        let Asked { scope, .. } = self.resolve_unrated(ask).await?;
        let there = self.store.derived.ledgers_there(&scope.profile, None).await?;
        Ok(there.into_iter().filter(|one| !is_asked(one, &scope)).collect())
    }

    /// Where a customer or subscription is that isn't in the ledger asked; none where it is in no ledger.
    pub async fn found_elsewhere(&self, ask: &Ask, id: &str) -> Result<Vec<Notice>, AskError> {
        let Asked { scope, .. } = self.resolve_unrated(ask).await?;
        let there = self.store.derived.ledgers_there(&scope.profile, Some(id)).await?;
        let elsewhere: Vec<LedgerThere> = there.into_iter().filter(|one| !is_asked(one, &scope)).collect();
        if let Some(first) = elsewhere.first() {
            return Ok(vec![found_in(&scope, first, &elsewhere)]);
        }
        Ok(self.subscriptions_missing(&scope).await?.into_iter().collect())
    }

    /// That invoices came and no subscription, where that is so: nothing counts without subscriptions.
    pub async fn missing_subscriptions(&self, ask: &Ask) -> Result<Option<Notice>, AskError> {
        let Asked { scope, .. } = self.resolve_unrated(ask).await?;
        self.subscriptions_missing(&scope).await
    }

    async fn subscriptions_missing(&self, scope: &Scope) -> Result<Option<Notice>, AskError> {
        if self.store.derived.has_subscriptions(scope).await? {
            return Ok(None);
        }
        let invoices = EventFilter {
            kind: Some("invoice.*".into()),
            livemode: Some(scope.livemode),
            account: match &scope.account {
                AccountScope::One(account) => Some(account.clone()),
                AccountScope::All => None,
            },
            ..EventFilter::default()
        };
        if self.store.log.events(&invoices, Seq::START, 1).await?.is_empty() {
            return Ok(None);
        }
        let detail = format!(
            "invoices came, and no subscription: MRR is counted from subscriptions, so add the event types \
             {SUBSCRIPTION_EVENTS} to the webhook endpoint at Stripe; what was before them comes with stripe.api_key and \
             `mrrd backfill --history`"
        );
        Ok(Some(Notice::new(NoticeKind::SubscriptionsMissing, detail, None)))
    }
}

/// A number of things, as a sentence says it.
fn counted(number: i64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn all_events(number: i64) -> String {
    if number == 1 { "the one event".to_owned() } else { format!("all {number} events") }
}

/// Whether it is a ledger that `scope` asks for.
fn is_asked(one: &LedgerThere, scope: &Scope) -> bool {
    scope.includes(one.livemode, one.account.as_ref()) && one.test_clock == scope.test_clock
}

fn scope_of(scope: &Scope, there: &LedgerThere) -> Scope {
    Scope {
        livemode: there.livemode,
        account: AccountScope::One(there.account.clone()),
        test_clock: there.test_clock.clone(),
        ..scope.clone()
    }
}

/// What there is instead of what was asked, the `first` of it among all, and how it is asked for.
fn elsewhere_of(scope: &Scope, first: &LedgerThere, elsewhere: &[LedgerThere]) -> Notice {
    let only = |holds: fn(&LedgerThere) -> bool| elsewhere.iter().all(holds);
    let what = if only(|one| one.test_clock.is_some()) {
        "only test clocks' events are there".to_owned()
    } else if only(|one| one.account.is_some()) {
        "only connected accounts' events are there".to_owned()
    } else if only(|one| !one.livemode) && scope.livemode {
        "only test events are there".to_owned()
    } else if only(|one| one.livemode) && !scope.livemode {
        "only live events are there".to_owned()
    } else {
        "what there is lies in other ledgers".to_owned()
    };
    let named: Vec<String> = elsewhere.iter().take(NAMED).map(described).collect();
    let more = elsewhere.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let option = option(scope, first, elsewhere);
    // What is named nowhere is asked for without a name.
    let how = if option.is_none() { "; without the parameter account they are shown" } else { "" };
    let detail = format!("{what}: {}{more}{how}", named.join(", "));
    Notice::new(NoticeKind::Elsewhere, detail, option)
}

/// In which ledgers one customer or subscription is, the `first` of them among all, and how it is asked for. Of what else lies in
/// the log they say nothing.
fn found_in(scope: &Scope, first: &LedgerThere, elsewhere: &[LedgerThere]) -> Notice {
    let named: Vec<String> = elsewhere.iter().take(NAMED).map(|one| ledger_named(scope, one)).collect();
    let more = elsewhere.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and in {more} more") } else { String::new() };
    // What a ledger has not is asked for by leaving its name away.
    let mut without = Vec::new();
    if first.account.is_none() && matches!(scope.account, AccountScope::One(Some(_))) {
        without.push("account");
    }
    if first.test_clock.is_none() && scope.test_clock.is_some() {
        without.push("test_clock");
    }
    let how = match without.as_slice() {
        [] => String::new(),
        names => format!(", shown without the parameter {}", names.join(" and ")),
    };
    let detail = format!("it is in {}{more}{how}", named.join(" and in "));
    Notice::new(NoticeKind::Elsewhere, detail, option(scope, first, elsewhere))
}

/// A ledger as the place where something is; the account's own is named where another account was asked.
fn ledger_named(scope: &Scope, one: &LedgerThere) -> String {
    let of_account = one.account.as_ref().map_or(String::new(), |account| format!(" of {account}"));
    if let Some(clock) = &one.test_clock {
        return format!("the ledger of the test clock {clock}{of_account}");
    }
    let whose = match scope.account {
        AccountScope::One(Some(_)) if one.account.is_none() => "the account's own",
        _ => "the",
    };
    format!("{whose} {} ledger{of_account}", if one.livemode { "live" } else { "test" })
}

/// A ledger as a sentence names it: mode, account, test clock.
pub fn described(one: &LedgerThere) -> String {
    let account = one.account.as_ref().map_or("the account's own".to_owned(), AccountId::to_string);
    let mode = if one.livemode { "live" } else { "test" };
    let clock = one.test_clock.as_ref().map_or(String::new(), |clock| format!(", {clock}"));
    format!("{account} ({mode}{clock}: {})", counted(one.customers, "customer"))
}

/// The parameters that show the first of them, or all accounts where that is what there is; `None` where it is shown without any.
fn option(scope: &Scope, first: &LedgerThere, elsewhere: &[LedgerThere]) -> Option<String> {
    let mut parameters = Vec::new();
    if first.livemode != scope.livemode {
        parameters.push(format!("livemode={}", first.livemode));
    }
    let alike = |one: &&LedgerThere| one.livemode == first.livemode && one.test_clock == first.test_clock;
    let accounts: BTreeSet<_> = elsewhere.iter().filter(alike).map(|one| &one.account).collect();
    match &first.account {
        _ if AccountScope::One(first.account.clone()) == scope.account => {}
        _ if accounts.len() > 1 => parameters.push("account=all".into()),
        Some(account) => parameters.push(format!("account={account}")),
        None => {}
    }
    parameters.extend(first.test_clock.as_ref().map(|clock: &TestClockId| format!("test_clock={clock}")));
    (!parameters.is_empty()).then(|| parameters.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::time::UnixTime;

    /// A ledger's mode, account and test clock.
    type Ledger = (bool, Option<&'static str>, Option<&'static str>);

    /// What is said of one who isn't in the ledger asked, and is in others.
    fn told((livemode, account, clock): Ledger, there: &[Ledger]) -> String {
        let scope = Scope {
            profile: "stripe".into(),
            livemode,
            account: AccountScope::named(account),
            test_clock: clock.map(TestClockId::from),
            cut: UnixTime(0),
        };
        let ledger = |(livemode, account, clock): &Ledger| LedgerThere {
            livemode: *livemode,
            account: account.map(AccountId::from),
            test_clock: clock.map(TestClockId::from),
            customers: 1,
        };
        let all: Vec<LedgerThere> = there.iter().map(ledger).collect();
        found_in(&scope, &all[0], &all).for_terminal()
    }

    #[test]
    fn who_is_in_another_ledger_says_nothing_of_the_rest_of_the_log() {
        let own: Ledger = (true, None, None);
        for (asked, there, said) in [
            (own, &[(false, None, None)][..], "it is in the test ledger: --livemode false"),
            ((false, None, None), &[own], "it is in the live ledger: --livemode true"),
            (own, &[(true, Some("acct_1"), None)], "it is in the live ledger of acct_1: --account acct_1"),
            (
                own,
                &[(true, Some("acct_1"), None), (true, Some("acct_2"), None)],
                "it is in the live ledger of acct_1 and in the live ledger of acct_2: --account all",
            ),
            (
                own,
                &[(false, None, Some("clock_1"))],
                "it is in the ledger of the test clock clock_1: --livemode false --test-clock clock_1",
            ),
            (
                (true, Some("acct_1"), None),
                &[own],
                "it is in the account's own live ledger, shown without the parameter account",
            ),
        ] {
            assert_eq!(told(asked, there), said);
        }
    }
}
