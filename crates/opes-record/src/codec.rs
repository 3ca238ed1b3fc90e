//! Records as octets: in blocks, so that what many of them say is written once, and a transaction has few values.

mod block;
mod fields;
#[cfg(test)]
mod tests;
mod words;

use thiserror::Error;

pub(crate) use block::{Block, BlockWriter, Made, stretch_of};

use crate::record::RECORD_OCTETS;

/// Octets that are no records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum CodecError {
    #[error("cut short")]
    Short,
    #[error("more than {RECORD_OCTETS} octets")]
    TooLong,
    #[error("of version {0}, which is unknown here")]
    Version(u8),
    #[error("no {0}")]
    Value(&'static str),
    #[error("{0} octets too many")]
    Trailing(usize),
}
