//! A closed month is kept once, whole, and for ever.

use mrrd::{
    event::{CustomerKey, Seq},
    ledger::{money::Mrr, outcome::Kind, time::UnixTime},
    store::records::closings::*,
};

use super::subject::*;
use crate::support::deed;

fn january(profile: &str, closed_at: i64) -> ClosedMonth {
    let key = CustomerKey { livemode: true, account: None, customer: "cus_1".into() };
    let currency = "usd".parse().unwrap();
    // More minor units than an i64 of 10⁻⁶ holds, as only a sum may have.
    let beyond = Mrr(i128::from(i64::MAX) * 3);
    ClosedMonth {
        closing: Closing {
            profile: profile.into(),
            month: "2026-01".parse().unwrap(),
            seq: Seq(7),
            closed_at: UnixTime(closed_at),
            inputs: "ledger 1\nzone UTC".into(),
            hash: "00ff".into(),
            revision: 1,
            who: "ada".into(),
            reason: String::new(),
        },
        totals: vec![ClosedTotal { livemode: true, account: None, currency, line: "closing".into(), amount: beyond }],
        customers: vec![ClosedCustomer { key: key.clone(), currency, opening: Mrr(-1), closing: Mrr(i64::MAX.into()) }],
        movements: vec![ClosedMovement {
            key,
            id: "mov_1".into(),
            currency,
            day: "2026-01-14".parse().unwrap(),
            effective_at: UnixTime(1_768_384_800),
            kind: Kind::New,
            amount: Mrr(2_000_000_000),
        }],
    }
}

on_both! {
    async fn a_month_is_closed_once_for_each_profile(subject) {
        let (store, first) = (&subject.store, january("stripe", 100));
        assert!(store.records.close_month(&first, &deed(1)).await.unwrap());
        assert!(!store.records.close_month(&january("stripe", 200), &deed(1)).await.unwrap());
        assert!(store.records.close_month(&january("finance", 300), &deed(1)).await.unwrap());
        let store = subject.again().await;
        let closings = store.records.closings().await.unwrap();
        assert_eq!(closings, [january("finance", 300).closing, first.closing]);
        assert_eq!(store.records.closed_totals(&closings[1]).await.unwrap(), first.totals);
        assert_eq!(store.records.closed_customers(&closings[1]).await.unwrap(), first.customers);
        assert_eq!(store.records.closed_movements(&closings[1]).await.unwrap(), first.movements);
        let never = Closing { month: "2026-02".parse().unwrap(), ..closings[1].clone() };
        assert_eq!(store.records.closed_customers(&never).await.unwrap(), []);
    }

    async fn a_closing_is_superseded_by_the_next_and_stays(subject) {
        let (store, first) = (&subject.store, january("stripe", 100));
        let mut second = january("stripe", 200);
        (second.closing.revision, second.closing.reason) = (2, "a refund was booked late".into());
        second.customers[0].opening = Mrr(5);
        assert!(!store.records.close_month(&second, &deed(1)).await.unwrap(), "there is none before it");
        assert!(store.records.close_month(&first, &deed(1)).await.unwrap());
        assert!(store.records.close_month(&second, &deed(2)).await.unwrap());
        assert!(!store.records.close_month(&second, &deed(3)).await.unwrap());
        let all = store.records.closings().await.unwrap();
        assert_eq!(all, [first.closing.clone(), second.closing.clone()]);
        assert_eq!(holding(all), [second.closing.clone()]);
        assert_eq!(store.records.closed_customers(&first.closing).await.unwrap(), first.customers);
        assert_eq!(store.records.closed_customers(&second.closing).await.unwrap(), second.customers);
    }

    async fn a_closed_month_refuses_change(subject) {
        assert!(subject.store.records.close_month(&january("stripe", 100), &deed(1)).await.unwrap());
        for table in ["closing", "closing_total", "closing_customer", "closing_movement"] {
            for statement in [format!("UPDATE {table} SET month = '2026-02'"), format!("DELETE FROM {table}")] {
                let error = subject.sql(&statement).await.expect_err(&statement).to_string();
                assert!(error.contains("stays as it was closed"), "{statement}: {error}");
            }
        }
    }

    async fn what_a_row_cannot_hold_closes_nothing(subject) {
        let mut month = january("stripe", 100);
        month.movements[0].amount = Mrr(i128::MAX);
        assert!(subject.store.records.close_month(&month, &deed(1)).await.is_err());
        assert_eq!(subject.store.records.closings().await.unwrap(), []);
    }
}
