//! Where in the log events of a source and of a type lie, as far as it was looked through: rows of events never change, so no
//! stretch is looked at twice, and the newest events of a rare type are found without all that came since.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::{Seq, SeqRange};

/// So many places of the log are one stretch, of which it is known what it holds: some ten milliseconds to look through.
const STRETCH: i64 = 32_768;

/// A stretch by its number: the first has the places 1 to [`STRETCH`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Stretch(i64);

impl Stretch {
    fn of(seq: Seq) -> Self {
        Self(seq.before().0.div_euclid(STRETCH))
    }

    fn range(self) -> SeqRange {
        let after = Seq(self.0.saturating_mul(STRETCH));
        SeqRange { after, to: after.forward(STRETCH) }
    }
}

/// What was seen of the log up to a place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Kept", into = "Kept")]
pub(in crate::store) struct Looked {
    to: Seq,
    /// By source, the place of its newest event.
    newest: BTreeMap<String, Seq>,
    /// By source and type, the stretches with an event of it, ascending.
    stretches: BTreeMap<(String, String), Vec<Stretch>>,
}

/// The same as it is kept for the next start.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// Places that one stretch has: another version may divide the log otherwise.
    stretch: i64,
    to: Seq,
    newest: BTreeMap<String, Seq>,
    held: Vec<(String, String, Vec<Stretch>)>,
}

impl From<Looked> for Kept {
    fn from(looked: Looked) -> Self {
        let held = looked.stretches.into_iter().map(|((source, kind), stretches)| (source, kind, stretches)).collect();
        Self { stretch: STRETCH, to: looked.to, newest: looked.newest, held }
    }
}

impl From<Kept> for Looked {
    fn from(kept: Kept) -> Self {
        if kept.stretch != STRETCH {
            return Self::default();
        }
        let stretches = kept.held.into_iter().map(|(source, kind, stretches)| ((source, kind), stretches)).collect();
        Self { to: kept.to, newest: kept.newest, stretches }
    }
}

impl Looked {
    /// Up to where the log was looked at.
    pub(in crate::store) fn to(&self) -> Seq {
        self.to
    }

    /// The newest event of a source so far.
    pub(in crate::store) fn newest(&self, source: &str) -> Option<Seq> {
        self.newest.get(source).copied()
    }

    /// What is to be looked at next, at most up to the horizon: never more than a stretch. `None` where all was.
    pub(in crate::store) fn next(&self, horizon: Seq) -> Option<SeqRange> {
        let end = Stretch::of(self.to.next()).range().to;
        (horizon > self.to).then(|| SeqRange { after: self.to, to: end.min(horizon) })
    }

    /// Adds what is in `range`, which is the next: of each source and type there the newest event.
    pub(in crate::store) fn add(&mut self, range: SeqRange, found: impl Iterator<Item = (String, String, Seq)>) {
        let stretch = Stretch::of(range.to);
        for (source, kind, seq) in found {
            let newest = self.newest.entry(source.clone()).or_default();
            *newest = seq.max(*newest);
            let stretches = self.stretches.entry((source, kind)).or_default();
            if stretches.last() != Some(&stretch) {
                stretches.push(stretch);
            }
        }
        self.to = range.to;
    }

