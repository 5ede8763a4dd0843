//! Marks, generations, and derived rows that come back exactly as they were written.

use std::sync::Arc;

use mrrd::{
    event::{CustomerKey, NewEvent, Seq},
    ledger::{
        ahead::{Due, Prospect, ProspectKind},
        fact::{Interval, IntervalUnit},
        money::Mrr,
        outcome::*,
        time::UnixTime,
    },
    store::{
        Store, StoreError,
        derived::{Applied, GenerationId, Mark, ProfileLedger},
    },
};

use super::subject::*;

fn side(amount: i128) -> Side {
    Side {
        product: Some("prod_1".into()),
        price: "price_1".into(),
        interval: Some(Interval { unit: IntervalUnit::Week, count: 2 }),
        quantity: "1.5".parse().ok(),
        amount: Mrr(amount),
    }
}

/// A ledger with every column filled and, in other rows, every column empty that may be.
fn ledger(amount: i128) -> CustomerLedger {
    let (at, day) = (UnixTime(1_700_000_000), "2023-11-14".parse().unwrap());
    let usd = "usd".parse().unwrap();
    let delta = Delta {
        at,
        day,
        currency: usd,
        subscription: "sub_1".into(),
        item: "si_1".into(),
        product: Some("prod_1".into()),
        price: "price_1".into(),
        interval: Some(Interval { unit: IntervalUnit::Month, count: 3 }),
        mrr: Mrr(amount),
        list: Mrr(amount + 1),
        estimated: Mrr(-2),
        at_risk: Mrr(3),
        scheduled_churn: Mrr(i128::from(i64::MIN)),
    };
    let part = Part {
        subscription: "sub_1".into(),
        item: "si_1".into(),
        cause: Cause::ProductDropped,
        amount: Mrr(-amount),
        effective_at: at,
        before: Some(side(7)),
        after: None,
        events: vec!["evt_1".into(), "evt_2".into()],
        feedback: Some("too_expensive".into()),
        end_reason: Some(Cause::Dispute),
    };
    let bare = Part {
        before: None,
        after: Some(Side { product: None, interval: None, quantity: None, ..side(0) }),
        events: vec![],
        feedback: None,
        end_reason: None,
        cause: Cause::Other,
        ..part.clone()
    };
    let movement = Movement {
        currency: usd,
        day,
        window: at,
        effective_at: at.plus(5),
        kind: Kind::Contraction,
        amount: Mrr(-amount),
        before: Mrr(i128::from(i64::MAX)),
        after: Mrr(0),
        visible_from: at,
        visible_until: Some(at.plus(9)),
        parts: vec![part, bare],
    };
    CustomerLedger {
        test_clock: Some("clock_1".into()),
        country: Some("DE".into()),
        metadata: [("tier".into(), "gold \"é\"".into())].into(),
        first_mrr_at: Some(at),
        deltas: vec![delta.clone(), Delta { product: None, interval: None, ..delta }],
        counts: vec![
            CountDelta { at, day, currency: Some(usd), customers: 1, subscriptions: 2, trials: -3 },
            CountDelta { at, day, currency: None, customers: -1, subscriptions: 0, trials: 0 },
        ],
        movements: vec![
            movement.clone(),
            Movement { kind: Kind::Transient, visible_until: None, parts: vec![], ..movement },
        ],
        subscriptions: vec![
            SubscriptionLedger {
                id: "sub_1".into(),
                status: "active".into(),
                currency: Some(usd),
                mrr: Mrr(amount),
                started_at: at,
                ended_at: Some(at),
                ends_at: Some(at),
                event: "evt_1".into(),
            },
            SubscriptionLedger {
                id: "sub_2".into(),
                status: "new_word".into(),
                currency: None,
                mrr: Mrr(0),
                started_at: at,
                ended_at: None,
                ends_at: None,
                event: "evt_2".into(),
            },
        ],
        quality: vec![
            QualityEntry {
                kind: QualityKind::Gap,
                object: "sub_1".into(),
                event: Some("evt_1".into()),
                at,
                until: Some(at),
                detail: "d".into(),
                settle: "s".into(),
            },
            QualityEntry {
                kind: QualityKind::Overdue,
                object: "sub_2".into(),
                event: None,
                at,
                until: None,
                detail: String::new(),
                settle: String::new(),
            },
        ],
        trials: [None, Some(at.plus(2))]
            .map(|converted_at| Trial {
                subscription: "sub_1".into(),
                started_at: at,
                ended_at: at.plus(1),
                converted_at,
            })
            .into(),
        prospects: vec![
            Prospect {
                shown_from: at,
                shown_until: Some(at.plus(3)),
                at: at.plus(2),
                kind: ProspectKind::Line(Due::ScheduledChurn),
                known_at: at,
                subscription: "sub_1".into(),
                item: Some("si_1".into()),
                product: Some("prod_1".into()),
                price: Some("price_1".into()),
                currency: Some(usd),
                amount: Some(Mrr(-amount)),
                estimated: true,
                event: Some("evt_1".into()),
                detail: Some("d".into()),
            },
            Prospect {
                shown_from: at,
                shown_until: None,
                at,
                kind: ProspectKind::Overdue,
                known_at: at,
                subscription: "sub_2".into(),
                item: None,
                product: None,
                price: None,
                currency: None,
                amount: None,
                estimated: false,
                event: None,
                detail: None,
            },
        ],
    }
}

