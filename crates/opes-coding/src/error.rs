//! What can be wrong with a coded body.

use thiserror::Error;

use crate::Coding;

/// Why a coded body is not decoded.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The octets are none that the coding could have produced.
    #[error("the body is no valid {coding}: {problem}")]
    Malformed {
        /// The coding that they should have.
        coding: Coding,
        /// What is wrong.
        problem: &'static str,
    },
    /// The body ended before the coding did.
    #[error("the body ends in the middle of its {coding}")]
    Truncated {
        /// The coding that is incomplete.
        coding: Coding,
    },
    /// More came out of it than [`Bounds::ratio`](crate::Bounds::ratio) allows: a bomb.
    #[error("the body is more than {ratio} times longer decoded than coded")]
    Ratio {
        /// What is allowed.
        ratio: u32,
    },
    /// More came out of it than [`Bounds::octets`](crate::Bounds::octets) allows.
    #[error("the body is longer than {octets} octets when decoded")]
    TooLong {
        /// What is allowed.
        octets: u64,
    },
    /// Decoding needs more memory than is given to a body (RFC 9659 for zstd, RFC 7932 without large windows for br).
    #[error("the body's {coding} needs a window that is larger than allowed")]
    Window {
        /// The coding with that window.
        coding: Coding,
    },
    /// There is no memory for a decoder.
    #[error("no decoder for {coding}: out of memory")]
    Unavailable {
        /// The coding that needs it.
        coding: Coding,
    },
}

/// Why a body is not encoded: the encoder itself failed, for example for want of memory.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("cannot encode as {coding}: {problem}")]
pub struct EncodeError {
    /// The coding.
    pub coding: Coding,
    /// What its encoder says.
    pub problem: String,
}

/// Why a body does not come out as it should.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RecodeError {
    /// The body that came cannot be decoded.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The adapted body cannot be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// Services that only look gave back something else than they got.
    #[error("a service that only looks at the body has changed it")]
    Changed,
}
