//! MRR from the month's beginning to its end, by line and cause, beside the month before and the same month a year ago.

use super::{each_currency, words};
use crate::{
    ledger::money::{Currency, Mrr},
    pack::{
        chart::{Bar, bars, short},
        figures::{Figures, back, of_month},
        said::{Block, Piece, Row, Said, Section, Shown, code, shown},
    },
    report::{money::Exact, mrr::MrrEntry},
};

type Line = (&'static str, fn(&MrrEntry) -> Exact);

/// The lines of a bridge between opening and closing.
const LINES: [Line; 7] = [
    ("opening_balance", |one| one.opening_balance_exact),
    ("new", |one| one.new_exact),
    ("expansion", |one| one.expansion_exact),
    ("reactivation", |one| one.reactivation_exact),
    ("contraction", |one| one.contraction_exact),
    ("churn", |one| one.churn_exact),
    ("fx", |one| one.fx_exact),
];

pub(super) fn section(figures: &Figures) -> Section {
    let blocks = each_currency(figures, |currency| {
        let Some((at, entry)) = figures.entry(currency, 0) else { return Vec::new() };
        let mut blocks = vec![said(figures, currency, at, entry), Block::Chart(bridge_chart(figures, currency, entry))];
        blocks.push(Block::Table(table(figures, currency, at, entry)));
        blocks.extend(year(figures, currency).map(Block::Chart));
        blocks
    });
    Section { id: "bridge", title: "MRR bridge", page: figures.page("/movements"), blocks }
}

/// What closed, by how much it changed, what moved it, and how far it can be trusted.
fn said(figures: &Figures, currency: Currency, at: usize, entry: &MrrEntry) -> Block {
    let (mrr, code) = (&figures.mrr, code(currency));
    let place = |at: usize, name: &str| format!("/data/{at}/{name}_exact");
    let closing = mrr.amount(entry.closing_exact, currency, &place(at, "closing"));
    let verb = if figures.draft { " stands at " } else { " closed at " };
    let mut first =
        Said::new().and(format!("MRR of {}{verb}", figures.month_name())).and(closing).and(format!(" {code}"));
    for (months, than) in [(1, "the month before"), (12, "a year before")] {
        let named = back(figures.month, months);
        match figures.entry(currency, months) {
            Some((other, before)) => {
                let (now, then) =
                    ((entry.closing_exact, place(at, "closing")), (before.closing_exact, place(other, "closing")));
                let pair = ((now.0, now.1.as_str()), (then.0, then.1.as_str()));
                first = first.and(", ").and(mrr.change(pair.0, pair.1, currency));
                if let Some(growth) = mrr.growth(pair.0, pair.1) {
                    first = first.and(" (").and(growth).and(")");
                }
                first = first.and(format!(" against {than}"));
            }
            None => first = first.and(format!("; the ledger has no MRR of {named}, {than}")),
        }
    }
    let mut moved = Said::new();
    let lines = LINES.iter().filter(|(_, of)| of(entry).0 != Mrr::ZERO);
    for (nth, (name, of)) in lines.enumerate() {
        let amount = mrr.amount(of(entry), currency, &place(at, name));
        let word = if nth == 0 { capital(&words(name)) } else { format!(", {}", words(name)) };
        moved = moved.and(format!("{word} ")).and(amount);
    }
    let moved = if moved.0.is_empty() { Said::new().and("Nothing moved.") } else { moved.and(".") };
    Block::Said(vec![first.and("."), moved, class(figures, currency)])
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

/// Rule `classes`.
fn class(figures: &Figures, currency: Currency) -> Said {
    match figures.judged(currency) {
        Some((_, judged)) => {
            let reason = judged.class_reason.map(|reason| format!(": {reason}")).unwrap_or_default();
            Said::new().and(format!("Class of these figures: {}{reason}.", judged.class.as_str()))
        }
        None => Said::new().and("Class of these figures: short_term: the month isn't closed."),
    }
}

fn bridge_chart(figures: &Figures, currency: Currency, entry: &MrrEntry) -> String {
    let text = |amount: Mrr| short(&shown(Exact(amount), currency));
    let stands = |label: &str, amount: Mrr| Bar {
        label: label.to_owned(),
        text: text(amount),
        from: 0,
        to: amount.0,
        stands: true,
    };
    let mut bars_of = vec![stands("opening", entry.opening_exact.0)];
    let mut height = entry.opening_exact.0;
    for (name, of) in LINES {
        let moved = of(entry).0;
        let Some(to) = height.checked_add(moved).filter(|_| moved != Mrr::ZERO) else { continue };
        bars_of.push(Bar { label: words(name), text: text(moved), from: height.0, to: to.0, stands: false });
        height = to;
    }
    bars_of.push(stands("closing", entry.closing_exact.0));
    bars(&format!("MRR bridge of {} in {}", figures.month, code(currency)), &bars_of)
}

/// The last thirteen months, from the first with MRR on; none where there is only this one.
fn year(figures: &Figures, currency: Currency) -> Option<String> {
    let months =
        (0..=12).rev().filter_map(|months| Some((back(figures.month, months), figures.entry(currency, months)?.1)));
    let bars_of: Vec<Bar> = months
        .map(|(month, entry)| Bar {
            label: month.to_string(),
            text: short(&shown(entry.closing_exact, currency)),
            from: 0,
            to: entry.closing_exact.0.0,
            stands: true,
        })
        .collect();
    (bars_of.len() > 1).then(|| bars(&format!("MRR at the end of each month in {}", code(currency)), &bars_of))
}

/// Each line with its causes, and what it was the month before and a year ago.
fn table(figures: &Figures, currency: Currency, at: usize, entry: &MrrEntry) -> Shown {
    let mrr = &figures.mrr;
    let others: Vec<_> = [1, 12].map(|months| figures.entry(currency, months)).into();
    let line = |name: &str, of: fn(&MrrEntry) -> Exact| {
        let cell = |(at, entry): (usize, &MrrEntry)| -> Piece {
            mrr.amount(of(entry), currency, &format!("/data/{at}/{name}_exact")).into()
        };
        let others = others.iter().map(|other| other.map_or_else(|| "–".into(), cell));
        let mut cells = vec![words(name).into(), cell((at, entry))];
        cells.extend(others);
        cells
    };
    let mut rows = vec![Row::strong(line("opening", |one| one.opening_exact))];
    for (name, of) in LINES {
        let known = others.iter().flatten().map(|(_, entry)| of(entry));
        if of(entry).0 == Mrr::ZERO && known.clone().all(|amount| amount.0 == Mrr::ZERO) {
            continue;
        }
        rows.push(Row::of(line(name, of)));
        let causes = figures.causes.answer.data.iter().enumerate();
        let of_line = causes
            .filter(|(_, one)| one.currency == currency && of_month(one, figures.month) && of(one).0 != Mrr::ZERO);
        for (at, cause) in of_line {
            let named = cause.group.clone().flatten().unwrap_or_else(|| "unknown".to_owned());
            let amount = figures.causes.amount(of(cause), currency, &format!("/data/{at}/{name}_exact"));
            rows.push(Row::inner(vec![words(&named).into(), amount.into(), "".into(), "".into()]));
        }
    }
    rows.push(Row::strong(line("closing", |one| one.closing_exact)));
    let counted = |(at, entry): (usize, &MrrEntry)| -> Piece {
        entry.customers.map_or_else(|| "–".into(), |count| mrr.count(count, &format!("/data/{at}/customers")).into())
    };
    let mut customers = vec!["paying customers at the end".into(), counted((at, entry))];
    customers.extend(others.iter().map(|other| other.map_or_else(|| "–".into(), counted)));
    rows.push(Row::of(customers));
    for (name, of) in [
        ("list", (|one| one.list_exact) as fn(&MrrEntry) -> Exact),
        ("at_risk", |one| one.at_risk_exact),
        ("scheduled_churn", |one| one.scheduled_churn_exact),
        ("estimated", |one| one.estimated_exact),
    ] {
        let mut cells = line(name, of);
        cells[0] = match name {
            "list" => "before discounts",
            "at_risk" => "past due",
            "scheduled_churn" if figures.counts_requests => "set to end (out of MRR but for fixed terms)",
            "scheduled_churn" => "set to end",
            _ => "on estimates",
        }
        .into();
        rows.push(Row::of(cells));
    }
    let month = |months: i32| back(figures.month, months).to_string();
    Shown {
        caption: format!("From opening to closing, in {}", code(currency)),
        columns: vec!["Line".into(), month(0), month(1), month(12)],
        words: 1,
        rows,
    }
}
