//! One agent under test: octets in, events and octets out. Messages are written with `|` for CRLF.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::super::{Connection, Role, SendError};
use crate::codec::{Decoder, DecoderLimits, Item};
use crate::event::Event;
use crate::limits::Limits;
use crate::message::{Feature, GroupId, Outcome, Service, Xid};
use crate::transmit::Transmit;

/// The xid of most tests.
pub(super) const X: Xid = Xid(0);

/// A connection without transport and without clock.
#[derive(Debug)]
pub(super) struct Agent {
    pub(super) connection: Connection,
    pub(super) now: Instant,
    /// Events that were not taken yet.
    pub(super) events: Vec<Event>,
    /// The features that an offer is answered with, the first that was offered.
    pub(super) supported: Vec<&'static str>,
}

impl Agent {
    pub(super) fn new(role: Role, limits: Limits) -> Self {
        let now = Instant::now();
        let abilities = vec![Bytes::from_static(b"ocp://able")];
        let connection = Connection::new(role, limits, abilities, now);
        Self { connection, now, events: Vec::new(), supported: vec!["ocp://able"] }
    }

    /// A server whose processor has made an empty offer and created group 1.
    pub(super) fn server() -> Self {
        Self::server_with(Limits::default())
    }

    pub(super) fn server_with(limits: Limits) -> Self {
        let mut agent = Self::new(Role::Server, limits);
        agent.hear(&["CS;", "NO ();", "SGC 1 ({\"7:ocp://s\"});"]);
        agent.forget();
        agent
    }

    /// A processor that has negotiated nothing and created group 1.
    pub(super) fn processor() -> Self {
        Self::processor_with(Limits::default())
    }

    pub(super) fn processor_with(limits: Limits) -> Self {
        let mut agent = Self::new(Role::Processor, limits);
        agent.connection.offer(Vec::new(), None, agent.now).unwrap();
        agent.hear(&["CS;", "NR;"]);
        agent.connection.create_group(vec![Service::new("ocp://s")]).unwrap();
        agent.forget();
        agent
    }

    /// A server with transaction [`X`] whose original flow has begun.
    pub(super) fn server_in_transaction() -> Self {
        let mut agent = Self::server();
        agent.hear(&["TS 0 1;", "AMS 0;"]);
        agent.forget();
        agent
    }

    /// A processor with transaction [`X`].
    pub(super) fn processor_in_transaction() -> Self {
        let mut agent = Self::processor();
        agent.start();
        agent.forget();
        agent
    }

    /// A processor that has sent "0123456789", without preservation, and hears the adapted message.
    pub(super) fn processor_in_flow() -> Self {
        let mut agent = Self::processor_with(Limits { kept_per_transaction: 0, ..Limits::default() });
        agent.start();
        agent.send("0123456789");
        agent.hear(&["AMS 0;"]);
        agent.forget();
        agent
    }

    /// A server that was sent "0123456789" and whose adapted message has begun.
    pub(super) fn server_in_flow() -> Self {
        let mut agent = Self::server_in_transaction();
        agent.hear(&["DUM 0 0|10:0123456789"]);
        agent.connection.start_message(X, "".into(), None);
        agent.forget();
        agent
    }

    /// Processor: starts a transaction.
    pub(super) fn start(&mut self) -> Xid {
        self.connection.start_transaction(GroupId(1), Bytes::new(), self.now).unwrap()
    }

    /// Forgets what has happened and was said.
    pub(super) fn forget(&mut self) {
        self.events.clear();
        self.said();
    }

    /// Takes messages, and reacts to questions at once.
    pub(super) fn hear(&mut self, messages: &[&str]) {
        for message in messages {
            self.hear_octets(&wire(message));
        }
    }

    pub(super) fn hear_octets(&mut self, octets: &[u8]) {
        self.connection.read_buffer().extend_from_slice(octets);
        self.poll();
    }

    /// Takes all events there are.
    pub(super) fn poll(&mut self) {
        while let Some(event) = self.connection.poll_event(self.now) {
            match &event {
                Event::GroupWanted { group, .. } => self.connection.accept_group(*group),
                Event::Offer { features, .. } => {
                    let supported =
                        |feature: &&Feature| self.supported.iter().any(|uri| uri.as_bytes() == feature.uri());
                    let selected = features.iter().find(supported).cloned();
                    let unknowns = features.iter().filter(|feature| !supported(feature)).cloned().collect();
                    self.connection.answer(selected, Vec::new(), unknowns);
                }
                _ => {}
            }
            self.events.push(event);
        }
    }

    /// What goes out now, in the notation of the tests.
    pub(super) fn said(&mut self) -> Vec<String> {
        let mut out = Transmit::default();
        self.connection.poll_transmit(self.now, &mut out, usize::MAX);
        messages(&out.take())
    }

    /// Takes messages and gives what is said then.
    pub(super) fn reply(&mut self, messages: &[&str]) -> Vec<String> {
        self.hear(messages);
        self.said()
    }

    /// Gives data to the flow of [`X`].
    pub(super) fn send(&mut self, octets: &str) {
        self.try_send(octets).unwrap();
    }

    pub(super) fn try_send(&mut self, octets: &str) -> Result<(), SendError> {
        self.connection.send(X, Bytes::new(), Bytes::copy_from_slice(octets.as_bytes()), None)
    }

