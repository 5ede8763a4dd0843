//! Who is at the other end of a connection.

use std::net::SocketAddr;

/// The address of whoever sent a request: an extension of every request.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);
