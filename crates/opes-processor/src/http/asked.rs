//! The request that a response answers, for rules and services of the response.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{IF_RANGE, RANGE};
use http::{HeaderMap, Method, Request, Uri, Version};
use opes_profile::http::encode_request;

use super::hop::{self, Fields};
use super::kept::Kept;
use crate::adapt::{EncodeHead, KeptRequest, LazyHead, RequestMissing};
use crate::rules::Prospect;

/// What is known of the request when its response comes.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) head: Arc<LazyHead<AskedHead>>,
    /// The octets of its body, where that was known beforehand.
    pub(super) length: Option<u64>,
    /// Its body, where that is kept; `None` where nothing is.
    pub(super) body: Option<KeptBody>,
}

/// The body of a request, for services of its response.
#[derive(Clone)]
pub(super) enum KeptBody {
    /// It is kept as it goes.
    Kept(Kept),
    /// Services do without: it may not have gone yet.
    Absent,
}

/// The head of a request as conditions on its response see it: the same head that was asked which of them may match. Its
/// octets, for services, are those of the request as it went to the origin.
pub(super) struct AskedHead {
    pub(super) method: Method,
    pub(super) uri: Uri,
    /// Empty where nobody looks at them.
    pub(super) headers: HeaderMap,
    /// It went without Range and If-Range.
    without_range: bool,
    /// It went with these besides.
    fields: Fields,
}

impl Asked {
    /// Of a request that goes to its origin with further `fields`, as far as its response needs it.
    pub(super) fn new<B>(
        request: &Request<B>,
        length: Option<u64>,
        prospect: Prospect,
        fields: Fields,
    ) -> Self {
        let head = AskedHead {
            method: request.method().clone(),
            uri: request.uri().clone(),
            // A copy is not for nothing.
            headers: if prospect.sees_request { request.headers().clone() } else { HeaderMap::new() },
            without_range: prospect.changes,
            fields,
        };
        Self { head: Arc::new(LazyHead::new(head)), length, body: None }
    }

    /// What there is of the request's body and trailer, now that the response has begun.
    pub(super) fn rest(&self) -> Option<Result<KeptRequest, RequestMissing>> {
        match self.body.as_ref()? {
            KeptBody::Kept(kept) => Some(kept.take()),
            KeptBody::Absent => Some(Ok(KeptRequest::default())),
        }
    }
}

impl EncodeHead for AskedHead {
    fn encode(&self) -> Bytes {
        let mut headers = self.headers.clone();
        if self.without_range {
            remove_range(&mut headers);
        }
        hop::put(self.fields.clone(), &mut headers);
        encode_request(&self.method, &self.uri.to_string(), Version::HTTP_11, &headers)
    }
}

/// Changed content has other ranges than the origin's.
pub(super) fn remove_range(headers: &mut HeaderMap) {
    headers.remove(RANGE);
    headers.remove(IF_RANGE);
}
