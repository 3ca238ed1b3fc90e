//! Messages share a connection (RFC 4037 section 2.1), so a large one must not keep a small one waiting: of many large
//! messages under way, four data messages at most leave between a small one becoming ready and its sending.

use std::io::IoSlice;
use std::time::Instant;

use bytes::Bytes;
use ocp_proto::codec::{Decoder, DecoderLimits, Item};
use ocp_proto::message::{GroupId, Outcome, Service, Xid};
use ocp_proto::{Connection, Event, Limits, Role, Transmit};

use crate::driver::UNSENT;

/// Data messages of large messages in front of a small one.
const MOST: usize = 4;

/// The octets of a large message, and the parts that it was given to the connection in.
const LARGE: usize = 4 << 20;
const GIVEN: usize = 64 * 1024;

/// The octets of a small one.
const SMALL: usize = 100;

/// What is written after a small message has become ready, to see where it went.
const WATCHED: usize = 40 * GIVEN;

/// The slices of one write.
const SLICES: usize = 32;

/// A processor and a transport that takes so many octets at a time.
struct Sender {
    connection: Connection,
    now: Instant,
    out: Transmit,
    grain: usize,
    wire: Vec<u8>,
}

impl Sender {
    fn new(grain: usize) -> Self {
        let now = Instant::now();
        let limits = Limits { kept_per_transaction: 0, ..Limits::default() };
        let mut connection = Connection::new(Role::Processor, limits, Vec::new(), now);
        connection.offer(Vec::new(), None, now).unwrap();
        connection.read_buffer().extend_from_slice(b"CS;\r\nNR;\r\n");
        while let Some(event) = connection.poll_event(now) {
            assert!(!matches!(event, Event::Closed(_)), "{event:?}");
        }
        connection.create_group(vec![Service::new("ocp://s")]).unwrap();
        Self { connection, now, out: Transmit::default(), grain, wire: Vec::new() }
    }

    /// Puts a whole message into the queue.
    fn queue(&mut self, size: usize) -> Xid {
        let xid = self.connection.start_transaction(GroupId(1), Bytes::new(), self.now).unwrap();
        let part = Bytes::from(vec![b'x'; size.min(GIVEN)]);
        for _ in 0..size / part.len() {
            self.connection.send(xid, Bytes::new(), part.clone(), None).unwrap();
        }
        self.connection.end_message(xid, Outcome::OK);
        xid
    }

    /// One turn of the driver; false when nothing is left to be sent.
    fn write(&mut self) -> bool {
        if self.out.len() < UNSENT {
            self.connection.poll_transmit(self.now, &mut self.out, UNSENT);
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        let filled = self.out.io_slices(&mut slices);
        let mut left = self.grain;
        for slice in &slices[..filled] {
            let taken = &slice[..slice.len().min(left)];
            self.wire.extend_from_slice(taken);
            left -= taken.len();
        }
        self.out.advance(self.grain - left);
        left < self.grain
    }

    /// The data messages on the wire: whose they are, how large, and where they begin and end.
    fn dums(&self) -> Vec<Dum> {
        let mut decoder = Decoder::new(DecoderLimits::default());
        decoder.buffer().extend_from_slice(&self.wire);
        let (mut dums, mut at) = (Vec::<Dum>::new(), 0);
        while let Some(item) = decoder.next().unwrap() {
            let position = self.wire.len() - decoder.buffer().len();
            match item {
                Item::Message(message) if message.name() == b"DUM" => {
                    let xid = message.anonymous(0).and_then(|value| value.as_number()).unwrap();
                    let size = message.payload().unwrap() as usize;
                    dums.push(Dum { xid: Xid(xid), size, begin: at, end: 0 });
                }
                Item::End => dums.last_mut().unwrap().end = position,
                _ => {}
            }
            at = position;
        }
        dums
    }
}

struct Dum {
    xid: Xid,
    size: usize,
    begin: usize,
    end: usize,
}

/// How many large data messages leave between a small message becoming ready, after so many writes, and its sending. The
/// one that has begun to leave counts.
fn in_front(large: usize, grain: usize, writes: usize) -> usize {
    let mut sender = Sender::new(grain);
    for _ in 0..large {
        sender.queue(LARGE);
    }
    for _ in 0..writes {
        assert!(sender.write(), "the large messages are under way");
    }
    let ready = sender.wire.len();
    let small = sender.queue(SMALL);
    while sender.wire.len() < ready + WATCHED && sender.write() {}
    let dums = sender.dums();
    let sent = dums.iter().find(|dum| dum.xid == small).expect("it was sent").begin;
    dums.iter().filter(|dum| dum.size > SMALL && dum.end > ready && dum.begin < sent).count()
}

#[test]
fn a_small_message_waits_for_four_large_data_messages_at_most() {
    let mut worst = 0;
    for large in [1, 2, 8] {
        for grain in [10_000, 65_536, 100_000, UNSENT, 1 << 20] {
            for writes in (0..LARGE / grain).take(30) {
                worst = worst.max(in_front(large, grain, writes));
            }
        }
    }
    assert_eq!(worst, MOST, "four are what it takes to keep the transport busy");
}
