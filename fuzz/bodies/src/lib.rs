//! What the fuzz targets do with an input, without the fuzzer.
//!
//! Each function takes any octets and panics when a promise of the code under test is broken. The fuzz targets call
//! them with new inputs, the ordinary tests with the committed corpus.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is test code: a broken expectation ends the run"
)]

mod auditor;
mod clock;
mod codings;
mod cuts;
mod decoder;
mod heads;
mod icap;
mod octets;
mod operations;
mod pattern;
mod petdm;

pub use codings::codings;
pub use decoder::decoder;
pub use heads::heads;
pub use icap::icap;
pub use octets::connection_octets;
pub use operations::connection_operations;
pub use petdm::petdm;