    pub(super) fn end_message(&mut self) {
        self.connection.end_message(X, Outcome::OK);
    }

    /// Lets time pass without anything else; gives what is said then.
    pub(super) fn wait(&mut self, seconds: u64) -> Vec<String> {
        self.now += Duration::from_secs(seconds);
        while let Some(due) = self.connection.poll_timeout().filter(|due| *due <= self.now) {
            self.connection.handle_timeout(self.now);
            let later = self.connection.poll_timeout();
            assert!(later.is_none_or(|later| later > due), "a deadline that has passed goes away");
        }
        self.poll();
        self.said()
    }

    /// When the next timeout is due, in seconds from now.
    pub(super) fn due(&self) -> Option<u64> {
        self.connection.poll_timeout().map(|due| due.saturating_duration_since(self.now).as_secs())
    }

    /// The events since they were last taken, by their names in Rust.
    pub(super) fn happened(&mut self) -> Vec<String> {
        self.events.drain(..).map(|event| describe(&event)).collect()
    }

    /// The reason why the connection or transaction failed, taken from the last event.
    pub(super) fn failure(&self) -> String {
        match self.events.last() {
            Some(Event::TransactionFailed { fault, .. }) => fault.to_string(),
            Some(Event::Closed(closed)) => closed.reason(),
            other => panic!("no failure but {other:?}"),
        }
    }
}

/// Octets of one message: `|` for CRLF, and the end is added.
pub(super) fn wire(message: &str) -> Vec<u8> {
    let end = if message.ends_with(';') { "\r\n" } else { "\r\n;\r\n" };
    [&message.replace('|', "\r\n"), end].concat().into_bytes()
}

/// Messages in the notation of the tests.
pub(super) fn messages(octets: &[u8]) -> Vec<String> {
    let mut decoder = Decoder::new(DecoderLimits::default());
    decoder.buffer().extend_from_slice(octets);
    let mut messages: Vec<String> = Vec::new();
    loop {
        match decoder.next().expect("valid output") {
            None => break,
            Some(Item::Message(raw)) => {
                let text = String::from_utf8_lossy(raw.octets()).into_owned();
                messages.push(text.trim_end_matches("\r\n").replace("\r\n", "|"));
            }
            Some(Item::Payload(octets)) => {
                let last = messages.last_mut().expect("a head before its payload");
                last.push_str(&String::from_utf8_lossy(&octets));
            }
            Some(Item::End) => {}
        }
    }
    assert!(!decoder.in_message(), "whole messages");
    messages
}

/// An event in short.
pub(super) fn describe(event: &Event) -> String {
    match event {
        Event::Data { xid, octets, original, modp, dum } => {
            let octets = String::from_utf8_lossy(octets);
            let original = original.map_or(String::new(), |offset| format!(" original {offset}"));
            let modp = modp.map_or(String::new(), |modp| format!(" modp {modp}"));
            let more = if dum.is_none() && original.is_empty() { " more" } else { "" };
            format!("Data {xid} [{octets}]{original}{modp}{more}")
        }
        Event::Extended { xid, .. } => format!("Extended {xid}"),
        Event::MessageEnded { xid, outcome } => format!("MessageEnded {xid} {:?}", outcome.code),
        Event::TransactionEnded { xid, outcome } => format!("TransactionEnded {xid} {:?}", outcome.code),
        Event::TransactionFailed { xid, .. } => format!("TransactionFailed {xid}"),
        Event::TransactionStarted { xid, group } => format!("TransactionStarted {xid} in {group}"),
        Event::MessageStarted { xid, .. } => format!("MessageStarted {xid}"),
        Event::RestIsOriginal { xid, from, unsent } => {
            format!("RestIsOriginal {xid} from {from} [{}]", String::from_utf8_lossy(&unsent.concat()))
        }
        Event::StopSendingWanted(xid) => format!("StopSendingWanted {xid}"),
        Event::StopReceivingWanted { xid, size } => format!("StopReceivingWanted {xid} {size}"),
        Event::Interest { xid, range } => format!("Interest {xid} {} {}", range.offset, range.size),
        Event::Stopped(xid) => format!("Stopped {xid}"),
        Event::Progress { xid, org_data } => {
            format!("Progress {:?} {org_data:?}", xid.map(|xid| xid.0))
        }
        Event::Closed(closed) => format!("Closed: {}", closed.reason()),
        Event::Connected => "Connected".to_owned(),
        Event::GroupWanted { group, services } => format!("GroupWanted {group} of {}", services.len()),
        Event::GroupDestroyed(group) => format!("GroupDestroyed {group}"),
        Event::Offer { features, group } => {
            format!("Offer of {} for {:?}", features.len(), group.map(|group| group.0))
        }
        Event::Answer { selected, group } => {
            let selected = selected.as_ref().map(|feature| String::from_utf8_lossy(feature.uri()));
            format!("Answer {selected:?} for {:?}", group.map(|group| group.0))
        }
        Event::Ability(supported) => format!("Ability {supported}"),
    }
}

/// `TE` with a failure, whatever the reason.
pub(super) fn is_failure_of(message: &str, xid: u64) -> bool {
    message.starts_with(&format!("TE {xid} {{400 "))
}

/// `CE` with a failure, whatever the reason.
pub(super) fn is_connection_failure(message: &str) -> bool {
    message.starts_with("CE {400 ")
}
