//! The way from event to money, step by step: the same pipeline as `derive`, told instead of kept.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    CustomerFacts,
    counting::{CountStatus, Counted, Stretch},
    derivation::Derivation,
    fact::{Fact, Origin, SubscriptionState},
    fx::Rates,
    ids::{EventId, ItemId, SubscriptionId},
    latest,
    money::{Currency, Mrr},
    outcome::{Kind, Movement, QualityEntry, QualityKind},
    pricing,
    profile::Profile,
    rule,
    sentence::Sentence,
    sorted_facts::counting_shapes,
    time::{Day, UnixTime, Zone},
    timeline::{Entry, Snapshot},
};

/// One rule applied, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The instant from which it holds.
    pub at: UnixTime,
    /// Where on the way it stands.
    pub stage: Stage,
    /// Which subscription it is about; `None` for a movement, which is the customer's.
    pub subscription: Option<SubscriptionId>,
    /// Which item it is about, where it is one.
    pub item: Option<ItemId>,
    /// The rule, by its name in docs/rules.md.
    pub rule: &'static str,
    /// What it says here; amounts are in minor units.
    pub text: Sentence,
    /// Minor units a month: what counts from here, or by how much MRR moved.
    pub amount: Option<Mrr>,
    /// The currency of `amount`; `None` without one.
    pub currency: Option<Currency>,
    /// The events it rests on.
    pub events: Vec<EventId>,
}

/// The stages from event to money, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// An event gave a state.
    State,
    /// The arithmetic of an item.
    Amount,
    /// Whether it counts, and what then.
    Counts,
    /// Something couldn't be known (rule `unknown-amounts` and others).
    Quality,
    /// A movement came of it.
    Movement,
}

/// All steps of one customer under one profile, in time order; the future written ahead is included, dated.
pub fn explain(input: CustomerFacts<'_>, profile: &Profile, zone: &Zone) -> Vec<Step> {
    let derivation = Derivation::new(input, profile, zone, &[]);
    let mut steps = Vec::new();
    for counted in &derivation.subscriptions {
        steps.extend(counted.snapshots.iter().map(state));
        amounts(counted, &derivation, profile, &mut steps);
        steps.extend(counted.stretches.iter().map(|stretch| counts(counted, stretch, profile)));
    }
    steps.extend(derivation.quality.iter().map(unknown));
    steps.extend(moved(&derivation.movements, profile));
    steps.sort_by_key(|step| (step.at, step.stage));
    steps
}

/// Of each event that `facts` tell in several bodies the fact that counts, and how many bodies tell it, in order of event and object
/// (rule `variants`).
pub fn told_in_several(facts: &[Fact]) -> Vec<(&Fact, usize)> {
    let mut several = Vec::new();
    counting_shapes(facts, |fact, bodies| several.extend((bodies > 1).then_some((fact, bodies))));
    several
}

/// What isn't known, told as a step: also of a ledger in a reporting currency.
pub fn unknown(entry: &QualityEntry) -> Step {
    let QualityEntry { kind, object, detail, settle, .. } = entry;
    Step {
        at: entry.at,
        stage: Stage::Quality,
        subscription: None,
        item: None,
        rule: of_quality(*kind),
        text: format!("{}: {detail} ({object}); it would be settled by {settle}", kind.as_str()).into(),
        amount: None,
        currency: None,
        events: entry.event.iter().cloned().collect(),
    }
}

/// Movements told as steps, each followed by its parts: also those of a ledger in a reporting currency.
pub fn moved(movements: &[Movement], profile: &Profile) -> Vec<Step> {
    let mut steps = Vec::new();
    movements.iter().for_each(|one| movement(one, profile, &mut steps));
    steps
}

