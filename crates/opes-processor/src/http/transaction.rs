//! One HTTP transaction of a processor: the request through its services and on, the response through its services
//! back.

use std::sync::Arc;

use bytes::Bytes;
use http::{Extensions, Method, Request, Response, StatusCode};
use http_body::Body;
use hyper::ext::ReasonPhrase;
use opes_profile::bypass::Bypass;
use tower_service::Service;

use super::asked::{Asked, KeptBody, remove_range};
use super::body::{BodyError, ProxyBody, untouched};
use super::failed::Failed;
use super::fields::takes_trailers;
use super::hop::{self, Fields, OfRequest, OfResponse, Undecodable};
use super::informational::Listener;
use super::kept::Kept;
use super::page::page;
use super::points::{self, Way};
use super::processor::Processor;
use super::request::Outbound;
use super::told::Subject;
use crate::rules::Variables;
use crate::system::Account;

/// Why the response of the inner service does not go on.
enum Stopped<E> {
    /// It is answered by a response of our own.
    Failed(Failed),
    /// There is none.
    Inner(E),
}

impl<E> From<Failed> for Stopped<E> {
    fn from(failed: Failed) -> Self {
        Self::Failed(failed)
    }
}

/// Adapts a request, has `inner` answer it, and adapts the response. `inner` is ready. `taken` was taken out of the
/// request by whoever has received it in our place.
///
/// # Errors
/// Those of `inner`.
pub(super) async fn transact<S, I, O, E, F>(
    shared: Arc<Processor>,
    inner: S,
    taken: Option<OfRequest>,
    request: Request<I>,
) -> Result<Response<ProxyBody>, E>
where
    S: Service<Request<ProxyBody>, Response = Response<O>, Error = E, Future = F>,
    F: Future<Output = Result<Response<O>, E>>,
    I: Body<Data = Bytes, Error: Into<BodyError>> + Send + 'static,
    O: Body<Data = Bytes, Error: Into<BodyError>> + Send + 'static,
{
    match there(&shared, inner, taken, request).await {
        Ok(response) => Ok(response),
        Err(Stopped::Failed(failed)) => Ok(failed.response(&shared.system)),
        Err(Stopped::Inner(error)) => Err(error),
    }
}

/// The way of the request.
async fn there<S, I, O, E, F>(
    shared: &Arc<Processor>,
    inner: S,
    taken: Option<OfRequest>,
    mut request: Request<I>,
) -> Result<Response<ProxyBody>, Stopped<E>>
where
    S: Service<Request<ProxyBody>, Response = Response<O>, Error = E, Future = F>,
    F: Future<Output = Result<Response<O>, E>>,
    I: Body<Data = Bytes, Error: Into<BodyError>> + Send + 'static,
    O: Body<Data = Bytes, Error: Into<BodyError>> + Send + 'static,
{
    let taken = match taken {
        Some(taken) => taken,
        None if shared.system.is_addressed_by(&request) => {
            return Ok(page(shared, shared.rules.current(), request).await);
        }
        None => take(&mut request)?,
    };
    let OfRequest { bypass, fields, opener, client, secure, trailers } = taken;
    let (mut parts, body) = request.into_parts();
    let subject = Arc::new(Subject { method: parts.method.clone(), target: parts.uri.clone() });
    let asked = shared.transformation.of(&parts.headers);
    let (version, extensions) = (parts.version, std::mem::take(&mut parts.extensions));
    let (rules, variables) = (shared.rules.current(), Variables::new());
    let mut way = Way { rules, bypass, asked, subject, client, secure, variables, trailers, followed: None };
    let outbound = points::request(shared, &mut way, Request::from_parts(parts, body)).await?;
    let mut request = match outbound {
        Outbound::Request(request) => request,
        Outbound::Response(response) => return Ok(response),
    };
    (*request.version_mut(), *request.extensions_mut()) = (version, extensions);
    if request.method() == Method::CONNECT {
        return tunnel(shared, inner, request).await;
    }
    let length = request.body().size_hint().exact();
    let prospect = way.prospect(&request);
    if !prospect.adapts {
        // What was bypassed is answered for as well (RFC 3897 section 3.1).
        let recorded = prospect.bypasses && shared.recorder.is_some();
        let asked = recorded.then(|| Asked::new(&request, length, prospect, fields.clone()));
        hop::put(fields, request.headers_mut());
        if opener.is_some() {
            Listener { shared: Arc::clone(shared), listening: None, opener }.listen(&mut request);
        }
        return answer(shared, way, asked, inner, request).await;
    }
    let mut asked = Asked::new(&request, length, prospect, fields.clone());
    if prospect.changes {
        remove_range(request.headers_mut());
    }
    hop::put(fields, request.headers_mut());
    let listening = Some((way.clone(), asked.clone()));
    Listener { shared: Arc::clone(shared), listening, opener }.listen(&mut request);
    if prospect.request_octets > 0 {
        let (parts, body) = request.into_parts();
        let (body, kept) = Kept::new(body, prospect.request_octets);
        asked.body = Some(KeptBody::Kept(kept));
        request = Request::from_parts(parts, body);
    }
    answer(shared, way, Some(asked), inner, request).await
}

