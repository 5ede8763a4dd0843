//! Posting JSON, with a deadline; what comes back is a status and perhaps `Retry-After`.

use std::{error::Error, time::Duration};

use bytes::Bytes;
use http::{HeaderName, Request, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;

use super::Refusal;
use crate::limits;

/// One address that JSON is posted to.
pub(super) struct Post {
    // May be all it takes to post there: never shown.
    url: Uri,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Post {
    pub(super) fn new(url: &SecretString) -> Result<Self, String> {
        let url: Uri = url.expose_secret().parse().map_err(|_| "its url is none".to_owned())?;
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()
            .map_err(|error| format!("no trusted certificates on this machine: {error}"))?
            .https_or_http()
            .enable_http1()
            .build();
        // A connection kept open may be dead by the next alert, days later.
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Ok(Self { url, client })
    }

    /// Any 2xx is a yes. `fields` are further header fields.
    pub(super) async fn send(&self, body: Bytes, fields: &[(HeaderName, String)]) -> Result<(), Refusal> {
        let mut request = Request::post(&self.url)
            .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
            .header(header::USER_AGENT, concat!("mrrd/", env!("CARGO_PKG_VERSION")));
        for (name, value) in fields {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(body)).map_err(|error| Refusal::from(error.to_string()))?;
        let asked = async {
            let (head, body) = self.client.request(request).await.map_err(|error| words(&error))?.into_parts();
            // Read, so that the other side sees it taken; what it says may quote secrets, and is forgotten.
            drop(Limited::new(body, limits::ALERT_ANSWER_BYTES).collect().await);
            Ok::<_, String>(head)
        };
        let head = match timeout(limits::ALERT_ANSWER_WAIT, asked).await {
            Ok(answered) => answered?,
            Err(_) => {
                let seconds = limits::ALERT_ANSWER_WAIT.as_secs();
                return Err(Refusal::from(format!("it did not answer within {seconds} seconds")));
            }
        };
        if head.status.is_success() {
            return Ok(());
        }
        let after = head.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        Err(Refusal { reason: format!("it answers {}", head.status), retry_after: after.map(Duration::from_secs) })
    }
}

/// An error with what caused it: hyper's own words name no address.
fn words(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
