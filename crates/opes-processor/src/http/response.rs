//! Responses through their services.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT_RANGES, CONTENT_LENGTH};
use http::{Response, StatusCode};
use http_body::Body;
use opes_profile::http::correct::remove_hop_by_hop;
use opes_profile::http::{Profile, RequestHead, ResponseHead};

use super::body::{BodyError, ProxyBody, empty, untouched};
use super::failed::{Failed, adaptation_failed};
use super::kept::Kept;
use super::message::{self, AdaptedHead};
use super::processor::Processor;
use super::told::{Subject, Told};
use crate::adapt::{Exchange, Head, KeptRequest, Original, OriginalBody, OriginalError, OriginalPiece};
use crate::rules::Selected;

/// A response that no service adapts.
pub(super) fn pass<B>(shared: &Processor, response: Response<B>) -> Response<ProxyBody>
where
    B: Body<Data = Bytes, Error: Into<BodyError>> + Send + 'static,
{
    let (mut parts, body) = response.into_parts();
    if !message::may_have_length(parts.status) {
        parts.headers.remove(CONTENT_LENGTH);
    }
    shared.system.trace(&[]).merge_into(&mut parts.headers);
    Response::from_parts(parts, untouched(body))
}

/// The request that a response answers, for services that want to know.
pub(super) struct Asked {
    pub(super) head: Arc<RequestHead>,
    /// Its body, where that is kept.
    pub(super) body: Option<Kept>,
}

/// A response through the services of a rule.
///
/// # Errors
/// The adaptation failed, and the original cannot go on.
pub(super) async fn adapt<B>(
    shared: &Processor,
    request: &Asked,
    response: Response<B>,
    selected: Selected,
    subject: &Subject,
) -> Result<Response<ProxyBody>, Failed>
where
    B: Body<Data = Bytes, Error: Into<BodyError>> + Send + 'static,
{
    let (parts, body) = response.into_parts();
    let has_body = message::response_has_body(&subject.method, parts.status);
    // RFC 4236 section 3.3: the size of the body part, which is not there at all without a body.
    let length = body.size_hint().exact().filter(|_| has_body);
    let original = Original {
        request_head: Some(request.head.encode()),
        request_rest: request.body.as_ref().map(Kept::take),
        head: message::response_head(&parts).encode(),
        length,
        body: Box::pin(body),
    };
    let changes = selected.changes;
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
            return Err(Failed::gateway("The adaptation of the response failed."));
        }
    };
    if changes {
        // Ranges were not asked for, even if the content turns out to be unchanged.
        response.headers_mut().remove(ACCEPT_RANGES);
    }
    let told = Told::add_trace(shared, response.headers_mut(), services);
    if !message::response_has_body(&subject.method, response.status()) {
        told.without_body(shared, exchange, Profile::Response, subject);
        return Ok(response.map(|()| empty()));
    }
    let body = told.body(shared, exchange, Profile::Response, length, subject);
    Ok(response.map(|()| body))
}

/// An informational response through the services of a rule. hyper has no way to send it on to the client.
pub(super) async fn adapt_informational(
    shared: &Processor,
    request: &RequestHead,
    status: StatusCode,
    headers: http::HeaderMap,
    selected: Selected,
    subject: &Subject,
) {
    let reason = status.canonical_reason().unwrap_or_default().as_bytes().to_vec().into();
    let mut head = ResponseHead { version: http::Version::HTTP_11, status, reason, headers };
    remove_hop_by_hop(&mut head.headers);
    let original = Original {
        request_head: Some(request.encode()),
        request_rest: Some(Ok(KeptRequest::default())),
        head: head.encode(),
        length: None,
        body: Box::pin(Bodiless),
    };
    match Exchange::start(original, selected, message::read).await {
        Ok((exchange, Head::Adapted { head: AdaptedHead::Response(head), services, .. })) => {
            let mut headers = head.headers;
            let told = Told::add_trace(shared, &mut headers, services);
            told.without_body(shared, exchange, Profile::Response, subject);
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, %status, "an informational response could not be adapted"),
    }
}

/// No body.
struct Bodiless;

impl OriginalBody for Bodiless {
    fn poll_piece(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<OriginalPiece, OriginalError>>> {
        std::task::Poll::Ready(None)
    }
}
