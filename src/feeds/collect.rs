//! Movements held against what was told of them.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::{
    ledger::time::Day,
    report::{
        ask::Ask,
        movements::MovementEntry,
        service::{AskError, Reports},
    },
    store::{
        derived::reports::{MovementFilter, MovementRow, Order},
        records::feeds::{FeedChange, FeedEntry, NewFeedEntry},
    },
};

/// Movements read, and entries written, at once.
const PAGE: i64 = 500;

/// Appends what is new of the movements from the day `from` on; how many entries that were.
pub(super) async fn collect(reports: &Reports<'_>, ask: &Ask, from: Day) -> Result<usize, AskError> {
    let latest = reports.store.records.feed_latest(from).await?;
    let mut told: BTreeMap<String, FeedEntry> =
        latest.into_iter().map(|entry| (entry.entry.movement.clone(), entry)).collect();
    let filter = MovementFilter { from: Some(from), ..MovementFilter::default() };
    let (mut count, mut after) = (0, None);
    loop {
        let (page, next) = reports.movements(ask, &filter, Order::Ascending, after.as_ref(), PAGE).await?;
        let entries: Vec<NewFeedEntry> =
            page.iter().filter_map(|row| seen(row, told.remove(row.id.as_ref()))).collect();
        count += kept(reports, &entries).await?;
        after = next;
        if after.is_none() {
            break;
        }
    }
    let mut removed = Vec::new();
    for (_, FeedEntry { entry, .. }) in told {
        if entry.change == FeedChange::Removed {
            continue;
        }
        // Pages are read one after the other: only a movement that its customer really no longer has is gone.
        let filter = MovementFilter { customer: Some(entry.customer.clone()), ..MovementFilter::default() };
        if !has(reports, ask, &filter, &entry.movement).await? {
            let previous = Some(entry.content.clone());
            removed.push(NewFeedEntry {
                version: entry.version + 1,
                change: FeedChange::Removed,
                digest: String::new(),
                previous,
                ..entry
            });
        }
    }
    count += kept(reports, &removed).await?;
    Ok(count)
}

async fn kept(reports: &Reports<'_>, entries: &[NewFeedEntry]) -> Result<usize, AskError> {
    if !entries.is_empty() {
        reports.store.records.append_feed(entries, reports.now).await?;
    }
    Ok(entries.len())
}

async fn has(reports: &Reports<'_>, ask: &Ask, filter: &MovementFilter, id: &str) -> Result<bool, AskError> {
    let mut after = None;
    loop {
        let (page, next) = reports.movements(ask, filter, Order::Ascending, after.as_ref(), PAGE).await?;
        if page.iter().any(|row| row.id.as_ref() == id) {
            return Ok(true);
        }
        after = next;
        if after.is_none() {
            return Ok(false);
        }
    }
}

/// What is to be told of a movement, where `told` is what was told last.
fn seen(row: &MovementRow, told: Option<FeedEntry>) -> Option<NewFeedEntry> {
    let digest = digest(row);
    let told = told.map(|told| told.entry);
    let (version, change, previous) = match told {
        None => (1, FeedChange::Created, None),
        Some(told) if told.change == FeedChange::Removed => (told.version + 1, FeedChange::Created, Some(told.content)),
        Some(told) if told.digest != digest => (told.version + 1, FeedChange::Corrected, Some(told.content)),
        Some(_) => return None,
    };
    Some(NewFeedEntry {
        movement: row.id.as_ref().to_owned(),
        version,
        change,
        customer: row.customer.clone(),
        day: row.movement.day,
        digest,
        // An entry holds text and numbers: it always serialises.
        content: serde_json::to_string(&MovementEntry::from(row)).unwrap_or_default(),
        previous,
    })
}

/// Of what a movement says, not of how an mrrd writes it: a newer one that writes more corrects nothing.
fn digest(row: &MovementRow) -> String {
    let movement = &row.movement;
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update(text.as_bytes());
        hash.update([0]);
    };
    add(row.customer.as_str());
    add(&movement.day.to_string());
    add(movement.kind.as_str());
    add(movement.currency.as_str());
    for amount in [movement.amount, movement.before, movement.after] {
        add(&amount.0.to_string());
    }
    for part in &movement.parts {
        add(part.subscription.as_str());
        add(part.item.as_str());
        add(part.cause.as_str());
        add(&part.amount.0.to_string());
        for side in [&part.before, &part.after] {
            let said = side.as_ref().map(|side| format!("{:?} {} {}", side.product, side.price, side.amount.0));
            add(&said.unwrap_or_default());
        }
    }
    hex::encode(&hash.finalize()[..16])
}
