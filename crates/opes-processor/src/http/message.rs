//! HTTP messages of hyper as heads of OCP and back (RFC 4236 sections 3.1, 3.7 and 3.8).

use bytes::Bytes;
use http::request::Parts as RequestParts;
use http::response::Parts as ResponseParts;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, Version, header};
use hyper::ext::ReasonPhrase;
use opes_profile::http::correct::{after_adaptation, remove_hop_by_hop, set_length};
use opes_profile::http::{HeadError, Part, RequestHead, ResponseHead, encode_request, encode_response};

use crate::adapt::EncodeHead;
use crate::rules;

/// An adapted head: the callout server may answer a request by a response (RFC 4236 section 3.2.1).
pub(super) enum AdaptedHead {
    /// A request to go on to the origin.
    Request(RequestHead),
    /// A response to the client.
    Response(ResponseHead),
}

/// Reads an adapted header part.
pub(super) fn read(part: Part, octets: Bytes) -> Result<AdaptedHead, String> {
    let unusable = |error: HeadError| format!("unusable adapted head: {error}");
    match part {
        Part::RequestHeader => RequestHead::parse_shared(&octets).map(AdaptedHead::Request).map_err(unusable),
        _ => ResponseHead::parse_shared(&octets).map(AdaptedHead::Response).map_err(unusable),
    }
}

/// Hop-by-hop fields have been removed.
impl EncodeHead for RequestParts {
    fn encode(&self) -> Bytes {
        encode_request(&self.method, &self.uri.to_string(), Version::HTTP_11, &self.headers)
    }
}

impl EncodeHead for ResponseParts {
    fn encode(&self) -> Bytes {
        let reason = self.extensions.get::<ReasonPhrase>().map(ReasonPhrase::as_bytes);
        let canonical = || self.status.canonical_reason().unwrap_or_default().as_bytes();
        encode_response(Version::HTTP_11, self.status, reason.unwrap_or_else(canonical), &self.headers)
    }
}

/// The content codings of a message in the order of application (RFC 9110 section 8.4).
pub(super) fn codings(headers: &HeaderMap) -> Vec<String> {
    rules::codings(headers).filter(|name| name != "identity").collect()
}

/// Whether a response to this request has a body (RFC 9110 section 6.4.1).
pub(super) fn response_has_body(method: &Method, status: StatusCode) -> bool {
    let bodiless =
        status.is_informational() || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
    method != Method::HEAD && !bodiless
}

/// RFC 9110 section 8.6: these have no Content-Length, whatever an origin has sent.
pub(super) fn may_have_length(status: StatusCode) -> bool {
    !status.is_informational() && status != StatusCode::NO_CONTENT
}

/// An adapted request for the origin; its body's length is left to hyper, which knows the body.
pub(super) fn request_from(head: RequestHead, unmodified: bool) -> Result<Request<()>, String> {
    let uri: Uri =
        head.target.parse().map_err(|error| format!("unusable adapted request target: {error}"))?;
    let (mut parts, ()) = Request::new(()).into_parts();
    (parts.method, parts.uri, parts.headers) = (head.method, uri, head.headers);
    remove_hop_by_hop(&mut parts.headers);
    Ok(request_as_it_was(parts, unmodified))
}

/// A request for the origin whose head is the original's.
pub(super) fn request_as_it_was(mut parts: RequestParts, unmodified: bool) -> Request<()> {
    after_adaptation(&mut parts.headers, unmodified);
    set_length(&mut parts.headers, None);
    Request::from_parts(parts, ())
}

/// A response for the client whose head is the original's. `length` is the body's size where it is known; a response
/// without a body describes one that was not sent, so its length and its validator stay only when nothing was changed.
pub(super) fn response_as_it_was(
    mut parts: ResponseParts,
    unmodified: bool,
    length: Option<u64>,
    has_body: bool,
) -> Response<()> {
    let headers = &mut parts.headers;
    let describes = unmodified && !has_body && may_have_length(parts.status);
    let described = headers.get(header::CONTENT_LENGTH).cloned().filter(|_| describes);
    if !has_body && !unmodified {
        headers.remove(header::ETAG);
    }
    // RFC 4236 section 3.8: the length and checksums that a callout server returns are not trusted.
    after_adaptation(headers, unmodified);
    set_length(headers, length.filter(|_| has_body));
    if let Some(described) = described {
        headers.insert(header::CONTENT_LENGTH, described);
    }
    Response::from_parts(parts, ())
}

/// An adapted response for the client; the rest as for [`response_as_it_was`].
pub(super) fn response_from(
    head: ResponseHead,
    unmodified: bool,
    length: Option<u64>,
    has_body: bool,
) -> Response<()> {
    let (mut parts, ()) = Response::new(()).into_parts();
    let canonical = head.status.canonical_reason().unwrap_or_default();
    if head.reason != canonical.as_bytes()
        && let Ok(reason) = ReasonPhrase::try_from(head.reason)
    {
        parts.extensions.insert(reason);
    }
    (parts.status, parts.headers) = (head.status, head.headers);
    // RFC 4236 section 3.7: the next hop gets a Transfer-Encoding of our own.
    remove_hop_by_hop(&mut parts.headers);
    response_as_it_was(parts, unmodified, length, has_body)
}
