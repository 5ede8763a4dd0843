//! The events Stripe still lists: every one of them, once, to the byte, whatever befalls the requests.

use std::{collections::BTreeSet, time::Duration};

use mrrd::{history::replay::Counts, ledger::time::UnixTime, limits};

use super::{account, room::*};
use crate::support::fake_stripe::{FakeStripe, KEY, Trouble};

#[tokio::test]
async fn every_event_of_thirty_days_comes_once_to_the_byte_and_older_ones_are_gone() {
    let stripe = FakeStripe::calm(NOW).await;
    let events = lived(30, 40);
    list(&stripe, &events);
    let room = Room::at(&stripe, patience()).await;
    let still: BTreeSet<_> = events
        .iter()
        .filter(|event| event.created >= NOW.plus(-30 * UnixTime::DAY_SECONDS))
        .map(|event| event.id.clone())
        .collect();
    assert!(still.len() > 150 && still.len() < events.len(), "{} of {}", still.len(), events.len());
    let counts = room.fetch.events(|_| {}).await.unwrap();
    let all = still.len() as u64;
    assert_eq!(counts, Counts { read: all, appended: all, duplicates: 0, variants: 0, rejected: 0 });
    assert_eq!(room.logged().await, still);
    for event in events.iter().rev().take(50) {
        let bodies = room.fetch.store.log.bodies(&event.id.as_str().into()).await.unwrap();
        assert_eq!(bodies[0].1, event.body);
        assert_eq!(bodies[0].0.source.as_str(), "api");
    }
    // A second run looks at the last minutes only.
    let before = stripe.asked();
    let again = room.fetch.events(|_| {}).await.unwrap();
    assert_eq!(again.appended, 0);
    assert!(stripe.asked() - before <= 2, "{} requests to learn that nothing is new", stripe.asked() - before);
}

#[tokio::test]
async fn limits_failures_and_hanging_connections_cost_time_and_no_event() {
    let stripe = FakeStripe::start(NOW, Duration::ZERO, |number, _| match number % 7 {
        1 => Some(Trouble::Status(429)),
        3 => Some(Trouble::Status(500)),
        5 if number < 30 => Some(Trouble::Hang),
        _ => None,
    })
    .await;
    let ids = list(&stripe, &lived(40, 29));
    let room = Room::at(&stripe, patience()).await;
    room.fetch.events(|_| {}).await.unwrap();
    assert_eq!(room.logged().await, ids);
}

#[tokio::test]
async fn a_key_without_permission_is_told_which_one_it_lacks_and_never_shown() {
    let stripe = FakeStripe::start(NOW, Duration::ZERO, |_, _| Some(Trouble::Forbidden)).await;
    let room = Room::at(&stripe, patience()).await;
    let said = room.fetch.events(|_| {}).await.unwrap_err().to_string();
    assert!(said.contains("rak_event_read"), "{said}");
    assert!(!said.contains(KEY) && !format!("{:?}", room.fetch).contains(KEY));
    assert!(stripe.asked() <= 16, "a refusal is not asked for again: {}", stripe.asked());
}

on_both! {
    async fn cut_short_anywhere_it_goes_on_where_it_was(kind) {
        let events = lived(100, 29);
        let calm = FakeStripe::calm(NOW).await;
        let ids = list(&calm, &events);
        Room::on(kind, &calm, patience()).await.fetch.events(|_| {}).await.unwrap();
        let pages = calm.asked();
        for cut in [0, 5, 17, 29] {
            let stripe =
                FakeStripe::start(NOW, Duration::ZERO, move |number, _| (number == cut).then_some(Trouble::Forbidden))
                    .await;
            list(&stripe, &events);
            let room = Room::on(kind, &stripe, patience()).await;
            room.fetch.events(|_| {}).await.unwrap_err();
            room.fetch.events(|_| {}).await.unwrap();
            // What was being appended when it was cut is undone behind it, and until then readers go no further.
            let since = std::time::Instant::now();
            while room.logged().await.len() < ids.len() && since.elapsed() < Duration::from_secs(30) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            assert_eq!(room.logged().await, ids);
            // The refused one, one under way in each stretch, and the last minutes looked at again.
            assert!(
                stripe.asked() <= pages + limits::BACKFILL_STRETCHES + 3,
                "cut at {cut}: {} requests where {pages} suffice",
                stripe.asked()
            );
        }
    }
}

