//! A log that an older mrrd read, read again by this one: newer facts beside the old ones, and the figures follow.

use mrrd::{
    event::{NewEvent, Source},
    history::renormalise::{self, Counts},
    ledger::fact::NORMALISER,
    stripe::read::read_answer,
};
use tokio::sync::watch;

use super::bench::*;
use crate::support::sql;

/// What an older mrrd might have made of the same bodies: some subscriptions too new a shape for it, some customers
/// misread.
const AS_IF_OLDER: &str = "
    UPDATE fact SET normaliser = normaliser - 1;
    UPDATE fact SET kind = 'unreadable', customer = NULL, object = NULL,
        codec = 0, state = CAST('a shape it did not know' AS BLOB)
        WHERE kind = 'subscription' AND seq % 3 = 0;
    UPDATE fact SET customer = customer || 'x' WHERE kind = 'customer' AND seq % 2 = 0;";

/// A subscription as Stripe's API answered it, in a list.
fn answer() -> NewEvent {
    let body = r#"{"object": "list", "has_more": false, "data": [{
        "id": "sub_answer", "object": "subscription", "customer": "cus_answer", "status": "active", "currency": "usd",
        "created": 1705000000, "start_date": 1705000000, "items": {"object": "list", "has_more": false, "data": [{
            "id": "si_answer", "object": "subscription_item", "quantity": 1, "price": {
                "id": "price_answer", "object": "price", "currency": "usd", "unit_amount": 900, "type": "recurring",
                "billing_scheme": "per_unit", "recurring": {"interval": "month", "interval_count": 1}}}]}}]}"#;
    let (id, event) =
        ("0a1b", received(r#"{"id":"0a1b","object":"event","created":1706000000,"livemode":true}"#.into()));
    let reading = read_answer(body.as_bytes(), &id.into(), event.created, None);
    NewEvent { kind: "list".into(), source: Source::Api, body: body.into(), reading, ..event }
}

on_both! {
    async fn an_older_log_read_again_gives_what_this_normaliser_gives(kind) {
        let mut events = life(3, 6, 120);
        events.push(answer());
        let straight = Ledger::empty(kind).await;
        straight.append(&events).await;
        straight.settle().await.unwrap();
        let expected = straight.rows().await;

        let older = Ledger::empty(kind).await;
        older.append(&events).await;
        sql::unprotect(&older.url, "fact").await;
        // Each database has its own word for bytes.
        let as_if_older = if older.url.starts_with("postgres") { AS_IF_OLDER.replace("BLOB", "BYTEA") } else { AS_IF_OLDER.into() };
        sql::run(&older.url, &as_if_older).await.unwrap();
        older.settle().await.unwrap();
        assert_ne!(older.rows().await, expected);
        let (all, facts) = (events.len() as u64, "SELECT COUNT(*) FROM fact");
        assert_eq!(older.store.log.count_read_by_older(NORMALISER).await.unwrap(), i64::try_from(all).unwrap());
        let before = sql::number(&older.url, facts).await;

        // Told to stop, it has done nothing; then it does all, then there is nothing left to do.
        let told = watch::channel(true).1;
        assert_eq!(renormalise::run(&older.store, &told, |_| ()).await.unwrap(), Counts::default());
        let counts = renormalise::run(&older.store, &go_on(), |_| ()).await.unwrap();
        assert_eq!((counts.read, counts.gained > 0, counts.lost), (all, true, 0));
        assert_eq!(older.store.log.count_read_by_older(NORMALISER).await.unwrap(), 0);
        assert_eq!(renormalise::run(&older.store, &go_on(), |_| ()).await.unwrap(), Counts::default());
        // Appended, nothing rewritten.
        let kept = format!("{facts} WHERE normaliser < {NORMALISER}");
        assert_eq!(sql::number(&older.url, &kept).await, before);

        let changes = older.reconciler().rebuild(&go_on(), &mut |_| ()).await.unwrap();
        assert!(changes.changed > 0);
        assert_eq!(older.rows().await, expected);
        assert!(older.verify().await.holds());
        assert_eq!(older.store.log.head().await.unwrap(), straight.store.log.head().await.unwrap());
    }
}
