//! Bodies by the month: where each comes to lie, that months are there before they begin, and that what protects the log
//! protects every one of them.

use std::{
    fs,
    time::{Duration, Instant},
};

use mrrd::{
    clock::Clock,
    event::NewEvent,
    ingest::months::make_ahead,
    ledger::time::UnixTime,
    store::{Store, log::LateMonth},
};
use sqlx::{AssertSqlSafe, Connection, PgConnection, migrate::Migrator};
use tempfile::TempDir;

use super::subject::{Subject, customer, event, saying, with_body};
use crate::support::{
    daemon::{Settings, mrrd},
    postgres, sql,
};

fn at(text: &str) -> UnixTime {
    UnixTime(text.parse::<jiff::Timestamp>().unwrap().as_second())
}

fn received(id: &str, when: &str) -> NewEvent {
    NewEvent { received_at: at(when), ..event(id) }
}

/// The texts a query answers.
async fn texts(url: &str, query: &str) -> Vec<String> {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_all(&mut connection).await.unwrap()
}

/// Which partition each body lies in.
async fn places(url: &str) -> Vec<String> {
    texts(url, "SELECT concat(e.id, ' ', b.tableoid::regclass) FROM event_body b JOIN event e USING (seq) ORDER BY seq")
        .await
}

/// The partitions there are, with their bounds.
async fn partitions(url: &str) -> Vec<String> {
    let query = "SELECT concat(c.relname, ' ', pg_get_expr(c.relpartbound, c.oid)) FROM pg_class c
        JOIN pg_inherits i ON i.inhrelid = c.oid WHERE i.inhparent = 'event_body'::regclass ORDER BY c.relname";
    texts(url, query).await
}

