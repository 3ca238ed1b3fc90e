//! Front ends of the OPES processor for protocols that others speak already: each is a Cargo feature, and all of them have
//! messages adapted by the core that the HTTP proxy uses.

#[cfg(feature = "icap")]
pub mod icap;
