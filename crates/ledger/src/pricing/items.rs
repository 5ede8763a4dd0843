//! All items of one snapshot at one instant: amounts, discounts, tax, and the one rounding (rules `fixed-point` and `inclusive-tax`).

use std::rc::Rc;

use super::{
    amount::factor,
    customer_discounts::same,
    discounts::{self, Left},
    durations::Inferred,
    evidence::{Estimate, Evidence},
    exact::{Exact, Overflow, in_range},
    gross::{Gross, gross, interval},
    invoices::Stands,
    quality::Issue,
    spans::ItemAmount,
    tax::{self, Inside},
    terms::{Discount, Share},
    trail::Recorder,
    view::{View, currency_of, stands_so_far},
    windows::window,
};
use crate::{
    fact::{DiscountState, Duration, ItemState, Scheme, Usage},
    money::{Currency, Mrr},
    profile::DiscountRule,
    rule,
    time::UnixTime,
    units,
};

/// One item on its way to its amount.
struct Item<'s> {
    state: &'s ItemState,
    gross: Gross,
    list: Exact,
    left: Exact,
    in_trial: bool,
    /// Kept from an earlier snapshot because the list at hand was cut.
    kept: bool,
    estimated: bool,
    /// Some discount on it is read off invoice lines.
    discount_estimated: bool,
    overflow: bool,
}

impl<'s, 'a> View<'s, 'a> {
    /// The amounts at `at`, and what couldn't be known.
    pub(super) fn items<R: Recorder>(
        &self,
        at: UnixTime,
        recorder: &mut R,
        issues: &mut Vec<Issue>,
    ) -> Vec<ItemAmount> {
        let mut items: Vec<Item<'s>> =
            self.now.state.items.iter().map(|state| self.item(state, false, at, recorder)).collect();
        if !self.now.state.items_complete {
            items.extend(self.kept().into_iter().map(|state| self.item(state, true, at, recorder)));
            issues.push(Issue::cut_list(&self.now.state));
        }
        self.discount(&mut items, at, recorder, issues);
        items.into_iter().map(|item| self.finish(&item, recorder, issues)).collect()
    }

    fn item<R: Recorder>(&self, state: &'s ItemState, kept: bool, at: UnixTime, recorder: &mut R) -> Item<'s> {
        let gross = gross(state, self, at);
        let on_trial = state.trial.is_some_and(|trial| trial.start <= at && at < trial.end);
        let in_trial = on_trial && !self.granted.contains(&(self.index, state.id.clone()));
        let list = match gross {
            Gross::Known(amount)
            | Gross::Usage(amount)
            | Gross::PartOfUsage(amount)
            | Gross::Carried(amount)
            | Gross::Billed(amount) => amount,
            Gross::Unknown | Gross::Overflow => Exact::ZERO,
        };
        self.record_gross(state, gross, recorder);
        if in_trial {
            recorder.step(&state.id, rule::ITEM_TRIALS, || "counts 0 until its own trial ends".into());
        }
        let list = if in_trial { Exact::ZERO } else { list };
        let estimated =
            !in_trial && (kept || matches!(gross, Gross::Carried(_) | Gross::Billed(_) | Gross::PartOfUsage(_)));
        let overflow = gross == Gross::Overflow;
        Item { state, gross, list, left: list, in_trial, kept, estimated, discount_estimated: false, overflow }
    }

    /// Items the cut list doesn't show: as they last were, back to the last whole list.
    fn kept(&self) -> Vec<&'s ItemState> {
        let mut kept: Vec<&'s ItemState> = Vec::new();
        for snapshot in self.line().iter().rev().skip(1) {
            for item in &snapshot.state.items {
                let shown = self.now.state.items.iter().chain(kept.iter().copied()).any(|other| other.id == item.id);
                if !shown {
                    kept.push(item);
                }
            }
            if snapshot.state.items_complete {
                break;
            }
        }
        kept
    }

