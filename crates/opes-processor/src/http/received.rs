//! A client's body as hyper receives it, with what we ask of its sender: when it may begin, and how long it may be
//! silent.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use thiserror::Error;
use tokio::time::{Instant, Sleep, sleep};

use super::body::BodyError;
use super::expect::Gate;

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

/// The body of a request.
pub(super) struct Received {
    body: Incoming,
    gate: Option<Gate>,
    patience: Patience,
}

impl Received {
    /// A request's body, whose sender may be silent for `silence` while we wait for it.
    pub(super) fn from_client(body: Incoming, gate: Option<Gate>, silence: Duration) -> (Self, Activity) {
        let activity = Activity::new();
        let patience = Patience { silence, waiting: None, activity: activity.clone() };
        (Self { body, gate, patience }, activity)
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
                this.patience.heard();
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
            Poll::Pending => this.patience.poll_over(cx).map(|()| Some(Err(Silent.into()))),
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}