/// Takes out of a request what services do not see.
fn take<B>(request: &mut Request<B>) -> Result<OfRequest, Failed> {
    let bypass = Bypass::parse(request.headers());
    let trailers = takes_trailers(request.version(), request.headers());
    let fields = hop::take(request.headers_mut()).map_err(Undecodable::in_request)?;
    Ok(OfRequest { bypass, fields, opener: None, client: None, secure: false, trailers })
}

/// RFC 9110 section 9.3.6: what follows the head of the answer to CONNECT is no message, so none is adapted.
async fn tunnel<S, O, E, F>(
    shared: &Processor,
    mut inner: S,
    request: Request<ProxyBody>,
) -> Result<Response<ProxyBody>, Stopped<E>>
where
    S: Service<Request<ProxyBody>, Response = Response<O>, Error = E, Future = F>,
    F: Future<Output = Result<Response<O>, E>>,
    O: Body<Data = Bytes, Error: Into<BodyError>> + Send + 'static,
{
    let mut response = inner.call(request).await.map_err(Stopped::Inner)?;
    shared.system.add_trace(response.headers_mut(), &Account::default());
    Ok(response.map(untouched))
}

/// The way of the response.
async fn answer<S, O, E, F>(
    shared: &Processor,
    mut way: Way,
    asked: Option<Asked>,
    mut inner: S,
    request: Request<ProxyBody>,
) -> Result<Response<ProxyBody>, Stopped<E>>
where
    S: Service<Request<ProxyBody>, Response = Response<O>, Error = E, Future = F>,
    F: Future<Output = Result<Response<O>, E>>,
    O: Body<Data = Bytes, Error: Into<BodyError>> + Send + 'static,
{
    let mut response = inner.call(request).await.map_err(Stopped::Inner)?;
    let mut fields = fields_of(&mut response)?;
    let (status, version) = (response.status(), response.version());
    let extensions = set_aside(response.extensions_mut());
    let allowed = way.asked.min(shared.transformation.of(response.headers()));
    let mut response = points::response(shared, &mut way, asked.as_ref(), allowed, response).await?;
    let made = std::mem::replace(response.extensions_mut(), extensions);
    response.extensions_mut().extend(made);
    *response.version_mut() = version;
    if status == StatusCode::SWITCHING_PROTOCOLS && response.status() != status {
        hop::without_upgrade(&mut fields);
    }
    hop::put(fields, response.headers_mut());
    Ok(response)
}

/// Takes out of a response what services do not see.
fn fields_of<B>(response: &mut Response<B>) -> Result<Fields, Failed> {
    match response.extensions_mut().get_mut::<OfResponse>() {
        Some(taken) => Ok(std::mem::take(&mut taken.fields)),
        None => hop::take(response.headers_mut()).map_err(Undecodable::in_response),
    }
}

/// Takes the extensions that go by the services. The reason phrase is theirs to change.
fn set_aside(extensions: &mut Extensions) -> Extensions {
    let mut aside = std::mem::take(extensions);
    if let Some(reason) = aside.remove::<ReasonPhrase>() {
        extensions.insert(reason);
    }
    aside
}
