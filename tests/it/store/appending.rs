//! What an append answers, and what is read again.

use mrrd::{
    event::{EventRow, NewEvent, ReadAs, Reading, Seq, Source},
    ledger::{fact::NORMALISER, time::UnixTime},
    store::log::{Appended, EventFilter, ReadBy},
};

use super::subject::*;

on_both! {
    async fn the_same_event_again_is_a_duplicate(subject) {
        let store = &subject.store;
        assert_eq!(store.log.append(&[event("evt_1")]).await.unwrap(), [Appended::New(Seq(1))]);
        let later = with_body("evt_1", r#"{"id":"evt_1","object":"event","pending_webhooks":0}"#);
        assert_eq!(store.log.append(&[event("evt_1"), later.clone()]).await.unwrap(), [Appended::Duplicate; 2]);
        // Within one batch as well, and between two connections.
        let other = NewEvent { id: "evt_2".into(), ..later.clone() };
        let twice = subject.again().await.log.append(&[other.clone(), other, later]).await.unwrap();
        assert!(matches!(twice[..], [Appended::New(_), Appended::Duplicate, Appended::Duplicate]), "{twice:?}");
        assert_eq!(store.log.head().await.unwrap().events, 2);
        assert_eq!(store.log.known_ids(&["evt_3".into(), "evt_2".into()]).await.unwrap(), ["evt_2".into()]);
    }

    async fn another_body_of_one_id_is_a_variant(subject) {
        let store = &subject.store;
        let old = |body: &str| with_body("evt_1", body);
        let answers = store.log.append(&[old(r#"{"v":1}"#), old(r#"{"v":2}"#), old(r#"{"v":2}"#)]).await.unwrap();
        assert!(matches!(answers[..], [Appended::New(_), Appended::Variant(_), Appended::Duplicate]), "{answers:?}");
        let answers = store.log.append(&[old(r#"{"v":3}"#), old(r#"{"v":2}"#), old(r#"{"v":1}"#)]).await.unwrap();
        assert!(matches!(answers[..], [Appended::Variant(_), Appended::Duplicate, Appended::Duplicate]), "{answers:?}");
        let bodies = store.log.bodies(&"evt_1".into()).await.unwrap();
        let seen: Vec<_> = bodies.iter().map(|(row, body)| (row.variant, &body[..])).collect();
        assert_eq!(seen, [(0, &br#"{"v":1}"#[..]), (1, br#"{"v":2}"#), (2, br#"{"v":3}"#)]);
        // Variants are one event, counted once.
        let head = store.log.head().await.unwrap();
        assert_eq!(head.events, 1);
        assert_eq!(head.last_seq, bodies[2].0.seq);
    }

    async fn bodies_come_back_to_the_byte(subject) {
        let long = "{\n  \"id\": \"evt_2\"\n}\n".repeat(20_000);
        for (id, body) in [("evt_1", ""), ("evt_2", long.as_str()), ("evt_3", "\u{0}é\u{10FFFF}")] {
            subject.store.log.append(&[with_body(id, body)]).await.unwrap();
            let bodies = subject.store.log.bodies(&id.into()).await.unwrap();
            assert_eq!(bodies.len(), 1);
            assert_eq!(bodies[0].1, body.as_bytes(), "{id}");
        }
    }

    async fn nul_stops_nothing(subject) {
        let mut strange = saying("evt_\0", vec![customer("cus_\0"), subscription("sub_\0", "cus_\0", "price_\0")]);
        (strange.kind, strange.api_version, strange.account) =
            ("a\0b".into(), Some("\0".into()), Some("acct_\0".into()));
        subject.store.log.append(&[strange.clone()]).await.unwrap();
        subject.store.log.append(&[NewEvent { reading: Reading::Unreadable("\0".into()), ..event("evt_2") }]).await.unwrap();
        let Reading::Facts(facts) = &strange.reading else { unreachable!() };
        let customers = subject.store.log.customers(None, 10, None).await.unwrap();
        assert_eq!(customers.len(), 1);
        // The typed columns hold a sign instead, the fact itself is exact.
        assert_eq!(&subject.store.log.customer_facts(&customers, None).await.unwrap()[0], facts);
        assert_eq!(subject.store.log.bodies(&"evt_\0".into()).await.unwrap()[0].1, strange.body);
        assert_eq!(subject.store.log.append(&[strange]).await.unwrap(), [Appended::Duplicate]);
    }

    async fn events_are_listed_as_asked_for(subject) {
        let store = &subject.store;
        let unreadable = NewEvent { reading: Reading::Unreadable("no items".into()), ..event("evt_2") };
        let thin = NewEvent { reading: Reading::Thin("evt_9 sub_1".into()), livemode: false, ..event("evt_3") };
        let told = saying("evt_4", vec![customer("cus_1"), price("price_1")]);
        let other = NewEvent { kind: "invoice.paid".into(), account: Some("acct_1".into()), ..event("evt_5") };
        store.log.append(&[event("evt_1"), unreadable, thin, told, other]).await.unwrap();
        let head = store.log.head().await.unwrap();
        assert_eq!((head.events, head.last_seq, head.ignored, head.unreadable), (5, Seq(5), 2, 1));
        let row = store.log.event(&"evt_2".into()).await.unwrap().unwrap();
        assert_eq!((row.reading.as_str(), row.reason.as_deref(), row.source.as_str()), ("unreadable", Some("no items"), "webhook"));
        assert_eq!(store.log.event(&"evt_9".into()).await.unwrap(), None);
        let every = EventFilter::default();
        for (filter, after, limit, expected) in [
            (every.clone(), 0, 100, "1 2 3 4 5"),
            (every.clone(), 2, 2, "3 4"),
            (EventFilter { kind: Some("invoice.paid".into()), ..every.clone() }, 0, 100, "5"),
            (EventFilter { kind: Some("customer.*".into()), ..every.clone() }, 0, 100, "1 2 3 4"),
            (EventFilter { kind: Some("%".into()), ..every.clone() }, 0, 100, ""),
            (EventFilter { reading: Some(ReadAs::Ignored), ..every.clone() }, 0, 100, "1 5"),
            (EventFilter { reading: Some(ReadAs::Unreadable), ..every.clone() }, 0, 100, "2"),
            (EventFilter { reading: Some(ReadAs::Thin), ..every.clone() }, 0, 100, "3"),
            (EventFilter { reading: Some(ReadAs::Facts), ..every.clone() }, 0, 100, "4"),
            (EventFilter { customer: Some("cus_1".into()), ..every.clone() }, 0, 100, "4"),
            (EventFilter { customer: Some("cus_2".into()), ..every.clone() }, 0, 100, ""),
            (EventFilter { customer: Some("cus_1".into()), account: Some(None), ..every.clone() }, 0, 100, "4"),
            (EventFilter { customer: Some("cus_1".into()), account: Some(Some("acct_1".into())), ..every.clone() }, 0, 9, ""),
            (EventFilter { livemode: Some(false), ..every.clone() }, 0, 100, "3"),
            (EventFilter { account: Some(None), ..every.clone() }, 0, 100, "1 2 3 4"),
            (EventFilter { account: Some(Some("acct_1".into())), ..every.clone() }, 0, 100, "5"),
            (EventFilter { since: Some(row.created), ..every.clone() }, 0, 100, "1 2 3 4 5"),
            (EventFilter { until: Some(row.created), ..every.clone() }, 0, 100, ""),
        ] {
            let rows = store.log.events(&filter, Seq(after), limit).await.unwrap();
            let ids: Vec<_> = rows.iter().map(|row| row.id.as_str().trim_start_matches("evt_")).collect();
            assert_eq!(ids.join(" "), expected, "{filter:?}");
        }
    }

    async fn facts_come_back_as_they_were_and_as_known_then(subject) {
        let store = &subject.store;
        let first = saying("evt_1", vec![customer("cus_1"), subscription("sub_1", "cus_1", "price_1"), coupon("c")]);
        let second = saying("evt_2", vec![customer("cus_2"), price("price_1"), subscription("sub_2", "cus_1", "p")]);
        let elsewhere = NewEvent { livemode: false, ..saying("evt_3", vec![customer("cus_1"), price("price_1")]) };
        store.log.append(&[first.clone(), second.clone(), elsewhere.clone()]).await.unwrap();
        let facts = |event: &NewEvent| match &event.reading {
            Reading::Facts(facts) => facts.clone(),
            _ => unreachable!(),
        };
        let (first, second, elsewhere) = (facts(&first), facts(&second), facts(&elsewhere));
        let test = mrrd::event::CustomerKey { livemode: false, ..key("cus_1") };
        let keys = [key("cus_2"), key("cus_1"), key("cus_9"), test.clone(), key("cus_2")];
        let read = store.log.customer_facts(&keys, None).await.unwrap();
        assert_eq!(read[0], second[..1]);
        assert_eq!(read[1], [first[0].clone(), first[1].clone(), second[2].clone()]);
        assert_eq!(read[2], []);
        assert_eq!(read[3], elsewhere[..1]);
        assert_eq!(read[4], read[0]);
        assert_eq!(store.log.customer_facts(&keys[1..2], Some(Seq(1))).await.unwrap()[0], first[..2]);
        let named = store.log.reference_facts(true, None, &["price_1", "c", "none"], None).await.unwrap();
        assert_eq!(named, [first[2].clone(), second[1].clone()]);
        assert_eq!(store.log.reference_facts(true, None, &["price_1", "c"], Some(Seq(1))).await.unwrap(), first[2..]);
        let customers = store.log.customers(None, 100, None).await.unwrap();
        assert_eq!(customers, [test.clone(), key("cus_1"), key("cus_2")]);
        assert_eq!(store.log.customers(Some(&test), 1, None).await.unwrap(), [key("cus_1")]);
        assert_eq!(store.log.customers(Some(&key("cus_1")), 9, Some(Seq(1))).await.unwrap(), []);
    }

    async fn what_webhooks_brought_is_told_from_what_was_fetched(subject) {
        let store = &subject.store;
        let at = |id: &str, created: i64, source| NewEvent { created: UnixTime(created), source, ..event(id) };
        let events = [
            at("evt_1", 10, Source::Webhook),
            at("evt_2", 30, Source::Api),
            at("evt_3", 20, Source::Webhook),
            at("evt_4", 15, Source::Webhook),
            at("evt_5", 99, Source::Webhook),
        ];
        store.log.append(&events).await.unwrap();
        assert_eq!(store.log.heard(UnixTime(50), 2).await.unwrap(), [UnixTime(15), UnixTime(20)]);
        assert_eq!(store.log.heard(UnixTime(9), 2).await.unwrap(), []);
        assert_eq!(store.log.end().await.unwrap(), store.log.horizon().await.unwrap());
    }

    async fn counts_are_kept_for_the_next_start(subject) {
        let store = &subject.store;
        store.log.append(&[event("evt_1"), saying("evt_2", vec![customer("cus_1")]), event("evt_3")]).await.unwrap();
        let counted = store.log.head().await.unwrap();
        assert_eq!((counted.events, counted.ignored), (3, 2));
        // Too little to be kept, and then enough.
        store.log.count_ahead(4).await.unwrap();
        for name in ["log counted", "log looked through"] {
            assert_eq!(store.records.progress(name).await.unwrap(), None, "{name}");
        }
        store.log.count_ahead(3).await.unwrap();
        // Nobody asked for the newest event of a way in, and whoever will needn't wait for it.
        let looked = store.records.progress("log looked through").await.unwrap().unwrap();
        assert!(looked.contains("\"to\":3"), "{looked}");
        assert_eq!(subject.again().await.log.head().await.unwrap(), counted);
        let kept = |to: i64, normaliser: i64| {
            format!(
                r#"UPDATE progress SET place = '{{"events": {{"to": {to}, "count": 40, "variants": 1}}, "readings": {{"to": {to},
                "normaliser": {normaliser}, "ignored": 7, "unreadable": 0, "thin": 0}}}}' WHERE name = 'log counted'"#
            )
        };
        // What is kept isn't counted again; of readings, unless a newer normaliser read them.
        for (sql, events, variants, ignored) in [
            (kept(2, NORMALISER), 41, 1, 8),
            (kept(2, NORMALISER - 1), 41, 1, 2),
            (kept(4, NORMALISER), 3, 0, 2),
            ("UPDATE progress SET place = 'nonsense' WHERE name = 'log counted'".to_owned(), 3, 0, 2),
        ] {
            subject.sql(&sql).await.unwrap();
            let head = subject.again().await.log.head().await.unwrap();
            assert_eq!((head.events, head.variants, head.ignored), (events, variants, ignored), "{sql}");
        }
    }

    async fn only_the_newest_normaliser_is_read(subject) {
        let store = &subject.store;
        store.log.append(&[event("evt_1"), saying("evt_2", vec![customer("cus_1")])]).await.unwrap();
        assert_eq!(store.log.head().await.unwrap().ignored, 1);
        store.log.append(&[event("evt_3")]).await.unwrap();
        assert_eq!((store.log.head().await.unwrap().ignored, store.log.head().await.unwrap().events), (2, 3));
        let newer = fact("evt_1", customer("cus_2"));
        let rows = store.log.events(&EventFilter::default(), Seq::START, 9).await.unwrap();
        let readings =
            [(rows[0].clone(), Reading::Facts(vec![newer.clone()])), (rows[1].clone(), Reading::Ignored)];
        store.log.append_facts(NORMALISER + 1, &readings).await.unwrap();
        // Once more changes nothing.
        store.log.append_facts(NORMALISER + 1, &[(rows[0].clone(), Reading::Ignored)]).await.unwrap();
        assert_eq!(store.log.customer_facts(&[key("cus_1"), key("cus_2")], None).await.unwrap(), [vec![], vec![newer]]);
        assert_eq!(store.log.event(&"evt_1".into()).await.unwrap().unwrap().reading, ReadAs::Facts);
        assert_eq!(store.log.event(&"evt_2".into()).await.unwrap().unwrap().reading, ReadAs::Ignored);
        assert_eq!(store.log.head().await.unwrap().ignored, 2);
        assert_eq!(subject.again().await.log.head().await.unwrap(), store.log.head().await.unwrap());
        let nowhere = EventRow { seq: Seq(9), ..rows[0].clone() };
        assert!(store.log.append_facts(NORMALISER + 1, &[(rows[2].clone(), Reading::Ignored), (nowhere, Reading::Ignored)]).await.is_err());
        // All or nothing: the third is still to be read.
        assert_eq!((store.log.count_read_by_older(NORMALISER).await.unwrap(), store.log.count_read_by_older(NORMALISER + 1).await.unwrap()), (0, 1));
        assert_eq!(store.log.count_read_by_older(NORMALISER + 2).await.unwrap(), 3);
    }

    async fn what_an_older_normaliser_read_is_paged_with_its_bodies(subject) {
        let store = &subject.store;
        let large = format!("{{\"id\":\"evt_2\",\"x\":\"{}\"}}", "x".repeat(5 << 20));
        let batch = [event("evt_1"), with_body("evt_2", &large), event("evt_3"), event("evt_4"), with_body("evt_1", r#"{"v":2}"#)];
        store.log.append(&batch).await.unwrap();
        subject.sql("INSERT INTO erasure VALUES (3, 1, 'asked for'); DELETE FROM event_body WHERE seq = 3").await.unwrap();
        let page = async |after| -> Vec<(Seq, usize)> {
            let page = store.log.read_by(ReadBy::OlderThan(NORMALISER + 1), after).await.unwrap();
            page.iter().map(|(row, body)| (row.seq, body.len())).collect()
        };
        // A large body ends a page; an erased one is never on it; a variant is a body like any other.
        assert_eq!(page(Seq(0)).await, [(Seq(1), batch[0].body.len()), (Seq(2), large.len())]);
        assert_eq!(page(Seq(2)).await, [(Seq(4), batch[3].body.len()), (Seq(5), 7)]);
        assert_eq!(page(Seq(5)).await, []);
        assert_eq!(store.log.count_read_by_older(NORMALISER + 1).await.unwrap(), 4);
        assert_eq!(store.log.read_by(ReadBy::OlderThan(NORMALISER), Seq::START).await.unwrap(), []);
    }

    async fn a_large_batch_is_one_append(subject) {
        let batch: Vec<_> = (0..1000).map(|n| saying(&format!("evt_{n}"), vec![customer("cus_1"), price("p")])).collect();
        let answers = subject.store.log.append(&batch).await.unwrap();
        let expected: Vec<_> = (1..=1000).map(|seq| Appended::New(Seq(seq))).collect();
        assert_eq!(answers, expected);
        let again = subject.store.log.append(&batch).await.unwrap();
        assert!(again.iter().all(|one| *one == Appended::Duplicate));
        assert_eq!(subject.store.log.customer_facts(&[key("cus_1")], None).await.unwrap()[0].len(), 1000);
    }
}
