//! What one subscription's items come to a month (rules `monthly-amount` and `discount-order`), in exact ratios, unit by unit.

use mrrd::ledger::{fact::*, profile::*, time::UnixTime};
use num_rational::Ratio;

use super::{Line, Naive};

pub(super) type R = Ratio<i128>;

impl Naive<'_> {
    /// Net and list of each item, rounded once.
    pub(super) fn amounts(&self, line: &Line, index: usize, at: i64) -> Vec<(i128, i128)> {
        let state = &line.states[index].1;
        let lists: Vec<R> = state
            .items
            .iter()
            .enumerate()
            .map(|(place, item)| {
                let in_trial = super::on_trial(item, at)
                    && !((self.profile.trial_granted == TrialGranted::Count)
                        && self.item_trial_granted(line, index, at, item));
                match item.price.usage {
                    _ if in_trial => R::from(0),
                    // What nothing tells counts nothing.
                    Usage::Licensed if item.price.scheme == Scheme::Unknown => {
                        line.estimates.get(&(index, place)).copied().unwrap_or_else(|| R::from(0))
                    }
                    Usage::Licensed => billed(item) * monthly(item),
                    Usage::Metered => self.used(line, item, at) * monthly(item),
                }
            })
            .collect();
        let mut left = lists.clone();
        for (number, item) in state.items.iter().enumerate() {
            for discount in self.counted(line, &item.discounts, at) {
                take_off(&mut left, &[number], state, discount);
            }
        }
        let all: Vec<usize> = (0..state.items.len()).collect();
        let customers: Vec<DiscountState> = self.on_customer_at(at).into_iter().cloned().collect();
        // One whose time is over is none; one that a knob leaves alone still is one.
        let has_own = state.discounts.iter().any(|discount| self.runs(line, discount, at));
        let listed = if has_own { &state.discounts } else { &customers };
        for discount in self.counted(line, listed, at) {
            take_off(&mut left, &all, state, discount);
        }
        let ours = state.items.iter().map(|item| self.without_tax(line, index, item));
        let both = left.into_iter().zip(lists).zip(ours);
        let rounded = both.map(|((net, list), ours)| (half_even(net * ours), half_even(list * ours)));
        let counted = rounded.zip(&state.items);
        counted.map(|(amounts, item)| if self.is_left_out(item) { (0, 0) } else { amounts }).collect()
    }

    /// The share of an amount that isn't tax.
    fn without_tax<'l>(&self, line: &'l Line, index: usize, item: &ItemState) -> R {
        if self.profile.inclusive_tax == InclusiveTax::Keep {
            return R::from(1);
        }
        let state = &line.states[index].1;
        let rates = if item.tax_rates.is_empty() { &state.tax_rates } else { &item.tax_rates };
        if !rates.is_empty() {
            let inclusive = rates.iter().filter(|rate| rate.inclusive);
            let percent: R =
                inclusive.map(|rate| R::new(rate.percentage.expect("told").units(), 1_000_000_000_000)).sum();
            return R::from(100) / (R::from(100) + percent);
        }
        // What lines of the item tell of the tax in them; of nothing to pay none is told.
        let told_by = |invoices: &'l [(i64, InvoiceState)]| {
            let own = |one: &&InvoiceLine| one.item.as_ref() == Some(&item.id) && !one.proration;
            let lines =
                invoices.iter().flat_map(move |(at, invoice)| invoice.lines.iter().filter(own).map(|one| (*at, one)));
            let share = |(at, one): (i64, &'l InvoiceLine)| {
                let left = one.amount - one.discounts.iter().map(|(_, off)| off).sum::<i64>();
                (left > 0).then(|| (at, one, R::new(one.tax_inside.unwrap_or(0).into(), left.into())))
            };
            lines.filter_map(share).collect::<Vec<_>>()
        };
        let mut told = told_by(&line.billed);
        // What was voided bills nothing; where nothing else tells of tax, it does.
        if told.is_empty() {
            told = told_by(&line.void);
        }
        // Those of its very price come first.
        let of_price = |(_, one, _): &(i64, &InvoiceLine, R)| one.price.as_ref() == Some(&item.price.id);
        if told.iter().any(of_price) {
            told.retain(of_price);
        }
        // A state stands as long as snapshots show the same price and quantity.
        let same = |(_, state): &(i64, SubscriptionState)| {
            let sold = |one: &ItemState| (one.id.clone(), one.price.id.clone(), one.quantity);
            state.items.iter().any(|one| sold(one) == sold(item))
        };
        let first = (0..=index).rev().take_while(|place| same(&line.states[*place])).last().unwrap_or(index);
        let last = (index..line.states.len()).take_while(|place| same(&line.states[*place])).last().unwrap_or(index);
        let until = |place: usize| line.states.get(place + 1).map_or(i64::MAX, |(until, _)| *until);
        let (from, shown_until, until) = (line.states[first].0, until(index), until(last));
        // What bills the next period tells of that.
        let of_next = |one: &InvoiceLine| {
            one.period.zip(state.period).is_some_and(|(billed, current)| billed.start >= current.end)
        };
        let so_far = told.iter().rfind(|(at, one, _)| from <= *at && *at < shown_until && !of_next(one));
        let later = told.iter().find(|(at, one, _)| from <= *at && *at < until && (*at >= shown_until || of_next(one)));
        let before = told.iter().rfind(|(at, ..)| *at < from);
        let after = told.iter().find(|(at, ..)| *at >= until);
        let share = so_far.or(later).or(before).or(after).map_or(R::from(0), |(.., share)| *share);
        R::from(1) - share
    }

    /// What an invoice asked for a measured item, on average over the last ones that were final (knob `metered`).
    fn used(&self, line: &Line, item: &ItemState, at: i64) -> R {
        let last = match self.profile.metered {
            Metered::Ignore => return R::from(0),
            Metered::LastInvoice => 1,
            Metered::Mean(count) => count as usize,
        };
        let asked = |invoice: &InvoiceState| {
            let own: Vec<&InvoiceLine> =
                invoice.lines.iter().filter(|one| one.item.as_ref() == Some(&item.id) && !one.proration).collect();
            (!own.is_empty()).then(|| own.iter().map(|one| i128::from(one.amount)).sum::<i128>())
        };
        let billed = line.billed.iter().filter(|(billed, _)| *billed <= at);
        let all: Vec<i128> = billed.filter_map(|(_, invoice)| asked(invoice)).collect();
        let counted = &all[all.len().saturating_sub(last)..];
        if counted.is_empty() { R::from(0) } else { R::new(counted.iter().sum(), counted.len() as i128) }
    }

    pub(super) fn on_customer_at(&self, at: i64) -> Option<&DiscountState> {
        self.on_customer.iter().rev().find(|(from, _)| *from <= at)?.1.as_ref()
    }

    fn counted<'d>(&self, line: &Line, listed: &'d [DiscountState], at: i64) -> Vec<&'d DiscountState> {
        listed.iter().filter(|discount| self.is_taken_off(line, discount, at)).collect()
    }

    pub(super) fn is_taken_off(&self, line: &Line, discount: &DiscountState, at: i64) -> bool {
        let knob = match discount.terms.as_ref().map(|terms| terms.duration) {
            Some(Duration::Repeating) => self.profile.discount_repeating,
            Some(Duration::Once) => self.profile.discount_once,
            _ => self.profile.discount_forever,
        };
        knob == DiscountRule::Subtract && self.runs(line, discount, at)
    }

    pub(super) fn runs(&self, line: &Line, discount: &DiscountState, at: i64) -> bool {
        discount.start.is_none_or(|start| start.0 <= at)
            && self.discount_end(line, discount, at).is_none_or(|end| at < end)
    }

    /// By what is known up to `at`: rule `discount-order`.
    pub(super) fn discount_end(&self, line: &Line, discount: &DiscountState, at: i64) -> Option<i64> {
        let start = discount.start.map_or(i64::MIN, |start| start.0);
        let customers = discount.customer.is_some();
        let periods = line.states.iter().filter(|(from, state)| {
            *from <= at
                && (customers
                    || state
                        .discounts
                        .iter()
                        .chain(state.items.iter().flat_map(|item| &item.discounts))
                        .any(|listed| listed.id == discount.id))
        });
        let periods: Vec<Period> = periods.filter_map(|(_, state)| state.period).collect();
        let terms = discount.terms.as_ref()?;
        match terms.duration {
            Duration::Repeating => {
                let end =
                    discount.end.map(|end| end.0).or_else(|| Some(months_later(discount.start?, terms.months?)))?;
                let billed = periods.iter().filter(|period| period.start.0 < end).map(|period| period.end.0);
                Some(billed.fold(end, i64::max))
            }
            // Read off when it went.
            Duration::Once if discount.end.is_some() => discount.end.map(|end| end.0),
            // Put on within a minute of the period's first second it was billed with it: one call, two stamps.
            Duration::Once => periods.iter().find(|period| period.start.0 + 60 >= start).map(|period| period.end.0),
            _ => None,
        }
    }
}

