//! The message that is sent again and again, and the check that it comes back whole.

use bytes::Bytes;

/// A body: neighbouring octets differ, and its period fits no power of two.
pub(crate) fn pattern(size: usize) -> impl Iterator<Item = u8> {
    (0..size).map(|at| (at % 251) as u8)
}

/// A head and a body of a known pattern.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) head: Bytes,
    pub(crate) pieces: Vec<Bytes>,
    body: Bytes,
}

impl Sample {
    /// A message with a body of `size` octets, given in pieces of `chunk`.
    pub(crate) fn new(response: bool, size: usize, chunk: usize) -> Self {
        let head = if response {
            format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {size}\r\n\r\n"
            )
        } else {
            format!("POST /bench HTTP/1.1\r\nHost: bench.example\r\nContent-Length: {size}\r\n\r\n")
        };
        let body: Bytes = pattern(size).collect::<Vec<u8>>().into();
        let pieces = (0..size).step_by(chunk.max(1)).map(|at| body.slice(at..size.min(at + chunk.max(1))));
        Self { head: head.into(), pieces: pieces.collect(), body }
    }

    pub(crate) fn size(&self) -> usize {
        self.body.len()
    }

    /// Whether these octets stand at this place of the body.
    pub(crate) fn has(&self, at: usize, octets: &[u8]) -> bool {
        self.body.get(at..at.saturating_add(octets.len())).is_some_and(|expected| expected == octets)
    }
}
