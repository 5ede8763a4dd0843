//! What invoices tell of the time before the first thing known (rule `opening-balance`).

use super::*;

#[test]
fn a_price_that_stripe_no_longer_has_counts_in_no_figure() {
    // Its invoices still tell a unit amount, but nothing tells how often it was billed: unpriced is not free.
    let story = "d1 billed d1-d31 pro:10
                 d31 billed d31-d61 pro:10
                 d61 billed d61-d91 pro:20
                 d70 read active pro:20 since:d1 start:d1";
    for profile in Profile::BUILT_IN.map(profile) {
        check(&profile, story, "d61 new 20: first_subscription 20");
        let ledger = Story::of(story).derive(&profile);
        assert_eq!(quality(&ledger, QualityKind::UnpricedItem), ["d1-d61"], "{}", profile.name);
    }
}

#[test]
fn what_is_known_of_it_is_carried_over_a_price_that_stripe_no_longer_has() {
    let story = "d1 billed d1-d31 pro:20
                 d31 billed d31-d61 pro:10
                 d61 billed d61-d91 pro:20
                 d70 read active pro:20 since:d1 start:d1";
    stripe(story, "d1 new 20: first_subscription 20");
    let ledger = Story::of(story).derive(&profile("stripe"));
    assert_eq!(quality(&ledger, QualityKind::EstimatedItem), ["d31-d61"]);
}
