//! Posting JSON, with a deadline; what comes back is a status and perhaps `Retry-After`.

use bytes::Bytes;
use http::{HeaderName, Request, Uri};
use secrecy::{ExposeSecret, SecretString};

use super::Refusal;
use crate::{
    https::{Bounds, Https, retry_after},
    limits,
};

/// One address that JSON is posted to.
pub(super) struct Post {
    // May be all it takes to post there: never shown.
    url: Uri,
    https: Https,
}

impl Post {
    pub(super) fn new(url: &SecretString) -> Result<Self, String> {
        let url: Uri = url.expose_secret().parse().map_err(|_| "its url is none".to_owned())?;
        let https = Https::new(Bounds {
            wait: limits::ALERT_ANSWER_WAIT,
            answer_bytes: limits::ALERT_ANSWER_BYTES,
            // A connection kept open may be dead by the next alert, days later.
            idle: 0,
            read_ahead_bytes: None,
        })?;
        Ok(Self { url, https })
    }

    /// Any 2xx is a yes. `fields` are further header fields.
    pub(super) async fn send(&self, body: Bytes, fields: &[(HeaderName, String)]) -> Result<(), Refusal> {
        let mut request = Request::post(&self.url);
        for (name, value) in fields {
            request = request.header(name, value);
        }
        let request = request.body(body).map_err(|error| Refusal::from(error.to_string()))?;
        // What it says may quote secrets, and is forgotten.
        let (head, _) = self.https.post(request).await.map_err(|why| Refusal::from(why.to_string()))?;
        if head.status.is_success() {
            return Ok(());
        }
        Err(Refusal { reason: format!("it answers {}", head.status), retry_after: retry_after(&head.headers) })
    }
}
