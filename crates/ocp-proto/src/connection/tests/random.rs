//! Random messages and calls: whatever a peer says and the agent above does, what goes out keeps the rules.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use super::super::Role;
use super::agent::wire;
use super::observer::Observer;
use super::{Agent, invariants};
use crate::codec::{Decoder, DecoderLimits, Item};
use crate::event::Event;
use crate::limits::Limits;
use crate::message::{Feature, GroupId, Message, Outcome, Service, Xid};
use crate::transmit::Transmit;

/// An agent, what its peer has said so far, and what it may do.
struct Trial {
    agent: Agent,
    observer: Observer,
    /// The next identifier that the peer takes, and the offset of each of its flows.
    next: u64,
    offsets: BTreeMap<u64, u64>,
    /// Transactions whose DSS has come, and whose adapted message is complete.
    stopped: BTreeSet<Xid>,
    complete: BTreeSet<Xid>,
}

/// One step: which, about which transaction, and a number.
type Step = (u8, u8, u16);

impl Trial {
    fn new(role: Role) -> Self {
        let limits = Limits {
            transactions: 8,
            kept_per_transaction: 300,
            kept_per_connection: 500,
            ..Limits::default()
        };
        let mut trial = Self {
            agent: Agent::new(role, limits),
            observer: Observer::new(role),
            next: 0,
            offsets: BTreeMap::new(),
            stopped: BTreeSet::new(),
            complete: BTreeSet::new(),
        };
        match role {
            Role::Server => {
                for message in ["CS;", "NO ();", "SGC 1 ({s});"] {
                    trial.hear(message);
                }
            }
            Role::Processor => {
                trial.agent.connection.offer(vec![], None, trial.agent.now).unwrap();
                trial.flush(usize::MAX);
                trial.hear("CS;");
                trial.hear("NR;");
                trial.agent.connection.create_group(vec![Service::new("s")]).unwrap();
            }
        }
        trial
    }

    fn hear(&mut self, message: &str) {
        let octets = wire(message);
        let mut decoder = Decoder::new(DecoderLimits::default());
        decoder.buffer().extend_from_slice(&octets);
        // What was said so far was said before this was heard.
        self.flush(usize::MAX);
        if let Ok(Some(Item::Message(raw))) = decoder.next()
            && let Ok(message) = Message::parse(&raw)
        {
            self.agent.hear_octets(&octets);
            self.observer.heard(&message);
        } else {
            self.agent.hear_octets(&octets);
        }
        for event in self.agent.events.drain(..) {
            match event {
                Event::Stopped(xid) => {
                    self.stopped.insert(xid);
                }
                Event::MessageEnded { xid, outcome } if !outcome.is_failure() => {
                    self.complete.insert(xid);
                }
                _ => {}
            }
        }
    }

    fn flush(&mut self, most: usize) {
        let mut out = Transmit::default();
        self.agent.connection.poll_transmit(self.agent.now, &mut out, most);
        self.observer.said(&out.take());
    }

    fn step(&mut self, (what, whom, number): Step) {
        match self.agent.connection.role() {
            Role::Server if what < 128 => self.say_to_server(what, u64::from(whom % 8), number),
            Role::Processor if what < 128 => self.say_to_processor(what, u64::from(whom % 8), number),
            _ => self.act(what, Xid(u64::from(whom % 8)), number),
        }
        invariants::check(&self.agent.connection);
        if self.agent.connection.is_closing() {
            self.flush(usize::MAX);
            *self = Self::new(self.agent.connection.role());
        }
    }

    /// A DUM that fits, or now and then one that does not.
    fn dum(&mut self, xid: u64, number: u16, parameters: &str) {
        let size = u64::from(number % 150);
        let offset = self.offsets.entry(xid).or_default();
        let wrong = u64::from(number % 97 == 96);
        let message =
            format!("DUM {xid} {}{parameters}|{size}:{}", *offset + wrong, "d".repeat(size as usize));
        *offset += size;
        self.hear(&message);
    }

    fn say_to_server(&mut self, what: u8, xid: u64, number: u16) {
        let offset = self.offsets.get(&xid).copied().unwrap_or(0);
        match what % 24 {
            0 | 1 => {
                self.hear(&format!("TS {} 1;", self.next));
                self.hear(&format!("AMS {};", self.next));
                self.next += 1;
            }
            2..=6 => self.dum(xid, number, ""),
            7..=9 => self.dum(xid, number, &format!("|Kept: {{0 {}}}|", offset + u64::from(number))),
            10 => self.dum(xid, number, &format!("|Kept: {{{} {}}}|", number % 200, number % 500)),
            11 => self.hear(&format!("AME {xid};")),
            12 => self.hear(&format!("AME {xid} {{{}}};", [200, 206, 400][usize::from(number % 3)])),
            13 => self.hear(&format!("TE {xid};")),
            14 | 15 => self.hear(&format!("DWP {xid} {};", number % 400)),
            16 | 17 => self.hear(&format!("DWM {xid};")),
            18 => self.hear(&format!("DPM {xid};")),
            19 => self.hear(&format!("DSS {xid};")),
            _ => self.say_anything(number, xid),
        }
    }

