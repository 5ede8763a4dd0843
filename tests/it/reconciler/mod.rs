//! The reconciler, on both databases: order never matters, a kill never hurts, a rebuild and live work agree.

pub(crate) mod bench;
mod day_sums;
mod generations;
mod group_sums;
mod joined;
mod kills;
mod lasting;
mod listed;
mod lossy;
mod order;
mod renormalised;
mod told;
mod touched;
pub(crate) mod variants;
mod verification;
