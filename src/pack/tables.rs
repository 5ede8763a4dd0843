//! The tables of a pack: those of the API's answers, whole, under the names of their sheets and files.

use super::figures::Figures;
use crate::report::{movements::MovementList, table::Table, workbook::Named};

/// Every table, in the order of the document.
pub(super) fn all(figures: &Figures) -> Vec<Named> {
    let movements = MovementList {
        converted: figures.mrr.answer.converted,
        data: figures.movements.iter().map(|moved| moved.of.answer.clone()).collect(),
        next_cursor: None,
    };
    let unknown = figures.unknown.iter().map(|(kind, count)| vec![(*kind).to_owned(), count.to_string()]);
    vec![
        ("bridge", figures.mrr.answer.table()),
        ("causes", figures.causes.answer.table()),
        ("metrics", figures.metrics.answer.table()),
        ("movements", named(figures, movements.table())),
        ("durability", figures.durability.answer.table()),
        ("cohorts", figures.cohorts.answer.table()),
        ("trials", figures.cohorts.answer.trials_table()),
        ("committed", figures.committed.answer.table()),
        ("restatements", figures.restatements.answer.table()),
        ("accuracy", figures.accuracy.answer.table()),
        ("unknown", Table { columns: vec!["kind", "count"], rows: unknown.collect() }),
    ]
}

/// With a column of names, where they are shown.
fn named(figures: &Figures, mut table: Table) -> Table {
    if figures.names == crate::config::Names::Hidden {
        return table;
    }
    let Some(at) = table.columns.iter().position(|column| *column == "customer") else { return table };
    table.columns.insert(at + 1, "customer_name");
    for (row, moved) in table.rows.iter_mut().zip(&figures.movements) {
        row.insert(at + 1, moved.of.answer.customer_name.clone().unwrap_or_default());
    }
    table
}
