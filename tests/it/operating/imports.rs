//! `mrrd import` and `/api/v1/imports`: taken in by line, recorded for ever, verified, in every back-up (rule `attributes`).

use serde_json::{Value, json};

use super::*;
use crate::{
    api::{JANUARY, event, subscription},
    support::sql,
};

/// Two customers, the second known by its metadata too.
async fn two_customers(settings: Settings) -> Daemon {
    let mut daemon = settings.env("MRRD_LEDGER__METADATA_KEYS", "crm").start().await;
    let customer = json!({"id": "cus_2", "object": "customer", "created": JANUARY, "name": "Ada", "email": "Ada@example.com",
        "metadata": {"crm": "77"}});
    for body in [
        event("evt_c", "customer.created", JANUARY, &customer, None),
        event(
            "evt_1",
            "customer.subscription.created",
            JANUARY,
            &subscription("sub_1", "cus_1", "price_1", 2000, 1, JANUARY),
            None,
        ),
        event(
            "evt_2",
            "customer.subscription.created",
            JANUARY,
            &subscription("sub_2", "cus_2", "price_1", 2000, 1, JANUARY),
            None,
        ),
    ] {
        daemon.accept(body).await;
    }
    daemon.settle().await;
    daemon
}

const SHEET: &str = "customer,key,value,valid_from\ncus_1,size,20,2026-01-01\nmetadata:crm=77,size,400,\nada@example.com,industry,retail,\n\
    cus_9,size,3,\n,size,1,\ncus_1,size,1,May\n";

