//! Records as octets: an octet that tells the version, then the fields in order.

use thiserror::Error;

use crate::id::TraceId;
use crate::record::{RECORD_OCTETS, Record};

/// How the fields are written now.
const VERSION: u8 = 1;

/// Octets that are no record.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum CodecError {
    #[error("no octets")]
    Empty,
    #[error("more than {RECORD_OCTETS} octets")]
    TooLong,
    #[error("of version {0}, which is unknown here")]
    Version(u8),
    #[error("not a record: {0}")]
    Fields(#[from] postcard::Error),
    #[error("{0} octets after its end")]
    Trailing(usize),
    #[error("another record's")]
    Other,
}

/// Writes the record over what is in the buffer.
pub(crate) fn encode(record: &Record, buffer: &mut Vec<u8>) -> Result<(), CodecError> {
    buffer.clear();
    buffer.push(VERSION);
    // The writer is the buffer itself: its room serves one record after the other.
    postcard::to_io(record, &mut *buffer)?;
    Ok(())
}

/// Reads the record of this identifier.
pub(crate) fn decode(id: TraceId, octets: &[u8]) -> Result<Record, CodecError> {
    match octets {
        [] => Err(CodecError::Empty),
        _ if octets.len() > RECORD_OCTETS => Err(CodecError::TooLong),
        [VERSION, fields @ ..] => match postcard::take_from_bytes::<Record>(fields)? {
            (_, rest) if !rest.is_empty() => Err(CodecError::Trailing(rest.len())),
            (record, _) if record.id != id => Err(CodecError::Other),
            (record, _) => Ok(record),
        },
        [version, ..] => Err(CodecError::Version(*version)),
    }
}

#[cfg(test)]
mod tests;
