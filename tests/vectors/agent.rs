//! The agent under test: the protocol core and a host that does nothing of its own accord.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use ocp_proto::codec::{Decoder, DecoderLimits, Item, RawMessage};
use ocp_proto::message::{Feature, Scope};
use ocp_proto::{Closed, Connection, Event, Limits, Role, Transmit};

use crate::action;

/// A message that the agent has sent.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) raw: RawMessage,
    pub(crate) payload: Option<Vec<u8>>,
}

/// An agent, what it has said and not yet been asked for, and the faults that it has found.
#[derive(Debug)]
pub(crate) struct Agent {
    connection: Connection,
    supports: Vec<String>,
    hosts: Vec<String>,
    decoder: Decoder,
    open: Option<Said>,
    pub(crate) said: VecDeque<Said>,
    pub(crate) faults: Vec<Scope>,
    now: Instant,
}

impl Agent {
    /// An agent that supports these features and, as a server, hosts these services.
    pub(crate) fn new(role: Role, supports: &[String], hosts: &[String]) -> Self {
        let now = Instant::now();
        let abilities = supports.iter().map(|uri| Bytes::from(uri.clone())).collect();
        let mut agent = Self {
            connection: Connection::new(role, Limits::default(), abilities, now),
            supports: supports.to_vec(),
            hosts: hosts.to_vec(),
            decoder: Decoder::new(DecoderLimits::default()),
            open: None,
            said: VecDeque::new(),
            faults: Vec::new(),
            now,
        };
        agent.settle();
        agent
    }

    /// Octets from the other agent.
    pub(crate) fn hear(&mut self, octets: &[u8]) {
        self.connection.read_buffer().extend_from_slice(octets);
        self.settle();
    }

    /// A decision of its own.
    pub(crate) fn act(&mut self, line: &str) -> Result<(), String> {
        action::act(&mut self.connection, line, self.now)?;
        self.settle();
        Ok(())
    }

    /// The other agent closes without CE.
    pub(crate) fn lose(&mut self) {
        self.connection.transport_closed();
        self.settle();
    }

    /// Lets the agent handle and send everything.
    fn settle(&mut self) {
        let mut out = Transmit::default();
        loop {
            while let Some(event) = self.connection.poll_event(self.now) {
                self.handle(event);
            }
            self.connection.poll_transmit(self.now, &mut out, usize::MAX);
            if out.is_empty() {
                return;
            }
            self.decoder.buffer().extend_from_slice(&out.take());
            self.collect();
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::GroupWanted { group, services } => {
                let hosted = |uri: &[u8]| self.hosts.iter().any(|known| known.as_bytes() == uri);
                if services.iter().all(|service| hosted(service.uri())) {
                    self.connection.accept_group(group);
                } else {
                    self.connection.refuse_group("not hosted here".to_owned());
                }
            }
            Event::Offer { features, .. } => {
                let (known, unknown): (Vec<Feature>, _) =
                    features.into_iter().partition(|feature| self.supports(feature));
                self.connection.answer(known.into_iter().next(), Vec::new(), unknown);
            }
            Event::TransactionFailed { fault, .. } | Event::Closed(Closed::Fault(fault)) => {
                self.faults.push(fault.scope);
            }
            _ => {}
        }
    }

    fn supports(&self, feature: &Feature) -> bool {
        self.supports.iter().any(|known| known.as_bytes() == feature.uri())
    }

    fn collect(&mut self) {
        while let Some(item) = self.decoder.next().expect("the agent sends messages") {
            match item {
                Item::Message(raw) => {
                    let payload = raw.payload().map(|_| Vec::new());
                    let whole = payload.is_none();
                    self.open = Some(Said { raw, payload });
                    if whole {
                        self.said.extend(self.open.take());
                    }
                }
                Item::Payload(octets) => {
                    if let Some(payload) = self.open.as_mut().and_then(|said| said.payload.as_mut()) {
                        payload.extend_from_slice(&octets);
                    }
                }
                Item::End => self.said.extend(self.open.take()),
            }
        }
    }
}
