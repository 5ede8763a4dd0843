//! Two builds of mrrd in turns: `MRRD_BESIDE` names the other, `MRRD_BIN` this one where it isn't the present. Prints its
//! table and leaves the report as it is.

use std::path::{Path, PathBuf};

use crate::{
    Rates,
    daemon::{self, Daemon, Settings},
    pace::Pace,
    postgres,
    supply::{Account, Supply},
};

const CONNECTIONS: [usize; 3] = [1, 16, 64];

/// One build over one database.
struct Side {
    what: String,
    daemon: Daemon,
    supply: &'static Supply<'static>,
    paces: [Pace; CONNECTIONS.len()],
}

impl Side {
    async fn start(store: &str, build: &str, binary: PathBuf, settings: Settings, account: &'static Account) -> Self {
        let daemon = settings.binary(binary).env("MRRD_SERVER__ROLES", "receiver").start().await;
        let (what, supply) = (format!("{store}, {build}"), Box::leak(Box::new(Supply::of(account))));
        Self { what, daemon, supply, paces: Default::default() }
    }
}

/// The role `receiver` of both builds on both stores; whoever was first in a round is second in the next.
pub(crate) async fn compared(other: &Path, account: &'static Account, rounds: usize) -> String {
    let mut table = Rates::new();
    for store in ["SQLite", "PostgreSQL"] {
        let mut sides = Vec::new();
        for (build, binary) in [("this build", daemon::binary()), ("the other", other.to_owned())] {
            let settings = match store {
                "SQLite" => Settings::default(),
                _ => Settings::default().env("MRRD_DATABASE__URL", &postgres::durable_database().await),
            };
            sides.push(Side::start(store, build, binary, settings, account).await);
        }
        for _ in 0..rounds {
            for (place, connections) in CONNECTIONS.into_iter().enumerate() {
                for side in &mut sides {
                    let server = (side.daemon.address(), side.daemon.pid());
                    side.paces[place].load(server, connections, side.supply).await;
                }
            }
            sides.reverse();
        }
        sides.sort_by(|one, two| two.what.cmp(&one.what));
        for (place, connections) in CONNECTIONS.into_iter().enumerate() {
            for side in &sides {
                table.add(&side.what, Some(connections), &side.paces[place], None);
            }
        }
        for side in &mut sides {
            assert!(side.daemon.terminate(), "{}", side.daemon.output());
        }
    }
    table.to_string()
}
