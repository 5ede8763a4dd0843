//! From a Stripe account's life to figures: the whole way, held against what the account knows of itself.

mod account;
mod ledger;
pub(crate) mod rebuild;
mod sudden_death;

use mrrd::{clock::Clock, demo::delivery::Delivery, ledger::time::UnixTime};

use crate::support::daemon::{Daemon, SECRET, Settings};

/// 2024-01-01 and two years later.
const START: UnixTime = UnixTime(1_704_067_200);
const END: UnixTime = UnixTime(1_767_225_600);

/// A daemon that keeps both profiles the account's truth is told under.
async fn daemon() -> Daemon {
    Settings::default().env("MRRD_LEDGER__PROFILES", "stripe,finance").start().await
}

/// Eight connections to it, signing as Stripe would.
fn delivery(daemon: &Daemon) -> Delivery {
    Delivery { address: daemon.address(), secret: SECRET.into(), clock: Clock::system(), connections: 8 }
}
