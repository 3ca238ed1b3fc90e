//! ICAP (RFC 3507) with no I/O, no clock and no runtime: messages are read from octets that come in any pieces, and
//! written as octets.
//!
//! Both sides are here: a server reads with [`RequestReader`] and writes a [`ResponseHead`]; a client writes a
//! [`RequestHead`] and reads with [`ResponseReader`]. Bodies go in [`chunks`](write_chunk) either way. What a request
//! allows a server to answer is said by [`Permissions`]. Partial content (status 206, `use-original-body`) is an
//! extension that Squid and c-icap know.
//!
//! Nothing here keeps more than [`Limits`] says, whatever the peer sends.

mod chunks;
mod encapsulated;
mod error;
mod fields;
mod head;
mod limits;
mod lines;
mod permissions;
mod reader;
mod write;

#[cfg(test)]
mod tests;

pub use encapsulated::{BodyKind, Encapsulated, Form, Section};
pub use error::Error;
pub use fields::{Field, Fields};
pub use head::{Method, RequestHead, ResponseHead, reason};
pub use limits::Limits;
pub use permissions::{Permissions, Stage};
pub use reader::{End, RequestPart, RequestReader, ResponsePart, ResponseReader};
pub use write::{LastChunk, write_chunk, write_last_chunk};
