//! The accept loop: a deadline on heads, bodies and answers, a place for each connection, and an end that lets requests finish.
//!
//! `axum::serve` has no deadline on unfinished heads, hence a loop of our own (docs/decisions/015-own-accept-loop.md).

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{sleep, timeout},
};
use tower::ServiceExt;

use super::{
    body::{Answer, Deadline},
    slots::{Slot, Slots},
    stall::{self, Stall},
};
use crate::{
    config, limits,
    server::peer::Peer,
    telemetry::{
        Metrics,
        event::{ConnectionRefused, ConnectionsOpen},
    },
};

/// What an overloaded server says before it closes.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-type: application/problem+json\r\nretry-after: 5\r\nconnection: close\r\ncontent-length: 146\r\n\r\n\
    {\"type\":\"urn:mrrd:problem:too-many-connections\",\"title\":\"Too many connections\",\"status\":503,\
    \"detail\":\"every connection is in use: try again soon\"}";

/// Answers on `listener` until `stop` turns true, then lets the requests under way end within the drain deadline.
pub async fn run(
    listener: TcpListener,
    routes: Router,
    settings: &config::Server,
    metrics: Arc<Metrics>,
    mut stop: watch::Receiver<bool>,
) {
    let slots = Slots::new(settings.max_connections);
    let refusals = Arc::new(Semaphore::new(limits::REFUSALS_AT_ONCE));
    let graceful = GracefulShutdown::new();
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(limits::ACCEPT_REST).await;
                    continue;
                }
            },
            // An error means that nobody is left to tell us to stop: stop.
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let Some((slot, gave_way)) = slots.take(peer) else {
            ConnectionRefused { reason: "full", peer }.emit(&metrics);
            if let Ok(refusal) = refusals.clone().try_acquire_owned() {
                tokio::spawn(refuse(stream, refusal));
            }
            continue;
        };
        if gave_way {
            metrics.gave_way();
        }
        ConnectionsOpen(slots.taken()).emit(&metrics);
        let connection = Connection {
            peer,
            slot: Arc::new(slot),
            routes: routes.clone(),
            header_timeout: settings.header_timeout,
            body_timeout: settings.body_timeout,
            write_timeout: settings.write_timeout,
            metrics: metrics.clone(),
            watcher: graceful.watcher(),
        };
        let (slots, metrics) = (slots.clone(), metrics.clone());
        tokio::spawn(async move {
            connection.answer(stream).await;
            ConnectionsOpen(slots.taken()).emit(&metrics);
        });
    }
    drop(listener);
    if timeout(settings.drain_timeout, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still under way at the drain deadline: closing them");
    }
}

/// One accepted connection.
struct Connection {
    peer: SocketAddr,
    slot: Arc<Slot>,
    routes: Router,
    header_timeout: Duration,
    body_timeout: Duration,
    write_timeout: Duration,
    metrics: Arc<Metrics>,
    watcher: Watcher,
}

impl Connection {
    async fn answer(self, stream: TcpStream) {
        // Answers are small: waiting to fill a segment only delays them.
        drop(stream.set_nodelay(true));
        let Self { peer, slot, routes, header_timeout, body_timeout, write_timeout, metrics, watcher } = self;
        let at_work = slot.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let (routes, slot) = (routes.clone(), at_work.clone());
            let mut request = request.map(|body| Body::new(Deadline::new(body, body_timeout, slot.clone())));
            request.extensions_mut().insert(Peer(peer));
            async move {
                let answer = routes.oneshot(request).await.unwrap_or_else(|never| match never {});
                Ok::<_, Infallible>(answer.map(|body| Body::new(Answer::new(body, slot))))
            }
        });
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(header_timeout)
            .max_buf_size(limits::HEAD_BYTES)
            .serve_connection(TokioIo::new(Stall::new(stream, write_timeout)), service);
        let outcome = tokio::select! {
            outcome = watcher.watch(serving) => outcome,
            // Its place is another's by now.
            () = slot.told_to_leave() => return,
        };
        if let Err(error) = outcome {
            let reason = if error.is_timeout() || stall::is_stalled(&error) { "slow" } else { "broken" };
            ConnectionRefused { reason, peer }.emit(&metrics);
        }
    }
}

/// Says 503 on a connection there is no place for, and gives the client a moment to read it.
async fn refuse(mut stream: TcpStream, _refusal: OwnedSemaphorePermit) {
    let saying = async {
        stream.write_all(FULL).await?;
        stream.shutdown().await?;
        let mut unread = [0; 1024];
        while stream.read(&mut unread).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    // The client may be gone already; there is nothing more to do for it.
    drop(timeout(limits::REFUSAL_TIME, saying).await);
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_overload_answer_announces_its_own_length() {
        let text = std::str::from_utf8(super::FULL).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{}", body.len());
        serde_json::from_str::<serde_json::Value>(body).unwrap();
    }
}
