//! Tables at several widths: what leaves, what stays, what is said beneath.

use super::*;

fn bridge() -> Table {
    let row = |start: &str, currency: &str, new: &str, churn: &str, closing: &str| -> Vec<String> {
        [start, currency, "0", new, churn, closing, "12", ""].map(str::to_owned).to_vec()
    };
    Table {
        columns: vec![
            "start",
            "currency",
            "fx_exact",
            "new_exact",
            "churn_exact",
            "closing_exact",
            "customers",
            "note",
        ],
        rows: vec![
            row("2026-01-01", "usd", "123456.5", "-5000", "1234567.333333"),
            row("2026-02-01", "usd", "100", "0", "1234667.333333"),
            row("2026-01-01", "jpy", "1500", "0", "1500"),
        ],
    }
}

const WIDE: Style = Style { width: None, exact: false, minor: false };

#[test]
fn amounts_stand_in_units_in_a_block_for_each_currency_with_their_sums() {
    insta::assert_snapshot!(show(&bridge(), WIDE), @r"
    In USD
     start            new   churn    closing  customers
     2026-01-01  1,234.56  -50.00  12,345.67         12
     2026-02-01      1.00    0.00  12,346.67         12
     total       1,235.56  -50.00

    In JPY
     start         new  closing  customers
     2026-01-01  1,500    1,500         12
    ");
}

#[test]
fn what_says_nothing_is_left_out_and_exact_shows_every_place() {
    let text = show(&bridge(), Style { exact: true, ..WIDE });
    assert!(text.contains("12,345.67333333") && !text.contains("fx") && !text.contains("note"), "{text}");
    assert_eq!(show(&Table { columns: vec!["day"], rows: Vec::new() }, WIDE), "Nothing to show.");
}

#[test]
fn a_narrow_terminal_loses_columns_and_never_a_digit() {
    let mut table = bridge();
    table.columns[7] = "events";
    table.rows.iter_mut().for_each(|row| row[7] = "evt_a_rather_long_identifier_of_an_event".into());
    let text = show(&table, Style { width: Some(70), exact: false, minor: false });
    assert!(text.lines().filter(|line| !line.starts_with('(')).all(|line| line.chars().count() <= 70), "{text}");
    assert!(text.contains("left out for want of width: events"), "{text}");
    assert!(text.contains("12,345.67"), "{text}");
}

#[test]
fn a_bridge_too_wide_stands_on_its_side_and_still_sums() {
    let cells = |row: [&str; 8]| row.map(str::to_owned).to_vec();
    let table = Table {
        columns: vec![
            "start",
            "end",
            "currency",
            "opening_exact",
            "reactivation_exact",
            "fx_exact",
            "closing_exact",
            "list_exact",
        ],
        rows: vec![
            cells(["2026-01-01", "2026-01-31", "usd", "123456700", "2430", "-8581", "123450549", "123450549"]),
            cells(["2026-02-01", "2026-02-28", "usd", "123450549", "0", "100", "123450649", "123450649"]),
        ],
    };
    let text = show(&table, Style { width: Some(46), exact: false, minor: false });
    assert!(text.lines().all(|line| line.chars().count() <= 46), "{text}");
    let words: Vec<String> = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let whole = [
        "In USD",
        "2026-01-01 2026-02-01",
        "opening 1,234,567.00 1,234,505.49",
        "reactivation 24.30 0.00",
        "fx -85.81 1.00",
        "closing 1,234,505.49 1,234,506.49",
        "list 1,234,505.49 1,234,506.49",
        "",
        "total",
        "opening",
        "reactivation 24.30",
        "fx -84.81",
        "closing",
        "list",
    ];
    assert_eq!(words, whole, "{text}");
}

#[test]
fn the_same_month_under_two_profiles_is_told_apart_and_never_summed() {
    let table = Table {
        columns: vec!["month", "profile", "currency", "new_exact", "closing_exact", "closed_at", "reason"],
        rows: vec![
            ["2026-10", "finance", "usd", "10000", "30000", "2026-11-01T09:00:00Z", ""].map(str::to_owned).to_vec(),
            ["2026-10", "stripe", "usd", "12000", "33000", "2026-11-01T09:00:00Z", "late"].map(str::to_owned).to_vec(),
        ],
    };
    for width in [None, Some(50)] {
        let text = show(&table, Style { width, exact: false, minor: false });
        assert!(text.contains("finance") && text.contains("stripe") && !text.contains("total"), "{text}");
    }
}

/// Some rows are others' sums (all customers, all causes), and segments may overlap: their sum would count money twice.
#[test]
fn rows_that_hold_the_same_money_again_are_never_summed() {
    for column in ["rollup", "knob", "segment"] {
        let table = Table {
            columns: vec!["month", "currency", column, "expansion_exact"],
            rows: vec![
                ["2026-10", "usd", "all", "30000"].map(str::to_owned).to_vec(),
                ["2026-10", "usd", "one", "30000"].map(str::to_owned).to_vec(),
            ],
        };
        for width in [None, Some(30)] {
            let text = show(&table, Style { width, exact: false, minor: false });
            assert!(text.contains("300.00") && !text.contains("total"), "{text}");
        }
    }
}

#[test]
fn a_period_that_still_runs_is_said_at_any_width() {
    let cells = |row: [&str; 6]| row.map(str::to_owned).to_vec();
    let table = Table {
        columns: vec!["start", "end", "currency", "opening_exact", "closing_exact", "partial"],
        rows: vec![
            cells(["2026-10-01", "2026-10-31", "usd", "100000", "200000", ""]),
            cells(["2026-11-01", "2026-11-30", "usd", "200000", "300000", "true"]),
        ],
    };
    for width in [None, Some(120), Some(45), Some(30)] {
        let text = show(&table, Style { width, exact: false, minor: false });
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("(The period from 2026-11-01 still runs: its figures are so far.)"), "{text}");
        assert!(!words.contains("partial") && !words.contains("from 2026-10-01"), "{text}");
    }
}

