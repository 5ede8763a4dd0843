//! Changes of item amounts, from which every snapshot is a running sum (rule `snapshots`).

use super::{
    counting::{CountStatus, Counted, CountedItem, Stretch},
    money::{Currency, Mrr},
    outcome::Delta,
    time::{UnixTime, Zone},
};

/// All changes of one subscription's items, in time order.
pub(super) fn deltas(counted: &Counted<'_>, zone: &Zone, rows: &mut Vec<Delta>) {
    for (place, after) in counted.stretches.iter().enumerate() {
        let before = place.checked_sub(1).map(|before| &counted.stretches[before]);
        let first = rows.len();
        if let Some(before) = before {
            take(counted, before, -1, after.from, zone, rows);
        }
        take(counted, after, 1, after.from, zone, rows);
        merge(rows, first);
    }
}

/// What a stretch counts, line by line, with a sign.
fn take(counted: &Counted<'_>, stretch: &Stretch, sign: i128, at: UnixTime, zone: &Zone, rows: &mut Vec<Delta>) {
    let Some(currency) = stretch.currency else { return };
    let idle = |line: &CountedItem| line.mrr == Mrr::ZERO && line.list == Mrr::ZERO && line.scheduled == Mrr::ZERO;
    for line in stretch.lines.iter().filter(|line| !idle(line)) {
        rows.push(delta(counted, stretch, line, (sign, currency, at), zone));
    }
}

fn delta(
    counted: &Counted<'_>,
    stretch: &Stretch,
    line: &CountedItem,
    (sign, currency, at): (i128, Currency, UnixTime),
    zone: &Zone,
) -> Delta {
    let item = counted.item(stretch, line);
    let signed = |amount: Mrr| Mrr(sign * amount.0);
    let when = |yes: bool| if yes { signed(line.mrr) } else { Mrr::ZERO };
    Delta {
        at,
        day: zone.day(at),
        currency,
        subscription: counted.state(stretch).id.clone(),
        item: item.item.clone(),
        product: item.product.clone(),
        price: item.price.clone(),
        interval: item.interval,
        mrr: signed(line.mrr),
        list: signed(line.list),
        estimated: when(item.estimated),
        at_risk: when(stretch.count_status == CountStatus::AtRisk),
        scheduled_churn: signed(line.scheduled),
    }
}

/// Adds up rows of one item and the same dimensions, and drops what cancels out.
fn merge(rows: &mut Vec<Delta>, first: usize) {
    let mut fresh = rows.split_off(first);
    fresh.sort_unstable();
    for row in fresh {
        let same = |last: &Delta| {
            (last.currency, &last.item, &last.product, &last.price, last.interval)
                == (row.currency, &row.item, &row.product, &row.price, row.interval)
        };
        match rows[first..].last_mut() {
            Some(last) if same(last) => {
                last.mrr.0 += row.mrr.0;
                last.list.0 += row.list.0;
                last.estimated.0 += row.estimated.0;
                last.at_risk.0 += row.at_risk.0;
                last.scheduled_churn.0 += row.scheduled_churn.0;
            }
            _ => rows.push(row),
        }
    }
    let mut kept = first;
    for at in first..rows.len() {
        let row = &rows[at];
        let amounts = [row.mrr, row.list, row.estimated, row.at_risk, row.scheduled_churn];
        if amounts.iter().any(|amount| *amount != Mrr::ZERO) {
            rows.swap(kept, at);
            kept += 1;
        }
    }
    rows.truncate(kept);
}
