//! Why money moved (rule `causes`), where one thing happened in a window, or one subscription took another's place: what several
//! things at once are is the ledger's to tell.

use std::collections::BTreeMap;

use mrrd::ledger::{
    fact::*,
    ids::ProductId,
    money::{Currency, Decimal},
    outcome::Kind,
    profile::*,
    time::UnixTime,
};

use super::{Line, Naive, Standing, movements::Window};

/// A movement's causes with their sums.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Caused {
    /// When the last of it happened.
    pub at: UnixTime,
    pub currency: Currency,
    pub kind: Kind,
    pub sums: BTreeMap<&'static str, i128>,
}

/// One thing that happened to one subscription.
struct Step<'l> {
    line: &'l Line,
    at: i64,
    /// The state before, if there was one, and the one after.
    before: Option<usize>,
    after: usize,
    stood: Standing,
    stands: Standing,
}

/// Amounts by cause.
type Sums = BTreeMap<&'static str, i128>;

impl Naive<'_> {
    /// Of every window that the oracle explains.
    pub(crate) fn causes(&self) -> Vec<Caused> {
        let windows = self.windows();
        if self.lines.values().any(|line| self.is_odd(line)) {
            return Vec::new();
        }
        windows.iter().flat_map(|window| self.explain(&windows, *window).unwrap_or_default()).collect()
    }

    /// Something of it counts in no figure, or keeps what it counted: what that does to causes is the ledger's to tell.
    fn is_odd(&self, line: &Line) -> bool {
        let mut items = line.states.iter().flat_map(|(_, state)| &state.items);
        line.odd || items.any(|item| self.is_left_out(item))
    }

    fn explain(&self, windows: &[Window], window: Window) -> Option<Vec<Caused>> {
        let within = self.instants.iter().copied().filter(|at| (window.from..=window.to).contains(at));
        let mut steps: Vec<Step<'_>> = Vec::new();
        let mut told = 0;
        for at in within {
            let (stood, stands) = (self.standing(at - 1), self.standing(at));
            for ((line, stood), stands) in self.lines.values().zip(stood).zip(stands) {
                let snapshots = line.states.iter().filter(|(from, _)| *from == at).count();
                told += snapshots;
                if stood.items != stands.items {
                    let place = |at: i64| line.states.iter().rposition(|(from, _)| *from <= at);
                    let (before, after) = (place(at - 1), place(at)?);
                    steps.push(Step { line, at, before, after, stood, stands });
                }
            }
        }
        // What else snapshots tell in the window may be a reason as well.
        // The same of a tax that lines tell: rounded to minor units, it makes another share of each.
        let taxed = |step: &Step<'_>| {
            let states = step.before.into_iter().chain([step.after]).map(|place| &step.line.states[place].1);
            states.flat_map(|state| &state.items).any(|item| item.price.tax_inclusive)
        };
        if steps.iter().any(taxed) {
            return None;
        }
        let around = |currency: Currency| {
            let (b, a) = (self.mrr(window.from - 1, currency), self.mrr(window.to, currency));
            self.kind(windows, window, b, a).filter(|kind| matches!(kind, Kind::Expansion | Kind::Contraction))
        };
        let caused = |step: &Step<'_>, kind: Kind, mut sums: BTreeMap<&'static str, i128>| {
            sums.retain(|_, amount| *amount != 0);
            Caused { at: UnixTime(step.at), currency: step.line.currency, kind, sums }
        };
        // One subscription in place of one of another currency: each ledger has its half.
        if let [one, other] = steps.as_slice()
            && one.line.currency != other.line.currency
        {
            let (ended, begun) = if begun(one) { (other, one) } else { (one, other) };
            if told > 2 || !self.is_alone(window, one, other) || !is_replaced(ended, begun) {
                return None;
            }
            let (kinds, halves) =
                ((around(ended.line.currency)?, around(begun.line.currency)?), self.switched(ended, begun)?);
            return Some(vec![caused(ended, kinds.0, halves.0), caused(begun, kinds.1, halves.1)]);
        }
        let sums = match steps.as_slice() {
            [_] if told > 1 => return None,
            // What took the place of something that doesn't count is the ledger's to tell.
            [one] if !self.is_alone(window, one, one) => return None,
            [first, .., last] if steps.iter().all(|step| std::ptr::eq(step.line, first.line)) => {
                // Several changes of one subscription, as if they were one.
                if !self.is_alone(window, first, last) {
                    return None;
                }
                let kind = around(first.line.currency)?;
                let (before, stood) = (first.before, first.stood.clone());
                // What changed later and moved nothing tells how it stood at the end as well.
                let after = last.line.states.iter().rposition(|(from, _)| *from <= window.to)?;
                let all = Step { line: last.line, at: last.at, before, after, stood, stands: last.stands.clone() };
                let discounted = |step: &Step<'_>| {
                    let ran = step.before.map(|before| self.running(step.line, before, step.at - 1));
                    let all = ran.into_iter().flatten().chain(self.running(step.line, step.after, step.at));
                    all.sum::<usize>() > 0
                };
                if steps.iter().any(discounted) {
                    return None;
                }
                let sums = self.why_sold_otherwise(&all)?;
                return Some(vec![caused(last, kind, sums)]);
            }
            [_, _] if told > 2 => return None,
            [one] => {
                let (b, a) = (self.mrr(window.from - 1, one.line.currency), self.mrr(window.to, one.line.currency));
                let kind = self.kind(windows, window, b, a)?;
                let sums = match kind {
                    // A return that goes by that name has a return's causes, or begins with a trial as well.
                    Kind::New if self.ever(window) => whole(one, self.why_new_again(one)?),
                    Kind::New => whole(one, self.why_new(one)?),
                    Kind::Churn => whole(one, self.why_churn(one)?),
                    Kind::Reactivation => whole(one, self.why_back(one)?),
                    // A return that goes by another name is no expansion.
                    Kind::Expansion if b == 0 && self.profile.reactivation_as == ReactivationAs::Expansion => {
                        return None;
                    }
                    Kind::Expansion | Kind::Contraction => self.why_changed(one)?,
                    _ => return None,
                };
                (one, kind, sums)
            }
            [one, other] if self.is_alone(window, one, other) => {
                let (ended, begun) = if begun(one) { (other, one) } else { (one, other) };
                if !is_replaced(ended, begun) {
                    return None;
                }
                (other, around(one.line.currency)?, self.replaced(ended, begun)?)
            }
            _ => return None,
        };
        let (last, kind, sums) = sums;
        Some(vec![caused(last, kind, sums)])
    }

    /// Another price and another quantity of one item, whatever came between: the price at the old quantity first.
    fn why_sold_otherwise(&self, step: &Step<'_>) -> Option<BTreeMap<&'static str, i128>> {
        let first = step.before?;
        let states = &step.line.states[first..=step.after];
        let plain = |place: usize| {
            let (from, state) = &step.line.states[place];
            let untouched = |item: &ItemState| {
                item.price.usage == Usage::Licensed && item.trial.is_none() && item.tax_rates.is_empty()
            };
            state.status == Status::Active
                && state.pause_collection.is_none()
                && state.tax_rates.is_empty()
                && !(state.cancel_at_period_end || state.cancel_at.is_some())
                && state.items.iter().all(untouched)
                && self.running(step.line, place, *from).iter().all(|count| *count == 0)
        };
        if !(first..=step.after).all(plain)
            || self.running(step.line, step.after, step.at).iter().any(|count| *count > 0)
        {
            return None;
        }
        let ids = |state: &SubscriptionState| -> Vec<_> { state.items.iter().map(|item| item.id.clone()).collect() };
        let (before, after) = (&states[0].1, &states[states.len() - 1].1);
        let empty = step.stood.items.is_empty() || step.stands.items.is_empty();
        if empty || states.iter().any(|(_, state)| ids(state) != ids(before)) {
            return None;
        }
        let mut sums = BTreeMap::new();
        for (place, (old, new)) in before.items.iter().zip(&after.items).enumerate() {
            let at_old_quantity = super::amounts::monthly_of(&ItemState { quantity: old.quantity, ..new.clone() });
            let by_price = at_old_quantity - step.stood.items[place].0;
            if by_price != 0 {
                *sums.entry(self.price_cause(&old.price, &new.price, by_price)).or_default() += by_price;
            }
            *sums.entry(quantity_cause(old, new)).or_default() += step.stands.items[place].0 - at_old_quantity;
        }
        Some(sums)
    }

    /// Nothing else ends or begins in the window.
    fn is_alone(&self, window: Window, one: &Step<'_>, other: &Step<'_>) -> bool {
        let within = |at: i64| (window.from..=window.to).contains(&at);
        self.lines.values().all(|line| {
            let is_theirs = std::ptr::eq(line, one.line) || std::ptr::eq(line, other.line);
            is_theirs || !(line.end.is_some_and(within) || within(line.states[0].0))
        })
    }

    fn why_new(&self, step: &Step<'_>) -> Option<&'static str> {
        // Who holds several is known by more than this one.
        if self.lines.values().any(|line| !std::ptr::eq(line, step.line) && line.states[0].0 <= step.at) {
            return None;
        }
        let fresh = |place: usize| matches!(step.line.states[place].1.status, Status::Trialing | Status::Incomplete);
        if step.line.imported {
            return step.before.is_none_or(fresh).then_some("imported");
        }
        let Some(before) = step.before else { return Some("first_subscription") };
        let known = &step.line.states[before].1;
        if known.items.iter().any(|item| item.trial.is_some()) {
            return None;
        }
        // Where granted trials count, money may begin within one: it converts nothing.
        let still_tried = step.line.states[step.after].1.status == Status::Trialing;
        match known.status {
            Status::Trialing if still_tried => None,
            Status::Trialing => Some("trial_conversion"),
            Status::Active if is_free(known) => Some("free_to_paid"),
            Status::Incomplete => Some("first_subscription"),
            _ => None,
        }
    }

    /// Why somebody who was there before is new by the profile: where that is plain.
    fn why_new_again(&self, step: &Step<'_>) -> Option<&'static str> {
        let Some(before) = step.before else { return self.why_back(step) };
        let states = &step.line.states[..=before];
        let plain = self.lines.len() == 1
            && states.iter().all(|(_, state)| !is_free(state) && !state.items.iter().any(has_none));
        let tried = states[before].1.status == Status::Trialing;
        // Where granted trials count, one may have counted.
        if tried && self.profile.trial_granted == TrialGranted::Count {
            return None;
        }
        if tried && plain { Some("trial_conversion") } else { self.why_back(step) }
    }

    fn why_churn(&self, step: &Step<'_>) -> Option<&'static str> {
        let (before, after) = (&step.line.states[step.before?].1, &step.line.states[step.after].1);
        let measured = before.items.iter().chain(&after.items).any(|item| item.price.usage == Usage::Metered);
        if measured || !self.is_only(step) {
            // What else there is may count for nothing, or be a reason.
            return None;
        }
        if step.line.end == Some(step.at) {
            // A deleted customer, or a time before the event that tells of the end.
            let told = step.line.states[step.after].0 == step.at && after.ended_at.is_some();
            return told.then(|| end_reason(before, after));
        }
        if step.line.states[step.after].0 != step.at {
            return None;
        }
        let pausing = |state: &SubscriptionState| state.pause_collection.is_some();
        if self.profile.churn_at == ChurnAt::Request && super::asked_to_end(step.line, step.after) {
            // Only the end itself tells of payments.
            let both_run = before.status == Status::Active && after.status == Status::Active;
            return both_run.then(|| end_reason(before, after));
        }
        match after.status {
            Status::Paused if before.status == Status::Active => {
                (self.profile.paused == Paused::Zero).then_some("pause")
            }
            Status::Unpaid if matches!(before.status, Status::Active | Status::PastDue) => {
                (self.profile.unpaid == Unpaid::Churn).then_some("payment_failure")
            }
            Status::Active if before.status == Status::Active => {
                if !pausing(before) && pausing(after) && self.profile.pause_collection == PauseRule::Zero {
                    return Some("pause");
                }
                if step.stands.list() > 0 {
                    return Some("full_discount");
                }
                only_change(before, after).and_then(|change| match change {
                    Change::Price(_) if is_free(after) => Some("to_free"),
                    // Of packages that round down to none, there are some.
                    Change::Quantity(place) if has_none(&after.items[place]) => Some("quantity_zero"),
                    Change::Quantity(_) => Some("to_free"),
                    _ => None,
                })
            }
            _ => None,
        }
    }

    /// No other subscription runs.
    fn is_only(&self, step: &Step<'_>) -> bool {
        self.lines.values().all(|line| {
            let runs = line.states[0].0 <= step.at && line.end.is_none_or(|end| end > step.at);
            std::ptr::eq(line, step.line) || !runs
        })
    }

    fn why_back(&self, step: &Step<'_>) -> Option<&'static str> {
        let Some(before) = step.before else {
            // Somebody else's end is behind it, or several reasons are.
            let ended = |line: &Line| std::ptr::eq(line, step.line) || line.end.is_some_and(|end| end <= step.at);
            return self.lines.values().all(ended).then_some("winback");
        };
        if step.line.states[step.after].0 != step.at || self.lines.len() > 1 {
            return None;
        }
        let (before, after) = (&step.line.states[before].1, &step.line.states[step.after].1);
        if after.status != Status::Active {
            return None;
        }
        let held = before.pause_collection.is_some() && self.profile.pause_collection == PauseRule::Zero;
        match before.status {
            // Two reasons at once.
            Status::Unpaid | Status::PastDue if held || step.stood.counts => return None,
            Status::Unpaid | Status::PastDue => return Some("recovery"),
            Status::Paused => return Some("resume"),
            Status::Active => {}
            _ => return None,
        }
        if before.pause_collection.is_some() && after.pause_collection.is_none() {
            return (self.profile.pause_collection == PauseRule::Zero).then_some("resume");
        }
        let asked = |state: &SubscriptionState| state.cancel_at.is_some() || state.cancel_at_period_end;
        if asked(before) && !asked(after) {
            return (self.profile.churn_at == ChurnAt::Request).then_some("cancellation_withdrawn");
        }
        if step.stood.list() > 0 {
            return Some("discount_end");
        }
        match only_change(before, after)? {
            Change::Price(_) if is_free(before) => Some("free_to_paid"),
            Change::Quantity(place) if has_none(&before.items[place]) => Some("quantity_increase"),
            Change::Quantity(_) => Some("free_to_paid"),
            _ => None,
        }
    }

    fn why_changed(&self, step: &Step<'_>) -> Option<BTreeMap<&'static str, i128>> {
        if ended(step) {
            return self.per_item(step, &step.stood, -1, "product_dropped", "subscription_dropped");
        }
        if begun(step) {
            return self.per_item(step, &step.stands, 1, "cross_sell", "extra_subscription");
        }
        let (before, after) = (&step.line.states[step.before?].1, &step.line.states[step.after].1);
        let by_time = step.line.states[step.after].0 != step.at;
        let counts = |state: &SubscriptionState| state.status == Status::Active;
        match (&before.status, &after.status) {
            // Where granted trials count, something else changed.
            (Status::Trialing, _) | (_, Status::Trialing) if self.profile.trial_granted == TrialGranted::Count => {
                return None;
            }
            (Status::Active, Status::Trialing) if before.items == after.items => {
                return Some(whole(step, "trial_granted"));
            }
            (Status::Trialing, Status::Active)
                if before.items == after.items && self.counted_before_trial(step.line, step.before?) =>
            {
                return Some(whole(step, "trial_ended"));
            }
            _ if !counts(before) || !counts(after) => return None,
            _ => {}
        }
        if step.stood.items.is_empty() || step.stands.items.is_empty() {
            return None;
        }
        let running = |place: usize, at: i64| self.running(step.line, place, at);
        let (ran, runs) = (running(step.before?, step.at - 1), running(step.after, step.at));
        let trials = |state: &SubscriptionState, at: i64| -> Vec<bool> {
            state.items.iter().map(|item| super::on_trial(item, at)).collect()
        };
        let (on_trial, now_on_trial) = (trials(before, step.at - 1), trials(after, step.at));
        let undiscounted = ran.iter().chain(&runs).all(|count| *count == 0);
        if undiscounted && (by_time || before.items.len() == after.items.len()) && on_trial != now_on_trial {
            let sold = |state: &SubscriptionState| -> Vec<_> {
                state.items.iter().map(|item| (item.price.id.clone(), item.quantity)).collect()
            };
            let granted = now_on_trial.iter().any(|one| *one);
            // Whatever else changes with a trial is the ledger's to tell.
            let rises = step.stands.net() > step.stood.net();
            let plain = sold(before) == sold(after) && granted != rises;
            return plain.then(|| whole(step, if granted { "trial_granted" } else { "trial_ended" }));
        }
        if by_time || only_change(before, after).is_none() && before.items == after.items {
            // Only discounts are left, unless usage changed.
            let measured = before.items.iter().any(|item| item.price.usage == Usage::Metered);
            if measured || on_trial != now_on_trial || ran.len() != runs.len() {
                return None;
            }
            let mut sums = BTreeMap::new();
            for (place, both) in ran.into_iter().zip(runs).enumerate() {
                let amount = step.stands.items[place].0 - step.stood.items[place].0;
                let cause = match both {
                    (0, 0) => continue,
                    (0, _) => "discount_start",
                    (_, 0) => "discount_end",
                    _ => "discount_change",
                };
                *sums.entry(cause).or_default() += amount;
            }
            return Some(sums);
        }
        if !undiscounted || on_trial.contains(&true) || now_on_trial.contains(&true) {
            return None;
        }
        let all_taxed_alike = before.tax_rates == after.tax_rates;
        let change = only_change(before, after).filter(|_| all_taxed_alike)?;
        let mut sums = BTreeMap::new();
        match change {
            Change::Price(place) => {
                let (old, new) = (&before.items[place], &after.items[place]);
                if old.price.usage != new.price.usage
                    || old.price.usage == Usage::Metered
                    || old.tax_rates != new.tax_rates
                {
                    return None;
                }
                let amount = step.stands.items[place].0 - step.stood.items[place].0;
                sums.insert(self.price_cause(&old.price, &new.price, amount), amount);
            }
            Change::Quantity(place) => {
                let amount = step.stands.net() - step.stood.net();
                sums.insert(quantity_cause(&before.items[place], &after.items[place]), amount);
            }
            Change::Added => {
                sums.insert("add_on", step.stands.net() - step.stood.net());
            }
            Change::Removed => {
                sums.insert("add_on_removed", step.stands.net() - step.stood.net());
            }
        }
        Some(sums)
    }

    /// A whole subscription that came or went, item by item: whether its product is held elsewhere decides.
    fn per_item(
        &self,
        step: &Step<'_>,
        items: &Standing,
        sign: i128,
        fresh: &'static str,
        held: &'static str,
    ) -> Option<BTreeMap<&'static str, i128>> {
        let state = if sign > 0 { step.after } else { step.before.unwrap_or(step.after) };
        let mut sums = BTreeMap::new();
        for (item, (net, _)) in step.line.states[state].1.items.iter().zip(&items.items) {
            let elsewhere = self.held_elsewhere(step, item.price.product.as_ref())?;
            *sums.entry(if elsewhere { held } else { fresh }).or_default() += sign * net;
        }
        Some(sums)
    }

    /// Whether another subscription holds a product; nothing, where one does that doesn't count.
    fn held_elsewhere(&self, step: &Step<'_>, product: Option<&ProductId>) -> Option<bool> {
        self.held_elsewhere_at(step.at, step, product)
    }

    fn held_elsewhere_at(&self, at: i64, step: &Step<'_>, product: Option<&ProductId>) -> Option<bool> {
        let mut elsewhere = false;
        for (line, standing) in self.lines.values().zip(self.standing(at)) {
            let Some(index) = line.states.iter().rposition(|(from, _)| *from <= at) else { continue };
            if std::ptr::eq(line, step.line) || line.end.is_some_and(|end| end <= at) {
                continue;
            }
            for (place, item) in line.states[index].1.items.iter().enumerate() {
                if item.price.product.as_ref() == product {
                    let counts = standing.items.get(place).is_some_and(|(net, _)| *net > 0);
                    elsewhere |= Some(counts).filter(|counts| *counts)?;
                }
            }
        }
        Some(elsewhere)
    }

    /// How many discounts are taken off each item.
    fn running(&self, line: &Line, index: usize, at: i64) -> Vec<usize> {
        let state = &line.states[index].1;
        let has_own = state.discounts.iter().any(|one| self.runs(line, one, at));
        let customers: Vec<DiscountState> = self.on_customer_at(at).into_iter().cloned().collect();
        let shared = if has_own { &state.discounts } else { &customers };
        let each = state.items.iter().map(|item| {
            let falls = |one: &&DiscountState| super::amounts::falls_on(one, item, line.currency);
            let all = item.discounts.iter().chain(shared).filter(falls);
            all.filter(|one| self.is_taken_off(line, one, at)).count()
        });
        each.collect()
    }

    fn price_cause(&self, old: &Price, new: &Price, amount: i128) -> &'static str {
        let same =
            |one: &Option<std::sync::Arc<str>>, other: &Option<std::sync::Arc<str>>| one.is_some() && one == other;
        let unnamed = |price: &Price| price.lookup_key.is_none() && price.nickname.is_none();
        let of_one_product = old.product.is_some() && old.product == new.product;
        let one_plan = old.id == new.id
            || same(&old.lookup_key, &new.lookup_key)
            || same(&old.nickname, &new.nickname)
            || (unnamed(old) && unnamed(new))
            || self
                .named
                .same
                .iter()
                .any(|(one, other)| (one, other) == (&old.id, &new.id) || (other, one) == (&old.id, &new.id));
        match amount > 0 {
            _ if of_one_product && old.interval != new.interval => "interval_change",
            true if of_one_product && one_plan => "price_increase",
            false if of_one_product && one_plan => "price_decrease",
            true => "plan_upgrade",
            false => "plan_downgrade",
        }
    }

    /// One subscription in another's place: items are paired by product, then the one left with the one left.
    fn replaced(&self, ended: &Step<'_>, begun: &Step<'_>) -> Option<BTreeMap<&'static str, i128>> {
        let old = &ended.line.states[ended.before?].1;
        let new = &begun.line.states[begun.after].1;
        let (ran, runs) =
            (self.running(ended.line, ended.before?, ended.at - 1), self.running(begun.line, begun.after, begun.at));
        let discounted: usize = ran.into_iter().chain(runs).sum();
        let odd = |state: &SubscriptionState| {
            let measured = state.items.iter().any(|item| item.price.usage == Usage::Metered || item.trial.is_some());
            let mut products: Vec<_> = state.items.iter().map(|item| &item.price.product).collect();
            products.sort();
            products.windows(2).any(|two| two[0] == two[1])
                || measured
                || !state.tax_rates.is_empty()
                || state.items.iter().any(|item| !item.tax_rates.is_empty())
        };
        if discounted > 0 || odd(old) || odd(new) {
            return None;
        }
        let Pairs { pairs, olds, news } = pairs(sold(old, &ended.stood), sold(new, &begun.stands));
        let mut sums: BTreeMap<&'static str, i128> = BTreeMap::new();
        for ((old, was), (new, is)) in pairs {
            let at_old_quantity = super::amounts::monthly_of(&ItemState { quantity: old.quantity, ..new.clone() });
            let by_price = at_old_quantity - was;
            if by_price != 0 {
                *sums.entry(self.price_cause(&old.price, &new.price, by_price)).or_default() += by_price;
            }
            let by_quantity = is - at_old_quantity;
            *sums.entry(quantity_cause(old, new)).or_default() += by_quantity;
        }
        for (_, is) in news {
            *sums.entry("cross_sell").or_default() += is;
        }
        for (old, was) in olds {
            let elsewhere = self.held_elsewhere_at(ended.at.max(begun.at), ended, old.price.product.as_ref())?;
            let dropped = if elsewhere { "subscription_dropped" } else { "product_dropped" };
            *sums.entry(dropped).or_default() -= was;
        }
        Some(sums)
    }
}

impl Naive<'_> {
    /// The same over two currencies: what each ledger has of it.
    fn switched(&self, ended: &Step<'_>, begun: &Step<'_>) -> Option<(Sums, Sums)> {
        let (old, new) = (&ended.line.states[ended.before?].1, &begun.line.states[begun.after].1);
        let measured = |state: &SubscriptionState| {
            state.items.iter().any(|item| item.price.usage == Usage::Metered || item.trial.is_some())
        };
        if measured(old) || measured(new) {
            return None;
        }
        let Pairs { pairs, olds, news } = pairs(sold(old, &ended.stood), sold(new, &begun.stands));
        let (mut here, mut there): (BTreeMap<&'static str, i128>, BTreeMap<&'static str, i128>) = Default::default();
        for ((_, was), (_, is)) in pairs {
            *here.entry("currency_switch").or_default() -= was;
            *there.entry("currency_switch").or_default() += is;
        }
        for (old, was) in olds {
            let elsewhere = self.held_elsewhere_at(ended.at.max(begun.at), ended, old.price.product.as_ref())?;
            *here.entry(if elsewhere { "subscription_dropped" } else { "product_dropped" }).or_default() -= was;
        }
        for (_, is) in news {
            *there.entry("cross_sell").or_default() += is;
        }
        Some((here, there))
    }
}

type Sold<'s> = (&'s ItemState, i128);

