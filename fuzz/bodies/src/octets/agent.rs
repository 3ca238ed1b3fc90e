//! The agent above the connection: a service that echoes, or a processor with a little data.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ocp_proto::codec::DecoderLimits;
use ocp_proto::message::{Feature, GroupId, Outcome, Service, Xid};
use ocp_proto::{Connection, Event, Limits, Role};

use crate::pattern;

/// The feature that both roles support.
pub(super) const ABILITY: &str = "ocp://able";

/// How an agent goes about things.
#[derive(Debug, Clone, Copy)]
pub(super) struct Habits {
    /// Server: wants to leave the loop. Processor: does not want it to.
    leave: bool,
    /// Server: releases preserved data. Processor: sends more data than fits one message.
    dispose: bool,
    /// Pauses the peer, and resumes later.
    pause: bool,
    /// Server: changes the data. Processor: does not end its message on its own.
    own: bool,
    /// Asks for progress and abilities, and reports progress.
    ask: bool,
    /// Makes an offer of its own.
    offer: bool,
    /// Has narrow limits.
    narrow: bool,
    /// Has agreed on large sizes.
    pub(super) large: bool,
}

impl From<u8> for Habits {
    fn from(bits: u8) -> Self {
        let bit = |at: u8| bits >> at & 1 != 0;
        Self {
            leave: bit(0),
            dispose: bit(1),
            pause: bit(2),
            own: bit(3),
            ask: bit(4),
            offer: bit(5),
            narrow: bit(6),
            large: bit(7),
        }
    }
}

impl Habits {
    pub(super) fn limits(self) -> Limits {
        if !self.narrow {
            return Limits::default();
        }
        Limits {
            decoder: DecoderLimits { message_octets: 300, nesting_depth: 4 },
            transactions: 2,
            groups: 2,
            idle: Duration::from_secs(30),
            progress: Duration::from_secs(10),
            ping: Some(Duration::from_secs(3)),
            report: Some(Duration::from_secs(2)),
            kept_per_transaction: 1000,
            kept_per_connection: 1500,
        }
    }
}

/// What the agent knows of a transaction.
#[derive(Debug, Default)]
struct Known {
    /// Octets of the own flow that were given to the connection.
    given: u64,
    /// Octets of the peer's flow that have come.
    got: u64,
    begun: bool,
    ended: bool,
    paused: bool,
}

/// Answers what a connection asks.
pub(super) struct Agent {
    habits: Habits,
    transactions: BTreeMap<Xid, Known>,
    last: Option<Xid>,
    given: u64,
    negotiated: bool,
}

impl Agent {
    pub(super) fn new(habits: Habits) -> Self {
        Self { habits, transactions: BTreeMap::new(), last: None, given: 0, negotiated: false }
    }

    /// Octets of data that were given to the connection.
    pub(super) fn given(&self) -> u64 {
        self.given
    }

    pub(super) fn begin(&self, connection: &mut Connection, now: Instant) {
        if self.habits.large {
            connection.allow_large_sizes(None);
        }
        if connection.role() == Role::Processor {
            let features = if self.habits.offer { vec![Feature::new(ABILITY)] } else { Vec::new() };
            connection.offer(features, None, now).expect("a first offer");
        }
    }

    pub(super) fn react(&mut self, connection: &mut Connection, event: Event, now: Instant) {
        if let Some(xid) = concerned(&event) {
            assert!(self.transactions.contains_key(&xid), "not active: {event:?}");
        }
        match (connection.role(), event) {
            (_, Event::Closed(_)) => {}
            (_, Event::Connected) => self.ask(connection, now),
            (_, Event::Offer { features, .. }) => answer(connection, features),
            (_, Event::TransactionEnded { xid, .. } | Event::TransactionFailed { xid, .. }) => {
                self.transactions.remove(&xid);
            }
            (Role::Server, event) => self.serve(connection, event, now),
            (Role::Processor, event) => self.process(connection, event, now),
        }
    }

