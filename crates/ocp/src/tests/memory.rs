//! What a callout server holds for a connection and for a transaction in which nothing happens.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Instant;

use allocation_counter::measure;
use opes_services::Identity;

use super::alone::{create, host};
use crate::driver::UNSENT;
use crate::pilot::Pilot;
use crate::server::host::Host;

/// Transactions that are open at a time: as many as a connection may have.
const OPEN: usize = 1024;

/// Octets that an open transaction may hold before its head has come.
const PER_TRANSACTION: i64 = 1024;

/// Octets that an idle connection may hold.
const PER_CONNECTION: i64 = 8 * 1024;

const URI: &str = "http://services.example.com/identity";

/// A connection that was just accepted, as its driver has it.
fn accepted() -> Pilot<Host> {
    Pilot::new(host(vec![Arc::new(Identity::new(URI))]).agent, UNSENT)
}

/// The driver's turns until nothing more happens: these octets come, and everything goes out.
fn turns(pilot: &mut Pilot<Host>, mut octets: &[u8], now: Instant) {
    loop {
        let read = pilot.read(|buffer| {
            if octets.is_empty() {
                return Poll::Pending;
            }
            let (first, rest) = octets.split_at(octets.len().min(buffer.capacity() - buffer.len()));
            buffer.extend_from_slice(first);
            octets = rest;
            Poll::Ready(Ok::<_, io::Error>(first.len()))
        });
        pilot.advance(now, Waker::noop());
        let wrote = pilot.write(|slices| Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum())));
        if !(read || wrote) {
            return;
        }
    }
}

fn greeting() -> String {
    format!("CS;\r\nNO ();\r\n{}\r\n", create(1, &[URI]))
}

#[test]
fn an_idle_connection_holds_little() {
    let mut pilot = None;
    let held = measure(|| {
        let accepted = pilot.insert(accepted());
        turns(accepted, greeting().as_bytes(), Instant::now());
    });
    assert!(held.bytes_current > 0, "the connection is still there");
    assert!(held.bytes_current <= PER_CONNECTION, "{} octets", held.bytes_current);
    drop(pilot);
}

#[test]
fn an_open_transaction_holds_little() {
    let (mut pilot, now) = (accepted(), Instant::now());
    turns(&mut pilot, greeting().as_bytes(), now);
    let mut octets = String::new();
    for xid in 0..OPEN {
        write!(octets, "TS {xid} 1;\r\nAMS {xid};\r\n").unwrap();
    }
    let held = measure(|| turns(&mut pilot, octets.as_bytes(), now));
    let each = held.bytes_current / OPEN as i64;
    assert!(each > 0 && each <= PER_TRANSACTION, "{each} octets");
}
