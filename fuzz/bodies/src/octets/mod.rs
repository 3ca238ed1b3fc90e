//! One connection and a peer that says anything.

mod agent;
mod prefix;

use std::time::{Duration, Instant};

use ocp_proto::message::Outcome;
use ocp_proto::{Closed, Connection, Event, Limits, Role, Transmit};

use crate::auditor::{self, Auditor};
use crate::clock;
use crate::cuts::Cuts;
use agent::{Agent, Habits};

/// How many octets an agent may say for each that it hears, on top of [`ALLOWANCE`] and the data of the agent above.
///
/// The shortest message has five octets; what one can cause is at most a TE or CE with a reason, or a few lines of
/// control messages.
const ANSWER: u64 = 100;

/// What an agent may say without having heard anything.
const ALLOWANCE: u64 = 4096;

/// Feeds the input to a connection whose agent answers what it is asked.
///
/// The first octet says which agent this is, which messages it hears first and how fast time goes, the second what
/// habits the agent has, then come the cuts.
pub fn connection_octets(input: &[u8]) {
    let mut rest = input;
    let choice = rest.split_off_first().copied().unwrap_or_default();
    let habits = Habits::from(rest.split_off_first().copied().unwrap_or_default());
    let mut cuts = Cuts::take(&mut rest);
    let role = if choice & 1 == 0 { Role::Server } else { Role::Processor };
    let step = [0, 0, 1, 20][usize::from(choice >> 6)];

    let mut line = Line::new(role, habits);
    line.hear(prefix::of(role, (choice >> 1) & 15));
    while let Some(piece) = cuts.next(&mut rest) {
        line.pass(Duration::from_secs(step));
        line.hear(piece);
    }
    line.finish();
}

/// A connection with its agent and its auditor.
struct Line {
    connection: Connection,
    agent: Agent,
    auditor: Auditor,
    now: Instant,
    limits: Limits,
    heard: u64,
    said: u64,
    closed: Option<Closed>,
}

impl Line {
    fn new(role: Role, habits: Habits) -> Self {
        let limits = habits.limits();
        let now = clock::start();
        let connection = Connection::new(role, limits.clone(), vec![agent::ABILITY.into()], now);
        let mut line = Self {
            connection,
            agent: Agent::new(habits),
            auditor: Auditor::new(role, auditor::Terms { large: habits.large, ..auditor::Terms::default() }),
            now,
            limits,
            heard: 0,
            said: 0,
            closed: None,
        };
        line.agent.begin(&mut line.connection, line.now);
        line.pump();
        line
    }

    fn hear(&mut self, octets: &[u8]) {
        self.heard += octets.len() as u64;
        self.auditor.hears(octets);
        self.connection.read_buffer().extend_from_slice(octets);
        self.pump();
    }

    /// Lets time pass, and what is due happen.
    fn pass(&mut self, time: Duration) {
        self.now += time;
        clock::run(&mut self.connection, self.now);
        self.pump();
    }

    /// Takes everything that the connection has to give.
    fn pump(&mut self) {
        while let Some(event) = self.connection.poll_event(self.now) {
            assert!(self.closed.is_none(), "Closed is the last event, but then came {event:?}");
            match event {
                Event::Closed(closed) => self.closed = Some(closed),
                event => self.agent.react(&mut self.connection, event, self.now),
            }
        }
        assert_eq!(self.closed.is_some(), self.connection.is_closing());
        self.agent.think(&mut self.connection, self.now);
        self.transmit();
        while let Some(event) = self.connection.poll_event(self.now) {
            // Saying something can fail only by a limit, which ends the connection.
            assert!(self.closed.is_none(), "Closed is the last event, but then came {event:?}");
            match event {
                Event::Closed(closed) => self.closed = Some(closed),
                other => panic!("nothing was heard, but there is {other:?}"),
            }
        }
        self.check();
    }

    fn transmit(&mut self) {
        let mut out = Transmit::default();
        loop {
            self.connection.poll_transmit(self.now, &mut out, 64 * 1024);
            if out.is_empty() {
                break;
            }
            let octets = out.take();
            self.said += octets.len() as u64;
            self.auditor.says(&octets, self.connection.is_flushed());
        }
        assert!(self.connection.is_flushed(), "all is said that can be said");
    }

    fn check(&mut self) {
        let held = self.connection.read_buffer().len();
        assert!(held <= self.limits.decoder.message_octets, "{held} octets of input are held");
        if self.connection.role() == Role::Server {
            assert!(
                self.connection.transactions() <= self.limits.transactions,
                "as many as the peer may start"
            );
        }
        let most = ALLOWANCE + self.heard * ANSWER + self.agent.given() * 4;
        assert!(self.said <= most, "{} octets said after {} heard", self.said, self.heard);
        assert!(self.connection.queued() <= self.agent.given(), "only the agent's data is queued");
        if self.closed.is_some() {
            assert_eq!(self.connection.transactions(), 0, "transactions end with the connection");
            assert_eq!(self.connection.poll_timeout(), None, "and time with them");
        }
    }

    /// Ends the connection, if nothing has so far; then nothing is heard of it any more.
    fn finish(mut self) {
        self.connection.end(Outcome::OK);
        self.pump();
        assert!(self.closed.is_some(), "a connection that was ended is over");
        let said = self.said;
        self.hear(b"CS;\r\nPQ;\r\nSGC 77 ();\r\nTS 2000000000 77;\r\nDUM 0 0\r\n1:x\r\n;\r\n");
        self.pass(Duration::from_secs(1000));
        self.connection.query_progress(None);
        self.connection.end(Outcome::failure("again"));
        self.connection.transport_closed();
        self.pump();
        assert_eq!(self.said, said, "nothing follows CE");
    }
}
