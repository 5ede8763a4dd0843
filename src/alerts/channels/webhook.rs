//! A webhook of one's own: JSON, signed the way Stripe signs, `Mrrd-Signature: t=…,v1=…`.

use bytes::Bytes;
use http::HeaderName;
use secrecy::{ExposeSecret, SecretString};

use super::{Refusal, http::Post};
use crate::{
    alerts::message::Message,
    clock::Clock,
    stripe::signature::{SigningSecret, sign},
};

pub(super) struct Webhook {
    post: Post,
    secret: SigningSecret,
    clock: Clock,
}

impl Webhook {
    pub(super) fn new(url: &SecretString, secret: &SecretString, clock: Clock) -> Result<Self, String> {
        let secret = SigningSecret::new(secret.expose_secret()).map_err(|_| "its secret is empty".to_owned())?;
        Ok(Self { post: Post::new(url)?, secret, clock })
    }

    pub(super) async fn send(&self, message: &Message) -> Result<(), Refusal> {
        let body = Bytes::from(message.json.to_string());
        let signature = sign(&self.secret, self.clock.now(), &body);
        self.post.send(body, &[(HeaderName::from_static("mrrd-signature"), signature)]).await
    }
}
