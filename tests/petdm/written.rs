//! What the agents of this project write is what the declarations say, all 24 messages of it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ocp_proto::codec::{Decoder, DecoderLimits, Item, Value};
use ocp_proto::message::{Feature, Outcome, Service};
use ocp_proto::{Connection, Event, Limits, Role, Transmit};
use opes_profile::http::{Part, am_el_parameter};

use crate::conform::{message_conforms, undeclared};
use crate::declared;
use crate::shape::Parameters;

/// Two agents in memory, and everything that they have said.
struct Pair {
    processor: Connection,
    server: Connection,
    said: Vec<u8>,
    now: Instant,
}

impl Pair {
    fn new() -> Self {
        let now = Instant::now();
        let agent =
            |role| Connection::new(role, Limits::default(), vec![Bytes::from_static(b"urn:x-a")], now);
        Self { processor: agent(Role::Processor), server: agent(Role::Server), said: Vec::new(), now }
    }

    /// Lets both talk until both are silent; `answer` is what the server's host does.
    fn talk(&mut self, mut answer: impl FnMut(&mut Connection, &Event)) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            self.now += Duration::from_millis(1);
            let to_server = carry(&mut self.processor, &mut self.server, self.now);
            while let Some(event) = self.server.poll_event(self.now) {
                answer(&mut self.server, &event);
            }
            let to_processor = carry(&mut self.server, &mut self.processor, self.now);
            while let Some(event) = self.processor.poll_event(self.now) {
                events.push(event);
            }
            if to_server.is_empty() && to_processor.is_empty() {
                return events;
            }
            self.said.extend_from_slice(&to_server);
            self.said.extend_from_slice(&to_processor);
        }
    }
}

fn carry(from: &mut Connection, to: &mut Connection, now: Instant) -> Bytes {
    let mut out = Transmit::default();
    from.poll_transmit(now, &mut out, usize::MAX);
    let octets = out.take();
    to.read_buffer().extend_from_slice(&octets);
    octets
}

fn host(server: &mut Connection, event: &Event) {
    match event {
        Event::GroupWanted { group, .. } => server.accept_group(*group),
        Event::Offer { features, .. } => {
            let rejects = features.iter().skip(1).take(1).cloned().collect();
            server.answer(features.first().cloned(), rejects, features.iter().skip(2).cloned().collect());
        }
        _ => {}
    }
}

/// A dialogue in which every message occurs.
fn dialogue() -> Vec<u8> {
    let mut pair = Pair::new();
    let now = pair.now;
    let feature = |uri: &'static str| Feature::new(uri).with("Member", Value::List(vec![Value::atom("a b")]));
    let features = vec![feature("urn:x-a"), feature("urn:x-b"), feature("urn:x-c")];
    pair.talk(host);
    pair.processor.offer(features.clone(), None, now).unwrap();
    pair.talk(host);
    let group = pair.processor.create_group(vec![Service::new("urn:x-service")]).unwrap();
    pair.talk(host);
    pair.processor.offer(vec![], Some(group), now).unwrap();
    pair.talk(host);
    pair.server.offer(features, None, now).unwrap();
    pair.processor.query_ability(feature("urn:x-a"));
    pair.processor.query_progress(None);
    pair.talk(host);

    let xid = pair.processor.start_transaction(group, am_el_parameter(900), now).unwrap();
    pair.processor.query_progress(Some(xid));
    let octets = Bytes::from(vec![b'o'; 600]);
    let body = Part::ResponseBody.parameter();
    pair.processor.send(xid, body.clone(), octets.clone(), None).unwrap();
    pair.talk(host);
    pair.server.report_progress(xid, now);
    pair.server.start_message(xid, am_el_parameter(900), Some(0));
    // As-is for a piece too short for DUY, then DUY, then data of the server's own, then DPI.
    pair.server.send(xid, body.clone(), octets.slice(..20), Some(0)).unwrap();
    pair.talk(host);
    pair.server.send(xid, body.clone(), octets.slice(20..400), Some(20)).unwrap();
    pair.server.predict(xid, 40);
    pair.server.send(xid, body.clone(), Bytes::from_static(b"own"), None).unwrap();
    pair.server.dispose(xid, 100);
    pair.talk(host);
    pair.server.pause(xid);
    pair.talk(host);
    pair.server.resume(xid, Some(1000), now);
    pair.server.want_stop_sending(xid);
    pair.server.want_stop_receiving(xid, 700);
    pair.talk(host);
    pair.processor.stop_sending(xid);
    pair.talk(host);
    pair.server.end_message(xid, Outcome::PARTIAL);
    pair.talk(host);
    let _ = pair.processor.send(xid, body, octets, None);
    pair.talk(host);
    pair.processor.abort_transaction(xid, "because of \"reasons\"\r\n");
    pair.processor.destroy_group(group);
    pair.talk(host);
    pair.processor.end(Outcome::OK);
    pair.talk(host);
    pair.said
}

#[test]
fn what_our_agents_write_is_declared() {
    let schema = declared::schema();
    let mut decoder = Decoder::new(DecoderLimits::default());
    decoder.buffer().extend_from_slice(&dialogue());
    let mut written = BTreeSet::new();
    while let Some(item) = decoder.next().unwrap() {
        let Item::Message(raw) = item else { continue };
        let name = std::str::from_utf8(raw.name()).unwrap().to_owned();
        let declared = schema.get("HTTP", &name).or_else(|| schema.get("Core", &name));
        let declared = declared.unwrap_or_else(|| panic!("{name} is written and not declared"));
        let parameters = Parameters::of(&raw);
        let shown = raw.octets().escape_ascii().to_string();
        assert!(message_conforms(&schema, declared, &parameters), "{shown}");
        assert_eq!(undeclared(declared, &parameters), [""; 0], "{shown}");
        written.insert(name);
    }
    let all: BTreeSet<_> =
        declared::messages("Core").iter().map(|message| message.name.name.clone()).collect();
    assert_eq!(written, all, "the dialogue writes every message");
}
