//! Tables for people's files: amounts in units of their currency.

use super::{
    cells::{BILLED, COUNTED_LINES, is_amount},
    table::Table,
    units::{Places, major},
};
use crate::ledger::money::Currency;

/// How a goal's row calls minor units, and its figures that are told in its unit.
const MINOR: &str = "minor";
const OF_GOALS: &[&str] = &["start", "now", "due", "target", "needed_a_day"];

impl Table {
    /// For people's files: every amount in units of its row's currency, its column named without `_exact`. What can't be in units
    /// says in what it is.
    pub fn in_units(self) -> Self {
        let at = |name: &str| self.columns.iter().position(|column| *column == name);
        let (currency_at, metric_at, line_at, unit_at) = (at("currency"), at("metric"), at("line"), at("unit"));
        let mut rows = self.rows;
        for row in &mut rows {
            let currency: Option<Currency> = currency_at.and_then(|at| row[at].parse().ok());
            let metric = metric_at.map(|at| row[at].clone());
            if line_at.is_some_and(|at| COUNTED_LINES.contains(&row[at].as_str())) {
                // What a closing counts is no money.
                continue;
            }
            // A goal's row says of what its figures are.
            let is_goal_of_money = unit_at.is_some_and(|at| row[at] == MINOR) && currency.is_some();
            for (column, cell) in self.columns.iter().zip(row.iter_mut()) {
                let is_amount = is_amount(column, metric.as_deref()) || BILLED.contains(column);
                if !cell.is_empty() && (is_amount || (is_goal_of_money && OF_GOALS.contains(column))) {
                    *cell = units(cell, currency);
                }
            }
            if let Some(unit) = unit_at.filter(|_| is_goal_of_money) {
                row[unit] = "major".into();
            }
        }
        Self {
            columns: self.columns.iter().map(|column| column.strip_suffix("_exact").unwrap_or(column)).collect(),
            rows,
        }
    }

    /// The table in units of its currencies ([`Table::in_units`]), as CSV.
    pub fn csv_in_units(&self) -> String {
        self.clone().in_units().csv()
    }
}

/// An amount, perhaps behind the word of what it is (`churn -1000`).
fn units(cell: &str, currency: Option<Currency>) -> String {
    let (word, amount) = cell.rsplit_once(' ').map_or((None, cell), |(word, amount)| (Some(word), amount));
    // Of what has no end the ledger shows six places.
    let (digits, more) = amount.strip_suffix('…').map_or((amount, ""), |digits| (digits, "…"));
    let units = currency.and_then(|currency| major(digits, currency, Places::All));
    match (units, word) {
        (Some(units), Some(word)) => format!("{word} {units}{more}"),
        (Some(units), None) => format!("{units}{more}"),
        (None, _) => format!("{cell} minor units"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheet_gets_numbers_in_units() {
        let table = Table {
            columns: vec!["currency", "amount_exact", "customers"],
            rows: vec![
                vec!["usd".into(), "-833.333333".into(), "3".into()],
                vec!["jpy".into(), "5".into(), String::new()],
            ],
        };
        assert_eq!(table.csv_in_units(), "currency,amount,customers\r\nusd,-8.33333333,3\r\njpy,5,\r\n");
    }

    #[test]
    fn a_goal_of_money_is_in_units_and_one_of_a_share_stays() {
        let columns = vec!["metric", "currency", "unit", "start", "target", "progress", "needed_a_day"];
        let row = |cells: [&str; 7]| cells.map(str::to_owned).to_vec();
        let rows = vec![
            row(["mrr", "usd", "minor", "4324389.526451", "5000000", "0.5", "100"]),
            row(["nrr", "usd", "share", "0.98", "1.05", "0.5", ""]),
        ];
        let told = Table { columns, rows }.csv_in_units();
        let told: Vec<&str> = told.lines().skip(1).collect();
        let expected = ["mrr,usd,major,43243.89526451,50000.00,0.5,1.00", "nrr,usd,share,0.98,1.05,0.5,"];
        assert_eq!(told, expected);
    }

    #[test]
    fn whatever_is_money_is_in_units_and_nothing_else() {
        let table = |columns: Vec<&'static str>, row: &[&str]| {
            let rows = vec![row.iter().map(|cell| (*cell).to_owned()).collect()];
            Table { columns, rows }.in_units().rows.remove(0)
        };
        let metric = vec!["currency", "metric", "value", "numerator", "denominator"];
        assert_eq!(table(metric.clone(), &["usd", "arpa", "1750", "3500", "2"])[2..], ["17.50", "35.00", "2"]);
        assert_eq!(table(metric.clone(), &["usd", "nrr", "1.5", "3000", "2000"])[2..], ["1.5", "30.00", "20.00"]);
        assert_eq!(table(metric, &["usd", "customer_churn", "0.5", "1", "2"])[2..], ["0.5", "1", "2"]);
        let closing = vec!["currency", "line", "amount_exact"];
        assert_eq!(table(closing.clone(), &["usd", "customers", "41"])[2], "41");
        assert_eq!(table(closing, &["usd", "churn", "-4100"])[2], "-41.00");
        assert_eq!(table(vec!["currency", "total"], &["usd", "4900"])[1], "49.00");
        assert_eq!(table(vec!["currency", "ledger_exact"], &["usd", "churn -1000"])[1], "churn -10.00");
        assert_eq!(table(vec!["currency", "amount_exact"], &["", "100"])[1], "100 minor units");
    }
}