    /// The parts of `within`, ascending, in which events of such a source and type may lie: all that wasn't looked at among them.
    pub(in crate::store) fn may_hold(&self, within: SeqRange, is_asked: impl Fn(&str, &str) -> bool) -> Vec<SeqRange> {
        let asked = self.stretches.iter().filter(|((source, kind), _)| is_asked(source, kind));
        let mut stretches: Vec<Stretch> = asked.flat_map(|(_, stretches)| stretches).copied().collect();
        stretches.sort_unstable();
        stretches.dedup();
        let unseen = SeqRange { after: self.to, to: Seq::END };
        let mut parts: Vec<SeqRange> = Vec::new();
        for part in stretches.into_iter().map(Stretch::range).chain([unseen]) {
            let part = SeqRange { after: part.after.max(within.after), to: part.to.min(within.to) };
            match parts.last_mut() {
                _ if part.to <= part.after => {}
                Some(last) if last.to >= part.after => last.to = last.to.max(part.to),
                _ => parts.push(part),
            }
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn range(after: i64, to: i64) -> SeqRange {
        SeqRange { after: Seq(after), to: Seq(to) }
    }

    /// A log of events, each with its place and whether it is of the type asked for, looked at up to a place.
    fn looked(events: &[(i64, bool)], horizons: &[i64]) -> Looked {
        let mut looked = Looked::default();
        for horizon in horizons {
            while let Some(next) = looked.next(Seq(*horizon)) {
                let there = events.iter().filter(|(seq, _)| (next.after.0 + 1..=next.to.0).contains(seq));
                let found = there.map(|(seq, rare)| {
                    ("webhook".to_owned(), if *rare { "rare" } else { "usual" }.to_owned(), Seq(*seq))
                });
                looked.add(next, found);
            }
        }
        looked
    }

    #[test]
    fn stretches_without_a_type_are_left_out() {
        let events = [(1, false), (2, true), (STRETCH + 1, false), (3 * STRETCH, false), (3 * STRETCH + 7, true)];
        let seen = looked(&events, &[40, 3 * STRETCH + 9]);
        let rare = |within| seen.may_hold(within, |_, kind| kind == "rare");
        assert_eq!(rare(range(0, 4 * STRETCH)), [range(0, STRETCH), range(3 * STRETCH, 4 * STRETCH)]);
        assert_eq!(rare(range(5, 3 * STRETCH + 8)), [range(5, STRETCH), range(3 * STRETCH, 3 * STRETCH + 8)]);
        assert_eq!(rare(range(STRETCH, 3 * STRETCH)), []);
        assert_eq!(seen.newest("webhook"), Some(Seq(3 * STRETCH + 7)));
        assert_eq!(seen.newest("api"), None);
    }

    #[test]
    fn what_was_not_looked_at_may_hold_anything() {
        assert_eq!(Looked::default().may_hold(range(3, 9), |_, _| true), [range(3, 9)]);
        assert_eq!(looked(&[(4, false)], &[5]).may_hold(range(0, 9), |_, kind| kind == "rare"), [range(5, 9)]);
    }

    #[test]
    fn what_is_kept_is_what_was_seen() {
        let seen = looked(&[(1, false), (2, true), (3 * STRETCH + 7, true)], &[3 * STRETCH + 9]);
        let text = serde_json::to_string(&seen).unwrap();
        assert_eq!(serde_json::from_str::<Looked>(&text).unwrap(), seen);
        let otherwise = text.replace(&format!("\"stretch\":{STRETCH}"), "\"stretch\":7");
        assert_eq!(serde_json::from_str::<Looked>(&otherwise).unwrap(), Looked::default());
    }

    proptest! {
        #[test]
        fn no_event_is_left_out(
            events in prop::collection::btree_map(1..6 * STRETCH, any::<bool>(), 0..40),
            mut horizons in prop::collection::vec(0..6 * STRETCH, 0..4),
            after in 0..6 * STRETCH,
            to in 0..6 * STRETCH,
        ) {
            horizons.sort_unstable();
            let events: Vec<_> = events.into_iter().collect();
            let parts = looked(&events, &horizons).may_hold(range(after, to), |_, kind| kind == "rare");
            for (seq, rare) in events {
                let held = parts.iter().any(|part| part.after.0 < seq && seq <= part.to.0);
                prop_assert!(held || !rare || seq <= after || to < seq, "{seq} is in none of {parts:?}");
            }
            prop_assert!(parts.windows(2).all(|two| two[0].to < two[1].after), "{parts:?}");
        }
    }
}
