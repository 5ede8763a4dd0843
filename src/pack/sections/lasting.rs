//! What lasts: how much of each month's expansion is still held, and what is left of each cohort.

use super::{each_currency, nothing, words};
use crate::{
    ledger::money::Currency,
    pack::{
        figures::Figures,
        said::{Block, Piece, Row, Said, Section, Shown, code},
    },
};

/// Ages of a cohort that a page has room for: the month itself and eleven more.
const AGES: usize = 12;

pub(super) fn durability(figures: &Figures) -> Section {
    let told = &figures.durability;
    let blocks = each_currency(figures, |currency| {
        let of = told.answer.data.iter().enumerate().filter(|(_, one)| one.currency == currency.as_str());
        let whole: Vec<_> = of.clone().filter(|(_, one)| one.rollup.is_none()).collect();
        let Some(ages) = whole.first().map(|(_, one)| one.ages.iter().map(|age| age.days).collect::<Vec<_>>()) else {
            return vec![nothing("Nobody expanded in this month or the twelve before it.")];
        };
        let mut said = Vec::new();
        if let Some((at, entry)) =
            whole.iter().rev().find(|(_, one)| one.ages.iter().any(|age| age.days == 90 && age.held.is_some()))
            && let Some(age) = entry.ages.iter().position(|age| age.days == 90)
        {
            said.push(
                Said::new()
                    .and(format!("Of the expansion of {}, ", entry.month))
                    .and(told.amount(entry.expansion_exact, currency, &format!("/data/{at}/expansion_exact")))
                    .and(format!(" {}, the same customers still held ", code(currency)))
                    .and(told.share(&entry.ages[age].share, &format!("/data/{at}/ages/{age}/share")))
                    .and(" after 90 days."),
            );
        }
        let rows = whole.iter().map(|(at, entry)| {
            let mut cells: Vec<Piece> = vec![
                entry.month.clone().into(),
                told.amount(entry.expansion_exact, currency, &format!("/data/{at}/expansion_exact")).into(),
            ];
            for (nth, age) in entry.ages.iter().enumerate() {
                let place = format!("/data/{at}/ages/{nth}");
                cells.push(match age.held_exact {
                    Some(held) => told.amount(held, currency, &format!("{place}/held_exact")).into(),
                    None => "not yet".into(),
                });
                cells.push(told.share(&age.share, &format!("{place}/share")));
            }
            Row::of(cells)
        });
        let heads = ages.iter().flat_map(|days| [format!("Held {days} d"), format!("{days} d")]);
        let by_month = Shown {
            caption: format!("Expansion of each month and what is left of it, in {}", code(currency)),
            columns: ["Month".to_owned(), "Expansion".to_owned()].into_iter().chain(heads).collect(),
            words: 1,
            rows: rows.collect(),
        };
        let mut blocks: Vec<Block> = Some(said).filter(|said| !said.is_empty()).map(Block::Said).into_iter().collect();
        let by_cause = of.filter(|(_, one)| one.rollup.is_some() && one.month == figures.month.to_string());
        let by_cause = by_cause.map(|(at, one)| {
            let amount = told.amount(one.expansion_exact, currency, &format!("/data/{at}/expansion_exact"));
            let customers = told.count(one.customers, &format!("/data/{at}/customers"));
            Row::of(vec![words(one.rollup.unwrap_or_default()).into(), customers.into(), amount.into()])
        });
        let by_cause: Vec<Row> = by_cause.collect();
        if !by_cause.is_empty() {
            blocks.push(Block::Table(Shown {
                caption: format!("Expansion of {} by cause, in {}", figures.month, code(currency)),
                columns: ["Cause", "Customers", "Expansion"].map(str::to_owned).into(),
                words: 1,
                rows: by_cause,
            }));
        }
        blocks.push(Block::Table(by_month));
        blocks
    });
    Section { id: "durability", title: "Expansion and how long it lasts", page: figures.page("/movements"), blocks }
}

pub(super) fn cohorts(figures: &Figures) -> Section {
    let told = &figures.cohorts;
    let blocks = each_currency(figures, |currency| cohorts_of(figures, currency));
    let mut blocks = blocks;
    let trials: Vec<Row> = told
        .answer
        .trials
        .iter()
        .enumerate()
        .map(|(at, one)| {
            let count = |count: u64, name: &str| -> Piece { told.count(count, &format!("/trials/{at}/{name}")).into() };
            Row::of(vec![
                one.cohort.clone().into(),
                count(one.ended, "ended"),
                count(one.converted, "converted"),
                told.share(&one.conversion, &format!("/trials/{at}/conversion")),
            ])
        })
        .collect();
    if !trials.is_empty() {
        blocks.push(Block::Table(Shown {
            caption: "Trials by the month they began, of those that ended".into(),
            columns: ["Began", "Ended", "Converted", "Conversion"].map(str::to_owned).into(),
            words: 1,
            rows: trials,
        }));
    }
    Section { id: "cohorts", title: "Cohorts", page: figures.page("/cohorts"), blocks }
}

fn cohorts_of(figures: &Figures, currency: Currency) -> Vec<Block> {
    let told = &figures.cohorts;
    let of = told.answer.data.iter().enumerate().filter(|(_, one)| one.currency == currency.as_str());
    let of: Vec<_> = of.collect();
    if of.is_empty() {
        return vec![nothing("No customer began in the last twelve months.")];
    }
    let ages = of.iter().map(|(_, one)| one.ages.len().min(AGES)).max().unwrap_or_default();
    let rows = of.iter().map(|(at, one)| {
        let mut cells: Vec<Piece> =
            vec![one.cohort.clone().into(), told.count(one.customers, &format!("/data/{at}/customers")).into()];
        let shares = one.ages.iter().take(AGES).enumerate();
        cells.extend(
            shares.map(|(age, one)| told.share(&one.mrr_retention, &format!("/data/{at}/ages/{age}/mrr_retention"))),
        );
        cells.resize(ages + 2, "".into());
        Row::of(cells)
    });
    let columns = ["Began".to_owned(), "Customers".to_owned()].into_iter().chain((0..ages).map(|age| age.to_string()));
    vec![Block::Table(Shown {
        caption: format!(
            "MRR in {} of those who began in a month, as a share of their first month's, by months since",
            code(currency)
        ),
        columns: columns.collect(),
        words: 1,
        rows: rows.collect(),
    })]
}
