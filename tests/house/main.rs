//! Rules that hold for the sources and the project files themselves.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is test code: a broken expectation ends the test"
)]

mod layering;
mod purity;
mod readme;
