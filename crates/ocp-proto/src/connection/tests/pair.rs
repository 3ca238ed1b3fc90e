//! A processor and a server in memory, under a virtual clock, with every transport octet cut at random places.
//!
//! Everything random comes from one seed. It is printed when a test fails, and `OCP_SEED` replays it alone.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::super::{Connection, Role};
use crate::event::Event;
use crate::limits::Limits;
use crate::message::{Feature, GroupId, Service};
use crate::transmit::Transmit;

/// How many seeds a test tries.
const SEEDS: u64 = 400;

/// Random numbers that a seed repeats (splitmix64).
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    /// A number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % end.max(1) as u64) as usize
    }

    /// True once in `times`.
    pub(super) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

/// Runs a test for many seeds and gives what each came to, or nothing for the one in `OCP_SEED`.
pub(super) fn for_seeds<T>(test: impl Fn(Random) -> T) -> Vec<T> {
    struct Report(u64);
    impl Drop for Report {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("failed with OCP_SEED={}", self.0);
            }
        }
    }
    let one = std::env::var("OCP_SEED").ok().map(|seed| seed.parse().expect("OCP_SEED is a number"));
    let run = |seed| {
        let report = Report(seed);
        let outcome = test(Random(seed));
        drop(report);
        outcome
    };
    match one {
        None => (0..SEEDS).map(run).collect(),
        Some(seed) => {
            run(seed);
            Vec::new()
        }
    }
}

/// What an agent above a connection does.
pub(super) trait App {
    /// Reacts to an event.
    fn event(&mut self, event: Event, connection: &mut Connection, now: Instant);

    /// Does something of its own accord; false when there is nothing to do.
    fn act(&mut self, connection: &mut Connection, random: &mut Random, now: Instant) -> bool;
}

/// One end of the pair.
#[derive(Debug)]
pub(super) struct End<A> {
    pub(super) connection: Connection,
    pub(super) app: A,
    /// Messages that the transport has taken, up to what it holds.
    out: Transmit,
    /// Octets on their way to this end.
    inbound: VecDeque<u8>,
}

impl<A: App> End<A> {
    fn new(role: Role, limits: Limits, app: A, now: Instant) -> Self {
        let connection = Connection::new(role, limits, Vec::new(), now);
        Self { connection, app, out: Transmit::default(), inbound: VecDeque::new() }
    }

    /// Takes up to `most` octets and reacts to all events.
    fn receive(&mut self, most: usize, now: Instant) -> bool {
        let octets: Vec<u8> = self.inbound.drain(..most.min(self.inbound.len())).collect();
        self.connection.read_buffer().extend_from_slice(&octets);
        while let Some(event) = self.connection.poll_event(now) {
            self.app.event(event, &mut self.connection, now);
        }
        !octets.is_empty()
    }

    /// Hands up to `most` octets to the transport.
    fn transmit(&mut self, most: usize, now: Instant) -> Vec<u8> {
        self.connection.poll_transmit(now, &mut self.out, most);
        let mut slices = [std::io::IoSlice::new(&[]); 64];
        let filled = self.out.io_slices(&mut slices);
        let octets: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).take(most).collect();
        self.out.advance(octets.len());
        octets
    }
}

/// Both ends, and what is between them.
#[derive(Debug)]
pub(super) struct Pair<P, S> {
    pub(super) processor: End<P>,
    pub(super) server: End<S>,
    pub(super) random: Random,
    pub(super) now: Instant,
    /// The most octets that move at a time.
    grain: usize,
}

impl<P: App, S: App> Pair<P, S> {
    pub(super) fn new(random: Random, grain: usize, limits: [Limits; 2], processor: P, server: S) -> Self {
        let now = Instant::now();
        let [for_processor, for_server] = limits;
        Self {
            processor: End::new(Role::Processor, for_processor, processor, now),
            server: End::new(Role::Server, for_server, server, now),
            random,
            now,
            grain,
        }
    }

    /// Has the processor negotiate nothing and create group 1.
    pub(super) fn connect(&mut self) {
        self.processor.connection.offer(Vec::<Feature>::new(), None, self.now).unwrap();
        self.settle();
        let group = self.processor.connection.create_group(vec![Service::new("ocp://s")]).unwrap();
        assert_eq!(group, GroupId(1));
        self.settle();
    }

    /// One random step; false when it did nothing.
    fn step(&mut self) -> bool {
        let most = 1 + self.random.below(self.grain);
        self.now += Duration::from_millis(self.random.below(100) as u64);
        let now = self.now;
        match self.random.below(6) {
            0 => self.processor.app.act(&mut self.processor.connection, &mut self.random, now),
            1 => self.server.app.act(&mut self.server.connection, &mut self.random, now),
            2 => self.processor.receive(most, now),
            3 => self.server.receive(most, now),
            4 => {
                let octets = self.processor.transmit(most, now);
                self.server.inbound.extend(&octets);
                !octets.is_empty()
            }
            _ => {
                let octets = self.server.transmit(most, now);
                self.processor.inbound.extend(&octets);
                !octets.is_empty()
            }
        }
    }

    /// Goes on at random for this many steps.
    pub(super) fn run(&mut self, steps: usize) {
        for _ in 0..steps {
            self.step();
            self.check();
        }
    }

    /// Goes on at random until nothing happens any more.
    pub(super) fn settle(&mut self) {
        let mut still = 0;
        while still < 60 {
            still = if self.step() { 0 } else { still + 1 };
            self.check();
        }
    }

    /// What holds at any time.
    fn check(&self) {
        for connection in [&self.processor.connection, &self.server.connection] {
            super::invariants::check(connection);
        }
    }

    /// That both ends are at rest: nothing waits anywhere, and nothing is held for transactions that have ended.
    pub(super) fn assert_at_rest(&self) {
        for connection in [&self.processor.connection, &self.server.connection] {
            assert!(connection.is_flushed() && connection.transactions() == 0, "{connection:#?}");
            assert_eq!((connection.kept, connection.queued()), (0, 0));
            assert!(!connection.is_negotiating());
        }
        assert!(self.processor.inbound.is_empty() && self.server.inbound.is_empty());
    }
}
