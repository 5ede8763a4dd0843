//! Which state counts (rule `counted-states`): one subscription's spans of amounts become stretches of what its items count.

use super::{
    fact::{Status, SubscriptionState},
    ids::EventId,
    money::{Currency, Mrr},
    outcome::{QualityEntry, QualityKind},
    pricing::{Granted, ItemAmount, Span, Trigger},
    profile::{ActiveFrom, ChurnAt, PastDue, PauseRule, Paused, Profile, TrialGranted, Unpaid, ZeroByDiscount},
    time::UnixTime,
    timeline::{Entry, Snapshot},
};

/// Why a subscription counts, or why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CountStatus {
    /// It counts its whole amount.
    Counts,
    /// In full, while its payment is outstanding.
    AtRisk,
    /// It is on trial and counts 0.
    Trial,
    /// Its status is `paused`: it counts 0.
    Paused,
    /// Its collection is paused, and the profile counts that 0.
    CollectionPaused,
    /// Its end has been asked for, and the profile counts from the request.
    Requested,
    /// Retries are exhausted, and the profile counts that 0.
    Unpaid,
    /// Past due, and the profile doesn't count that, or no longer.
    PastDue,
    /// The profile waits for its first payment.
    Unfunded,
    /// Not begun: its first payment is outstanding or never came.
    Incomplete,
    /// It has ended and counts 0.
    Ended,
    /// Its status is one that mrrd doesn't know: it counts 0.
    Unknown,
}

impl CountStatus {
    /// Whether its items count into MRR.
    pub(super) fn counts(self) -> bool {
        matches!(self, Self::Counts | Self::AtRisk)
    }
}

/// One item's share of a stretch: what it counts, all 0 where its subscription doesn't count.
#[derive(Clone, Debug)]
pub(super) struct CountedItem {
    /// Place in the span's items.
    pub item: usize,
    /// What the item goes on as: an item that replaces another in one change carries its number on (rule `parts`).
    pub lineage: u32,
    pub mrr: Mrr,
    pub list: Mrr,
    pub scheduled: Mrr,
    /// In a trial of its own after it had counted, with nothing between.
    pub granted: bool,
}

/// A subscription from `from` to the next stretch.
#[derive(Clone, Debug)]
pub(super) struct Stretch {
    pub from: UnixTime,
    pub span: usize,
    pub snapshot: usize,
    /// Time alone brought it: nothing in the log is as late as it.
    pub alone: bool,
    /// The events that brought it.
    pub events: Vec<EventId>,
    pub count_status: CountStatus,
    /// On trial after it had counted, with nothing between (rule `trial-granted`, `trial_granted`).
    pub granted: bool,
    pub currency: Option<Currency>,
    pub lines: Vec<CountedItem>,
    pub mrr: Mrr,
    pub list: Mrr,
}

/// A subscription, counted under one profile.
#[derive(Debug)]
pub(super) struct Counted<'a> {
    /// At least one: whatever is known of a subscription shows it. The places of spans and stretches lie within.
    pub snapshots: Vec<Snapshot<'a>>,
    /// The places of stretches lie within.
    pub spans: Vec<Span>,
    /// One for each instant at which anything changes; never two of one instant, but for an opening balance.
    pub stretches: Vec<Stretch>,
    /// When its first payment came; `None` where the log shows none.
    pub paid: Option<UnixTime>,
    /// Items whose own trial changes nothing.
    pub granted: Granted,
}

impl Counted<'_> {
    /// Items that counted and got a trial of their own, with nothing between, by the snapshots that show them on it.
    pub(super) fn granted_items(&self) -> Granted {
        let of = |stretch: &'_ Stretch| {
            let granted = stretch.lines.iter().filter(|line| line.granted);
            granted.map(|line| (stretch.snapshot, self.item(stretch, line).item.clone())).collect::<Vec<_>>()
        };
        self.stretches.iter().flat_map(of).collect()
    }

    /// The item a line speaks of.
    pub(super) fn item(&self, stretch: &Stretch, line: &CountedItem) -> &ItemAmount {
        &self.spans[stretch.span].items[line.item]
    }

    /// The state a stretch rests on.
    pub(super) fn state(&self, stretch: &Stretch) -> &SubscriptionState {
        &self.snapshots[stretch.snapshot].state
    }

    /// Whether it ran before the first thing known of it, worth something, without counting: when it counts again, that is
    /// a return.
    pub(super) fn ran_before(&self) -> bool {
        let Some(first) = self.stretches.first() else { return false };
        let worth = |line: &CountedItem| {
            let item = self.item(first, line);
            !item.in_trial && !item.unpriced && item.net > Mrr::ZERO
        };
        self.opens()
            && matches!(
                first.count_status,
                CountStatus::Paused
                    | CountStatus::CollectionPaused
                    | CountStatus::Requested
                    | CountStatus::PastDue
                    | CountStatus::Unpaid
            )
            && first.lines.iter().any(worth)
    }

    /// Whether its first stretch is an opening balance.
    pub(super) fn opens(&self) -> bool {
        self.snapshots.first().is_some_and(|first| first.entry == Entry::Opening)
    }
}

