//! Server-sent events: whoever listens hears that a webhook is in the figures.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    api::{DAY, JANUARY, event, subscription},
    support::daemon::Daemon,
};

/// The objects in the `data` lines that have come so far.
fn told(text: &str) -> Vec<Value> {
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.filter_map(|data| serde_json::from_str(data).ok()).collect()
}

async fn heard(stream: &mut TcpStream, text: &mut String, until: impl Fn(&[Value]) -> bool) {
    let since = Instant::now();
    while !until(&told(text)) {
        assert!(since.elapsed() < Duration::from_secs(20), "only this was heard: {text}");
        let mut buffer = [0; 4096];
        if let Ok(read) = tokio::time::timeout(Duration::from_secs(1), stream.read(&mut buffer)).await {
            let read = read.unwrap();
            assert!(read > 0, "the stream ended: {text}");
            text.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
    }
}

/// Asks for the stream, showing who asks by this header field.
async fn ask(stream: &mut TcpStream, who: &str) {
    let host = stream.peer_addr().unwrap();
    let request = format!("GET /api/v1/stream HTTP/1.1\r\nhost: {host}\r\n{who}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
}

/// Waits until the other side ends it.
async fn ended(stream: &mut TcpStream) {
    let reading = async {
        let mut buffer = [0; 4096];
        while stream.read(&mut buffer).await.unwrap() > 0 {}
    };
    tokio::time::timeout(Duration::from_secs(60), reading).await.expect("it goes on");
}

/// A token that is revoked, and a session that is ended or whose token is revoked, hear nothing more.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_let_in_no_more_hears_no_more() {
    let daemon = Daemon::start().await;
    let created = daemon.command(&["token", "create", "Ada", "--role", "viewer", "--json"]);
    let created: Value = serde_json::from_slice(&created.stdout).unwrap();
    let (id, token) = (created["id"].as_str().unwrap(), created["token"].as_str().unwrap());
    let signed_in = async |token: &str| {
        let fields = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("origin", &*format!("http://{}", daemon.address())),
        ];
        let body = format!("token={token}").into();
        let answer = daemon.stranger().send(http::Method::POST, "/sign-in", &fields, body).await.unwrap();
        assert_eq!(answer.status, 303, "{}", String::from_utf8_lossy(&answer.body));
        let cookie = answer.headers["set-cookie"].to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    };
    let (of_token, of_session) =
        (format!("authorization: Bearer {token}"), format!("cookie: {}", signed_in(token).await));
    let other = signed_in(daemon.token()).await;
    let left = format!("cookie: {other}");
    let mut listening = Vec::new();
    for who in [&of_token, &of_session, &left] {
        let mut stream = TcpStream::connect(daemon.address()).await.unwrap();
        ask(&mut stream, &format!("{who}\r\nconnection: close")).await;
        let mut text = String::new();
        heard(&mut stream, &mut text, |told| !told.is_empty()).await;
        listening.push(stream);
    }
    assert!(daemon.command(&["token", "revoke", id]).status.success());
    let fields = [("cookie", &*other), ("origin", &*format!("http://{}", daemon.address()))];
    let out = daemon.stranger().send(http::Method::POST, "/sign-out", &fields, bytes::Bytes::new()).await.unwrap();
    assert_eq!(out.status, 303);
    for mut stream in listening {
        ended(&mut stream).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_listens_hears_of_every_webhook_and_holds_up_no_end() {
    let mut daemon = Daemon::start().await;
    let mut stream = TcpStream::connect(daemon.address()).await.unwrap();
    ask(&mut stream, &format!("authorization: Bearer {}", daemon.token())).await;
    let mut text = String::new();
    heard(&mut stream, &mut text, |told| told.iter().any(|one| one["last_seq"] == 0)).await;
    assert!(text.contains("content-type: text/event-stream"), "{text}");
    assert!(text.contains("cache-control: no-store"), "{text}");
    for place in 1..=3 {
        let sold = subscription("sub_1", "cus_1", "price_1", 1000 * place, 1, JANUARY);
        let id = format!("evt_{place}");
        daemon.accept(event(&id, "customer.subscription.updated", JANUARY + place * DAY, &sold, None)).await;
        heard(&mut stream, &mut text, |told| {
            told.iter().any(|one| one["applied_seq"] == place && one["lag_events"] == 0)
        })
        .await;
    }
    assert!(daemon.terminate(), "it ends although somebody listens");
}
