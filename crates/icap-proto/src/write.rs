//! Bodies as octets.

use bytes::BytesMut;

use crate::fields::Fields;

/// How a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastChunk<'a> {
    /// Here, with a trailer that may be empty; or a preview does.
    End(&'a Fields),
    /// Here, within the preview (RFC 3507 section 4.5).
    Ieof(&'a Fields),
    /// The rest is the original body from this octet on (206 Partial Content).
    UseOriginal(u64),
}

/// Adds a chunk. Nothing is written of no octets, which would end the body.
pub fn write_chunk(out: &mut BytesMut, octets: &[u8]) {
    if octets.is_empty() {
        return;
    }
    out.reserve(octets.len() + 20);
    out.extend_from_slice(format!("{:x}\r\n", octets.len()).as_bytes());
    out.extend_from_slice(octets);
    out.extend_from_slice(b"\r\n");
}

/// Adds the chunk of size zero with all that follows it.
pub fn write_last_chunk(out: &mut BytesMut, last: LastChunk<'_>) {
    let trailer = match last {
        LastChunk::End(trailer) => {
            out.extend_from_slice(b"0\r\n");
            Some(trailer)
        }
        LastChunk::Ieof(trailer) => {
            out.extend_from_slice(b"0; ieof\r\n");
            Some(trailer)
        }
        LastChunk::UseOriginal(from) => {
            out.extend_from_slice(format!("0; use-original-body={from}\r\n").as_bytes());
            None
        }
    };
    let mut lines = Vec::new();
    trailer.into_iter().for_each(|trailer| trailer.write(&mut lines));
    out.extend_from_slice(&lines);
    out.extend_from_slice(b"\r\n");
}
