//! Octets that tell where they stand.

use std::sync::OnceLock;

use bytes::{Bytes, BytesMut};
use ocp_proto::message::Xid;

/// The pattern begins again after this many octets: a prime, so that no power of two hides a shift.
const LENGTH: usize = 8191;

/// The pieces of the pattern that make up `size` octets of a transaction's original from `offset` on.
fn pieces(xid: Xid, offset: u64, mut size: usize) -> impl Iterator<Item = &'static [u8]> {
    static PATTERN: OnceLock<Vec<u8>> = OnceLock::new();
    let mixed = |at: u64| (at.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8;
    let pattern = PATTERN.get_or_init(|| (0..LENGTH as u64).map(mixed).collect());
    let mut at = ((offset + xid.0 % 1000 * 13) % LENGTH as u64) as usize;
    std::iter::from_fn(move || {
        let piece = &pattern[at..LENGTH.min(at + size)];
        at = 0;
        size -= piece.len();
        (!piece.is_empty()).then_some(piece)
    })
}

/// This many octets of the original from `offset` on.
pub(crate) fn original(xid: Xid, offset: u64, size: u64) -> Bytes {
    let mut octets = BytesMut::with_capacity(size as usize);
    pieces(xid, offset, size as usize).for_each(|piece| octets.extend_from_slice(piece));
    octets.freeze()
}

/// Whether `octets` stand at `offset` of the original.
pub(crate) fn is_at(octets: &[u8], xid: Xid, offset: u64) -> bool {
    let mut rest = octets;
    pieces(xid, offset, octets.len()).all(|piece| rest.split_off(..piece.len()) == Some(piece))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_tell_where_they_stand() {
        let whole = original(Xid(7), 0, 20_000);
        assert_eq!(whole.len(), 20_000);
        for (offset, size) in [(0, 0), (0, 1), (8190, 1), (8190, 2), (8191, 8191), (1, 19_999), (100, 17_000)]
        {
            let piece = original(Xid(7), offset, size);
            assert_eq!(piece, whole[offset as usize..][..size as usize]);
            assert!(is_at(&piece, Xid(7), offset));
            assert!(size < 8 || !is_at(&piece, Xid(7), offset + 1) && !is_at(&piece, Xid(8), offset));
        }
        assert!(!is_at(b"x", Xid(7), 0) || !is_at(b"y", Xid(7), 0));
    }
}
