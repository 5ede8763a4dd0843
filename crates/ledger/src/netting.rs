//! Netting windows: which moments of a customer are read as one change (rule `netting`).

use super::{
    counting::Counted,
    profile::Netting,
    replacement,
    sweep::{Moment, Sweep, Window},
    time::{Day, UnixTime, Zone},
};

/// Cuts a customer's moments into windows; none reaches over one of `cuts`, which are in order: a bridge over an interval
/// shorter than the window nets within that interval (rule `netting`).
pub(super) fn windows(
    subscriptions: &[Counted<'_>],
    sweep: &Sweep,
    netting: Netting,
    zone: &Zone,
    cuts: &[UnixTime],
) -> Vec<Window> {
    let moments = &sweep.moments;
    // Where nothing nets, a replacement is one change all the same.
    let replacements = match netting {
        Netting::None => replacement::unnetted(subscriptions, sweep),
        Netting::Window(_) | Netting::Day | Netting::Month => Vec::new(),
    };
    let mut windows: Vec<Window> = Vec::new();
    // The second after the last opening balance: it parts even a month.
    let mut floor = UnixTime(i64::MIN);
    let mut from = 0;
    while let Some(first) = moments.get(from) {
        let (natural, until) = if let Some(until) = replaced_until(&replacements, first, &moments[from..], zone, cuts) {
            (first.at, until)
        } else if first.opening || !(first.moves || calendar(netting)) {
            (first.at, first.at)
        } else {
            within(cuts, first.at, bounds(first.at, netting, zone))
        };
        let mut to = from + 1;
        if !first.opening {
            while moments.get(to).is_some_and(|next| !next.opening && next.at < until) {
                to += 1;
            }
        }
        let mut start = natural.max(floor);
        if first.opening {
            // An ordinary change of the same second keeps that second as its name.
            while windows.last().is_some_and(|last| last.start >= start) {
                start = windows.last().map_or(start, |last| last.start.plus(1));
            }
            floor = start.plus(1);
        }
        windows.push(Window { start, opening: first.opening, moments: from..to });
        from = to;
    }
    windows
}

/// The first second after a replacement that begins with this moment, if nothing parts it: no midnight, no opening
/// balance, none of `cuts`.
fn replaced_until(
    replacements: &[(UnixTime, UnixTime)],
    first: &Moment,
    moments: &[Moment],
    zone: &Zone,
    cuts: &[UnixTime],
) -> Option<UnixTime> {
    let (_, last) = replacements.iter().find(|(from, to)| *from == first.at && from < to)?;
    let (_, day_ends) = within(cuts, first.at, (first.at, zone.start_of(zone.day(first.at).after())));
    let parted = moments.iter().take_while(|moment| moment.at <= *last).any(|moment| moment.opening);
    (*last < day_ends && !parted).then(|| last.plus(1))
}

/// Whether the calendar cuts the windows, whatever changes.
fn calendar(netting: Netting) -> bool {
    matches!(netting, Netting::Day | Netting::Month)
}

/// What the cuts leave of a window around `at`.
fn within(cuts: &[UnixTime], at: UnixTime, (start, until): (UnixTime, UnixTime)) -> (UnixTime, UnixTime) {
    let (past, ahead) = cuts.split_at(cuts.partition_point(|cut| *cut <= at));
    (past.last().map_or(start, |cut| start.max(*cut)), ahead.first().map_or(until, |cut| until.min(*cut)))
}

/// First second of the window that holds `at`, and the first second after it.
fn bounds(at: UnixTime, netting: Netting, zone: &Zone) -> (UnixTime, UnixTime) {
    let day = zone.day(at);
    let day_ends = zone.start_of(day.after());
    match netting {
        Netting::None => (at, at),
        Netting::Window(minutes) => (at, at.plus(i64::from(minutes) * 60).min(day_ends)),
        Netting::Day => (zone.start_of(day), day_ends),
        Netting::Month => {
            let first = Day(day.0.first_of_month());
            (zone.start_of(first), zone.start_of(Day(day.0.last_of_month()).after()))
        }
    }
}
