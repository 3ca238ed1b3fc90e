//! The original message as a front end hands it to the core.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use opes_profile::http::{Part, Profile};
use thiserror::Error;

use super::head::LazyHead;
use super::request::{KeptRequest, RequestMissing};
use crate::rules::Variables;

/// The original message was not complete: its provider failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the original message is not complete: {0}")]
pub struct OriginalError(pub String);

/// What follows the head of an original message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OriginalPiece {
    /// Octets of the body, transfer codings removed.
    Body(Bytes),
    /// The trailer: field lines, without a final empty line.
    Trailer(Bytes),
}

impl OriginalPiece {
    /// The part of the profile, and the octets.
    pub(super) fn part(self, profile: Profile) -> (Part, Bytes) {
        match self {
            Self::Body(octets) => (profile.body(), octets),
            Self::Trailer(octets) => (profile.trailer(), octets),
        }
    }
}

/// Where body and trailer of an original message come from.
pub trait OriginalBody: Send {
    /// The next piece; `None` once the message is complete. Not polled again after that or an error.
    ///
    /// # Errors
    /// The message will not become complete.
    fn poll_piece(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<OriginalPiece, OriginalError>>>;
}

/// What services may know of a message that is not in it.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The data consumer: an address or a name.
    pub client: Option<Arc<str>>,
    /// What services have set at earlier points.
    pub variables: Variables,
}

/// An original message.
pub struct Original {
    /// The head of the request that this message answers, in the response profile.
    pub request_head: Option<Arc<LazyHead>>,
    /// The rest of that request, or why it is not there; only where the front end keeps requests, and its client offers
    /// more of them than the head ([`ocp::client::ClientConfig::aux`]).
    pub request_rest: Option<Result<KeptRequest, RequestMissing>>,
    /// The head of the message.
    pub head: Arc<LazyHead>,
    /// The body's size in octets, when it is known exactly.
    pub length: Option<u64>,
    /// The content codings of the body in the order of application, in lower case; none also where the body is not to be
    /// decoded.
    pub codings: Vec<String>,
    /// What services may know besides.
    pub known: Known,
    /// Body and trailer.
    pub body: Pin<Box<dyn OriginalBody>>,
}