fn derived(profile: &str, ledger: CustomerLedger) -> ProfileLedger {
    ProfileLedger { profile: profile.into(), ledger }
}

/// A generation with everything in the log marked.
pub(super) async fn advanced(store: &Store) -> GenerationId {
    let generation = store.derived.begin_generation("f", None).await.unwrap();
    while store.derived.advance(generation, 100).await.unwrap().read > 0 {}
    generation
}

pub(super) async fn clear_all(store: &Store, generation: GenerationId) {
    loop {
        let marks = store.derived.dirty(generation, 100).await.unwrap();
        if marks.is_empty() {
            return;
        }
        let batch: Vec<_> = marks.into_iter().map(|mark| (mark, vec![derived("stripe", ledger(1))])).collect();
        store.derived.replace(generation, &batch).await.unwrap();
    }
}

pub(super) fn named(marks: &[Mark]) -> String {
    let one = |mark: &Mark| format!("{}:{}-{}", mark.key.customer, mark.first_seq, mark.last_seq);
    marks.iter().map(one).collect::<Vec<_>>().join(" ")
}

on_both! {
    async fn rows_come_back_exactly_and_are_replaced_whole(subject) {
        let store = &subject.store;
        let elsewhere = NewEvent { account: Some("acct_1".into()), ..saying("evt_2", vec![customer("cus_1")]) };
        store.log.append(&[saying("evt_1", vec![customer("cus_1"), customer("cus_2")]), elsewhere]).await.unwrap();
        let generation = advanced(store).await;
        let other = CustomerKey { account: Some("acct_1".into()), ..key("cus_1") };
        let marks = store.derived.dirty(generation, 10).await.unwrap();
        assert_eq!(marks.len(), 3);
        let batch: Vec<_> = marks
            .iter()
            .zip(10..)
            .map(|(mark, n)| (mark.clone(), vec![derived("stripe", ledger(n)), derived("board", CustomerLedger::default())]))
            .collect();
        assert_eq!(store.derived.replace(generation, &batch).await.unwrap(), 3);
        for (mark, derived) in &batch {
            for one in derived {
                let read = store.derived.customer_ledger(generation, &one.profile, &mark.key).await.unwrap();
                assert_eq!(read.as_ref(), Some(&one.ledger));
            }
        }
        assert_eq!(store.derived.customer_ledger(generation, "none", &key("cus_1")).await.unwrap(), None);
        assert_eq!(store.derived.customer_ledger(GenerationId(generation.0 + 1), "stripe", &key("cus_1")).await.unwrap(), None);
        let before = store.derived.dump(generation, None, 100).await.unwrap();
        assert_eq!(before.len(), 6);
        let mut paged = store.derived.dump(generation, None, 4).await.unwrap();
        paged.extend(store.derived.dump(generation, paged.last(), 4).await.unwrap());
        assert_eq!(paged, before);

        // Fewer rows than before leave nothing of the old ones behind, and nobody else's are touched.
        store.log.append(&[saying("evt_3", vec![customer("cus_1")])]).await.unwrap();
        store.derived.advance(generation, 10).await.unwrap();
        let marks = store.derived.dirty(generation, 10).await.unwrap();
        assert_eq!(named(&marks), "cus_1:3-3");
        let less = CustomerLedger { deltas: vec![], ..ledger(5) };
        let batch = [(marks[0].clone(), vec![derived("stripe", less.clone()), derived("board", CustomerLedger::default())])];
        store.derived.replace(generation, &batch).await.unwrap();
        assert_eq!(store.derived.customer_ledger(generation, "stripe", &key("cus_1")).await.unwrap(), Some(less));
        let after = store.derived.dump(generation, None, 100).await.unwrap();
        let changed: Vec<_> = before.iter().zip(&after).filter(|(one, two)| one != two).map(|(one, _)| &one.key).collect();
        assert_eq!(changed, [&key("cus_1")]);
        assert!(store.derived.customer_ledger(generation, "stripe", &other).await.unwrap().is_some());
        assert_eq!(store.derived.applied(generation).await.unwrap(), Applied { position: Seq(3), first_marked: None });
    }

    async fn an_amount_beyond_a_row_is_refused_whole(subject) {
        let store = &subject.store;
        store.log.append(&[saying("evt_1", vec![customer("cus_1")])]).await.unwrap();
        let generation = advanced(store).await;
        let marks = store.derived.dirty(generation, 10).await.unwrap();
        let batch = [(marks[0].clone(), vec![derived("stripe", ledger(i128::from(i64::MAX)))])];
        assert!(matches!(store.derived.replace(generation, &batch).await, Err(StoreError::Corrupt { .. })));
        assert_eq!(store.derived.dirty(generation, 10).await.unwrap(), marks);
    }

    async fn a_mark_that_grew_meanwhile_stays_and_waits_behind_the_others(subject) {
        let store = &subject.store;
        store.log.append(&[saying("evt_1", vec![customer("cus_1")])]).await.unwrap();
        let generation = advanced(store).await;
        let taken = store.derived.dirty(generation, 10).await.unwrap();
        store.log.append(&[saying("evt_2", vec![customer("cus_1")])]).await.unwrap();
        store.derived.advance(generation, 10).await.unwrap();
        let batch = [(taken[0].clone(), vec![derived("stripe", ledger(1))])];
        assert_eq!(store.derived.replace(generation, &batch).await.unwrap(), 1);
        assert_eq!(named(&store.derived.dirty(generation, 10).await.unwrap()), "cus_1:2-2");
        assert_eq!(store.derived.applied(generation).await.unwrap(), Applied { position: Seq(2), first_marked: Some(Seq(2)) }, "the first event is in the rows");

        // Another reconciler finishes the customer, and it is marked anew: what the slow one has is older than what is there.
        let newer = store.derived.dirty(generation, 10).await.unwrap();
        let finished = [(newer[0].clone(), vec![derived("stripe", ledger(2))])];
        assert_eq!(store.derived.replace(generation, &finished).await.unwrap(), 1);
        assert_eq!(store.derived.replace(generation, &batch).await.unwrap(), 0);
        store.log.append(&[saying("evt_3", vec![customer("cus_1")])]).await.unwrap();
        store.derived.advance(generation, 10).await.unwrap();
        assert_eq!(store.derived.replace(generation, &batch).await.unwrap(), 0);
        assert_eq!(store.derived.customer_ledger(generation, "stripe", &key("cus_1")).await.unwrap(), Some(ledger(2)));
        assert_eq!(named(&store.derived.dirty(generation, 10).await.unwrap()), "cus_1:3-3");
    }

    async fn two_that_advance_at_once_mark_everything_once(subject) {
        let store = Arc::new(subject.store.clone());
        let events: Vec<_> = (0..200).map(|n| saying(&format!("evt_{n}"), vec![customer(&format!("cus_{n}"))])).collect();
        store.log.append(&events).await.unwrap();
        let generation = store.derived.begin_generation("f", None).await.unwrap();
        let run = |store: Arc<Store>| async move {
            let mut read = 0;
            while store.derived.applied(generation).await.unwrap().position < Seq(200) {
                read += store.derived.advance(generation, 7).await.unwrap().read;
            }
            read
        };
        let (one, two) = tokio::join!(tokio::spawn(run(store.clone())), tokio::spawn(run(store.clone())));
        assert_eq!(one.unwrap() + two.unwrap(), 200);
        assert_eq!(store.derived.dirty(generation, 1000).await.unwrap().len(), 200);
    }

    async fn generations_stand_beside_each_other_until_switched(subject) {
        let store = &subject.store;
        store.log.append(&[saying("evt_1", vec![customer("cus_1"), customer("cus_2")])]).await.unwrap();
        let old = advanced(store).await;
        clear_all(store, old).await;
        store.derived.switch_generation(old, 0).await.unwrap();
        let new = advanced(store).await;
        let shown = |generations: Vec<mrrd::store::derived::Generation>| {
            generations.iter().map(|one| (one.id, one.current, one.position)).collect::<Vec<_>>()
        };
        assert_eq!(shown(store.derived.generations().await.unwrap()), [(old, true, Seq(1)), (new, false, Seq(1))]);
        clear_all(store, new).await;
        store.derived.switch_generation(new, 0).await.unwrap();
        assert_eq!(shown(store.derived.generations().await.unwrap()), [(old, false, Seq(1)), (new, true, Seq(1))]);
        // Back is no way: its rows may be half gone.
        assert!(store.derived.switch_generation(old, 0).await.is_err());
        assert!(store.derived.switch_generation(GenerationId(99), 0).await.is_err());
        assert!(store.derived.advance(old, 1).await.is_err());
        let kept = store.derived.dump(new, None, 100).await.unwrap();
        store.derived.drop_generation(old).await.unwrap();
        assert_eq!(shown(store.derived.generations().await.unwrap()), [(new, true, Seq(1))]);
        assert_eq!(store.derived.dump(old, None, 100).await.unwrap(), []);
        assert_eq!(store.derived.dump(new, None, 100).await.unwrap(), kept);
        store.derived.drop_generation(old).await.unwrap();
    }
}
