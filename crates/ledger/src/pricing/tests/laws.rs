//! What holds of any prices, discounts and order of facts.

use super::*;

/// Everything at once, for the properties.
fn crowded(units: &[(i64, u8)], discounts: Vec<(i64, bool, u8)>) -> Case {
    let items = units.iter().enumerate().map(|(index, (unit, kind))| {
        let id = format!("p{index}");
        let price = match kind % 4 {
            0 => monthly(&id, *unit),
            1 => yearly(&id, *unit),
            2 => price_of(&id, Scheme::PerUnit(Decimal::whole(*unit)), IntervalUnit::Week),
            _ => price_of(&id, graduated(), IntervalUnit::Day),
        };
        item(&format!("si_{index}"), price, 1 + unit % 7)
    });
    let taken = discounts.into_iter().enumerate().map(|(index, (off, share, duration))| {
        let off = if share { percent(off % 101) } else { amount(off) };
        let duration = [Duration::Forever, Duration::Repeating, Duration::Once][usize::from(duration) % 3];
        discount(&format!("di_{index}"), off, duration, (duration == Duration::Repeating).then_some(75))
    });
    Case::of(vec![(0, discounted(items.collect(), (0, 30), taken.collect()))])
}

proptest! {
    /// Rule `fixed-point`.
    #[test]
    fn net_lies_between_nothing_and_list(
        units in prop::collection::vec((0i64..1_000_000, any::<u8>()), 1..6),
        discounts in prop::collection::vec((0i64..500_000, any::<bool>(), any::<u8>()), 0..5),
    ) {
        let case = crowded(&units, discounts);
        let ignore_all = [("discount_forever", "ignore"), ("discount_repeating", "ignore"), ("discount_once", "ignore")];
        let list_only = Profile::extend(&Profile::built_in("stripe").unwrap(), "list", &ignore_all).unwrap();
        let (list, _) = case.price(&list_only);
        for profile in Profile::BUILT_IN {
            let (spans, quality) = case.price(&Profile::built_in(profile).unwrap());
            prop_assert!(quality.is_empty());
            for span in &spans {
                for (item, alone) in span.items.iter().zip(&list[0].items) {
                    prop_assert!(Mrr::ZERO <= item.net && item.net <= item.list, "{}", in_words(span));
                    prop_assert_eq!(item.list, alone.net, "list MRR is MRR without discounts");
                }
            }
            for pair in spans.windows(2) {
                prop_assert!(pair[0].from < pair[1].from);
            }
        }
    }

    /// Facts in any order, some of them twice, some about other things.
    #[test]
    fn the_order_of_facts_changes_nothing(
        seed in prop::collection::vec(any::<prop::sample::Index>(), 24),
        repeated in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut billed = line("si_1", "t", 9_000, 9, (0, 30));
        billed.discounts = vec![(DiscountId::from("di_2"), 900)];
        let full = discount("di_1", percent(20), Duration::Forever, None);
        let coupon = |at, off| fact(&format!("evt_c{at}"), at, Role::Updated, State::Coupon(terms("coupon_di_1", off, Duration::Forever)));
        let facts = vec![
            invoice("in_1", 1, vec![billed.clone()]),
            invoice("in_2", 31, vec![billed.clone()]),
            invoice("in_3", 31, vec![]),
            customer(0, None),
            customer(40, Some(discount("di_c", percent(10), Duration::Repeating, Some(70)))),
            customer(50, None),
            coupon(1, None),
            coupon(2, percent(20)),
            fact("evt_d", 3, Role::Created, State::Discount(DiscountState { terms: None, ..full })),
            fact("evt_q", 3, Role::Created, State::Price(Box::new(price_of("else", graduated(), IntervalUnit::Year)))),
        ];
        let listed = vec![id_only("di_1"), id_only("di_2"), id_only("di_3")];
        let items = vec![item("si_1", unknown("t"), 9), item("si_2", monthly("b", 777), 3)];
        let case = Case::of(vec![
            (0, discounted(items.clone(), (0, 30), listed)),
            (35, subscription(items, (30, 60))),
        ]);
        let in_order = case.clone().with(facts.clone());
        let mut shuffled = facts.clone();
        shuffled.extend(repeated.iter().map(|index| facts[index.index(facts.len())].clone()));
        for (from, to) in seed.iter().enumerate() {
            let length = shuffled.len();
            shuffled.swap(from % length, to.index(length));
        }
        let shuffled = case.with(shuffled);
        for name in Profile::BUILT_IN {
            let profile = Profile::built_in(name).unwrap();
            prop_assert_eq!(in_order.price(&profile), shuffled.price(&profile), "{}", name);
        }
        prop_assert!(in_order.spans("finance").len() > 2, "the case has something to lose");
    }

    /// Rule `monthly-amount`.
    #[test]
    fn intervals_are_factors_of_one_another(unit in 1i64..1_000_000, quantity in 1i64..1_000, count in 1u32..24) {
        let net = |unit_amount: i64, interval: IntervalUnit, count: u32| {
            let mut price = price_of("a", Scheme::PerUnit(Decimal::whole(unit_amount)), interval);
            price.interval = Some(Interval { unit: interval, count });
            let (spans, _) = Case::of(vec![(0, subscription(vec![item("si_1", price, quantity)], (0, 30)))])
                .price(&Profile::built_in("stripe").unwrap());
            spans[0].items[0].net
        };
        prop_assert_eq!(net(unit, IntervalUnit::Year, count), net(unit, IntervalUnit::Month, 12 * count));
        prop_assert_eq!(net(unit, IntervalUnit::Week, 52 * count), net(unit, IntervalUnit::Year, count));
        prop_assert_eq!(net(unit, IntervalUnit::Day, 365 * count), net(unit, IntervalUnit::Year, count));
        prop_assert_eq!(net(unit * 12 * i64::from(count), IntervalUnit::Year, count), net(unit, IntervalUnit::Month, 1));
    }
}
