//! Octets that tell where they stand.

use bytes::Bytes;
use ocp_proto::message::Xid;

/// The octet at this offset of a transaction's original.
fn octet(xid: Xid, offset: u64) -> u8 {
    let mixed = (offset ^ (xid.0 << 20)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 32) as u8
}

/// This many octets of the original from `offset` on.
pub(crate) fn original(xid: Xid, offset: u64, size: u64) -> Bytes {
    (offset..offset + size).map(|offset| octet(xid, offset)).collect()
}

/// Whether `octets` stand at `offset` of the original.
pub(crate) fn is_at(octets: &[u8], xid: Xid, offset: u64) -> bool {
    octets.iter().zip(offset..).all(|(given, offset)| *given == octet(xid, offset))
}
