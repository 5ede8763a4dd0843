//! Reports as workbooks, read back: each number is the API's, in units of its currency.

use std::{collections::BTreeSet, io::Cursor};

use calamine::{Data, Reader, Xlsx};
use serde_json::Value;

use super::ledger;
use crate::{serving::closing::done, support::daemon::Settings};

/// The rows of a sheet.
pub(crate) fn sheet(bytes: &[u8], name: &str) -> Vec<Vec<Data>> {
    let mut book = Xlsx::new(Cursor::new(bytes.to_vec())).unwrap();
    book.worksheet_range(name).unwrap().rows().map(<[Data]>::to_vec).collect()
}

/// A cell as CSV would have it: days as days, nothing as nothing.
pub(crate) fn plain(cell: &Data) -> String {
    match cell {
        Data::Empty => String::new(),
        Data::DateTime(at) => {
            let (year, month, day, hour, minute, second, _) = at.to_ymd_hms_milli();
            match (day, at.as_f64().fract() == 0.0) {
                (_, true) => format!("{year:04}-{month:02}-{day:02}"),
                _ => format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"),
            }
        }
        other => other.to_string(),
    }
}

fn same(cell: &Data, csv: &str) -> bool {
    if let Data::Float(number) = cell {
        return csv.parse() == Ok(*number);
    }
    let text = plain(cell);
    // A month is its first day.
    text == csv || (matches!(cell, Data::DateTime(_)) && text == format!("{csv}-01"))
}

/// Every number of an answer, in minor units, without those that are of other forms.
fn amounts(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            let exact = fields.iter().filter(|(name, _)| name.ends_with("_exact"));
            found.extend(exact.filter_map(|(_, amount)| amount.as_str().map(str::to_owned)));
            fields.values().for_each(|value| amounts(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| amounts(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn every_report_is_a_workbook_with_the_figures_of_its_csv_and_its_json() {
    let mut daemon = ledger(Settings::default().env("MRRD_LEDGER__PROFILES", "finance")).await;
    daemon.settle().await;
    done(&daemon, &["close", "2026-01", "--json"]);
    let span: &[&str] = &["--from", "2026-01-01", "--to", "2026-02-28"];
    for (report, more) in [
        ("mrr", span),
        ("waterfall", span),
        ("metrics", span),
        ("cohorts", span),
        ("movements", span),
        ("durability", span),
        ("accuracy", span),
        ("committed", &[]),
        ("restatements", &[]),
    ] {
        let ask = |format: &str| {
            let output = daemon.command(&[&["report", report, "--format", format], more].concat());
            assert!(output.status.success(), "{report}: {}", String::from_utf8_lossy(&output.stderr));
            output.stdout
        };
        let book = ask("xlsx");
        assert_eq!(book, ask("xlsx"), "{report}: the same question gives the same bytes");
        let csv = String::from_utf8(ask("csv")).unwrap();
        let json: Value = serde_json::from_slice(&ask("json")).unwrap();
        let mut csv = csv::Reader::from_reader(csv.as_bytes());
        let columns: Vec<String> = csv.headers().unwrap().iter().map(str::to_owned).collect();
        let expected: Vec<Vec<String>> =
            csv.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect();
        let rows = sheet(&book, "figures");
        assert_eq!(rows[0].iter().map(plain).collect::<Vec<_>>(), columns, "{report}");
        assert_eq!(rows.len() - 1, expected.len(), "{report}");
        for (row, record) in rows[1..].iter().zip(&expected) {
            for ((cell, csv), column) in row.iter().zip(record).zip(&columns) {
                assert!(same(cell, csv), "{report} {column}: {cell:?} {csv}");
                assert!(!matches!(cell, Data::Error(_)), "{report} {column}");
            }
        }
        let numbers: BTreeSet<String> = rows
            .iter()
            .flatten()
            .filter_map(
                |cell| if let Data::Float(number) = cell { Some((number * 100.0).round().to_string()) } else { None },
            )
            .collect();
        let mut told = BTreeSet::new();
        if matches!(report, "mrr" | "waterfall" | "durability") {
            amounts(&json, &mut told);
            assert!(!told.is_empty(), "{report}: {json}");
        }
        assert!(told.is_subset(&numbers), "{report}: {told:?} {numbers:?}");
        let about = sheet(&book, "about");
        let said: Vec<String> = about.iter().map(|row| row.iter().map(plain).collect::<Vec<_>>().join(": ")).collect();
        for line in
            ["profile: finance", "time zone: UTC", "currency: each currency's own ledger", "log read to: event 5"]
        {
            assert!(said.iter().any(|one| one == line), "{report}: {said:?}");
        }
    }
}

#[tokio::test]
async fn the_api_gives_the_same_workbook_as_a_file_with_a_name() {
    let mut daemon = ledger(Settings::default()).await;
    daemon.settle().await;
    let asked = "/api/v1/mrr?from=2026-01-01&to=2026-02-28";
    let book = daemon.get(&format!("{asked}&format=xlsx")).await;
    let header = |name: &str| book.headers[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), mrrd::report::workbook::MEDIA_TYPE);
    assert_eq!(header("content-disposition"), "attachment; filename=\"mrrd-mrr.xlsx\"");
    let json = daemon.json(asked).await;
    let rows = sheet(&book.body, "figures");
    let column = |name: &str| rows[0].iter().position(|cell| plain(cell) == name).unwrap();
    for (row, entry) in rows[1..].iter().zip(json["data"].as_array().unwrap()) {
        for line in ["opening", "new", "expansion", "churn", "closing", "list"] {
            let exact: f64 = entry[format!("{line}_exact")].as_str().unwrap().parse().unwrap();
            assert_eq!(row[column(line)], Data::Float(exact / 100.0), "{line}");
        }
        assert_eq!(row[column("customers")], Data::Float(entry["customers"].as_f64().unwrap()));
    }
    assert_eq!(daemon.get(&format!("{asked}&format=xlsx")).await.body, book.body);
    // A list that is about no ledger of one profile is a workbook as well.
    assert_eq!(sheet(&daemon.get("/api/v1/events?format=xlsx").await.body, "figures").len(), 6);
    assert_eq!(daemon.get(&format!("{asked}&format=xls")).await.status, 422);
}