    /// Item discounts, then the subscription's; where it has none, the customer's. In list order.
    fn discount<R: Recorder>(&self, items: &mut [Item<'s>], at: UnixTime, recorder: &mut R, issues: &mut Vec<Issue>) {
        for index in 0..items.len() {
            for shown in &items[index].state.discounts {
                let (discount, inferred) = self.joined(shown);
                if window(&discount, shown, items[index].state, self.line(), self.terms).holds(at) {
                    self.take((&discount, inferred), items, |other, _| other == index, recorder, issues);
                }
            }
        }
        let own = &self.now.state.discounts;
        let mut has_own = false;
        for shown in own {
            has_own |= self.take_shown(shown, items, at, recorder, issues);
        }
        if !has_own && let Some(shown) = self.terms.customer_discounts.at(&self.now.state.customer, at) {
            // The very discount may be listed on the subscription, and over.
            if !own.iter().any(|other| same(other, shown)) {
                self.take_shown(shown, items, at, recorder, issues);
            }
        }
    }

    /// Takes a discount off all items within its window; says whether there were any.
    fn take_shown<R: Recorder>(
        &self,
        shown: &DiscountState,
        items: &mut [Item<'s>],
        at: UnixTime,
        recorder: &mut R,
        issues: &mut Vec<Issue>,
    ) -> bool {
        let (discount, inferred) = self.joined(shown);
        let within: Vec<bool> =
            items.iter().map(|item| window(&discount, shown, item.state, self.line(), self.terms).holds(at)).collect();
        let any = within.contains(&true);
        if any {
            self.take((&discount, inferred), items, |index, _| within[index], recorder, issues);
        }
        any
    }

    fn take<R: Recorder>(
        &self,
        (discount, inferred): (&Discount<'_>, Option<Inferred>),
        items: &mut [Item<'s>],
        falls_on: impl Fn(usize, &Item<'s>) -> bool,
        recorder: &mut R,
        issues: &mut Vec<Issue>,
    ) {
        // Where its terms are told nowhere, invoice lines tell what it takes off, and of what.
        let evidence = discount.id.filter(|_| discount.share.is_none()).map(|id| self.terms.evidence(id));
        let estimate = evidence.as_ref().and_then(|evidence| evidence.estimate(currency_of(&self.now.state)));
        let mut left: Vec<Left> = items
            .iter()
            .enumerate()
            .map(|(index, item)| {
                let licensed = item.state.price.usage == Usage::Licensed;
                let product = discount.products.is_none_or(|products| {
                    item.state.price.product.as_ref().is_some_and(|product| products.contains(product))
                });
                Left {
                    amount: item.left,
                    licensed: if licensed { interval(item.state, self).map(factor) } else { None },
                    hit: product
                        && !item.is_unpriced()
                        && falls_on(index, item)
                        && (estimate.is_none() || evidence.as_ref().is_some_and(|known| known.falls_on(item.state))),
                }
            })
            .collect();
        let (knob, rule) = match discount.duration {
            Duration::Forever | Duration::Unknown => ("discount_forever", self.profile.discount_forever),
            Duration::Repeating => ("discount_repeating", self.profile.discount_repeating),
            Duration::Once => ("discount_once", self.profile.discount_once),
        };
        if left.iter().any(|left| left.hit) {
            self.tell(discount, inferred, estimate, issues);
        }
        if rule == DiscountRule::Ignore {
            for (item, _) in items.iter().zip(&left).filter(|(_, left)| left.hit) {
                recorder.step(&item.state.id, rule::DISCOUNT_ORDER, || {
                    format!("{} is left alone: {knob} = ignore", discount.name())
                });
            }
            return;
        }
        let done = match (discount.share, estimate) {
            (Some(Share::Percent(percent)), _) | (None, Some(Estimate::Percent(percent))) => {
                discounts::percent(&mut left, percent)
            }
            (Some(Share::Amount(minor)), _) => discounts::amount(&mut left, minor.into()),
            (None, Some(Estimate::Amount(minor))) => discounts::amount(&mut left, Exact::whole(minor)),
            (None, Some(Estimate::Nearest)) => self.take_nearest(evidence, items, &mut left),
            (None, None) => Ok(()),
        };
        for (item, left) in items.iter_mut().zip(&left).filter(|(_, left)| left.hit) {
            if done == Err(Overflow) {
                item.overflow = true;
            } else if left.amount != item.left {
                let before = item.left;
                recorder.step(&item.state.id, rule::DISCOUNT_ORDER, || {
                    describe(discount, estimate, before, left.amount, currency_of(&self.now.state))
                });
                item.left = left.amount;
                item.discount_estimated |= estimate.is_some();
            }
        }
    }

    /// Says what of a discount had to be read off invoices and snapshots, and how.
    fn tell(
        &self,
        discount: &Discount<'_>,
        inferred: Option<Inferred>,
        estimate: Option<Estimate>,
        issues: &mut Vec<Issue>,
    ) {
        match (discount.share, estimate) {
            (Some(_), _) => {}
            (None, Some(estimate)) => {
                issues.push(Issue::discount_estimated(discount.name(), estimate, currency_of(&self.now.state)));
            }
            // It takes nothing off, however long.
            (None, None) => return issues.push(Issue::unresolved_discount(discount.name())),
        }
        match inferred {
            Some(inferred) => issues.push(Issue::duration_inferred(discount.name(), inferred)),
            None if discount.duration == Duration::Unknown && discount.share.is_some() => {
                issues.push(Issue::unknown_duration(discount.name()));
            }
            None => {}
        }
    }

    /// The share that the nearest line shows, of each item it falls on.
    fn take_nearest(
        &self,
        evidence: Option<Rc<Evidence<'_>>>,
        items: &[Item<'s>],
        left: &mut [Left],
    ) -> Result<(), Overflow> {
        let Some(evidence) = evidence else { return Ok(()) };
        let until = self.all.get(self.index + 1).map_or(UnixTime(i64::MAX), |next| next.at);
        let stands = Stands { from: self.now.at, until, so_far: None };
        for (item, left) in items.iter().zip(left).filter(|(_, left)| left.hit) {
            if let Some(share) = evidence.nearest(item.state, stands) {
                left.amount = left.amount.times(Exact::ONE.minus(share)?.at_least_zero())?;
            }
        }
        Ok(())
    }

    /// Takes inclusive tax out and rounds, once.
    fn finish<R: Recorder>(&self, item: &Item<'s>, recorder: &mut R, issues: &mut Vec<Issue>) -> ItemAmount {
        let state = item.state;
        let inside = if item.list == Exact::ZERO {
            Inside::Nothing
        } else {
            let stands = || stands_so_far(self.all, self.index, state);
            tax::inside(&self.now.state, state, currency_of(&self.now.state), stands, self.terms)
        };
        match inside {
            Inside::Nothing => {}
            Inside::Percent(percent) => recorder.step(&state.id, rule::INCLUSIVE_TAX, || {
                format!("{} includes {percent} % tax, which is taken out", self.said(item.left))
            }),
            Inside::Share(share) => recorder.step(&state.id, rule::INCLUSIVE_TAX, || {
                format!("of {} its invoice line shows {share} as tax, which is taken out", self.said(item.left))
            }),
            Inside::Unknown => {
                recorder.step(&state.id, rule::INCLUSIVE_TAX, || {
                    "includes tax at a rate the log doesn't tell: stays gross".into()
                });
                issues.push(Issue::tax_unknown(state));
            }
        }
        let round = |amount: Exact| inside.take_out(amount).and_then(in_range);
        let rounded = round(item.list).and_then(|list| Ok((list, round(item.left)?)));
        let overflow = item.overflow || rounded.is_err();
        let unpriced = overflow || item.is_unpriced();
        let (list, net) = rounded.ok().filter(|_| !unpriced).unwrap_or((Mrr::ZERO, Mrr::ZERO));
        let estimated = (item.estimated || item.discount_estimated) && !unpriced;
        if overflow {
            issues.push(Issue::overflow(state));
        } else if unpriced && currency_of(&self.now.state).is_none() {
            issues.push(Issue::no_currency(state));
        } else if unpriced {
            issues.push(Issue::unpriced(state));
        } else if item.estimated {
            issues.push(Issue::estimated(state, item.kept, item.gross));
        }
        if let Some(unknown) = &state.price.unknown
            && !matches!(item.gross, Gross::Known(_) | Gross::Usage(_) | Gross::PartOfUsage(_))
        {
            issues.push(Issue::unknown_value(state, unknown, !unpriced));
        }
        recorder.step(&state.id, rule::FIXED_POINT, || {
            format!("counts {} a month, {} before discounts", self.said(net), self.said(list))
        });
        ItemAmount {
            item: state.id.clone(),
            product: state.price.product.clone(),
            price: state.price.id.clone(),
            interval: self.terms.interval(&state.price),
            quantity: state.quantity,
            list,
            net,
            estimated,
            unpriced,
            in_trial: item.in_trial,
            metered: state.price.usage == Usage::Metered,
            lookup_key: state.price.lookup_key.clone(),
            nickname: state.price.nickname.clone(),
        }
    }

    /// An amount within a sentence.
    fn said(&self, amount: impl ToString) -> String {
        units::within(amount, currency_of(&self.now.state))
    }

    fn record_gross<R: Recorder>(&self, item: &ItemState, gross: Gross, recorder: &mut R) {
        let (rule, amount) = match gross {
            Gross::Known(amount) => (rule::MONTHLY_AMOUNT, amount),
            Gross::Usage(amount) | Gross::PartOfUsage(amount) => (rule::METERED, amount),
            Gross::Carried(amount) | Gross::Billed(amount) => (rule::UNKNOWN_AMOUNTS, amount),
            Gross::Unknown | Gross::Overflow => (rule::UNKNOWN_AMOUNTS, Exact::ZERO),
        };
        recorder.step(&item.id, rule, || match gross {
            Gross::Known(_) => {
                let quantity = item.quantity.map_or("1".into(), |quantity| quantity.to_string());
                // Without one its amount wouldn't be known.
                let interval =
                    self.terms.interval(&item.price).map(|interval| interval.to_string()).unwrap_or_default();
                let currency = currency_of(&self.now.state);
                let scheme = scheme_in_words(self.terms.scheme(&item.price, currency), currency);
                format!("{quantity} × {scheme} a {interval} = {} a month", self.said(amount))
            }
            Gross::Usage(_) => {
                format!("metered: {} a month under metered = {}", self.said(amount), self.profile.metered)
            }
            Gross::PartOfUsage(_) => format!(
                "metered: {} a month under metered = {}, of an invoice that doesn't show all its lines",
                self.said(amount),
                self.profile.metered
            ),
            Gross::Carried(_) => {
                format!("the price can't be told: counts what it last counted, {} a month", self.said(amount))
            }
            Gross::Billed(_) => {
                format!("the price can't be told: an invoice line of it makes {} a month", self.said(amount))
            }
            Gross::Unknown => "the price can't be told: counted in no figure".into(),
            Gross::Overflow => format!("{Overflow}: counted in no figure"),
        });
    }
}

impl Item<'_> {
    fn is_unpriced(&self) -> bool {
        !self.in_trial && (self.overflow || matches!(self.gross, Gross::Unknown | Gross::Overflow))
    }
}

fn describe(
    discount: &Discount<'_>,
    estimate: Option<Estimate>,
    before: Exact,
    after: Exact,
    currency: Option<Currency>,
) -> String {
    let said = |amount: String| units::within(amount, currency);
    let duration = match discount.duration {
        Duration::Forever => "forever",
        Duration::Repeating => "repeating",
        Duration::Once => "once",
        Duration::Unknown => "for an unknown duration",
    };
    let what = match discount.share {
        Some(Share::Percent(percent)) => format!("{percent} % {duration}"),
        Some(Share::Amount(minor)) => format!("{} an invoice {duration}", said(minor.to_string())),
        None => match estimate {
            Some(Estimate::Percent(percent)) => format!("{percent} % by its invoice lines, {duration}"),
            Some(Estimate::Amount(minor)) => {
                format!("{} an invoice by its invoice lines, {duration}", said(minor.to_string()))
            }
            Some(Estimate::Nearest) | None => format!("the nearest invoice line's share, {duration}"),
        },
    };
    let taken = before.minus(after).map_or_else(|_| "?".into(), |taken| said(taken.to_string()));
    format!("{} ({what}): −{taken} of {}", discount.name(), said(before.to_string()))
}

/// A scheme as an explanation writes it.
fn scheme_in_words(scheme: Option<&Scheme>, currency: Option<Currency>) -> String {
    match scheme {
        Some(Scheme::PerUnit(unit)) => units::within(unit, currency),
        Some(Scheme::Graduated(tiers)) => format!("graduated over {} tiers", tiers.len()),
        Some(Scheme::Volume(tiers)) => format!("volume over {} tiers", tiers.len()),
        Some(Scheme::Unknown) | None => "an unknown price".into(),
    }
}
