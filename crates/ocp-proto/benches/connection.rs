//! What a whole transaction costs the state machine of a callout server that gives back what comes.

use std::io::IoSlice;
use std::time::Instant;

use bytes::Bytes;
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use ocp_proto::message::Outcome;
use ocp_proto::{Connection, Event, Limits, Role, Transmit};

/// Transactions that come in one read.
const TOGETHER: u64 = 16;

fn main() {
    divan::main();
}

/// A server with service group 1.
fn server(now: Instant) -> Connection {
    let mut server = Connection::new(Role::Server, Limits::default(), Vec::new(), now);
    server.read_buffer().extend_from_slice(b"CS;\r\nNO ();\r\nSGC 1 ({\"7:ocp://s\"});\r\n");
    serve(&mut server, now);
    server
}

/// Takes all events and gives back what comes; how many messages ended.
fn serve(server: &mut Connection, now: Instant) -> u64 {
    let mut ended = 0;
    while let Some(event) = server.poll_event(now) {
        match event {
            Event::GroupWanted { group, .. } => server.accept_group(group),
            Event::Offer { features, .. } => server.answer(None, Vec::new(), features),
            Event::MessageStarted { xid, .. } => server.start_message(xid, Bytes::new(), None),
            Event::Data { xid, octets, .. } => {
                let _ = server.send(xid, Bytes::new(), octets, None);
            }
            Event::MessageEnded { xid, outcome } => {
                server.end_message(xid, outcome);
                server.end_transaction(xid, Outcome::OK);
                ended += 1;
            }
            _ => {}
        }
    }
    ended
}

/// Writes everything; how many octets that were.
fn write(server: &mut Connection, out: &mut Transmit, now: Instant) -> usize {
    server.poll_transmit(now, out, usize::MAX);
    let mut all = 0;
    while !out.is_empty() {
        let mut slices = [IoSlice::new(&[]); 32];
        let filled = out.io_slices(&mut slices);
        let written = slices[..filled].iter().map(|slice| slice.len()).sum();
        out.advance(written);
        all += written;
    }
    all
}

/// What a processor says in [`TOGETHER`] transactions from this one on.
fn messages(first: u64, payload: &str) -> String {
    let size = payload.len();
    let message =
        |xid| format!("TS {xid} 1;\r\nAMS {xid};\r\nDUM {xid} 0\r\n{size}:{payload}\r\n;\r\nAME {xid};\r\n");
    (first..first + TOGETHER).map(message).collect()
}

/// Each transaction from TS to the server's TE.
#[divan::bench(args = [0, 1024, 64 * 1024])]
fn transactions(bencher: Bencher<'_, '_>, size: usize) {
    let now = Instant::now();
    let payload = "x".repeat(size);
    let (warming, measured) = (messages(0, &payload), messages(TOGETHER, &payload));
    bencher
        .counter(BytesCount::new(size * TOGETHER as usize))
        .counter(ItemsCount::new(TOGETHER))
        .with_inputs(|| {
            let (mut server, mut out) = (server(now), Transmit::default());
            take(&mut server, &mut out, &warming, now);
            (server, out)
        })
        .bench_local_refs(|(server, out)| take(server, out, &measured, now));
}

/// One read of the server and what follows from it.
fn take(server: &mut Connection, out: &mut Transmit, octets: &str, now: Instant) {
    server.read_buffer().extend_from_slice(octets.as_bytes());
    assert_eq!(serve(server, now), TOGETHER);
    assert!(write(server, out, now) > 0);
}
