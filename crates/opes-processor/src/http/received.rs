//! A body as hyper receives it, with what we ask of its sender: when it may begin, and how long it may be silent.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use opes_profile::http::encode_trailer;
use thiserror::Error;
use tokio::time::{Instant, Sleep, sleep};

use super::body::BodyError;
use super::expect::Gate;
use crate::adapt::{OriginalBody, OriginalError, OriginalPiece};

/// The sender of a body has not gone on.
#[derive(Debug, Error)]
#[error("the sender of the body was silent for too long")]
pub(super) struct Silent;

/// When something last came of a body.
#[derive(Debug, Clone)]
pub(super) struct Activity(Arc<Mutex<Instant>>);

impl Activity {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    pub(super) fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is asked of a client that sends a body.
struct Patience {
    silence: Duration,
    /// Runs while we wait for octets.
    waiting: Option<Pin<Box<Sleep>>>,
    activity: Activity,
}

/// The body of a message from the client or the origin.
pub(super) struct Received {
    body: Incoming,
    gate: Option<Gate>,
    patience: Option<Patience>,
}

impl Received {
    /// A response's body: an origin may be silent as long as it likes, as long polls and event streams are.
    pub(super) fn from_origin(body: Incoming) -> Self {
        Self { body, gate: None, patience: None }
    }

    /// A request's body, whose sender may be silent for `silence` while we wait for it.
    pub(super) fn from_client(body: Incoming, gate: Option<Gate>, silence: Duration) -> (Self, Activity) {
        let activity = Activity::new();
        let patience = Patience { silence, waiting: None, activity: activity.clone() };
        (Self { body, gate, patience: Some(patience) }, activity)
    }

    /// Whether the sender waits to be told to begin.
    pub(super) fn is_awaited(&self) -> bool {
        self.gate.is_some()
    }

    /// The size of the body in octets, when it is known exactly.
    pub(super) fn exact_length(&self) -> Option<u64> {
        self.body.size_hint().exact()
    }
}

impl Patience {
    /// Ready when the silence has lasted too long.
    fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let silence = self.silence;
        self.waiting.get_or_insert_with(|| Box::pin(sleep(silence))).as_mut().poll(cx)
    }

    fn heard(&mut self) {
        self.waiting = None;
        self.activity.note();
    }
}

impl Body for Received {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        if let Some(gate) = &mut this.gate {
            ready!(gate.poll_open(cx));
            this.gate = None;
        }
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(frame) => {
                this.patience.iter_mut().for_each(Patience::heard);
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
            Poll::Pending => match this.patience.as_mut().map(|patience| patience.poll_over(cx)) {
                Some(Poll::Ready(())) => Poll::Ready(Some(Err(Silent.into()))),
                _ => Poll::Pending,
            },
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}

impl OriginalBody for Received {
    fn poll_piece(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<OriginalPiece, OriginalError>>> {
        let frame = match ready!(self.poll_frame(cx)) {
            None => return Poll::Ready(None),
            Some(Err(error)) => return Poll::Ready(Some(Err(OriginalError(error.to_string())))),
            Some(Ok(frame)) => frame,
        };
        let piece = match frame.into_data() {
            Ok(octets) => OriginalPiece::Body(octets),
            Err(frame) => match frame.into_trailers() {
                Ok(trailer) => OriginalPiece::Trailer(encode_trailer(&trailer)),
                Err(_) => OriginalPiece::Body(Bytes::new()),
            },
        };
        Poll::Ready(Some(Ok(piece)))
    }
}
