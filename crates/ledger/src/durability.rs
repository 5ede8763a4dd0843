//! How long expansion lasts (rule `durability`): of what customers expanded by, how much they still hold later.

use std::collections::BTreeMap;

use crate::{
    money::{Currency, Mrr},
    outcome::{Cause, Kind, Movement, Rollup},
    time::Day,
};

/// After how many days it is asked what is still held.
pub const AGES: [i32; 4] = [30, 90, 180, 365];

/// What moves a customer's expansion in one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Expansion by so much, above 0.
    Grown(Mrr),
    /// Contraction by so much, as a positive amount.
    GivenBack(Mrr),
    /// The customer left: nothing is held any more, also when it comes back.
    Left,
}

impl Step {
    /// What a movement is here; `None` where it moves no expansion.
    pub fn from_movement(kind: Kind, amount: Mrr) -> Option<Self> {
        match kind {
            Kind::Expansion => Some(Self::Grown(amount)),
            Kind::Contraction => Some(Self::GivenBack(Mrr(amount.0.saturating_neg()))),
            Kind::Churn => Some(Self::Left),
            Kind::OpeningBalance | Kind::New | Kind::Reactivation | Kind::Fx | Kind::Transient => None,
        }
    }

    /// On one day: what is grown comes before what is given back, and leaving comes last.
    fn rank(self) -> u8 {
        match self {
            Self::Grown(_) => 0,
            Self::GivenBack(_) => 1,
            Self::Left => 2,
        }
    }
}

/// One expansion of a customer in one currency, and what was lost of it later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expansion<T> {
    /// The accounting day on which MRR grew.
    pub day: Day,
    /// By how much; above 0.
    pub amount: Mrr,
    /// What the caller knows it by.
    pub tag: T,
    /// What was lost of it, and when; never more than all of it.
    lost: Vec<(Day, Mrr)>,
}

impl<T> Expansion<T> {
    /// What was still held of it at the end of a day; what isn't there yet is held whole.
    pub fn held(&self, day: Day) -> Mrr {
        let lost = self.lost.iter().filter(|(when, _)| *when <= day);
        Mrr(self.amount.0 - lost.map(|(_, amount)| amount.0).sum::<i128>())
    }

    /// The days on which something of it was lost.
    pub fn losses(&self) -> impl Iterator<Item = Day> + '_ {
        self.lost.iter().map(|(day, _)| *day)
    }

    fn left(&self) -> i128 {
        self.amount.0 - self.lost.iter().map(|(_, amount)| amount.0).sum::<i128>()
    }
}

/// A customer's expansions in one currency, from all that moves them, in any order of days; steps of one day keep their order
/// within a kind. What a customer gives back, it gives back from its newest expansion first.
pub fn expansions<T>(steps: impl IntoIterator<Item = (Day, Step, T)>) -> Vec<Expansion<T>> {
    let mut steps: Vec<(Day, Step, T)> = steps.into_iter().collect();
    steps.sort_by_key(|(day, step, _)| (*day, step.rank()));
    let mut all: Vec<Expansion<T>> = Vec::new();
    for (day, step, tag) in steps {
        let mut given_back = match step {
            Step::Grown(amount) if amount > Mrr::ZERO => {
                all.push(Expansion { day, amount, tag, lost: Vec::new() });
                continue;
            }
            // Of presence alone: an amount of 0.
            Step::Grown(_) => continue,
            Step::GivenBack(amount) => amount.0,
            Step::Left => i128::MAX,
        };
        for one in all.iter_mut().rev() {
            let taken = one.left().min(given_back);
            if taken > 0 {
                one.lost.push((day, Mrr(taken)));
                given_back -= taken;
            }
        }
    }
    all
}

/// A customer's expansions by currency and roll-up of causes, from its lasting movements.
pub fn by_rollup<'m>(movements: impl IntoIterator<Item = &'m Movement>) -> Vec<(Currency, Vec<Expansion<Rollup>>)> {
    let mut steps: BTreeMap<Currency, Vec<(Day, Step, Rollup)>> = BTreeMap::new();
    for movement in movements {
        steps.entry(movement.currency).or_default().extend(steps_by_rollup(movement));
    }
    steps.into_iter().map(|(currency, steps)| (currency, expansions(steps))).collect()
}

/// What a movement is of [`by_rollup`]: each roll-up that brought something, or what was given back; nothing where it moves no
/// expansion.
pub fn steps_by_rollup(movement: &Movement) -> Vec<(Day, Step, Rollup)> {
    let parts = movement.parts.iter().map(|part| (part.cause, part.amount));
    steps_of_parts(movement.kind, movement.day, movement.amount, parts)
}

/// The same of a movement by what each of its parts brought or took.
pub fn steps_of_parts(
    kind: Kind,
    day: Day,
    amount: Mrr,
    parts: impl Iterator<Item = (Cause, Mrr)>,
) -> Vec<(Day, Step, Rollup)> {
    match Step::from_movement(kind, amount) {
        None => Vec::new(),
        Some(Step::Grown(_)) => {
            let brought = brought(amount, parts).into_iter();
            brought.map(|(rollup, amount)| (day, Step::Grown(amount), rollup)).collect()
        }
        Some(step) => vec![(day, step, Rollup::Unknown)],
    }
}

