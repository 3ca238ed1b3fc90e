//! One agent without transport: messages in, messages out.

use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::time::Instant;

use ocp_proto::codec::{Decoder, DecoderLimits, Item};
use ocp_proto::{Limits, Transmit};
use opes_profile::http::{Profile, Wanted};
use opes_sdk::ServiceFactory;

use crate::budget::Budget;
use crate::clock::Clock;
use crate::driver::{Agent, lock};
use crate::server::host::{Host, HostSettings};
use crate::server::{Recoding, Services};

/// The most octets that leave an agent at a time, so that large data leaves in many pieces.
const WRITTEN: usize = 4000;

/// A link or a host that a test drives by hand. Its time stands still.
pub(super) struct Alone<A> {
    pub(super) agent: Arc<Mutex<A>>,
    now: Instant,
}

impl<A: Agent> Alone<A> {
    pub(super) fn new(agent: Arc<Mutex<A>>, now: Instant) -> Self {
        Self { agent, now }
    }

    /// Takes octets in one read, and acts.
    pub(super) fn hear_octets(&self, octets: &[u8]) {
        let mut agent = lock(&self.agent);
        agent.connection().read_buffer().extend_from_slice(octets);
        agent.advance(self.now, Waker::noop());
    }

    /// Everything that goes out now.
    pub(super) fn octets(&self) -> Vec<u8> {
        let mut agent = lock(&self.agent);
        let mut octets = Vec::new();
        loop {
            agent.advance(self.now, Waker::noop());
            let mut out = Transmit::default();
            agent.connection().poll_transmit(self.now, &mut out, WRITTEN);
            if out.is_empty() {
                return octets;
            }
            octets.extend_from_slice(&out.take());
        }
    }

    /// Takes these messages in one read.
    pub(super) fn hear<M: AsRef<str>>(&self, messages: &[M]) {
        let octets: Vec<u8> = messages.iter().flat_map(|message| wire(message.as_ref())).collect();
        self.hear_octets(&octets);
    }

    /// What goes out now.
    pub(super) fn said(&self) -> Vec<String> {
        messages(&self.octets())
    }

    /// Takes these messages in one read; what goes out then.
    pub(super) fn reply<M: AsRef<str>>(&self, messages: &[M]) -> Vec<String> {
        self.hear(messages);
        self.said()
    }
}

/// A host of these services.
pub(super) fn host(services: Vec<Arc<dyn ServiceFactory>>) -> Alone<Host> {
    host_of(services, Recoding::default(), Wanted::default())
}

/// One that decodes and encodes so.
pub(super) fn host_with(services: Vec<Arc<dyn ServiceFactory>>, recoding: Recoding) -> Alone<Host> {
    host_of(services, recoding, Wanted::default())
}

/// One that selects this.
pub(super) fn host_wanting(services: Vec<Arc<dyn ServiceFactory>>, wanted: Wanted) -> Alone<Host> {
    host_of(services, Recoding::default(), wanted)
}

fn host_of(services: Vec<Arc<dyn ServiceFactory>>, recoding: Recoding, wanted: Wanted) -> Alone<Host> {
    let mut hosted = Services::new();
    services.into_iter().for_each(|service| hosted.add(service));
    let now = Instant::now();
    let host = Host::new(HostSettings {
        services: hosted,
        wanted: Arc::new(wanted),
        limits: Limits::default(),
        patience: std::time::Duration::from_secs(300),
        most_head: crate::server::HEAD_OCTETS,
        recoding: Arc::new(recoding),
        clock: Clock::new(move || now),
        open: Arc::default(),
        budget: Budget::default(),
    });
    Alone::new(Arc::new(Mutex::new(host)), now)
}

/// A host whose processor has negotiated nothing and created group 1 of all these services in their order.
pub(super) fn host_with_group(services: Vec<Arc<dyn ServiceFactory>>) -> Alone<Host> {
    let uris: Vec<_> = services.iter().map(|service| service.uri().to_owned()).collect();
    let host = host(services);
    host.hear(&["CS;".to_owned(), "NO ();".to_owned(), create(1, &uris)]);
    assert_eq!(host.said(), ["CS;", "NR;"]);
    host
}

