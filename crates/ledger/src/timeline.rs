//! One subscription's facts as a line of snapshots: ordered, equal states folded, the end where it belongs (rule `snapshot-order`).

use std::borrow::Cow;

pub use super::snapshot::{Entry, Snapshot};
use super::{
    fact::{Fact, Origin, Role, Status, SubscriptionState},
    ids::EventId,
    order::{Seen, breaks, order},
    outcome::{QualityEntry, QualityKind},
    past::{Past, before_end},
    time::{UnixTime, Zone},
};

/// The line of one subscription, and what was wrong with it.
#[derive(Debug, Default)]
pub(super) struct Timeline<'a> {
    pub snapshots: Vec<Snapshot<'a>>,
    pub quality: Vec<QualityEntry>,
}

/// Builds the line of one subscription from all its facts. `customer_deleted` is when, and by which event, its customer
/// was deleted; `past` tells from invoices what was before a state and an instant.
pub(super) fn build<'a>(
    seen: &[Seen<'a>],
    customer_deleted: Option<(UnixTime, &EventId)>,
    invoice_created: &dyn Fn(&str) -> Option<UnixTime>,
    past: &dyn Fn(&SubscriptionState, UnixTime) -> Option<Past>,
    zone: &Zone,
) -> Timeline<'a> {
    let ordered = order(seen.to_vec(), invoice_created);
    let mut timeline = Timeline::default();
    let Some(&first) = ordered.chain.first() else { return timeline };
    let earliest = ordered.chain.iter().map(|seen| seen.fact.at).min().unwrap_or(first.fact.at);
    let own_end = ordered.chain.iter().filter_map(end_told).min();
    // `customer.deleted` ends all its subscriptions unless their own end is known.
    let ended_with_customer = customer_deleted.filter(|(at, _)| own_end.is_none() && *at >= earliest);
    let end = own_end.or(ended_with_customer.map(|(at, _)| at));

    let mut line = TimelineBuilder { timeline: &mut timeline, reads: reads(&ordered.chain), taken: Vec::new() };
    if first.fact.role != Role::Created {
        let start = ordered.chain.iter().find_map(|seen| start_told(seen.after));
        line.open(first, start.unwrap_or(first.after.created), end, past, zone);
        if start.is_none() {
            line.start_unknown(first);
        }
    }
    let running = ordered.chain.iter().filter(|seen| end_told(seen).is_none());
    for seen in running {
        let at = match seen.fact.role {
            // First whatever its second: what came before it was already created.
            Role::Created => earliest.min(end.unwrap_or(earliest)),
            _ => seen.fact.at,
        };
        if end.is_some_and(|end| at > end) {
            line.gap(seen, "says that the subscription runs after it ended");
            continue;
        }
        line.check(seen);
        let entry = if line.timeline.snapshots.is_empty() { Entry::Created } else { Entry::Change };
        line.push(at, Cow::Borrowed(seen.after), seen.fact, entry);
    }
    for seen in ordered.chain.iter().filter(|seen| end_told(seen).is_some()) {
        line.check(seen);
        let entry = if line.timeline.snapshots.is_empty() { Entry::Created } else { Entry::Change };
        let at = end.unwrap_or(seen.fact.at);
        line.push(at, ended_state(seen.after, at), seen.fact, entry);
    }
    if let (Some((at, event)), Some(last)) = (ended_with_customer, timeline.snapshots.last()) {
        let state =
            SubscriptionState { status: Status::Canceled, ended_at: Some(at), ..last.state.clone().into_owned() };
        let snapshot = Snapshot {
            at: at.max(last.at),
            state: Cow::Owned(state),
            events: vec![event.clone()],
            origin: Origin::Event,
            entry: Entry::Change,
        };
        timeline.snapshots.push(snapshot);
    }
    for (at, event) in ordered.ties {
        timeline.quality.push(QualityEntry {
            kind: QualityKind::UnresolvedTie,
            object: first.after.id.as_str().into(),
            event: Some(event.clone()),
            at,
            until: None,
            detail: "several changes of one second, in an order that only their event ids decide".into(),
            settle: "an event whose previous values tell the order apart".into(),
        });
    }
    keep_over_unknown(&mut timeline);
    waiting(&mut timeline);
    timeline
}

/// When this fact says the subscription ended: `ended_at`, else the instant of a snapshot that shows it canceled.
fn end_told(seen: &Seen<'_>) -> Option<UnixTime> {
    let over = seen.after.status == Status::Canceled || seen.fact.role == Role::Deleted;
    seen.after.ended_at.or(over.then_some(seen.fact.at))
}

