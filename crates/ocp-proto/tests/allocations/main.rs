//! What the protocol core asks of the allocator. Counts repeat on every machine where times do not.
//!
//! The counting allocator is the one of this program alone, and counts by thread, so tests that run beside each other
//! do not disturb each other.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is test code: a broken expectation ends the test"
)]

mod agents;
mod decoding;
mod encoding;
mod memory;
mod transactions;

use allocation_counter::measure;

/// Allocations of `work`. What it returns is dropped in the count, so that only what outlives `work` is kept outside.
fn allocations(work: impl FnOnce()) -> u64 {
    measure(work).count_total
}

#[test]
fn the_allocator_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1_u8)))), 1);
    assert_eq!(allocations(|| ()), 0);
}
