//! Objects that are told again: what a fact about a product, tax rate or coupon by itself adds to the facts before it. Most add
//! nothing (a new name, other metadata), and whoever names the object counts what it counted.

use std::iter;

use crate::{
    fact::{Fact, State},
    pricing::newest_of,
    told::Telling,
};

/// What a fact about an object by itself adds to those before it, for customers whose facts name the object.
#[derive(Clone, Debug, PartialEq)]
pub enum Adds<'f> {
    /// Any of them may count something else.
    Something,
    /// Each counts what it counted.
    Nothing,
    /// The same, unless somebody's own facts embed other terms: of what they say and what this fact says the newest decides.
    NothingBeside(Telling<'f>),
}

/// What `fact` adds to `before`: all facts about the same object by itself that lie before it in the log, in any order.
///
/// Of products and tax rates the newest fact alone decides ([`Terms`](crate::pricing::Terms)), and customers' facts say nothing
/// of them. Of coupons the newest that says something does; Stripe lets nobody change one's terms, so all usually say the same,
/// and none is embedded without what it takes off, which [`tellings`](crate::told::tellings) would pass over.
/// Prices always add something: customers' facts embed them under names that change, and names tell causes (rule `causes`).
pub fn adds<'f>(fact: &'f Fact, before: &[Fact]) -> Adds<'f> {
    match &fact.state {
        // A product nobody spoke of is no add-on.
        State::Product(_) => by_newest(fact, before, Some(false), |state| match state {
            State::Product(product) => Some(product.add_on),
            _ => None,
        }),
        State::TaxRate(_) => by_newest(fact, before, None, |state| match state {
            State::TaxRate(rate) => Some((rate.percentage, rate.inclusive)),
            _ => None,
        }),
        State::Coupon(terms) if !before.is_empty() && before.iter().all(|one| one.state == fact.state) => {
            Adds::NothingBeside(Telling::Coupon(terms))
        }
        _ => Adds::Something,
    }
}