/// The same day of the month so many months on, or the last one there is.
pub(super) fn months_later(at: UnixTime, months: u32) -> i64 {
    let at = jiff::Timestamp::from_second(at.0).expect("a date").to_zoned(jiff::tz::TimeZone::UTC);
    at.checked_add(jiff::Span::new().months(months)).expect("a date").timestamp().as_second()
}

/// Whether it can take anything off an item.
pub(super) fn falls_on(discount: &DiscountState, item: &ItemState, currency: mrrd::ledger::money::Currency) -> bool {
    let Some(terms) = &discount.terms else { return false };
    let names = match (&terms.products, &item.price.product) {
        (Some(only), Some(product)) => only.contains(product),
        (Some(_), None) => false,
        (None, _) => true,
    };
    names
        && match terms.off {
            Some(Off::Percent(_)) => true,
            Some(Off::Amount(_, of)) => of == currency && item.price.usage == Usage::Licensed,
            None => false,
        }
}

fn take_off(left: &mut [R], on: &[usize], state: &SubscriptionState, discount: &DiscountState) {
    let Some(terms) = &discount.terms else { return };
    let falls_on = |item: &usize| match (&terms.products, &state.items[*item].price.product) {
        (Some(only), Some(product)) => only.contains(product),
        (Some(_), None) => false,
        (None, _) => true,
    };
    let on: Vec<usize> = on.iter().copied().filter(falls_on).collect();
    match terms.off {
        Some(Off::Percent(percent)) => {
            for item in on {
                left[item] -= left[item] * R::new(percent.units(), 100 * 1_000_000_000_000);
            }
        }
        // So many cents of another currency are off nothing here: the ledger lists such a discount as unresolved.
        Some(Off::Amount(_, currency)) if Some(currency) != state.currency => {}
        Some(Off::Amount(amount, _)) => {
            // An invoice of items that cost nothing has nothing to take off; an amount doesn't fall on usage.
            let licensed = |item: &usize| state.items[*item].price.usage == Usage::Licensed;
            let on: Vec<usize> = on.into_iter().filter(licensed).collect();
            let paying = on.iter().filter(|item| left[**item] > R::from(0));
            let factor = paying.map(|item| monthly(&state.items[*item])).max().unwrap_or_else(|| R::from(0));
            let off = R::new(amount.units(), 1_000_000_000_000) * factor;
            let total: R = on.iter().map(|item| left[*item]).sum();
            if total == R::from(0) {
                return;
            }
            let share = (off / total).min(R::from(1));
            for item in on {
                left[item] -= left[item] * share;
            }
        }
        None => {}
    }
}

