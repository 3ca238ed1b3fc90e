//! The seed's source of decisions: splitmix64, shared by everything in one simulation.

use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// One step of splitmix64: also used to derive fixed numbers from fixed numbers.
pub(super) fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// A stream of pseudo-random numbers; clones continue the same stream.
#[derive(Debug, Clone)]
pub(super) struct Random(Arc<Mutex<u64>>);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(seed)))
    }

    pub(super) fn next(&self) -> u64 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = mix(*state);
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        number
    }

    pub(super) fn within(&self, range: RangeInclusive<usize>) -> usize {
        let span = (range.end() - range.start()) as u128 + 1;
        range.start() + ((u128::from(self.next()) * span) >> 64) as usize
    }

    /// True in so many cases of a hundred.
    pub(super) fn percent(&self, chance: usize) -> bool {
        self.within(0..=99) < chance
    }

    pub(super) fn pick<'a, T>(&self, choices: &'a [T]) -> &'a T {
        &choices[self.within(0..=choices.len() - 1)]
    }

    /// A number up to `most`, small ones far more often.
    pub(super) fn skewed(&self, most: usize) -> usize {
        let bits = usize::BITS - most.leading_zeros();
        let cap = 1_usize.checked_shl(self.within(0..=bits as usize) as u32).unwrap_or(usize::MAX);
        self.within(0..=most.min(cap))
    }

    /// A duration up to `most`.
    pub(super) fn duration(&self, most: Duration) -> Duration {
        let most = u64::try_from(most.as_micros()).unwrap_or(u64::MAX - 1);
        Duration::from_micros(self.next() % (most + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_again_and_stays_within_bounds() {
        let (one, two) = (Random::new(7), Random::new(7));
        for most in [0, 1, 5, 1000, 300_000] {
            for _ in 0..200 {
                let number = one.skewed(most);
                assert_eq!(number, two.skewed(most));
                assert!(number <= most);
                assert!((3..=9).contains(&one.within(3..=9)) && (3..=9).contains(&two.within(3..=9)));
            }
        }
        assert!(!one.percent(0) && one.percent(100));
    }
}
