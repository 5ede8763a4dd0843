//! What was acknowledged stays, what was not leaves nothing, and nobody changes the log unseen.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use mrrd::{
    event::{NewEvent, Seq},
    history::reread::{self, Reread},
    ingest::{
        appender::{AppendError, Appender, Limits},
        sealer::seal_due,
    },
    store::{
        Options, OtherLog, SealHead, Store, StoreError, Work,
        log::Appended,
        planned::{Failure, LOG_AFTER_COMMIT, LOG_BEFORE_COMMIT, REPLACE_BEFORE_COMMIT},
    },
    stripe::read,
};
use tokio::sync::Notify;

use super::subject::*;
use crate::support::sql;

/// Waits for what must come, however slow the machine.
async fn until(come: impl Fn() -> bool) {
    for _ in 0..6_000 {
        if come() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it never came");
}

on_both! {
    async fn the_log_refuses_change(subject) {
        subject.store.log.append(&[saying("evt_1", vec![customer("cus_1")])]).await.unwrap();
        subject.store.log.seal(10).await.unwrap();
        subject.sql("INSERT INTO event SELECT 99, 'evt_99', 0, type, account, livemode, created, api_version, received_at,
            source, body_bytes, digest FROM event WHERE seq = 1; INSERT INTO erasure VALUES (99, 1, 'asked for')").await.unwrap();
        for statement in [
            "UPDATE event SET created = 0",
            "DELETE FROM event",
            "UPDATE event_body SET codec = 0",
            "DELETE FROM event_body",
            "UPDATE fact SET kind = ''",
            "DELETE FROM fact",
            "UPDATE seal SET from_seq = 0",
            "DELETE FROM seal",
            "UPDATE erasure SET reason = ''",
            "DELETE FROM erasure",
        ] {
            let error = subject.sql(statement).await.expect_err(statement).to_string();
            assert!(error.contains("append-only") || error.contains("erasure"), "{statement}: {error}");
        }
        // A body leaves where its erasure is logged: then it doesn't come back, and the chain still holds.
        subject.sql("INSERT INTO erasure VALUES (1, 1, 'asked for'); DELETE FROM event_body WHERE seq = 1").await.unwrap();
        assert_eq!(subject.store.log.bodies(&"evt_1".into()).await.unwrap(), []);
        assert_eq!(subject.store.log.append(&[with_body("evt_1", "{}")]).await.unwrap(), [Appended::Duplicate]);
        assert_eq!(subject.store.log.verify_chain().await.unwrap().first_difference, None);
    }

    async fn a_failed_append_leaves_nothing_and_a_lost_answer_loses_nothing(subject) {
        let store = &subject.store;
        store.plan().arm(LOG_BEFORE_COMMIT, Failure::Fail(1));
        let batch = [saying("evt_1", vec![customer("cus_1")]), event("evt_2")];
        assert!(matches!(store.log.append(&batch).await, Err(StoreError::Unavailable { .. })));
        assert_eq!(store.log.head().await.unwrap().events, 0);
        assert_eq!(store.log.customers(None, 10, None).await.unwrap(), []);
        store.plan().arm(LOG_AFTER_COMMIT, Failure::Fail(1));
        assert!(store.log.append(&batch).await.is_err());
        assert_eq!(subject.again().await.log.append(&batch).await.unwrap(), [Appended::Duplicate; 2]);
        assert_eq!(store.log.head().await.unwrap().events, 2);
    }

    async fn a_dropped_append_leaves_nothing_and_blocks_nobody(subject) {
        let store = &subject.store;
        let never = Arc::new(Notify::new());
        store.plan().arm(LOG_BEFORE_COMMIT, Failure::Pause(never));
        let cut = tokio::time::timeout(Duration::from_millis(300), store.log.append(&[event("evt_1")])).await;
        assert!(cut.is_err());
        store.plan().disarm(LOG_BEFORE_COMMIT);
        assert!(matches!(store.log.append(&[event("evt_2")]).await.unwrap()[..], [Appended::New(_)]));
        assert_eq!(store.log.known_ids(&["evt_1".into(), "evt_2".into()]).await.unwrap(), ["evt_2".into()]);
    }

    async fn a_failed_replacement_changes_nothing(subject) {
        let store = &subject.store;
        store.log.append(&[saying("evt_1", vec![customer("cus_1")])]).await.unwrap();
        let generation = store.derived.begin_generation("f", None).await.unwrap();
        store.derived.advance(generation, 10).await.unwrap();
        let marks = store.derived.dirty(generation, 10).await.unwrap();
        let derived = mrrd::store::derived::ProfileLedger { profile: "stripe".into(), ledger: Default::default() };
        store.plan().arm(REPLACE_BEFORE_COMMIT, Failure::Fail(1));
        assert!(store.derived.replace(generation, &[(marks[0].clone(), vec![derived.clone()])]).await.is_err());
        assert_eq!(store.derived.dump(generation, None, 10).await.unwrap(), []);
        assert_eq!(store.derived.dirty(generation, 10).await.unwrap(), marks);
        store.derived.replace(generation, &[(marks[0].clone(), vec![derived])]).await.unwrap();
        assert_eq!(store.derived.dump(generation, None, 10).await.unwrap().len(), 1);
    }

    async fn no_reader_passes_what_commits_late(subject) {
        let slow = subject.again().await;
        let go_on = Arc::new(Notify::new());
        slow.plan().arm(LOG_BEFORE_COMMIT, Failure::Pause(go_on.clone()));
        let plan = slow.plan().clone();
        let late = tokio::spawn(async move { slow.log.append(&[saying("evt_late", vec![customer("cus_1")])]).await });
        // Until the slow one has its seq and stands before its commit.
        until(|| plan.paused(LOG_BEFORE_COMMIT) == 1).await;
        let store = subject.store.clone();
        let generation = store.derived.begin_generation("f", None).await.unwrap();
        let mut quick = tokio::spawn({
            let store = store.clone();
            async move { store.log.append(&[saying("evt_quick", vec![customer("cus_2")])]).await }
        });
        // On PostgreSQL the later seq is committed first; on SQLite it waits its turn. Either way no reader goes past.
        match store.kind() {
            "postgres" => until(|| quick.is_finished()).await,
            _ => assert!(tokio::time::timeout(Duration::from_millis(300), &mut quick).await.is_err()),
        }
        assert_eq!(store.derived.advance(generation, 10).await.unwrap().position, Seq(0));
        assert_eq!(store.log.horizon().await.unwrap(), Seq(0));
        // What was acknowledged meanwhile counts as there all the same: nobody may think that the figures hold it.
        let acknowledged = if store.kind() == "postgres" { Seq(2) } else { Seq(0) };
        assert_eq!(store.log.end().await.unwrap(), acknowledged);
        assert_eq!(store.log.head().await.unwrap().last_seq, acknowledged);
        assert_eq!(store.log.seal(10).await.unwrap(), None);
        // Whoever finds nothing that can be sealed yet keeps nobody else from it. On SQLite nothing can be written now.
        if store.kind() == "postgres" {
            assert_eq!(seal_due(&store.log, &store.records, "one").await.unwrap(), 0);
            assert!(store.records.lease("sealer", "another", Duration::from_secs(60)).await.unwrap());
        }
        go_on.notify_one();
        assert_eq!(late.await.unwrap().unwrap(), [Appended::New(Seq(1))]);
        assert_eq!(quick.await.unwrap().unwrap(), [Appended::New(Seq(2))]);
        assert_eq!(store.derived.advance(generation, 10).await.unwrap().position, Seq(2));
        assert_eq!(store.derived.dirty(generation, 10).await.unwrap().len(), 2);
    }

    async fn many_writers_of_the_same_events_append_each_once(subject) {
        let mut tasks = Vec::new();
        for writer in 0..6 {
            let store = subject.again().await;
            tasks.push(tokio::spawn(async move {
                let mut fresh = 0;
                for n in 0..30 {
                    let batch: Vec<_> = (n..n + 5).map(|n| saying(&format!("evt_{n}"), vec![customer("c")])).collect();
                    let batch = if writer % 2 == 0 { batch } else { batch.into_iter().rev().collect() };
                    let answers = store.log.append(&batch).await.unwrap();
                    fresh += answers.iter().filter(|one| **one != Appended::Duplicate).count();
                }
                fresh
            }));
        }
        let mut fresh = 0;
        for task in tasks {
            fresh += task.await.unwrap();
        }
        assert_eq!(fresh, 34);
        assert_eq!(subject.store.log.head().await.unwrap().events, 34);
        assert_eq!(subject.store.log.customer_facts(&[key("c")], None).await.unwrap()[0].len(), 34);
    }

    async fn a_lease_has_one_holder_as_long_as_that_one_renews_it(subject) {
        let (store, length) = (&subject.store, Duration::from_secs(2));
        let other = subject.again().await;
        let hold = async |store: &Store, name: &str, holder: &str| store.records.lease(name, holder, length).await.unwrap();
        assert!(hold(store, "r", "one").await);
        assert!(hold(store, "r", "one").await);
        assert!(!hold(&other, "r", "two").await);
        assert!(hold(&other, "other", "two").await);
        // Renewed, it lasts beyond its length.
        let since = Instant::now();
        while since.elapsed() < length * 2 {
            assert!(hold(store, "r", "one").await);
            assert!(!hold(&other, "r", "two").await);
            tokio::time::sleep(length / 10).await;
        }
        // Unrenewed it ends, whatever date it has: a clock that was a day ahead wrote this one.
        subject.sql("UPDATE lease SET expires_at = expires_at + 86400").await.unwrap();
        let since = Instant::now();
        while !hold(&other, "r", "two").await {
            assert!(since.elapsed() < Duration::from_secs(60), "it lasts without being renewed");
            tokio::time::sleep(length / 10).await;
        }
        other.records.release("r", "one").await.unwrap();
        assert!(!hold(store, "r", "one").await);
        other.records.release("r", "two").await.unwrap();
        assert!(hold(store, "r", "one").await);
    }

    async fn a_lease_whose_holder_is_gone_is_taken_at_once(subject) {
        let (other, length) = (subject.again().await, Duration::from_secs(3600));
        assert!(other.records.lease("r", "one", length).await.unwrap());
        assert!(!subject.store.records.lease("r", "two", length).await.unwrap());
        other.close().await;
        assert!(subject.store.records.lease("r", "two", length).await.unwrap());
    }

    async fn a_seal_shows_what_was_changed(subject) {
        let store = &subject.store;
        let events: Vec<_> = (1..=20).map(|n| event(&format!("evt_{n}"))).collect();
        store.log.append(&events[..15]).await.unwrap();
        let first = store.log.seal(10).await.unwrap().unwrap();
        assert_eq!((first.from_seq, first.to_seq, first.events), (Seq(1), Seq(10), 10));
        assert_eq!(seal_due(&store.log, &store.records, "me").await.unwrap(), 5);
        assert_eq!(seal_due(&store.log, &store.records, "me").await.unwrap(), 0);
        store.log.append(&events[15..]).await.unwrap();
        let report = store.log.verify_chain().await.unwrap();
        assert_eq!((report.sealed_to, report.unsealed, report.first_difference), (Seq(15), 5, None));
        for table in ["event", "event_body", "seal"] {
            subject.unprotect(table).await;
        }
        for (change, back, shown) in [
            ("UPDATE event SET created = created + 1 WHERE seq = 12", "UPDATE event SET created = created - 1 WHERE seq = 12", "11 to 15"),
            ("UPDATE event_body SET salt = bytes WHERE seq = 3", "", "evt_3 at 3"),
        ] {
            subject.sql(change).await.unwrap();
            let difference = store.log.verify_chain().await.unwrap().first_difference.expect(change);
            assert!(difference.contains(shown), "{change}: {difference}");
            if !back.is_empty() {
                subject.sql(back).await.unwrap();
                assert_eq!(store.log.verify_chain().await.unwrap().first_difference, None);
            }
        }
    }

    async fn a_removed_row_or_body_is_seen(subject) {
        let store = &subject.store;
        let events: Vec<_> = (1..=9).map(|n| saying(&format!("evt_{n}"), vec![])).collect();
        store.log.append(&events).await.unwrap();
        store.log.seal(5).await.unwrap();
        for table in ["event", "event_body", "fact", "seal"] {
            subject.unprotect(table).await;
        }
        subject.sql("DELETE FROM event_body WHERE seq = 8").await.unwrap();
        let difference = store.log.verify_chain().await.unwrap().first_difference.unwrap();
        assert!(difference.contains("evt_8 at 8"), "{difference}");
        subject.sql("DELETE FROM fact WHERE seq = 2; DELETE FROM event_body WHERE seq = 2; DELETE FROM event WHERE seq = 2").await.unwrap();
        let difference = store.log.verify_chain().await.unwrap().first_difference.unwrap();
        assert!(difference.contains("from 1 to 5"), "{difference}");
        subject.sql("DELETE FROM seal").await.unwrap();
        store.log.seal(3).await.unwrap();
        store.log.seal(3).await.unwrap();
        subject.sql("DELETE FROM seal WHERE from_seq = 1").await.unwrap();
        let difference = store.log.verify_chain().await.unwrap().first_difference.unwrap();
        assert!(difference.contains("doesn't follow"), "{difference}");
    }

    async fn a_fact_that_its_body_does_not_say_is_seen(subject) {
        let store = &subject.store;
        let object = |id: &str| format!(r#"{{"id":"{id}","object":"customer","created":1,"livemode":true,"metadata":{{}}}}"#);
        let bodies = ["cus_1", "cus_2", "cus_3"].map(|id| {
            format!(
                r#"{{"id":"evt_{id}","object":"event","type":"customer.created","created":1700000000,"livemode":true,"data":{{"object":{}}}}}"#,
                object(id)
            )
        });
        let events: Vec<_> = bodies
            .iter()
            .map(|body| {
                let read = read::read(body.as_bytes()).unwrap();
                let kind = read.kind.clone();
                NewEvent { livemode: true, kind, created: read.created, reading: read.reading, ..with_body(read.id.as_str(), body) }
            })
            .collect();
        store.log.append(&events).await.unwrap();
        let (_keep, stop) = tokio::sync::watch::channel(false);
        let found = async || reread::run(store, &stop, |_| ()).await.unwrap();
        assert_eq!(found().await, Reread { events: 3, first_difference: None });
        subject.unprotect("fact").await;
        let copied = "normaliser, ordinal, kind, livemode, account, customer, object, codec, state";
        for (change, back, shown) in [
            ("UPDATE fact SET customer = 'cus_1' WHERE seq = 2", "UPDATE fact SET customer = 'cus_2' WHERE seq = 2", "evt_cus_2 at 2"),
            ("UPDATE fact SET livemode = FALSE WHERE seq = 3", "UPDATE fact SET livemode = TRUE WHERE seq = 3", "evt_cus_3 at 3"),
            (&format!("INSERT INTO fact SELECT 2, normaliser, 1, {} FROM fact WHERE seq = 1", &copied["normaliser, ordinal, ".len()..]),
                "DELETE FROM fact WHERE seq = 2 AND ordinal = 1", "evt_cus_2 at 2"),
            ("UPDATE fact SET state = (SELECT state FROM fact WHERE seq = 1) WHERE seq = 2", "", "evt_cus_2 at 2"),
            ("DELETE FROM fact WHERE seq = 2", "", "evt_cus_2 at 2"),
        ] {
            subject.sql(change).await.unwrap();
            let difference = found().await.first_difference.expect(change);
            assert!(difference.contains(shown), "{change}: {difference}");
            if !back.is_empty() {
                subject.sql(back).await.unwrap();
                assert_eq!(found().await.first_difference, None);
            }
        }
    }

    async fn what_waits_is_committed_together(subject) {
        let committed = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let counted = committed.clone();
        let (appender, writer) = Appender::start(subject.store.log.clone(), Limits::default(), move || {
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        });
        let go_on = Arc::new(Notify::new());
        subject.store.plan().arm(LOG_BEFORE_COMMIT, Failure::Pause(go_on.clone()));
        let send = |n: usize| {
            let appender = appender.clone();
            tokio::spawn(async move { appender.append(vec![event(&format!("evt_{n}"))]).await })
        };
        let first = send(0);
        until(|| subject.store.plan().paused(LOG_BEFORE_COMMIT) == 1).await;
        let rest: Vec<_> = (1..=50).map(send).collect();
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(!first.is_finished());
        subject.store.plan().disarm(LOG_BEFORE_COMMIT);
        go_on.notify_one();
        assert!(matches!(first.await.unwrap().unwrap()[..], [Appended::New(_)]));
        for one in rest {
            assert!(matches!(one.await.unwrap().unwrap()[..], [Appended::New(_)]));
        }
        assert_eq!(appender.counters().groups.load(std::sync::atomic::Ordering::SeqCst), 2);
        assert_eq!(committed.load(std::sync::atomic::Ordering::SeqCst), 2);
        drop(appender);
        writer.drained().await;
        assert_eq!(subject.store.log.head().await.unwrap().events, 51);
    }

    async fn what_no_longer_fits_waits_for_no_other_writer(subject) {
        let limits = Limits { group_events: 1, writers: 2, ..Limits::default() };
        let (appender, _writer) = Appender::start(subject.store.log.clone(), limits, || {});
        let go_on = Arc::new(Notify::new());
        subject.store.plan().arm(LOG_BEFORE_COMMIT, Failure::Pause(go_on.clone()));
        let send = |n: usize| {
            let appender = appender.clone();
            tokio::spawn(async move { appender.append(vec![event(&format!("evt_{n}"))]).await })
        };
        let mut sent: Vec<_> = (0..2).map(send).collect();
        tokio::time::sleep(Duration::from_millis(200)).await;
        // Both writers are busy: one of them finds both of these and takes the second along, while the other waits for more.
        sent.extend((2..4).map(send));
        tokio::time::sleep(Duration::from_millis(200)).await;
        subject.store.plan().disarm(LOG_BEFORE_COMMIT);
        go_on.notify_one();
        tokio::time::sleep(Duration::from_millis(200)).await;
        go_on.notify_one();
        for one in sent {
            let answer = tokio::time::timeout(Duration::from_secs(5), one).await.expect("answered, though nothing more comes");
            assert!(matches!(answer.unwrap().unwrap()[..], [Appended::New(_)]));
        }
    }

    async fn a_full_queue_says_so_and_closing_drains(subject) {
        let limits = Limits { queue: 2, ..Limits::default() };
        let (appender, writer) = Appender::start(subject.store.log.clone(), limits, || {});
        let go_on = Arc::new(Notify::new());
        subject.store.plan().arm(LOG_BEFORE_COMMIT, Failure::Pause(go_on.clone()));
        let mut waiting = Vec::new();
        for n in 0..3 {
            let appender = appender.clone();
            waiting.push(tokio::spawn(async move { appender.append(vec![event(&format!("evt_{n}"))]).await }));
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        assert!(matches!(appender.append(vec![event("evt_9")]).await, Err(AppendError::Full)));
        drop(appender);
        subject.store.plan().disarm(LOG_BEFORE_COMMIT);
        go_on.notify_one();
        writer.drained().await;
        for one in waiting {
            assert!(one.await.unwrap().is_ok());
        }
        assert_eq!(subject.store.log.head().await.unwrap().events, 3);
    }

    async fn a_failed_group_answers_everyone(subject) {
        let (appender, _writer) = Appender::start(subject.store.log.clone(), Limits::default(), || {});
        subject.store.plan().arm(LOG_BEFORE_COMMIT, Failure::Fail(1));
        assert!(matches!(appender.append(vec![event("evt_1")]).await, Err(AppendError::Store(_))));
        assert!(matches!(appender.append(vec![event("evt_1")]).await.unwrap()[..], [Appended::New(_)]));
    }

    async fn only_the_event_at_fault_is_refused(subject) {
        // What no row holds, whatever it is: on PostgreSQL an id longer than its index takes; here a rule of the table's.
        let rule = match subject.store.kind() {
            "sqlite" => "CREATE TRIGGER no_bad_one BEFORE INSERT ON event WHEN NEW.id = 'evt_bad' \
                         BEGIN SELECT RAISE(ABORT, 'no such thing'); END",
            _ => "ALTER TABLE event ADD CONSTRAINT no_bad_one CHECK (id <> 'evt_bad')",
        };
        subject.sql(rule).await.unwrap();
        let (appender, _writer) = Appender::start(subject.store.log.clone(), Limits::default(), || {});
        let go_on = Arc::new(Notify::new());
        subject.store.plan().arm(LOG_BEFORE_COMMIT, Failure::Pause(go_on.clone()));
        let send = |id: String| {
            let appender = appender.clone();
            tokio::spawn(async move { appender.append(vec![event(&id)]).await })
        };
        let first = send("evt_first".into());
        until(|| subject.store.plan().paused(LOG_BEFORE_COMMIT) == 1).await;
        let good: Vec<_> = (0..40).map(|n| send(format!("evt_{n}"))).collect();
        let bad = send("evt_bad".into());
        let more: Vec<_> = (40..60).map(|n| send(format!("evt_{n}"))).collect();
        until(|| appender.waiting() > 0).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        subject.store.plan().disarm(LOG_BEFORE_COMMIT);
        go_on.notify_one();
        first.await.unwrap().unwrap();
        for one in good.into_iter().chain(more) {
            assert!(matches!(one.await.unwrap().unwrap()[..], [Appended::New(_)]));
        }
        let refused = bad.await.unwrap().expect_err("it can't be stored");
        assert!(matches!(&refused, AppendError::Store(error) if error.is_of_the_data()), "{refused:?}");
        assert_eq!(subject.store.log.head().await.unwrap().events, 61);
    }

    async fn a_log_that_lost_something_is_refused_until_it_is_accepted(subject) {
        let store = &subject.store;
        store.log.append(&[saying("evt_1", vec![customer("cus_1")])]).await.unwrap();
        let generation = store.derived.begin_generation("f", None).await.unwrap();
        store.derived.advance(generation, 10).await.unwrap();
        store.derived.switch_generation(generation, 1).await.unwrap();
        assert_eq!(subject.again().await.derived.generations().await.unwrap().len(), 1);
        assert_eq!(store.anchors(None).await.unwrap().first_difference, None);
        // As if the log had been restored from a backup of before.
        for table in ["event", "event_body", "fact"] {
            subject.unprotect(table).await;
        }
        subject.sql("DELETE FROM fact; DELETE FROM event_body; DELETE FROM event").await.unwrap();
        let opened = async |other_log| {
            Store::open_with(&subject.url, &Options { other_log, ..Options::default() }).await
        };
        let refused = opened(OtherLog::Refuse).await.expect_err("it is shorter");
        assert!(matches!(&refused, StoreError::OtherLog(why) if why.contains("--accept-shorter-log")), "{refused}");
        let told = opened(OtherLog::Tell).await.unwrap().anchors(None).await.unwrap();
        assert!(told.first_difference.unwrap().contains("ends at 0"), "{:?}", told.reached);
        assert_eq!(opened(OtherLog::Accept).await.unwrap().derived.generations().await.unwrap(), []);
        assert_eq!(subject.again().await.anchors(None).await.unwrap().first_difference, None);
    }

    async fn a_log_that_loses_something_takes_nothing_in_until_it_is_whole(subject) {
        let store = &subject.store;
        store.log.append(&[event("evt_1"), event("evt_2")]).await.unwrap();
        store.look_after().await.unwrap();
        for table in ["event", "event_body", "fact"] {
            subject.unprotect(table).await;
        }
        let copies = "CREATE TABLE kept AS SELECT * FROM event; CREATE TABLE kept_body AS SELECT * FROM event_body;
            CREATE TABLE kept_fact AS SELECT * FROM fact";
        subject.sql(copies).await.unwrap();
        subject.sql("DELETE FROM fact; DELETE FROM event_body; DELETE FROM event").await.unwrap();
        store.look_after().await.unwrap();
        let refused = store.log.append(&[event("evt_3")]).await.expect_err("the log is shorter");
        assert!(matches!(&refused, StoreError::Unavailable { reason, .. } if reason.contains("ends at 0")), "{refused}");
        assert!(store.reader().ready(Work::Appending).await.is_err());
        subject.sql("INSERT INTO event SELECT * FROM kept; INSERT INTO event_body SELECT * FROM kept_body;
            INSERT INTO fact SELECT * FROM kept_fact").await.unwrap();
        store.look_after().await.unwrap();
        store.log.append(&[event("evt_3")]).await.unwrap();
        store.reader().ready(Work::Appending).await.unwrap();
    }

    async fn a_head_kept_elsewhere_shows_what_seals_made_anew_hide(subject) {
        let store = &subject.store;
        assert_eq!(store.log.seal_head().await.unwrap(), None);
        store.log.append(&[event("evt_1"), event("evt_2"), event("evt_3")]).await.unwrap();
        store.log.seal(2).await.unwrap().unwrap();
        let head = store.log.seal_head().await.unwrap().unwrap();
        store.log.seal(2).await.unwrap().unwrap();
        assert_eq!(store.anchors(Some(&head)).await.unwrap().first_difference, None, "as the log goes on");
        // Somebody who can write the log takes the last event away, and the seals, and seals what is left.
        for table in ["event", "event_body", "fact", "seal"] {
            subject.unprotect(table).await;
        }
        subject.sql("DELETE FROM fact WHERE seq >= 2; DELETE FROM event_body WHERE seq >= 2;
            DELETE FROM event WHERE seq >= 2; DELETE FROM seal").await.unwrap();
        store.log.seal(2).await.unwrap().unwrap();
        assert_eq!(store.log.verify_chain().await.unwrap().first_difference, None, "the seals say nothing");
        let shown = store.anchors(Some(&head)).await.unwrap().first_difference.unwrap();
        assert!(shown.contains("ends at 2"), "{shown}");
        let forged = SealHead { log: "0".repeat(32), ..head };
        assert!(store.anchors(Some(&forged)).await.unwrap().first_difference.unwrap().contains("another one"));
    }

    async fn a_newer_schema_is_refused_plainly(subject) {
        subject
            .sql("INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                  SELECT 9999, 'from the future', success, checksum, 0 FROM _sqlx_migrations LIMIT 1")
            .await
            .unwrap();
        let refused = Store::open(&subject.url).await.expect_err("a newer schema").to_string();
        assert!(refused.contains("newer mrrd") && refused.contains("9999"), "{refused}");
    }

    async fn the_database_is_ready(subject) {
        for work in [Work::Appending, Work::Deriving, Work::Answering] {
            subject.store.reader().ready(work).await.unwrap();
        }
        subject.store.close().await;
        assert!(subject.store.reader().ready(Work::Appending).await.is_err());
    }
}

/// SQLite's write-ahead log begins again at its start, however long the log is written without a pause.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_write_ahead_log_stays_small() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mrrd.db");
    let store = Store::open(&format!("sqlite://{}", path.display())).await.unwrap();
    let mut written = 0;
    for group in 0..240 {
        let batch: Vec<_> = (0..100).map(|n| event(&format!("evt_{n}_{group}"))).collect();
        store.log.append(&batch).await.unwrap();
        written += 100;
    }
    let ahead = std::fs::metadata(path.with_extension("db-wal")).unwrap().len();
    assert!(ahead < 24 << 20, "{ahead} bytes ahead of {written} events");
    // What isn't an event is no reason to let it grow either: leases and seals are written for ever.
    let kept = "x".repeat(1 << 20);
    for number in 0..64 {
        store.records.set_progress(&format!("of {number}"), &kept).await.unwrap();
    }
    let ahead = std::fs::metadata(path.with_extension("db-wal")).unwrap().len();
    assert!(ahead < 40 << 20, "{ahead} bytes ahead of the rest");
}

/// A mistyped `database.url` must not write mrrd's tables into somebody else's file, nor leave anything beside it.
#[tokio::test]
async fn another_programs_file_is_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("other.db");
    let url = format!("sqlite://{}", path.display());
    sql::run(&format!("{url}?mode=rwc"), "CREATE TABLE orders (id INTEGER PRIMARY KEY)").await.unwrap();
    let before = std::fs::read(&path).unwrap();
    let refused = Store::open(&url).await.unwrap_err().to_string();
    assert!(
        refused.contains("other.db holds another program's tables, such as orders: database.url must"),
        "{refused}"
    );
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let folder = dir.path().join("folder.db");
    std::fs::create_dir(&folder).unwrap();
    let refused = Store::open(&format!("sqlite://{}", folder.display())).await.unwrap_err().to_string();
    assert!(refused.contains("folder.db is a folder"), "{refused}");
    let notes = dir.path().join("notes.txt");
    std::fs::write(&notes, "no database\n".repeat(100)).unwrap();
    let refused = Store::open(&format!("sqlite://{}", notes.display())).await.unwrap_err().to_string();
    assert!(refused.contains("notes.txt is no SQLite database"), "{refused}");
    let mut there: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|one| one.unwrap().file_name()).collect();
    there.sort();
    assert_eq!(there, ["folder.db", "notes.txt", "other.db"]);
}
