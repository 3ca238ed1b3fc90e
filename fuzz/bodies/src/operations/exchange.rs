//! What is true of a transaction, whatever messages carry it: the measure of what the connections report.

use bytes::Bytes;
use ocp_proto::codec::RawMessage;
use ocp_proto::message::{Code, Outcome, Xid};

use crate::pattern;

/// How far one agent is with a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    /// The server has not heard of it.
    Before,
    Active,
    Over,
}

/// Messages have two parts, which DUMs name in a parameter: up to this offset of the flow, and from there on.
const BORDER: u64 = 300;

/// The parameter of data at `offset` of a flow.
pub(super) fn part_at(offset: u64) -> Bytes {
    Bytes::from_static(if offset < BORDER { b"Part: one\r\n" } else { b"Part: two\r\n" })
}

/// How many of `size` octets at `offset` belong to the first of the parts that they touch.
pub(super) fn of_one_part(offset: u64, size: u64) -> u64 {
    if offset < BORDER { size.min(BORDER - offset) } else { size }
}

/// The part that the peer has named last.
#[derive(Debug, Default)]
struct Named(Option<Vec<u8>>);

impl Named {
    /// Takes data at `offset` of the flow; `mine` when it came in a DUM.
    fn check(&mut self, dum: Option<&RawMessage>, offset: u64, octets: &[u8], mine: bool) {
        if let Some(dum) = dum {
            self.0 = dum.named("Part").and_then(|part| part.as_atom()).map(<[u8]>::to_vec);
        }
        if mine && !octets.is_empty() {
            let size = octets.len() as u64;
            assert_eq!(of_one_part(offset, size), size, "a DUM holds data of one part");
            let named = self.0.as_deref().expect("a part is named");
            assert!(part_at(offset).ends_with(&[named, b"\r\n"].concat()), "and names the right one");
        }
    }
}

/// One transaction as both agents and a bystander see it.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) xid: Xid,
    pub(super) processor: Life,
    pub(super) server: Life,
    /// Octets of the original that the processor has given, and that the server has got.
    pub(super) given: u64,
    pub(super) got: u64,
    /// How the processor has ended the original, and the server has seen it end.
    pub(super) original_end: Option<Code>,
    pub(super) original_ended: bool,
    /// The adapted message so far, how much of it the processor has got, and how it ended.
    pub(super) adapted: Vec<u8>,
    pub(super) taken: usize,
    pub(super) adapted_end: Option<Code>,
    pub(super) adapted_ended: Option<Code>,
    /// AMS of the server.
    pub(super) answered: bool,
    pub(super) answer_seen: bool,
    /// Original octets that the server has given on.
    pub(super) copied: u64,
    pub(super) stop_wanted: bool,
    /// What the server had got when DSS came.
    pub(super) stopped: Option<u64>,
    /// The processor was told to go on with the original.
    pub(super) rest: bool,
    /// The server has said that this prefix is enough, in a DWSR or by a profile.
    pub(super) enough: Option<u64>,
    original_part: Named,
    adapted_part: Named,
}

impl Exchange {
    pub(super) fn new(xid: Xid) -> Self {
        Self {
            xid,
            processor: Life::Active,
            server: Life::Before,
            given: 0,
            got: 0,
            original_end: None,
            original_ended: false,
            adapted: Vec::new(),
            taken: 0,
            adapted_end: None,
            adapted_ended: None,
            answered: false,
            answer_seen: false,
            copied: 0,
            stop_wanted: false,
            stopped: None,
            rest: false,
            enough: None,
            original_part: Named::default(),
            adapted_part: Named::default(),
        }
    }

    /// The server gets original data.
    pub(super) fn original_came(&mut self, dum: Option<&RawMessage>, octets: &[u8], original: Option<u64>) {
        assert_eq!(original, None, "only the server refers to preserved data");
        assert!(!self.original_ended, "no data after AME");
        self.original_part.check(dum, self.got, octets, true);
        assert!(pattern::is_at(octets, self.xid, self.got), "the original arrives as it was given");
        self.got += octets.len() as u64;
        assert!(self.got <= self.given, "nothing arrives that was not given");
    }

    /// The processor gets adapted data.
    pub(super) fn adapted_came(&mut self, dum: Option<&RawMessage>, octets: &[u8], original: Option<u64>) {
        assert!(self.answer_seen && self.adapted_ended.is_none(), "data stands between AMS and AME");
        self.adapted_part.check(dum, self.taken as u64, octets, original.is_none());
        let to = self.taken + octets.len();
        assert_eq!(self.adapted.get(self.taken..to), Some(octets), "adapted data arrives as it was given");
        self.taken = to;
        if let Some(offset) = original {
            assert!(pattern::is_at(octets, self.xid, offset), "preserved data is original data");
            assert!(offset + octets.len() as u64 <= self.given, "and was given");
        }
    }

    /// The server sees the end of the original.
    pub(super) fn original_over(&mut self, outcome: &Outcome) {
        assert!(!std::mem::replace(&mut self.original_ended, true), "one AME");
        match outcome.code {
            Code::Ok => {
                assert_eq!(self.original_end, Some(Code::Ok), "the processor has said so");
                assert_eq!(self.got, self.given, "a whole original has arrived as a whole");
            }
            Code::Partial => {
                // Where the adapted message is complete, the processor stops in the middle.
                let agreed = self.enough.is_some_and(|enough| self.got >= enough);
                assert!(agreed || self.adapted_end.is_some(), "a partial original is what was asked for");
            }
            Code::Failure => assert_eq!(self.original_end, Some(Code::Failure)),
        }
    }

    /// The processor sees the end of the adapted message.
    pub(super) fn adapted_over(&mut self, outcome: &Outcome) {
        assert_eq!(self.adapted_ended.replace(outcome.code), None, "one AME");
        match outcome.code {
            Code::Ok => {
                assert_eq!(self.adapted_end, Some(Code::Ok), "the server has said so");
                assert_eq!(self.taken, self.adapted.len(), "a whole adapted message has arrived as a whole");
            }
            Code::Partial => panic!("a processor sees no partial end but the rest of the original"),
            Code::Failure => assert_eq!(self.adapted_end, Some(Code::Failure)),
        }
    }

    /// The processor learns that the rest is original.
    pub(super) fn rest_is_original(&mut self, from: u64, unsent: &[u8]) {
        assert_eq!(self.adapted_ended.replace(Code::Partial), None, "one AME");
        assert_eq!(self.adapted_end, Some(Code::Partial), "the server has stopped");
        assert_eq!(self.taken, self.adapted.len(), "all that it gave has arrived");
        assert_eq!(self.stopped, Some(from), "the original goes on where the server saw DSS");
        assert_eq!(from + unsent.len() as u64, self.given, "everything from there on is here");
        assert!(pattern::is_at(unsent, self.xid, from), "and is the original");
        self.rest = true;
    }
}
