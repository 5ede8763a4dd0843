//! Connections and requests: the accept loop and its bounds, bodies, problems. What is answered is for other rooms.

pub mod accept;
pub mod bodies;
pub mod body;
pub mod peer;
pub mod problem;
mod slots;
mod stall;
