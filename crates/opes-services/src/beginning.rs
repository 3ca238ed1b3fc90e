//! The beginning of a payload, for services that decide by it.

use memchr::memmem::Finder;
use opes_sdk::{Body, Decision, Needs, Segment};

/// What is looked for, and how far.
#[derive(Debug)]
pub(crate) struct Wanted {
    octets: u64,
    pattern: Finder<'static>,
}

impl Wanted {
    /// `pattern` among the first `octets` of a payload, or in all of a shorter one.
    pub(crate) fn new(octets: u64, pattern: impl AsRef<[u8]>) -> Self {
        Self { octets, pattern: Finder::new(pattern.as_ref()).into_owned() }
    }

    /// The needs of a service that looks for this, and leaves then.
    pub(crate) fn needs(&self) -> Needs {
        let body = Body::First(self.octets);
        Needs { body, decides: Decision::Later, decoded: true, ..Needs::look() }
    }
}

/// What is known of the beginning of one payload. It is looked at where it lies: only what may be the first part of the
/// pattern is kept from piece to piece.
#[derive(Debug, Default)]
pub(crate) struct Beginning {
    seen: u64,
    /// Its last octets, less than the pattern has.
    last: Vec<u8>,
    found: bool,
}

impl Beginning {
    /// Takes the next piece; true once there is as much as is looked at.
    pub(crate) fn take(&mut self, wanted: &Wanted, segment: &Segment) -> bool {
        let left = wanted.octets - self.seen;
        let whole = segment.len() as u64 >= left;
        let octets = if whole { &segment.octets[..left as usize] } else { &segment.octets[..] };
        self.seen += octets.len() as u64;
        let pattern = &wanted.pattern;
        self.found = self.found || pattern.find(octets).is_some() || self.is_across(pattern, octets);
        if !whole && !self.found {
            self.keep(pattern, octets);
        }
        whole
    }

    /// Whether the pattern lies across the border between the pieces before and this one.
    fn is_across(&self, pattern: &Finder<'_>, octets: &[u8]) -> bool {
        let first = &octets[..octets.len().min(border(pattern))];
        !self.last.is_empty() && pattern.find(&[&self.last, first].concat()).is_some()
    }

    /// Keeps what the pattern may begin with.
    fn keep(&mut self, pattern: &Finder<'_>, octets: &[u8]) {
        let last = &octets[octets.len() - octets.len().min(border(pattern))..];
        let excess = (self.last.len() + last.len()).saturating_sub(border(pattern));
        self.last.drain(..excess);
        self.last.extend_from_slice(last);
    }

    /// Whether it holds what is looked for.
    pub(crate) fn has(&self) -> bool {
        self.found
    }
}

/// How much of the pattern may lie on one side of a border.
fn border(pattern: &Finder<'_>) -> usize {
    pattern.needle().len().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn has(octets: u64, pattern: &str, pieces: &[&str]) -> bool {
        let wanted = Wanted::new(octets, pattern);
        let mut seen = Beginning::default();
        for piece in pieces {
            let segment = Segment::new(Bytes::copy_from_slice(piece.as_bytes()));
            if seen.take(&wanted, &segment) {
                break;
            }
        }
        seen.has()
    }

    #[test]
    fn the_pattern_is_found_wherever_it_lies_and_however_it_is_cut() {
        let payload = "aaab aab abaab";
        for octets in 0..=payload.len() + 1 {
            let looked_at = &payload[..payload.len().min(octets)];
            for pattern in
                ["a", "aab", "b a", "baab", "abaab", "ab ab", "bb", "aaab aab abaab", "aaab aab abaab "]
            {
                let expected = looked_at.contains(pattern);
                for one in 0..=payload.len() {
                    for two in one..=payload.len() {
                        let pieces = [&payload[..one], &payload[one..two], &payload[two..]];
                        assert_eq!(
                            has(octets as u64, pattern, &pieces),
                            expected,
                            "{octets} {pattern} {pieces:?}"
                        );
                    }
                }
                let singly: Vec<_> = (0..payload.len()).map(|at| &payload[at..=at]).collect();
                assert_eq!(
                    has(octets as u64, pattern, &singly),
                    expected,
                    "{octets} {pattern} octet by octet"
                );
            }
        }
    }
}
