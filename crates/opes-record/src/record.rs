//! What is kept of one message.

use serde::{Deserialize, Serialize};

use crate::detail::Client;
use crate::id::TraceId;
use crate::list::List;
use crate::outcome::{Direction, Outcome, Point};
use crate::text::Text;

/// The most octets of a stored record. One that is larger loses parts of its lists, the least needed first.
pub const RECORD_OCTETS: usize = 64 * 1024;

/// What is kept of one message, so that its trace can be answered for. Never payload.
///
/// Texts and lists are bounded by their types, the whole by [`RECORD_OCTETS`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What stands in the trace.
    pub id: TraceId,
    /// When the message began to arrive, in milliseconds since 1970.
    pub begun: u64,
    /// Which message of its transaction it is.
    pub direction: Direction,
    /// The request's method.
    pub method: Text,
    /// The request's URI, as far as the policy says ([`crate::UriDetail`]).
    pub uri: Option<Text>,
    /// The status code of the response as it was passed on.
    pub status: Option<u16>,
    /// The data consumer, as far as the policy says ([`crate::ClientDetail`]).
    pub client: Option<Client>,
    /// What became of the message.
    pub outcome: Outcome,
    /// The rules that matched, in the order in which they did.
    pub rules: List<RuleMatch, 32, 1>,
    /// The services, in the order of application.
    pub services: List<ServiceUse, 32, 1>,
    /// What the ends asked to be left out.
    pub bypasses: List<Bypass, 32>,
    /// Why the message, or a service that was then passed by, failed.
    pub failure: Option<Text>,
    /// The entries that were added to the message's trace, as they stand in it (RFC 3897).
    pub trace: List<Text, 32, 3>,
    /// The header fields whose values are kept by configuration.
    pub headers: List<HeaderValue, 32>,
    /// Octets of payload that came.
    pub octets_in: u64,
    /// Octets of payload that were passed on.
    pub octets_out: u64,
    /// From the beginning to the end, in microseconds.
    pub micros: u64,
    /// Trace records of agents that had not been asked for anything: they are dropped, and counted here.
    pub strangers: u32,
}

/// A rule that matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleMatch {
    /// Its name, or its place in the configuration.
    pub rule: Text,
    /// Where it met the message.
    pub point: Point,
}

/// What one service did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceUse {
    /// Its identifier.
    pub uri: Text,
    /// Where it ran.
    pub place: Place,
    /// Services of the same number, counted from 0, shared one transaction: octets, times, pauses and result are that
    /// transaction's.
    pub run: u16,
    /// The result code that ended the transaction (RFC 4037 section 10.10); `None` where there was none.
    pub result: Option<u16>,
    /// Octets of payload given to it.
    pub octets_in: u64,
    /// Octets of payload taken from it.
    pub octets_out: u64,
    /// When it worked; `None` where it never began.
    pub span: Option<Span>,
    /// When the original waited for it (RFC 4037 section 8.2).
    pub pauses: List<Span, 16>,
    /// What it says it did: the text of its result, or of its trace record.
    pub verdict: Option<Text>,
    /// What it recorded for the trace.
    pub parameters: List<Parameter, 32>,
}

/// Where a service ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// In the processor's own process.
    Here,
    /// On a callout server.
    Callout {
        /// Its name in the configuration.
        name: Text,
        /// Where it was reached; empty where no connection came about.
        address: Text,
    },
}

/// A time within a message's life, in microseconds from its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The first.
    pub start: u64,
    /// The last.
    pub end: u64,
}

/// What an end asked to be left out (RFC 3897 section 5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bypass {
    /// The entry: an identifier, or `*`.
    pub entry: Text,
    /// What was done about it.
    pub done: Bypassed,
}

/// What was done about an entry of a bypass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Bypassed {
    /// It was left out.
    Honoured,
    /// It was not, for this reason.
    Ignored(Text),
}

/// A name and a value that a service recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// The name.
    pub name: Text,
    /// The value.
    pub value: Text,
}

/// A header field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderValue {
    /// Its name.
    pub name: Text,
    /// Its value, in the charset of the message where that is UTF-8; octets that are not are replaced.
    pub value: Text,
}

impl Record {
    /// The record of a message that has just begun: nothing was done to it, and nothing is known of it but this.
    pub fn new(id: TraceId, begun: u64, direction: Direction, method: impl Into<Text>) -> Self {
        Self {
            id,
            begun,
            direction,
            method: method.into(),
            uri: None,
            status: None,
            client: None,
            outcome: Outcome::NotMatched,
            rules: List::default(),
            services: List::default(),
            bypasses: List::default(),
            failure: None,
            trace: List::default(),
            headers: List::default(),
            octets_in: 0,
            octets_out: 0,
            micros: 0,
            strangers: 0,
        }
    }

    /// No less than the octets that it takes in a store, and about those in memory.
    pub fn weight(&self) -> usize {
        let text = |text: &Text| text.len() + 16;
        let maybe = |maybe: &Option<Text>| maybe.as_ref().map_or(0, text);
        let rules: usize = self.rules.iter().map(|rule| text(&rule.rule) + 8).sum();
        let services: usize = self.services.iter().map(ServiceUse::weight).sum();
        let bypasses: usize = self.bypasses.iter().map(Bypass::weight).sum();
        let trace: usize = self.trace.iter().map(text).sum();
        let headers: usize = self.headers.iter().map(|field| text(&field.name) + text(&field.value)).sum();
        256 + text(&self.method)
            + maybe(&self.uri)
            + maybe(&self.failure)
            + (rules + services)
            + (bypasses + trace + headers)
    }

    /// Leaves out parts of the lists until it weighs at most [`RECORD_OCTETS`], and gives what it weighs then.
    pub(crate) fn lighten(&mut self) -> usize {
        loop {
            let weight = self.weight();
            if weight <= RECORD_OCTETS || !self.shorten() {
                return weight;
            }
        }
    }

    /// Leaves out one thing more: what the ends and services said goes before what the processor knows.
    fn shorten(&mut self) -> bool {
        self.headers.shorten()
            || self
                .services
                .iter_mut()
                .any(|service| service.parameters.shorten() || service.pauses.shorten())
            || self.bypasses.shorten()
            || self.trace.shorten()
            || self.rules.shorten()
            || self.services.shorten()
    }
}

impl ServiceUse {
    /// A service that has done nothing yet.
    pub fn new(uri: impl Into<Text>, place: Place) -> Self {
        Self {
            uri: uri.into(),
            place,
            run: 0,
            result: None,
            octets_in: 0,
            octets_out: 0,
            span: None,
            pauses: List::default(),
            verdict: None,
            parameters: List::default(),
        }
    }

    fn weight(&self) -> usize {
        let place = match &self.place {
            Place::Here => 0,
            Place::Callout { name, address } => name.len() + address.len() + 16,
        };
        let verdict = self.verdict.as_ref().map_or(0, |verdict| verdict.len());
        let parameters: usize =
            self.parameters.iter().map(|parameter| parameter.name.len() + parameter.value.len() + 32).sum();
        128 + self.uri.len() + place + verdict + parameters + self.pauses.len() * size_of::<Span>()
    }
}

impl Bypass {
    fn weight(&self) -> usize {
        let why = match &self.done {
            Bypassed::Honoured => 0,
            Bypassed::Ignored(why) => why.len(),
        };
        32 + self.entry.len() + why
    }
}