/// An expansion by roll-up: what some of its parts took away is taken from what the last of the others brought.
fn brought(expansion: Mrr, parts: impl Iterator<Item = (Cause, Mrr)>) -> Vec<(Rollup, Mrr)> {
    let mut brought: Vec<(Rollup, Mrr)> = Vec::new();
    for (cause, part) in parts.filter(|(_, part)| *part > Mrr::ZERO) {
        let rollup = cause.rollup();
        match brought.iter_mut().find(|(of, _)| *of == rollup) {
            Some((_, amount)) => amount.0 += part.0,
            None => brought.push((rollup, part)),
        }
    }
    let mut over = brought.iter().map(|(_, amount)| amount.0).sum::<i128>() - expansion.0;
    for (_, amount) in brought.iter_mut().rev() {
        let taken = over.clamp(0, amount.0);
        amount.0 -= taken;
        over -= taken;
    }
    brought.retain(|(_, amount)| *amount > Mrr::ZERO);
    brought
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{laws, profile::Profile, story::Story};

    fn day(number: i64) -> Day {
        crate::time::Zone::UTC.day(crate::story::time(&format!("d{number}")))
    }

    /// What is held of each expansion at the end of some days.
    fn told(story: &str, days: &[i64]) -> Vec<String> {
        let ledger = Story::of(story).derive(&Profile::built_in("finance").unwrap());
        let held = |one: &Expansion<Rollup>| {
            days.iter().map(|number| one.held(day(*number)).to_string()).collect::<Vec<_>>().join(" ")
        };
        let all = by_rollup(&ledger.movements).into_iter().flat_map(|(_, all)| all);
        all.map(|one| format!("{} {}: {}", one.tag.as_str(), one.amount, held(&one))).collect()
    }

    /// Rule `durability`.
    #[test]
    fn the_newest_expansion_is_lost_first() {
        let start = "d1 created active pro:10; d5 pro:10x2; d9 pro:10x2 seats:5;";
        assert_eq!(told(start, &[5, 9]), ["upsell 10: 10 10", "add_on 5: 5 5"]);
        assert_eq!(told(&format!("{start} d20 pro:10x1.3"), &[19, 20]), ["upsell 10: 10 8", "add_on 5: 5 0"]);
        let both = format!("{start} d20 pro:10x1 -seats; d21 pro:4");
        assert_eq!(told(&both, &[20, 21]), ["upsell 10: 0 0", "add_on 5: 0 0"]);
        // Whoever leaves holds nothing of it, also when it comes back.
        let back = format!("{start} d20 deleted; d30 b created active pro:90");
        assert_eq!(told(&back, &[19, 31]), ["upsell 10: 10 0", "add_on 5: 5 0"]);
        // What one part takes away, another hasn't brought.
        assert_eq!(told("d1 created active pro:10 seats:5; d5 pro:10x3 -seats", &[5]), ["upsell 15: 15"]);
    }

    #[test]
    fn on_one_day_what_is_grown_comes_before_what_is_given_back() {
        let steps = [
            (day(5), Step::GivenBack(Mrr(3)), ()),
            (day(5), Step::Grown(Mrr(3)), ()),
            (day(2), Step::Grown(Mrr(4)), ()),
            (day(7), Step::Left, ()),
        ];
        let all = expansions(steps);
        let held = |at: i64| all.iter().map(|one| one.held(day(at)).0).collect::<Vec<_>>();
        assert_eq!((held(4), held(5), held(7)), (vec![4, 3], vec![4, 0], vec![0, 0]));
    }

    proptest! {
        /// Rule `durability`.
        #[test]
        fn held_and_lost_are_the_expansion(story in laws::story(), profile in laws::profiles(), at in 0..60i64) {
            let ledger = story.derive(&profile);
            let lasting: Vec<&Movement> = ledger.movements.iter().filter(|one| one.visible_until.is_none()).collect();
            for (currency, all) in by_rollup(lasting.iter().copied()) {
                let own = || lasting.iter().filter(|one| one.currency == currency);
                let expanded: i128 = own().filter(|one| one.kind == Kind::Expansion).map(|one| one.amount.0).sum();
                prop_assert_eq!(all.iter().map(|one| one.amount.0).sum::<i128>(), expanded);
                for one in &all {
                    let held = one.held(day(at));
                    prop_assert!(held >= Mrr::ZERO && held <= one.amount);
                    let lost: i128 = one.lost.iter().filter(|(when, _)| *when <= day(at)).map(|(_, lost)| lost.0).sum();
                    prop_assert_eq!(held.0 + lost, one.amount.0);
                }
                // With causes or without them, the same is held.
                let plain = own().filter_map(|one| Some((one.day, Step::from_movement(one.kind, one.amount)?, ())));
                let held: i128 = expansions(plain).iter().map(|one| one.held(day(at)).0).sum();
                prop_assert_eq!(held, all.iter().map(|one| one.held(day(at)).0).sum::<i128>());
            }
        }
    }
}
