//! The month's largest movements, with who moved.

use super::{each_currency, nothing, words};
use crate::{
    config::Names,
    ledger::money::{Currency, Mrr},
    pack::{
        figures::{Figures, Moved},
        said::{Block, Piece, Row, Section, Shown, code},
    },
};

/// So many each way.
const LARGEST: usize = 10;

pub(super) fn section(figures: &Figures) -> Section {
    let blocks = each_currency(figures, |currency| {
        let mut gains = all_of(figures, currency);
        let mut losses = gains.split_off(gains.partition_point(|one| one.of.answer.amount_exact.0 > Mrr::ZERO));
        losses.reverse();
        let mut blocks = vec![
            listed(figures, currency, "Largest gains", &gains),
            listed(figures, currency, "Largest losses", &losses),
        ];
        if figures.names == Names::Hidden && !figures.movements.is_empty() {
            blocks.push(Block::Note("Customers are called by their ids: privacy.show_names is off.".into()));
        }
        blocks
    });
    Section { id: "movements", title: "Largest movements", page: figures.page("/movements"), blocks }
}

/// From the largest gain to the largest loss.
fn all_of(figures: &Figures, currency: Currency) -> Vec<&Moved> {
    let told = |one: &&Moved| {
        let entry = &one.of.answer;
        entry.currency == currency.as_str() && entry.kind != "transient" && entry.amount_exact.0 != Mrr::ZERO
    };
    let mut all: Vec<&Moved> = figures.movements.iter().filter(told).collect();
    all.sort_by(|a, b| {
        let (a, b) = (&a.of.answer, &b.of.answer);
        b.amount_exact.0.cmp(&a.amount_exact.0).then_with(|| a.id.cmp(&b.id))
    });
    all
}

fn listed(figures: &Figures, currency: Currency, title: &str, all: &[&Moved]) -> Block {
    if all.is_empty() {
        return nothing(&format!("{title}: there are none."));
    }
    let rows = all.iter().take(LARGEST).map(|one| {
        let entry = &one.of.answer;
        let amount = |amount, name: &str| -> Piece {
            one.of.amount(amount, currency, &format!("{}/{name}_exact", one.place)).into()
        };
        let mut causes: Vec<&str> = Vec::new();
        entry.parts.iter().for_each(|part| {
            if !causes.contains(&part.cause) {
                causes.push(part.cause);
            }
        });
        Row::of(vec![
            figures.who(entry.account.as_ref(), &entry.customer),
            entry.day.clone().into(),
            words(entry.kind).into(),
            words(&causes.join(", ")).into(),
            amount(entry.before_exact, "before"),
            amount(entry.amount_exact, "amount"),
            amount(entry.after_exact, "after"),
        ])
    });
    let more = all.len().saturating_sub(LARGEST);
    let more = if more == 0 { String::new() } else { format!(", {LARGEST} of {}", all.len()) };
    Block::Table(Shown {
        caption: format!("{title}{more}, in {}", code(currency)),
        columns: ["Customer", "Day", "Kind", "Causes", "Before", "Change", "After"].map(str::to_owned).into(),
        words: 4,
        rows: rows.collect(),
    })
}