/// What one invoice asks for an item.
pub(super) fn billed(item: &ItemState) -> R {
    let units = item.quantity.map_or(R::from(1), |quantity| R::new(quantity.units(), 1_000_000_000_000));
    let units = match item.price.transform {
        Some(Transform { divide_by, round }) => {
            let packages = units / R::from(i128::from(divide_by));
            match round {
                Round::Up => packages.ceil(),
                Round::Down => packages.floor(),
            }
        }
        None => units,
    };
    let amount = |decimal: mrrd::ledger::money::Decimal| R::new(decimal.units(), 1_000_000_000_000);
    let reaches = |tier: &Tier, unit: R| tier.up_to.is_none_or(|up_to| unit <= amount(up_to));
    match &item.price.scheme {
        Scheme::PerUnit(each) => amount(*each) * units,
        // Units are whole here: each is charged at the tier it lies in, and a tier's flat fee with its first unit.
        Scheme::Graduated(tiers) => {
            let mut sum = amount(tiers[0].flat_amount);
            let (mut unit, mut tier) = (R::from(1), 0);
            while unit <= units {
                while !reaches(&tiers[tier], unit) {
                    tier += 1;
                    sum += amount(tiers[tier].flat_amount);
                }
                sum += amount(tiers[tier].unit_amount);
                unit += R::from(1);
            }
            sum
        }
        Scheme::Volume(tiers) => {
            let tier = tiers.iter().find(|tier| reaches(tier, units)).expect("the last tier has no end");
            amount(tier.unit_amount) * units + amount(tier.flat_amount)
        }
        Scheme::Unknown => panic!("the oracle reads known prices only"),
    }
}

/// How many of its intervals make a month: the shorter the interval, the larger.
pub(super) fn monthly(item: &ItemState) -> R {
    let interval = item.price.interval.expect("recurring prices only");
    let n = i128::from(interval.count);
    match interval.unit {
        IntervalUnit::Month => R::new(1, n),
        IntervalUnit::Year => R::new(1, 12 * n),
        IntervalUnit::Week => R::new(52, 12 * n),
        IntervalUnit::Day => R::new(365, 12 * n),
    }
}

/// What a licensed item comes to a month without discounts and with its tax.
pub(super) fn monthly_of(item: &ItemState) -> i128 {
    half_even(billed(item) * monthly(item))
}

fn half_even(minor: R) -> i128 {
    half_even_units(minor * R::from(1_000_000))
}

/// To a whole number, ties to the even one.
pub(super) fn half_even_units(units: R) -> i128 {
    let floor = units.floor().to_integer();
    let rest = units - R::from(floor);
    let half = R::new(1, 2);
    if rest > half || (rest == half && floor % 2 != 0) { floor + 1 } else { floor }
}
