//! A stand-in for Stripe's API: lists with Stripe's paging, 30 days of events, and the troubles of a real one on demand. It
//! refuses what the real one would (`stripe_contract`).

use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use super::stripe_contract::{self, Asked};
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use hyper::body::Frame;
use mrrd::ledger::time::UnixTime;
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpSocket},
    task::JoinHandle,
};

/// The only key it knows.
pub(crate) const KEY: &str = "rk_test_nobody_may_see_this";

/// What may befall one request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trouble {
    /// This status, with `Retry-After: 0`.
    Status(u16),
    /// No answer, ever.
    Hang,
    /// 403, as a restricted key is answered.
    Forbidden,
    /// 401, as one that was taken back is answered.
    Unauthorized,
    /// 400, as a parameter is answered that it doesn't know.
    Refused,
    /// 429, not before so many seconds.
    NotBefore(u64),
}

/// How many elements of a list inside an object are shown with it.
const EMBEDDED: usize = 10;

/// The embedded list of an object, and what becomes of it.
fn embedded(list: &str) -> Option<&'static str> {
    match list {
        "invoices" => Some("lines"),
        "subscriptions" => Some("items"),
        _ => None,
    }
}

/// Something in a list: what it is found by, and its text.
#[derive(Clone, Debug)]
struct Element {
    id: String,
    created: i64,
    text: String,
    /// All lines of an invoice, or items of a subscription, that shows only the first.
    lines: Vec<Value>,
}

/// Spaces before each answer of a stand-in made by [`FakeStripe::all_at_once`]: more than all buffers between it and
/// whoever asks hold, so that its last part leaves only when the answer is being taken off the wire.
static PADDING: [u8; 64 << 10] = [b' '; 64 << 10];
const PADDINGS: usize = 16;

type Troubles = dyn Fn(usize, &str) -> Option<Trouble> + Send + Sync;

struct Account {
    now: AtomicI64,
    pause: Duration,
    /// Answers wait for the next beat of this, leave together, and count when they are taken.
    beat: Option<(Instant, Duration)>,
    lists: Mutex<BTreeMap<&'static str, Vec<Element>>>,
    /// MRR at the end of a month (`2026-01`), by customer, for the Metrics API; it is closed while there is none.
    mrr: Mutex<BTreeMap<(String, String), i64>>,
    troubles: Box<Troubles>,
    asked: AtomicUsize,
    paths: Mutex<Vec<String>>,
    answered: Mutex<Vec<String>>,
}

/// A running stand-in; ends when dropped.
pub(crate) struct FakeStripe {
    account: Arc<Account>,
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Drop for FakeStripe {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl FakeStripe {
    /// An account whose clock stands at `now`; `troubles` befall the request of that number (from 0) and path.
    pub(crate) async fn start(
        now: UnixTime,
        pause: Duration,
        troubles: impl Fn(usize, &str) -> Option<Trouble> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener, now, pause, None, troubles)
    }

    /// As unkind as can be to whoever is killed: whatever is asked for within `beat` is answered in one instant. An answer
    /// counts as given when whoever asked takes it off the wire, not while it waits there.
    pub(crate) async fn all_at_once(now: UnixTime, beat: Duration) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_send_buffer_size(16 << 10).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(64).unwrap();
        Self::on(listener, now, Duration::ZERO, Some((Instant::now(), beat)), |_, _| None)
    }

    fn on(
        listener: TcpListener,
        now: UnixTime,
        pause: Duration,
        beat: Option<(Instant, Duration)>,
        troubles: impl Fn(usize, &str) -> Option<Trouble> + Send + Sync + 'static,
    ) -> Self {
        let account = Arc::new(Account {
            now: AtomicI64::new(now.0),
            pause,
            beat,
            lists: Mutex::default(),
            mrr: Mutex::default(),
            troubles: Box::new(troubles),
            asked: AtomicUsize::new(0),
            paths: Mutex::default(),
            answered: Mutex::default(),
        });
        let address = listener.local_addr().unwrap();
        let routes = Router::new().fallback(answer).with_state(account.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { account, address, serving }
    }

    /// An account without troubles.
    pub(crate) async fn calm(now: UnixTime) -> Self {
        Self::start(now, Duration::ZERO, |_, _| None).await
    }

    /// What `stripe.api_base` is set to.
    pub(crate) fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Puts an element into a list (`events`, `subscriptions`, …); newest first in the answers.
    pub(crate) fn put(&self, list: &'static str, id: &str, created: UnixTime, text: impl Into<String>) {
        let mut lists = self.account.lists.lock().unwrap();
        let (mut text, mut lines) = (text.into(), Vec::new());
        if let Some(field) = embedded(list) {
            let mut object: Value = serde_json::from_str(&text).unwrap();
            let shown = object[field]["data"].as_array_mut().unwrap();
            if shown.len() > EMBEDDED {
                lines = shown.clone();
                shown.truncate(EMBEDDED);
                object[field]["has_more"] = true.into();
                text = object.to_string();
            }
        }
        let list = lists.entry(list).or_default();
        if let Some(place) = list.iter().position(|element| element.id == id) {
            list.remove(place);
        }
        list.push(Element { id: id.to_owned(), created: created.0, text, lines });
        list.sort_by(|a, b| (b.created, &b.id).cmp(&(a.created, &a.id)));
    }

    /// Says what Stripe's own MRR of a customer is at the end of a month, in minor units.
    pub(crate) fn tell_mrr(&self, month: &str, customer: &str, minor: i64) {
        self.account.mrr.lock().unwrap().insert((month.to_owned(), customer.to_owned()), minor);
    }

    /// Sets its clock.
    pub(crate) fn at(&self, now: UnixTime) {
        self.account.now.store(now.0, Ordering::SeqCst);
    }

    /// Puts many into a list that hasn't got them.
    pub(crate) fn put_all(&self, list: &'static str, all: impl Iterator<Item = (String, UnixTime, String)>) {
        let mut lists = self.account.lists.lock().unwrap();
        let list = lists.entry(list).or_default();
        list.extend(all.map(|(id, created, text)| Element { id, created: created.0, text, lines: Vec::new() }));
        list.sort_by(|a, b| (b.created, &b.id).cmp(&(a.created, &a.id)));
    }

    /// Requests so far.
    pub(crate) fn asked(&self) -> usize {
        self.account.asked.load(Ordering::SeqCst)
    }

    /// The paths and queries of all pages and objects handed out so far.
    pub(crate) fn answered(&self) -> Vec<String> {
        self.account.answered.lock().unwrap().clone()
    }

    /// The paths of all requests so far, with their queries.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.account.paths.lock().unwrap().clone()
    }
}

