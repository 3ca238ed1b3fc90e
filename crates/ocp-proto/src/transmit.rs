//! Octets on their way out: small ones joined, large ones passed on without a copy.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

/// Payload up to this size is copied next to the message head: cheaper than a buffer of its own in the write.
const COPIED: usize = 2048;

/// Written octets are removed from the buffer once they are so many, and most of it.
const STALE: usize = 16 * 1024;

/// The most room that is made before it is needed.
const MOST_AT_ONCE: usize = 64 * 1024;

/// A queue of octets for the transport. Message heads and small payload stand in one buffer, which is used again and
/// again; large payload is passed on as it is.
#[derive(Debug, Default)]
pub struct Transmit {
    buffer: Vec<u8>,
    /// How much of the buffer was written already.
    written: usize,
    /// How much of the buffer stands in `runs`, or did so.
    queued: usize,
    runs: VecDeque<Run>,
    /// Octets in `runs`.
    length: usize,
    /// How much of the buffer was used last: what is made at once after a release.
    usual: usize,
}

/// Octets that leave one after the other.
#[derive(Debug)]
enum Run {
    /// The next so many of the buffer.
    Buffer(usize),
    Payload(Bytes),
}

impl Transmit {
    /// Octets that wait to be written.
    pub fn len(&self) -> usize {
        self.length + self.buffer.len() - self.queued
    }

    /// Whether nothing waits to be written.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The octets that wait, as slices for one vectored write; returns how many slices were filled.
    pub fn io_slices<'a>(&'a mut self, slices: &mut [IoSlice<'a>]) -> usize {
        self.queue_buffer();
        let mut filled = 0;
        for (slice, run) in slices.iter_mut().zip(self.runs_as_slices()) {
            *slice = IoSlice::new(run);
            filled += 1;
        }
        filled
    }

    /// Removes the first `written` octets.
    pub fn advance(&mut self, mut written: usize) {
        self.queue_buffer();
        self.length -= written;
        while let Some(run) = self.runs.front_mut() {
            let taken = written.min(run.len());
            written -= taken;
            match run {
                Run::Buffer(left) => {
                    self.written += taken;
                    *left -= taken;
                }
                Run::Payload(octets) => octets.advance(taken),
            }
            if run.len() > 0 {
                break;
            }
            self.runs.pop_front();
        }
        self.reuse_buffer();
    }

    /// All octets that wait, in one piece; for tests and tools.
    pub fn take(&mut self) -> Bytes {
        self.queue_buffer();
        let mut all = Vec::with_capacity(self.length);
        self.runs_as_slices().for_each(|run| all.extend_from_slice(run));
        self.advance(all.len());
        all.into()
    }

    /// Gives memory back that is not needed while nothing waits.
    pub fn release(&mut self) {
        if self.is_empty() {
            *self = Self { usual: self.usual, ..Self::default() };
        }
    }

    /// Where message heads are written.
    pub fn head(&mut self) -> &mut Vec<u8> {
        if self.buffer.capacity() == 0 {
            self.buffer.reserve_exact(self.usual);
        }
        &mut self.buffer
    }

    /// Appends payload: copied when small, else by reference.
    pub fn payload(&mut self, octets: &Bytes) {
        if octets.len() <= COPIED {
            self.buffer.extend_from_slice(octets);
            return;
        }
        self.queue_buffer();
        self.length += octets.len();
        self.runs.push_back(Run::Payload(octets.clone()));
    }

    fn runs_as_slices(&self) -> impl Iterator<Item = &[u8]> {
        let mut at = self.written;
        self.runs.iter().map(move |run| match run {
            Run::Buffer(length) => {
                at += length;
                &self.buffer[at - length..at]
            }
            Run::Payload(octets) => octets,
        })
    }

    fn queue_buffer(&mut self) {
        let fresh = self.buffer.len() - self.queued;
        if fresh > 0 {
            self.runs.push_back(Run::Buffer(fresh));
            self.queued = self.buffer.len();
            self.length += fresh;
        }
    }

    fn reuse_buffer(&mut self) {
        if self.written == self.buffer.len() {
            self.usual = self.buffer.len().min(MOST_AT_ONCE);
            self.buffer.clear();
        } else if self.written >= STALE && self.written > self.buffer.len() / 2 {
            self.buffer.drain(..self.written);
        } else {
            return;
        }
        self.written = 0;
        self.queued = self.buffer.len();
    }
}

impl Run {
    fn len(&self) -> usize {
        match self {
            Self::Buffer(length) => *length,
            Self::Payload(octets) => octets.len(),
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
    fn octets_leave_in_order_however_few_at_a_time() {
        let (mut transmit, mut expected, mut seen) = (Transmit::default(), Vec::new(), Vec::new());
        for round in 0..200_usize {
            let payload = Bytes::from(vec![round as u8; if round % 3 == 0 { COPIED + 1 } else { round }]);
            transmit.head().extend_from_slice(b"head");
            transmit.payload(&payload);
            expected.extend_from_slice(b"head");
            expected.extend_from_slice(&payload);
            let length = transmit.len();
            let mut slices = [IoSlice::new(&[]); 4];
            let filled = transmit.io_slices(&mut slices);
            let waits: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.iter().copied()).collect();
            let written = waits.len().min(700);
            seen.extend_from_slice(&waits[..written]);
            transmit.advance(written);
            assert_eq!(transmit.len(), length - written);
        }
        assert!(transmit.buffer.len() < STALE + 2 * transmit.len(), "what was written is not kept");
        seen.extend_from_slice(&transmit.take());
        assert!(seen == expected, "{} of {} octets", seen.len(), expected.len());
        assert!(transmit.is_empty() && transmit.buffer.capacity() > 0);
        transmit.release();
        assert_eq!(transmit.buffer.capacity(), 0);
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
