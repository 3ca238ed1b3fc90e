//! Services made of async functions.

use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{self, Poll},
};

use bytes::{Bytes, BytesMut};

use crate::{
    Attributes, Body, Context, Decision, Description, Failure, Needs, Refusal, Segment, Service,
    ServiceFactory, Step, TraceRecord,
};

/// Makes a service of an async function over the whole message.
///
/// The payload is gathered up to `limit` octets (a longer one fails the message), then `adapt` is called and its
/// future polled with the host's waker; the function brings its own reactor, if it needs one. It may answer with
/// an [`Adapted`], or with an [`Outcome`] if it has more to say. The adapted head waits for its answer. Where the
/// message is given up, the future is dropped.
pub fn async_service<F, R, T>(uri: impl Into<String>, limit: u64, adapt: F) -> AsyncService<F>
where
    F: Fn(Message) -> R + Send + Sync + 'static,
    R: Future<Output = Result<T, Failure>> + Send + 'static,
    T: Into<Outcome>,
{
    AsyncService { uri: uri.into(), limit, adapt: Arc::new(adapt) }
}

/// The message that an async function adapts.
#[derive(Debug, Clone)]
pub struct Message {
    /// The message's attributes.
    pub attributes: Attributes,
    /// The whole payload.
    pub body: Bytes,
}

/// What becomes of the payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Adapted {
    /// It passes as it is.
    Unchanged,
    /// These octets take its place.
    Body(Bytes),
    /// The message must not pass.
    Refused(Refusal),
}

/// Everything that an async function may answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What becomes of the payload.
    pub adapted: Adapted,
    /// How the adapted payload is described.
    pub description: Description,
    /// Variables to set.
    pub variables: BTreeMap<String, String>,
    /// Records for the message's trace.
    pub records: Vec<TraceRecord>,
}

impl From<Adapted> for Outcome {
    fn from(adapted: Adapted) -> Self {
        Self { adapted, description: Description::default(), variables: BTreeMap::new(), records: Vec::new() }
    }
}

/// What [`async_service`] makes.
pub struct AsyncService<F> {
    uri: String,
    limit: u64,
    adapt: Arc<F>,
}

impl<F> fmt::Debug for AsyncService<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncService")
            .field("uri", &self.uri)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl<F, R, T> ServiceFactory for AsyncService<F>
where
    F: Fn(Message) -> R + Send + Sync + 'static,
    R: Future<Output = Result<T, Failure>> + Send + 'static,
    T: Into<Outcome>,
{
    fn uri(&self) -> &str {
        &self.uri
    }

    fn build(&self, _: &Attributes) -> Box<dyn Service> {
        let adapt = Arc::clone(&self.adapt);
        Box::new(Run { adapt, limit: self.limit, segments: Vec::new(), octets: 0, future: None })
    }
}

/// The function at work on one message.
struct Run<F, R> {
    adapt: Arc<F>,
    limit: u64,
    segments: Vec<Segment>,
    octets: u64,
    future: Option<Pin<Box<R>>>,
}

impl<F, R, T> Service for Run<F, R>
where
    F: Fn(Message) -> R + Send + Sync,
    R: Future<Output = Result<T, Failure>> + Send,
    T: Into<Outcome>,
{
    fn needs(&self) -> Needs {
        Needs { body: Body::Whole { limit: self.limit }, decides: Decision::Later, ..Needs::default() }
    }

    fn push(&mut self, _: &mut Context<'_>, segment: Segment) -> Step {
        self.octets = self.octets.saturating_add(segment.len() as u64);
        self.segments.push(segment);
        Step::Continue
    }

    fn finish(&mut self, cx: &mut Context<'_>) -> Step {
        let message = Message { attributes: cx.attributes().clone(), body: gather(&mut self.segments) };
        self.future = Some(Box::pin((self.adapt)(message)));
        self.resume(cx)
    }

    fn resume(&mut self, cx: &mut Context<'_>) -> Step {
        let Some(future) = &mut self.future else {
            return Step::Continue;
        };
        match future.as_mut().poll(&mut task::Context::from_waker(cx.waker())) {
            Poll::Pending => Step::Wait,
            Poll::Ready(answer) => {
                self.future = None;
                answer.map_or_else(Step::Fail, |outcome| self.deliver(cx, outcome.into()))
            }
        }
    }

    fn held(&self) -> u64 {
        self.octets
    }
}

impl<F, R> Run<F, R> {
    fn deliver(&mut self, cx: &mut Context<'_>, outcome: Outcome) -> Step {
        cx.describe(outcome.description);
        outcome.variables.into_iter().for_each(|(name, value)| cx.set_variable(name, value));
        outcome.records.into_iter().for_each(|record| cx.record(record));
        self.octets = 0;
        match outcome.adapted {
            Adapted::Unchanged => self.segments.drain(..).for_each(|segment| cx.emit(segment)),
            Adapted::Body(octets) => cx.emit(Segment::new(octets)),
            Adapted::Refused(refusal) => return Step::Refuse(refusal),
        }
        Step::Continue
    }
}

/// The octets of all segments in one piece; the segments become slices of it, so that nothing is held twice.
fn gather(segments: &mut [Segment]) -> Bytes {
    if let [only] = segments {
        return only.octets.clone();
    }
    let mut whole = BytesMut::with_capacity(segments.iter().map(Segment::len).sum());
    segments.iter().for_each(|segment| whole.extend_from_slice(&segment.octets));
    let whole = whole.freeze();
    let mut rest = whole.clone();
    segments.iter_mut().for_each(|segment| segment.octets = rest.split_to(segment.len()));
    whole
}
