//! Decoding takes no memory for a message: a head and its payload are slices of the read buffer.

use std::fmt::Write as _;

use bytes::Bytes;
use ocp_proto::codec::{Decoder, DecoderLimits, Item};
use ocp_proto::{Event, Limits};

use crate::agents::Agent;
use crate::allocations;

/// Messages in one read.
const MESSAGES: usize = 100;

/// What one read takes at most where slices of the read before are still held, so that the buffer cannot be used again:
/// a new buffer, and the counter by which its slices share it.
const PER_READ: u64 = 2;

/// DUMs that follow each other, `size` octets in each, with the parameters that such a message may have.
fn dums(count: usize, size: usize, parameters: &str) -> String {
    let payload = "x".repeat(size);
    let mut all = String::new();
    for offset in (0..count).map(|number| number * size) {
        write!(all, "DUM 7 {offset}\r\n{parameters}{size}:{payload}\r\n;\r\n").unwrap();
    }
    all
}

/// Every parameter that a DUM of the HTTP profile may have.
const ALL: &str = "Kept: 0 1024\r\nAs-is: 0\r\nModp: 50\r\nAM-Part: response-body\r\n\r\n";

/// A decoder that has seen one DUM: its buffer is shared, which takes one allocation a buffer and none a message.
fn warm(room: usize) -> Decoder {
    let mut decoder = Decoder::new(DecoderLimits::default());
    let first = dums(1, 10, "");
    decoder.buffer().reserve(room + first.len());
    decoder.buffer().extend_from_slice(first.as_bytes());
    assert_eq!(messages(&mut decoder), 1);
    decoder
}

fn messages(decoder: &mut Decoder) -> usize {
    let mut count = 0;
    while let Some(item) = decoder.next().unwrap() {
        count += usize::from(matches!(item, Item::Message(_)));
    }
    count
}

#[test]
fn a_dum_is_decoded_without_allocations() {
    for (size, parameters) in [(0, ""), (1024, ""), (1024, ALL), (64 * 1024, ALL)] {
        let octets = dums(MESSAGES, size, parameters);
        let mut decoder = warm(octets.len());
        decoder.buffer().extend_from_slice(octets.as_bytes());
        let mut decoded = 0;
        let count = allocations(|| decoded = messages(&mut decoder));
        assert_eq!((decoded, count), (MESSAGES, 0), "{size} octets, {parameters:?}");
    }
}

#[test]
fn a_read_buffer_whose_slices_are_gone_is_used_again() {
    let octets = dums(MESSAGES, 1024, ALL);
    let read = 16 * 1024;
    let mut decoder = warm(2 * read);
    let mut decoded = 0;
    let count = allocations(|| {
        for part in octets.as_bytes().chunks(read) {
            decoder.buffer().reserve(read);
            decoder.buffer().extend_from_slice(part);
            decoded += messages(&mut decoder);
        }
    });
    assert_eq!((decoded, count), (MESSAGES, 0));
}

#[test]
fn what_is_held_costs_memory_by_the_read_and_not_by_the_message() {
    for (count, size) in [(MESSAGES, 10), (10 * MESSAGES, 10), (MESSAGES, 200)] {
        let octets = dums(count, size, ALL);
        let mut decoder = warm(0);
        let mut held: Vec<Bytes> = Vec::with_capacity(count);
        let taken = allocations(|| {
            decoder.buffer().reserve(octets.len());
            decoder.buffer().extend_from_slice(octets.as_bytes());
            while let Some(item) = decoder.next().unwrap() {
                if let Item::Payload(payload) = item {
                    held.push(payload);
                }
            }
        });
        assert_eq!(held.len(), count);
        assert!(taken <= PER_READ, "{taken} allocations for {count} messages of one read");
    }
}

/// The connection above the decoder: order, offsets and events, up to whoever uses the data.
#[test]
fn a_connection_passes_data_on_without_allocations() {
    let parameters = "Kept: 0 1024\r\nAM-Part: response-body\r\n\r\n";
    for size in [10, 1024, 64 * 1024] {
        let octets = dums(1 + MESSAGES, size, parameters);
        let mut server = Agent::server(Limits::default());
        server.hear(b"TS 7 1;\r\nAMS 7;\r\n");
        server.serve();
        server.connection.read_buffer().reserve(octets.len());
        let (first, rest) = octets.split_at(dums(1, size, parameters).len());
        server.hear(first.as_bytes());
        assert_eq!(taken(&mut server), 1);
        server.hear(rest.as_bytes());
        let mut data = 0;
        let count = allocations(|| data = taken(&mut server));
        assert_eq!((data, count), (MESSAGES, 0), "{size} octets");
    }
}

/// Takes all events; how many began a DUM.
fn taken(agent: &mut Agent) -> usize {
    let mut data = 0;
    while let Some(event) = agent.connection.poll_event(agent.now) {
        match event {
            Event::Data { dum, .. } => data += usize::from(dum.is_some()),
            Event::Closed(closed) => panic!("{closed:?}"),
            _ => {}
        }
    }
    data
}
