//! One agent with what it sends, driven as a driver does it.

use std::io::IoSlice;
use std::time::Instant;

use bytes::Bytes;
use ocp_proto::message::{GroupId, Service, Xid};
use ocp_proto::{Connection, Event, Limits, Role, Transmit};

/// The slices of one write (`crates/ocp/src/pilot.rs`).
const SLICES: usize = 32;

/// What a driver lets wait for the transport (`crates/ocp/src/driver.rs`).
const UNSENT: usize = 192 * 1024;

/// A connection and what it has for a transport that takes everything at once.
pub(crate) struct Agent {
    pub(crate) connection: Connection,
    pub(crate) now: Instant,
    out: Transmit,
    /// Octets that the transport took.
    pub(crate) written: usize,
    /// In so many writes.
    pub(crate) writes: u64,
}

impl Agent {
    fn new(role: Role, limits: Limits) -> Self {
        let now = Instant::now();
        let connection = Connection::new(role, limits, Vec::new(), now);
        Self { connection, now, out: Transmit::default(), written: 0, writes: 0 }
    }

    /// A server with service group 1.
    pub(crate) fn server(limits: Limits) -> Self {
        let mut server = Self::new(Role::Server, limits);
        server.hear(b"CS;\r\nNO ();\r\nSGC 1 ({\"7:ocp://s\"});\r\n");
        server.serve();
        server.write();
        server
    }

    /// A processor with service group 1.
    pub(crate) fn processor(limits: Limits) -> Self {
        let mut processor = Self::new(Role::Processor, limits);
        processor.connection.offer(Vec::new(), None, processor.now).unwrap();
        processor.hear(b"CS;\r\nNR;\r\n");
        processor.serve();
        processor.connection.create_group(vec![Service::new("ocp://s")]).unwrap();
        processor.write();
        processor
    }

    /// Processor: begins a transaction.
    pub(crate) fn start(&mut self) -> Xid {
        self.connection.start_transaction(GroupId(1), Bytes::new(), self.now).unwrap()
    }

    pub(crate) fn hear(&mut self, octets: &[u8]) {
        self.connection.read_buffer().extend_from_slice(octets);
    }

    /// Server: takes all events, and gives back what comes. Returns how many messages carried data.
    pub(crate) fn serve(&mut self) -> usize {
        let connection = &mut self.connection;
        let mut data = 0;
        while let Some(event) = connection.poll_event(self.now) {
            match event {
                Event::GroupWanted { group, .. } => connection.accept_group(group),
                Event::Offer { features, .. } => connection.answer(None, Vec::new(), features),
                Event::MessageStarted { xid, .. } => connection.start_message(xid, Bytes::new(), None),
                Event::Data { xid, octets, dum, .. } => {
                    data += usize::from(dum.is_some());
                    connection.send(xid, Bytes::new(), octets, None).unwrap();
                }
                Event::MessageEnded { xid, outcome } => {
                    connection.end_message(xid, outcome.clone());
                    connection.end_transaction(xid, outcome);
                }
                Event::Closed(closed) => panic!("{closed:?}"),
                _ => {}
            }
        }
        data
    }

    /// Writes all that there is, in vectored writes of a bounded size.
    pub(crate) fn write(&mut self) {
        loop {
            self.connection.poll_transmit(self.now, &mut self.out, UNSENT);
            let mut slices = [IoSlice::new(&[]); SLICES];
            let filled = self.out.io_slices(&mut slices);
            let octets = slices[..filled].iter().map(|slice| slice.len()).sum();
            if octets == 0 {
                return;
            }
            self.out.advance(octets);
            self.written += octets;
            self.writes += 1;
        }
    }
}
