//! Committed MRR at the month's end: what the log already knows of the days ahead.

use super::{each_currency, nothing, words};
use crate::{
    pack::{
        figures::{Figures, HORIZON},
        said::{Block, Piece, Row, Said, Section, Shown, code},
    },
    report::committed_answer::CommittedEntry,
};

/// Changes listed one by one.
const LISTED: usize = 20;

pub(super) fn section(figures: &Figures) -> Section {
    let told = &figures.committed;
    let blocks = each_currency(figures, |currency| {
        let mut all = told.answer.data.iter().enumerate();
        let Some((at, entry)) = all.find(|(_, one)| one.currency == currency.as_str()) else {
            return vec![nothing("Nothing stands in this currency at the month's end.")];
        };
        // A state that was only read later, from Stripe's API, says what stood and not what was scheduled.
        if figures.entry(currency, 0).is_none_or(|(_, month)| month.closing_exact != entry.mrr_exact) {
            return vec![nothing(
                "What was scheduled at the month's end can't be known: some of its MRR was read from Stripe after it.",
            )];
        }
        let amount =
            |(name, exact)| -> Piece { told.amount(exact, currency, &format!("/data/{at}/{name}_exact")).into() };
        let said = Said::new()
            .and("If all that is scheduled happens and nothing else, MRR stands at ")
            .and(amount(("committed", entry.committed_exact)))
            .and(format!(" {} on {}, {HORIZON} days after {}.", code(currency), told.answer.until, told.answer.day));
        let rows = entry.amounts().into_iter().map(|(name, exact)| {
            let cells = vec![words(name).into(), amount((name, exact))];
            if matches!(name, "mrr" | "committed") { Row::strong(cells) } else { Row::of(cells) }
        });
        let mut blocks = vec![
            Block::Said(vec![said]),
            Block::Table(Shown {
                caption: format!("Committed MRR, in {}", code(currency)),
                columns: vec!["Line".into(), "Amount".into()],
                words: 1,
                rows: rows.collect(),
            }),
            Block::Table(beside(figures, currency, at, entry)),
        ];
        blocks.extend(lines(figures, currency, at, entry));
        if !entry.untold.is_empty() {
            blocks.push(Block::Note(format!(
                "{} more changes are planned at amounts that the log can't tell: they are in no line.",
                entry.untold.len()
            )));
        }
        blocks
    });
    Section { id: "committed", title: "Committed MRR", page: figures.page("/"), blocks }
}

fn beside(figures: &Figures, currency: crate::ledger::money::Currency, at: usize, entry: &CommittedEntry) -> Shown {
    let told = &figures.committed;
    let row = |what: &str, (count, count_at): (u64, &str), (exact, amount_at): (_, &str)| {
        let count = told.count(count, &format!("/data/{at}/{count_at}"));
        Row::of(vec![
            what.into(),
            count.into(),
            told.amount(exact, currency, &format!("/data/{at}/{amount_at}")).into(),
        ])
    };
    let (trials, late, renewals) = (&entry.trials_due, &entry.past_due, &entry.annual_renewals);
    Shown {
        caption: format!("Beside it, in none of its lines, in {}", code(currency)),
        columns: ["What", "Count", "MRR"].map(str::to_owned).into(),
        words: 1,
        rows: vec![
            row(
                "trials that end by then, if all convert",
                (trials.trials, "trials_due/trials"),
                (trials.mrr_exact, "trials_due/mrr_exact"),
            ),
            row("customers past due", (late.customers, "past_due/customers"), (late.mrr_exact, "past_due/mrr_exact")),
            row(
                "annual renewals by then",
                (renewals.subscriptions, "annual_renewals/subscriptions"),
                (renewals.mrr_exact, "annual_renewals/mrr_exact"),
            ),
        ],
    }
}

/// The largest of what is scheduled.
fn lines(
    figures: &Figures,
    currency: crate::ledger::money::Currency,
    at: usize,
    entry: &CommittedEntry,
) -> Option<Block> {
    let told = &figures.committed;
    let mut lines: Vec<_> = entry.lines.iter().enumerate().collect();
    lines.sort_by_key(|(nth, line)| (std::cmp::Reverse(line.amount_exact.0.0.unsigned_abs()), *nth));
    if lines.is_empty() {
        return None;
    }
    let more = if lines.len() > LISTED { format!(", {LISTED} of {}", lines.len()) } else { String::new() };
    let rows = lines.into_iter().take(LISTED).map(|(nth, line)| {
        Row::of(vec![
            line.day.clone().into(),
            words(line.line).into(),
            figures.who(line.account.as_ref(), &line.customer),
            told.amount(line.amount_exact, currency, &format!("/data/{at}/lines/{nth}/amount_exact")).into(),
        ])
    });
    Some(Block::Table(Shown {
        caption: format!("What is scheduled, the largest first{more}, in {}", code(currency)),
        columns: ["Day", "Line", "Customer", "Amount"].map(str::to_owned).into(),
        words: 3,
        rows: rows.collect(),
    }))
}