/// Octets of one message: `|` stands for CRLF, and the end is added.
pub(super) fn wire(message: &str) -> Vec<u8> {
    let end = if message.ends_with(';') { "\r\n" } else { "\r\n;\r\n" };
    [&message.replace('|', "\r\n"), end].concat().into_bytes()
}

/// Whole messages, with `|` for the CRLF of their heads.
pub(super) fn messages(octets: &[u8]) -> Vec<String> {
    let mut decoder = Decoder::new(DecoderLimits::default());
    decoder.buffer().extend_from_slice(octets);
    let mut messages: Vec<String> = Vec::new();
    while let Some(item) = decoder.next().expect("an agent sends valid messages") {
        match item {
            Item::Message(raw) => {
                let text = String::from_utf8_lossy(raw.octets()).into_owned();
                messages.push(text.trim_end_matches("\r\n").replace("\r\n", "|"));
            }
            Item::Payload(octets) => {
                let last = messages.last_mut().expect("a head before its payload");
                last.push_str(&String::from_utf8_lossy(&octets));
            }
            Item::End => {}
        }
    }
    assert!(!decoder.in_message(), "an agent sends whole messages");
    messages
}

/// SGC of these services.
pub(super) fn create<S: AsRef<str>>(group: u64, uris: &[S]) -> String {
    let services = uris.iter().map(|uri| format!("{{\"{}:{}\"}}", uri.as_ref().len(), uri.as_ref()));
    format!("SGC {group} ({});", services.collect::<Vec<_>>().join(","))
}

/// A profile as a feature without parameters.
pub(super) fn feature(profile: Profile) -> String {
    format!("{{\"{}:{}\"}}", profile.uri().len(), profile.uri())
}

/// A message with the named parameter SG, if there is a group.
pub(super) fn scoped(message: &str, group: Option<u64>) -> String {
    group.map_or_else(|| format!("{message};"), |group| format!("{message}|SG: {group}|;"))
}

/// An offer of features.
pub(super) fn offer(features: &[&str], group: Option<u64>) -> String {
    scoped(&format!("NO ({})", features.join(",")), group)
}

/// DUM with data of a part.
pub(super) fn part(xid: u64, offset: usize, part: &str, octets: &str) -> String {
    format!("DUM {xid} {offset}|AM-Part: {part}||{}:{octets}", octets.len())
}

/// DUM with octets of a part.
pub(super) fn raw_part(xid: u64, offset: usize, part: &str, octets: &[u8]) -> Vec<u8> {
    let head = format!("DUM {xid} {offset}\r\nAM-Part: {part}\r\n\r\n{}:", octets.len());
    [head.as_bytes(), octets, b"\r\n;\r\n"].concat()
}

/// Messages without their payload, with `|` for the CRLF of their heads, and all payload.
pub(super) fn data_octets(octets: &[u8]) -> (Vec<String>, Vec<u8>) {
    let mut decoder = Decoder::new(DecoderLimits::default());
    decoder.buffer().extend_from_slice(octets);
    let (mut messages, mut data) = (Vec::new(), Vec::new());
    while let Some(item) = decoder.next().expect("an agent sends valid messages") {
        match item {
            Item::Message(raw) => {
                let text = String::from_utf8_lossy(raw.octets()).into_owned();
                messages.push(text.trim_end_matches("\r\n").replace("\r\n", "|"));
            }
            Item::Payload(octets) => data.extend_from_slice(&octets),
            Item::End => {}
        }
    }
    (messages, data)
}

/// DUM with data of no part.
pub(super) fn dum(xid: u64, offset: usize, octets: &str) -> String {
    format!("DUM {xid} {offset}|{}:{octets}", octets.len())
}

/// All data of the DUMs of a transaction, in order.
pub(super) fn data(messages: &[String], xid: u64) -> String {
    let dum = format!("DUM {xid} ");
    let data = messages.iter().filter(|message| message.starts_with(&dum));
    let data = data.map(|message| {
        let payload = message.split_once("||").or_else(|| message.split_once('|')).expect("a payload").1;
        payload.split_once(':').expect("a size").1
    });
    data.collect()
}

/// Whether this is the failure of a transaction.
pub(super) fn is_failure_of(message: &str, xid: u64) -> bool {
    message.starts_with(&format!("TE {xid} {{400 "))
}
