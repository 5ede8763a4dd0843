//! The audit: every subscription at Stripe held against the ledger's, field by field, with what the difference is worth.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

use super::{
    answers,
    backfill::{Fetch, HistoryError},
    drift::Drift,
};
use crate::{
    event::{CustomerKey, NewEvent},
    ledger::{
        self, CustomerFacts,
        fact::{Fact, State, SubscriptionState},
        ids::SubscriptionId,
        money::{Currency, Mrr},
        outcome::SubscriptionLedger,
        time::UnixTime,
    },
    limits,
    reconciler::{ReconcileError, Rules, derivation, joining::Joins},
    stripe::client::lists::{Objects, Page},
};

/// What an audit compared, and what differed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// Subscriptions held against the ledger.
    pub subscriptions: u64,
    /// What differs, in the order it was met.
    pub differences: Vec<Difference>,
    /// Of these, how many were appended to the log.
    pub healed: u64,
}

/// One subscription that isn't in the ledger as it is at Stripe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The customer, by Stripe's id.
    pub customer: String,
    /// The subscription, by Stripe's id.
    pub subscription: String,
    /// True in live mode, false in test mode.
    pub livemode: bool,
    /// What differs; empty where one side hasn't got it at all.
    pub fields: Vec<Field>,
    /// The currency of its amounts; `None` where nothing tells it.
    pub currency: Option<Currency>,
    /// Its MRR in the ledger, in minor units; null where the ledger hasn't got it.
    #[serde(rename = "ledger_mrr_exact", serialize_with = "exactly")]
    pub ledger_mrr: Option<Mrr>,
    /// Its MRR by Stripe's state; null where Stripe hasn't got it.
    #[serde(rename = "stripe_mrr_exact", serialize_with = "exactly")]
    pub stripe_mrr: Option<Mrr>,
    /// Why it wasn't compared, in words.
    pub reason: &'static str,
}

fn exactly<S: Serializer>(mrr: &Option<Mrr>, to: S) -> Result<S::Ok, S::Error> {
    mrr.map(|mrr| mrr.to_string()).serialize(to)
}

/// One field in both places.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    /// The field's name at Stripe.
    pub field: &'static str,
    /// What the ledger says of it.
    pub ledger: String,
    /// What Stripe says of it now.
    pub stripe: String,
}

/// Why an audit couldn't be finished.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// Stripe couldn't be asked, or the log read.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// A ledger couldn't be derived.
    #[error(transparent)]
    Ledger(#[from] ReconcileError),
}

impl From<crate::stripe::client::ApiError> for AuditError {
    fn from(error: crate::stripe::client::ApiError) -> Self {
        Self::History(error.into())
    }
}

impl From<crate::store::StoreError> for AuditError {
    fn from(error: crate::store::StoreError) -> Self {
        Self::History(error.into())
    }
}

impl Audit {
    /// What it left, when it ended at `at`.
    pub fn drift(&self, at: UnixTime) -> Drift {
        let found = self.differences.len() as u64;
        Drift { at, subscriptions: self.subscriptions, differing: found.saturating_sub(self.healed) }
    }
}

impl Fetch {
    /// Holds all subscriptions at Stripe against the log under the first profile of `rules`. With `heal`, missing events
    /// are fetched first, and what still differs is appended as Stripe has it. `watch` hears of every page.
    pub async fn audit(&self, rules: &Rules, heal: bool, mut watch: impl FnMut(&Audit)) -> Result<Audit, AuditError> {
        if heal {
            self.events(|_| {}).await?;
        }
        let mut audit = Audit::default();
        let (mut seen, mut modes): (BTreeSet<SubscriptionId>, BTreeSet<bool>) = Default::default();
        let mut place: Option<String> = None;
        loop {
            let answer = self.client.get(&Objects::Subscriptions.page(place.as_deref())).await?;
            let page = Page::from_answer(&answer)?;
            let last = page.elements.last().and_then(|body| answers::id(body));
            let mut read = Vec::with_capacity(page.elements.len());
            for body in page.elements {
                let body = self.whole(Objects::Subscriptions, body, None).await?;
                match answers::object(body, &answer, &self.clock) {
                    Ok(event) => read.push(event),
                    Err(reason) => tracing::warn!(reason, "a subscription could not be read: it is left out"),
                }
            }
            self.hold(rules, heal, read, &mut audit, &mut seen, &mut modes).await?;
            watch(&audit);
            match last.filter(|_| page.has_more) {
                Some(id) => place = Some(id),
                None => break,
            }
        }
        self.unlisted(rules, &seen, &modes, &mut audit).await?;
        audit.drift(self.clock.now()).keep(&self.store.records).await?;
        Ok(audit)
    }

