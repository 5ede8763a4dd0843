//! What an era's shape tells is priced, and what it can't tell is a quality entry by name: each era through the ledger.

use mrrd::{
    event::Reading,
    ledger::{
        CustomerFacts, derive,
        fact::*,
        money::{Decimal, Mrr},
        profile::Profile,
        time::{UnixTime, Zone},
    },
    stripe::read::{read, read_answer},
};
use serde_json::{Value, json};

use super::{
    eras::{Era, Ids, discount as inlined, previous_attributes, render},
    shapes::{discount, event, plain},
};

const BEGAN: UnixTime = UnixTime(1_740_000_000);
const DAY: i64 = 86_400;

fn facts(reading: Reading) -> Vec<Fact> {
    let Reading::Facts(facts) = reading else { panic!("{reading:?}") };
    facts
}

/// What is wrong by the second day, and what is counted then.
fn ledger(facts: &[Fact]) -> (Vec<&'static str>, Mrr) {
    let customer = "cus_1".into();
    let input = CustomerFacts { customer: &customer, facts, references: &[] };
    let utc = Zone::named("UTC").unwrap();
    let ledger = derive(input, &Profile::built_in("finance").unwrap(), &utc);
    let now = BEGAN.plus(2 * DAY);
    let stands = ledger.quality.iter().filter(|one| one.at <= now && one.until.is_none_or(|until| until > now));
    let mut kinds: Vec<_> = stands.map(|entry| entry.kind.as_str()).collect();
    kinds.dedup();
    let counted = ledger.deltas.iter().filter(|delta| delta.at <= now);
    (kinds, Mrr(counted.map(|delta| delta.mrr.0).sum()))
}

/// Created in `era`'s shape as `state`.
fn created(era: Era, state: &SubscriptionState) -> Vec<Fact> {
    facts(read(&event(era, "created", BEGAN, &render(era, Ids::Plain, state), None)).unwrap().reading)
}

/// The lives: what is particular about each, what it counts a month in cents, from which era to which its shape can show
/// it, and what is said where it can't.
fn lives() -> Vec<(&'static str, SubscriptionState, &'static str, [Era; 2], &'static str)> {
    let start = |state: SubscriptionState| SubscriptionState { created: BEGAN, start_date: Some(BEGAN), ..state };
    let with_price = |scheme: Scheme, quantity: i64| {
        let mut state = start(plain());
        state.items[0].price.scheme = scheme;
        state.items[0].quantity = Some(Decimal::whole(quantity));
        state
    };
    let with_discounts = |ids: &[&str]| {
        let taken = |id: &&str| DiscountState {
            start: Some(BEGAN),
            ..discount(id, Off::Percent(Decimal::whole(25)), Duration::Forever)
        };
        SubscriptionState { discounts: ids.iter().map(taken).collect(), ..start(plain()) }
    };
    let tier = |up_to: Option<i64>, unit: i64, flat: i64| Tier {
        up_to: up_to.map(Decimal::whole),
        unit_amount: Decimal::whole(unit),
        flat_amount: Decimal::whole(flat),
    };
    // docs/wire.md 4.4, in cents: 12 units are 66.00 by volume, 111.00 graduated.
    let tiers =
        || vec![tier(Some(5), 500, 1000), tier(Some(10), 400, 2000), tier(Some(15), 300, 3000), tier(None, 100, 5000)];
    let mut packages = with_price(Scheme::PerUnit(Decimal::whole(2000)), 12);
    packages.items[0].price.transform = Some(Transform { divide_by: 5, round: Round::Up });
    let mut taxed = start(plain());
    taxed.items[0].price.tax_inclusive = true;
    vec![
        ("plain", with_price(Scheme::PerUnit(Decimal::whole(2000)), 3), "6000", [Era::Plan, Era::Endive], ""),
        (
            "sub-cent",
            with_price(Scheme::PerUnit("0.25".parse().unwrap()), 1000),
            "250",
            [Era::Dates, Era::Endive],
            "unpriced_item",
        ),
        ("volume", with_price(Scheme::Volume(tiers()), 12), "6600", [Era::Items, Era::Dates], "unpriced_item"),
        ("graduated", with_price(Scheme::Graduated(tiers()), 12), "11100", [Era::Items, Era::Dates], "unpriced_item"),
        ("packages", packages, "6000", [Era::Items, Era::Endive], ""),
        ("a discount", with_discounts(&["di_1"]), "1500", [Era::Plan, Era::Discounts], "unresolved_discount"),
        // 2024 lists both and inlines one; before, the list had no place.
        ("two discounts", with_discounts(&["di_1", "di_2"]), "1500", [Era::Plan, Era::Details], "unresolved_discount"),
        // No rate on anything: whoever says inclusive can't say how much.
        ("inclusive tax", taxed, "2000", [Era::Plan, Era::Dates], "tax_unknown"),
    ]
}

