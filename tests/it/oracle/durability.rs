//! How long expansion lasts (rule `durability`), read naively: what is held is a pile that every day is put on and taken off again.

use std::collections::{BTreeMap, BTreeSet};

use mrrd::ledger::{
    durability::{AGES, by_rollup},
    money::Currency,
    outcome::{CustomerLedger, Kind},
    retention::days_after,
    time::Day,
};

use super::naive::Moved;

/// Where the ledger tells otherwise what is held of each day's expansion than the pile of the oracle's movements.
pub(super) fn differ(ledger: &CustomerLedger, moved: &[Moved]) -> Option<String> {
    let lasting = ledger.movements.iter().filter(|movement| movement.visible_until.is_none());
    let of_currencies = by_rollup(lasting);
    let days: BTreeSet<Day> = moved
        .iter()
        .flat_map(|one| AGES.into_iter().map(|age| days_after(one.day, age)).chain([one.day.before(), one.day]))
        .collect();
    let currencies: BTreeSet<Currency> = moved.iter().map(|one| one.currency).collect();
    for (currency, day) in currencies.into_iter().flat_map(|currency| days.iter().map(move |day| (currency, *day))) {
        let mut ours: BTreeMap<Day, i128> = BTreeMap::new();
        let own = of_currencies.iter().filter(|(of, _)| *of == currency).flat_map(|(_, all)| all);
        for one in own.filter(|one| one.day <= day) {
            *ours.entry(one.day).or_default() += one.held(day).0;
        }
        ours.retain(|_, held| *held != 0);
        let theirs = pile(moved, currency, day);
        if ours != theirs {
            return Some(format!(
                "held of expansion in {currency} on {day}: the ledger has {ours:?}, the oracle {theirs:?}"
            ));
        }
    }
    None
}

/// What is left of each day's expansion at the end of `until`.
fn pile(moved: &[Moved], currency: Currency, until: Day) -> BTreeMap<Day, i128> {
    let mut pile: Vec<(Day, i128)> = Vec::new();
    let days: BTreeSet<Day> = moved.iter().map(|one| one.day).filter(|day| *day <= until).collect();
    for day in days {
        let of = |kind: Kind| {
            let all = moved.iter().filter(move |one| one.day == day && one.currency == currency && one.kind == kind);
            all.map(|one| one.amount)
        };
        pile.push((day, of(Kind::Expansion).sum()));
        let mut off: i128 = -of(Kind::Contraction).sum::<i128>();
        while let Some((on, held)) = pile.pop() {
            if held > off {
                pile.push((on, held - off));
                break;
            }
            off -= held;
        }
        if of(Kind::Churn).next().is_some() {
            pile.clear();
        }
    }
    let mut left = BTreeMap::new();
    for (day, held) in pile.into_iter().filter(|(_, held)| *held != 0) {
        *left.entry(day).or_default() += held;
    }
    left
}
