//! Stock OPES services.
//!
//! | service | what it does |
//! |---|---|
//! | [`Identity`] | passes the payload unchanged |
//! | [`Substitute`] | replaces literal octets in the payload |
//! | [`Block`] | refuses the message |
//! | [`Digest`] | reads the payload, changes nothing, reports its SHA-256 |

mod block;
mod digest;
mod identity;
mod substitute;

pub use block::Block;
pub use digest::Digest;
pub use identity::Identity;
pub use substitute::{EmptyPattern, Substitute};
