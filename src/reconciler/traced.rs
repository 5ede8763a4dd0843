//! What a recomputed customer says to the traces of the events that marked it: that they are reconciled, and which movements they made.

use crate::{
    event::{CustomerKey, Seq, SeqRange},
    ledger::{movement_id::movement_id, outcome::Kind, time::Day},
    limits,
    store::{
        Store,
        derived::{Mark, ProfileLedger},
    },
    telemetry::traces::{EventTrace, Instant, Span, Traces},
};

/// A movement, as far as traces tell of it.
pub(super) struct Moved {
    id: String,
    profile: String,
    kind: Kind,
    day: Day,
    events: Vec<String>,
}

/// A customer of a batch, with its movements.
pub(super) struct Recomputed {
    key: CustomerKey,
    first_seq: Seq,
    last_seq: Seq,
    moved: Vec<Moved>,
}

impl Recomputed {
    /// What is kept of it until the batch is written.
    pub(super) fn of(mark: &Mark, ledgers: &[ProfileLedger]) -> Self {
        let key = &mark.key;
        let movements = ledgers.iter().flat_map(|one| one.ledger.movements.iter().map(move |row| (&one.profile, row)));
        let moved = movements.map(|(profile, row)| Moved {
            id: movement_id(profile, key.livemode, key.account.as_ref(), &key.customer, row),
            profile: profile.to_string(),
            kind: row.kind,
            day: row.day,
            events: row.parts.iter().flat_map(|part| &part.events).map(ToString::to_string).collect(),
        });
        Self { key: key.clone(), first_seq: mark.first_seq, last_seq: mark.last_seq, moved: moved.collect() }
    }
}

/// Tells the spans of a batch that is written. A batch costs one look at the log for each customer, and only where traces are on.
///
/// An event without a customer (a price's, say) marks everybody who names it: its trace ends in the log.
pub(super) async fn tell(traces: &Traces, began: Instant, store: &Store, batch: &[Recomputed]) {
    for one in batch {
        let whose = std::slice::from_ref(&one.key);
        let told =
            store.log.events_about(whose, &[], SeqRange { after: one.first_seq.before(), to: one.last_seq }).await;
        // Figures don't wait for what is only told of them: the next reading says what is wrong with the log.
        let Ok(events) = told else {
            traces.untold();
            continue;
        };
        for (seq, event) in events.iter().rev().take(limits::TRACED_EVENTS) {
            let id = event.as_str();
            let trace = EventTrace::of(id);
            // Under another set of rules, or when a generation is filled, it may be reconciled again.
            let reconciled = trace.once_more();
            traces.ended(
                Span::new("reconcile", trace, reconciled, began)
                    .within(trace.step("append"))
                    .with("mrrd.event.id", id)
                    .with("mrrd.seq", seq.0)
                    .with("mrrd.customer", one.key.customer.as_str())
                    .with("mrrd.batch.customers", u64::try_from(batch.len()).unwrap_or(u64::MAX)),
            );
            for moved in one.moved.iter().filter(|moved| moved.events.iter().any(|event| event == id)) {
                traces.ended(
                    Span::new("movement", trace, trace.once_more(), began)
                        .within(reconciled)
                        .with("mrrd.event.id", id)
                        .with("mrrd.movement.id", moved.id.as_str())
                        .with("mrrd.movement.kind", moved.kind.as_str())
                        .with("mrrd.movement.day", moved.day.to_string())
                        .with("mrrd.profile", moved.profile.as_str()),
                );
            }
        }
    }
}
