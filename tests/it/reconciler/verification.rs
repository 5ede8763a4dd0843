//! Verification finds what was changed behind its back, and names it.

use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

use super::bench::*;

/// Changes derived rows as no part of mrrd would.
async fn tamper(ledger: &Ledger, text: &str) {
    match ledger.url.strip_suffix(".db") {
        Some(path) => {
            let mut connection = SqliteConnection::connect(&format!("{path}.derived.db")).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(text.to_owned())).execute(&mut connection).await.unwrap();
        }
        None => {
            let mut connection = PgConnection::connect(&ledger.url).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(text.to_owned())).execute(&mut connection).await.unwrap();
        }
    }
}

on_both! {
    async fn a_changed_a_missing_and_an_added_row_are_named(kind) {
        for (text, table) in [
            ("UPDATE item_delta SET mrr = mrr + 1 WHERE profile = 'profitwell' AND ordinal = 0", "item_delta"),
            ("UPDATE count_delta SET subscriptions = 2 WHERE profile = 'stripe' AND ordinal = 0", "count_delta"),
            ("UPDATE day_amount SET list_rest = 1 WHERE profile = 'stripe'", "day_amount"),
            ("DELETE FROM day_count WHERE profile = 'stripe' AND currency <> ''", "day_count"),
            ("INSERT INTO day_count SELECT generation, profile, livemode, account, test_clock, currency, '2031-01-01', 1, 1, 1, 0 FROM day_count LIMIT 1", "day_count"),
            // Of a customer after all others, who has no ledger.
            (
                "INSERT INTO count_delta
                     (generation, profile, livemode, account, customer, ordinal, test_clock, at, day, currency, customers, subscriptions, trials)
                 SELECT generation, profile, livemode, account, 'zus_nobody', ordinal, test_clock, at, day, currency, customers,
                     subscriptions, trials
                 FROM count_delta WHERE profile = 'stripe' AND ordinal = 0 ORDER BY customer LIMIT 1",
                "day_count",
            ),
            ("UPDATE group_amount SET list = list + 1 WHERE profile = 'stripe' AND dimension = 'price'", "group_amount"),
            ("DELETE FROM group_count WHERE profile = 'stripe' AND dimension = 'country'", "group_count"),
            ("UPDATE group_movement SET amount = amount + 1 WHERE profile = 'stripe' AND dimension = 'cause'", "group_movement"),
            ("UPDATE retention_day SET kept_month = kept_month + 1 WHERE profile = 'stripe'", "retention_day"),
            ("DELETE FROM cohort_day WHERE profile = 'stripe'", "cohort_day"),
            ("UPDATE loss_day SET contracted = contracted + 1 WHERE profile = 'stripe'", "loss_day"),
            ("UPDATE expanded_month SET held_90 = held_90 + 1 WHERE profile = 'stripe' AND rollup <> ''", "expanded_month"),
            ("UPDATE customer_mrr SET amount = amount + 1 WHERE profile = 'stripe'", "customer_mrr"),
            ("UPDATE movement SET kind = 'expansion' WHERE profile = 'stripe' AND ordinal = 0", "movement"),
            ("UPDATE movement_part SET cause = 'other' WHERE profile = 'stripe' AND ordinal = 0", "movement"),
            ("UPDATE movement_part SET moved_at = moved_at + 1 WHERE profile = 'stripe' AND ordinal = 0", "movement_part"),
            ("UPDATE movement_part SET moved_on = NULL WHERE profile = 'stripe' AND ordinal = 1", "movement_part"),
            ("DELETE FROM subscription_ledger", "subscription_ledger"),
            ("UPDATE customer_ledger SET country = 'ZZ'", "customer_ledger"),
            (
                "INSERT INTO customer_ledger (generation, profile, livemode, account, customer, test_clock)
                 SELECT generation, profile, livemode, account, 'cus_nobody', '' FROM customer_ledger
                 WHERE profile = 'stripe' LIMIT 1",
                "customer_ledger",
            ),
        ] {
            let ledger = Ledger::empty(kind).await;
            ledger.append(&life(5, 3, 120)).await;
            ledger.settle().await.unwrap();
            let clean = ledger.verify().await;
            assert!(clean.holds() && clean.waiting == 0 && (clean.customers, clean.profiles) == (3, 2), "{clean:?}");
            tamper(&ledger, text).await;
            let found = ledger.verify().await;
            assert!(!found.holds(), "{text}");
            assert_eq!(found.first_difference.unwrap().table, table, "{text}");
        }
    }

    async fn what_is_not_applied_yet_is_no_difference(kind) {
        let ledger = Ledger::empty(kind).await;
        let life = life(5, 3, 120);
        let (early, late) = life.split_at(life.len() / 2);
        ledger.append(early).await;
        ledger.settle().await.unwrap();
        ledger.append(late).await;
        // No reconciler runs: rows that say what was applied are right as they are.
        let report = ledger.verify().await;
        assert_eq!((report.waiting, &report.first_difference), (0, &None));
        ledger.settle().await.unwrap();
        assert!(ledger.verify().await.holds());
    }
}
