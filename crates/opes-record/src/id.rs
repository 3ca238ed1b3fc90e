//! The name of a record: what stands in a trace as the parameter `id`.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::ops::Deref;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};
use thiserror::Error;

/// Five bits each, in ascending order of their ASCII codes, so that text sorts as the identifiers do.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// The digits of an identifier.
const LENGTH: usize = 24;
/// The octets of an identifier.
const OCTETS: usize = 15;
/// The bits of the part that cannot be guessed.
const RANDOM_BITS: u32 = 56;
/// The bits of the sequence number within a millisecond.
const SEQUENCE_BITS: u32 = 16;

/// The name of one record: 24 digits and lower-case letters, which need no quotes as a value in a trace (RFC 3897
/// section 4) and no escapes in a URI.
///
/// 48 bits of milliseconds since 1970, 16 bits of sequence, 56 bits that nobody guesses who does not know the secret of
/// the [`TraceIds`] that made it. They order as they were made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceId([u8; OCTETS]);

impl TraceId {
    /// The identifier that these octets are, most significant first.
    pub const fn from_octets(octets: [u8; OCTETS]) -> Self {
        Self(octets)
    }

    /// Its octets, which order as identifiers do.
    pub const fn octets(&self) -> &[u8; OCTETS] {
        &self.0
    }

    /// Its text.
    pub fn digits(&self) -> Digits {
        let mut text = [0; LENGTH];
        // Five octets are eight digits.
        for (octets, digits) in self.0.as_chunks::<5>().0.iter().zip(text.as_chunks_mut::<8>().0) {
            let value = octets.iter().fold(0, |value, octet| value << 8 | u64::from(*octet));
            for (digit, shift) in digits.iter_mut().rev().zip((0..).step_by(5)) {
                *digit = DIGITS[(value >> shift) as usize & 31];
            }
        }
        Digits(text)
    }

    /// When it was made, in milliseconds since 1970.
    pub fn millis(&self) -> u64 {
        self.0.iter().take(6).fold(0, |millis, octet| millis << 8 | u64::from(*octet))
    }

    /// The least identifier of this millisecond; the greatest there is for a time beyond 48 bits.
    pub fn first_of(millis: u64) -> Self {
        match u128::from(millis).checked_shl(SEQUENCE_BITS + RANDOM_BITS) {
            Some(value) if millis < 1 << 48 => Self::from_value(value),
            _ => Self([u8::MAX; OCTETS]),
        }
    }

    /// Of the lower 120 bits.
    fn from_value(value: u128) -> Self {
        let mut octets = [0; OCTETS];
        octets.copy_from_slice(&value.to_be_bytes()[1..]);
        Self(octets)
    }
}

/// The text of a [`TraceId`].
#[derive(Debug, Clone, Copy)]
pub struct Digits([u8; LENGTH]);

impl Deref for Digits {
    type Target = str;

