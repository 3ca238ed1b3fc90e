//! The octets to look for, prepared once.

use bytes::Bytes;
use memchr::memmem::Finder;

/// A pattern of at least one octet.
#[derive(Debug)]
pub(super) struct Pattern {
    octets: Bytes,
    finder: Finder<'static>,
    /// At `n - 1`: the longest proper prefix of the pattern's first `n` octets that is also their end (the
    /// failure function of Knuth, Morris and Pratt).
    borders: Vec<usize>,
}

impl Pattern {
    pub(super) fn new(octets: Bytes) -> Self {
        let finder = Finder::new(&octets).into_owned();
        let mut pattern = Self { finder, borders: Vec::with_capacity(octets.len()), octets };
        pattern.compute_borders();
        pattern
    }

    pub(super) fn octets(&self) -> &Bytes {
        &self.octets
    }

    pub(super) fn len(&self) -> usize {
        self.octets.len()
    }

    /// Where the first match in the text starts.
    pub(super) fn find(&self, text: &[u8]) -> Option<usize> {
        self.finder.find(text)
    }

    /// Whether the octet extends a prefix of this length to a longer prefix.
    pub(super) fn continues(&self, prefix: usize, octet: u8) -> bool {
        self.octets.get(prefix) == Some(&octet)
    }

    /// The length of the longest shorter prefix with which a prefix of this length ends.
    pub(super) fn border(&self, prefix: usize) -> usize {
        prefix.checked_sub(1).and_then(|last| self.borders.get(last)).copied().unwrap_or(0)
    }

    /// The length of the longest end of a text that is a prefix of the pattern, but not all of it.
    pub(super) fn longest_prefix_at_end(&self, text: &[u8]) -> usize {
        let tail = &text[text.len().saturating_sub(self.len() - 1)..];
        tail.iter().fold(0, |prefix, &octet| self.extend(prefix, octet))
    }

    /// The length of the longest prefix with which a prefix of this length and the octet end together.
    fn extend(&self, mut prefix: usize, octet: u8) -> usize {
        while !self.continues(prefix, octet) {
            if prefix == 0 {
                return 0;
            }
            prefix = self.border(prefix);
        }
        prefix + 1
    }

    fn compute_borders(&mut self) {
        let mut border = 0;
        self.borders.push(border);
        for &octet in &self.octets.slice(1..) {
            border = self.extend(border, octet);
            self.borders.push(border);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders_of_self_overlapping_patterns() {
        let borders = |octets: &'static str| Pattern::new(octets.into()).borders;
        assert_eq!(borders("a"), [0]);
        assert_eq!(borders("aaaa"), [0, 1, 2, 3]);
        assert_eq!(borders("abab"), [0, 0, 1, 2]);
        assert_eq!(borders("aabaaab"), [0, 1, 0, 1, 2, 2, 3]);
    }

    #[test]
    fn the_longest_prefix_at_the_end() {
        let at_end = |octets: &'static str, text: &str| {
            Pattern::new(octets.into()).longest_prefix_at_end(text.as_bytes())
        };
        assert_eq!(at_end("a", "a"), 0);
        assert_eq!(at_end("abab", ""), 0);
        assert_eq!(at_end("abab", "xaba"), 3);
        assert_eq!(at_end("abab", "ababab"), 2);
        assert_eq!(at_end("aab", "aaaa"), 2);
        assert_eq!(at_end("abc", "abd"), 0);
    }
}
