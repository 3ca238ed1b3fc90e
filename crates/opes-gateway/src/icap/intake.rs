//! The body of a message on its way from the client's connection to the services.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use icap_proto::Stage;
use opes_processor::http::BodyError;
use thiserror::Error;
use tokio::sync::Notify;

/// What may wait for the services before the client's connection is not read any further.
const ROOM: usize = 128 * 1024;

/// The most of the original that is kept to see whether it comes back as it was.
pub(super) const KEPT: usize = 256 * 1024;

/// How far the client's message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// It comes, or the preview of it.
    Coming,
    /// The client waits for a word after its preview.
    Waiting,
    /// It was told to go on, or not to.
    Told { on: bool },
    /// All of it is here.
    Whole,
}

#[derive(Debug)]
struct State {
    progress: Progress,
    stage: Stage,
    /// It was told to go on, and nothing has come since.
    resumes: bool,
    queue: VecDeque<Bytes>,
    queued: usize,
    trailer: Option<HeaderMap>,
    /// The trailer was taken.
    given: bool,
    /// The octets that have come.
    received: u64,
    /// What is said to follow of a body with a known length.
    left: Option<u64>,
    failure: Option<String>,
    /// The services have asked for more than there is.
    wanted: bool,
    /// Nobody takes the body any more.
    discarded: bool,
    /// The beginning of the body, while it is kept.
    kept: Option<Vec<u8>>,
    waker: Option<Waker>,
}

/// A body of another length than its head says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the body is not as long as its Content-Length says")]
pub(super) struct LengthMismatch;

/// Both ends of a body, for the connection that reads it and for the answer.
#[derive(Debug, Clone)]
pub(super) struct Intake(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// There is room, or a word for the client that waits.
    room: Notify,
    /// The services want what the client does not send yet.
    starved: Notify,
    /// The client has gone on.
    resumed: Notify,
}

