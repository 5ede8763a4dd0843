//! Request bodies under a bound: read whole up to a size, or thrown away so that the client gets to read the answer.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use thiserror::Error;
use tokio::time::{Sleep, sleep};

use super::{
    bodies::{Bodies, Crowded, Held},
    slots::Slot,
};
use crate::limits;

/// Why a body wasn't read.
#[derive(Debug, Error)]
pub enum BodyError {
    /// It is longer than allowed; what was still to come has been thrown away, within a bound.
    #[error("the body is over {limit_bytes} bytes")]
    TooLarge {
        /// How many bytes a body may have.
        limit_bytes: usize,
    },
    /// It did not arrive in time.
    #[error("the body did not arrive in time")]
    Slow,
    /// Others needed its room, or there is none.
    #[error("as many large bodies are arriving as may")]
    Crowded,
    /// The connection broke, or the framing is invalid.
    #[error("the body broke off")]
    Broken,
}

/// Reads a body of at most `limit_bytes`, within what all bodies may hold; what comes back keeps its share of that.
pub async fn read(mut body: Body, limit_bytes: usize, bodies: &Bodies) -> Result<(Bytes, Held<'_>), BodyError> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limit_bytes {
        discard(body).await;
        return Err(BodyError::TooLarge { limit_bytes });
    }
    let mut held = bodies.begin();
    // What is announced costs nothing to announce: room is made as the bytes come.
    let mut whole = Vec::with_capacity(announced.min(limits::BODY_ALLOWANCE));
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            () = held.told_to_give_way() => return Err(BodyError::Crowded),
        };
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|error| if is_late(&error) { BodyError::Slow } else { BodyError::Broken })?;
        let Ok(data) = frame.into_data() else { continue };
        let length = whole.len() + data.len();
        if length > limit_bytes {
            discard(body).await;
            return Err(BodyError::TooLarge { limit_bytes });
        }
        if length > whole.capacity() {
            // All of it at once where it is known how much comes, else twice as much as there is.
            let capacity = announced.max(length.max(2 * whole.capacity()).min(limit_bytes));
            if held.grow(capacity).is_err() {
                discard(body).await;
                return Err(BodyError::Crowded);
            }
            whole.reserve_exact(capacity - whole.len());
        }
        whole.extend_from_slice(&data);
    }
    held.arrived().map_err(|Crowded| BodyError::Crowded)?;
    Ok((whole.into(), held))
}

/// Reads on without keeping anything, up to a bound of bytes and time: a connection that is closed with bytes unread
/// is reset, and the client would never see the answer.
pub async fn discard(mut body: Body) {
    let reading = async {
        let mut left = limits::REFUSED_BODY_DRAIN_BYTES;
        while let Some(Ok(frame)) = body.frame().await {
            let Some(rest) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else { return };
            left = rest;
        }
    };
    // Whether it ended or time ran out, the answer follows.
    drop(tokio::time::timeout(limits::REFUSED_BODY_DRAIN, reading).await);
}

/// A body that fails once its time is over.
pub(super) struct Deadline<B> {
    body: B,
    until: Pin<Box<Sleep>>,
    slot: Arc<Slot>,
}

/// The body did not arrive in time.
#[derive(Debug, Error)]
#[error("the body did not arrive in time")]
struct Late;

impl<B: HttpBody> Deadline<B> {
    /// Lets `body` arrive within `time`, and its connection's `place` know whether it has.
    pub(super) fn new(body: B, time: Duration, slot: Arc<Slot>) -> Self {
        if body.is_end_stream() {
            slot.answers()
        } else {
            slot.receives()
        }
        Self { body, until: Box::pin(sleep(time)), slot }
    }
}

impl<B> HttpBody for Deadline<B>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<axum::BoxError>,
{
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            if frame.is_none() || self.body.is_end_stream() {
                self.slot.answers();
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        ready!(self.until.as_mut().poll(context));
        Poll::Ready(Some(Err(Late.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body: once it is gone, its connection idles.
pub(super) struct Answer {
    body: Body,
    slot: Arc<Slot>,
}

impl Answer {
    /// Of a connection with this place.
    pub(super) fn new(body: Body, slot: Arc<Slot>) -> Self {
        // Answered before all of its body was there, or whole: what is left to do is ours.
        slot.answers();
        Self { body, slot }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.slot.idles();
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Whether the deadline, somewhere below, was the reason.
fn is_late(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(|error| error.is::<Late>())
}