async fn answer(State(account): State<Arc<Account>>, request: Request) -> Response {
    let number = account.asked.fetch_add(1, Ordering::SeqCst);
    account.paths.lock().unwrap().push(request.uri().to_string());
    let path = request.uri().path().trim_start_matches("/v1/").to_owned();
    let headers = request.headers();
    if headers.get(header::AUTHORIZATION).is_none_or(|sent| sent != &format!("Bearer {KEY}")) {
        return refusal(401, json!({"message": "Invalid API Key provided"}));
    }
    let version = headers.get("stripe-version").and_then(|version| version.to_str().ok()).map(str::to_owned);
    if path == "/v2/data/analytics/metric_query" {
        return account.metric(request, version.as_deref()).await;
    }
    let query = request.uri().query().unwrap_or_default();
    let asked = match stripe_contract::read(&path, query, version.as_deref()) {
        Ok(asked) => asked,
        Err((status, error)) => return refusal(status, error),
    };
    match (account.troubles)(number, &path) {
        Some(Trouble::Hang) => std::future::pending().await,
        Some(Trouble::Status(status)) => return refusal(status, json!({"message": "try again"})),
        Some(Trouble::Forbidden) => {
            let message = format!(
                "The provided key '{KEY}' does not have the required permissions for this endpoint. \
                 Having the 'rak_{}_read' permission would allow this request to continue.",
                path.split('/').next().unwrap_or_default().trim_end_matches('s')
            );
            return refusal(403, json!({"message": message}));
        }
        Some(Trouble::Unauthorized) => return refusal(401, json!({"message": "Expired API Key provided"})),
        Some(Trouble::Refused) => return refusal(400, json!({"code": "parameter_unknown", "param": "some_parameter"})),
        Some(Trouble::NotBefore(seconds)) => {
            let mut response = refusal(429, json!({"code": "rate_limit"}));
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            return response;
        }
        None => {}
    }
    tokio::time::sleep(account.pause).await;
    let (status, text) = account.answer(&path, &asked);
    let uri = request.uri().to_string();
    let date = jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&jiff::Timestamp::from_second(account.now.load(Ordering::SeqCst)).unwrap())
        .unwrap();
    let kind = (header::CONTENT_TYPE, "application/json".to_owned());
    let Some((began, beat)) = account.beat else {
        account.answered.lock().unwrap().push(uri);
        return (status, [(header::DATE, date), kind], text).into_response();
    };
    let into_beat = Duration::from_nanos((began.elapsed().as_nanos() % beat.as_nanos()).try_into().unwrap());
    tokio::time::sleep(beat - into_beat).await;
    // A new connection each time: its buffers have not grown.
    let headers = [(header::DATE, date), kind, (header::CONNECTION, "close".to_owned())];
    (status, headers, Body::new(Taken { paddings: PADDINGS, text: Some(text.into()), uri, account })).into_response()
}

/// An answer that counts when it is taken.
struct Taken {
    paddings: usize,
    text: Option<Bytes>,
    uri: String,
    account: Arc<Account>,
}

impl hyper::body::Body for Taken {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.paddings > 0 {
            self.paddings -= 1;
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&PADDING)))));
        }
        let Some(text) = self.text.take() else { return Poll::Ready(None) };
        self.account.answered.lock().unwrap().push(self.uri.clone());
        Poll::Ready(Some(Ok(Frame::data(text))))
    }
}

