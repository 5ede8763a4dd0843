//! A small HTTP/1.1 client for one loopback connection, and Stripe's signature: how the simulated account delivers.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use sha2::Sha256;
use thiserror::Error;
use tokio::net::TcpStream;

use crate::ledger::time::UnixTime;

/// The path that webhooks are posted to.
pub const WEBHOOK_PATH: &str = "/webhooks/stripe";

/// A request that got no whole answer.
#[derive(Debug, Error)]
#[error("{method} http://{address}{path}: {reason}")]
pub struct ClientError {
    method: Method,
    address: SocketAddr,
    path: String,
    reason: String,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status of the answer.
    pub status: u16,
    /// The header fields of the answer.
    pub headers: http::HeaderMap,
    /// The body of the answer.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON; `Null` where it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// One kept-alive connection, opened when first needed and again when the other side closed it.
pub struct Client {
    address: SocketAddr,
    bearing: Option<Arc<str>>,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl Client {
    /// A client of the server at `address`; connects with the first request.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, bearing: None, connection: None }
    }

    /// The same, sending this token with each request that brings no `Authorization` of its own.
    pub fn bearing(self, token: &str) -> Self {
        Self { bearing: Some(format!("Bearer {token}").into()), ..self }
    }

    /// Posts `body` as Stripe would: signed with `secret` at `at`.
    pub async fn post_signed(&mut self, secret: &str, at: UnixTime, body: Bytes) -> Result<Answer, ClientError> {
        let signature = sign(secret, at, &body);
        self.post(WEBHOOK_PATH, Some(&signature), body).await
    }

    /// Posts `body` to `path` with this `Stripe-Signature`, or without any.
    pub async fn post(&mut self, path: &str, signature: Option<&str>, body: Bytes) -> Result<Answer, ClientError> {
        let mut fields = vec![("content-type", "application/json; charset=utf-8"), ("user-agent", "Stripe/1.0")];
        fields.extend(signature.map(|signature| ("stripe-signature", signature)));
        self.send(Method::POST, path, &fields, body).await
    }

    /// Gets `path` (with its query).
    pub async fn get(&mut self, path: &str) -> Result<Answer, ClientError> {
        self.send(Method::GET, path, &[], Bytes::new()).await
    }

    /// Any request. A connection that turns out closed is opened again once: every request here may be repeated.
    pub async fn send(
        &mut self,
        method: Method,
        path: &str,
        fields: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Answer, ClientError> {
        let reused = self.connection.is_some();
        match self.attempt(&method, path, fields, body.clone()).await {
            Err(_) if reused => self.attempt(&method, path, fields, body).await,
            answer => answer,
        }
        .map_err(|reason| ClientError { method, address: self.address, path: path.to_owned(), reason })
    }

    async fn attempt(
        &mut self,
        method: &Method,
        path: &str,
        fields: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Answer, String> {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, self.address.to_string());
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let own = fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        if let Some(token) = self.bearing.as_deref().filter(|_| !own) {
            request = request.header(header::AUTHORIZATION, token);
        }
        let request = request.body(Full::new(body)).map_err(|error| error.to_string())?;
        let mut connection = match self.connection.take() {
            Some(open) => open,
            None => self.connect().await?,
        };
        connection.ready().await.map_err(|error| error.to_string())?;
        let answer = connection.send_request(request).await.map_err(|error| error.to_string())?;
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
        self.connection = Some(connection);
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, String> {
        let stream = TcpStream::connect(self.address).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        // Ends with the connection; its error shows in the request that met it.
        tokio::spawn(connection);
        Ok(sender)
    }
}

/// The `Stripe-Signature` of `body` at `at` (docs/wire.md 1.1).
pub fn sign(secret: &str, at: UnixTime, body: &[u8]) -> String {
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    mac.update(at.0.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    format!("t={},v1={}", at.0, hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_signs_as_openssl_does() {
        // printf '1533204620.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_test
        let body = br#"{"id":"evt_1"}"#;
        assert_eq!(
            sign("whsec_test", UnixTime(1_533_204_620), body),
            "t=1533204620,v1=15c11ef14eb7f0772fdab75361a67b6e577af90b232fb8336c50ee03c8936f09"
        );
    }
}
