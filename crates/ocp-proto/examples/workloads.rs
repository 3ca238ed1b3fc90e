//! Fixed work for counting instructions and allocations: both agents in memory, one thread, no clock, no transport.
//!
//! `workloads NAME [TRANSACTIONS]`, where NAME is
//! * `decode`: a processor's messages through the decoder alone;
//! * `echo`: 1 KiB there and 1 KiB back as data of the server's own, 16 transactions at a time;
//! * `look`: the same, but the processor keeps its data and the server refers to it;
//! * `stream`: 64 KiB there and back in pieces of 16 KiB.
//!
//! It prints how many octets crossed each way, which a change of the work would change.

use std::error::Error;
use std::time::Instant;

use bytes::Bytes;
use ocp_proto::codec::{Decoder, DecoderLimits, Item};
use ocp_proto::message::{GroupId, Outcome, Service, Xid};
use ocp_proto::{Connection, Event, Limits, Role, Transmit};

/// What each transaction carries.
#[derive(Clone, Copy)]
struct Work {
    piece: usize,
    pieces: usize,
    kept: u64,
}

const ECHO: Work = Work { piece: 1024, pieces: 1, kept: 0 };
const LOOK: Work = Work { kept: 1 << 20, ..ECHO };
const STREAM: Work = Work { piece: 16 * 1024, pieces: 4, kept: 0 };

/// Transactions at a time.
const TOGETHER: u64 = 16;

/// Two agents and the octets that cross between them.
struct Pair {
    processor: Connection,
    server: Connection,
    out: Transmit,
    now: Instant,
    crossed: [u64; 2],
    ended: u64,
}

impl Pair {
    fn new(kept: u64) -> Result<Self, Box<dyn Error>> {
        let now = Instant::now();
        let limits =
            Limits { kept_per_transaction: kept, kept_per_connection: kept * TOGETHER, ..Limits::default() };
        let mut pair = Self {
            processor: Connection::new(Role::Processor, limits.clone(), Vec::new(), now),
            server: Connection::new(Role::Server, limits, Vec::new(), now),
            out: Transmit::default(),
            now,
            crossed: [0; 2],
            ended: 0,
        };
        pair.processor.offer(Vec::new(), None, now)?;
        pair.exchange();
        pair.processor.create_group(vec![Service::new("ocp://service")])?;
        pair.exchange();
        Ok(pair)
    }

    /// Lets both agents go on until neither has anything to say.
    fn exchange(&mut self) {
        loop {
            let there = transfer(&mut self.processor, &mut self.server, &mut self.out, self.now);
            self.serve();
            let back = transfer(&mut self.server, &mut self.processor, &mut self.out, self.now);
            self.collect();
            self.crossed[0] += there;
            self.crossed[1] += back;
            if there + back == 0 {
                return;
            }
        }
    }

    /// The server gives back what comes, and says where in the original it stands.
    fn serve(&mut self) {
        let server = &mut self.server;
        while let Some(event) = server.poll_event(self.now) {
            match event {
                Event::GroupWanted { group, .. } => server.accept_group(group),
                Event::Offer { features, .. } => server.answer(None, Vec::new(), features),
                Event::MessageStarted { xid, .. } => server.start_message(xid, Bytes::new(), None),
                Event::Data { xid, octets, .. } => {
                    let original = server.sent_in(xid) + server.queued_in(xid);
                    let _ = server.send(xid, Bytes::new(), octets, Some(original));
                }
                Event::MessageEnded { xid, outcome } => server.end_message(xid, outcome),
                _ => {}
            }
        }
    }

    fn collect(&mut self) {
        while let Some(event) = self.processor.poll_event(self.now) {
            if let Event::MessageEnded { xid, .. } = event {
                self.processor.complete_transaction(xid);
                self.ended += 1;
            }
        }
    }

    fn start(&mut self, work: Work, payload: &Bytes) -> Result<Xid, Box<dyn Error>> {
        let xid = self.processor.start_transaction(GroupId(1), Bytes::new(), self.now)?;
        for _ in 0..work.pieces {
            self.processor.send(xid, Bytes::new(), payload.clone(), None)?;
        }
        self.processor.end_message(xid, Outcome::OK);
        Ok(xid)
    }
}

fn transfer(from: &mut Connection, to: &mut Connection, out: &mut Transmit, now: Instant) -> u64 {
    from.poll_transmit(now, out, usize::MAX);
    let octets = out.take();
    to.read_buffer().extend_from_slice(&octets);
    octets.len() as u64
}

fn run(work: Work, transactions: u64) -> Result<[u64; 2], Box<dyn Error>> {
    let payload = Bytes::from(vec![b'x'; work.piece]);
    let mut pair = Pair::new(work.kept)?;
    for _ in 0..transactions / TOGETHER {
        for _ in 0..TOGETHER {
            pair.start(work, &payload)?;
        }
        pair.exchange();
    }
    let expected = transactions / TOGETHER * TOGETHER;
    if pair.ended != expected {
        return Err(format!("{} of {expected} transactions ended", pair.ended).into());
    }
    Ok(pair.crossed)
}

fn decode(transactions: u64) -> Result<[u64; 2], Box<dyn Error>> {
    let payload = "x".repeat(1024);
    let message = format!(
        "TS 7 1;\r\nAMS 7\r\nAM-EL: 1024\r\n;\r\nDUM 7 0\r\nKept: {{0 1024}}\r\nAM-Part: response-body\r\n\r\n1024:{payload}\r\n;\r\nAME 7;\r\nTE 7;\r\n"
    );
    let mut decoder = Decoder::new(DecoderLimits::default());
    let (mut octets, mut messages) = (0, 0);
    for _ in 0..transactions {
        decoder.buffer().extend_from_slice(message.as_bytes());
        octets += message.len() as u64;
        while let Some(item) = decoder.next()? {
            messages += u64::from(matches!(item, Item::Message(_)));
        }
    }
    if messages != 5 * transactions {
        return Err(format!("{messages} messages of {}", 5 * transactions).into());
    }
    Ok([octets, 0])
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let transactions = arguments.next().map_or(Ok(1600), |count| count.parse())?;
    let [there, back] = match name.as_str() {
        "decode" => decode(transactions)?,
        "echo" => run(ECHO, transactions)?,
        "look" => run(LOOK, transactions)?,
        "stream" => run(STREAM, transactions)?,
        _ => return Err("expected decode, echo, look or stream, and a number of transactions".into()),
    };
    println!("{transactions} transactions, {there} octets there, {back} back");
    Ok(())
}
