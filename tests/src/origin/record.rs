//! What the origin saw of a request.

use http::{HeaderMap, Method};

/// A request as the origin received it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its method.
    pub method: Method,
    /// Its target, with the query.
    pub target: String,
    /// Its header fields.
    pub headers: HeaderMap,
    /// Its trailer fields.
    pub trailers: HeaderMap,
    /// Its body, once that has ended.
    pub body: Option<Received>,
}

/// The end of a request's body.
#[derive(Clone, Debug)]
pub struct Received {
    /// Octets received.
    pub length: u64,
    /// Their SHA-256.
    pub sha256: String,
    /// Whether it ended as HTTP says, and not by a broken connection.
    pub whole: bool,
}

impl Seen {
    /// Whether the body has ended, whole or not.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.body.is_some()
    }

    /// The body, which must have arrived whole.
    #[must_use]
    pub fn whole(&self) -> &Received {
        let body = self.body.as_ref().filter(|body| body.whole);
        body.unwrap_or_else(|| {
            panic!("{} {} did not arrive whole: {:?}", self.method, self.target, self.body)
        })
    }
}
