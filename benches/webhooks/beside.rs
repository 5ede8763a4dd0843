//! Two builds of mrrd in turns: `MRRD_BESIDE` names the other, `MRRD_BIN` this one where it isn't the present;
//! `MRRD_BENCH_STORES` the stores, `SQLite,PostgreSQL` without it; `MRRD_BENCH_CONNECTIONS` how many connections, `1,16,64`
//! without it. Prints its table and leaves the report as it is.

use std::path::{Path, PathBuf};

use crate::{
    Rates,
    daemon::{self, Daemon, Settings},
    pace::Pace,
    postgres,
    supply::{Account, Supply},
};

/// What a variable lists, or what stands for it.
fn listed(variable: &str, without_it: &str) -> Vec<String> {
    let asked = std::env::var_os(variable).unwrap_or_else(|| without_it.into());
    asked.to_str().expect("a list, such as 1,16").split(',').map(|one| one.trim().to_owned()).collect()
}

/// One build over one database.
struct Side {
    what: String,
    daemon: Daemon,
    supply: &'static Supply<'static>,
    /// For each number of connections, in their order.
    paces: Vec<Pace>,
}

impl Side {
    async fn start(what: String, binary: PathBuf, settings: Settings, account: &'static Account) -> Self {
        let daemon = settings.binary(binary).env("MRRD_SERVER__ROLES", "receiver").start().await;
        Self { what, daemon, supply: Box::leak(Box::new(Supply::of(account))), paces: Vec::new() }
    }
}

/// The role `receiver` of both builds on both stores; whoever was first in a round is second in the next.
pub(crate) async fn compared(other: &Path, account: &'static Account, rounds: usize) -> String {
    let mut table = Rates::new();
    let connections = listed("MRRD_BENCH_CONNECTIONS", "1,16,64");
    let connections: Vec<usize> = connections.iter().map(|one| one.parse().expect("numbers, such as 1,16")).collect();
    for store in listed("MRRD_BENCH_STORES", "SQLite,PostgreSQL") {
        let mut sides = Vec::new();
        for (build, binary) in [("this build", daemon::binary()), ("the other", other.to_owned())] {
            let settings = match store.as_str() {
                "SQLite" => Settings::default(),
                _ => Settings::default().env("MRRD_DATABASE__URL", &postgres::durable_database().await),
            };
            let mut side = Side::start(format!("{store}, {build}"), binary, settings, account).await;
            side.paces.resize_with(connections.len(), Pace::default);
            sides.push(side);
        }
        for _ in 0..rounds {
            for (place, &connections) in connections.iter().enumerate() {
                for side in &mut sides {
                    let server = (side.daemon.address(), side.daemon.pid());
                    side.paces[place].load(server, connections, side.supply).await;
                }
            }
            sides.reverse();
        }
        sides.sort_by(|one, two| two.what.cmp(&one.what));
        for (place, &connections) in connections.iter().enumerate() {
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