/// That bodies can neither be changed nor taken away, by whatever name they are called.
async fn is_append_only(url: &str) {
    let tables = texts(url, "SELECT relid::text FROM pg_partition_tree('event_body')").await;
    assert!(tables.len() > 2, "{tables:?}");
    for table in tables {
        for statement in ["UPDATE {} SET codec = 0", "DELETE FROM {}", "TRUNCATE {}", "TRUNCATE ONLY {}"] {
            let statement = statement.replace("{}", &table);
            let empty = sql::number(url, &format!("SELECT COUNT(*) FROM {table}")).await == 0;
            match sql::run(url, &statement).await {
                Err(error) => {
                    let error = error.to_string();
                    let why = ["append-only", "erasure", "cannot truncate only a partitioned table"];
                    assert!(why.iter().any(|why| error.contains(why)), "{statement}: {error}");
                }
                // Rows are looked after one by one.
                Ok(()) => assert!(empty && !statement.starts_with("TRUNCATE"), "{statement}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_body_lies_in_its_month_and_months_are_made_before_they_begin() {
    let subject = Subject::postgres().await;
    let store = &subject.store;
    assert_eq!(partitions(&subject.url).await, ["event_body_default DEFAULT"]);
    assert_eq!(store.log.months_ahead(at("2026-11-22T13:00:00Z")).await.unwrap(), []);
    let months = [
        "event_body_2026_11 FOR VALUES FROM ('1793491200') TO ('1796083200')",
        "event_body_2026_12 FOR VALUES FROM ('1796083200') TO ('1798761600')",
        "event_body_2027_01 FOR VALUES FROM ('1798761600') TO ('1801440000')",
        "event_body_2027_02 FOR VALUES FROM ('1801440000') TO ('1803859200')",
    ];
    assert_eq!(partitions(&subject.url).await, [&months[..3], &["event_body_default DEFAULT"]].concat());
    let batch = [
        received("evt_1", "2026-11-22T13:00:00Z"),
        received("evt_2", "2026-11-30T23:59:59Z"),
        received("evt_3", "2026-12-01T00:00:00Z"),
        // Nobody made room for this one: it is taken all the same.
        received("evt_4", "2029-03-01T00:00:00Z"),
    ];
    store.log.append(&batch).await.unwrap();
    // In another shape: appended after a look at what is there.
    let variant = NewEvent { received_at: at("2026-12-24T18:00:00Z"), ..with_body("evt_1", "{}") };
    store.log.append(&[variant, batch[2].clone()]).await.unwrap();
    let lie = [
        "evt_1 event_body_2026_11",
        "evt_2 event_body_2026_11",
        "evt_3 event_body_2026_12",
        "evt_4 event_body_default",
        "evt_1 event_body_2026_12",
    ];
    assert_eq!(places(&subject.url).await, lie);
    assert_eq!(store.log.bodies(&"evt_1".into()).await.unwrap().len(), 2);
    assert_eq!(store.log.bodies(&"evt_4".into()).await.unwrap()[0].1, batch[3].body);
    // The month after: one more is made, by this process and by one that was started in between.
    let clock = Clock::fixed(at("2026-11-30T23:59:59Z"));
    for store in [store, &subject.again().await] {
        make_ahead(&store.log, &clock).await;
        clock.set(at("2026-12-01T00:00:00Z"));
        make_ahead(&store.log, &clock).await;
        assert_eq!(partitions(&subject.url).await, [&months[..], &["event_body_default DEFAULT"]].concat());
    }
    store.log.seal(100).await.unwrap();
    assert_eq!(store.log.verify_chain().await.unwrap().first_difference, None);
    is_append_only(&subject.url).await;
    // Erased from its month, and from where those without one are.
    for (seq, id) in [(3, "evt_3"), (4, "evt_4")] {
        subject
            .sql(&format!(
                "INSERT INTO erasure VALUES ({seq}, 1, 'asked for'); DELETE FROM event_body WHERE seq = {seq}"
            ))
            .await
            .unwrap();
        assert_eq!(store.log.bodies(&id.into()).await.unwrap(), []);
    }
    assert_eq!(store.log.verify_chain().await.unwrap().first_difference, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_month_that_comes_too_late_begins_with_the_next_day() {
    let subject = Subject::postgres().await;
    let early = [received("evt_1", "2026-11-03T08:00:00Z"), received("evt_2", "2026-11-22T12:00:00Z")];
    subject.store.log.append(&early).await.unwrap();
    let far = received("evt_3", "2026-12-31T23:00:00Z");
    subject.store.log.append(&[far]).await.unwrap();
    let now = at("2026-11-22T13:00:00Z");
    let late = [
        LateMonth { partition: "event_body_2026_11".into(), from: Some(at("2026-11-23T00:00:00Z")) },
        LateMonth { partition: "event_body_2026_12".into(), from: None },
    ];
    assert_eq!(subject.store.log.months_ahead(now).await.unwrap(), late);
    // Said once.
    assert_eq!(subject.store.log.months_ahead(now).await.unwrap(), []);
    let after = ["2026-11-22T23:59:59Z", "2026-11-23T00:00:00Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"];
    for (when, id) in after.into_iter().zip(["evt_4", "evt_5", "evt_6", "evt_7"]) {
        subject.store.log.append(&[received(id, when)]).await.unwrap();
    }
    let lie = ["default", "default", "default", "default", "2026_11", "default", "2027_01"];
    let lie: Vec<String> = (1..).zip(lie).map(|(n, part)| format!("evt_{n} event_body_{part}")).collect();
    assert_eq!(places(&subject.url).await, lie);
    for n in 1..=7 {
        assert_eq!(subject.store.log.bodies(&format!("evt_{n}").as_str().into()).await.unwrap().len(), 1);
    }
    is_append_only(&subject.url).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_reads_the_default_partition_keeps_months_waiting_and_no_append() {
    let subject = Subject::postgres().await;
    let now = at("2026-11-22T13:00:00Z");
    // As a dump does, for as long as it takes.
    let mut dump = PgConnection::connect(&subject.url).await.unwrap();
    sqlx::raw_sql("BEGIN; SELECT * FROM event_body").execute(&mut dump).await.unwrap();
    let began = Instant::now();
    let (made, appended) = tokio::join!(subject.store.log.months_ahead(now), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        subject.store.log.append(&[received("evt_1", "2026-10-31T12:00:00Z")]).await
    });
    assert!(made.is_err() && began.elapsed() < Duration::from_secs(5), "{made:?} {:?}", began.elapsed());
    appended.unwrap();
    sqlx::raw_sql("COMMIT").execute(&mut dump).await.unwrap();
    assert_eq!(subject.store.log.months_ahead(now).await.unwrap(), []);
    assert_eq!(partitions(&subject.url).await.len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn processes_that_make_the_same_months_at_once_make_each_once() {
    let subject = Subject::postgres().await;
    let mut processes = Vec::new();
    for n in 0..6 {
        let store = subject.again().await;
        processes.push(tokio::spawn(async move {
            let id = format!("evt_{n}");
            let made = store.log.months_ahead(at("2026-11-22T13:00:00Z")).await;
            store.log.append(&[received(&id, "2026-11-22T13:00:00Z")]).await.unwrap();
            made
        }));
    }
    for process in processes {
        assert_eq!(process.await.unwrap().unwrap(), []);
    }
    assert_eq!(partitions(&subject.url).await.len(), 4);
    assert!(places(&subject.url).await.iter().all(|place| place.ends_with("event_body_2026_11")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_alone_and_a_replay_make_months_too() {
    let body = r#"{"id":"evt_1","object":"event","type":"customer.created","created":1790000000,"livemode":true,
        "data":{"object":{"id":"cus_1","object":"customer","created":1790000000,"livemode":true}}}"#;
    let url = postgres::database().await;
    let mut daemon =
        Settings::default().env("MRRD_DATABASE__URL", &url).env("MRRD_SERVER__ROLES", "receiver").start().await;
    daemon.accept(body.as_bytes()).await;
    let replayed = postgres::database().await;
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("events.json"), body).unwrap();
    let mut replay = mrrd(folder.path(), &Settings::default().env("MRRD_DATABASE__URL", &replayed));
    let output = tokio::task::block_in_place(|| replay.args(["replay", "events.json"]).output().unwrap());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for url in [&url, &replayed] {
        assert_eq!(sql::number(url, "SELECT COUNT(*) FROM event_body").await, 1);
        assert_eq!(sql::number(url, "SELECT COUNT(*) FROM event_body_default").await, 0);
        assert_eq!(partitions(url).await.len(), 4);
    }
}

/// The schema as it was before bodies lay by the month, with the rows of `from`.
async fn as_it_was(from: &str) -> String {
    let url = postgres::database().await;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/postgres");
    let all = Migrator::new(folder).await.unwrap();
    let old = Migrator::with_migrations(all.iter().filter(|one| one.version < 15).cloned().collect());
    let mut connection = PgConnection::connect(&url).await.unwrap();
    old.run(&mut connection).await.unwrap();
    for (table, columns) in [("event", "*"), ("event_body", "seq, salt, codec, bytes"), ("fact", "*"), ("seal", "*")] {
        let query = format!(
            "SELECT format('INSERT INTO {table} SELECT (%L::{table}).*', CAST(r AS TEXT)) FROM (SELECT {columns} FROM {table}) r"
        );
        for row in texts(from, &query).await {
            sql::run(&url, &row).await.unwrap();
        }
    }
    sql::run(&url, "SELECT setval('event_seq_seq', MAX(seq)) FROM event").await.unwrap();
    url
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_of_before_keeps_its_bodies_to_the_byte_and_its_seals() {
    let source = Subject::postgres().await;
    let long: String =
        (0..200_000).map(|n: u32| char::from(b'a' + (n.wrapping_mul(2_654_435_761) >> 27) as u8 % 26)).collect();
    let batch = [
        saying("evt_1", vec![customer("cus_1")]),
        with_body("evt_2", &format!(r#"{{"id":"evt_2", "long":"{long}"}}"#)),
        with_body("evt_3", "\u{0}not JSON at all\r\n"),
    ];
    source.store.log.append(&batch).await.unwrap();
    source.store.log.seal(2).await.unwrap();
    let url = as_it_was(&source.url).await;
    let stored = "SELECT concat(seq, salt, codec, bytes) FROM event_body ORDER BY seq";
    let before = texts(&url, stored).await;
    let files = "SELECT pg_relation_filepath('event_body')";
    let file = texts(&url, files).await;

    let store = Store::open(&url).await.unwrap();
    assert_eq!(texts(&url, stored).await, before);
    assert_eq!(
        texts(&url, &files.replace("event_body", "event_body_before")).await,
        file,
        "not a byte is written anew"
    );
    let now = at("2026-11-22T13:00:00Z");
    assert_eq!(store.log.months_ahead(now).await.unwrap(), []);
    let again = NewEvent { received_at: now, ..batch[1].clone() };
    let new = received("evt_4", "2026-11-22T13:00:00Z");
    store.log.append(&[again, new.clone()]).await.unwrap();
    for event in batch.iter().chain([&new]) {
        assert_eq!(store.log.bodies(&event.id).await.unwrap()[0].1, event.body, "{}", event.id);
    }
    // Beside it still runs a process that knows no months.
    let columns = "variant, type, account, livemode, created, api_version, received_at, source, body_bytes, digest";
    sql::run(
        &url,
        &format!(
            "INSERT INTO event (seq, id, {columns}) SELECT nextval('event_seq_seq'), 'evt_6', {columns} FROM event WHERE seq = 3;
             INSERT INTO event_body (seq, salt, codec, bytes) SELECT currval('event_seq_seq'), salt, codec, bytes FROM event_body WHERE seq = 3"
        ),
    )
    .await
    .unwrap();
    assert_eq!(store.log.bodies(&"evt_6".into()).await.unwrap()[0].1, batch[2].body);
    let lie = [
        "evt_1 event_body_before",
        "evt_2 event_body_before",
        "evt_3 event_body_before",
        "evt_4 event_body_2026_11",
        "evt_6 event_body_before",
    ];
    assert_eq!(places(&url).await, lie);
    store.log.seal(100).await.unwrap();
    let report = store.log.verify_chain().await.unwrap();
    assert_eq!((report.unsealed, report.first_difference), (0, None));
    is_append_only(&url).await;
}
