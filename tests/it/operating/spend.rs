//! `mrrd import spend` and `/api/v1/unit-economics`: what was spent beside what it brought, null where nothing was imported (rule
//! `unit-economics`).

use serde_json::{Value, json};

use super::*;
use crate::{
    api::{DAY, JANUARY, event, subscription},
    support::sql,
};

const SHEET: &str = "month,amount,currency,kind,segment\n2026-01,40,usd,sales,\n2026-01,20.00,usd,sales,\n2026-01,30,usd,marketing,\n\
    2026-01,10,usd,cost_of_service,\n2026-01,5,usd,operating,\n2026-05,1,usd,sales,\n2026-01,20,usd,sales,large\n\
    2026-01,0,usd,marketing,large\n2026-01,7,usd,rent,\n2026-01,7,eur,sales,\n";

/// Two customers won in January, one of them large.
async fn two_won(settings: Settings) -> Daemon {
    let mut daemon = settings.env("MRRD_SEGMENTS__LARGE__WHERE", "mrr >= 15").start().await;
    for (number, amount) in [(1, 2000), (2, 1000)] {
        let (sub, customer) = (format!("sub_{number}"), format!("cus_{number}"));
        let state = subscription(&sub, &customer, "price_1", amount, 1, JANUARY);
        daemon.accept(event(&format!("evt_{number}"), "customer.subscription.created", JANUARY, &state, None)).await;
    }
    daemon.settle().await;
    daemon
}

/// One more event, of a customer who pays nothing.
async fn another(daemon: &mut Daemon, number: i64) {
    let customer = json!({"id": format!("cus_{number}"), "object": "customer", "created": JANUARY, "metadata": {}});
    daemon.accept(event(&format!("evt_c{number}"), "customer.created", JANUARY + number * DAY, &customer, None)).await;
    daemon.settle().await;
}

const JANUARYS: &str = "/api/v1/unit-economics?from=2026-01-01&to=2026-01-31";

/// The value of a figure, or why there is none.
fn told(answer: &Value, name: &str) -> String {
    let figure = &answer["data"][0][name];
    figure["value"].as_str().or(figure["reason"].as_str()).unwrap_or_else(|| panic!("{name}: {answer}")).to_owned()
}

on_both! {
    async fn what_was_spent_stands_beside_what_it_brought(settings) {
        let url = settings.get("MRRD_DATABASE__URL").map(str::to_owned);
        let mut daemon = two_won(settings).await;
        let url = url.unwrap_or_else(|| format!("sqlite://{}", daemon.dir().join("mrrd.db").display()));
        // Nothing was imported: no figure is made up.
        let nothing = daemon.json(JANUARYS).await;
        for (name, reason) in [
            ("sales", "none was imported for the month"),
            ("cac", "no sales spend was imported for the month"),
            ("gross_margin", "no cost of service was imported for the month"),
            ("rule_of_40", "no cost of service was imported for the month"),
        ] {
            assert_eq!(told(&nothing, name), reason, "{name}");
        }
        let file = daemon.dir().join("costs.csv");
        std::fs::write(&file, SHEET).unwrap();
        let file = file.to_str().unwrap();
        let tried = beside(&daemon, &["import", "spend", file, "--dry-run", "--json"]).json();
        assert_eq!((&tried["id"], &tried["taken"]), (&Value::Null, &json!(9)), "{tried}");
        let said = beside(&daemon, &["import", "spend", file]);
        assert!(said.code == 0 && said.out.contains("import 1: 9 rows, 1 line set aside"), "{}{}", said.out, said.err);
        assert!(said.err.contains("line 10 is set aside: \"rent\" is none of sales"), "{}", said.err);
        // 90.00 for two customers; 30.00 × 12 for it; 20.00 of 30.00 left, 10.00 of it a customer.
        let answer = daemon.json(JANUARYS).await;
        for (name, value) in [
            ("sales", "6000"),
            ("marketing", "3000"),
            ("cac", "4500"),
            ("cac_ratio", "4.0000"),
            ("gross_margin", "0.666667"),
            ("payback_months", "4.5000"),
            ("arr_growth", "no MRR 12 months ago"),
            ("operating_margin", "-2.5000"),
            ("rule_of_40", "no MRR 12 months ago"),
        ] {
            assert_eq!(told(&answer, name), value, "{name}");
        }
        let may = daemon.json("/api/v1/unit-economics?from=2026-05-01&to=2026-05-31").await;
        assert_eq!(told(&may, "cac"), "no marketing spend was imported for the month");
        // January's spend held against February, which won nobody.
        let later = daemon.json("/api/v1/unit-economics?from=2026-02-01&to=2026-02-28&lag=1").await;
        assert_eq!((told(&later, "cac"), told(&later, "cac_ratio")), ("no new customers".into(), "0.0000".into()));
        // What was spent for a segment, beside whom it won; of a condition nobody can have told anything.
        let large = daemon.json(&format!("{JANUARYS}&segment=large")).await;
        assert_eq!((told(&large, "cac"), told(&large, "gross_margin")), ("2000".into(), "no cost of service was imported for the month".into()));
        let condition = daemon.json(&format!("{JANUARYS}&where=mrr%20%3E%3D%2015")).await;
        assert_eq!(told(&condition, "cac"), "no sales spend was imported for the month");
        // A later import replaces what it tells of anew, and is known from the next event on.
        another(&mut daemon, 3).await;
        let again = daemon.send("POST", "/api/v1/imports?kind=spend&file=more.csv", "month,amount,currency,kind\n2026-01,90,usd,sales\n").await;
        assert_eq!(again.status, 200, "{}", String::from_utf8_lossy(&again.body));
        another(&mut daemon, 4).await;
        let cac = async |daemon: &mut Daemon, more: &str| told(&daemon.json(&format!("{JANUARYS}{more}")).await, "cac");
        assert_eq!(cac(&mut daemon, "").await, "6000");
        assert_eq!(cac(&mut daemon, "&as_known_at=4").await, "6000");
        assert_eq!(cac(&mut daemon, "&as_known_at=3").await, "4500");
        assert_eq!(cac(&mut daemon, "&as_known_at=2").await, "no sales spend was imported for the month");
        // For people in units.
        let csv = beside(&daemon, &["report", "unit-economics", "--month", "2026-01", "--format", "csv"]).well();
        assert!(csv.contains(",cac,60.00,120.00,2,") && csv.contains(",gross_margin,0.666667,20.00,30.00,"), "{csv}");
        assert_eq!(daemon.get(&format!("{JANUARYS}&lag=25")).await.status, 422);
        // Shown as it was told, sealed, and what is done to it behind its back is found.
        let shown = beside(&daemon, &["import", "show", "2", "--json"]).json();
        assert_eq!(shown["spend"], json!([{"line": 2, "month": "2026-01", "currency": "usd", "kind": "sales", "segment": "",
            "amount": 9000, "amount_exact": "9000"}]));
        let verified = beside(&daemon, &["verify", "--json"]).json();
        assert_eq!((&verified["ok"], &verified["imports"]), (&json!(true), &json!(2)), "{verified}");
        let refused = sql::run(&url, "UPDATE import_spend SET amount = '1'").await.unwrap_err().to_string();
        assert!(refused.contains("stays as it was recorded"), "{refused}");
        sql::unprotect(&url, "import_spend").await;
        sql::run(&url, "UPDATE import_spend SET amount = '1' WHERE import = 1 AND line = 2").await.unwrap();
        let said = beside(&daemon, &["verify", "--json"]);
        assert!(said.code == 1 && said.out.contains("import 1 isn't as it was sealed"), "{}", said.out);
    }
}
