//! RFC 4236 as the built binary keeps it: what crosses between processor and callout server, and what becomes of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is test code: a broken expectation ends the test"
)]

mod answers;
mod bodies;
mod crossing;
mod framing;
mod messages;
mod scripted;
mod silent;
mod wired;
