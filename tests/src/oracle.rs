//! What must come out: literal substitution and digests, computed here and not by the code under test.

use sha2::{Digest, Sha256};

/// Replaces every occurrence of `from`, leftmost first, none overlapping.
#[must_use]
pub fn substitute(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut stream = Substitution::new(from, to);
    let mut out = stream.push(text);
    out.extend(stream.finish());
    out
}

/// The same over a body that comes in pieces.
#[derive(Debug)]
pub struct Substitution {
    from: Vec<u8>,
    to: Vec<u8>,
    held: Vec<u8>,
}

impl Substitution {
    /// Replaces `from` by `to`.
    #[must_use]
    pub fn new(from: &[u8], to: &[u8]) -> Self {
        assert!(!from.is_empty(), "there is nothing to look for");
        Self { from: from.to_vec(), to: to.to_vec(), held: Vec::new() }
    }

    /// Takes the next piece; gives what is decided by now.
    pub fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(piece);
        let (text, from) = (&self.held, &self.from);
        let mut out = Vec::with_capacity(text.len() * 2);
        let mut at = 0;
        while at + from.len() <= text.len() {
            if text[at] == from[0] && text[at..].starts_with(from) {
                out.extend_from_slice(&self.to);
                at += from.len();
            } else {
                out.push(text[at]);
                at += 1;
            }
        }
        self.held.drain(..at);
        out
    }

    /// The rest, which is too short to hold another occurrence.
    pub fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }
}

/// Length and SHA-256 of a body that is not held.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    length: u64,
    hash: Sha256,
}

impl Tally {
    /// Takes the next piece.
    pub fn push(&mut self, piece: &[u8]) {
        self.length += piece.len() as u64;
        self.hash.update(piece);
    }

    /// Octets so far.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// SHA-256 of what came so far, in lower-case hex.
    #[must_use]
    pub fn sha256(&self) -> String {
        self.hash.clone().finalize().iter().map(|octet| format!("{octet:02x}")).collect()
    }
}

/// SHA-256 in lower-case hex.
#[must_use]
pub fn sha256(octets: &[u8]) -> String {
    let mut tally = Tally::default();
    tally.push(octets);
    tally.sha256()
}

#[cfg(test)]
mod tests {
    use super::{Substitution, sha256, substitute};

    #[test]
    fn literal_leftmost_and_not_overlapping() {
        assert_eq!(
            substitute(b"a cat, concatenate, ca t", b"cat", b"tiger"),
            b"a tiger, contigerenate, ca t"
        );
        assert_eq!(substitute(b"aaaaa", b"aa", b"b"), b"bba");
        assert_eq!(substitute(b"cat", b"cat", b""), b"");
        assert_eq!(substitute(b"", b"cat", b"tiger"), b"");
    }

    #[test]
    fn pieces_make_no_difference() {
        let text = b"xaabaabaaabcat".repeat(7);
        for (from, to) in [(&b"aab"[..], &b"Q"[..]), (b"aa", b"aaa"), (b"cat", b"")] {
            let whole = substitute(&text, from, to);
            for size in 1..20 {
                let mut stream = Substitution::new(from, to);
                let mut out: Vec<u8> = text.chunks(size).flat_map(|piece| stream.push(piece)).collect();
                out.extend(stream.finish());
                assert_eq!(out, whole, "pieces of {size}");
            }
        }
    }

    #[test]
    fn the_digest_is_sha_256() {
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
