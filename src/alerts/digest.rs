//! A week or a month in figures: the waterfall, the largest movements each way, causes of churn, what is scheduled.

use std::collections::BTreeMap;

use super::{
    alert::{Alert, Section},
    distance::distance,
    judge::{Candidate, Verdict},
    look::Look,
    words,
};
use crate::{
    config::{alert_rules::Rule, alerting::Digest},
    ledger::{
        money::{Currency, Mrr},
        time::Day,
    },
    limits,
    report::{ask::Ask, period::Interval, service::AskError, waterfall::WaterfallRow},
    store::derived::reports::{MovementFilter, MovementRow, Order},
};

/// How many movements each way.
const MOVEMENTS: usize = 5;

const PAGE: i64 = 1000;

/// What is due: the digest of the last whole week or month, while it is news.
pub(super) async fn due(look: &Look<'_>, digest: Digest, first: Day) -> Result<Option<Verdict>, AskError> {
    let (interval, word) = match digest {
        Digest::Weekly => (Interval::Week, "week"),
        Digest::Monthly => (Interval::Month, "month"),
    };
    let end = interval.first_day(look.today).before();
    let start = interval.first_day(end);
    if first > start || distance(end, look.today) > i64::from(limits::ALERT_RECENT_DAYS) {
        return Ok(None);
    }
    let candidate = |alert| Candidate { alert, subject: word.to_owned(), key: start.to_string() };
    // Its id needs no figures: what was said already is looked up before they are gathered.
    let name = Alert::saying(Rule::Digest, end, String::new(), String::new(), &[])?;
    let id = candidate(name).id(&look.ledger);
    if look.stored.iter().any(|row| row.alert.id == id) {
        return Ok(None);
    }
    let ask = Ask { from: Some(start), to: Some(end), interval, ..look.ask.clone() };
    let waterfall = look.reports.waterfall(&ask).await?.data;
    let (sections, closing) = (sections(look, &ask, &waterfall).await?, closing(&waterfall));
    let statement = format!("the {word} from {start} to {end}: MRR {closing}");
    let alert = Alert::saying(Rule::Digest, end, statement, format!("each {word}"), &[])?;
    Ok(Some(Verdict::Raise(Box::new(candidate(Alert { sections, ..alert })))))
}

/// `12,345.00 USD (from 12,000.00 USD)` for each currency.
fn closing(lines: &[WaterfallRow]) -> String {
    let of = |name: &str, currency: Currency| {
        lines.iter().find(|line| line.line == name && line.currency == currency).map(amount)
    };
    let closings = lines.iter().filter(|line| line.line == "closing").map(|line| {
        let from = of("opening", line.currency).unwrap_or_default();
        format!("{} (from {from})", amount(line))
    });
    closings.collect::<Vec<_>>().join(", ")
}

fn amount(line: &WaterfallRow) -> String {
    words::money(line.amount_exact.0, line.currency)
}

async fn sections(look: &Look<'_>, ask: &Ask, waterfall: &[WaterfallRow]) -> Result<Vec<Section>, AskError> {
    let mut sections = Vec::new();
    let mut section = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            sections.push(Section { title: title.to_owned(), lines });
        }
    };
    let whole = waterfall.iter().filter(|line| line.cause.is_none() && line.amount_exact.0 != Mrr::ZERO);
    section("Waterfall", whole.map(|line| format!("{}: {}", line.line.replace('_', " "), amount(line))).collect());
    let (up, down) = largest(&movements(look, ask).await?);
    section("Largest gains", up);
    section("Largest losses", down);
    let causes = waterfall.iter().filter(|line| line.line == "churn" && line.cause.is_some());
    let cause = |line: &WaterfallRow| {
        format!("{}: {}", line.cause.as_deref().unwrap_or_default().replace('_', " "), amount(line))
    };
    section("Causes of churn", causes.map(cause).collect());
    let now = Ask { from: Some(look.today), to: Some(look.today), interval: Interval::Day, ..look.ask.clone() };
    let mut ahead = Vec::new();
    // Where a cancellation counts when it is asked for, that is no part of MRR any more (rule `churn-at`).
    let set_to_end = match look.reports.counts_requests(&now)? {
        true => "set to end, out of MRR already but for fixed terms",
        false => "set to end",
    };
    for entry in look.reports.mrr(&now).await?.data {
        for (what, amount) in [(set_to_end, entry.scheduled_churn_exact), ("at risk (past due)", entry.at_risk_exact)] {
            if amount.0 != Mrr::ZERO {
                ahead.push(format!("{what}: {}", words::money(amount.0, entry.currency)));
            }
        }
    }
    section("Ahead", ahead);
    Ok(sections)
}

async fn movements(look: &Look<'_>, ask: &Ask) -> Result<Vec<MovementRow>, AskError> {
    let filter = MovementFilter { from: ask.from, to: ask.to, ..MovementFilter::default() };
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let (page, next) = look.reports.movements(ask, &filter, Order::Ascending, after.as_ref(), PAGE).await?;
        all.extend(page);
        after = next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

/// The largest each way, of each currency.
fn largest(movements: &[MovementRow]) -> (Vec<String>, Vec<String>) {
    let mut by_currency: BTreeMap<Currency, Vec<&MovementRow>> = BTreeMap::new();
    movements.iter().for_each(|row| by_currency.entry(row.movement.currency).or_default().push(row));
    let (mut up, mut down) = (Vec::new(), Vec::new());
    for rows in by_currency.values_mut() {
        rows.sort_by(|a, b| b.movement.amount.cmp(&a.movement.amount).then_with(|| a.id.cmp(&b.id)));
        let line = |row: &&MovementRow| {
            let movement = &row.movement;
            let amount = words::money(movement.amount, movement.currency);
            format!("{} {amount} ({}, {})", row.customer, movement.kind.as_str(), movement.day)
        };
        up.extend(rows.iter().filter(|row| row.movement.amount > Mrr::ZERO).take(MOVEMENTS).map(line));
        down.extend(rows.iter().rev().filter(|row| row.movement.amount < Mrr::ZERO).take(MOVEMENTS).map(line));
    }
    (up, down)
}
