//! Requests through their services.

use bytes::Bytes;
use http::header::EXPECT;
use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use opes_profile::http::Profile;

use super::body::{BodyError, ProxyBody, empty, untouched};
use super::failed::{Failed, adaptation_failed};
use super::fields::has_token;
use super::message::{self, AdaptedHead};
use super::processor::Processor;
use super::told::{Subject, Told};
use crate::adapt::{Exchange, Head, Original};
use crate::rules::Selected;

/// A request on its way to the origin.
pub(super) enum Outbound {
    Request(Request<ProxyBody>),
    /// A service has answered in the origin's place.
    Response(Response<ProxyBody>),
}

/// A request that no service adapts.
pub(super) fn pass<B>(shared: &Processor, mut parts: Parts, body: B) -> Outbound
where
    B: Body<Data = Bytes, Error: Into<BodyError>> + Send + 'static,
{
    shared.system.trace(&[]).merge_into(&mut parts.headers);
    Outbound::Request(Request::from_parts(parts, untouched(body)))
}

/// A request through the services of a rule.
///
/// # Errors
/// The adaptation failed, and the original cannot go on.
pub(super) async fn adapt<B>(
    shared: &Processor,
    parts: Parts,
    body: B,
    selected: Selected,
    subject: &Subject,
) -> Result<Outbound, Failed>
where
    B: Body<Data = Bytes, Error: Into<BodyError>> + Send + 'static,
{
    let length = body.size_hint().exact();
    // The sender waits to be told to begin (RFC 9110 section 10.1.1).
    let awaited = has_token(&parts.headers, &EXPECT, "100-continue");
    let original = Original {
        request_head: None,
        request_rest: None,
        head: message::request_head(&parts).encode(),
        length,
        body: Box::pin(body),
    };
    let (mut exchange, head) = Exchange::start(original, selected, message::read)
        .await
        .map_err(|error| adaptation_failed(&error))?;
    let (request, length, services) = match head {
        Head::Original => (Request::from_parts(parts, ()), length, Vec::new()),
        Head::Adapted { head: AdaptedHead::Request(head), length, unmodified, services } => {
            let request = message::request_from(head, unmodified).map_err(|reason| {
                tracing::warn!(reason, "a service made an unusable request");
                Failed::gateway("The adaptation of the request failed.")
            })?;
            // A request whose length is not known is sent chunked, which one without a body must not be.
            let length = match length {
                None if !awaited
                    && exchange.is_empty().await.map_err(|error| adaptation_failed(&error))? =>
                {
                    Some(0)
                }
                length => length,
            };
            (request, length, services)
        }
        Head::Adapted { head: AdaptedHead::Response(head), length, unmodified, services } => {
            let has_body = message::response_has_body(&subject.method, head.status);
            let mut response = message::response_from(head, unmodified, length, has_body);
            let told = Told::add_trace(shared, response.headers_mut(), services);
            let body = match has_body {
                true => told.body(shared, exchange, Profile::Request, length, subject),
                false => {
                    told.without_body(shared, exchange, Profile::Request, subject);
                    empty()
                }
            };
            return Ok(Outbound::Response(response.map(|()| body)));
        }
    };
    let mut request = request;
    let told = Told::add_trace(shared, request.headers_mut(), services);
    let body = told.body(shared, exchange, Profile::Request, length, subject);
    Ok(Outbound::Request(request.map(|()| body)))
}
