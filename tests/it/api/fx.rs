//! A reporting currency, from webhooks and an imported table to the bridge with its `fx` line (mrr.md 8).

use std::time::{Duration, Instant};

use super::ledger;
use crate::support::daemon::{Daemon, Settings};

const ASKED: &str = "/api/v1/mrr?from=2026-01-01&to=2026-02-28";

/// The daemon takes up an imported table by itself: the answer, once it does.
async fn converted(daemon: &mut Daemon) -> serde_json::Value {
    let since = Instant::now();
    loop {
        let answer = daemon.get(ASKED).await;
        if answer.status == 200 {
            return serde_json::from_slice(&answer.body).unwrap();
        }
        assert_eq!(answer.status, 409, "{}", String::from_utf8_lossy(&answer.body));
        assert!(since.elapsed() < Duration::from_secs(60), "{}", String::from_utf8_lossy(&answer.body));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn without_rates_it_refuses_and_with_them_the_bridge_closes_by_its_fx_line() {
    let mut daemon = ledger(Settings::default().env("MRRD_LEDGER__REPORTING_CURRENCY", "eur")).await;
    daemon.settle().await;
    let refused = daemon.get(ASKED).await;
    let problem = String::from_utf8_lossy(&refused.body).into_owned();
    assert_eq!(refused.status, 409, "{problem}");
    assert!(problem.contains("usd in eur on 2026-01-14") && problem.contains("mrrd fx import"), "{problem}");
    let own = daemon.json(&format!("{ASKED}&currency=usd")).await;
    assert_eq!(own["data"][1]["closing_exact"], "3500");

    let table = "day,currency,rate\n2026-01-14,usd,0.5\n2026-01-30,USD,0.6\n2026-02-13,usd,0.8\n2026-02-20,usd,0.8\n\
                 2026-02-27,usd,1\n";
    std::fs::write(daemon.dir().join("rates.csv"), table).unwrap();
    let imported = daemon.command(&["fx", "import", "rates.csv"]);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    let mrr = converted(&mut daemon).await;
    assert_eq!((&mrr["currency"], &mrr["profile"]), (&"eur".into(), &"stripe".into()));
    let names = ["opening_exact", "new_exact", "expansion_exact", "churn_exact", "fx_exact", "closing_exact"];
    let lines = |month: usize| names.map(|name| mrr["data"][month][name].as_str().unwrap().to_owned());
    assert_eq!(lines(0), ["0", "1500", "0", "0", "300", "1800"]);
    assert_eq!(lines(1), ["1800", "0", "1200", "-800", "1300", "3500"]);
    assert_eq!(mrr["data"][1]["customers"], 1);

    let listed = daemon.command(&["fx", "list"]);
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.contains("usd in eur: 5 days from 2026-01-14 to 2026-02-27"), "{listed}");
    let verified = daemon.command(&["verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

/// The European Central Bank's history as it is published: newest first, currencies that are no more, a comma at each end,
/// no weekends.
const BANK: &str = "Date,USD,JPY,BGN,CYP,CZK,\n\
                    2026-02-27,1.0,171.5,N/A,N/A,24.5,\n\
                    2026-01-30,1.0,170.25,N/A,N/A,24.9,\n\
                    2026-01-16,1.25,169.9,N/A,N/A,25.1,\n\
                    1999-01-04,1.1789,133.73,N/A,0.58231,35.107,\n";

#[tokio::test]
async fn the_central_banks_history_converts_and_fridays_rate_holds_over_the_weekend() {
    let mut daemon = Settings::default().env("MRRD_LEDGER__REPORTING_CURRENCY", "eur").start().await;
    // A Sunday.
    let (id, at) = ("customer.subscription.created", super::JANUARY + 4 * super::DAY);
    let bought = super::subscription("sub_1", "cus_1", "price_1", 2000, 1, at);
    daemon.accept(super::event("evt_1", id, at, &bought, None)).await;
    daemon.settle().await;
    std::fs::write(daemon.dir().join("eurofxref-hist.csv"), BANK).unwrap();
    let imported = daemon.command(&["fx", "import", "eurofxref-hist.csv"]);
    let said = String::from_utf8_lossy(&imported.stdout).into_owned();
    assert!(said.starts_with("13 rates read, 13 of them new"), "{said}");
    let mrr = converted(&mut daemon).await;
    let january = |name: &str| mrr["data"][0][name].as_str().unwrap().to_owned();
    assert_eq!(["new_exact", "fx_exact", "closing_exact"].map(january), ["1600", "400", "2000"]);
}