impl Intake {
    /// The body of a message. `length` is what its head says; without a body it is whole at once.
    pub(super) fn new(stage: Stage, length: Option<u64>, has_body: bool) -> Self {
        let state = State {
            progress: if has_body { Progress::Coming } else { Progress::Whole },
            stage,
            resumes: false,
            queue: VecDeque::new(),
            queued: 0,
            trailer: None,
            given: false,
            received: 0,
            left: if has_body { length } else { Some(0) },
            failure: None,
            wanted: false,
            discarded: false,
            kept: Some(Vec::new()),
            waker: None,
        };
        let (room, starved, resumed) = (Notify::new(), Notify::new(), Notify::new());
        Self(Arc::new(Shared { state: Mutex::new(state), room, starved, resumed }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The body for the services.
    pub(super) fn body(&self) -> IcapBody {
        IcapBody(self.clone())
    }

    /// Gives octets that the client has sent, once there is room for them. Cancellation loses nothing that was given.
    ///
    /// # Errors
    /// The body has another length than its head says.
    pub(super) async fn give(&self, octets: Bytes) -> Result<(), LengthMismatch> {
        loop {
            let room = self.0.room.notified();
            {
                let mut state = self.state();
                if state.queued < ROOM || state.discarded {
                    self.resume(&mut state);
                    return state.take(octets);
                }
            }
            room.await;
        }
    }

    /// The client waits after its preview. Says whether it is told to go on.
    pub(super) async fn wait(&self) -> bool {
        {
            let mut state = self.state();
            if state.progress == Progress::Coming {
                state.progress = Progress::Waiting;
            }
            state.wake();
            if state.wanted {
                self.0.starved.notify_one();
            }
        }
        loop {
            let word = self.0.room.notified();
            if let Progress::Told { on } = self.state().progress {
                return on;
            }
            word.await;
        }
    }

    /// The message is complete.
    ///
    /// # Errors
    /// The body has another length than its head says.
    pub(super) fn end(&self, trailer: Option<HeaderMap>) -> Result<(), LengthMismatch> {
        let mut state = self.state();
        if state.left.is_some_and(|left| left > 0) {
            return Err(LengthMismatch);
        }
        state.trailer = trailer;
        state.progress = Progress::Whole;
        self.resume(&mut state);
        state.wake();
        Ok(())
    }

    /// The message will not be complete.
    pub(super) fn fail(&self, reason: &str) {
        let mut state = self.state();
        state.failure.get_or_insert_with(|| reason.to_owned());
        self.resume(&mut state);
        state.wake();
    }

    /// Why it will not be complete.
    pub(super) fn failure(&self) -> Option<String> {
        self.state().failure.clone()
    }

    /// Completes when the services want more than the client sends before it is told to.
    pub(super) async fn starved(&self) {
        loop {
            let starved = self.0.starved.notified();
            {
                let state = self.state();
                if state.wanted && state.progress == Progress::Waiting {
                    return;
                }
            }
            starved.await;
        }
    }

    /// The client is told to go on with its body (100 Continue).
    pub(super) fn go_on(&self) {
        let mut state = self.state();
        state.stage = Stage::Message;
        state.progress = Progress::Told { on: true };
        state.resumes = true;
        drop(state);
        self.0.room.notify_one();
    }

    fn resume(&self, state: &mut State) {
        if std::mem::take(&mut state.resumes) {
            self.0.resumed.notify_one();
        }
    }

    /// Completes when the client has gone on; at once where it was not told to. Cancel safe.
    pub(super) async fn resumed(&self) {
        while self.state().resumes {
            self.0.resumed.notified().await;
        }
    }

    /// The final answer is out: what still comes of the body is of no use, and a client that waits is not told to go on.
    pub(super) fn discard(&self) {
        let mut state = self.state();
        state.discarded = true;
        state.queue.clear();
        state.kept = None;
        if !matches!(state.progress, Progress::Told { on: true } | Progress::Whole)
            && state.stage == Stage::Preview
        {
            state.progress = Progress::Told { on: false };
        }
        drop(state);
        self.0.room.notify_one();
    }

    /// What the client is committed to.
    pub(super) fn stage(&self) -> Stage {
        self.state().stage
    }

    /// Whether it was said how long the body is.
    pub(super) fn has_length(&self) -> bool {
        self.state().left.is_some()
    }

    /// Whether all of the message is here.
    pub(super) fn is_whole(&self) -> bool {
        self.state().progress == Progress::Whole
    }

    /// More is wanted than the client sends before it is told to.
    pub(super) fn want(&self) {
        self.state().wanted = true;
        self.0.starved.notify_one();
    }

    /// Whether these are all the octets that the body has.
    pub(super) fn is_whole_at(&self, octets: u64) -> bool {
        let state = self.state();
        state.progress == Progress::Whole && state.received == octets
    }

    /// The trailer that has come.
    pub(super) fn trailer(&self) -> Option<HeaderMap> {
        self.state().trailer.clone()
    }

    /// Whether the body has these octets there, as far as it is kept.
    pub(super) fn has_at(&self, offset: u64, octets: &[u8]) -> bool {
        let state = self.state();
        let Some(kept) = &state.kept else { return false };
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        from.checked_add(octets.len()).and_then(|to| kept.get(from..to)).is_some_and(|there| there == octets)
    }

    /// Nobody will ask for the beginning of the body any more.
    pub(super) fn keep_nothing(&self) {
        self.state().kept = None;
    }
}

impl State {
    fn take(&mut self, octets: Bytes) -> Result<(), LengthMismatch> {
        let size = octets.len();
        self.received += size as u64;
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(size as u64).ok_or(LengthMismatch)?;
        }
        if self.discarded {
            return Ok(());
        }
        match &mut self.kept {
            Some(kept) if kept.len() + size <= KEPT => kept.extend_from_slice(&octets),
            _ => self.kept = None,
        }
        self.queued += size;
        self.queue.push_back(octets);
        self.wake();
        Ok(())
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// The body as the services get it.
#[derive(Debug)]
pub(super) struct IcapBody(Intake);

impl Body for IcapBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let intake = &self.0;
        let mut state = intake.state();
        if let Some(failure) = &state.failure {
            return Poll::Ready(Some(Err(failure.clone().into())));
        }
        if let Some(octets) = state.queue.pop_front() {
            state.queued -= octets.len();
            drop(state);
            intake.0.room.notify_one();
            return Poll::Ready(Some(Ok(Frame::data(octets))));
        }
        if state.progress == Progress::Whole {
            if state.given {
                return Poll::Ready(None);
            }
            state.given = true;
            return Poll::Ready(state.trailer.clone().map(|trailer| Ok(Frame::trailers(trailer))));
        }
        state.waker = Some(cx.waker().clone());
        state.wanted = true;
        let waiting = state.progress == Progress::Waiting;
        drop(state);
        if waiting {
            intake.0.starved.notify_one();
        }
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        let state = self.0.state();
        state.progress == Progress::Whole
            && state.queue.is_empty()
            && (state.given || state.trailer.is_none())
            && state.failure.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let state = self.0.state();
        match state.left {
            Some(left) => SizeHint::with_exact(left.saturating_add(state.queued as u64)),
            None if state.progress == Progress::Whole => SizeHint::with_exact(state.queued as u64),
            None => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "this is test code: a broken expectation ends the test")]

    use futures_util::FutureExt;

    use super::*;

    fn give(intake: &Intake, octets: &'static [u8]) -> Result<(), LengthMismatch> {
        intake.give(Bytes::from_static(octets)).now_or_never().unwrap()
    }

    #[test]
    fn a_body_keeps_to_its_length() {
        let intake = Intake::new(Stage::Message, Some(3), true);
        assert_eq!(intake.body().size_hint().exact(), Some(3));
        give(&intake, b"ab").unwrap();
        assert_eq!(intake.body().size_hint().exact(), Some(3), "what waits counts");
        assert_eq!(intake.end(None), Err(LengthMismatch));
        assert_eq!(give(&intake, b"cd"), Err(LengthMismatch));
    }

    #[test]
    fn nothing_more_is_taken_while_too_much_waits() {
        let intake = Intake::new(Stage::Message, None, true);
        intake.give(Bytes::from(vec![0; ROOM])).now_or_never().unwrap().unwrap();
        assert!(intake.give(Bytes::from_static(b"a")).now_or_never().is_none());
        intake.discard();
        give(&intake, b"a").unwrap();
    }

    #[test]
    fn the_client_is_told_to_go_on_when_more_is_wanted_and_it_waits() {
        let intake = Intake::new(Stage::Preview, None, true);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut intake.body()).poll_frame(&mut cx).is_pending());
        assert!(intake.starved().now_or_never().is_none(), "it has not shown all of its preview");
        assert!(intake.wait().now_or_never().is_none());
        assert!(intake.starved().now_or_never().is_some());
        intake.go_on();
        assert_eq!((intake.wait().now_or_never(), intake.stage()), (Some(true), Stage::Message));
        assert!(intake.resumed().now_or_never().is_none());
        give(&intake, b"a").unwrap();
        assert!(intake.resumed().now_or_never().is_some());
        intake.end(None).unwrap();
        assert!(intake.is_whole_at(1));
    }
}
