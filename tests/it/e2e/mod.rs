//! From a Stripe account's life to figures: the whole way, held against what the account knows of itself.

mod account;
mod ledger;
pub(crate) mod rebuild;
mod sudden_death;

use mrrd::{
    clock::Clock,
    demo::{REPORTING, Simulator, delivery::Delivery},
    ledger::time::UnixTime,
};

use crate::support::daemon::{Daemon, SECRET, Settings};

/// 2024-01-01 and two years later.
const START: UnixTime = UnixTime(1_704_067_200);
const END: UnixTime = UnixTime(1_767_225_600);

/// A daemon that keeps both profiles the account's truth is told under.
async fn daemon() -> Daemon {
    Settings::default().env("MRRD_LEDGER__PROFILES", "stripe,finance").start().await
}

/// The same, and one that converts all currencies into the one that the account reports in.
async fn daemon_that_converts(account: &Simulator) -> Daemon {
    let settings = Settings::default().env("MRRD_LEDGER__PROFILES", "stripe,finance");
    let mut daemon = settings.env("MRRD_LEDGER__REPORTING_CURRENCY", REPORTING.as_str()).start().await;
    std::fs::write(daemon.dir().join("rates.csv"), account.truth().rates().csv()).unwrap();
    daemon.kill();
    let imported = daemon.command(&["fx", "import", "rates.csv"]);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    daemon.restart().await
}

/// Eight connections to it, signing as Stripe would.
fn delivery(daemon: &Daemon) -> Delivery {
    Delivery { address: daemon.address(), secret: SECRET.into(), clock: Clock::system(), connections: 8 }
}