/// Whether the newest says with `fact` what it says without it; `unsaid` is what holds where nobody says anything.
fn by_newest<T: Clone + PartialEq>(
    fact: &Fact,
    before: &[Fact],
    unsaid: Option<T>,
    says: impl Fn(&State) -> Option<T>,
) -> Adds<'static> {
    let held = newest_of(before.iter(), &says).or(unsaid);
    let now = newest_of(before.iter().chain(iter::once(fact)), &says);
    if now == held { Adds::Nothing } else { Adds::Something }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        fact::{CouponTerms, Duration, Off, Origin, ProductState, Role, TaxRateState},
        laws::{profiles, story},
        story::{Story, time},
        told::tellings,
    };

    fn about(number: usize, day: u8, state: State) -> Fact {
        let (event, at) = (format!("evt_about_{number}").as_str().into(), time(&format!("d{day}")));
        Fact { event, at, api_version: None, origin: Origin::Event, role: Role::Updated, state }
    }

    fn coupon(percent: &str, duration: Duration) -> State {
        State::Coupon(CouponTerms {
            id: format!("coupon_{percent}").as_str().into(),
            off: Some(Off::Percent(percent.parse().unwrap())),
            duration,
            months: None,
            currency_options: Default::default(),
            products: None,
        })
    }

    fn product(id: &str, add_on: bool, name: &str) -> State {
        State::Product(ProductState { id: id.into(), add_on, name: Some(name.into()) })
    }

    fn rate(percent: i64, inclusive: bool) -> State {
        State::TaxRate(TaxRateState {
            id: "txr_1".into(),
            percentage: crate::money::Decimal::whole(percent),
            inclusive,
        })
    }

    /// What is told of coupons and products by themselves, in the order of the log.
    fn told() -> impl Strategy<Value = Vec<Fact>> {
        let percents = prop_oneof![Just("33"), Just("50"), Just("100")];
        let durations =
            prop_oneof![4 => Just(Duration::Forever), 1 => Just(Duration::Repeating), 1 => Just(Duration::Once)];
        let products = prop_oneof![Just("pro"), Just("extra"), Just("max")];
        let state = prop_oneof![
            (percents, durations).prop_map(|(percent, duration)| coupon(percent, duration)),
            (products, any::<bool>(), any::<bool>()).prop_map(|(id, add_on, named)| product(
                id,
                add_on,
                if named { "One" } else { "Other" }
            )),
        ];
        prop::collection::vec((1..40_u8, state), 1..10).prop_map(|all| {
            all.into_iter().enumerate().map(|(number, (day, state))| about(number, day, state)).collect()
        })
    }

    fn is_of_one(one: &State, other: &State) -> bool {
        match (one, other) {
            (State::Coupon(one), State::Coupon(other)) => one.id == other.id,
            (State::Product(one), State::Product(other)) => one.id == other.id,
            _ => false,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        /// Whoever isn't touched by it counts what it counted, in whatever order it was told.
        #[test]
        fn what_adds_nothing_changes_nothing(story in story(), told in told(), profile in profiles()) {
            for (place, fact) in told.iter().enumerate() {
                let known: Vec<Fact> = told[..place].to_vec();
                let of_it: Vec<Fact> = known.iter().filter(|one| is_of_one(&one.state, &fact.state)).cloned().collect();
                let nothing = match adds(fact, &of_it) {
                    Adds::Something => false,
                    Adds::Nothing => true,
                    Adds::NothingBeside(telling) => {
                        let mut otherwise = false;
                        story.facts.iter().for_each(|own| tellings(own, |other| {
                            otherwise |= other.object() == telling.object() && !other.is(&telling.state());
                        }));
                        !otherwise
                    }
                };
                if nothing {
                    let with = Story { references: told[..=place].to_vec(), ..story.clone() };
                    let without = Story { references: known, ..story.clone() };
                    prop_assert_eq!(with.derive(&profile), without.derive(&profile));
                }
            }
        }
    }

    #[test]
    fn the_newest_tells_of_products_and_tax_rates() {
        let first = about(1, 5, product("pro", true, "Pro"));
        let unsaid = about(1, 5, product("pro", false, "Pro"));
        assert_eq!((adds(&first, &[]), adds(&unsaid, &[])), (Adds::Something, Adds::Nothing));
        let held = [first];
        assert_eq!(adds(&about(2, 6, product("pro", true, "Professional")), &held), Adds::Nothing);
        assert_eq!(adds(&about(2, 6, product("pro", false, "Pro")), &held), Adds::Something);
        assert_eq!(adds(&about(2, 4, product("pro", false, "Pro")), &held), Adds::Nothing, "it is older");
        let held = [about(1, 5, rate(19, true))];
        assert_eq!(adds(&held[0], &[]), Adds::Something);
        assert_eq!(adds(&about(2, 6, rate(19, true)), &held), Adds::Nothing);
        assert_eq!(adds(&about(2, 6, rate(20, true)), &held), Adds::Something);
        assert_eq!(adds(&about(2, 6, rate(19, false)), &held), Adds::Something);
    }

    #[test]
    fn a_coupon_told_as_it_was_adds_nothing_beside_its_terms() {
        let held = [about(1, 5, coupon("50", Duration::Forever))];
        let again = about(2, 6, coupon("50", Duration::Forever));
        assert_eq!(adds(&again, &[]), Adds::Something);
        assert!(
            matches!(adds(&again, &held), Adds::NothingBeside(Telling::Coupon(terms)) if terms.id.as_str() == "coupon_50")
        );
        let other = about(3, 7, coupon("50", Duration::Once));
        assert_eq!(adds(&other, &held), Adds::Something);
        assert_eq!(adds(&again, &[held[0].clone(), other]), Adds::Something, "two that differ: the newest decides");
    }
}
