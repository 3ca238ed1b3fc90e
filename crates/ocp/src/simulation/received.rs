//! What an owner receives, held against what it should be.

use bytes::Bytes;
use ocp_proto::message::Xid;
use opes_profile::http::Part;
use opes_sdk::TraceRecord;

use super::oracle::{Expected, Parts};
use super::witness::Given;
use crate::client::{Adapted, Notes};

/// How far one of the messages that may come has come.
#[derive(Debug)]
struct Candidate {
    parts: Parts,
    part: usize,
    offset: usize,
    fits: bool,
}

impl Candidate {
    fn accept(&mut self, part: Part, octets: &[u8]) {
        if octets.is_empty() {
            return;
        }
        while self.parts.get(self.part).is_some_and(|(_, whole)| self.offset == whole.len()) {
            (self.part, self.offset) = (self.part + 1, 0);
        }
        let next = self.parts.get(self.part).filter(|(name, _)| *name == part);
        let end = self.offset + octets.len();
        self.fits &= next.and_then(|(_, whole)| whole.get(self.offset..end)) == Some(octets);
        self.offset = end;
    }

    fn is_complete(&self) -> bool {
        let left = self.parts.iter().skip(self.part + 1).all(|(_, whole)| whole.is_empty());
        let part = self.parts.get(self.part).is_none_or(|(_, whole)| self.offset == whole.len());
        self.fits && left && part
    }
}

/// The receiving end of one attempt.
#[derive(Debug)]
pub(super) struct Received {
    candidates: Vec<Candidate>,
    completes: bool,
    started: bool,
    length: Option<u64>,
    rest: bool,
    pub(super) octets: usize,
    body: u64,
    /// How many services the server has said the result of.
    pub(super) results: usize,
    /// The server has said for certain that nothing is changed.
    unmodified: bool,
    xid: Xid,
    given: Given,
    original: Parts,
}

impl Received {
    pub(super) fn new(expected: &Expected, original: Parts, xid: Xid, given: Given) -> Self {
        let candidate = |parts: &Parts| Candidate { parts: parts.clone(), part: 0, offset: 0, fits: true };
        Self {
            candidates: expected.messages.iter().map(candidate).collect(),
            completes: expected.completes,
            started: false,
            length: None,
            rest: false,
            octets: 0,
            body: 0,
            results: 0,
            unmodified: false,
            xid,
            given,
            original,
        }
    }

    /// Whether the server has begun the adapted message.
    pub(super) fn has_started(&self) -> bool {
        self.started
    }

    /// Takes the next piece; true when that was the end.
    pub(super) fn accept(&mut self, adapted: Adapted) -> bool {
        match adapted {
            Adapted::Started { length, services, notes } => {
                self.hear(notes);
                assert!(!self.started && services.is_none(), "the adapted message starts twice");
                (self.started, self.length) = (true, length);
            }
            Adapted::Data { part, octets, original, modp } => {
                assert!(self.started, "data before the adapted message has started");
                self.unmodified |= modp == Some(0);
                self.data(part, &octets, original);
            }
            Adapted::RestIsOriginal { .. } => {
                assert!(self.started && !self.rest, "the rest becomes original twice");
                self.rest = true;
            }
            Adapted::Ended { notes } => {
                self.hear(notes);
                self.end();
                return true;
            }
        }
        false
    }

    /// Takes what the server says beside the message.
    pub(super) fn hear(&mut self, notes: Option<Box<Notes>>) {
        let is_result = |record: &&TraceRecord| record.parameters.iter().any(|(name, _)| name == "result");
        self.results += notes.map_or(0, |notes| notes.records.iter().filter(is_result).count());
    }

    fn data(&mut self, part: Part, octets: &Bytes, original: Option<u64>) {
        self.octets += octets.len();
        self.body += if part.is_body() { octets.len() as u64 } else { 0 };
        self.candidates.iter_mut().for_each(|candidate| candidate.accept(part, octets));
        assert!(
            self.candidates.iter().any(|candidate| candidate.fits),
            "{} octets of {part} at {} are not those that should come",
            octets.len(),
            self.octets - octets.len(),
        );
        if let Some(from) = original {
            let given = self.given.borrow();
            let flow = given.get(&self.xid.0).map(|flow| &flow[from as usize..from as usize + octets.len()]);
            assert!(flow == Some(octets), "octets of the original that stand elsewhere in it");
        }
    }

    fn end(&self) {
        let first = if self.completes { 0 } else { 1 };
        let complete = self.candidates.iter().skip(first).position(Candidate::is_complete);
        assert!(
            complete.is_some(),
            "transaction {}: the adapted message ends after {} octets and is not complete",
            self.xid,
            self.octets,
        );
        assert!(self.length.is_none_or(|length| length == self.body), "AM-EL is not the body's size");
        let unchanged = self.candidates.iter().any(|candidate| {
            candidate.is_complete()
                && candidate.parts.iter().zip(&self.original).all(|(one, other)| one == other)
        });
        assert!(!self.unmodified || unchanged, "Modp: 0, but the message was modified");
    }
}