#[test]
fn a_count_of_trials_is_no_share() {
    let cells = |row: [&str; 3]| row.map(str::to_owned).to_vec();
    let table = Table {
        columns: vec!["currency", "metric", "value"],
        rows: vec![cells(["usd", "trial_churn", "3"]), cells(["usd", "trial_conversion", "0.5"])],
    };
    let text = show(&table, WIDE);
    assert!(text.contains(" 3") && text.contains("50.0 %") && !text.contains("300"), "{text}");
}

#[test]
fn why_a_figure_has_no_value_is_said_where_its_column_has_no_room() {
    let row = |metric: &str, value: &str, reason: &str| {
        ["2026-10-01", "usd", metric, value, reason].map(str::to_owned).to_vec()
    };
    let table = Table {
        columns: vec!["start", "currency", "metric", "value", "reason"],
        rows: vec![row("mrr", "390000", ""), row("expansion_durability", "", "90 days haven't passed")],
    };
    let text = show(&table, Style { width: Some(50), exact: false, minor: false });
    assert!(text.lines().all(|line| line.chars().count() <= 50), "{text}");
    assert!(text.contains("(expansion_durability: 90 days haven't passed)"), "{text}");
}

#[test]
fn where_no_table_fits_each_row_stands_for_itself() {
    let row = ["2026-11-28T23:12:44Z", "month_closed", "2026-10", "a sentence of some length about it", ""];
    let table = Table {
        columns: vec!["at", "action", "subject", "detail", "note"],
        rows: vec![row.map(str::to_owned).to_vec(), row.map(str::to_owned).to_vec()],
    };
    let text = show(&table, Style { width: Some(50), exact: false, minor: false });
    insta::assert_snapshot!(text, @r"
     at       2026-11-28T23:12:44Z
     action   month_closed
     subject  2026-10
     detail   a sentence of some length about it

     at       2026-11-28T23:12:44Z
     action   month_closed
     subject  2026-10
     detail   a sentence of some length about it
    ");
}

/// Rule `metrics`: retention in the reporting currency holds what rates moved, and says so; the two currencies' own don't.
#[test]
fn retention_that_holds_what_rates_moved_says_so() {
    let table = |metric: &str, converted: &str| Table {
        columns: vec!["currency", "converted", "metric", "value"],
        rows: vec![["eur", converted, metric, "0.9"].map(str::to_owned).to_vec()],
    };
    let said =
        |metric: &str, converted: &str| show(&table(metric, converted), WIDE).contains("What exchange rates moved");
    assert!(said("nrr", "true") && said("grr_12m", "true"));
    assert!(!said("nrr", "false") && !said("nrr_bridge", "true") && !said("quick_ratio", "true"));
    let cohorts = Table {
        columns: vec!["cohort", "currency", "converted", "mrr_retention"],
        rows: vec![["2026-01", "eur", "true", "0.9"].map(str::to_owned).to_vec()],
    };
    assert!(show(&cohorts, WIDE).contains("(What exchange rates moved is in mrr retention.)"));
}

#[test]
fn what_is_set_to_end_has_another_name_than_the_line_of_committed_mrr() {
    assert_eq!(heading("scheduled_churn_exact"), "set to end");
    assert_eq!(heading("at_risk_exact"), "at risk");
}

#[test]
fn words_are_cut_before_a_terminal_wraps_them() {
    let row =
        ["cus_1234567890", "-1494.5", "product_dropped subscription_dropped quantity_decrease", "Business, Starter"];
    let table = Table {
        columns: vec!["customer", "amount_exact", "causes", "products"],
        rows: vec![row.map(str::to_owned).to_vec()],
    };
    let text = show(&table, Style { width: Some(50), exact: false, minor: false });
    assert!(text.lines().all(|line| line.chars().count() <= 50), "{text}");
    assert!(text.contains("cus_1234567890") && text.contains('…') && text.contains("products"), "{text}");
}

#[test]
fn a_ratio_has_two_places() {
    assert_eq!(ratio("1.742739").unwrap(), "1.74");
    assert_eq!(ratio("0.005").unwrap(), "0.01");
    assert_eq!(ratio(""), None);
}

#[test]
fn a_share_is_told_in_per_cent() {
    assert_eq!(percent("0.9754").unwrap(), "97.5 %");
    assert_eq!(percent("-0.0005").unwrap(), "-0.1 %");
    assert_eq!(percent("1").unwrap(), "100.0 %");
    assert_eq!(percent(""), None);
}