    fn serve(&mut self, connection: &mut Connection, event: Event, now: Instant) {
        match event {
            Event::GroupWanted { group, services } => {
                if services.iter().any(|service| service.uri() == b"ocp://no") {
                    connection.refuse_group("not here".to_owned());
                } else {
                    connection.accept_group(group);
                }
            }
            Event::TransactionStarted { xid, .. } => {
                assert!(self.last.is_none_or(|last| xid > last), "identifiers grow");
                self.last = Some(xid);
                self.transactions.insert(xid, Known::default());
            }
            Event::MessageStarted { xid, .. } => {
                connection.start_message(xid, Bytes::new(), Some(u8::from(self.habits.own) * 100));
                self.leave(connection, xid);
                self.pause(connection, xid);
            }
            Event::Data { xid, octets, .. } => self.echo(connection, xid, &octets, now),
            Event::MessageEnded { xid, outcome } => {
                self.known(xid).ended = true;
                if outcome.is_failure() {
                    connection.abort_transaction(xid, "the original failed");
                    self.transactions.remove(&xid);
                } else {
                    connection.end_message(xid, Outcome::OK);
                    connection.end_transaction(xid, Outcome::OK);
                }
            }
            Event::Stopped(xid) => connection.end_message(xid, Outcome::PARTIAL),
            Event::GroupDestroyed(_) | Event::Answer { .. } | Event::Progress { .. } | Event::Ability(_) => {}
            other => panic!("an event for processors: {other:?}"),
        }
    }

    fn process(&mut self, connection: &mut Connection, event: Event, now: Instant) {
        match event {
            Event::Answer { .. } if !self.negotiated => {
                self.negotiated = true;
                self.start(connection, now);
            }
            Event::MessageStarted { xid, .. } => {
                assert!(!std::mem::replace(&mut self.known(xid).begun, true), "one AMS");
                self.pause(connection, xid);
            }
            Event::Data { xid, octets, original, .. } => {
                let known = self.known(xid);
                assert!(known.begun && !known.ended, "data between AMS and AME");
                known.got += octets.len() as u64;
                if let Some(offset) = original {
                    assert!(offset + octets.len() as u64 <= known.given, "only original data is preserved");
                    assert!(pattern::is_at(&octets, xid, offset), "preserved data is the original data");
                }
            }
            Event::MessageEnded { xid, outcome } => {
                assert!(!std::mem::replace(&mut self.known(xid).ended, true), "one AME");
                if outcome.is_failure() {
                    connection.abort_transaction(xid, "the adapted message failed");
                    self.transactions.remove(&xid);
                } else {
                    connection.complete_transaction(xid);
                }
            }
            Event::RestIsOriginal { xid, from, unsent } => {
                assert!(!self.habits.leave, "nothing was granted");
                let known = self.known(xid);
                assert!(!std::mem::replace(&mut known.ended, true), "one AME");
                let unsent = unsent.concat();
                assert_eq!(from + unsent.len() as u64, known.given, "all that was given");
                assert!(pattern::is_at(&unsent, xid, from), "the rest is original");
                connection.end_message(xid, Outcome::OK);
                connection.end_transaction(xid, Outcome::OK);
            }
            Event::StopSendingWanted(xid) if !self.habits.leave => connection.stop_sending(xid),
            Event::StopSendingWanted(_)
            | Event::StopReceivingWanted { .. }
            | Event::Interest { .. }
            | Event::GroupDestroyed(_)
            | Event::Answer { .. }
            | Event::Progress { .. }
            | Event::Ability(_) => {}
            other => panic!("an event for servers: {other:?}"),
        }
    }

    /// What an agent does of its own accord, after everything that came was handled.
    pub(super) fn think(&mut self, connection: &mut Connection, now: Instant) {
        self.transactions.retain(|xid, _| connection.is_active(*xid));
        if connection.is_closing() {
            return;
        }
        let processor = connection.role() == Role::Processor;
        if self.habits.offer && !connection.is_negotiating() && self.given % 7 == 3 {
            let _ = connection.offer(vec![Feature::new(ABILITY)], None, now);
        }
        for (xid, known) in &mut self.transactions {
            if std::mem::take(&mut known.paused) {
                connection.resume(*xid, known.got.is_multiple_of(2).then_some(known.got % 1000), now);
            }
            if processor && connection.is_sending(*xid) && connection.queued_in(*xid) == 0 {
                if known.given < 4096 {
                    self.given += give(connection, *xid, known, 512);
                } else if !self.habits.own {
                    connection.end_message(*xid, Outcome::OK);
                }
            }
        }
    }

