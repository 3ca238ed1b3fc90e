//! Bodies of any size that are never held: octet *i* is a function of a seed and *i*.
//!
//! A pattern is words (among them the word that the `substitute` service of the tests looks for, and its near
//! misses) in blocks; each block begins with its own number, so that a lost, repeated or moved piece shows.

use bytes::Bytes;

/// A prime, so that neither pieces nor buffers of common sizes ever fall into step with the blocks.
const BLOCK: usize = 65_521;

/// Digits of the number that each block begins with.
const STAMP: usize = 16;

const WORDS: [&str; 12] =
    ["cat", "dog ", "ca", "t ", "catcat", "tiger ", "c", "concatenate ", "\r\n", "mouse", "\u{0}\u{1}", "é "];

/// A deterministic body.
#[derive(Clone, Debug)]
pub struct Pattern {
    block: Vec<u8>,
}

impl Pattern {
    /// The body of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut block = vec![b'0'; STAMP];
        while block.len() < BLOCK {
            block.extend_from_slice(WORDS[random.below(WORDS.len())].as_bytes());
        }
        block.truncate(BLOCK);
        Self { block }
    }

    /// The octets from `start` to `end`.
    #[must_use]
    pub fn slice(&self, start: u64, end: u64) -> Bytes {
        let mut out = Vec::with_capacity(usize::try_from(end - start).expect("a slice fits in memory"));
        let mut at = start;
        while at < end {
            let (number, inside) =
                (at / BLOCK as u64, usize::try_from(at % BLOCK as u64).expect("less than BLOCK"));
            let stamp = format!("{number:0STAMP$}");
            let left = usize::try_from(end - at).unwrap_or(usize::MAX).min(BLOCK - inside);
            let (first, last) = (inside, inside + left);
            if first < STAMP {
                out.extend_from_slice(&stamp.as_bytes()[first..last.min(STAMP)]);
            }
            if last > STAMP {
                out.extend_from_slice(&self.block[first.max(STAMP)..last]);
            }
            at += left as u64;
        }
        Bytes::from(out)
    }

    /// Whether these are the body's first octets, without a second copy of all of them.
    #[must_use]
    pub fn begins(&self, octets: &[u8]) -> bool {
        octets.chunks(1 << 20).enumerate().all(|(index, piece)| {
            let start = (index as u64) << 20;
            piece == &self.slice(start, start + piece.len() as u64)[..]
        })
    }

    /// The body's first `length` octets in pieces of `piece`.
    pub fn pieces(&self, length: u64, piece: u64) -> impl Iterator<Item = Bytes> + '_ {
        let count = length.div_ceil(piece);
        (0..count).map(move |n| self.slice(n * piece, ((n + 1) * piece).min(length)))
    }
}

/// A small seeded generator (SplitMix64): the same everywhere, every time.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// Starts from a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next_u64() % limit as u64).expect("less than a usize")
    }

    /// Octets of no meaning.
    pub fn octets(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next_u64().to_le_bytes()[0]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, Pattern};

    #[test]
    fn slices_agree_wherever_the_body_is_cut() {
        let pattern = Pattern::new(7);
        let whole = pattern.slice(0, 3 * BLOCK as u64 + 100);
        for piece in [1000, 4096, 65_521, 100_000] {
            let joined: Vec<u8> = pattern.pieces(whole.len() as u64, piece).flatten().collect();
            assert_eq!(joined, whole, "pieces of {piece}");
        }
        let edge = BLOCK as u64 + 5;
        assert_eq!(pattern.slice(edge, edge + 3), whole[edge as usize..edge as usize + 3]);
    }

    #[test]
    fn blocks_and_seeds_differ() {
        let pattern = Pattern::new(7);
        let block = BLOCK as u64;
        assert_ne!(pattern.slice(0, block), pattern.slice(block, 2 * block));
        assert_ne!(pattern.slice(0, block), Pattern::new(8).slice(0, block));
    }
}
