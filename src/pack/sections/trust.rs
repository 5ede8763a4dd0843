//! How far the pack can be trusted: what changed in months closed before, how closed months stand now, and what isn't known.

use super::{nothing, words};
use crate::{
    pack::{
        figures::Figures,
        said::{Block, Piece, Row, Said, Section, Shown, code},
    },
    report::metrics::Metric,
};

/// Restatements listed one by one.
const LISTED: usize = 30;

pub(super) fn restatements(figures: &Figures) -> Section {
    let told = &figures.restatements;
    let all: Vec<_> = told.answer.data.iter().enumerate().filter(|(_, one)| one.month < figures.month).collect();
    let mut blocks = Vec::new();
    let since = figures.kept.before.as_ref().map(|closing| format!("{} was closed", closing.month));
    match (&since, all.is_empty()) {
        (None, _) => blocks.push(nothing("No earlier month is closed: there is nothing to restate.")),
        (Some(_), true) => blocks.push(nothing("Every month closed before stands as it was closed.")),
        (Some(since), false) => {
            let new = all.iter().filter(|(at, _)| figures.since.contains(at)).count();
            let sentence = format!(
                "{} of earlier closed months are other than they were closed with, {new} of them by events that came since {since}.",
                counted(all.len(), "figure")
            );
            blocks.push(Block::Said(vec![Said::new().and(sentence)]));
            let rows = all.iter().take(LISTED).map(|(at, one)| {
                let amount = |exact, side: &str| -> Piece {
                    told.amount(exact, one.currency, &format!("/data/{at}/{side}/closing_exact")).into()
                };
                Row::of(vec![
                    one.month.to_string().into(),
                    figures.who(one.account.as_ref(), &one.customer),
                    code(one.currency).into(),
                    if figures.since.contains(at) { "yes".into() } else { "".into() },
                    why(one.events.len(), &one.rules_changed).into(),
                    amount(one.before.closing_exact, "before"),
                    amount(one.after.closing_exact, "after"),
                ])
            });
            blocks.push(Block::Table(Shown {
                caption: "MRR at a closed month's end, as it was closed and as it was known at this closing".into(),
                columns: ["Month", "Customer", "Currency", "Since", "Why", "Closed with", "Known"]
                    .map(str::to_owned)
                    .into(),
                words: 5,
                rows: rows.collect(),
            }));
            if all.len() > LISTED {
                blocks.push(Block::Note(format!("{LISTED} of {}; the workbook and the CSV have all.", all.len())));
            }
        }
    }
    Section { id: "restatements", title: "Restatements since the last closing", page: figures.page("/closing"), blocks }
}

fn why(events: usize, rules: &[String]) -> String {
    let events = (events > 0).then(|| counted(events, "event"));
    let rules = (!rules.is_empty()).then(|| format!("other rules ({})", rules.join(", ")));
    events.into_iter().chain(rules).collect::<Vec<_>>().join("; ")
}

/// `1 event`, `3 events`
fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

pub(super) fn accuracy(figures: &Figures) -> Section {
    let told = &figures.accuracy;
    let rows = told.answer.data.iter().enumerate().map(|(at, one)| {
        let amount =
            |exact, name: &str| -> Piece { told.amount(exact, one.currency, &format!("/data/{at}/{name}")).into() };
        let share = |metric: &Metric, name: &str| told.share(metric, &format!("/data/{at}/{name}"));
        let reason = one.class_reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
        Row::of(vec![
            one.month.to_string().into(),
            code(one.currency).into(),
            format!("{}{reason}", words(one.class.as_str())).into(),
            amount(one.reported_exact, "reported_exact"),
            amount(one.restated_exact, "restated_exact"),
            share(&one.restated_share, "restated_share"),
            share(&one.estimated_share, "estimated_share"),
            told.count(one.customers, &format!("/data/{at}/customers")).into(),
            told.count(one.customers_in_quality, &format!("/data/{at}/customers_in_quality")).into(),
        ])
    });
    let rows: Vec<Row> = rows.collect();
    let blocks = if rows.is_empty() {
        vec![nothing(
            "No month is closed in this span: nothing was reported that could be held against what is known now.",
        )]
    } else {
        vec![
            Block::Said(vec![Said::new().and(
                "Each closed month as it was reported, and by how much what is known of it differed when this month was closed.",
            )]),
            Block::Table(Shown {
                caption: "Closed months".into(),
                columns: ["Month", "Currency", "Class", "Reported", "Restated", "Share", "Estimated", "Customers", "In quality"]
                    .map(str::to_owned)
                    .into(),
                words: 3,
                rows,
            }),
            Block::Note(
                "Essential: exact, nothing in it estimated or unpriced. Supporting: less than that, by its reason. Customers in \
                 quality: those of whom something isn't known, but for how a discount was read off."
                    .into(),
            ),
        ]
    };
    Section { id: "accuracy", title: "Accuracy", page: figures.page("/closing"), blocks }
}

pub(super) fn unknown(figures: &Figures) -> Section {
    let mut blocks = Vec::new();
    if figures.unknown.is_empty() {
        blocks.push(nothing("All events that tell of MRR are read and priced."));
    } else {
        let rows = figures.unknown.iter().map(|(kind, count)| {
            Row::of(vec![
                words(kind).into(),
                Piece::Page { text: count.to_string(), path: format!("/health?kind={kind}") },
            ])
        });
        blocks.push(Block::Table(Shown {
            caption: "Entries of what isn't known, or was read off later events, by kind".into(),
            columns: vec!["Kind".into(), "Entries".into()],
            words: 1,
            rows: rows.collect(),
        }));
        blocks.push(Block::Note("`mrrd quality` lists each with what would settle it.".into()));
    }
    Section { id: "unknown", title: "What isn't known", page: "/health".into(), blocks }
}
