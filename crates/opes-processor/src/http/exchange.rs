//! One HTTP transaction: the request through its services to the origin, the response through its services back.

use std::sync::Arc;

use http::header::VIA;
use http::request::Parts as RequestParts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use opes_profile::bypass::Bypass;
use opes_profile::http::correct::{is_decodable, remove_hop_by_hop_except};
use opes_profile::http::{Profile, RequestHead};
use opes_profile::trace::OPES_VIA;

use super::body::{AdaptedBody, IncomingBody, ProxyBody, empty, full, untouched};
use super::message::{self, AdaptedHead};
use super::origin::{OriginError, Origins};
use crate::adapt::{AdaptError, Exchange, Head, Original};
use crate::report::{Observer, Report};
use crate::rules::{Rules, Selected};
use crate::system::System;

/// What every transaction of a proxy shares.
pub(super) struct Shared {
    pub(super) system: System,
    pub(super) rules: Rules,
    pub(super) origins: Origins,
    pub(super) observer: Arc<dyn Observer>,
}

/// Why the client gets a response of our own.
enum Failed {
    /// The client's fault.
    Request(&'static str),
    /// The origin's or a service's fault.
    Gateway(&'static str),
}

/// A request on its way to the origin.
enum Outbound {
    Request(Request<ProxyBody>),
    /// A service has answered in the origin's place.
    Response(Response<ProxyBody>),
}

/// Handles one request.
pub(super) async fn handle(shared: Arc<Shared>, request: Request<Incoming>) -> Response<ProxyBody> {
    let handled = transaction(&shared, request).await;
    let mut response = handled.unwrap_or_else(|failed| own_response(&shared.system, &failed));
    add_via(response.headers_mut());
    response
}

async fn transaction(
    shared: &Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<ProxyBody>, Failed> {
    if request.method() == Method::CONNECT {
        return Err(Failed::Request("CONNECT is not supported"));
    }
    if shared.system.is_addressed_by(&request) {
        return Ok(page(&shared.system));
    }
    let (mut parts, body) = request.into_parts();
    let bypass = Bypass::parse(&parts.headers);
    if !is_decodable(&parts.headers) {
        return Err(Failed::Request("no transfer coding but chunked is supported"));
    }
    // RFC 9110 section 7.6.1: fields about the client's connection end here.
    remove_hop_by_hop_except(&mut parts.headers, &[]);
    parts.headers.remove(header::EXPECT);
    let subject = Subject { method: parts.method.clone(), target: parts.uri.to_string() };
    let outbound = match shared.rules.select(Profile::Request, &bypass) {
        Some(selected) => adapt_request(shared, parts, body, selected, &subject).await?,
        None => Outbound::Request(pass_request(shared, parts, body)),
    };
    let mut request = match outbound {
        Outbound::Request(request) => request,
        Outbound::Response(response) => return Ok(response),
    };
    add_via(request.headers_mut());
    let sent = RequestHead {
        method: request.method().clone(),
        target: request.uri().to_string(),
        version: http::Version::HTTP_11,
        headers: request.headers().clone(),
    };
    let response = shared.origins.send(request).await.map_err(|error| match error {
        OriginError::Request(reason) => Failed::Request(reason),
        OriginError::Origin(_) => {
            tracing::warn!(error = describe(&error), target = subject.target, "no response from the origin");
            Failed::Gateway("The origin did not answer.")
        }
    })?;
    if !is_decodable(response.headers()) {
        return Err(Failed::Gateway("The origin used a transfer coding that is not supported."));
    }
    match shared.rules.select(Profile::Response, &bypass) {
        Some(selected) => adapt_response(shared, &sent, response, selected, &subject).await,
        None => Ok(pass_response(shared, response)),
    }
}

/// What reports and logs call a transaction.
#[derive(Debug, Clone)]
struct Subject {
    method: Method,
    target: String,
}

fn pass_request(shared: &Shared, mut parts: RequestParts, body: Incoming) -> Request<ProxyBody> {
    shared.system.trace(&[]).merge_into(&mut parts.headers);
    Request::from_parts(parts, untouched(body))
}

fn pass_response(shared: &Shared, response: Response<Incoming>) -> Response<ProxyBody> {
    let (mut parts, body) = response.into_parts();
    remove_hop_by_hop_except(&mut parts.headers, &[]);
    shared.system.trace(&[]).merge_into(&mut parts.headers);
    Response::from_parts(parts, untouched(body))
}

async fn adapt_request(
    shared: &Arc<Shared>,
    parts: RequestParts,
    body: Incoming,
    selected: Selected,
    subject: &Subject,
) -> Result<Outbound, Failed> {
    let length = message::exact_length(&body);
    let original = Original {
        request_head: None,
        request_rest: None,
        head: message::request_head(&parts).encode(),
        length,
        body: Box::pin(IncomingBody(body)),
    };
    let (mut exchange, head) = Exchange::start(original, selected, message::read)
        .await
        .map_err(|error| adaptation_failed(&error))?;
    match head {
        Head::Original => {
            let mut request = Request::from_parts(parts, ());
            shared.system.trace(&[]).merge_into(request.headers_mut());
            let body = adapted_body(shared, exchange, Profile::Request, length, subject, Told::nothing());
            Ok(Outbound::Request(request.map(|()| body)))
        }
        Head::Adapted { head: AdaptedHead::Request(head), length, unmodified, services } => {
            let mut request = message::request_from(head, unmodified).map_err(|reason| {
                tracing::warn!(reason, "a service made an unusable request");
                Failed::Gateway("The adaptation of the request failed.")
            })?;
            let told = add_trace(shared, request.headers_mut(), services);
            // A request whose length is not known is sent chunked, which one without a body must not be.
            let length = match length {
                None if exchange.is_empty().await.map_err(|error| adaptation_failed(&error))? => Some(0),
                length => length,
            };
            let body = adapted_body(shared, exchange, Profile::Request, length, subject, told);
            Ok(Outbound::Request(request.map(|()| body)))
        }
        Head::Adapted { head: AdaptedHead::Response(head), length, unmodified, services } => {
            let has_body = message::response_has_body(&subject.method, head.status);
            let mut response = message::response_from(head, unmodified, length, has_body);
            let told = add_trace(shared, response.headers_mut(), services);
            let body = match has_body {
                true => adapted_body(shared, exchange, Profile::Request, length, subject, told),
                false => empty(),
            };
            Ok(Outbound::Response(response.map(|()| body)))
        }
    }
}

async fn adapt_response(
    shared: &Arc<Shared>,
    request: &RequestHead,
    response: Response<Incoming>,
    selected: Selected,
    subject: &Subject,
) -> Result<Response<ProxyBody>, Failed> {
    let (mut parts, body) = response.into_parts();
    remove_hop_by_hop_except(&mut parts.headers, &[]);
    let has_body = message::response_has_body(&subject.method, parts.status);
    // RFC 4236 section 3.3: the size of the body part, which is not there at all without a body.
    let length = message::exact_length(&body).filter(|_| has_body);
    let original = Original {
        request_head: Some(request.encode()),
        request_rest: None,
        head: message::response_head(&parts).encode(),
        length,
        body: Box::pin(IncomingBody(body)),
    };
    let (exchange, head) = Exchange::start(original, selected, message::read)
        .await
        .map_err(|error| adaptation_failed(&error))?;
    let (mut response, length, services) = match head {
        Head::Original => (Response::from_parts(parts, ()), length, Vec::new()),
        Head::Adapted { head: AdaptedHead::Response(head), length: announced, unmodified, services } => {
            let length = announced.or_else(|| length.filter(|_| unmodified));
            let has_body = message::response_has_body(&subject.method, head.status);
            (message::response_from(head, unmodified, length, has_body), length, services)
        }
        // The profile lists no request parts as adapted ones (RFC 4236 section 3.2), so the client refuses them.
        Head::Adapted { head: AdaptedHead::Request(_), .. } => {
            return Err(Failed::Gateway("The adaptation of the response failed."));
        }
    };
    let told = add_trace(shared, response.headers_mut(), services);
    let has_body = message::response_has_body(&subject.method, response.status());
    if !has_body {
        report_bodiless(shared, exchange, subject, told);
        return Ok(response.map(|()| empty()));
    }
    let body = adapted_body(shared, exchange, Profile::Response, length, subject, told);
    Ok(response.map(|()| body))
}

/// What the trace says about a message.
struct Told {
    services: Vec<String>,
    trace: String,
}

impl Told {
    fn nothing() -> Self {
        Self { services: Vec::new(), trace: String::new() }
    }
}

/// Adds the system's entry, and those of the processor and the services that were applied.
fn add_trace(shared: &Shared, headers: &mut HeaderMap, services: Vec<String>) -> Told {
    shared.system.trace(&services).merge_into(headers);
    let trace = headers.get(OPES_VIA).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    Told { services, trace: trace.unwrap_or_default() }
}

fn adapted_body(
    shared: &Arc<Shared>,
    exchange: Exchange,
    profile: Profile,
    length: Option<u64>,
    subject: &Subject,
    told: Told,
) -> ProxyBody {
    let observer = Arc::clone(&shared.observer);
    let subject = subject.clone();
    let report = move |exchange: &Exchange, result: Result<(), String>| {
        observer.adapted(&told.report(profile, &subject, exchange, result.err()));
    };
    http_body_util::BodyExt::boxed_unsync(AdaptedBody::new(exchange, length, Box::new(report)))
}

/// A message without a body is complete with its head; what the transaction still has to say changes nothing.
fn report_bodiless(shared: &Shared, mut exchange: Exchange, subject: &Subject, told: Told) {
    let observer = Arc::clone(&shared.observer);
    let subject = subject.clone();
    tokio::spawn(async move {
        let ended = exchange.is_empty().await;
        let failure = ended.err().map(|error| error.to_string());
        observer.adapted(&told.report(Profile::Response, &subject, &exchange, failure));
    });
}

impl Told {
    fn report(
        self,
        profile: Profile,
        subject: &Subject,
        exchange: &Exchange,
        failure: Option<String>,
    ) -> Report {
        Report {
            profile,
            method: subject.method.to_string(),
            target: subject.target.clone(),
            services: self.services,
            traffic: exchange.traffic(),
            trace: self.trace,
            failure,
        }
    }
}

fn adaptation_failed(error: &AdaptError) -> Failed {
    tracing::warn!(error = describe(error), "a message could not be adapted");
    match error {
        AdaptError::Original(_) => Failed::Gateway("The message to be adapted was not complete."),
        _ => Failed::Gateway("A service that this message needs is not available."),
    }
}

/// An error with everything that caused it.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// RFC 9110 section 7.6.3: an intermediary appends itself.
fn add_via(headers: &mut HeaderMap) {
    headers.append(VIA, HeaderValue::from_static("1.1 opes"));
}

/// The public page of the system (RFC 3897 section 3.2).
fn page(system: &System) -> Response<ProxyBody> {
    let mut response = Response::new(full(system.page()));
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, html);
    system.trace(&[]).merge_into(response.headers_mut());
    response
}

fn own_response(system: &System, failed: &Failed) -> Response<ProxyBody> {
    let (status, reason) = match failed {
        Failed::Request(reason) => (StatusCode::BAD_REQUEST, *reason),
        Failed::Gateway(reason) => (StatusCode::BAD_GATEWAY, *reason),
    };
    let mut response = Response::new(full(format!("{reason}\n")));
    *response.status_mut() = status;
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    system.trace(&[]).merge_into(response.headers_mut());
    response
}
