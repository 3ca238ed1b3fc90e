//! Segments on their way between two links, and how much of them is still the original.

use std::{collections::VecDeque, ops::Range};

use crate::Segment;

/// A queue of non-empty segments. Knows in constant time whether what it holds, and all that ever went into it,
/// is one unbroken stretch of the original body.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// Stands outside of `rest` so that a queue of one takes no memory of its own; `None` if all is empty.
    front: Option<Segment>,
    rest: VecDeque<Segment>,
    octets: u64,
    accepted: u64,
    /// The stretch of the original that ends with the last segment that went in; empty if that was changed.
    stretch: Range<u64>,
}

impl Queue {
    /// Takes a segment; an empty one vanishes.
    pub(crate) fn push(&mut self, segment: Segment) {
        let len = segment.len() as u64;
        if len == 0 {
            return;
        }
        self.stretch = match segment.original {
            Some(offset) if offset == self.stretch.end => self.stretch.start..offset.saturating_add(len),
            Some(offset) => offset..offset.saturating_add(len),
            None => 0..0,
        };
        self.accepted = self.accepted.saturating_add(len);
        self.octets = self.octets.saturating_add(len);
        match self.front {
            None => self.front = Some(segment),
            Some(_) => self.rest.push_back(segment),
        }
    }

    pub(crate) fn pop(&mut self) -> Option<Segment> {
        let segment = self.front.take()?;
        self.front = self.rest.pop_front();
        self.octets = self.octets.saturating_sub(segment.len() as u64);
        Some(segment)
    }

    /// Drops what is held, and its memory; what went in before still counts.
    pub(crate) fn clear(&mut self) {
        self.front = None;
        self.rest = VecDeque::new();
        self.octets = 0;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.front.is_none()
    }

    /// The octets held.
    pub(crate) fn octets(&self) -> u64 {
        self.octets
    }

    /// The octets that ever went in.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted
    }

    /// Whether all that ever went in is the original body from its start, unbroken.
    pub(crate) fn is_faithful(&self) -> bool {
        self.stretch == (0..self.accepted)
    }

    /// The original offset at which the held octets begin, if they are the stretch of the original that ends
    /// right before `end`; `end` itself if nothing is held.
    pub(crate) fn original_up_to(&self, end: u64) -> Option<u64> {
        if self.octets == 0 {
            return Some(end);
        }
        let whole = self.stretch.end - self.stretch.start >= self.octets;
        (whole && self.stretch.end == end).then(|| end - self.octets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(segments: &[Segment]) -> Queue {
        let mut queue = Queue::default();
        segments.iter().cloned().for_each(|segment| queue.push(segment));
        queue
    }

    #[test]
    fn octets_are_counted_in_and_out() {
        let mut queue = filled(&[Segment::new("abc"), Segment::new(""), Segment::original("de", 3)]);
        assert_eq!((queue.octets(), queue.accepted()), (5, 5));
        assert_eq!(queue.pop(), Some(Segment::new("abc")));
        assert_eq!((queue.octets(), queue.accepted()), (2, 5));
        queue.clear();
        assert_eq!((queue.octets(), queue.accepted(), queue.pop()), (0, 5, None));
    }

    #[test]
    fn faithful_means_original_without_gap_from_the_start() {
        let [a, b] = [Segment::original("abc", 0), Segment::original("de", 3)];
        assert!(filled(&[]).is_faithful());
        assert!(filled(&[a.clone(), b.clone()]).is_faithful());
        assert!(!filled(std::slice::from_ref(&b)).is_faithful());
        assert!(!filled(&[b.clone(), a.clone()]).is_faithful());
        assert!(!filled(&[a.clone(), a.clone()]).is_faithful());
        assert!(!filled(&[Segment::new("x"), a.clone(), b.clone()]).is_faithful());
        assert!(!filled(&[a, Segment::new("x"), b]).is_faithful());
    }

    #[test]
    fn a_changed_segment_counts_until_it_is_out() {
        let mut queue = filled(&[Segment::new("x"), Segment::original("abc", 0), Segment::original("de", 3)]);
        assert_eq!(queue.original_up_to(5), None);
        queue.pop();
        assert_eq!(queue.original_up_to(5), Some(0));
        assert_eq!(queue.original_up_to(6), None);
        queue.pop();
        assert_eq!(queue.original_up_to(5), Some(3));
        queue.pop();
        assert_eq!(queue.original_up_to(9), Some(9));
    }
}