    fn deref(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.digits())
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is no [`TraceId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no trace identifier: {LENGTH} of the digits and lower-case letters without i, l, o and u")]
pub struct TraceIdError;

impl FromStr for TraceId {
    type Err = TraceIdError;

    /// # Errors
    /// The text is not what [`TraceId`] writes. Capital letters are not taken: a trace is compared octet by octet.
    fn from_str(text: &str) -> Result<Self, TraceIdError> {
        if text.len() != LENGTH {
            return Err(TraceIdError);
        }
        let digit = |octet| DIGITS.binary_search(&octet).map_err(|_| TraceIdError);
        let value = text.bytes().try_fold(0_u128, |value, octet| Ok(value << 5 | digit(octet)? as u128))?;
        Ok(Self::from_value(value))
    }
}

impl Serialize for TraceId {
    /// As text where people read it, as octets elsewhere.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for TraceId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = TraceId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a trace identifier")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<TraceId, E> {
                text.parse().map_err(E::custom)
            }
        }
        if deserializer.is_human_readable() {
            deserializer.deserialize_str(Read)
        } else {
            Deserialize::deserialize(deserializer).map(Self)
        }
    }
}

/// Makes identifiers, each greater than the one before. One for the whole process.
#[derive(Debug, Default)]
pub struct TraceIds {
    /// Milliseconds and sequence of the last one.
    last: AtomicU64,
    /// A keyed function whose keys the operating system drew: its results tell nobody else's.
    secret: RandomState,
}

impl TraceIds {
    /// With a secret of its own.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next one, made now. Reads the clock and makes no system call besides.
    pub fn make(&self) -> TraceId {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        self.make_at(since.as_millis().try_into().unwrap_or(u64::MAX))
    }

    /// The next one, made in this millisecond since 1970, or in that of the one before where the clock went back.
    pub fn make_at(&self, millis: u64) -> TraceId {
        let now = millis.min((1 << 48) - 1) << SEQUENCE_BITS;
        let after = |last: u64| now.max(last.saturating_add(1));
        // A sequence that is full runs into the next millisecond.
        let last = self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(after(last)));
        let place = after(last.unwrap_or_default());
        let random = self.secret.hash_one(place) >> (u64::BITS - RANDOM_BITS);
        TraceId::from_value(u128::from(place) << RANDOM_BITS | u128::from(random))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn text_and_octets_say_the_same(octets: [u8; OCTETS], other: [u8; OCTETS]) {
            let (id, other) = (TraceId::from_octets(octets), TraceId::from_octets(other));
            let text = id.to_string();
            prop_assert_eq!(text.len(), 24);
            prop_assert_eq!(text.parse(), Ok(id));
            prop_assert_eq!(text.cmp(&other.to_string()), id.cmp(&other));
        }

        #[test]
        fn any_other_text_is_refused(text in "\\PC*") {
            prop_assume!(text.len() != 24);
            prop_assert_eq!(text.parse::<TraceId>(), Err(TraceIdError));
        }
    }

    #[test]
    fn a_strange_digit_is_refused() {
        let good = "0123456789abcdefghjkmnpq";
        assert_eq!(good.parse::<TraceId>().unwrap().to_string(), good);
        for strange in ["i", "l", "o", "u", "A", "-", " ", ";", "\0"] {
            assert_eq!(good.replacen('a', strange, 1).parse::<TraceId>(), Err(TraceIdError), "{strange:?}");
        }
        assert_eq!("é".repeat(12).parse::<TraceId>(), Err(TraceIdError));
    }

    #[test]
    fn identifiers_ascend_even_when_the_clock_goes_back_or_stands() {
        let ids = TraceIds::new();
        let mut last = ids.make_at(1_000);
        assert_eq!(last.millis(), 1_000);
        for millis in [1_000, 5_000, 4_000, 0, 5_000, 5_001] {
            let next = ids.make_at(millis);
            assert!(next > last, "{next} after {last}");
            last = next;
        }
        assert_eq!(last.millis(), 5_001);
        for _ in 0..70_000 {
            last = ids.make_at(5_001);
        }
        assert_eq!(last.millis(), 5_002, "a full sequence runs into the next millisecond");
    }

    #[test]
    fn two_makers_draw_different_secrets() {
        let (one, other) = (TraceIds::new(), TraceIds::new());
        assert_ne!(one.make_at(7), other.make_at(7));
    }

    #[test]
    fn many_threads_get_different_identifiers() {
        let ids = TraceIds::new();
        let made = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..4).map(|_| scope.spawn(|| (0..1_000).map(|_| ids.make()).collect::<Vec<_>>())).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(made.iter().collect::<std::collections::BTreeSet<_>>().len(), 4_000);
    }

    #[test]
    fn the_first_of_a_millisecond_is_below_all_others_of_it() {
        let ids = TraceIds::new();
        let id = ids.make_at(77);
        assert!(TraceId::first_of(77) <= id && id < TraceId::first_of(78));
        assert!(id < TraceId::first_of(u64::MAX));
    }
}