    /// Holds one page against the log.
    async fn hold(
        &self,
        rules: &Rules,
        heal: bool,
        page: Vec<NewEvent>,
        audit: &mut Audit,
        seen: &mut BTreeSet<SubscriptionId>,
        modes: &mut BTreeSet<bool>,
    ) -> Result<(), AuditError> {
        let mut answers: Vec<(CustomerKey, (Fact, NewEvent))> = Vec::new();
        for event in page {
            let crate::event::Reading::Facts(facts) = &event.reading else { continue };
            let Some(fact) = facts.first().cloned() else { continue };
            let State::Subscription { after, .. } = &fact.state else { continue };
            audit.subscriptions += 1;
            seen.insert(after.id.clone());
            modes.insert(event.livemode);
            let key = CustomerKey { livemode: event.livemode, account: None, customer: after.customer.clone() };
            answers.push((key, (fact, event)));
        }
        let joins = Joins::current(self.store.reader(), &rules.customers, None).await?;
        let keys: Vec<CustomerKey> = answers.iter().map(|(key, _)| key.clone()).collect();
        let mut by_customer: BTreeMap<CustomerKey, Vec<(Fact, NewEvent)>> = BTreeMap::new();
        for (ledger, (_, answer)) in joins.ledgers_of(self.store.reader(), &keys, None).await?.into_iter().zip(answers)
        {
            by_customer.entry(ledger).or_default().push(answer);
        }
        let keys: Vec<CustomerKey> = by_customer.keys().cloned().collect();
        let known = derivation::read(self.store.reader(), rules, &keys, None).await?;
        let mut missing = Vec::new();
        for (known, answers) in known.into_iter().zip(by_customer.into_values()) {
            let before = subscriptions(rules, &known, &[]);
            for (fact, event) in answers {
                let after = subscriptions(rules, &known, std::slice::from_ref(&fact));
                let Some(difference) = differs(&known.facts, &fact, &before, &after, event.livemode) else { continue };
                audit.differences.push(difference);
                missing.push(event);
            }
        }
        if heal && !missing.is_empty() {
            audit.healed += self.append_answers(missing).await?.appended;
        }
        Ok(())
    }

    /// What counts in the ledger and isn't in Stripe's list.
    async fn unlisted(
        &self,
        rules: &Rules,
        seen: &BTreeSet<SubscriptionId>,
        modes: &BTreeSet<bool>,
        audit: &mut Audit,
    ) -> Result<(), AuditError> {
        let mut after: Option<CustomerKey> = None;
        loop {
            let joins = Joins::current(self.store.reader(), &rules.customers, None).await?;
            let keys = joins.ledgers(self.store.reader(), after.as_ref(), limits::CUSTOMERS_PAGE, None).await?;
            let Some(last) = keys.last().cloned() else { return Ok(()) };
            after = Some(last);
            // One key reads one mode of one account; simulated time isn't in the list.
            let keys: Vec<_> =
                keys.into_iter().filter(|key| key.account.is_none() && modes.contains(&key.livemode)).collect();
            let known = derivation::read(self.store.reader(), rules, &keys, None).await?;
            for (key, known) in keys.into_iter().zip(known) {
                let clocked = known
                    .facts
                    .iter()
                    .any(|fact| matches!(&fact.state, State::Subscription { after, .. } if after.test_clock.is_some()));
                let counting = subscriptions(rules, &known, &[]).into_values();
                for one in counting.filter(|one| one.mrr != Mrr::ZERO && !clocked && !seen.contains(&one.id)) {
                    let customer = state_of(&known.facts, &one).map_or(&key.customer, |state| &state.customer);
                    audit.differences.push(Difference {
                        customer: customer.to_string(),
                        subscription: one.id.to_string(),
                        livemode: key.livemode,
                        fields: Vec::new(),
                        currency: one.currency,
                        ledger_mrr: Some(one.mrr),
                        stripe_mrr: None,
                        reason: "it counts in the ledger, and Stripe doesn't list it: is stripe.api_key of the same account?",
                    });
                }
            }
        }
    }
}

