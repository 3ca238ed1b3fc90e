//! Octets that are kept until it is known what becomes of them.

use std::collections::VecDeque;

use bytes::Bytes;

/// A stretch of a body: what was put in and not taken out, and where in the body that begins.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pieces: VecDeque<Bytes>,
    start: u64,
    len: u64,
}

impl Kept {
    /// Where in the body the first octet stands.
    pub(super) fn start(&self) -> u64 {
        self.start
    }

    /// Octets in it.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Where in the body it ends.
    pub(super) fn end(&self) -> u64 {
        self.start + self.len
    }

    pub(super) fn push(&mut self, octets: Bytes) {
        if !octets.is_empty() {
            self.len += octets.len() as u64;
            self.pieces.push_back(octets);
        }
    }

    /// Takes what stands before this offset, one piece of it.
    pub(super) fn take_below(&mut self, end: u64) -> Option<Bytes> {
        let room = end.checked_sub(self.start).filter(|room| *room > 0)?;
        let first = self.pieces.front_mut()?;
        let octets = if first.len() as u64 > room {
            first.split_to(room as usize)
        } else {
            self.pieces.pop_front()?
        };
        self.start += octets.len() as u64;
        self.len -= octets.len() as u64;
        Some(octets)
    }

    /// Takes these octets off its beginning. False when it does not begin with them; it is of no use then.
    pub(super) fn strip(&mut self, mut octets: &[u8]) -> bool {
        while !octets.is_empty() {
            let wanted = self.start + octets.len() as u64;
            let Some(own) = self.take_below(wanted) else { return false };
            let (same, rest) = octets.split_at(own.len());
            // Mostly they are the very octets that were handed out.
            if !std::ptr::eq(same.as_ptr(), own.as_ptr()) && same != &own[..] {
                return false;
            }
            octets = rest;
        }
        true
    }

    pub(super) fn into_pieces(self) -> VecDeque<Bytes> {
        self.pieces
    }
}
