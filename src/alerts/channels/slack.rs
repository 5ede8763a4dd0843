//! Slack's incoming webhooks: blocks, with the headline for notifications.

use bytes::Bytes;
use secrecy::SecretString;
use serde_json::json;

use super::{Refusal, http::Post};
use crate::alerts::message::Message;

pub(super) struct Slack(Post);

impl Slack {
    pub(super) fn new(url: &SecretString) -> Result<Self, String> {
        Post::new(url).map(Self)
    }

    pub(super) async fn send(&self, message: &Message) -> Result<(), Refusal> {
        let body = json!({"text": message.headline, "blocks": message.slack, "unfurl_links": false});
        self.0.send(Bytes::from(body.to_string()), &[]).await
    }
}