/// At which rates the movements of a ledger in the reporting currency `to` were converted, a step for each currency and day:
/// `native` are the same customer's movements as they are billed (rules `rates` and `revaluation`).
pub fn rated(native: &[Movement], converted: &[Movement], to: Currency, rates: &Rates, zone: &Zone) -> Vec<Step> {
    let shown = |row: &&Movement, at: UnixTime| {
        row.visible_from <= at && row.visible_until.is_none_or(|until| at < until) && row.currency != to
    };
    let mut steps = Vec::new();
    let mut step = |at: UnixTime, day: Day, currency: Currency, what: Sentence| {
        // The ledger ends where a rate is missing, which is a quality entry of its own.
        let Some(rate) = rates.told(currency, to, day) else { return };
        let text = what.and(rate.in_words(currency, to, day));
        let told = Step {
            at,
            stage: Stage::Amount,
            subscription: None,
            item: None,
            rule: rule::RATES,
            text,
            amount: None,
            currency: Some(to),
            events: Vec::new(),
        };
        if !steps.contains(&told) {
            steps.push(told);
        }
    };
    for one in converted {
        let (at, day) = (one.effective_at, one.day);
        if one.kind != Kind::Fx {
            let rows = native.iter().filter(|row| row.window == one.window && shown(row, one.visible_from));
            for row in rows {
                let what = Sentence::default().amount_told(row.amount, Some(row.currency)).and(" is converted at ");
                step(at, row.day, row.currency, what);
            }
            continue;
        }
        // What a window of several days holds beyond its last day's rate is of all their rates.
        if one.window != zone.start_of(day) {
            continue;
        }
        let mut stands: BTreeMap<Currency, i128> = BTreeMap::new();
        for row in native.iter().filter(|row| row.effective_at < at && shown(row, at)) {
            *stands.entry(row.currency).or_default() += row.amount.0;
        }
        for (currency, native) in stands.into_iter().filter(|(_, native)| *native != 0) {
            let what = Sentence::from("what stands, ".to_owned()).amount_told(Mrr(native), Some(currency));
            step(at, day, currency, what.and(", is valued at "));
        }
    }
    steps
}

/// The rule by which something couldn't be known.
fn of_quality(kind: QualityKind) -> &'static str {
    match kind {
        QualityKind::UnpricedItem | QualityKind::EstimatedItem => rule::UNKNOWN_AMOUNTS,
        QualityKind::UnresolvedDiscount | QualityKind::DiscountEstimated => rule::DISCOUNT_BY_ID,
        QualityKind::DurationInferred => rule::DISCOUNT_DURATION,
        QualityKind::TaxUnknown => rule::INCLUSIVE_TAX,
        QualityKind::UnknownValue => rule::UNKNOWN_VALUES,
        QualityKind::Gap => rule::GAPS,
        QualityKind::UnresolvedTie => rule::SNAPSHOT_ORDER,
        QualityKind::Overdue => rule::TIME_ALONE,
        QualityKind::MissingRate => rule::RATES,
        QualityKind::UnclearPast => rule::OPENING_BALANCE,
    }
}

/// What a snapshot says.
fn state(snapshot: &Snapshot<'_>) -> Step {
    let state = &*snapshot.state;
    let rule = match (snapshot.entry, state.ended_at) {
        (Entry::Opening | Entry::Start, _) => rule::OPENING_BALANCE,
        (_, Some(_)) => rule::ENDS,
        _ => rule::SNAPSHOT_ORDER,
    };
    let source = match (snapshot.entry, snapshot.origin) {
        (Entry::Opening | Entry::Start, _) => "was before the first thing known of it: ",
        (_, Origin::Event) => "",
        (_, Origin::Api) => "read from the API: ",
        (_, Origin::Invoice) => "told by an invoice: ",
    };
    Step {
        at: snapshot.at,
        stage: Stage::State,
        subscription: Some(state.id.clone()),
        item: None,
        rule,
        text: in_words(source, state, snapshot.at),
        amount: None,
        currency: None,
        events: snapshot.events.clone(),
    }
}

/// What a state says, as of an instant: what was to happen before it is past.
fn in_words(source: &str, state: &SubscriptionState, at: UnixTime) -> Sentence {
    let mut sentence = Sentence::from(format!("{source}{}", latest::word(&state.status)));
    for item in &state.items {
        let quantity = item.quantity.map(|quantity| format!("{quantity} × ")).unwrap_or_default();
        sentence = sentence.and(format!(", {quantity}")).naming(item.price.id.clone());
    }
    let mut words = Vec::new();
    match state.discounts.len() {
        0 => {}
        1 => words.push("1 discount".into()),
        several => words.push(format!("{several} discounts")),
    }
    if let Some(end) = state.cancel_at {
        words.push(format!("set to end at {end}"));
    } else if state.cancel_at_period_end {
        words.push("set to end with its period".into());
    }
    if state.pause_collection.is_some() {
        words.push("collection paused".into());
    }
    words.extend(state.trial_end.map(|end| match end > at {
        true => format!("trial until {end}"),
        false => format!("trial was due to end at {end}"),
    }));
    words.extend(state.ended_at.map(|at| format!("ended at {at}")));
    words.into_iter().fold(sentence, |sentence, word| sentence.and(format!(", {word}")))
}

/// The arithmetic of each span whose amounts differ from the span before.
fn amounts(counted: &Counted<'_>, derivation: &Derivation<'_>, profile: &Profile, steps: &mut Vec<Step>) {
    let mut last: Option<pricing::Span> = None;
    for (span, written) in pricing::explain(&counted.snapshots, &derivation.terms, profile, &counted.granted) {
        let snapshot = &counted.snapshots[span.snapshot];
        if last.as_ref().is_none_or(|last| last.items != span.items) {
            steps.extend(written.into_iter().map(|(item, step)| Step {
                at: span.from,
                stage: Stage::Amount,
                subscription: Some(snapshot.state.id.clone()),
                item: Some(item),
                rule: step.rule,
                text: step.text.into(),
                amount: None,
                currency: span.currency,
                events: snapshot.events.iter().take(1).cloned().collect(),
            }));
        }
        last = Some(span);
    }
}

