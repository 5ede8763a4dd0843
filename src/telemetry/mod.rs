//! What the process says about itself: log lines on standard error, figures on `/metrics`.
//!
//! Each observable thing is a type in [`event`] whose `emit` writes log line and metric together.

pub mod event;
pub mod exposition;
mod metrics;
pub mod money;
pub mod traces;
pub mod trouble;

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

pub use metrics::Metrics;

use crate::config::{Log, LogFormat, colour_wanted};

/// Starts logging to standard error; colour only on a terminal. A second call in one process changes nothing.
pub fn init(log: &Log) {
    let mut filter = log.filter.clone();
    // What assistants do wrong is theirs to hear, and what PostgreSQL remarks on while tables are made means nothing: unless asked
    // for, no line of either.
    for (of, quiet) in [("rmcp", "rmcp=error"), ("sqlx", "sqlx::postgres::notice=warn")] {
        if !log.filter.contains(of) {
            filter = format!("{filter},{quiet}");
        }
    }
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let registry = tracing_subscriber::registry().with(filter);
    let started = match log.format {
        LogFormat::Json => registry
            .with(tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(std::io::stderr))
            .try_init(),
        LogFormat::Text => {
            let colour = std::io::stderr().is_terminal() && colour_wanted();
            registry.with(tracing_subscriber::fmt::layer().with_ansi(colour).with_writer(std::io::stderr)).try_init()
        }
    };
    // Only tests start it twice, and the first is as good.
    drop(started);
}