/// Items with what they count.
fn sold<'s>(state: &'s SubscriptionState, standing: &Standing) -> Vec<Sold<'s>> {
    state.items.iter().zip(standing.items.iter().map(|one| one.0)).collect()
}

/// Which item took which one's place, and what is left over.
struct Pairs<'s> {
    pairs: Vec<(Sold<'s>, Sold<'s>)>,
    olds: Vec<Sold<'s>>,
    news: Vec<Sold<'s>>,
}

/// By product, then the one left with the one left.
fn pairs<'s>(mut olds: Vec<Sold<'s>>, mut news: Vec<Sold<'s>>) -> Pairs<'s> {
    let mut pairs = Vec::new();
    news.retain(|(new, amount)| {
        let place = olds.iter().position(|(old, _)| old.price.product == new.price.product);
        place.map(|place| pairs.push((olds.remove(place), (*new, *amount)))).is_none()
    });
    if let ([one], [other]) = (olds.as_slice(), news.as_slice()) {
        pairs.push((*one, *other));
        (olds, news) = (Vec::new(), Vec::new());
    }
    Pairs { pairs, olds, news }
}

/// One ends, and the other begins.
fn is_replaced(one: &Step<'_>, other: &Step<'_>) -> bool {
    ended(one) && begun(other)
}

