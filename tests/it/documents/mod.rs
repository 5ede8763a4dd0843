//! The documents are held to the code: what is cited exists, and what is generated is what the binary says.

mod circles;
mod citations;
mod commands;
mod deployment;
mod event_types;
mod lists;
mod paths;
mod references;
mod rooms;
mod tasks;
