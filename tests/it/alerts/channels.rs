//! Stand-ins for what alerts are sent to: they take, refuse, ask to wait, or never answer.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::to_bytes,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::support::daemon::Settings;

/// What the secret of every webhook channel here is.
pub(crate) const SECRET: &str = "alerts_secret_nobody_may_see";

/// What a stand-in does with a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Temper {
    Take,
    Answer(u16),
    /// 429 with so many seconds in `Retry-After`.
    Wait(u64),
    Hang,
}

/// What it was sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
    pub(crate) body: Value,
    pub(crate) at: Instant,
}

type Tempers = dyn Fn(usize, &str) -> Temper + Send + Sync;

struct Inner {
    tempers: Box<Tempers>,
    sent: Mutex<Vec<Sent>>,
}

/// A server for all channels of a test; ends when dropped.
pub(crate) struct Receiver {
    inner: Arc<Inner>,
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Receiver {
    /// `tempers` is asked with the number of the request to its path, from 0, and the path.
    pub(crate) async fn start(tempers: impl Fn(usize, &str) -> Temper + Send + Sync + 'static) -> Self {
        let inner = Arc::new(Inner { tempers: Box::new(tempers), sent: Mutex::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Router::new().fallback(take).with_state(inner.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { inner, address, serving }
    }

    /// Where a channel posts to.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What was sent to `path` so far.
    pub(crate) fn sent(&self, path: &str) -> Vec<Sent> {
        self.inner.sent.lock().unwrap().iter().filter(|sent| sent.path == path).cloned().collect()
    }

    /// Waits until something was sent to `path` of which `wanted` holds.
    pub(crate) async fn wait(&self, path: &str, patience: Duration, wanted: impl Fn(&Sent) -> bool) -> Sent {
        let since = Instant::now();
        loop {
            if let Some(sent) = self.sent(path).into_iter().find(&wanted) {
                return sent;
            }
            assert!(since.elapsed() < patience, "nothing of the kind came to {path}: {:?}", self.sent(path));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn take(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let bytes = to_bytes(body, 1 << 22).await.unwrap().to_vec();
    let body = serde_json::from_slice(&bytes).unwrap();
    let path = head.uri.path().to_owned();
    let number = {
        let mut sent = inner.sent.lock().unwrap();
        let number = sent.iter().filter(|sent| sent.path == path).count();
        sent.push(Sent { path: path.clone(), headers: head.headers, bytes, body, at: Instant::now() });
        number
    };
    match (inner.tempers)(number, &path) {
        Temper::Take => StatusCode::OK.into_response(),
        Temper::Answer(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Temper::Wait(seconds) => {
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, seconds.to_string())]).into_response()
        }
        Temper::Hang => std::future::pending().await,
    }
}

/// A signed webhook channel.
pub(crate) fn webhook(settings: Settings, name: &str, url: &str) -> Settings {
    let key = |field: &str| format!("MRRD_ALERTS__CHANNELS__{}__{field}", name.to_uppercase());
    settings.env(&key("KIND"), "webhook").env(&key("URL"), url).env(&key("SECRET"), SECRET)
}

/// A channel of any kind.
pub(crate) fn channel(settings: Settings, name: &str, fields: &[(&str, &str)]) -> Settings {
    fields.iter().fold(settings, |settings, (field, value)| {
        settings.env(&format!("MRRD_ALERTS__CHANNELS__{}__{field}", name.to_uppercase()), value)
    })
}
