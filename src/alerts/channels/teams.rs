//! Microsoft Teams: the address of a Workflow ("Post to a channel when a webhook request is received"), which takes an Adaptive Card.

use bytes::Bytes;
use secrecy::SecretString;
use serde_json::json;

use super::{Refusal, http::Post};
use crate::alerts::message::Message;

pub(super) struct Teams(Post);

impl Teams {
    pub(super) fn new(url: &SecretString) -> Result<Self, String> {
        Post::new(url).map(Self)
    }

    pub(super) async fn send(&self, message: &Message) -> Result<(), Refusal> {
        let card = json!({
            "contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": null, "content": message.card(),
        });
        // The summary is what a notification shows.
        let body = json!({"type": "message", "summary": message.headline, "attachments": [card]});
        self.0.send(Bytes::from(body.to_string()), &[]).await
    }
}