/// When the subscription started, where the shape tells it: `start_date`, else `created`.
fn start_told(state: &SubscriptionState) -> Option<UnixTime> {
    state.start_date.or((!state.created_bound).then_some(state.created))
}

/// An ended subscription is canceled whatever its last snapshot says (older shapes of `deleted`).
fn ended_state(state: &SubscriptionState, at: UnixTime) -> Cow<'_, SubscriptionState> {
    let over = matches!(state.status, Status::Canceled | Status::IncompleteExpired);
    if over && state.ended_at.is_some() {
        return Cow::Borrowed(state);
    }
    let status = if over { state.status.clone() } else { Status::Canceled };
    Cow::Owned(SubscriptionState { status, ended_at: Some(state.ended_at.unwrap_or(at)), ..state.clone() })
}

/// The state before the first thing known (rule `opening-balance`).
fn state_before<'a>(first: &Seen<'a>) -> Cow<'a, SubscriptionState> {
    if let Some(before) = first.before {
        return Cow::Borrowed(before);
    }
    if first.fact.role != Role::Deleted {
        return Cow::Borrowed(first.after);
    }
    Cow::Owned(before_end(first.after, first.after.ended_at.unwrap_or(first.fact.at)))
}

/// Instants of API reads, each of which heals the gaps before it.
fn reads(chain: &[Seen<'_>]) -> Vec<UnixTime> {
    chain.iter().filter(|seen| seen.fact.role == Role::Read).map(|seen| seen.fact.at).collect()
}

struct TimelineBuilder<'t, 'a> {
    timeline: &'t mut Timeline<'a>,
    reads: Vec<UnixTime>,
    /// The events that show the last snapshot.
    taken: Vec<Seen<'a>>,
}

impl<'a> TimelineBuilder<'_, 'a> {
    /// Puts the state before the first thing known in front.
    fn open(
        &mut self,
        first: Seen<'a>,
        start: UnixTime,
        end: Option<UnixTime>,
        past: &dyn Fn(&SubscriptionState, UnixTime) -> Option<Past>,
        zone: &Zone,
    ) {
        let known = end.map_or(first.fact.at, |end| end.min(first.fact.at));
        let state = state_before(&first);
        let ran = match end_told(&first).filter(|_| first.fact.role == Role::Read) {
            Some(ended) => Cow::Owned(before_end(first.after, ended)),
            None => state.clone(),
        };
        if let Some(Past { states, entry, quality }) = past(&ran, known) {
            for (place, (at, state, event)) in states.into_iter().enumerate() {
                let entry = if place == 0 { entry } else { Entry::Change };
                let (state, events) = (Cow::Owned(state), vec![event]);
                self.timeline.snapshots.push(Snapshot { at, state, events, origin: Origin::Invoice, entry });
            }
            self.timeline.quality.extend(quality);
            return self.push(known, ran, first.fact, Entry::Change);
        }
        let day = zone.day(known);
        let (at, entry) = if zone.day(start) < day {
            (zone.end_of(day.before()), Entry::Opening)
        } else {
            (start.min(known), Entry::Start)
        };
        self.push(at, state, first.fact, entry);
    }

    /// Appends a state; one equal to the state reached is nothing.
    fn push(&mut self, at: UnixTime, state: Cow<'a, SubscriptionState>, fact: &Fact, entry: Entry) {
        if let Some(last) = self.timeline.snapshots.last_mut()
            && last.state == state
        {
            if last.events.last() != Some(&fact.event) {
                last.events.push(fact.event.clone());
            }
            return;
        }
        let at = self.timeline.snapshots.last().map_or(at, |last| at.max(last.at));
        let events = vec![fact.event.clone()];
        self.timeline.snapshots.push(Snapshot { at, state, events, origin: fact.origin, entry });
    }

    /// Finds a chain that breaks: previous values that are not the last known ones. A second Event for one change shows the
    /// state reached, after previous values of that very change; one that shows it after others came back from a gap.
    fn check(&mut self, seen: &Seen<'a>) {
        let again = self.timeline.snapshots.last().is_some_and(|last| *last.state == *seen.after);
        let twin = again && self.taken.iter().any(|taken| taken.before == seen.before);
        if !again {
            self.taken.clear();
        }
        self.taken.push(*seen);
        let (Some(before), Some(last)) = (seen.before, self.timeline.snapshots.last()) else { return };
        // What an invoice's lines tell is less than a snapshot: nothing breaks against it.
        let holds = |snapshot: &Snapshot<'_>| {
            snapshot.origin == Origin::Invoice || !breaks(before, seen.after, &snapshot.state)
        };
        if twin || holds(last) {
            return;
        }
        if !again {
            return self
                .gap(seen, "tells previous values that are not the last known ones: events before it are missing");
        }
        let changed = self.timeline.snapshots.iter().rev().nth(1);
        if !changed.is_some_and(holds) {
            self.gap(
                seen,
                "comes back to the last known state from one that no event shows: what was between is missing",
            );
        }
    }

    /// The first thing known doesn't tell when it began, and nothing after it does.
    fn start_unknown(&mut self, first: Seen<'a>) {
        self.timeline.quality.push(QualityEntry {
            kind: QualityKind::UnknownValue,
            object: first.after.id.as_str().into(),
            event: Some(first.fact.event.clone()),
            at: first.fact.at,
            until: None,
            detail: "when it was created is told nowhere in the log: taken as the first instant it is shown at".into(),
            settle: "a shape that tells it (2017 and later), or the subscription read from Stripe's API".into(),
        });
    }

    fn gap(&mut self, seen: &Seen<'_>, what: &str) {
        let at = seen.fact.at;
        self.timeline.quality.push(QualityEntry {
            kind: QualityKind::Gap,
            object: seen.after.id.as_str().into(),
            event: Some(seen.fact.event.clone()),
            at,
            // An API read ranks after all events of its second.
            until: self.reads.iter().copied().filter(|read| *read >= at).min(),
            detail: format!("{} {what}", seen.fact.event),
            settle: "the missing events, or the subscription read from Stripe's API".into(),
        });
    }
}