/// Takes out amounts that the ledger's rows can't hold: they are unpriced, never a wrong figure. What is left fits
/// `i64`, so that no number of items leaves `i128` (rule `fixed-point`).
pub(super) fn bound(snapshots: &[Snapshot<'_>], spans: &mut [Span]) -> Vec<QualityEntry> {
    let fits = |amount: Mrr| i64::try_from(amount.0).is_ok();
    let mut entries: Vec<QualityEntry> = Vec::new();
    for span in spans {
        for item in span.items.iter_mut().filter(|item| !fits(item.list) || !fits(item.net)) {
            (item.list, item.net, item.unpriced) = (Mrr::ZERO, Mrr::ZERO, true);
            if entries.iter().any(|entry| *entry.object == *item.item.as_str()) {
                continue;
            }
            entries.push(QualityEntry {
                kind: QualityKind::UnpricedItem,
                object: item.item.as_str().into(),
                event: snapshots[span.snapshot].events.first().cloned(),
                at: span.from,
                until: None,
                detail: format!("the amount of {} is larger than any the ledger can hold", item.price),
                settle: "an amount below 9 223 372 036 854 minor units a month".into(),
            });
        }
    }
    entries
}

/// Counts one subscription. `paid` is its first payment above 0, and the event that shows it.
pub(super) fn count<'a>(
    snapshots: Vec<Snapshot<'a>>,
    spans: Vec<Span>,
    paid: Option<(UnixTime, EventId)>,
    profile: &Profile,
) -> Counted<'a> {
    let paid_at = paid.as_ref().map(|(at, _)| *at);
    let mut counted = Counted { snapshots, spans, stretches: Vec::new(), paid: paid_at, granted: Granted::new() };
    let funded = match profile.active_from {
        ActiveFrom::Start => Some((UnixTime(i64::MIN), None)),
        // An opening balance counts as paid, if its state is one that runs.
        ActiveFrom::FirstPayment => match counted.snapshots.first() {
            Some(first) if rebuilt(first) && runs(&first.state.status) => Some((UnixTime(i64::MIN), None)),
            _ => paid.map(|(at, event)| (at, Some(event))),
        },
    };
    let terms = fixed_terms(&counted.snapshots);
    let overdue_since = overdue_since(&counted.snapshots);
    let lineages = lineages(&counted.spans);

    let mut stretches: Vec<Stretch> = Vec::with_capacity(counted.spans.len());
    for (place, span) in counted.spans.iter().enumerate() {
        let snapshot = &counted.snapshots[span.snapshot];
        let until = counted.spans.get(place + 1).map_or(UnixTime(i64::MAX), |next| next.from);
        // Within a span, time or a payment may still change whether it counts.
        let shown_by = span.event.as_ref().or(snapshot.events.first()).cloned();
        let mut starts = vec![(span.from, span.event.is_none() && alone(span.trigger), shown_by)];
        if let Some((at, event)) = &funded
            && *at > span.from
            && *at < until
        {
            starts.push((*at, false, event.clone()));
        }
        let lapse = match (profile.past_due, overdue_since[span.snapshot]) {
            (PastDue::Days(days), Some(since)) => Some(since.plus(i64::from(days) * UnixTime::DAY_SECONDS)),
            _ => None,
        };
        if let Some(at) = lapse
            && at > span.from
            && at < until
        {
            starts.push((at, true, snapshot.events.first().cloned()));
        }
        starts.sort_by_key(|(at, alone, _)| (*at, *alone));
        for (from, alone, event) in starts {
            let state = &*snapshot.state;
            let is_funded = funded.as_ref().is_some_and(|(at, _)| *at <= from);
            let lapsed = lapse.is_some_and(|at| at <= from);
            let requested = !terms[span.snapshot] && (state.cancel_at_period_end || state.cancel_at.is_some());
            // What it was for more than zero seconds before.
            let was = stretches.iter().rev().find(|was| was.from < from);
            let count_status = count_status(state, is_funded, lapsed, profile);
            let granted = count_status == CountStatus::Trial
                && was
                    .is_some_and(|was| was.granted || (was.count_status.counts() && held(was.mrr, was.list, profile)));
            let count_status = match count_status {
                CountStatus::Trial if granted && profile.trial_granted == TrialGranted::Count => {
                    if collection_is_paused(state, profile) {
                        CountStatus::CollectionPaused
                    } else {
                        CountStatus::Counts
                    }
                }
                other => other,
            };
            let ends = state.cancel_at_period_end || state.cancel_at.is_some();
            let until_end = count_status.counts();
            let count_status = match count_status {
                running if running.counts() && requested && profile.churn_at == ChurnAt::Request => {
                    CountStatus::Requested
                }
                other => other,
            };
            let lines: Vec<CountedItem> = span
                .items
                .iter()
                .enumerate()
                .filter(|(_, amount)| !profile.plans.left_out(amount.product.as_ref(), &amount.price))
                .map(|(item, amount)| {
                    let lineage = lineages[place][item];
                    let before = was.and_then(|was| was.lines.iter().find(|line| line.lineage == lineage));
                    // An item that counted and gets a trial of its own is no less held than its subscription would be.
                    let granted = amount.in_trial
                        && before.is_some_and(|line| line.granted || held(line.mrr, line.list, profile));
                    let known = !amount.unpriced && !amount.in_trial;
                    let counts = count_status.counts() && known;
                    let when = |yes: bool, amount: Mrr| if yes { amount } else { Mrr::ZERO };
                    CountedItem {
                        item,
                        lineage,
                        mrr: when(counts, amount.net),
                        list: when(counts, amount.list),
                        scheduled: when(until_end && known && ends, amount.net),
                        granted,
                    }
                })
                .collect();
            // Item amounts are within i64 (`bound`), so that no number of items leaves i128.
            let sum = |of: fn(&CountedItem) -> Mrr| Mrr(lines.iter().map(|line| of(line).0).sum());
            let (mrr, list) = (sum(|line| line.mrr), sum(|line| line.list));
            let stretch = Stretch {
                from,
                span: place,
                snapshot: span.snapshot,
                alone,
                events: event.into_iter().collect(),
                count_status,
                granted,
                currency: span.currency,
                lines,
                mrr,
                list,
            };
            // What lasts no time never was; only an opening balance stands by itself whatever comes with it.
            let opening = stretches.len() == 1 && snapshot_opens(&counted.snapshots, &stretches[0]);
            match stretches.last_mut() {
                Some(last) if last.from == from && !opening => {
                    let mut events = std::mem::take(&mut last.events);
                    stretch.events.iter().for_each(|event| {
                        if !events.contains(event) {
                            events.push(event.clone());
                        }
                    });
                    *last = Stretch { alone: last.alone && stretch.alone, events, ..stretch };
                }
                _ => stretches.push(stretch),
            }
        }
    }
    counted.stretches = stretches;
    counted
}

