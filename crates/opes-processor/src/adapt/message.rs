//! What the core says about a message: its adapted head, the pieces after it, and why there are none.

use std::sync::Arc;

use bytes::Bytes;
use ocp::client::{ClientError, TransactionError};
use opes_coding::{DecodeError, RecodeError};
use opes_sdk::TraceRecord;
use thiserror::Error;

use super::original::OriginalError;
use super::request::RequestMissing;
use crate::rules::Variables;

/// The most octets by which an adapted head may be larger than the one that was adapted.
pub(super) const HEAD_OCTETS: usize = 256 * 1024;

/// Why a message could not be adapted, and cannot go on.
#[derive(Debug, Clone, Error)]
pub enum AdaptError {
    /// The services could not be reached or used.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The adaptation failed.
    #[error(transparent)]
    Transaction(#[from] TransactionError),
    /// The adapted head is too long.
    #[error("the adapted head has {HEAD_OCTETS} octets more than the original one")]
    HeadTooLong,
    /// The provider of the original failed.
    #[error(transparent)]
    Original(#[from] OriginalError),
    /// The content is not what its head says, or decodes to more than is allowed.
    #[error("the content cannot be decoded: {0}")]
    Coding(#[from] DecodeError),
    /// The services want more of the request than is there.
    #[error(transparent)]
    Request(#[from] RequestMissing),
}

/// The result codes of a transaction that went well, and of any other (RFC 4037 section 10.10).
pub(crate) const OK: u16 = 200;
const FAILED: u16 = 400;

impl AdaptError {
    /// The result code that the transaction ended with; `None` where it never began, or the connection was lost.
    pub(crate) fn result(&self) -> Option<u16> {
        match self {
            Self::Client(_) | Self::Transaction(TransactionError::Lost(_)) => None,
            _ => Some(FAILED),
        }
    }
}

/// What begins the message that goes on. `H` is a head as the front end reads it.
#[derive(Debug)]
pub enum Head<H> {
    /// The adapted message: of the same kind, or a response in place of a request.
    Adapted {
        /// The head; `None` where it is the original's own.
        head: Option<H>,
        /// The body's size in octets, where the callout server announces it.
        length: Option<u64>,
        /// The callout server says for certain that nothing is changed (`Modp: 0`).
        unmodified: bool,
        /// The services that were applied.
        services: Arc<[String]>,
        /// What they say to later rules and services.
        variables: Variables,
        /// What they and their host have recorded so far.
        records: Vec<TraceRecord>,
    },
    /// The original message, by failure policy: why the adaptation failed.
    Original(AdaptError),
}

/// From where on an adapted body is the original, with no service that needs more of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rest {
    /// The offset in the adapted body.
    pub at: u64,
    /// The offset in the original body.
    pub original: u64,
}

/// A piece that follows the head.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// Octets of the body; never empty.
    Body(Bytes),
    /// Octets of the trailer.
    Trailer(Bytes),
}

impl Piece {
    /// Octets in it.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Body(octets) | Self::Trailer(octets) => octets.len(),
        }
    }

    /// Those of them that are of the body.
    pub(super) fn body_octets(&self) -> u64 {
        match self {
            Self::Body(octets) => octets.len() as u64,
            Self::Trailer(_) => 0,
        }
    }
}

/// Payload that a transaction has moved, heads included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Octets given to the callout server.
    pub sent: u64,
    /// Octets that came back.
    pub received: u64,
    /// Octets of the original that were used in place of ones coming back.
    pub reused: u64,
    /// So many of the octets that were given stand before the body.
    pub before_body: u64,
    /// Octets of the original's body that have come.
    pub original: u64,
    /// Octets of the adapted body that have gone on.
    pub adapted: u64,
    /// How often the original had to wait for the services.
    pub pauses: u32,
}

impl From<RecodeError> for AdaptError {
    fn from(error: RecodeError) -> Self {
        match error {
            RecodeError::Decode(error) => Self::Coding(error),
            RecodeError::Encode(_) | RecodeError::Changed => {
                Self::Transaction(TransactionError::Broken(error.to_string()))
            }
        }
    }
}