/// Changes that wait for their event (rule `time-alone`: `overdue` is written ahead).
fn waiting(timeline: &mut Timeline<'_>) {
    type Due = fn(&SubscriptionState) -> Option<UnixTime>;
    let over = |state: &SubscriptionState| {
        state.ended_at.is_some() || matches!(state.status, Status::Canceled | Status::IncompleteExpired)
    };
    let kinds: [(&str, Due); 3] = [
        ("the end of its trial", |state| state.trial_end.filter(|_| state.status == Status::Trialing)),
        ("the end of its pause", |state| state.pause_collection.as_ref().and_then(|pause| pause.resumes_at)),
        ("its scheduled end", |state| {
            let period_end = state.period.filter(|_| state.cancel_at_period_end).map(|period| period.end);
            state.cancel_at.or(period_end)
        }),
    ];
    for (what, due) in kinds {
        let due = |state: &SubscriptionState| due(state).filter(|_| !over(state));
        let mut next = 0;
        for run in timeline.snapshots.chunk_by(|a, b| due(&a.state) == due(&b.state)) {
            next += run.len();
            let Some(at) = due(&run[0].state).map(|due| due.plus(UnixTime::DAY_SECONDS)) else { continue };
            let until = timeline.snapshots.get(next).map(|next| next.at);
            if until.is_some_and(|until| until <= at) {
                continue;
            }
            timeline.quality.push(QualityEntry {
                kind: QualityKind::Overdue,
                object: run[0].state.id.as_str().into(),
                event: run[0].events.first().cloned(),
                at: at.max(run[0].at),
                until,
                detail: format!("{what} was due and no event has told of it"),
                settle: "its event, or the subscription read from Stripe's API".into(),
            });
        }
    }
}

/// A status nobody knows changes nothing: the subscription goes on in the one it had before (rule `unknown-amounts`). It stays listed, for
/// what was counted meanwhile rests on it.
fn keep_over_unknown(timeline: &mut Timeline<'_>) {
    let Timeline { snapshots, quality } = timeline;
    let (mut known, mut listed): (Option<Status>, Option<Status>) = (None, None);
    for snapshot in snapshots {
        let Status::Other(word) = &snapshot.state.status else {
            (known, listed) = (Some(snapshot.state.status.clone()), None);
            continue;
        };
        let shown = Some(snapshot.state.status.clone());
        if listed != shown {
            let counts = if known.is_some() { "it counts what it counted before" } else { "it never counted before" };
            quality.push(QualityEntry {
                kind: QualityKind::UnknownValue,
                object: snapshot.state.id.as_str().into(),
                event: snapshot.events.first().cloned(),
                at: snapshot.at,
                until: None,
                detail: format!("status {word:?} is not known: {counts}"),
                settle: "a version of mrrd that knows it".into(),
            });
        }
        listed = shown;
        if let Some(status) = &known {
            snapshot.state.to_mut().status = status.clone();
        }
    }
}
