//! Requests with two framings (RFC 9112 section 6.3): hyper reads them by their chunks and takes the Content-Length out,
//! so that nobody after it can tell. But the connection of such a request has to be closed, since whoever stands before
//! us may have read it by its length.
//!
//! So octets are looked at on their way to hyper, for lines that begin with both names and have no empty line between
//! them. This is no parser: it may see them where there are none, in a body for one, and then a connection is closed
//! that need not be.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const NAMES: [&[u8]; 2] = [b"\ncontent-length", b"\ntransfer-encoding"];
const LONGEST: usize = NAMES[1].len();

/// Whether a client may have sent a request with two framings.
#[derive(Debug, Clone, Default)]
pub(super) struct Suspicion(Arc<AtomicBool>);

impl Suspicion {
    pub(super) fn there_is(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Looks at what a client sends.
#[derive(Debug, Default)]
pub(super) struct Watch {
    suspicion: Suspicion,
    seen: [bool; NAMES.len()],
    /// The beginning of a line that may become one of the names.
    begun: Vec<u8>,
}

impl Watch {
    pub(super) fn suspicion(&self) -> Suspicion {
        self.suspicion.clone()
    }

    /// Takes the next octets.
    pub(super) fn look(&mut self, octets: &[u8]) {
        if self.suspicion.there_is() {
            return;
        }
        if !self.begun.is_empty() {
            let wanted = LONGEST - self.begun.len();
            let mut line = std::mem::take(&mut self.begun);
            line.extend_from_slice(&octets[..octets.len().min(wanted)]);
            self.look_at_line(&line);
        }
        for start in memchr::memchr_iter(b'\n', octets) {
            self.look_at_line(&octets[start..octets.len().min(start + LONGEST)]);
        }
    }

    fn look_at_line(&mut self, line: &[u8]) {
        // An empty line ends a head.
        if line.starts_with(b"\n\n") || line.starts_with(b"\n\r\n") {
            self.seen = Default::default();
        }
        if line == b"\n\r" {
            self.begun = line.to_vec();
        }
        for (name, seen) in NAMES.iter().zip(&mut self.seen) {
            let common = name.len().min(line.len());
            if !line[..common].eq_ignore_ascii_case(&name[..common]) {
                continue;
            }
            if common == name.len() {
                *seen = true;
            } else {
                self.begun = line.to_vec();
            }
        }
        if self.seen == [true; NAMES.len()] {
            self.suspicion.0.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suspected(pieces: &[&[u8]]) -> bool {
        let mut watch = Watch::default();
        pieces.iter().for_each(|piece| watch.look(piece));
        watch.suspicion().there_is()
    }

    #[test]
    fn two_framings_are_seen_however_they_are_cut() {
        let both = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nX: y\r\nCONTENT-length: 4\r\n\r\n";
        for size in 1..both.len() {
            assert!(suspected(&both.chunks(size).collect::<Vec<_>>()), "{size}");
        }
    }

    #[test]
    fn one_framing_is_none_too_many() {
        let one =
            b"POST / HTTP/1.1\r\nX-Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\nabcd\n\ntransfer";
        for size in 1..one.len() {
            assert!(!suspected(&one.chunks(size).collect::<Vec<_>>()), "{size}");
        }
    }

    #[test]
    fn each_request_has_a_framing_of_its_own() {
        let two = b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nabPOST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        for size in 1..two.len() {
            assert!(!suspected(&two.chunks(size).collect::<Vec<_>>()), "{size}");
        }
    }
}
