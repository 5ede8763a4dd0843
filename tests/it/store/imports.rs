//! An import is recorded once, numbered, sealed and for ever (rule `attributes`).

use mrrd::{
    event::Seq,
    ledger::time::UnixTime,
    store::records::{audit_trail::Action, imports::*},
};

use super::subject::*;
use crate::support::deed;

fn row(line: i64, customer: &str, value: &str, day: &str) -> AttributeRow {
    let whose = match customer.strip_prefix("crm=") {
        None => Whose::Stripe(customer.into()),
        Some(value) => Whose::Metadata { key: "crm".into(), value: value.into() },
    };
    AttributeRow { line, whose, key: "size".into(), value: value.into(), valid_from: day.parse().unwrap() }
}

fn import(file: &str, rows: Vec<AttributeRow>) -> NewImport {
    let set_aside = vec![SetAside { line: 9, reason: "it names no customer".into() }];
    NewImport { kind: ImportKind::Attributes, file: file.into(), rows, spend: Vec::new(), set_aside }
}

async fn recorded(subject: &Subject, at: i64, new: &NewImport) -> Import {
    let mut deed = deed(at);
    deed.action = Action::AttributesImported;
    subject.store.records.record_import(new, &deed).await.unwrap().unwrap()
}

on_both! {
    async fn imports_are_numbered_sealed_and_read_as_they_were_recorded(subject) {
        let records = &subject.store.records;
        assert_eq!(records.imports_known(ImportsKnown::All).await.unwrap(), 0);
        let first = import("a.csv", vec![row(2, "cus_1", "20", "2026-01-01"), row(3, "crm=7", "5", "2026-01-01")]);
        let one = recorded(&subject, 100, &first).await;
        subject.store.log.append(&[event("evt_1"), event("evt_2")]).await.unwrap();
        let second = import("", vec![row(2, "cus_1", "400", "2026-05-10")]);
        let two = recorded(&subject, 200, &second).await;
        assert_eq!(records.imports().await.unwrap(), [one.clone(), two.clone()]);
        assert_eq!([(one.id, one.log_seq), (two.id, two.log_seq)], [(1, Seq(0)), (2, Seq(2))]);
        assert_eq!(one.seal, seal(&BEGINNING, &one, &first.rows, &[], &first.set_aside));
        assert_eq!(two.seal, seal(&one.seal, &two, &second.rows, &[], &second.set_aside));
        assert_ne!(two.seal, seal(&BEGINNING, &two, &second.rows, &[], &second.set_aside));
        assert_eq!(records.imported_rows(1).await.unwrap(), first.rows);
        assert_eq!(records.lines_set_aside(1).await.unwrap(), first.set_aside);
        let told = [first.rows.clone(), second.rows.clone()].concat();
        assert_eq!(records.attribute_rows("size", 2).await.unwrap(), told);
        assert_eq!(records.attribute_rows("size", 1).await.unwrap(), first.rows);
        assert_eq!(records.attribute_rows("industry", 2).await.unwrap(), []);
        assert_eq!(records.attribute_keys(2).await.unwrap(), ["size"]);
        // Known by then: recorded by that instant, or before the event at that place was appended.
        for (known, last) in [
            (ImportsKnown::All, 2),
            (ImportsKnown::Instant(UnixTime(99)), 0),
            (ImportsKnown::Instant(UnixTime(100)), 1),
            (ImportsKnown::Instant(UnixTime(200)), 2),
            (ImportsKnown::Seq(Seq(0)), 0),
            (ImportsKnown::Seq(Seq(1)), 1),
            (ImportsKnown::Seq(Seq(2)), 1),
            (ImportsKnown::Seq(Seq(3)), 2),
        ] {
            assert_eq!(records.imports_known(known).await.unwrap(), last, "{known:?}");
        }
        assert_eq!(records.imports_told().await.unwrap(), 2);
    }

    async fn an_import_refuses_change(subject) {
        recorded(&subject, 100, &import("a.csv", vec![row(2, "cus_1", "20", "2026-01-01")])).await;
        for (table, column) in [("import", "file"), ("import_attribute", "value"), ("import_set_aside", "reason")] {
            for statement in [format!("UPDATE {table} SET {column} = 'x'"), format!("DELETE FROM {table}")] {
                let error = subject.sql(&statement).await.expect_err(&statement).to_string();
                assert!(error.contains("stays as it was recorded"), "{statement}: {error}");
            }
        }
    }

    async fn imports_at_the_same_time_follow_each_other(subject) {
        let (new, store, other) = (import("a.csv", vec![row(2, "cus_1", "20", "2026-01-01")]), &subject.store, subject.again().await);
        let mut deed = deed(100);
        deed.action = Action::AttributesImported;
        let mut done = 0;
        while done < 8 {
            let (a, b) = tokio::join!(store.records.record_import(&new, &deed), other.records.record_import(&new, &deed));
            done += [a, b].into_iter().filter(|one| one.as_ref().unwrap().is_some()).count();
        }
        let imports = store.records.imports().await.unwrap();
        let mut before = BEGINNING;
        for (number, one) in (1..).zip(&imports) {
            assert_eq!((one.id, one.seal), (number, seal(&before, one, &new.rows, &new.spend, &new.set_aside)));
            before = one.seal;
        }
        assert_eq!(imports.len(), done);
    }
}
