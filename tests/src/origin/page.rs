//! A fixed document at the origin.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};

use crate::body::{self, Body};

/// A document with its header fields.
#[derive(Clone, Debug)]
pub struct Page {
    headers: HeaderMap,
    body: Bytes,
    pieces: Option<usize>,
}

impl Page {
    /// A document of a media type, sent with a Content-Length.
    #[must_use]
    pub fn new(media_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { headers: HeaderMap::new(), body: body.into(), pieces: None }.field("content-type", media_type)
    }

    /// Plain text.
    #[must_use]
    pub fn text(body: impl Into<Bytes>) -> Self {
        Self::new("text/plain; charset=utf-8", body)
    }

    /// Adds a header field.
    #[must_use]
    pub fn field(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_str(value).expect("a field value");
        self.headers.append(HeaderName::from_static(name), value);
        self
    }

    /// Sends it chunked, in pieces of so many octets.
    #[must_use]
    pub fn chunked(mut self, piece: usize) -> Self {
        self.pieces = Some(piece);
        self
    }

    /// The answer to a request for this page.
    pub(super) fn answer(&self, method: &Method, asked: &HeaderMap) -> Response<Body> {
        let etag = self.headers.get(header::ETAG);
        let mut response = Response::new(body::empty());
        *response.headers_mut() = self.headers.clone();
        if etag.is_some() && asked.get(header::IF_NONE_MATCH) == etag {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else if *method == Method::HEAD {
            response.headers_mut().insert(header::CONTENT_LENGTH, self.body.len().into());
        } else if let Some(size) = self.pieces {
            *response.body_mut() = self.in_pieces(size);
        } else {
            *response.body_mut() = body::full(self.body.clone());
        }
        response
    }

    fn in_pieces(&self, size: usize) -> Body {
        let (feed, body) = body::fed(None);
        let octets = self.body.clone();
        tokio::spawn(async move {
            for start in (0..octets.len()).step_by(size) {
                if !feed.send_slowly(octets.slice(start..octets.len().min(start + size))).await {
                    return;
                }
            }
        });
        body
    }
}
