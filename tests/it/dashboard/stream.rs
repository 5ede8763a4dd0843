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

#[tokio::test(flavor = "multi_thread")]
async fn whoever_listens_hears_of_every_webhook_and_holds_up_no_end() {
    let mut daemon = Daemon::start().await;
    let mut stream = TcpStream::connect(daemon.address()).await.unwrap();
    let request = format!(
        "GET /api/v1/stream HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\r\n",
        daemon.address(),
        daemon.token()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
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
