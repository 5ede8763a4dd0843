//! A movement's name: the same for as long as what it is about is the same, whoever computes it and when.

use sha2::{Digest, Sha256};

use super::{
    ids::{AccountId, CustomerId},
    outcome::{Kind, Movement},
};

/// `mov_…`: a hash of profile, livemode, account, customer, currency and window (docs/decisions/006-no-row-depends-on-when.md).
///
/// Opening balances and revaluations are never netted with anything (rule `netting`), so each stands in a window of its own,
/// even where an ordinary one opens in the same second. Rows of one window that differ only in when they are shown bear
/// the same name: a reader sees one of them.
pub fn movement_id(
    profile: &str,
    livemode: bool,
    account: Option<&AccountId>,
    customer: &CustomerId,
    movement: &Movement,
) -> String {
    let lane = match movement.kind {
        Kind::OpeningBalance => "opening",
        Kind::Fx => "fx",
        Kind::New | Kind::Expansion | Kind::Reactivation | Kind::Contraction | Kind::Churn | Kind::Transient => "",
    };
    let mut hash = Sha256::new();
    for text in [
        profile,
        if livemode { "live" } else { "test" },
        account.map_or("", AccountId::as_str),
        customer.as_str(),
        movement.currency.as_str(),
        lane,
    ] {
        // The length first: no two lists of texts run together alike.
        hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(text.as_bytes());
    }
    hash.update(movement.window.0.to_be_bytes());
    format!("mov_{}", hex::encode(&hash.finalize()[..12]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{money::Mrr, time::UnixTime};

    fn movement(kind: Kind, window: i64) -> Movement {
        Movement {
            currency: "usd".parse().unwrap(),
            day: "2026-01-14".parse().unwrap(),
            window: UnixTime(window),
            effective_at: UnixTime(window + 60),
            kind,
            amount: Mrr(5),
            before: Mrr(0),
            after: Mrr(5),
            visible_from: UnixTime(window),
            visible_until: None,
            parts: Vec::new(),
        }
    }

    #[test]
    fn a_name_is_of_the_window_and_of_nothing_that_may_change_within_it() {
        let id = |profile, livemode, account: Option<&str>, customer: &str, movement: &Movement| {
            movement_id(profile, livemode, account.map(AccountId::from).as_ref(), &customer.into(), movement)
        };
        let new = movement(Kind::New, 100);
        let name = id("stripe", true, None, "cus_1", &new);
        let later = Movement { amount: Mrr(7), effective_at: UnixTime(900), kind: Kind::Reactivation, ..new.clone() };
        assert_eq!(name, id("stripe", true, None, "cus_1", &later));
        for other in [
            id("finance", true, None, "cus_1", &new),
            id("stripe", false, None, "cus_1", &new),
            id("stripe", true, Some("acct_1"), "cus_1", &new),
            id("stripe", true, None, "cus_2", &new),
            id("stripe", true, None, "cus_1", &movement(Kind::New, 101)),
            id("stripe", true, None, "cus_1", &movement(Kind::OpeningBalance, 100)),
        ] {
            assert_ne!(name, other);
        }
        // Kept by users and in records: it must never change.
        assert_eq!(name, "mov_6d14811a6bcdcef83c199c3a");
    }
}
