//! PagerDuty's Events API v2: an alert triggers an incident, its end resolves the same one.

use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::{Refusal, http::Post};
use crate::alerts::message::Message;

pub(super) struct PagerDuty {
    post: Post,
    routing_key: SecretString,
}

impl PagerDuty {
    pub(super) fn new(url: &SecretString, routing_key: &SecretString) -> Result<Self, String> {
        Ok(Self { post: Post::new(url)?, routing_key: routing_key.clone() })
    }

    pub(super) async fn send(&self, message: &Message) -> Result<(), Refusal> {
        let action = if message.event == "closed" { "resolve" } else { "trigger" };
        // PagerDuty takes 1024 characters here, and half a megabyte in all.
        let summary: String = message.headline.chars().take(1024).collect();
        let body = json!({
            "routing_key": self.routing_key.expose_secret(),
            "event_action": action,
            // The alert's own id, so that its end finds the incident.
            "dedup_key": message.alert,
            "payload": {
                "summary": summary, "source": "mrrd", "severity": message.severity,
                "class": message.json["alert"]["rule"], "custom_details": {"text": message.text},
            },
        });
        self.post.send(Bytes::from(body.to_string()), &[]).await
    }
}
