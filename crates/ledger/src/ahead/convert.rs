//! What is known ahead, in the reporting currency: at the rate at which what stands was valued last.

use std::collections::BTreeMap;

use super::known::{Ahead, Renewal, TrialDue};
use crate::{
    fx::{Key, Rates, Valued},
    money::{Currency, Mrr},
    outcome::QualityEntry,
    time::{UnixTime, Zone},
};

/// Converts what is known of a customer at `now` into `to`. No rate of a coming day is known, and none is guessed: nothing
/// here is revaluation. Errors with the rate that is missing.
pub fn convert(
    native: Ahead,
    to: Currency,
    rates: &Rates,
    zone: &Zone,
    now: UnixTime,
) -> Result<Ahead, Box<QualityEntry>> {
    let mut valued = Valued::at(&native.deltas, to, rates, zone, now)?;
    let whole = |amount: Mrr| BTreeMap::from([(to, amount)]);
    let mrr = valued.stands();
    let mut changes = native.changes;
    for change in &mut changes {
        let mut amount = 0;
        for piece in &mut change.pieces {
            let key = Key {
                currency: change.currency,
                subscription: change.subscription.clone(),
                item: piece.item.clone(),
                product: piece.product.clone(),
                price: piece.price.clone(),
                interval: piece.interval,
            };
            piece.amount = valued.move_item(key, piece.amount)?;
            amount += piece.amount.0;
        }
        (change.amount, change.currency) = (Mrr(amount), to);
    }
    let one = |valued: &Valued<'_>, (currency, amount): (Currency, Mrr)| valued.worth(currency, amount);
    let mut trials: Vec<TrialDue> = native.trials;
    for trial in &mut trials {
        trial.mrr = trial.mrr.map(|mrr| one(&valued, mrr)).transpose()?.map(|mrr| (to, mrr));
    }
    let mut renewals: Vec<Renewal> = native.renewals;
    for renewal in &mut renewals {
        renewal.mrr = (to, one(&valued, renewal.mrr)?);
    }
    Ok(Ahead { mrr: whole(mrr), committed: whole(valued.stands()), changes, trials, renewals, ..native })
}
