//! Answers of figures that were given, kept while they hold: told by what they are made of, as their tags are (`fresh.rs`).
//! They name nobody, but for alerts tried on the past. Their memory is bounded, and the oldest give way.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures_util::stream;
use http::response::Parts;
use http_body_util::BodyExt as _;
use hyper::body::Body as _;

use crate::{ledger::time::UnixTime, limits};

/// Answers by the digest of what they are made of. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Kept(Arc<Mutex<Answers>>);

#[derive(Debug, Default)]
struct Answers {
    by_digest: HashMap<String, Answer>,
    /// The oldest first.
    order: VecDeque<String>,
    bytes: usize,
}

#[derive(Clone, Debug)]
struct Answer {
    at: UnixTime,
    parts: Parts,
    body: Bytes,
}

impl Kept {
    /// The answer of this digest, with the instant it was given at.
    pub(super) fn get(&self, digest: &str) -> Option<(UnixTime, Response)> {
        let Answer { at, parts, body } = self.held().by_digest.get(digest)?.clone();
        Some((at, Response::from_parts(parts, Body::from(body))))
    }

    /// Keeps an answer given at an instant, unless it is too long; it is given on.
    pub(super) async fn keep(&self, digest: &str, at: UnixTime, response: Response) -> Response {
        // One that is written as it is sent says no length.
        let length = response.body().size_hint().exact();
        if length.is_none_or(|length| length > limits::KEPT_ANSWER_BYTES as u64) {
            return response;
        }
        let (parts, body) = response.into_parts();
        match body.collect().await {
            Ok(body) => {
                let body = body.to_bytes();
                self.held().add(digest, Answer { at, parts: parts.clone(), body: body.clone() });
                Response::from_parts(parts, Body::from(body))
            }
            // It broke off, and so does what the client gets.
            Err(error) => Response::from_parts(parts, Body::from_stream(stream::iter([Err::<Bytes, _>(error)]))),
        }
    }

    fn held(&self) -> MutexGuard<'_, Answers> {
        // Whoever panics leaves at most an answer that isn't counted.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answers {
    fn add(&mut self, digest: &str, answer: Answer) {
        let size = answer.size(digest);
        if let Some(before) = self.by_digest.insert(digest.to_owned(), answer) {
            self.bytes -= before.size(digest).min(self.bytes);
        } else {
            self.order.push_back(digest.to_owned());
        }
        self.bytes += size;
        while self.bytes > limits::KEPT_ANSWERS_BYTES
            && let Some(oldest) = self.order.pop_front()
        {
            if let Some(gone) = self.by_digest.remove(&oldest) {
                self.bytes -= gone.size(&oldest).min(self.bytes);
            }
        }
    }
}

impl Answer {
    /// What it holds, about.
    fn size(&self, digest: &str) -> usize {
        const BESIDE: usize = 1_024;
        self.body.len() + 2 * digest.len() + BESIDE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn text(response: Response) -> String {
        String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn an_answer_is_given_again_until_others_need_its_room() {
        let kept = Kept::default();
        let body = "x".repeat(limits::KEPT_ANSWER_BYTES - 10);
        let given = kept.keep("first", UnixTime(1), Response::new(Body::from(body.clone()))).await;
        assert_eq!(text(given).await, body);
        let (at, again) = kept.get("first").unwrap();
        assert_eq!((at, text(again).await), (UnixTime(1), body.clone()));
        for number in 0..limits::KEPT_ANSWERS_BYTES / limits::KEPT_ANSWER_BYTES {
            kept.keep(&number.to_string(), UnixTime(2), Response::new(Body::from(body.clone()))).await;
        }
        assert!(kept.get("first").is_none(), "the oldest gives way");
        let held = kept.held();
        assert!(held.bytes <= limits::KEPT_ANSWERS_BYTES && held.order.len() == held.by_digest.len());
    }

    #[tokio::test]
    async fn one_that_is_too_long_or_tells_no_length_is_passed_on() {
        let kept = Kept::default();
        let long = "x".repeat(limits::KEPT_ANSWER_BYTES + 1);
        assert_eq!(text(kept.keep("long", UnixTime(1), Response::new(Body::from(long.clone()))).await).await, long);
        let pieces = stream::iter([Ok::<_, std::io::Error>("a"), Ok("b")]);
        let written = kept.keep("written", UnixTime(1), Response::new(Body::from_stream(pieces))).await;
        assert_eq!(text(written).await, "ab");
        assert!(kept.get("long").is_none() && kept.get("written").is_none());
    }
}
