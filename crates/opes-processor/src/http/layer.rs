//! The processor as middleware: any HTTP service or client, with its messages adapted.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use super::body::{BodyError, ProxyBody};
use super::hop::OfRequest;
use super::processor::Processor;
use super::transaction::transact;

/// Makes an OPES processor of a service that answers HTTP requests, or of a client that sends them.
///
/// Around a service, it stands where an OPES processor in front of that service would: a request goes through its
/// services, which may answer it, and on to the service; the response goes through its own services and on to the
/// client. Bypass is honoured (RFC 3897 section 4), the trace is written (section 3), and the system's page is served
/// at the path of the system's identifier. Around a client the same happens to the requests that leave the program and
/// to the responses that it gets.
///
/// What is about a connection (Connection, TE, Upgrade) passes by the services. So do extensions, in both directions:
/// upgrades, and whatever a server or a router has left there. Whoever wants a message to be routed as services have
/// made it puts the layer around the router, not into it.
#[derive(Debug, Clone)]
pub struct AdaptLayer {
    processor: Arc<Processor>,
}

impl AdaptLayer {
    /// A layer whose services all share this processor.
    pub fn new(processor: Processor) -> Self {
        Self { processor: Arc::new(processor) }
    }

    pub(super) fn processor(&self) -> &Processor {
        &self.processor
    }
}

impl<S> Layer<S> for AdaptLayer {
    type Service = Adapt<S>;

    fn layer(&self, inner: S) -> Adapt<S> {
        Adapt { processor: Arc::clone(&self.processor), inner }
    }
}

/// A service whose messages are adapted; see [`AdaptLayer`].
#[derive(Clone)]
pub struct Adapt<S> {
    processor: Arc<Processor>,
    inner: S,
}

impl<S> Adapt<S> {
    /// What a call does, without its box, for a request that was received by others: `taken` was taken out of it. The
    /// wrapped service is always ready.
    pub(super) fn answer<I, O, E, F>(
        self,
        taken: OfRequest,
        request: Request<I>,
    ) -> impl Future<Output = Result<Response<ProxyBody>, E>>
    where
        S: Service<Request<ProxyBody>, Response = Response<O>, Error = E, Future = F>,
        F: Future<Output = Result<Response<O>, E>>,
        I: Body<Data = Bytes, Error: Into<BodyError>> + Send + 'static,
        O: Body<Data = Bytes, Error: Into<BodyError>> + Send + 'static,
    {
        transact(self.processor, self.inner, Some(taken), request)
    }
}

impl<S> fmt::Debug for Adapt<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Adapt").field("processor", &self.processor).finish_non_exhaustive()
    }
}

/// A response on its way. Dropping it ends what is under way, adaptations included. It fails as the wrapped service
/// does; an adaptation that fails is a response with status 502.
pub type AdaptFuture<E> = Pin<Box<dyn Future<Output = Result<Response<ProxyBody>, E>> + Send>>;

impl<S, I, O, E, F> Service<Request<I>> for Adapt<S>
where
    S: Service<Request<ProxyBody>, Response = Response<O>, Error = E, Future = F> + Clone + Send + 'static,
    F: Future<Output = Result<Response<O>, E>> + Send + 'static,
    E: 'static,
    I: Body<Data = Bytes, Error: Into<BodyError>> + Send + 'static,
    O: Body<Data = Bytes, Error: Into<BodyError>> + Send + 'static,
{
    type Response = Response<ProxyBody>;
    type Error = E;
    type Future = AdaptFuture<E>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<I>) -> Self::Future {
        // The one that is ready is called, not its clone.
        let clone = self.inner.clone();
        let ready = std::mem::replace(&mut self.inner, clone);
        Box::pin(transact(Arc::clone(&self.processor), ready, None, request))
    }
}
