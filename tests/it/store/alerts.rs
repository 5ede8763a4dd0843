//! Alerts, their outbox and the feed: an alert is kept once with its messages; a message is delivered once, later, or given up.

use mrrd::{
    ledger::time::UnixTime,
    store::records::{
        alerts::*,
        feeds::{FeedChange, NewFeedEntry},
    },
};

use super::subject::*;
use crate::support::deed;

fn alert(id: &str, at: i64) -> NewAlert {
    NewAlert {
        id: id.into(),
        rule: "churn_spike".into(),
        subject: String::new(),
        day: "2026-03-01".parse().unwrap(),
        raised_at: UnixTime(at),
        headline: "14 customers left".into(),
        content: r#"{"rule":"churn_spike"}"#.into(),
        silenced: None,
        closed: false,
    }
}

fn to(event: &'static str, channels: &[&str]) -> Outgoing {
    Outgoing { event, message: "{}".into(), channels: channels.iter().map(|&name| name.to_owned()).collect() }
}

on_both! {
    async fn an_alert_is_raised_once_and_closed_once_whoever_finds_it(subject) {
        let (store, other) = (&subject.store, subject.again().await);
        assert!(store.records.raise_alert(&alert("al_1", 100), &to("raised", &["a", "b"])).await.unwrap());
        assert!(!other.records.raise_alert(&alert("al_1", 200), &to("raised", &["a", "b", "c"])).await.unwrap());
        assert!(store.records.raise_alert(&alert("al_2", 100), &to("raised", &[])).await.unwrap());
        assert_eq!(store.records.alert("al_1").await.unwrap().unwrap().alert, alert("al_1", 100));
        let due = store.records.due_deliveries("a", UnixTime(100), 10).await.unwrap();
        assert_eq!(due.iter().map(|(row, message)| (row.alert.as_str(), message.as_str())).collect::<Vec<_>>(),
            [("al_1", "{}")]);
        assert_eq!(store.records.due_deliveries("c", UnixTime(300), 10).await.unwrap(), []);

        let update = |version| AlertUpdate {
            id: "al_1".into(),
            version,
            at: UnixTime(250),
            headline: "30 further customers left".into(),
            content: r#"{"rule":"churn_spike","version":2}"#.into(),
            silenced: None,
        };
        assert!(!store.records.update_alert(&update(3), &to("updated", &["a"])).await.unwrap(), "one version after the other");
        assert!(store.records.update_alert(&update(2), &to("updated", &["a"])).await.unwrap());
        assert!(!other.records.update_alert(&update(2), &to("updated", &["a", "b"])).await.unwrap());
        assert!(store.records.update_alert(&update(3), &to("updated", &["a"])).await.unwrap());
        let row = store.records.alert("al_1").await.unwrap().unwrap();
        assert_eq!((row.version, row.updated_at), (3, Some(UnixTime(250))));
        assert_eq!((row.alert.headline.as_str(), row.taken_back), ("30 further customers left", false));

        let ending = |at, why, taken_back| Ending { at: UnixTime(at), why, taken_back };
        let (first, again) = (ending(300, "as usual again", true), ending(400, "again", false));
        assert!(store.records.close_alert("al_1", &first, &to("closed", &["a"])).await.unwrap());
        assert!(!other.records.close_alert("al_1", &again, &to("closed", &["a", "b"])).await.unwrap());
        assert!(!other.records.update_alert(&update(4), &to("updated", &["a"])).await.unwrap(), "it is over");
        let row = store.records.alert("al_1").await.unwrap().unwrap();
        assert_eq!((row.closed_at, row.closed_why.as_deref()), (Some(UnixTime(300)), Some("as usual again")));
        assert!(row.taken_back);
        let sent = store.records.deliveries(&["al_1", "al_2"]).await.unwrap();
        let sent: Vec<_> = sent.iter().map(|row| (row.event.as_str(), row.version, row.channel.as_str())).collect();
        assert_eq!(sent, [("raised", 1, "a"), ("raised", 1, "b"), ("updated", 2, "a"), ("updated", 3, "a"), ("closed", 1, "a")]);

        let open = AlertFilter { open: Some(true), ..AlertFilter::default() };
        assert_eq!(store.records.alerts(&open, None, 10).await.unwrap().len(), 1);
        let all = store.records.alerts(&AlertFilter::default(), None, 1).await.unwrap();
        let next = store.records.alerts(&AlertFilter::default(), Some((UnixTime(100), &all[0].alert.id)), 10).await.unwrap();
        assert_eq!([&all[0].alert.id, &next[0].alert.id], ["al_1", "al_2"]);
        assert_eq!(next.len(), 1);

        store.records.acknowledge_alert("al_2", Some("ada"), &deed(500)).await.unwrap();
        store.records.acknowledge_alert("al_2", Some("bob"), &deed(600)).await.unwrap();
        let row = store.records.alert("al_2").await.unwrap().unwrap();
        assert_eq!((row.acknowledged_at, row.acknowledged_by.as_deref()), (Some(UnixTime(500)), Some("ada")));
        let taken = AlertFilter { acknowledged: Some(true), since: Some(UnixTime(50)), ..AlertFilter::default() };
        assert_eq!(store.records.alerts(&taken, None, 10).await.unwrap().len(), 1);
    }

    async fn a_message_waits_is_delivered_or_is_given_up(subject) {
        let store = &subject.store;
        store.records.raise_alert(&alert("al_1", 100), &to("raised", &["a", "b", "gone"])).await.unwrap();
        let id = store.records.due_deliveries("a", UnixTime(100), 1).await.unwrap()[0].0.id;
        assert!(store.records.record_attempt(id, &Attempt::Later("it answers 503".into(), UnixTime(160))).await.unwrap());
        assert_eq!(store.records.due_deliveries("a", UnixTime(159), 1).await.unwrap(), []);
        let (row, _) = store.records.due_deliveries("a", UnixTime(160), 1).await.unwrap().remove(0);
        assert_eq!((row.attempts, row.last_error.as_deref()), (1, Some("it answers 503")));
        assert!(store.records.record_attempt(id, &Attempt::Delivered(UnixTime(161))).await.unwrap());
        assert!(!store.records.record_attempt(id, &Attempt::Failed("too late".into())).await.unwrap());
        let b = store.records.due_deliveries("b", UnixTime(100), 1).await.unwrap()[0].0.id;
        assert!(store.records.record_attempt(b, &Attempt::Failed("no such host".into())).await.unwrap());
        assert_eq!(store.records.outbox_counts().await.unwrap(), OutboxCounts { waiting: 1, failed: 1 });
        assert_eq!(store.records.give_up_deliveries(UnixTime(100)).await.unwrap(), 0);
        assert_eq!(store.records.give_up_deliveries(UnixTime(101)).await.unwrap(), 1);
        let states: Vec<_> = store.records.deliveries(&["al_1"]).await.unwrap().into_iter().map(|row| row.state).collect();
        assert_eq!(states, [DeliveryState::Delivered, DeliveryState::Failed, DeliveryState::Failed]);
    }

    async fn a_feed_is_read_in_order_and_tells_what_was_last_said_of_each_movement(subject) {
        let (store, other) = (&subject.store, subject.again().await);
        let entry = |movement: &str, version, change, day: &str| NewFeedEntry {
            movement: movement.into(),
            version,
            change,
            customer: "cus_1".into(),
            day: day.parse().unwrap(),
            digest: format!("{version}"),
            content: format!("{{\"version\":{version}}}"),
            previous: (version > 1).then(|| "{}".into()),
        };
        let first = [
            entry("mov_a", 1, FeedChange::Created, "2026-03-01"),
            entry("mov_b", 1, FeedChange::Created, "2026-03-02"),
        ];
        let later = [entry("mov_a", 2, FeedChange::Corrected, "2026-03-01"), first[1].clone()];
        store.records.append_feed(&first, UnixTime(100)).await.unwrap();
        // A version that is there already stays as it is.
        other.records.append_feed(&later, UnixTime(200)).await.unwrap();
        let all = store.records.feed_after(0, 10).await.unwrap();
        let said: Vec<_> = all.iter().map(|one| (one.entry.movement.as_str(), one.entry.version)).collect();
        assert_eq!(said, [("mov_a", 1), ("mov_b", 1), ("mov_a", 2)]);
        assert!(all.windows(2).all(|pair| pair[0].position < pair[1].position));
        assert_eq!((&all[2].entry, all[2].created_at), (&later[0], UnixTime(200)));
        assert_eq!(other.records.feed_after(all[0].position, 1).await.unwrap(), all[1..2]);
        let mut latest = store.records.feed_latest("2026-03-01".parse().unwrap()).await.unwrap();
        latest.sort_by_key(|one| one.position);
        assert_eq!(latest, all[1..]);
        assert_eq!(store.records.feed_latest("2026-03-02".parse().unwrap()).await.unwrap(), all[1..2]);
    }

    async fn mutes_end_and_planned_events_can_be_taken_back(subject) {
        let store = &subject.store;
        let mute = |until| Mute { rule: "churn_spike".into(), until: UnixTime(until), note: "migration".into() };
        store.records.mute(&mute(100), &deed(1)).await.unwrap();
        store.records.mute(&mute(200), &deed(2)).await.unwrap();
        assert_eq!(store.records.mutes(UnixTime(199)).await.unwrap(), [mute(200)]);
        assert_eq!(store.records.mutes(UnixTime(200)).await.unwrap(), []);
        assert!(store.records.unmute("churn_spike", &deed(3)).await.unwrap() && !store.records.unmute("churn_spike", &deed(4)).await.unwrap());
        let (first, last) = ("2026-03-01".parse().unwrap(), "2026-03-03".parse().unwrap());
        let planned = Annotation { id: 0, first, last, kind: AnnotationKind::PriceChange, note: "prices rise".into() };
        let id = store.records.annotate(&planned, &deed(5)).await.unwrap();
        assert_eq!(store.records.annotations().await.unwrap(), [Annotation { id, ..planned }]);
        assert!(store.records.remove_annotation(id, &deed(6)).await.unwrap() && !store.records.remove_annotation(id, &deed(7)).await.unwrap());
        // What changed something has its line in the trail, and what changed nothing has none.
        let trail = store.records.audit_trail(None, None, 100).await.unwrap();
        assert_eq!(trail.iter().map(|line| line.at.0).collect::<Vec<_>>(), [6, 5, 3, 2, 1]);
    }
}
