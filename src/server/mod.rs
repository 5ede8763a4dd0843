//! The HTTP server: one accept loop of our own, the routes of every role, an end that loses nothing.

pub mod state;
