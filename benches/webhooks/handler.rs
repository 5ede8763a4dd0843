//! What one would write by hand instead (benches/node): Fastify with Stripe's own library, one row a webhook.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::daemon::SECRET;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/node");

/// Such a handler, in a process of its own; ended when dropped.
pub(crate) struct Handler {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Handler {
    /// Over the file or URL `place` of the kind `store`, `sqlite` or `postgres`.
    pub(crate) fn start(store: &str, place: &str) -> Self {
        assert!(Path::new(FOLDER).join("node_modules").is_dir(), "run `npm ci` in {FOLDER}, or `make bench`");
        let mut child = Command::new("node")
            .args(["server.mjs", store, place])
            .current_dir(FOLDER)
            .env("WEBHOOK_SECRET", SECRET)
            .env("NODE_ENV", "production")
            .stdout(Stdio::piped())
            .spawn()
            .expect("node is installed");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, address: line.trim().parse().unwrap_or_else(|_| panic!("the handler says {line:?}")) }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