impl Account {
    /// The Metrics API, a preview that answers 404 to whom it isn't open.
    async fn metric(&self, request: Request, version: Option<&str>) -> Response {
        let json = request.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
        let posted = request.method() == Method::POST && json;
        let body = axum::body::to_bytes(request.into_body(), 1 << 16).await.unwrap();
        let mrr = self.mrr.lock().unwrap().clone();
        if !posted || mrr.is_empty() {
            return refusal(404, json!({"message": "Unrecognized request URL"}));
        }
        let asked = match stripe_contract::metric(&body, version) {
            Ok(asked) => asked,
            Err((status, error)) => return refusal(status, error),
        };
        let now = jiff::Timestamp::from_second(self.now.load(Ordering::SeqCst)).unwrap();
        let rows = mrr.iter().filter(|((month, _), minor)| *month == asked.month && **minor != 0);
        let row = |((month, customer), minor): (&(String, String), &i64)| {
            json!({"id": format!("{month}-{customer}"), "dimensions": {"customer": customer}, "timestamp": asked.end,
                "results": [{"metric": "metric_test_1", "name": "revenue.mrr", "currency": asked.currency,
                    "value": minor.to_string()}]})
        };
        let answer = json!({"object": "v2.data.analytics.metric_query_result", "id": "mqr_1", "created": now.to_string(),
            "livemode": false, "next_page_url": null, "previous_page_url": null, "refreshed_at": now.to_string(),
            "data": rows.map(row).collect::<Vec<_>>()});
        let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now).unwrap();
        ([(header::DATE, date)], axum::Json(answer)).into_response()
    }

    fn answer(&self, path: &str, asked: &Asked) -> (StatusCode, String) {
        let lists = self.lists.lock().unwrap();
        let parameters = &asked.parameters;
        let of_invoice = path.strip_prefix("invoices/").and_then(|path| path.strip_suffix("/lines"));
        let of_subscription = parameters.get("subscription").filter(|_| path == "subscription_items");
        let whole = match (of_invoice, of_subscription) {
            (Some(id), _) => Some(("invoices", id)),
            (None, id) => id.map(|id| ("subscriptions", id.as_str())),
        };
        if let Some((list, id)) = whole {
            let found = lists.get(list).into_iter().flatten().find(|element| element.id == id);
            let Some(cut) = found else { return (StatusCode::NOT_FOUND, missing()) };
            let begin = match parameters.get("starting_after") {
                Some(after) => match cut.lines.iter().position(|line| line["id"] == **after) {
                    Some(place) => place + 1,
                    None => return (StatusCode::BAD_REQUEST, missing()),
                },
                None => 0,
            };
            let end = cut.lines.len().min(begin + parameters["limit"].parse::<usize>().unwrap());
            let (data, has_more) = (&cut.lines[begin..end], end < cut.lines.len());
            let data: Vec<Value> =
                data.iter().map(|line| serde_json::from_str(&asked.shown(&line.to_string())).unwrap()).collect();
            let page = json!({"object": "list", "data": data, "has_more": has_more, "url": format!("/v1/{path}")});
            return (StatusCode::OK, page.to_string());
        }
        if let Some((list, id)) = path.split_once('/') {
            let id = stripe_contract::decoded(id);
            let found = lists.get(list).and_then(|list| list.iter().find(|element| element.id == id));
            return match found {
                Some(element) => (StatusCode::OK, asked.shown(&element.text)),
                None => (StatusCode::NOT_FOUND, missing()),
            };
        }
        let number = |name: &str| parameters.get(name).map(|value| value.parse::<i64>().unwrap());
        let listed_from =
            if path == "events" { self.now.load(Ordering::SeqCst) - 30 * UnixTime::DAY_SECONDS } else { i64::MIN };
        let from = number("created[gte]").unwrap_or(i64::MIN).max(listed_from);
        let until = number("created[lt]").unwrap_or(i64::MAX);
        let limit = usize::try_from(number("limit").unwrap_or(10)).unwrap();
        let all: Vec<&Element> =
            lists.get(path).into_iter().flatten().filter(|element| (from..until).contains(&element.created)).collect();
        let begin = match parameters.get("starting_after") {
            Some(after) => match all.iter().position(|element| element.id == *after) {
                Some(place) => place + 1,
                None => return (StatusCode::BAD_REQUEST, missing()),
            },
            None => 0,
        };
        let page = &all[begin..all.len().min(begin + limit)];
        let has_more = begin + page.len() < all.len();
        let texts: Vec<String> = page.iter().map(|element| asked.shown(&element.text)).collect();
        let data = texts.join(",");
        (StatusCode::OK, format!(r#"{{"object":"list","data":[{data}],"has_more":{has_more},"url":"/v1/{path}"}}"#))
    }
}

fn missing() -> String {
    json!({"error": {"code": "resource_missing", "message": "No such object"}}).to_string()
}

fn refusal(status: u16, error: Value) -> Response {
    let body = json!({ "error": error }).to_string();
    (StatusCode::from_u16(status).unwrap(), [(header::RETRY_AFTER, "0")], body).into_response()
}
