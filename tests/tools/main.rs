//! The commands that look at OCP: `opes decode` and `opes probe`, as black boxes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is test code: a broken expectation ends the test"
)]

mod bench;
mod check;
mod decode;
mod probe;
mod refused;
