//! The service: what its author implements.

use thiserror::Error;

use crate::{Attributes, Context, Needs, Segment};

/// One service at work on one message.
///
/// The host calls `start` once, then `push` for each piece of payload in order, then `finish` once the payload
/// is complete. Nothing is called any more after a [`Step::Leave`], [`Step::Refuse`] or [`Step::Fail`]; and
/// nothing but `resume` after a [`Step::Wait`]. A service must not block. Dropping it cancels what it does.
pub trait Service: Send {
    /// What the service needs; asked once, before anything else.
    fn needs(&self) -> Needs {
        Needs::default()
    }

    /// The attributes are known, the payload is not yet.
    fn start(&mut self, cx: &mut Context<'_>) -> Step {
        let _ = cx;
        Step::Continue
    }

    /// The next piece of payload, never empty. What the service does not emit is gone from the payload.
    fn push(&mut self, cx: &mut Context<'_>, segment: Segment) -> Step;

    /// The payload is complete; what was held back has to be emitted now.
    fn finish(&mut self, cx: &mut Context<'_>) -> Step {
        let _ = cx;
        Step::Continue
    }

    /// The service waited and may be able to go on; called after a wake-up, its own or another's. The answer
    /// concludes the call that waited.
    fn resume(&mut self, cx: &mut Context<'_>) -> Step {
        let _ = cx;
        Step::Continue
    }

    /// The octets of payload that the service itself holds back at the moment; hosts account for them.
    fn held(&self) -> u64 {
        0
    }
}

/// Makes a service for each message; one per configured service, shared by all connections.
pub trait ServiceFactory: Send + Sync {
    /// The URI that names the service.
    fn uri(&self) -> &str;

    /// A fresh service for the message with these attributes.
    fn build(&self, attributes: &Attributes) -> Box<dyn Service>;

    /// The service's version, where it has one: it appears in trace records.
    fn version(&self) -> Option<&str> {
        None
    }

    /// Whether the services look at more of the message's attributes than `length` and `transaction`. Where no service
    /// of a chain does, the host need not read the message's head, and the other attributes are empty.
    fn wants_attributes(&self) -> bool {
        true
    }

    /// Whether the services make trace records once the payload has ended, which then can only go into a trailer.
    fn records_late(&self) -> bool {
        false
    }

    /// How many octets of the payload of the request that a message answers the services take, whole, as an attribute;
    /// `None` where they do not look at it. A message whose request has more fails.
    fn takes_request(&self) -> Option<u64> {
        None
    }
}

/// What a service answers to each call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Step {
    /// Go on.
    Continue,
    /// Call nothing but `resume` until the waker fired.
    Wait,
    /// The service is done with this message: the rest of the payload passes unchanged. What it held back must
    /// have been emitted before.
    Leave,
    /// The message must not pass. Counts as a failure after the service's point of decision.
    Refuse(Refusal),
    /// The service cannot do its job on this message.
    Fail(Failure),
}

/// A service's verdict that the message must not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why, in words for the message's recipient.
    pub reason: String,
}

impl Refusal {
    /// A refusal for this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

/// A service could not do its job on this message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct Failure {
    /// Why, in words for the operator.
    pub reason: String,
}

impl Failure {
    /// A failure for this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

/// Makes a [`ServiceFactory`] of a URI and a function that builds the service for a message.
pub fn factory<F, S>(uri: impl Into<String>, build: F) -> Factory<F>
where
    F: Fn(&Attributes) -> S + Send + Sync,
    S: Service + 'static,
{
    Factory { uri: uri.into(), build }
}

/// What [`factory`] makes.
#[derive(Debug, Clone)]
pub struct Factory<F> {
    uri: String,
    build: F,
}

impl<F, S> ServiceFactory for Factory<F>
where
    F: Fn(&Attributes) -> S + Send + Sync,
    S: Service + 'static,
{
    fn uri(&self) -> &str {
        &self.uri
    }

    fn build(&self, attributes: &Attributes) -> Box<dyn Service> {
        Box::new((self.build)(attributes))
    }
}