on_both! {
    async fn half_of_the_webhooks_lost_and_healed_gives_the_same_ledger(kind) {
        let stripe = FakeStripe::calm(NOW).await;
        let events = lived(40, 29);
        list(&stripe, &events);
        let (complete, healed) = (Room::on(kind, &stripe, patience()).await, Room::on(kind, &stripe, patience()).await);
        let all: Vec<_> = events.iter().map(by_webhook).collect();
        complete.fetch.store.log.append(&all).await.unwrap();
        // As good as a coin, and the same in every run.
        let half: Vec<_> =
            all.iter().filter(|event| event.id.as_str().bytes().map(u32::from).sum::<u32>() % 2 == 0).cloned().collect();
        assert!(half.len() > all.len() / 3 && half.len() < all.len() * 2 / 3);
        healed.fetch.store.log.append(&half).await.unwrap();
        let rows = complete.rows().await;
        assert_ne!(healed.rows().await, rows, "the loss must show, or this proves nothing");
        let counts = healed.fetch.events(|_| {}).await.unwrap();
        assert_eq!((counts.appended as usize, counts.duplicates as usize), (all.len() - half.len(), half.len()));
        assert!(rows.len() > 20);
        assert_eq!(healed.rows().await, rows);
    }
}

on_both! {
    async fn every_object_comes_once_and_a_second_backfill_appends_nothing(kind) {
        let events = lived(25, 60);
        let stripe = FakeStripe::calm(NOW).await;
        account::show(&stripe, &events);
        let room = Room::on(kind, &stripe, patience()).await;
        let both = async || {
            let mut counts = room.fetch.events(|_| {}).await.unwrap();
            counts.add(room.fetch.objects(|_, _| {}).await.unwrap());
            counts
        };
        let first = both().await;
        assert_eq!((first.appended, first.rejected), (first.read, 0));
        let rows = room.rows().await;
        let second = both().await;
        assert_eq!((second.appended, second.rejected), (0, 0));
        assert_eq!(room.rows().await, rows);
    }
}

#[tokio::test]
async fn all_lines_of_a_long_invoice_are_in_the_log() {
    let stripe = FakeStripe::calm(NOW).await;
    let invoice = account::long_invoice(230, NOW.plus(-100));
    stripe.put("invoices", "in_1", NOW.plus(-100), invoice.to_string());
    let room = Room::at(&stripe, patience()).await;
    let counts = room.fetch.objects(|_, _| {}).await.unwrap();
    assert_eq!((counts.appended, counts.rejected), (1, 0));
    let key = mrrd::event::CustomerKey { livemode: true, account: None, customer: "cus_1".into() };
    let facts = room.fetch.store.log.customer_facts(&[key], None).await.unwrap().remove(0);
    let mrrd::ledger::fact::State::Invoice(read) = &facts[0].state else { panic!("{facts:?}") };
    assert!(read.lines_complete);
    let amounts: Vec<i64> = read.lines.iter().map(|line| line.amount).collect();
    assert_eq!(amounts, (100..330).collect::<Vec<i64>>());
    assert_eq!(room.fetch.objects(|_, _| {}).await.unwrap().appended, 0);
}

#[tokio::test]
async fn all_items_of_a_wide_subscription_are_in_the_log() {
    let stripe = FakeStripe::calm(NOW).await;
    let created = NOW.plus(-86_400);
    stripe.put("subscriptions", "sub_1", created, account::wide_subscription(120, created).to_string());
    let room = Room::at(&stripe, patience()).await;
    let counts = room.fetch.objects(|_, _| {}).await.unwrap();
    assert_eq!((counts.appended, counts.rejected), (1, 0));
    assert_eq!(room.mrr().await, "120000");
    assert_eq!(room.quality().await, [""; 0]);
    assert_eq!(room.fetch.objects(|_, _| {}).await.unwrap().appended, 0);
}
