//! A closed month is kept once, whole, and for ever.

use mrrd::{
    event::CustomerKey,
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
            month: "2026-01".into(),
            seq: 7,
            closed_at: UnixTime(closed_at),
            inputs: "ledger 1\nzone UTC".into(),
            hash: "00ff".into(),
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
        assert_eq!(store.records.closed_totals("stripe", "2026-01").await.unwrap(), first.totals);
        assert_eq!(store.records.closed_customers("stripe", "2026-01").await.unwrap(), first.customers);
        assert_eq!(store.records.closed_movements("stripe", "2026-01").await.unwrap(), first.movements);
        assert_eq!(store.records.closed_customers("stripe", "2026-02").await.unwrap(), []);
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
