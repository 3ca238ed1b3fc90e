//! Stock OPES services.
//!
//! | service | what it does |
//! |---|---|
//! | [`Identity`] | passes the payload unchanged |
//! | [`Substitute`] | replaces literal octets in the payload |
//! | [`Block`] | refuses the message |
//! | [`Digest`] | reads the payload, changes nothing, reports its SHA-256 |
//! | [`Inject`] | inserts text after a marker near the beginning of the payload, then leaves |
//! | [`Peek`] | decides on the beginning of the payload: pass or block |
//! | [`Tag`] | sets a variable for later rules where the beginning of the payload holds a pattern |
//! | `ClamAv` (feature `clamav`) | has the payload scanned by ClamAV, and refuses what is infected |

mod beginning;
mod block;
mod digest;
mod identity;
mod inject;
mod peek;
mod substitute;
mod tag;
mod wait;

pub use block::Block;
pub use digest::Digest;
pub use identity::Identity;
pub use inject::Inject;
pub use peek::Peek;
pub use substitute::{EmptyPattern, Substitute};
pub use tag::Tag;
#[cfg(feature = "clamav")]
pub use wait::clamav::{
    Address as ClamAvAddress, ClamAv, Options as ClamAvOptions, PastMax as ClamAvPastMax,
    Policy as ClamAvPolicy,
};

/// The version of every service here, for trace records.
const VERSION: &str = env!("CARGO_PKG_VERSION");
