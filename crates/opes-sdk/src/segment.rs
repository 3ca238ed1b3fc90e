//! Payload with its provenance.

use std::ops::{Bound, RangeBounds};

use bytes::Bytes;

/// A piece of payload that knows whether it is still the original.
///
/// Whoever states an offset promises that the octets equal those at that offset of the original body: a host
/// may then send the offset instead of the octets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// The payload octets.
    pub octets: Bytes,
    /// Where the first octet stands in the original body, counted in octets from 0; `None` if these octets
    /// are not the original's.
    pub original: Option<u64>,
}

impl Segment {
    /// A piece of the original body that starts at this offset.
    pub fn original(octets: impl Into<Bytes>, offset: u64) -> Self {
        Self { octets: octets.into(), original: Some(offset) }
    }

    /// A piece that a service made.
    pub fn new(octets: impl Into<Bytes>) -> Self {
        Self { octets: octets.into(), original: None }
    }

    /// The number of octets.
    pub fn len(&self) -> usize {
        self.octets.len()
    }

    /// Whether there are no octets.
    pub fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    /// Takes the first `n` octets off, or all of them if there are fewer. Nothing is copied.
    #[must_use]
    pub fn split_to(&mut self, n: usize) -> Self {
        let n = n.min(self.len());
        let front = Self { octets: self.octets.split_to(n), original: self.original };
        self.original = advance(self.original, n);
        front
    }

    /// The octets in this range of the segment; bounds past its end count as its end. Nothing is copied.
    #[must_use]
    pub fn slice(&self, range: impl RangeBounds<usize>) -> Self {
        let end = match range.end_bound() {
            Bound::Included(&last) => last.saturating_add(1).min(self.len()),
            Bound::Excluded(&end) => end.min(self.len()),
            Bound::Unbounded => self.len(),
        };
        let start = match range.start_bound() {
            Bound::Included(&start) => start.min(end),
            Bound::Excluded(&before) => before.saturating_add(1).min(end),
            Bound::Unbounded => 0,
        };
        Self { octets: self.octets.slice(start..end), original: advance(self.original, start) }
    }
}

fn advance(original: Option<u64>, n: usize) -> Option<u64> {
    original.map(|offset| offset.saturating_add(n as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_an_original_piece_are_original() {
        let mut rest = Segment::original("abcdef", 10);
        assert_eq!(rest.slice(2..4), Segment::original("cd", 12));
        assert_eq!(rest.slice(..), rest);
        assert_eq!(rest.split_to(2), Segment::original("ab", 10));
        assert_eq!(rest, Segment::original("cdef", 12));
    }

    #[test]
    fn pieces_of_a_made_piece_are_not() {
        let mut rest = Segment::new("abc");
        assert_eq!(rest.slice(1..=1), Segment::new("b"));
        assert_eq!(rest.split_to(1), Segment::new("a"));
        assert_eq!(rest, Segment::new("bc"));
    }

    #[test]
    fn bounds_past_the_end_count_as_the_end() {
        let mut rest = Segment::original("abc", 0);
        assert_eq!(rest.slice(1..9), Segment::original("bc", 1));
        assert!(rest.slice(7..9).is_empty());
        assert!(rest.slice((Bound::Excluded(2), Bound::Included(usize::MAX))).is_empty());
        assert_eq!(rest.split_to(9), Segment::original("abc", 0));
        assert!(rest.is_empty());
    }
}
