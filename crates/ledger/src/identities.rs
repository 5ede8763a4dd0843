//! What must hold within one customer's rows, whatever the rules: the waterfall adds up, exactly (rule `snapshots`).

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    money::{Currency, Mrr},
    outcome::{CustomerLedger, Movement},
    profile::Netting,
    time::{Day, UnixTime},
};

/// An identity that doesn't hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// The table it was found in.
    pub table: &'static str,
    /// What doesn't add up, with the figures.
    pub what: String,
}

/// The first identity that doesn't hold in these rows of a profile that nets so; `None` when all do.
pub fn first_breach(rows: &CustomerLedger, netting: Netting) -> Option<Breach> {
    of_movements(rows, netting)
        .err()
        .map(|what| Breach { table: "movement", what })
        .or_else(|| of_counts(rows).err().map(|what| Breach { table: "count_delta", what }))
}

/// Parts sum to their movement, a movement spans its two ends, and each day's movements are its deltas (each month's,
/// where a month nets to one movement): for every row, also those that time alone replaces by others.
fn of_movements(rows: &CustomerLedger, netting: Netting) -> Result<(), String> {
    for movement in &rows.movements {
        let named = || format!("the {} of {} in {}", movement.kind.as_str(), movement.day, movement.currency);
        let parts = sum(movement.parts.iter().map(|part| part.amount))?;
        if parts != movement.amount {
            return Err(format!("{}: its parts sum to {parts}, not to {}", named(), movement.amount));
        }
        if movement.before.checked_add(movement.amount) != Some(movement.after) {
            let Movement { before, amount, after, .. } = movement;
            return Err(format!("{}: {before} before and {amount} don't make {after} after", named()));
        }
    }
    // A row tells all that its window holds until the row's own time is over, so that is when it is held against the
    // deltas. Its first instant wouldn't do: an event later in the window is in the row already. Nobody reads there, for
    // when that instant was now, the event was in no row.
    let ends = rows.movements.iter().filter_map(|movement| movement.visible_until).map(|until| until.plus(-1));
    let instants: BTreeSet<UnixTime> = ends.chain([UnixTime(i64::MAX)]).collect();
    instants.into_iter().try_for_each(|at| days_add_up(rows, netting, at))
}

/// Whether the movements that a reader at `at` sees are the deltas up to then, day by day. That holds at any instant from
/// the last event on.
pub fn days_add_up(rows: &CustomerLedger, netting: Netting, at: UnixTime) -> Result<(), String> {
    let shown =
        |movement: &&Movement| movement.visible_from <= at && movement.visible_until.is_none_or(|until| at < until);
    let booked = |day: Day| match netting {
        Netting::Month => Day(day.0.first_of_month()),
        Netting::None | Netting::Window(_) | Netting::Day => day,
    };
    let moved = by_day(rows.movements.iter().filter(shown).map(|m| ((m.currency, booked(m.day)), m.amount)))?;
    let changed =
        by_day(rows.deltas.iter().filter(|delta| delta.at <= at).map(|d| ((d.currency, booked(d.day)), d.mrr)))?;
    let days: BTreeSet<_> = moved.keys().chain(changed.keys()).collect();
    for key in days {
        let (moved, changed) =
            (moved.get(key).copied().unwrap_or_default(), changed.get(key).copied().unwrap_or_default());
        if moved != changed {
            let (currency, day) = key;
            return Err(format!("{day} in {currency}: movements sum to {moved}, deltas to {changed}"));
        }
    }
    Ok(())
}

/// Nothing is ever counted below nothing, and a customer counts once at most.
fn of_counts(rows: &CustomerLedger) -> Result<(), String> {
    let mut instants: BTreeMap<(Option<Currency>, UnixTime), [i64; 3]> = BTreeMap::new();
    for count in &rows.counts {
        let changes = [count.customers, count.subscriptions, count.trials];
        let sums = instants.entry((count.currency, count.at)).or_default();
        for (sum, change) in sums.iter_mut().zip(changes) {
            *sum = sum.checked_add(change).ok_or("counts pass the range of integers")?;
        }
    }
    let mut running: BTreeMap<Option<Currency>, [i64; 3]> = BTreeMap::new();
    for ((currency, at), changes) in instants {
        let counts = running.entry(currency).or_default();
        for ((count, change), what) in counts.iter_mut().zip(changes).zip(["customers", "subscriptions", "trials"]) {
            *count = count.checked_add(change).ok_or("counts pass the range of integers")?;
            let most = if what == "customers" { 1 } else { i64::MAX };
            if !(0..=most).contains(count) {
                let currency = currency.map_or("all currencies".to_owned(), |currency| currency.to_string());
                return Err(format!("at {at} in {currency}: {count} {what}"));
            }
        }
    }
    Ok(())
}

fn sum(amounts: impl Iterator<Item = Mrr>) -> Result<Mrr, String> {
    amounts
        .into_iter()
        .try_fold(Mrr::ZERO, Mrr::checked_add)
        .ok_or_else(|| "amounts pass the range of integers".to_owned())
}

fn by_day(amounts: impl Iterator<Item = ((Currency, Day), Mrr)>) -> Result<BTreeMap<(Currency, Day), Mrr>, String> {
    let mut days = BTreeMap::new();
    for (key, amount) in amounts {
        let day: &mut Mrr = days.entry(key).or_default();
        *day = sum([*day, amount].into_iter())?;
    }
    Ok(days)
}
