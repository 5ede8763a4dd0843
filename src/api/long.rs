//! Long answers, sent as they are written: a thread of its own writes, and waits for whoever reads.

use std::{
    io::{self, Write},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::{
    runtime::Handle,
    sync::mpsc,
    time::{Instant, timeout_at},
};

use crate::{budget::Budget, limits};

/// From what a question holds on its answer is long.
pub(super) const LONG_BYTES: usize = 4 << 20;

/// What is sent at once, and how many of these wait for the client.
const PIECE: usize = 64 << 10;
const PIECES: usize = 4;

/// The body that `write` writes. What the question holds is given back once it is written, sent or not.
pub(super) fn body(question: Arc<Budget>, write: impl FnOnce(&mut Pieces) -> io::Result<()> + Send + 'static) -> Body {
    let (sender, pieces) = mpsc::channel(PIECES);
    let (until, runtime) = (Instant::now() + limits::ANSWER_TIME, Handle::current());
    tokio::task::spawn_blocking(move || {
        let mut out = Pieces { sender, runtime, until, piece: BytesMut::with_capacity(PIECE) };
        let written = write(&mut out).and_then(|()| out.flush());
        drop(question);
        if let Err(error) = written {
            // The connection breaks off, so that nobody takes what came for the whole.
            drop(out.send(Err(error)));
        }
    });
    Body::new(Received(pieces))
}

/// Where the answer is written to.
pub(super) struct Pieces {
    sender: mpsc::Sender<io::Result<Bytes>>,
    runtime: Handle,
    until: Instant,
    piece: BytesMut,
}

impl Pieces {
    fn send(&mut self, piece: io::Result<Bytes>) -> io::Result<()> {
        match self.runtime.block_on(timeout_at(self.until, self.sender.send(piece))) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(io::Error::new(io::ErrorKind::BrokenPipe, "the client is gone")),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the client reads too slowly")),
        }
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let piece = self.piece.split().freeze();
        if piece.is_empty() { Ok(()) } else { self.send(Ok(piece)) }
    }
}

/// The other end.
struct Received(mpsc::Receiver<io::Result<Bytes>>);

impl HttpBody for Received {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

/// An answer that holds its question's budget until it is gone.
pub(super) struct Holding {
    body: Body,
    _question: Arc<Budget>,
}

impl Holding {
    /// Of an answer to this question.
    pub(super) fn new(body: Body, question: Arc<Budget>) -> Self {
        Self { body, _question: question }
    }
}

impl HttpBody for Holding {
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
