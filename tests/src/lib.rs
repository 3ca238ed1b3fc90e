//! Harness shared by the tests: the built `opes` binary as a process, a real HTTP origin, HTTP clients, a raw
//! OCP peer, and the oracles that say what octets must come out.
//!
//! Nothing here depends on the crates under test: what they get wrong, the harness must not get wrong with them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this crate is test code: a broken expectation ends the test"
)]

pub mod binary;
pub mod body;
pub mod certificates;
pub mod clamd;
pub mod client;
pub mod coding;
pub mod config;
pub mod deployed;
pub mod haproxy;
pub mod icap;
pub mod memory;
pub mod nginx;
pub mod ocp;
pub mod octets;
pub mod opes;
pub mod oracle;
pub mod origin;
pub mod patience;
pub mod place;
pub mod process;
pub mod raw;
pub mod records;
pub mod redbot;
pub mod squid;
pub mod stack;
pub mod tap;
pub mod trace;
