//! Octets on their way out: small ones joined, large ones passed on without a copy.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};

/// Pieces up to this size are copied next to the message head: cheaper than a buffer of their own in the write.
const COPIED: usize = 2048;

/// The room for heads that is made at once.
const LEAST: usize = 256;
const MOST: usize = 64 * 1024;

/// A queue of octets for the transport.
#[derive(Debug, Default)]
pub struct Transmit {
    chunks: VecDeque<Bytes>,
    tail: Vec<u8>,
    length: usize,
}

impl Transmit {
    /// Octets that wait to be written.
    pub fn len(&self) -> usize {
        self.length + self.tail.len()
    }

    /// Whether nothing waits to be written.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The octets that wait, as slices for one vectored write; returns how many slices were filled.
    pub fn io_slices<'a>(&'a mut self, slices: &mut [IoSlice<'a>]) -> usize {
        self.seal();
        let mut filled = 0;
        for (slice, chunk) in slices.iter_mut().zip(&self.chunks) {
            *slice = IoSlice::new(chunk);
            filled += 1;
        }
        filled
    }

    /// Removes the first `written` octets.
    pub fn advance(&mut self, mut written: usize) {
        self.seal();
        self.length -= written;
        while let Some(chunk) = self.chunks.front_mut() {
            if written < chunk.len() {
                chunk.advance(written);
                return;
            }
            written -= chunk.len();
            self.chunks.pop_front();
        }
    }

    /// All octets that wait, in one piece; for tests and tools.
    pub fn take(&mut self) -> Bytes {
        self.seal();
        let mut all = BytesMut::with_capacity(self.length);
        for chunk in self.chunks.drain(..) {
            all.extend_from_slice(&chunk);
        }
        self.length = 0;
        all.freeze()
    }

    /// Where message heads are written.
    pub(crate) fn head(&mut self) -> &mut Vec<u8> {
        &mut self.tail
    }

    /// Appends payload: copied when small, else by reference.
    pub(crate) fn payload(&mut self, octets: &Bytes) {
        if octets.len() <= COPIED {
            self.tail.extend_from_slice(octets);
            return;
        }
        self.seal();
        self.length += octets.len();
        self.chunks.push_back(octets.clone());
    }

    fn seal(&mut self) {
        if !self.tail.is_empty() {
            self.length += self.tail.len();
            // The next heads will need about as much.
            let next = Vec::with_capacity(self.tail.len().next_power_of_two().clamp(LEAST, MOST));
            self.chunks.push_back(std::mem::replace(&mut self.tail, next).into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_come_out_in_order_however_they_are_written() {
        let mut transmit = Transmit::default();
        let large = Bytes::from(vec![b'x'; COPIED + 1]);
        transmit.head().extend_from_slice(b"head");
        transmit.payload(&Bytes::from_static(b"small"));
        transmit.payload(&large);
        transmit.head().extend_from_slice(b"tail");
        assert_eq!(transmit.len(), 4 + 5 + large.len() + 4);
        let mut slices = [IoSlice::new(&[]); 8];
        assert_eq!(transmit.io_slices(&mut slices), 3);
        transmit.advance(2);
        transmit.advance(7 + 10);
        assert_eq!(transmit.len(), large.len() - 10 + 4);
        assert!(transmit.take().ends_with(b"xxtail"));
        assert!(transmit.is_empty());
    }

    #[test]
    fn large_payload_is_not_copied() {
        let mut transmit = Transmit::default();
        let large = Bytes::from(vec![b'x'; COPIED + 1]);
        transmit.payload(&large);
        let mut slices = [IoSlice::new(&[]); 1];
        transmit.io_slices(&mut slices);
        assert_eq!(slices[0].as_ptr(), large.as_ptr());
    }
}
