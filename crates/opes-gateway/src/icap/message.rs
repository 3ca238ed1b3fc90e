//! Encapsulated heads as messages of HTTP and back (RFC 3507 section 4.4.2).

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING, VIA};
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use http_body::Body;
use hyper::ext::ReasonPhrase;
use opes_processor::http::ProxyBody;
use opes_profile::http::{RequestHead, ResponseHead};

/// RFC 3507 section 4.4.2: the field "MUST specify protocol as ICAP/1.0".
const HOP: HeaderValue = HeaderValue::from_static("ICAP/1.0 opes");

/// An encapsulated head that is none.
#[derive(Debug, thiserror::Error)]
#[error("the encapsulated {which} cannot be read: {reason}")]
pub(super) struct UnreadableHead {
    which: &'static str,
    reason: String,
}

impl UnreadableHead {
    /// There is none where one is needed.
    pub(super) fn missing() -> Self {
        Self { which: "request", reason: "there is none".to_owned() }
    }
}

pub(super) fn request(octets: &Bytes) -> Result<Request<()>, UnreadableHead> {
    let wrong = |reason: String| UnreadableHead { which: "request", reason };
    let head = RequestHead::parse_shared(octets).map_err(|error| wrong(error.to_string()))?;
    let uri: Uri = head.target.parse().map_err(|error| wrong(format!("{error}")))?;
    let mut request = Request::new(());
    *request.method_mut() = head.method;
    *request.uri_mut() = uri;
    *request.version_mut() = head.version;
    *request.headers_mut() = head.headers;
    Ok(request)
}

pub(super) fn response(octets: &Bytes) -> Result<Response<()>, UnreadableHead> {
    let wrong = |reason: String| UnreadableHead { which: "response", reason };
    let head = ResponseHead::parse_shared(octets).map_err(|error| wrong(error.to_string()))?;
    let mut response = Response::new(());
    *response.status_mut() = head.status;
    *response.version_mut() = head.version;
    if let Ok(reason) = ReasonPhrase::try_from(head.reason) {
        response.extensions_mut().insert(reason);
    }
    *response.headers_mut() = head.headers;
    Ok(response)
}

/// The octets of a body that has come with this head, where that says so (RFC 9112 section 6.3).
pub(super) fn length(headers: &HeaderMap) -> Option<u64> {
    if headers.contains_key(TRANSFER_ENCODING) {
        return None;
    }
    let mut values = headers.get_all(CONTENT_LENGTH).iter();
    let value = values.next()?.to_str().ok()?;
    let digits = value.bytes().all(|digit| digit.is_ascii_digit()) && values.next().is_none();
    digits.then(|| value.parse().ok()).flatten()
}

/// The octets of the head of an adapted request.
pub(super) fn encode_request(request: &Request<ProxyBody>) -> Bytes {
    let mut headers = request.headers().clone();
    headers.append(VIA, HOP);
    let content = !matches!(*request.method(), Method::GET | Method::HEAD | Method::CONNECT);
    // A body whose length services have left open has one again, where it is known.
    if !headers.contains_key(CONTENT_LENGTH)
        && let Some(length) = request.body().size_hint().exact().filter(|length| *length > 0 || content)
    {
        headers.insert(CONTENT_LENGTH, length.into());
    }
    let target = request.uri().to_string();
    RequestHead { method: request.method().clone(), target, version: request.version(), headers }.encode()
}

/// The octets of the head of an adapted response.
pub(super) fn encode_response(response: &Response<ProxyBody>) -> Bytes {
    let mut headers = response.headers().clone();
    headers.append(VIA, HOP);
    let reason = response.extensions().get::<ReasonPhrase>().map(|reason| reason.as_bytes().to_vec());
    let canonical = || response.status().canonical_reason().unwrap_or_default().as_bytes().to_vec();
    ResponseHead {
        version: response.version(),
        status: response.status(),
        reason: reason.unwrap_or_else(canonical).into(),
        headers,
    }
    .encode()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "this is test code: a broken expectation ends the test")]

    use super::*;

    #[test]
    fn a_length_counts_where_there_is_one_and_no_coding() {
        let length = |fields: &str| {
            let head = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
            length(response(&Bytes::from(head)).unwrap().headers())
        };
        assert_eq!(length("Content-Length: 12\r\n"), Some(12));
        assert_eq!(length(""), None);
        assert_eq!(length("Content-Length: +12\r\n"), None);
        assert_eq!(length("Content-Length: 1\r\nContent-Length: 2\r\n"), None);
        assert_eq!(length("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), None);
    }

    #[test]
    fn targets_of_every_form_are_read_as_they_are() {
        for target in ["http://a.example/x?y=z", "/x?y", "a.example:443", "*"] {
            let request = request(&Bytes::from(format!("GET {target} HTTP/1.1\r\n\r\n"))).unwrap();
            assert_eq!(request.uri().to_string(), target);
        }
        assert!(request(&Bytes::from_static(b"GET http://a b/ HTTP/1.1\r\n\r\n")).is_err());
    }
}
