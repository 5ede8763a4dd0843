//! Movements and customers, read off what stands before and after each window (rule `netting`).

use std::collections::BTreeMap;

use mrrd::ledger::{
    fact::Status,
    money::Currency,
    outcome::Kind,
    profile::*,
    time::{Day, UnixTime},
};

use super::Naive;

/// A movement as far as the oracle tells it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moved {
    pub day: Day,
    pub currency: Currency,
    pub kind: Kind,
    pub amount: i128,
}

/// A window in which something changes: its first and last second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Window {
    pub from: i64,
    pub to: i64,
}

impl Naive<'_> {
    pub(super) fn mrr(&self, at: i64, currency: Currency) -> i128 {
        self.stands(at).get(&currency).map_or(0, |one| one.mrr)
    }

    pub(super) fn all_mrr(&self, at: i64) -> BTreeMap<Currency, i128> {
        let stands = self.stands(at).into_iter().filter(|(_, one)| one.mrr != 0);
        stands.map(|(currency, one)| (currency, one.mrr)).collect()
    }

    pub(super) fn pays(&self, at: i64) -> bool {
        !self.all_mrr(at).is_empty()
    }

    pub(super) fn currencies(&self) -> Vec<Currency> {
        let mut all: Vec<Currency> = self.lines.values().map(|line| line.currency).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Without MRR, nobody is lost while a discount (by knob) or a granted trial holds it back.
    fn held(&self, at: i64) -> bool {
        let standing = self.standing(at);
        standing.iter().any(|one| one.held_by_trial || self.keeps() && one.list() > 0)
    }

    /// Whether the customer is one just now. What counts is the two ends of a window, not what was in between.
    pub(crate) fn is_customer(&self, windows: &[Window], at: i64) -> bool {
        if self.pays(at) {
            return true;
        }
        let opened = self.window_opened(windows, at);
        opened.is_some_and(|opened| self.held(at) && self.is_customer(windows, opened - 1))
    }

    /// When the window opened that an instant lies in; without a window, when the last thing happened.
    fn window_opened(&self, windows: &[Window], at: i64) -> Option<i64> {
        let happened = self.instants.iter().rev().find(|instant| **instant <= at).copied()?;
        let day = self.zone.day(UnixTime(happened));
        let calendar = match self.profile.netting {
            Netting::Day => self.zone.start_of(day).0,
            Netting::Month => self.zone.start_of(Day(day.0.first_of_month())).0,
            Netting::None | Netting::Window(_) => happened,
        };
        let window = windows.iter().find(|window| window.from <= happened && happened <= window.to);
        let opened = window.map_or(calendar, |window| window.from.min(calendar));
        // An opening balance is in no window.
        let after_opening =
            self.openings().into_keys().map(|(opening, _)| opening).filter(|opening| *opening <= happened);
        let cut = after_opening.max().map_or(opened, |opening| opened.max((opening + 1).min(happened)));
        Some(cut)
    }

    /// What a window begins with: another MRR in a currency.
    fn changes(&self, at: i64) -> bool {
        self.all_mrr(at) != self.all_mrr(at - 1)
    }

    pub(crate) fn windows(&self) -> Vec<Window> {
        let mut closing = i64::MIN; // last second of the window that is open
        let mut windows: Vec<Window> = Vec::new();
        let replaced = match self.profile.netting {
            Netting::None => self.replaced_within_an_hour(),
            _ => Vec::new(),
        };
        for &at in &self.instants {
            if at > closing
                && let Some(&(from, to)) = replaced.iter().find(|(from, _)| *from == at)
            {
                closing = to;
                windows.push(Window { from, to });
                continue;
            }
            if at <= closing || !self.changes(at) {
                continue;
            }
            let day = self.zone.day(UnixTime(at));
            let end_of_day = self.zone.end_of(day).0;
            let (from, to) = match self.profile.netting {
                Netting::None => (at, at),
                Netting::Window(minutes) => (at, end_of_day.min(at + i64::from(minutes) * 60 - 1)),
                Netting::Day => (self.zone.start_of(day).0, end_of_day),
                Netting::Month => {
                    let mut last = day;
                    while last.after().0.month() == day.0.month() {
                        last = last.after();
                    }
                    let first = Day(day.0.first_of_month());
                    (self.zone.start_of(first).0, self.zone.end_of(last).0)
                }
            };
            closing = to;
            windows.push(Window { from, to });
        }
        // An opening is never netted with anything: it cuts the window it falls into.
        let opened =
            self.lines.values().filter_map(|line| line.opening.filter(|at| self.line_standing(line, *at).net() != 0));
        for opening in opened {
            if let Some(hit) = windows.iter().position(|window| (window.from..=window.to).contains(&opening)) {
                let Window { from, to } = windows.remove(hit);
                let parts = [Window { from, to: opening - 1 }, Window { from: opening + 1, to }];
                windows.extend(parts.into_iter().filter(|window| window.from <= window.to));
            }
        }
        windows.sort_unstable();
        windows
    }

    /// Where nothing nets, an end and a beginning of two subscriptions within an hour, and only these, are one change: from
    /// the one to the other, on one day.
    fn replaced_within_an_hour(&self) -> Vec<(i64, i64)> {
        // When, whose, and whether it begins.
        let mut turns: Vec<(i64, usize, bool)> = Vec::new();
        for (number, line) in self.lines.values().enumerate() {
            let mut has_begun = line.opening.is_some_and(|at| self.line_standing(line, at).counts);
            for &at in &self.instants {
                let (was, is) = (self.standing(at - 1)[number].counts, self.standing(at)[number].counts);
                let asked = || {
                    let place = line.states.iter().rposition(|(from, _)| *from <= at);
                    place.is_some_and(|place| super::asked_to_end(line, place))
                };
                let over = line.end.is_some_and(|end| end <= at);
                let by_request = self.profile.churn_at == ChurnAt::Request;
                if was && !is && (over || by_request && asked()) {
                    turns.push((at, number, false));
                } else if is && !was && !has_begun {
                    turns.push((at, number, true));
                }
                has_begun |= is;
            }
        }
        turns.sort_unstable();
        let day = |at: i64| self.zone.day(UnixTime(at));
        let opened: Vec<i64> = self.openings().into_keys().map(|(at, _)| at).collect();
        let (mut all, mut place) = (Vec::new(), 0);
        while let Some(&(first, number, begins)) = turns.get(place) {
            place += 1;
            let near: Vec<_> = turns[place..].iter().take_while(|(at, ..)| *at <= first + 3_600).collect();
            let [(last, other, other_begins)] = near.as_slice() else { continue };
            if *other == number || *other_begins == begins {
                continue;
            }
            place += 1;
            let parted = opened.iter().any(|at| (first..=*last).contains(at));
            if first < *last && day(first) == day(*last) && !parted {
                all.push((first, *last));
            }
        }
        all
    }

    pub(crate) fn openings(&self) -> BTreeMap<(i64, Currency), i128> {
        let mut openings: BTreeMap<(i64, Currency), i128> = BTreeMap::new();
        for line in self.lines.values() {
            if let Some(at) = line.opening {
                *openings.entry((at, line.currency)).or_default() += self.line_standing(line, at).net();
            }
        }
        openings.retain(|_, amount| *amount != 0);
        openings
    }

    pub(crate) fn movements(&self) -> Vec<Moved> {
        let mut moved: Vec<Moved> = self
            .openings()
            .into_iter()
            .map(|((at, currency), amount)| Moved {
                day: self.zone.day(UnixTime(at)),
                currency,
                kind: Kind::OpeningBalance,
                amount,
            })
            .collect();
        let windows = self.windows();
        for window in &windows {
            for currency in self.currencies() {
                let (b, a) = (self.mrr(window.from - 1, currency), self.mrr(window.to, currency));
                if let Some(kind) = self.kind(&windows, *window, b, a) {
                    let day = self.zone.day(UnixTime(self.last_change(*window, |at| self.mrr(at, currency))));
                    moved.push(Moved { day, currency, kind, amount: a - b });
                }
            }
        }
        moved.sort();
        moved
    }

    /// The last instant of a window at which something changes.
    pub(super) fn last_change<T: PartialEq>(&self, window: Window, of: impl Fn(i64) -> T) -> i64 {
        let changes = |at: &&i64| (window.from..=window.to).contains(*at) && of(**at) != of(**at - 1);
        self.instants.iter().rev().find(changes).copied().unwrap_or(window.to)
    }

    /// What a change from `b` to `a` over a window is: whether somebody is won or lost is told over all currencies.
    pub(super) fn kind(&self, windows: &[Window], window: Window, b: i128, a: i128) -> Option<Kind> {
        Some(match (b, a) {
            _ if a == b => return None,
            (0, _) if !self.is_customer(windows, window.from - 1) => self.begun(windows, window),
            (_, 0) if !self.is_customer(windows, window.to) => Kind::Churn,
            _ if a > b => Kind::Expansion,
            _ => Kind::Contraction,
        })
    }

    /// Had MRR before, or ran before the log began without counting.
    pub(super) fn ever(&self, window: Window) -> bool {
        let (before, until) = (window.from, window.to);
        let paid = self.instants.iter().any(|at| *at < before && self.pays(*at));
        let ran = |line: &super::Line| {
            let (from, state) = &line.states[0];
            let worth = || self.amounts(line, 0, *from).iter().any(|(net, _)| *net > 0);
            line.rebuilt && line.opening.is_some() && *from <= until && state.status != Status::Trialing && worth()
        };
        paid || self.lines.values().any(ran)
    }

    /// What a rise from nothing of somebody who isn't there is.
    fn begun(&self, windows: &[Window], window: Window) -> Kind {
        if !self.ever(window) {
            return Kind::New;
        }
        let late = self.profile.reactivation_within_days.is_some_and(|days| {
            let lost = |at: i64| self.is_customer(windows, at - 1) && !self.is_customer(windows, at);
            let gone = self.instants.iter().rev().find(|at| **at < window.from && lost(**at));
            let began = self.instants.iter().find(|at| (window.from..=window.to).contains(*at) && self.changes(**at));
            gone.zip(began).is_some_and(|(gone, began)| *began > gone + i64::from(days) * 86_400)
        });
        match self.profile.reactivation_as {
            _ if late => Kind::New,
            ReactivationAs::Reactivation => Kind::Reactivation,
            ReactivationAs::Expansion => Kind::Expansion,
            ReactivationAs::New => Kind::New,
        }
    }
}