enum Change {
    /// Of the item at this place.
    Price(usize),
    /// Of the item at this place.
    Quantity(usize),
    Added,
    Removed,
}

/// What happened to the items, where that is one thing.
fn only_change(before: &SubscriptionState, after: &SubscriptionState) -> Option<Change> {
    let ids = |state: &SubscriptionState| -> Vec<_> { state.items.iter().map(|item| item.id.clone()).collect() };
    if ids(before) == ids(after) {
        let differs = |place: &usize| before.items[*place] != after.items[*place];
        let differing: Vec<usize> = (0..before.items.len()).filter(differs).collect();
        let [place] = differing.as_slice() else { return None };
        let (old, new) = (&before.items[*place], &after.items[*place]);
        let same_price = ItemState { price: old.price.clone(), ..new.clone() } == *old;
        let same_quantity = ItemState { quantity: old.quantity, ..new.clone() } == *old;
        return match (same_price, same_quantity) {
            (true, _) => Some(Change::Price(*place)),
            (_, true) => Some(Change::Quantity(*place)),
            _ => None,
        };
    }
    let kept = |state: &SubscriptionState, other: &SubscriptionState| {
        state.items.iter().all(|item| other.items.contains(item))
    };
    match (kept(before, after), kept(after, before)) {
        (true, _) => Some(Change::Added),
        (_, true) => Some(Change::Removed),
        _ => None,
    }
}

