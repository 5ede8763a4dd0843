//! Request bodies under a bound: read whole up to a size, or thrown away so that the client gets to read the answer.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use thiserror::Error;
use tokio::time::{Sleep, sleep};

use crate::limits;

/// Why a body wasn't read.
#[derive(Debug, Error)]
pub enum BodyError {
    /// It is longer than allowed; what was still to come has been thrown away, within a bound.
    #[error("the body is over {limit_bytes} bytes")]
    TooLarge {
        /// The bound it broke.
        limit_bytes: usize,
    },
    /// It did not arrive in time.
    #[error("the body did not arrive in time")]
    Slow,
    /// The connection broke, or the framing is invalid.
    #[error("the body broke off")]
    Broken,
}

/// Reads a body of at most `limit_bytes`.
pub async fn read(mut body: Body, limit_bytes: usize) -> Result<Bytes, BodyError> {
    let announced = body.size_hint().lower();
    if announced > limit_bytes as u64 {
        discard(body).await;
        return Err(BodyError::TooLarge { limit_bytes });
    }
    // The announced length is below the bound, so reserving it is safe.
    let mut whole = BytesMut::with_capacity(usize::try_from(announced).unwrap_or(0));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| if is_late(&error) { BodyError::Slow } else { BodyError::Broken })?;
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.len() > limit_bytes {
            discard(body).await;
            return Err(BodyError::TooLarge { limit_bytes });
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
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
}

/// The body did not arrive in time.
#[derive(Debug, Error)]
#[error("the body did not arrive in time")]
struct Late;

impl<B> Deadline<B> {
    /// Lets `body` arrive within `time`.
    pub(super) fn new(body: B, time: Duration) -> Self {
        Self { body, until: Box::pin(sleep(time)) }
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

/// Whether the deadline, somewhere below, was the reason.
fn is_late(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(|error| error.is::<Late>())
}
