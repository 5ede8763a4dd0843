//! Terms that are told elsewhere or by id alone, tax inside prices, values nobody knows, and the order of a second.

use super::{On, movements, quality, replayed};
use crate::support::daemon::Settings;

/// A case, a profile, the movements that are right under it, and what stays listed.
type Right = (&'static str, &'static str, &'static [&'static str], &'static [&'static str]);

const CASES: &[Right] = &[
    (
        "87-discount-by-id-then-seats",
        "stripe",
        &[
            "2026-02-01 cus_A new 7500: first_subscription 7500",
            "2026-02-10 cus_A expansion 15000: quantity_increase 20000, discount_change -5000",
        ],
        &["discount_estimated di_1", "duration_inferred di_1"],
    ),
    (
        "91-discount-by-id-once",
        "stripe",
        &["2026-02-01 cus_A new 1500: first_subscription 1500"],
        &["discount_estimated di_1", "duration_inferred di_1"],
    ),
    (
        "91-discount-by-id-once",
        "chartmogul",
        &["2026-02-01 cus_A new 100: first_subscription 100", "2026-03-01 cus_A expansion 1400: discount_end 1400"],
        &["discount_estimated di_1", "duration_inferred di_1"],
    ),
    (
        "102-discount-id-seats-then-renewal",
        "stripe",
        &[
            "2026-02-01 cus_A new 7500: first_subscription 7500",
            "2026-02-10 cus_A expansion 15000: quantity_increase 20000, discount_change -5000",
        ],
        &["discount_estimated di_1", "duration_inferred di_1"],
    ),
    (
        "104-discount-id-month-to-year",
        "stripe",
        &["2026-02-01 cus_A new 7500: first_subscription 7500"],
        &["discount_estimated di_1", "duration_inferred di_1"],
    ),
    (
        "111-repeating-by-id-only",
        "stripe",
        &["2026-02-01 cus_A new 10000: first_subscription 10000"],
        &["discount_estimated di_1", "duration_inferred di_1"],
    ),
    (
        "111-repeating-by-id-only",
        "chartmogul",
        &["2026-02-01 cus_A new 7500: first_subscription 7500", "2026-05-01 cus_A expansion 2500: discount_end 2500"],
        &["discount_estimated di_1", "duration_inferred di_1"],
    ),
    (
        "64-inclusive-tax",
        "stripe",
        &[
            "2026-02-01 cus_A new 10000: first_subscription 10000",
            "2026-02-01 cus_B new 10000: first_subscription 10000",
            "2026-02-01 cus_X new 12000: first_subscription 12000",
        ],
        &[],
    ),
    ("73-stripe-tax-inclusive-basil", "stripe", &["2026-02-01 cus_X new 1000: first_subscription 1000"], &[]),
    (
        "82-tax-neighbours",
        "stripe",
        &[
            "2026-02-01 cus_DISC new 500: first_subscription 500",
            "2026-02-01 cus_EXC new 1190: first_subscription 1190",
            "2026-02-01 cus_NONE new 1190: first_subscription 1190",
            "2026-02-01 cus_OLDR new 1000: first_subscription 1000",
            "2026-02-01 cus_RATE new 1000: first_subscription 1000",
            "2026-02-01 cus_REV new 1190: first_subscription 1190",
            "2026-02-01 cus_TWO new 1000: first_subscription 1000",
            "2026-02-01 cus_UNS new 1000: first_subscription 1000",
        ],
        &["discount_estimated di_1", "duration_inferred di_1"],
    ),
    (
        "37-expanded-and-null-shapes",
        "stripe",
        &[
            "2026-02-01 acct_cust_1 new 1000: first_subscription 1000",
            "2026-02-01 cus_A new 1000: first_subscription 1000",
            "2026-02-01 cus_B new 1000: first_subscription 1000",
            "2026-02-01 cus_D new 1000: first_subscription 1000",
        ],
        &[],
    ),
    (
        "71-tiers-known-from-older-version",
        "stripe",
        &[
            "2026-02-01 cus_A new 11000: first_subscription 11000",
            "2026-03-10 cus_A expansion 4000: quantity_increase 4000",
            "2026-04-01 cus_B new 12500: first_subscription 12500",
        ],
        &[],
    ),
    (
        "105-tiered-period-cut-by-cancel-at",
        "stripe",
        &["2026-05-01 cus_A new 1000: first_subscription 1000"],
        &["estimated_item si_A"],
    ),
    (
        "50-unknown-status-and-enum",
        "stripe",
        &["2026-02-01 cus_A new 2000: first_subscription 2000"],
        &["unknown_value si_B", "unknown_value sub_A", "unpriced_item si_B"],
    ),
    ("S03-gap-there-and-back", "stripe", &["2024-01-10 cus_1 new 2900: first_subscription 2900"], &["gap sub_1"]),
    ("S04-twin-and-back-in-one-second", "stripe", &["2024-01-10 cus_1 new 5800: first_subscription 5800"], &[]),
    (
        "110-inverted-seconds",
        "stripe",
        &[
            "2026-02-01 cus_A new 1000: first_subscription 1000",
            "2026-03-01 cus_A expansion 1000: quantity_increase 1000",
        ],
        &["gap sub_A", "gap sub_A"],
    ),
];

async fn all_are_right(on: On) {
    let mut wrong = Vec::new();
    for same in CASES.chunk_by(|(one, ..), (other, ..)| one == other) {
        let name = same[0].0;
        let settings = Settings::default().env("MRRD_LEDGER__PROFILES", "stripe,finance,chartmogul,profitwell");
        let mut daemon = replayed(name, on, settings).await;
        for (_, profile, moved, listed) in same {
            let told = (movements(&mut daemon, profile).await, quality(&mut daemon, profile).await);
            if told.0 != *moved || told.1 != *listed {
                wrong.push(format!("{name} under {profile}: {told:#?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn each_case_counts_what_is_right_on_sqlite() {
    all_are_right(On::Sqlite).await;
}

#[tokio::test]
async fn each_case_counts_what_is_right_on_postgres() {
    all_are_right(On::Postgres).await;
}
