//! Redelivery: the log's events to another endpoint, in log order, signed with that endpoint's secret.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, Uri};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::replay::Counts;
use crate::{
    clock::Clock,
    event::{EventRow, Seq},
    https::{Bounds, Https, retry_after},
    limits,
    store::{Store, log::EventFilter},
    stripe::signature::{SigningSecret, sign},
};

/// A webhook endpoint somewhere else.
pub struct Endpoint {
    url: Uri,
    secret: SigningSecret,
    clock: Clock,
    https: Https,
}

/// What is sent, and how fast.
#[derive(Debug)]
pub struct Redelivery {
    /// The events that are sent.
    pub filter: EventFilter,
    /// Only what comes after this place in the log.
    pub after_seq: Seq,
    /// At most so many a second.
    pub rate_per_second: Option<u32>,
    /// Nothing is sent: only how many would be is counted.
    pub dry_run: bool,
}

/// What an endpoint answered to one event.
enum Said {
    Taken,
    Known,
    Refused(String),
    /// It may say otherwise later; after so long, if it told.
    NotNow(String, Option<Duration>),
}

impl Endpoint {
    /// An endpoint at `url`, http or https. Errors on any other URL, or when the machine has no trusted certificates.
    pub fn new(url: &str, secret: SigningSecret, clock: Clock) -> Result<Self, String> {
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(format!("{url} must begin with http:// or https://"));
        }
        let parsed: Uri = url.parse().map_err(|error| format!("{url} is no URL: {error}"))?;
        let https = Https::new(Bounds {
            wait: limits::REDELIVERY_WAIT,
            answer_bytes: limits::REDELIVERY_ANSWER_BYTES,
            idle: 1,
            read_ahead_bytes: None,
        })?;
        Ok(Self { url: parsed, secret, clock, https })
    }

    async fn post(&self, body: Bytes) -> Said {
        let request =
            Request::post(&self.url).header("stripe-signature", sign(&self.secret, self.clock.now(), &body)).body(body);
        let request = match request {
            Ok(request) => request,
            Err(error) => return Said::Refused(error.to_string()),
        };
        let (head, body) = match self.https.post(request).await {
            Ok(answer) => answer,
            Err(why) => return Said::NotNow(why.to_string(), None),
        };
        let status = head.status;
        if status.is_success() {
            let known = serde_json::from_slice::<serde_json::Value>(&body).is_ok_and(|body| body["duplicate"] == true);
            return if known { Said::Known } else { Said::Taken };
        }
        let said = match why(&body) {
            Some(why) => format!("it answers {status}: {why}"),
            None => format!("it answers {status}"),
        };
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Said::NotNow(said, retry_after(&head.headers));
        }
        Said::Refused(said)
    }

    /// Posts until the endpoint takes or refuses it, or has failed too often.
    async fn deliver(&self, body: &Bytes) -> Said {
        let mut pause = limits::REDELIVERY_PAUSE;
        for _ in 1..limits::REDELIVERY_ATTEMPTS {
            match self.post(body.clone()).await {
                Said::NotNow(_, after) => sleep(after.unwrap_or(pause).min(limits::REDELIVERY_PAUSE_MAX)).await,
                said => return said,
            }
            pause *= 2;
        }
        self.post(body.clone()).await
    }
}

impl Redelivery {
    /// Sends what the filter lets through, telling `watch` after each event, with the reason when it was refused.
    /// Errors when the log can't be read, or the endpoint is away or refuses everything.
    pub async fn run(
        &self,
        store: &Store,
        endpoint: &Endpoint,
        mut watch: impl FnMut(&Counts, Option<String>),
    ) -> Result<Counts, String> {
        let mut counts = Counts::default();
        let mut refused_in_a_row = 0;
        let mut pace = self.rate_per_second.map(|rate| {
            let mut pace = interval(Duration::from_secs(1) / rate);
            pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
            pace
        });
        let mut after = self.after_seq;
        loop {
            let page = store
                .log
                .events(&self.filter, after, limits::LOG_PAGE_EVENTS)
                .await
                .map_err(|error| error.to_string())?;
            let Some(last) = page.last() else { return Ok(counts) };
            after = last.seq;
            // What the API answered is in the log too, and no endpoint takes it: it is no event.
            for row in page.iter().filter(|row| !row.kind.starts_with("api.")) {
                counts.read += 1;
                if self.dry_run {
                    watch(&counts, None);
                    continue;
                }
                if let Some(pace) = &mut pace {
                    pace.tick().await;
                }
                let Some(body) = body_of(store, row).await? else {
                    counts.rejected += 1;
                    watch(&counts, Some(format!("{} can't be sent: its body was erased", row.id)));
                    continue;
                };
                let refused = match endpoint.deliver(&body).await {
                    Said::Taken => {
                        counts.appended += 1;
                        None
                    }
                    Said::Known => {
                        counts.duplicates += 1;
                        None
                    }
                    Said::Refused(reason) => {
                        counts.rejected += 1;
                        Some(format!("{} was refused: {reason}", row.id))
                    }
                    Said::NotNow(reason, _) => {
                        return Err(format!(
                            "stopped at {}, {} in the log: {reason}; run it again with --after {} when the endpoint is back",
                            row.id,
                            row.seq,
                            row.seq.before()
                        ));
                    }
                };
                refused_in_a_row = if refused.is_some() { refused_in_a_row + 1 } else { 0 };
                watch(&counts, refused);
                if refused_in_a_row == limits::REDELIVERY_REFUSALS {
                    return Err(format!("stopped: {refused_in_a_row} refusals in a row; check --to and --secret"));
                }
            }
        }
    }
}

/// What a problem's JSON (RFC 9457), as mrrd's own, says of itself.
fn why(body: &[u8]) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let detail = body["detail"].as_str()?;
    Some(detail.chars().take(limits::REDELIVERY_DETAIL_CHARS).collect())
}

/// `None` where it was erased.
async fn body_of(store: &Store, row: &EventRow) -> Result<Option<Bytes>, String> {
    let bodies = store.log.bodies(&row.id).await.map_err(|error| error.to_string())?;
    Ok(bodies.into_iter().find(|(event, _)| event.seq == row.seq).map(|(_, body)| body))
}
