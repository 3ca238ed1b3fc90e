//! Tables by identifiers of a connection.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::message::Xid;

/// Identifiers grow by small steps, so one multiplication spreads them well; how many a peer may choose is limited.
#[derive(Debug, Default, Clone, Copy)]
pub struct XidHasher(u64);

impl Hasher for XidHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, octets: &[u8]) {
        for octet in octets {
            self.write_u64(u64::from(*octet));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

/// A table by transaction. The identifiers of a connection are limited in number (RFC 4037 section 13), so that a peer
/// cannot choose many that collide.
pub type XidMap<T> = HashMap<Xid, T, BuildHasherDefault<XidHasher>>;