fn has_none(item: &ItemState) -> bool {
    item.quantity.is_some_and(|quantity| quantity.units() == 0)
}

/// By what the quantity did, whatever its tiers make of it.
fn quantity_cause(old: &ItemState, new: &ItemState) -> &'static str {
    let count = |item: &ItemState| item.quantity.map_or(Decimal::ONE_UNITS, |quantity| quantity.units());
    if count(new) > count(old) { "quantity_increase" } else { "quantity_decrease" }
}

fn whole(step: &Step<'_>, cause: &'static str) -> BTreeMap<&'static str, i128> {
    BTreeMap::from([(cause, step.stands.net() - step.stood.net())])
}

/// It counted until it ended right then.
fn ended(step: &Step<'_>) -> bool {
    let told = step.line.states[step.after].0 == step.at && step.line.states[step.after].1.ended_at.is_some();
    step.line.end == Some(step.at) && told && step.stood.net() > 0
}

/// It counts from its first state on.
fn begun(step: &Step<'_>) -> bool {
    step.before.is_none() && step.stands.net() > 0 && !step.line.imported
}

fn is_free(state: &SubscriptionState) -> bool {
    let free = |item: &ItemState| matches!(&item.price.scheme, Scheme::PerUnit(each) if each.units() == 0);
    state.items.iter().all(free)
}

/// Why a subscription ended (rule `kinds`).
fn end_reason(before: &SubscriptionState, after: &SubscriptionState) -> &'static str {
    match (&after.cancel_reason, &before.status) {
        (Some(CancelReason::PaymentDisputed), _) => "dispute",
        (Some(CancelReason::RetentionPolicy), _) => "retention_policy",
        (Some(CancelReason::CancellationRequested), _) => "cancellation",
        (Some(CancelReason::PaymentFailed), _) | (None, Status::PastDue | Status::Unpaid) => "payment_failure",
        _ => "unknown_end",
    }
}
