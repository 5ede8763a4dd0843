//! What only PostgreSQL brings: many processes on one ledger, and a database that goes away on its own.

mod away;
mod failover;
mod processes;
mod shared_marks;
mod upgrades;
