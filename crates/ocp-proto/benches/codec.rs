//! What a message costs to read and to write, beside what `httparse` takes for as many octets of HTTP heads.
//!
//! `cargo bench -p ocp-proto`. Times are of the machine: compare what one run shows.

use std::time::Instant;

use bytes::Bytes;
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use ocp_proto::codec::{Decoder, DecoderLimits, Item};
use ocp_proto::message::{GroupId, Service};
use ocp_proto::{Connection, Limits, Role, Transmit};

/// Messages of one measured step: the read buffer is filled once for them.
const MESSAGES: usize = 100;

/// Payload of a message.
const SIZES: [usize; 3] = [0, 1024, 64 * 1024];

/// The head of a DUM up to its payload.
const HEAD: &str = "DUM 7 0\r\nKept: 0 1024\r\nAM-Part: response-body\r\n\r\n";

/// The head of a response.
const HTTP: &str = "HTTP/1.1 200 OK\r\nServer: origin\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
    Content-Type: text/html; charset=utf-8\r\nContent-Length: 1024\r\nConnection: keep-alive\r\n\r\n";

fn main() {
    divan::main();
}

/// Messages with so much payload each.
fn messages(size: usize) -> String {
    format!("{HEAD}{size}:{}\r\n;\r\n", "x".repeat(size)).repeat(MESSAGES)
}

/// Decodes everything; how many messages there were.
fn decode(decoder: &mut Decoder) -> usize {
    let mut count = 0;
    while let Ok(Some(item)) = decoder.next() {
        count += usize::from(matches!(black_box(item), Item::Message(_)));
    }
    count
}

#[divan::bench(args = SIZES)]
fn decoding(bencher: Bencher<'_, '_>, size: usize) {
    let octets = messages(size);
    bencher
        .counter(BytesCount::new(octets.len()))
        .counter(ItemsCount::new(MESSAGES))
        .with_inputs(|| {
            let mut decoder = Decoder::new(DecoderLimits::default());
            decoder.buffer().extend_from_slice(octets.as_bytes());
            decoder
        })
        .bench_local_refs(|decoder| assert_eq!(decode(decoder), MESSAGES));
}

/// As many octets of HTTP heads as [`decoding`] has without payload.
#[divan::bench]
fn httparse_heads(bencher: Bencher<'_, '_>) {
    let heads = messages(0).len() / HTTP.len();
    bencher.counter(BytesCount::new(heads * HTTP.len())).counter(ItemsCount::new(heads)).bench_local(|| {
        for _ in 0..heads {
            let mut fields = [httparse::EMPTY_HEADER; 16];
            let mut response = httparse::Response::new(&mut fields);
            let parsed = response.parse(black_box(HTTP.as_bytes()));
            assert!(parsed.is_ok_and(|status| status.is_complete()));
            black_box(&response);
        }
    });
}

/// From the queue of a transaction to what is given to the transport. Large payload is not copied.
#[divan::bench(args = SIZES)]
fn encoding(bencher: Bencher<'_, '_>, size: usize) {
    let parts = [Bytes::from_static(b"AM-Part: request-body\r\n"), Bytes::from_static(b"AM-Part: x\r\n")];
    let payload = Bytes::from(vec![b'x'; size]);
    let now = Instant::now();
    bencher
        .counter(BytesCount::new(MESSAGES * (HEAD.len() + size)))
        .counter(ItemsCount::new(MESSAGES))
        .with_inputs(|| {
            let mut connection = processor(now);
            let Ok(xid) = connection.start_transaction(GroupId(1), Bytes::new(), now) else {
                return connection;
            };
            for part in parts.iter().cycle().take(MESSAGES) {
                let _ = connection.send(xid, part.clone(), payload.clone(), None);
            }
            connection
        })
        .bench_local_refs(|connection| {
            let mut out = Transmit::default();
            connection.poll_transmit(now, &mut out, usize::MAX);
            assert!(out.len() > MESSAGES * size);
            out
        });
}

/// A processor with a service group, which preserves nothing.
fn processor(now: Instant) -> Connection {
    let limits = Limits { kept_per_transaction: 0, ..Limits::default() };
    let mut connection = Connection::new(Role::Processor, limits, Vec::new(), now);
    let _ = connection.offer(Vec::new(), None, now);
    connection.read_buffer().extend_from_slice(b"CS;\r\nNR;\r\n");
    while connection.poll_event(now).is_some() {}
    let _ = connection.create_group(vec![Service::new("ocp://s")]);
    connection.poll_transmit(now, &mut Transmit::default(), usize::MAX);
    connection
}
