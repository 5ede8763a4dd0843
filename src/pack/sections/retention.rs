//! What customers stay and leave with: retention, churn and its reasons, beside the month before and a year ago.

use std::collections::BTreeMap;

use super::{each_currency, words};
use crate::{
    ledger::money::{Currency, Mrr},
    pack::{
        figures::{Figures, back, of_month},
        said::{Block, Piece, Row, Said, Section, Shown, code},
    },
    report::metrics::{Metric, MetricsEntry},
};

/// How a metric is shown.
#[derive(Clone, Copy)]
enum As {
    Money,
    Share,
    Ratio,
}

const SHOWN: [(&str, &str, As); 15] = [
    ("nrr", "net revenue retention", As::Share),
    ("grr", "gross revenue retention", As::Share),
    ("nrr_12m", "net revenue retention over 12 months", As::Share),
    ("grr_12m", "gross revenue retention over 12 months", As::Share),
    ("gross_mrr_churn", "gross MRR churn", As::Share),
    ("net_mrr_churn", "net MRR churn", As::Share),
    ("customer_churn", "customer churn", As::Share),
    ("quick_ratio", "quick ratio", As::Ratio),
    ("arr", "ARR", As::Money),
    ("arpa", "MRR per customer", As::Money),
    ("asp", "new MRR per new customer", As::Money),
    ("ltv", "lifetime value (MRR per customer over customer churn)", As::Money),
    ("expansion_durability", "expansion held 90 days later", As::Share),
    ("trial_conversion", "trial conversion in 30 days", As::Share),
    ("trial_churn", "trials that ended without paying", As::Ratio),
];

pub(super) fn section(figures: &Figures) -> Section {
    let blocks = each_currency(figures, |currency| {
        let Some((at, entry)) = of(figures, currency, 0) else { return Vec::new() };
        let mut blocks = vec![said(figures, currency, at, entry), Block::Table(table(figures, currency, at, entry))];
        let none = SHOWN.iter().filter_map(|(name, words, _)| {
            let (_, metric) = entry.figures().into_iter().find(|(one, _)| one == name)?;
            Some(format!("{words}: {}", metric.reason.filter(|_| metric.value.is_none())?))
        });
        let none: Vec<String> = none.collect();
        if !none.is_empty() {
            blocks.push(Block::Note(format!("Not told of this month: {}.", none.join("; "))));
        }
        if figures.metrics.answer.converted {
            blocks.push(Block::Note("What exchange rates moved is in net and gross revenue retention.".into()));
        }
        blocks.extend(feedback(figures, currency));
        blocks
    });
    Section { id: "retention", title: "Retention and churn", page: figures.page("/churn"), blocks }
}

fn of(figures: &Figures, currency: Currency, months: i32) -> Option<(usize, &MetricsEntry)> {
    // Where nothing had MRR yet, there is nothing to tell either.
    figures.entry(currency, months)?;
    let start = back(figures.month, months).first();
    let mut all = figures.metrics.answer.data.iter().enumerate();
    all.find(|(_, one)| one.currency == currency && one.start == start)
}

fn said(figures: &Figures, currency: Currency, at: usize, entry: &MetricsEntry) -> Block {
    let share = |metric: &Metric, name: &str| figures.metrics.share(metric, &format!("/data/{at}/{name}"));
    let mut all = Vec::new();
    if entry.nrr.value.is_some() {
        all.push(
            Said::new()
                .and("Of the MRR that the month opened with, the same customers pay ")
                .and(share(&entry.nrr, "nrr"))
                .and(" at its end, and ")
                .and(share(&entry.grr, "grr"))
                .and(" without what they added."),
        );
    }
    if entry.customer_churn.value.is_some() {
        all.push(
            Said::new()
                .and("Customers lost: ")
                .and(share(&entry.customer_churn, "customer_churn"))
                .and("; MRR lost to churn and contraction: ")
                .and(share(&entry.gross_mrr_churn, "gross_mrr_churn"))
                .and("."),
        );
    }
    let mut churn: Vec<_> = figures
        .causes
        .answer
        .data
        .iter()
        .enumerate()
        .filter(|(_, one)| one.currency == currency && of_month(one, figures.month) && one.churn_exact.0 != Mrr::ZERO)
        .collect();
    churn.sort_by_key(|(_, one)| one.churn_exact.0);
    let mut reasons = Said::new();
    for (nth, (at, one)) in churn.into_iter().enumerate() {
        let named = words(&one.group.clone().flatten().unwrap_or_else(|| "unknown".to_owned()));
        let amount = figures.causes.amount(one.churn_exact, currency, &format!("/data/{at}/churn_exact"));
        reasons = reasons.and(if nth == 0 { "Churn by cause: ".to_owned() } else { ", ".to_owned() });
        reasons = reasons.and(format!("{named} ")).and(amount);
    }
    all.push(if reasons.0.is_empty() { Said::new().and("No customer left.") } else { reasons.and(".") });
    Block::Said(all)
}

fn table(figures: &Figures, currency: Currency, at: usize, entry: &MetricsEntry) -> Shown {
    let others = [1, 12].map(|months| of(figures, currency, months));
    let rows = SHOWN.iter().map(|(name, words, shown)| {
        let cell = |(at, entry): (usize, &MetricsEntry)| -> Piece {
            let place = format!("/data/{at}/{name}");
            let found = entry.figures().into_iter().find(|(one, _)| one == name);
            let Some((_, metric)) = found else { return "–".into() };
            match shown {
                As::Money => figures.metrics.money(metric, currency, &place),
                As::Share => figures.metrics.share(metric, &place),
                As::Ratio => figures.metrics.ratio(metric, &place),
            }
        };
        let mut cells = vec![(*words).into(), cell((at, entry))];
        cells.extend(others.iter().map(|other| other.map_or_else(|| "–".into(), cell)));
        Row::of(cells)
    });
    let month = |months: i32| back(figures.month, months).to_string();
    Shown {
        caption: format!("Rates of the month; amounts in {}", code(currency)),
        columns: vec!["Figure".into(), month(0), month(1), month(12)],
        words: 1,
        rows: rows.collect(),
    }
}

/// What those who left said, by Stripe's words; each MRR lost opens to its movement.
fn feedback(figures: &Figures, currency: Currency) -> Option<Block> {
    let mut said: BTreeMap<String, Vec<Piece>> = BTreeMap::new();
    for moved in &figures.movements {
        let entry = &moved.of.answer;
        if entry.currency != currency.as_str() || entry.kind != "churn" {
            continue;
        }
        let word = entry.parts.iter().find_map(|part| part.feedback.clone());
        let amount = moved.of.amount(entry.amount_exact, currency, &format!("{}/amount_exact", moved.place));
        said.entry(word.unwrap_or_else(|| "nothing said".to_owned())).or_default().push(amount.into());
    }
    if said.is_empty() {
        return None;
    }
    let sentences = said.into_iter().map(|(word, amounts)| {
        let more = amounts.len().saturating_sub(SAID);
        let mut one = Said::new().and(format!("{}: ", words(&word)));
        for (nth, amount) in amounts.into_iter().take(SAID).enumerate() {
            one = if nth == 0 { one.and(amount) } else { one.and(", ").and(amount) };
        }
        one.and(if more == 0 { ".".to_owned() } else { format!(" and {more} more.") })
    });
    let lead = format!("What those who left gave as their reason, with the MRR of each in {}:", code(currency));
    let lead = Said::new().and(lead);
    Some(Block::Said([lead].into_iter().chain(sentences).collect()))
}

/// Amounts told after each reason.
const SAID: usize = 12;
