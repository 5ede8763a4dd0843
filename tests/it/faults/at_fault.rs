//! An event that the database refuses keeps nobody else's out, however many come together with it.

use mrrd::clock::Clock;

use crate::{
    serving::webhooks::event,
    support::{
        daemon::{Daemon, SECRET},
        sql,
    },
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_event_at_fault_is_refused() {
    let mut daemon = Daemon::start().await;
    daemon.accept(event("evt_first")).await;
    let url = format!("sqlite://{}", daemon.dir().join("mrrd.db").display());
    let rule = "CREATE TRIGGER no_bad_one BEFORE INSERT ON event WHEN NEW.id LIKE 'evt_bad%' \
                BEGIN SELECT RAISE(ABORT, 'no such thing'); END";
    sql::run(&url, rule).await.unwrap();
    let mut posting = Vec::new();
    for sender in 0..40 {
        let mut client = daemon.connect();
        posting.push(tokio::spawn(async move {
            for n in 0..10 {
                let bad = (sender + n) % 20 == 0;
                let id = format!("evt_{}_{sender}_{n}", if bad { "bad" } else { "good" });
                let answer = client.post_signed(SECRET, Clock::system().now(), event(&id).into()).await.unwrap();
                assert_eq!(answer.status, if bad { 500 } else { 200 }, "{id}");
            }
        }));
    }
    for one in posting {
        one.await.unwrap();
    }
    assert_eq!(sql::number(&url, "SELECT COUNT(*) FROM event").await, 1 + 380);
    assert_eq!(daemon.get("/readyz").await.status, 200, "the database is well");
}
