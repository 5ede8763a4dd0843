//! The HTTP server: one accept loop of our own, the routes of every role, an end that loses nothing.

mod accept;
pub mod bodies;
pub mod body;
pub mod daemon;
pub mod health;
mod metrics;
pub mod problem;
pub mod pulse;
mod slots;
mod stall;
pub mod state;
pub mod waiting;

pub use accept::run;