#[test]
fn each_era_counts_what_it_tells_and_names_what_it_does_not() {
    for (name, state, monthly, [from, to], named) in lives() {
        for era in Era::ALL {
            // Before 2018 there was nothing to be packed in.
            if name == "packages" && era == Era::Plan {
                continue;
            }
            let (quality, counted) = ledger(&created(era, &state));
            if (from..=to).contains(&era) {
                assert_eq!((quality, counted.to_string().as_str()), (vec![], monthly), "{name} in {era:?}");
            } else {
                assert_eq!(quality, [named], "{name} in {era:?}");
            }
        }
    }
}

#[test]
fn an_upgrade_between_any_two_eras_breaks_no_chain_and_moves_nothing() {
    let (_, one, ..) = lives().remove(0);
    let mut more = one.clone();
    more.items[0].quantity = Some(Decimal::whole(5));
    for (old, new) in
        Era::ALL.into_iter().flat_map(|old| Era::ALL.map(|new| (old, new))).filter(|(old, new)| old <= new)
    {
        let (before, after) = (render(new, Ids::Plain, &one), render(new, Ids::Plain, &more));
        let updated = event(new, "updated", BEGAN.plus(DAY), &after, Some(&previous_attributes(&before, &after)));
        let updated = String::from_utf8(updated).unwrap().replace("evt_1", "evt_2");
        let facts = [created(old, &one), facts(read(updated.as_bytes()).unwrap().reading)].concat();
        let (quality, counted) = ledger(&facts);
        assert_eq!((quality, counted.to_string().as_str()), (vec![], "10000"), "{old:?} to {new:?}");
    }
}

#[test]
fn a_shape_that_does_not_tell_when_it_began_says_so_until_another_does() {
    let (_, state, ..) = lives().remove(0);
    let seen = |era: Era, days: i64, id: &str| {
        let body = event(era, "updated", BEGAN.plus(days * DAY), &render(era, Ids::Plain, &state), None);
        facts(read(String::from_utf8(body).unwrap().replace("evt_1", id).as_bytes()).unwrap().reading)
    };
    let old = seen(Era::Plan, 1, "evt_1");
    assert_eq!(ledger(&old).0, ["unknown_value"]);
    assert_eq!(ledger(&[old, seen(Era::Items, 2, "evt_2")].concat()).0, [""; 0], "the upgrade tells it");
    assert_eq!(ledger(&seen(Era::Items, 1, "evt_1")).0, [""; 0]);
}

#[test]
fn an_expanded_read_tells_what_webhooks_leave_out() {
    for (name, state, monthly, ..) in
        lives().into_iter().filter(|(name, ..)| *name != "two discounts" && *name != "inclusive tax")
    {
        for era in Era::ALL.into_iter().filter(|era| *era >= Era::Prices) {
            let mut object = render(era, Ids::Expanded, &state);
            if let Scheme::Volume(tiers) | Scheme::Graduated(tiers) = &state.items[0].price.scheme {
                let tier = |tier: &Tier| {
                    json!({
                        "up_to": tier.up_to.map(|up_to| up_to.to_string()),
                        "unit_amount_decimal": tier.unit_amount.to_string(), "flat_amount_decimal": tier.flat_amount.to_string()
                    })
                };
                object["items"]["data"][0]["price"]["tiers"] = tiers.iter().map(tier).collect();
            }
            if era >= Era::Discounts {
                object["discounts"] = state.discounts.iter().map(|discount| inlined(era, discount)).collect::<Value>();
            }
            let read = facts(read_answer(object.to_string().as_bytes(), &"answer".into(), BEGAN.plus(DAY), None));
            let State::Subscription { after, .. } = &read[0].state else { panic!("{read:?}") };
            assert_eq!(
                serde_json::to_string(&after.discounts).unwrap(),
                serde_json::to_string(&state.discounts).unwrap()
            );
            // With the event before it: what was unresolved is settled, from the beginning.
            let both = [created(era, &state), read].concat();
            let (quality, counted) = ledger(&both);
            assert_eq!((quality, counted.to_string().as_str()), (vec![], monthly), "{name} in {era:?}");
        }
    }
}
