//! The configuration: what may be set, where from, and what it means once read (docs/interface.md 1).
//!
//! Built-in defaults, then one file, then the environment; a later layer replaces an earlier one key by key.

pub mod alert_rules;
pub mod alerting;
mod currencies;
pub mod customers;
mod error;
pub mod feeding;
mod keys;
mod layers;
mod profiles;
mod read;
mod secret_files;
mod settings;
#[cfg(test)]
mod tests;
mod warnings;

pub use error::ConfigError;
pub use layers::{DEFAULTS, Environment, Origin, colour_wanted, user_of_process};
pub use read::load;
pub use settings::{
    Api, Config, Database, DatabaseKind, Endpoint, Keep, Ledger, Log, LogFormat, Names, Network, Privacy, Role, Server,
    Setting, SignOn, Stripe, Telemetry,
};