/// Whether what counted so much is held by a trial granted to it: whom a discount had already lost, a trial doesn't keep.
fn held(mrr: Mrr, list: Mrr, profile: &Profile) -> bool {
    match profile.zero_by_discount {
        ZeroByDiscount::Contraction => list > Mrr::ZERO,
        ZeroByDiscount::Churn => mrr > Mrr::ZERO,
    }
}

fn snapshot_opens(snapshots: &[Snapshot<'_>], stretch: &Stretch) -> bool {
    snapshots[stretch.snapshot].entry == Entry::Opening
}

fn rebuilt(snapshot: &Snapshot<'_>) -> bool {
    matches!(snapshot.entry, Entry::Opening | Entry::Start)
}

fn runs(status: &Status) -> bool {
    matches!(status, Status::Active | Status::PastDue | Status::Unpaid | Status::Paused)
}

/// A paid invoice is an event; all else that changes within a snapshot is the passing of time.
fn alone(trigger: Trigger) -> bool {
    !matches!(trigger, Trigger::Snapshot | Trigger::Usage)
}

/// What rule `counted-states` says of a state, the request to end apart.
fn count_status(state: &SubscriptionState, funded: bool, lapsed: bool, profile: &Profile) -> CountStatus {
    let running = match &state.status {
        _ if state.ended_at.is_some() => return CountStatus::Ended,
        Status::Canceled => return CountStatus::Ended,
        Status::Trialing => return CountStatus::Trial,
        Status::Paused if profile.paused == Paused::Zero => return CountStatus::Paused,
        Status::Incomplete | Status::IncompleteExpired => return CountStatus::Incomplete,
        Status::Other(_) => return CountStatus::Unknown,
        Status::Unpaid if profile.unpaid == Unpaid::Churn => return CountStatus::Unpaid,
        Status::PastDue if profile.past_due == PastDue::Zero || lapsed => return CountStatus::PastDue,
        Status::PastDue => CountStatus::AtRisk,
        Status::Active | Status::Unpaid | Status::Paused => CountStatus::Counts,
    };
    if collection_is_paused(state, profile) {
        return CountStatus::CollectionPaused;
    }
    if funded { running } else { CountStatus::Unfunded }
}

/// Whether a paused collection takes the money away (rule `pause-collection`).
fn collection_is_paused(state: &SubscriptionState, profile: &Profile) -> bool {
    state.pause_collection.is_some() && profile.pause_collection == PauseRule::Zero
}

/// For each snapshot, whether its end is a fixed term: a `cancel_at` since the first snapshot, and nothing asked for since
/// (rule `churn-at`). A `cancel_at_period_end` alone is a request whenever it was made.
fn fixed_terms(snapshots: &[Snapshot<'_>]) -> Vec<bool> {
    let Some(first) = snapshots.first() else { return Vec::new() };
    let set = |state: &SubscriptionState| state.cancel_at.is_some();
    let asked = |state: &SubscriptionState| state.canceled_at.filter(|at| *at > state.created);
    // A state rebuilt for the first thing known may well show a request made before the log began.
    let mut fixed = set(&first.state)
        && match first.entry {
            Entry::Created | Entry::Change => true,
            Entry::Opening | Entry::Start => !first.state.cancel_at_period_end && asked(&first.state).is_none(),
        };
    let mut last = &*first.state;
    snapshots
        .iter()
        .map(|snapshot| {
            let state = &*snapshot.state;
            fixed = fixed
                && set(state)
                && state.cancel_at_period_end == last.cancel_at_period_end
                && asked(state) == asked(last);
            last = state;
            fixed
        })
        .collect()
}

/// For each snapshot, since when it has been past due without a break.
fn overdue_since(snapshots: &[Snapshot<'_>]) -> Vec<Option<UnixTime>> {
    let mut since = None;
    snapshots
        .iter()
        .map(|snapshot| {
            since = (snapshot.state.status == Status::PastDue).then(|| since.unwrap_or(snapshot.at));
            since
        })
        .collect()
}

/// For each item of each span, what it goes on as. An item removed and one added in the same change are one changed
/// item, paired by product, then by list order (rule `parts`).
fn lineages(spans: &[Span]) -> Vec<Vec<u32>> {
    let mut next = 0;
    let mut fresh = || {
        next += 1;
        next
    };
    let mut all: Vec<Vec<u32>> = Vec::with_capacity(spans.len());
    for (place, span) in spans.iter().enumerate() {
        let Some(before) = place.checked_sub(1).map(|before| &spans[before]) else {
            all.push(span.items.iter().map(|_| fresh()).collect());
            continue;
        };
        let held = &all[place - 1];
        let mut of: Vec<Option<u32>> = vec![None; span.items.len()];
        let mut left: Vec<bool> = vec![true; before.items.len()];
        let same = before.items.len() == span.items.len()
            && before.items.iter().zip(&span.items).all(|(a, b)| a.item == b.item);
        if same {
            all.push(held.clone());
            continue;
        }
        let places: std::collections::HashMap<_, _> =
            before.items.iter().enumerate().map(|(at, item)| (&item.item, at)).collect();
        for (at, item) in span.items.iter().enumerate() {
            if let Some(&was) = places.get(&item.item)
                && left[was]
            {
                left[was] = false;
                of[at] = Some(held[was]);
            }
        }
        for by_product in [true, false] {
            for (at, item) in span.items.iter().enumerate().filter(|(at, _)| of[*at].is_none()).collect::<Vec<_>>() {
                let alike = |was: &usize| {
                    left[*was]
                        && (!by_product || (item.product.is_some() && before.items[*was].product == item.product))
                };
                if let Some(was) = (0..left.len()).find(alike) {
                    left[was] = false;
                    of[at] = Some(held[was]);
                }
            }
        }
        all.push(of.into_iter().map(|lineage| lineage.unwrap_or_else(&mut fresh)).collect());
    }
    all
}
