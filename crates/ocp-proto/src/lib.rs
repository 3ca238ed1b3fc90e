//! The OPES callout protocol core (RFC 4037) with no I/O, no clock and no runtime.

pub mod codec;
pub mod message;
