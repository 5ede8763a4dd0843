//! What days are summed to is what their rows come to, at any instant a reader may ask at.

use mrrd::{
    ledger::time::UnixTime,
    store::derived::reports::{AccountScope, LedgerRows, RowGroup, Scope},
};

use super::bench::*;

/// In one order, whatever the database's.
fn sorted(mut rows: LedgerRows) -> LedgerRows {
    rows.amounts.sort_by_key(|row| (row.currency, row.day));
    rows.counts.sort_by_key(|row| (row.currency, row.day));
    rows.lines.sort_by_key(|row| (row.currency, row.day, row.kind));
    rows
}

on_both! {
    async fn at_any_instant_the_sums_of_days_are_those_of_the_rows(kind) {
        let ledger = Ledger::empty(kind).await;
        let life = life(11, 40, 300);
        let (early, late) = life.split_at(life.len() / 2);
        ledger.append(late).await;
        ledger.settle().await.unwrap();
        // What comes late changes days in the middle.
        ledger.append(early).await;
        ledger.settle().await.unwrap();
        let deltas: Vec<UnixTime> = {
            let current = ledger.reconciler().current_generation().await.unwrap().unwrap();
            let ledgers = ledger.store.derived.ledgers(current.id, None, 100).await.unwrap();
            ledgers.iter().flat_map(|(_, one)| one.ledger.deltas.iter().map(|delta| delta.at)).collect()
        };
        assert!(deltas.len() > 100, "{}", deltas.len());
        let (zone, mut partly) = (rules(&["stripe"]).zone, 0);
        // Right before, at and after what takes effect, among it what is dated ahead: the day's other rows are still to come.
        for at in deltas.iter().step_by(3).flat_map(|at| [at.plus(-1), *at, at.plus(3_600)]) {
            let scope = Scope {
                profile: "stripe".into(),
                livemode: true,
                account: AccountScope::One(None),
                test_clock: None,
                cut: at,
            };
            let day = zone.day(at);
            let summed = ledger.store.derived.ledger_rows(&scope, day, RowGroup::Whole).await.unwrap();
            let rows = ledger.store.derived.ledger_rows(&scope, day, RowGroup::Customer).await.unwrap();
            assert_eq!(sorted(summed), sorted(rows.whole().unwrap()), "at {at:?}");
            partly += usize::from(deltas.iter().any(|other| *other > at && zone.day(*other) == day));
        }
        assert!(partly > 10, "days cut in the middle: {partly}");
    }
}
