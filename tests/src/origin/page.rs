//! A fixed document at the origin.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};

use crate::body::{self, Body};

/// How a body is cut into chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Not at all: it has a Content-Length.
    Whole,
    /// Into pieces of so many octets.
    Even(usize),
    /// The first octets alone, and then longer and longer pieces.
    Growing,
}

impl Cut {
    /// The pieces of a body.
    pub fn pieces(self, octets: &Bytes) -> Vec<Bytes> {
        let (mut rest, mut pieces) = (octets.clone(), Vec::new());
        while !rest.is_empty() {
            let size = match self {
                Self::Whole => rest.len(),
                Self::Even(size) => size,
                Self::Growing if pieces.len() < 24 => 1,
                Self::Growing => pieces.len() * 17 % 4099,
            };
            pieces.push(rest.split_to(size.clamp(1, rest.len())));
        }
        pieces
    }
}

/// A document with its header fields.
#[derive(Clone, Debug)]
pub struct Page {
    headers: HeaderMap,
    body: Bytes,
    cut: Cut,
}

impl Page {
    /// A document of a media type, sent with a Content-Length.
    #[must_use]
    pub fn new(media_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { headers: HeaderMap::new(), body: body.into(), cut: Cut::Whole }
            .field("content-type", media_type)
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
    pub fn chunked(self, piece: usize) -> Self {
        self.cut(Cut::Even(piece))
    }

    /// Sends it cut like this.
    #[must_use]
    pub fn cut(mut self, cut: Cut) -> Self {
        self.cut = cut;
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
        } else if self.cut == Cut::Whole {
            *response.body_mut() = body::full(self.body.clone());
        } else {
            *response.body_mut() = self.in_pieces();
        }
        response
    }

    fn in_pieces(&self) -> Body {
        let (feed, body) = body::fed(None);
        let pieces = self.cut.pieces(&self.body);
        tokio::spawn(async move {
            for piece in pieces {
                if !feed.send_slowly(piece).await {
                    return;
                }
            }
        });
        body
    }
}
