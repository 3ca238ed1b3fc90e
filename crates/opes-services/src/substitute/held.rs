//! The beginning of what may become a match, while the rest of it is still to come.

use std::collections::VecDeque;

use bytes::Bytes;
use opes_sdk::Segment;

/// Octets that equal a prefix of the pattern. So only their provenance has to be kept, and holding them holds no
/// memory of the segments that they came from.
#[derive(Debug, Default)]
pub(super) struct Held {
    pieces: VecDeque<Piece>,
    len: usize,
}

#[derive(Debug, Clone, Copy)]
struct Piece {
    len: usize,
    original: Option<u64>,
}

impl Held {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn clear(&mut self) {
        self.pieces.clear();
        self.len = 0;
    }

    /// Adds the segment, whose octets continue the prefix.
    pub(super) fn extend(&mut self, segment: &Segment) {
        if segment.is_empty() {
            return;
        }
        self.len += segment.len();
        match self.pieces.back_mut() {
            Some(last) if last.advanced(last.len) == segment.original => last.len += segment.len(),
            _ => self.pieces.push_back(Piece { len: segment.len(), original: segment.original }),
        }
    }

    /// Gives the first `n` octets, or all if there are fewer, with their provenance. `prefix` is what the held
    /// octets equal, or more.
    pub(super) fn release(&mut self, n: usize, prefix: &Bytes, mut give: impl FnMut(Segment)) {
        let mut given = 0;
        while given < n {
            let Some(piece) = self.pieces.front_mut() else {
                break;
            };
            let len = piece.len.min(n - given);
            give(Segment { octets: prefix.slice(given..given + len), original: piece.original });
            *piece = Piece { len: piece.len - len, original: piece.advanced(len) };
            if piece.len == 0 {
                self.pieces.pop_front();
            }
            given += len;
        }
        self.len -= given;
    }
}

impl Piece {
    /// Where in the original the octets `n` further on stand.
    fn advanced(&self, n: usize) -> Option<u64> {
        self.original.map(|offset| offset.saturating_add(n as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_back_what_came_in_with_its_provenance() {
        let mut held = Held::default();
        for segment in [
            Segment::original("a", 7),
            Segment::original("bc", 8),
            Segment::new("d"),
            Segment::new("e"),
            Segment::new(""),
            Segment::original("f", 20),
        ] {
            held.extend(&segment);
        }
        assert_eq!((held.len(), held.pieces.len()), (6, 3));

        let mut given = Vec::new();
        held.release(2, &"abcdef".into(), |segment| given.push(segment));
        assert_eq!(given, [Segment::original("ab", 7)]);
        given.clear();
        held.release(9, &"cdef".into(), |segment| given.push(segment));
        assert_eq!(given, [Segment::original("c", 9), Segment::new("de"), Segment::original("f", 20)]);
        assert!(held.is_empty());
    }
}