/// Whether a stretch counts, and what.
fn counts(counted: &Counted<'_>, stretch: &Stretch, profile: &Profile) -> Step {
    let (rule, why) = match stretch.count_status {
        CountStatus::Counts => (rule::COUNTED_STATES, "counts in full".to_owned()),
        CountStatus::AtRisk => (rule::PAST_DUE, "is past due and counts, at risk".into()),
        CountStatus::Trial => (rule::COUNTED_STATES, "is on trial and counts 0".into()),
        CountStatus::Paused => (rule::COUNTED_STATES, "is paused and counts 0".into()),
        CountStatus::CollectionPaused => (rule::PAUSE_COLLECTION, "has its collection paused and counts 0".into()),
        CountStatus::Requested => (rule::CHURN_AT, "is asked to end and counts 0 from the request".into()),
        CountStatus::Unpaid => (rule::UNPAID, "is unpaid and counts 0".into()),
        CountStatus::PastDue => (rule::PAST_DUE, "is past due and counts 0".into()),
        CountStatus::Unfunded => (rule::FIRST_PAYMENT, "has no payment yet and counts 0".into()),
        CountStatus::Incomplete => (rule::COUNTED_STATES, "has not begun and counts 0".into()),
        CountStatus::Ended => (rule::ENDS, "has ended and counts 0".into()),
        CountStatus::Unknown => (rule::UNKNOWN_VALUES, "has a status that is not known and counts 0".into()),
    };
    let scheduled: i128 = stretch.lines.iter().map(|line| line.scheduled.0).sum();
    let mut text = Sentence::from(format!("under {} it {why}: ", profile.name));
    text = text.amount_told(stretch.mrr, stretch.currency);
    if stretch.list != stretch.mrr {
        text = text.and(", ").amount_told(stretch.list, stretch.currency).and(" before discounts");
    }
    if scheduled != 0 {
        text = text.and(", ").amount_told(Mrr(scheduled), stretch.currency).and(" set to end");
    }
    Step {
        at: stretch.from,
        stage: Stage::Counts,
        subscription: Some(counted.state(stretch).id.clone()),
        item: None,
        rule,
        text,
        amount: Some(stretch.mrr),
        currency: stretch.currency,
        events: stretch.events.clone(),
    }
}

/// A movement, then each of its parts.
fn movement(movement: &Movement, profile: &Profile, steps: &mut Vec<Step>) {
    let rule = match movement.kind {
        Kind::OpeningBalance => rule::OPENING_BALANCE,
        Kind::New | Kind::Reactivation | Kind::Expansion | Kind::Contraction | Kind::Churn => rule::KINDS,
        Kind::Transient => rule::NETTING,
        Kind::Fx => rule::REVALUATION,
    };
    let netted = match movement.kind {
        Kind::OpeningBalance | Kind::Fx => String::new(),
        _ => format!(" (netting = {})", profile.netting),
    };
    let mut shown = String::new();
    if let Some(until) = movement.visible_until {
        shown = format!(", as it stands from {} until {until}", movement.visible_from);
    }
    let mut events: Vec<EventId> = movement.parts.iter().flat_map(|part| part.events.iter().cloned()).collect();
    events.sort_unstable();
    events.dedup();
    let step = |subscription, item, rule, text: Sentence, amount, events| Step {
        at: movement.effective_at,
        stage: Stage::Movement,
        subscription,
        item,
        rule,
        text,
        amount: Some(amount),
        currency: Some(movement.currency),
        events,
    };
    let currency = Some(movement.currency);
    let text = Sentence::from(format!("{} of ", movement.kind.as_str())).amount_told(movement.amount, currency);
    let text = text.and(": ").amount(movement.before, currency).and(" → ").amount(movement.after, currency);
    let text = text.and(format!("{netted}{shown}"));
    steps.push(step(None, None, rule, text, movement.amount, events));
    steps.extend(movement.parts.iter().map(|part| {
        let (subscription, item) = (Some(part.subscription.clone()), Some(part.item.clone()));
        let reason = part.end_reason.map(|reason| format!(" ({})", reason.as_str())).unwrap_or_default();
        let text = Sentence::from(format!("of it {}{reason}: ", part.cause.as_str()));
        let text = text.amount_told(part.amount, currency);
        step(subscription, item, rule::PARTS, text, part.amount, part.events.clone())
    }));
}
