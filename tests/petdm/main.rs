//! The declarations of `proto-spec/*.petdm` against the code: a message, parameter or type rule that only one of them
//! has makes a test fail, so that the declarations stay the single source (RFC 4037 section 9).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is test code: a broken expectation ends the test"
)]

mod conform;
mod declared;
mod http;
mod language;
mod messages;
mod notation;
mod notes;
mod prose;
mod random;
mod reading;
mod refusals;
mod sample;
mod shape;
mod view;
mod written;
