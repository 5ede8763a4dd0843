//! Whom an event touches: whose customer it is about, and who names the object it tells something new of.

use mrrd::{
    event::{NewEvent, Seq},
    ledger::{
        fact::{CouponTerms, DiscountState, Duration, Off, ProductState, State},
        money::Decimal,
    },
    store::derived::{Advanced, Applied},
};

use super::{
    derived::{advanced, clear_all, named},
    subject::*,
};

fn terms(id: &str, percent: i64) -> CouponTerms {
    CouponTerms {
        id: id.into(),
        off: Some(Off::Percent(Decimal::whole(percent))),
        duration: Duration::Forever,
        months: None,
        currency_options: Default::default(),
        products: None,
    }
}

/// A customer's subscription with a coupon whose terms it embeds.
fn discounted(customer: &str, coupon: CouponTerms) -> State {
    let mut state = subscription(&format!("sub_{customer}"), customer, "price_1");
    let State::Subscription { after, .. } = &mut state else { unreachable!() };
    after.discounts = vec![DiscountState {
        id: Some(format!("di_{customer}").as_str().into()),
        coupon: Some(coupon.id.clone()),
        terms: Some(coupon),
        start: None,
        end: None,
        customer: None,
        subscription: None,
        item: None,
    }];
    state
}

fn product(add_on: bool, name: &str) -> State {
    State::Product(ProductState { id: "prod_1".into(), add_on, name: Some(name.into()) })
}

on_both! {
    async fn whoever_an_event_touches_is_marked(subject) {
        let store = &subject.store;
        store
            .log.append(&[
                event("evt_1"),
                saying("evt_2", vec![subscription("sub_1", "cus_1", "price_1")]),
                saying("evt_3", vec![subscription("sub_2", "cus_2", "price_2")]),
                saying("evt_4", vec![customer("cus_1")]),
            ])
            .await
            .unwrap();
        let generation = store.derived.begin_generation("f", None).await.unwrap();
        assert_eq!(store.derived.advance(generation, 3).await.unwrap(), Advanced { position: Seq(3), read: 3, marked: 2 });
        assert_eq!(store.derived.applied(generation).await.unwrap(), Applied { position: Seq(3), first_marked: Some(Seq(2)) });
        assert_eq!(store.derived.advance(generation, 3).await.unwrap(), Advanced { position: Seq(4), read: 1, marked: 1 });
        assert_eq!(store.derived.advance(generation, 3).await.unwrap(), Advanced { position: Seq(4), read: 0, marked: 0 });
        assert_eq!(named(&store.derived.dirty(generation, 10).await.unwrap()), "cus_1:2-4 cus_2:3-3");
        assert_eq!(named(&store.derived.dirty(generation, 1).await.unwrap()), "cus_1:2-4");
        clear_all(store, generation).await;

        // A price touches whoever's facts name it, in its own ledger only.
        let test = NewEvent { livemode: false, ..saying("evt_5", vec![price("price_2")]) };
        store.log.append(&[test, saying("evt_6", vec![price("price_2"), coupon("nobody's")])]).await.unwrap();
        store.derived.advance(generation, 10).await.unwrap();
        assert_eq!(named(&store.derived.dirty(generation, 10).await.unwrap()), "cus_2:6-6");
        clear_all(store, generation).await;

        // The price and the customer that names it in one stretch, the price first.
        store
            .log.append(&[saying("evt_7", vec![price("price_3")]), saying("evt_8", vec![subscription("s", "cus_3", "price_3")])])
            .await
            .unwrap();
        store.derived.advance(generation, 10).await.unwrap();
        assert_eq!(named(&store.derived.dirty(generation, 10).await.unwrap()), "cus_3:7-8");
    }

    /// Whoever names an object that is told again as it was counts what it counted.
    async fn what_is_told_again_touches_nobody(subject) {
        let store = &subject.store;
        let (same, other) = (State::Coupon(terms("SAME", 50)), State::Coupon(terms("OTHER", 50)));
        store
            .log.append(&[
                saying("evt_1", vec![discounted("cus_1", terms("SAME", 50))]),
                saying("evt_2", vec![discounted("cus_2", terms("OTHER", 40))]),
            ])
            .await
            .unwrap();
        let generation = advanced(store).await;
        clear_all(store, generation).await;
        let touched = async |id: &str, state: &State| {
            store.log.append(&[saying(id, vec![state.clone()])]).await.unwrap();
            store.derived.advance(generation, 10).await.unwrap();
            let touched = named(&store.derived.dirty(generation, 10).await.unwrap());
            clear_all(store, generation).await;
            touched
        };
        assert_eq!(touched("evt_3", &same).await, "cus_1:3-3", "the first that tells of it");
        assert_eq!(touched("evt_4", &same).await, "");
        assert_eq!(touched("evt_5", &other).await, "cus_2:5-5");
        assert_eq!(touched("evt_6", &other).await, "cus_2:6-6", "its own facts embed other terms");
        assert_eq!(touched("evt_7", &product(false, "One")).await, "", "no add-on, as before");
        assert_eq!(touched("evt_8", &product(true, "One")).await, "cus_1:8-8 cus_2:8-8");
        assert_eq!(touched("evt_9", &product(true, "Two")).await, "");
        assert_eq!(touched("evt_9b", &price("price_1")).await, "cus_1:10-10 cus_2:10-10");

        // Within one stretch each is weighed against the one before it.
        store.log.append(&[saying("evt_a", vec![product(false, "Two")]), saying("evt_b", vec![product(true, "Two")])]).await.unwrap();
        store.derived.advance(generation, 10).await.unwrap();
        assert_eq!(named(&store.derived.dirty(generation, 10).await.unwrap()), "cus_1:11-12 cus_2:11-12");
        clear_all(store, generation).await;

        // Who embeds other terms than those that were told twice: from then on the newest decides.
        store.log.append(&[saying("evt_c", vec![discounted("cus_3", terms("SAME", 60))]), saying("evt_d", vec![same.clone()])]).await.unwrap();
        store.derived.advance(generation, 10).await.unwrap();
        assert_eq!(named(&store.derived.dirty(generation, 10).await.unwrap()), "cus_1:13-14 cus_3:13-14");
    }
}