on_both! {
    async fn a_file_is_taken_line_by_line_and_its_import_kept(settings) {
        let daemon = two_customers(settings).await;
        let file = daemon.dir().join("customers.csv");
        std::fs::write(&file, SHEET).unwrap();
        let file = file.to_str().unwrap();
        let tried = beside(&daemon, &["import", "attributes", file, "--dry-run", "--json"]).json();
        assert_eq!((&tried["id"], &tried["taken"], &tried["unknown"]), (&Value::Null, &json!(4), &json!(["cus_9"])), "{tried}");
        assert_eq!(beside(&daemon, &["import", "list", "--json"]).json()["data"], json!([]));
        let said = beside(&daemon, &["import", "attributes", file]);
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        assert!(said.out.contains("import 1: 4 rows, 2 lines set aside; industry (1), size (3)"), "{}", said.out);
        assert!(said.out.contains("1 of their customers") && said.out.contains("cus_9"), "{}", said.out);
        assert!(said.err.contains("line 6 is set aside: it names no customer"), "{}", said.err);
        assert!(said.err.contains("line 7 is set aside: \"May\" is not a day"), "{}", said.err);
        let list = beside(&daemon, &["import", "list", "--json"]).json();
        assert_eq!((&list["data"][0]["id"], &list["data"][0]["file"]), (&json!(1), &json!("customers.csv")));
        let shown = beside(&daemon, &["import", "show", "1", "--json"]).json();
        let rows: Vec<(&str, &str)> = shown["rows"].as_array().unwrap().iter()
            .map(|row| (row["customer"].as_str().unwrap(), row["value"].as_str().unwrap())).collect();
        // An e-mail is looked up and never kept.
        assert_eq!(rows, [("cus_1", "20"), ("metadata:crm=77", "400"), ("cus_2", "retail"), ("cus_9", "3")]);
        assert_eq!(shown["lines_set_aside"].as_array().unwrap().len(), 2, "{shown}");
        let missing = beside(&daemon, &["import", "show", "9"]);
        assert!(missing.code == 1 && missing.err.contains("there is no import 9"), "{}", missing.err);
        let other = daemon.dir().join("rates.csv");
        std::fs::write(&other, "day,currency,rate\n").unwrap();
        let refused = beside(&daemon, &["import", "attributes", other.to_str().unwrap()]);
        assert!(refused.code == 1 && refused.err.contains("customer,key,value"), "{}", refused.err);
        let trail = beside(&daemon, &["audit-trail", "--json"]).well();
        assert!(trail.contains("attributes_imported") && trail.contains("import 1"), "{trail}");
    }

    async fn what_is_done_to_an_import_behind_its_back_is_found_by_verify(settings) {
        let url = settings.get("MRRD_DATABASE__URL").map(str::to_owned);
        let daemon = two_customers(settings).await;
        let url = url.unwrap_or_else(|| format!("sqlite://{}", daemon.dir().join("mrrd.db").display()));
        let file = daemon.dir().join("customers.csv");
        std::fs::write(&file, SHEET).unwrap();
        for _ in 0..2 {
            beside(&daemon, &["import", "attributes", file.to_str().unwrap()]).well();
        }
        let verified = beside(&daemon, &["verify", "--json"]).json();
        assert_eq!((&verified["ok"], &verified["imports"]), (&json!(true), &json!(2)), "{verified}");
        for table in ["import", "import_attribute", "import_set_aside"] {
            sql::unprotect(&url, table).await;
        }
        let difference = async |changed: &str| {
            sql::run(&url, changed).await.unwrap();
            let said = beside(&daemon, &["verify", "--json"]);
            assert_eq!(said.code, 1, "{changed}: {}", said.out);
            let said: Value = serde_json::from_str(said.out.trim()).unwrap();
            said["import_difference"].as_str().unwrap().to_owned()
        };
        let found = difference("UPDATE import_attribute SET value = '21' WHERE import = 1 AND customer = 'cus_1'").await;
        assert_eq!(found, "import 1 isn't as it was sealed");
        sql::run(&url, "UPDATE import_attribute SET value = '20' WHERE import = 1 AND customer = 'cus_1'").await.unwrap();
        assert_eq!(difference("DELETE FROM import WHERE id = 2").await, "there are 1 imports, and the audit trail tells of 2");
        assert_eq!(difference("UPDATE import SET id = 2 WHERE id = 1").await, "import 1 is gone");
    }

    async fn a_backup_takes_imports_along(settings) {
        let daemon = two_customers(settings).await;
        let file = daemon.dir().join("customers.csv");
        std::fs::write(&file, SHEET).unwrap();
        beside(&daemon, &["import", "attributes", file.to_str().unwrap()]).well();
        let folder = TempDir::new().unwrap();
        let backup = folder.path().join("one");
        beside(&daemon, &["backup", backup.to_str().unwrap()]).well();
        let shown = beside(&daemon, &["import", "show", "1", "--json"]).json();
        let restored = format!("sqlite://{}", folder.path().join("restored/mrrd.db").display());
        for url in [restored, postgres::database().await] {
            let of = |args: &[&str]| {
                let settings = Settings::default().env("MRRD_DATABASE__URL", &url).env("MRRD_LEDGER__METADATA_KEYS", "crm");
                let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
                async move { run_with(settings, &args.iter().map(String::as_str).collect::<Vec<_>>()).await }
            };
            of(&["restore", backup.to_str().unwrap()]).await.well();
            assert_eq!(of(&["import", "show", "1", "--json"]).await.json(), shown);
            let verified = of(&["verify", "--json"]).await.json();
            assert_eq!((&verified["ok"], &verified["imports"]), (&json!(true), &json!(1)), "{verified}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_imports_over_http_and_whoever_only_reads_doesnt() {
    let mut daemon = two_customers(Settings::default()).await;
    // Names are read behind the ledger: an e-mail is known once they are.
    let began = std::time::Instant::now();
    loop {
        let tried = daemon.send("POST", "/api/v1/imports?kind=attributes&file=crm.csv&dry_run=true", SHEET).await;
        let tried: Value = serde_json::from_slice(&tried.body).unwrap();
        assert_eq!(tried["id"], Value::Null, "{tried}");
        if tried["taken"] == 4 {
            break;
        }
        assert!(began.elapsed().as_secs() < 30, "{tried}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(daemon.json("/api/v1/imports").await["data"], json!([]));
    let done = daemon.send("POST", "/api/v1/imports?kind=attributes&file=crm.csv", SHEET).await;
    assert_eq!(done.status, 200);
    let list = daemon.json("/api/v1/imports").await;
    assert_eq!((&list["data"][0]["id"], &list["data"][0]["file"]), (&json!(1), &json!("crm.csv")), "{list}");
    assert_eq!(daemon.json("/api/v1/imports/1").await["rows"].as_array().unwrap().len(), 4);
    assert_eq!(daemon.get("/api/v1/imports/2").await.status, 404);
    let trail = daemon.json("/api/v1/audit-trail").await;
    assert_eq!(trail["data"][0]["action"], "attributes_imported", "{trail}");
    for (path, body, word) in [
        ("/api/v1/imports", SHEET, "kind"),
        ("/api/v1/imports?kind=rates", SHEET, "attributes"),
        ("/api/v1/imports?kind=spend", SHEET, "month,amount,currency,kind"),
        ("/api/v1/imports?kind=attributes", "a,b\n", "customer,key,value"),
    ] {
        let refused = daemon.send("POST", path, body).await;
        assert_eq!(refused.status, 422, "{path}");
        assert!(String::from_utf8_lossy(&refused.body).contains(word), "{path}");
    }
    let made = beside(&daemon, &["token", "create", "reader", "--role", "viewer", "--json"]).json();
    let mut viewer = daemon.stranger().bearing(made["token"].as_str().unwrap());
    let path = "/api/v1/imports?kind=attributes";
    for (client, status) in [(&mut viewer, 403), (&mut daemon.stranger(), 401)] {
        let refused = client.send(http::Method::POST, path, &[], SHEET.into()).await.unwrap();
        assert_eq!(refused.status, status);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_names_nobody_is_known_by_an_email() {
    let daemon = two_customers(Settings::default().env("MRRD_PRIVACY__SHOW_NAMES", "false")).await;
    let file = daemon.dir().join("customers.csv");
    std::fs::write(&file, SHEET).unwrap();
    let said = beside(&daemon, &["import", "attributes", file.to_str().unwrap()]);
    assert!(said.err.contains("line 4 is set aside") && said.err.contains("privacy.show_names is off"), "{}", said.err);
    assert!(!said.err.contains("ada@example.com"), "{}", said.err);
}