/// The customer's subscriptions as the ledger has them with `more` beside what the log knows.
fn subscriptions(
    rules: &Rules,
    known: &derivation::CustomerInput,
    more: &[Fact],
) -> BTreeMap<SubscriptionId, SubscriptionLedger> {
    let facts: Vec<Fact> = known.facts.iter().chain(more).cloned().collect();
    let input = CustomerFacts { customer: &known.customer, facts: &facts, references: &known.references };
    // A configuration has at least one profile.
    let ledgers = rules.profiles.first().map(|profile| ledger::derive(input, profile, &rules.zone).subscriptions);
    ledgers.into_iter().flatten().map(|one| (one.id.clone(), one)).collect()
}

/// How a subscription differs from what the log knew before it was read.
fn differs(
    known: &[Fact],
    answer: &Fact,
    before: &BTreeMap<SubscriptionId, SubscriptionLedger>,
    after: &BTreeMap<SubscriptionId, SubscriptionLedger>,
    livemode: bool,
) -> Option<Difference> {
    let State::Subscription { after: stripe, .. } = &answer.state else { return None };
    let (ledger, healed) = (before.get(&stripe.id), after.get(&stripe.id));
    let state = ledger.and_then(|ledger| state_of(known, ledger));
    let fields = state.map(|state| fields(state, stripe)).unwrap_or_default();
    let mrr = |one: Option<&SubscriptionLedger>| one.map(|one| one.mrr);
    if ledger.is_some() && fields.is_empty() && mrr(ledger) == mrr(healed) {
        return None;
    }
    let currency: Option<Currency> = healed.or(ledger).and_then(|one| one.currency);
    Some(Difference {
        customer: stripe.customer.to_string(),
        subscription: stripe.id.to_string(),
        livemode,
        fields,
        currency,
        ledger_mrr: mrr(ledger),
        stripe_mrr: mrr(healed),
        reason: match ledger {
            None => "the ledger has never heard of it",
            Some(_) if state.is_none() => "its latest state is in no event of the log",
            Some(_) => "an event that changed it never came",
        },
    })
}

/// The state that the ledger stands on.
fn state_of<'a>(known: &'a [Fact], ledger: &SubscriptionLedger) -> Option<&'a SubscriptionState> {
    known.iter().find_map(|fact| match &fact.state {
        State::Subscription { after, .. } if fact.event == ledger.event && after.id == ledger.id => Some(&**after),
        _ => None,
    })
}

/// The fields that money hangs on, where they differ.
fn fields(ledger: &SubscriptionState, stripe: &SubscriptionState) -> Vec<Field> {
    type Shown = fn(&SubscriptionState) -> String;
    let shown: [(&'static str, Shown); 7] = [
        ("status", |state| format!("{:?}", state.status).to_lowercase()),
        ("items", |state| {
            let mut items: Vec<String> = state
                .items
                .iter()
                .map(|item| {
                    let quantity = item.quantity.map_or_else(|| "-".to_owned(), |quantity| quantity.to_string());
                    format!("{} {} x {quantity}", item.id, item.price.id)
                })
                .collect();
            items.sort_unstable();
            items.join(", ")
        }),
        ("discounts", |state| {
            let of_items = state.items.iter().flat_map(|item| &item.discounts);
            let named = state.discounts.iter().chain(of_items);
            let mut names: Vec<String> = named
                .filter_map(|one| {
                    one.id.as_ref().map(ToString::to_string).or(one.coupon.as_ref().map(ToString::to_string))
                })
                .collect();
            names.sort_unstable();
            names.join(", ")
        }),
        ("cancel_at", |state| state.cancel_at.map_or_else(String::new, |at| at.to_string())),
        ("cancel_at_period_end", |state| state.cancel_at_period_end.to_string()),
        ("ended_at", |state| state.ended_at.map_or_else(String::new, |at| at.to_string())),
        ("trial_end", |state| state.trial_end.map_or_else(String::new, |at| at.to_string())),
    ];
    let differing = shown.into_iter().map(|(field, show)| Field { field, ledger: show(ledger), stripe: show(stripe) });
    differing.filter(|field| field.ledger != field.stripe).collect()
}