    fn say_to_processor(&mut self, what: u8, xid: u64, number: u16) {
        match what % 24 {
            0 | 1 => self.hear(&format!("AMS {xid};")),
            2..=4 => self.dum(xid, number, ""),
            5..=7 => {
                let size = u64::from(number % 64);
                *self.offsets.entry(xid).or_default() += size;
                self.hear(&format!("DUY {xid} {} {size};", number / 256));
            }
            8 => self.hear(&format!("DPI {xid} {} 2147483000;", number % 300)),
            9 => self.hear(&format!("AME {xid};")),
            10 | 11 => self.hear(&format!("AME {xid} {{{}}};", [206, 206, 400][usize::from(number % 3)])),
            12 => self.hear(&format!("TE {xid};")),
            13 | 14 => self.hear(&format!("DWP {xid} {};", number % 400)),
            15 | 16 => self.hear(&format!("DWM {xid};")),
            17 | 18 => self.hear(&format!("DWSS {xid};")),
            19 => self.hear(&format!("DWSR {xid} {};", number % 300)),
            20 => self.hear(&format!("DPM {xid};")),
            _ => self.say_anything(number, xid),
        }
    }

    fn say_anything(&mut self, number: u16, xid: u64) {
        let message = match number % 16 {
            0 => "NO ({a})|Offer-Pending: true|;",
            1 | 2 => "NO ({a});",
            3 => "NR;",
            4 => "NR|Offer-Pending: true|;",
            5 => "AQ {a};",
            6 => "X-new 1 (2)|A: {3}||3:xyz",
            7 => "CS;",
            8 => "SGC 1 ();",
            9 => "CE;",
            10 => "garbage",
            11 => &format!("DUM {xid} x|1:x"),
            12 => &format!("DUY {xid} 0 0;"),
            _ => &format!("PQ {xid};"),
        };
        self.hear(message);
    }

    fn act(&mut self, what: u8, xid: Xid, number: u16) {
        let now = self.agent.now;
        let connection = &mut self.agent.connection;
        match what % 24 {
            0 | 1 if connection.role() == Role::Processor => {
                let _ = connection.start_transaction(GroupId(1), Bytes::new(), now);
            }
            0 | 1 => connection.start_message(xid, Bytes::new(), Some((number % 101) as u8)),
            2..=8 => {
                let parameters = if number.is_multiple_of(3) { "P: 1\r\n" } else { "" };
                let original = (what.is_multiple_of(2)).then_some(u64::from(number % 256));
                let octets = Bytes::from(vec![b'd'; usize::from(number % 150)]);
                let _ = connection.send(xid, Bytes::from_static(parameters.as_bytes()), octets, original);
            }
            9 => connection.end_message(xid, Outcome::OK),
            10 if self.stopped.contains(&xid) => connection.end_message(xid, Outcome::PARTIAL),
            11 if self.complete.contains(&xid) && connection.role() == Role::Processor => {
                connection.complete_transaction(xid);
            }
            12 => connection.end_transaction(xid, Outcome::OK),
            13 => connection.abort_transaction(xid, "random"),
            14 => connection.pause(xid),
            15 => connection.resume(xid, None, now),
            16 if connection.role() == Role::Processor => connection.stop_sending(xid),
            16 => connection.want_stop_sending(xid),
            17 if connection.role() == Role::Server => {
                connection.want_stop_receiving(xid, u64::from(number % 300));
            }
            18 if connection.role() == Role::Server => connection.dispose(xid, u64::from(number % 400)),
            19 => connection.report_progress(xid, now),
            20 => {
                let _ = connection.offer(vec![Feature::new("a")], None, now);
            }
            21 => {
                self.agent.now += Duration::from_secs(u64::from(number % 40));
                self.agent.connection.handle_timeout(self.agent.now);
            }
            _ => self.flush(usize::from(number)),
        }
    }
}

fn try_steps(role: Role, steps: &[Step]) {
    let mut trial = Trial::new(role);
    for step in steps {
        trial.step(*step);
    }
    // Everything that can end does.
    let xids: Vec<Xid> = trial.agent.connection.transactions.keys().copied().collect();
    for xid in xids {
        trial.agent.connection.abort_transaction(xid, "the end");
    }
    trial.flush(usize::MAX);
    assert_eq!((trial.agent.connection.kept, trial.agent.connection.queued()), (0, 0));
    assert!(trial.agent.connection.is_flushed());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    // req: OCP-6.1-04, OCP-8.3-03, OCP-11-11, OCP-11.1-02, OCP-11.1-04, OCP-11.2-02, OCP-11.8-02, OCP-11.9-05
    // req: OCP-11.15-06, OCP-11.18-06
    #[test]
    fn a_processor_keeps_the_rules_whatever_happens(steps in vec(any::<Step>(), 0..300)) {
        try_steps(Role::Processor, &steps);
    }

    // req: OCP-6.1-04, OCP-11-11, OCP-11.1-02, OCP-11.1-04, OCP-11.2-02, OCP-11.8-02, OCP-11.9-05, OCP-11.10-02
    // req: OCP-11.11-03, OCP-11.11-07, OCP-11.13-02, OCP-11.15-06, OCP-11.18-06
    #[test]
    fn a_server_keeps_the_rules_whatever_happens(steps in vec(any::<Step>(), 0..300)) {
        try_steps(Role::Server, &steps);
    }
}
