//! What a connection and a transaction hold while nothing happens.

use std::fmt::Write as _;

use allocation_counter::measure;
use ocp_proto::Limits;

use crate::agents::Agent;

/// Transactions that are open at a time.
const OPEN: usize = 100_000;

/// Octets that an open transaction may hold (`Limits::transactions` speaks of 1 KiB, which an agent above shares).
const PER_TRANSACTION: i64 = 512;

/// Octets that a connection may hold besides its read buffer, which is the driver's.
const PER_CONNECTION: i64 = 4096;

#[test]
fn an_idle_connection_holds_little() {
    let mut server = None;
    let held = measure(|| {
        let mut agent = Agent::server(Limits::default());
        *agent.connection.read_buffer() = bytes::BytesMut::new();
        server = Some(agent);
    });
    assert!(held.bytes_current > 0, "the connection is still there");
    drop(server);
    assert!(held.bytes_current <= PER_CONNECTION, "{} octets", held.bytes_current);
}

#[test]
fn an_open_transaction_holds_little() {
    let mut server = Agent::server(Limits { transactions: OPEN, ..Limits::default() });
    let mut octets = String::new();
    for xid in 0..OPEN {
        write!(octets, "TS {xid} 1;\r\nAMS {xid};\r\n").unwrap();
    }
    let held = measure(|| {
        for part in octets.as_bytes().chunks(64 * 1024) {
            server.hear(part);
            server.serve();
            server.write();
        }
        *server.connection.read_buffer() = bytes::BytesMut::new();
    });
    assert_eq!(server.connection.transactions(), OPEN);
    let each = held.bytes_current / OPEN as i64;
    assert!(each > 0 && each <= PER_TRANSACTION, "{each} octets");
}