    /// Processor: two groups and three transactions, each with some data.
    fn start(&mut self, connection: &mut Connection, now: Instant) {
        let services = |uris: &[&'static str]| uris.iter().map(|uri| Service::new(*uri)).collect();
        let groups = [services(&["ocp://s"]), services(&["ocp://s", "ocp://t"])];
        for services in groups {
            if connection.create_group(services).is_err() {
                return;
            }
        }
        for (group, size) in [(1, 900), (2, if self.habits.dispose { 70_000 } else { 3 }), (1, 0)] {
            let Ok(xid) = connection.start_transaction(GroupId(group), Bytes::new(), now) else { return };
            let mut known = Known::default();
            self.given += give(connection, xid, &mut known, size);
            self.transactions.insert(xid, known);
        }
        connection.destroy_group(GroupId(2));
    }

    fn echo(&mut self, connection: &mut Connection, xid: Xid, octets: &Bytes, now: Instant) {
        let known = self.known(xid);
        assert!(!known.ended, "no data after AME");
        let offset = known.got;
        known.got += octets.len() as u64;
        let (octets, original) = match self.habits.own {
            true => (octets.to_ascii_uppercase().into(), None),
            false => (octets.clone(), Some(offset)),
        };
        let size = octets.len() as u64;
        if connection.send(xid, Bytes::new(), octets, original).is_ok() {
            self.given += size;
        }
        if self.habits.dispose {
            connection.dispose(xid, offset);
        }
        if self.habits.ask {
            connection.report_progress(xid, now);
            connection.query_progress(Some(xid));
        }
        self.leave(connection, xid);
        self.pause(connection, xid);
    }

    fn leave(&mut self, connection: &mut Connection, xid: Xid) {
        let got = self.known(xid).got;
        if self.habits.leave && got > 3 {
            connection.want_stop_sending(xid);
            connection.want_stop_receiving(xid, got);
        }
    }

    fn pause(&mut self, connection: &mut Connection, xid: Xid) {
        if self.habits.pause {
            connection.pause(xid);
            self.known(xid).paused = true;
        }
    }

    fn ask(&self, connection: &mut Connection, now: Instant) {
        if self.habits.ask {
            connection.query_progress(None);
            connection.query_ability(Feature::new(ABILITY));
        }
        if self.habits.offer && connection.role() == Role::Server {
            let _ = connection.offer(vec![Feature::new(ABILITY)], None, now);
        }
    }

    fn known(&mut self, xid: Xid) -> &mut Known {
        self.transactions.get_mut(&xid).expect("an active transaction")
    }
}

/// Selects what is supported, and says of the rest that it is not known.
fn answer(connection: &mut Connection, features: Vec<Feature>) {
    let supported = |feature: &Feature| feature.uri() == ABILITY.as_bytes();
    let selected = features.iter().find(|feature| supported(feature)).cloned();
    let (rejects, unknowns) = features.into_iter().partition(supported);
    let rejects = if selected.is_some() { Vec::new() } else { rejects };
    connection.answer(selected, rejects, unknowns);
}

/// Gives the next `size` octets of the original, in two pieces.
fn give(connection: &mut Connection, xid: Xid, known: &mut Known, size: u64) -> u64 {
    for part in [size / 3, size - size / 3] {
        let octets = pattern::original(xid, known.given, part);
        if connection.send(xid, Bytes::new(), octets, None).is_err() {
            return 0;
        }
        known.given += part;
    }
    size
}

/// The transaction that the event is about.
fn concerned(event: &Event) -> Option<Xid> {
    match event {
        Event::MessageStarted { xid, .. }
        | Event::Data { xid, .. }
        | Event::Extended { xid, .. }
        | Event::MessageEnded { xid, .. }
        | Event::RestIsOriginal { xid, .. }
        | Event::StopSendingWanted(xid)
        | Event::StopReceivingWanted { xid, .. }
        | Event::Interest { xid, .. }
        | Event::Stopped(xid)
        | Event::TransactionEnded { xid, .. }
        | Event::TransactionFailed { xid, .. } => Some(*xid),
        _ => None,
    }
}
