//! The HTTP server: one accept loop of our own, the routes of every role, an end that loses nothing.

mod accept;
pub mod body;
pub mod daemon;
pub mod health;
pub mod problem;
pub mod state;

pub use accept::run;
