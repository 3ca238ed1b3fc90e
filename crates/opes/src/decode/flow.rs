//! One agent's part of one transaction, as its own messages show it.

use ocp_proto::Role;
use ocp_proto::message::{Code, Outcome, Range, Xid};

use super::rule::{Rule, Violation};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Before,
    Open,
    Ended,
}

/// What an agent has said of a transaction.
#[derive(Debug)]
pub(super) struct Flow {
    xid: Xid,
    role: Option<Role>,
    state: State,
    /// The agent has sent TE.
    pub(super) over: bool,
    /// Where the next data has to begin; `None` until the first data of a flow whose beginning was not captured.
    next: Option<u64>,
    /// The agent has ended its flow early.
    cut_short: bool,
    /// How many octets the flow may have.
    largest: u64,
    /// All original data that its Kept parameters have ever named.
    pub(super) kept: Option<Range>,
    /// Its present commitment.
    pub(super) commitment: Option<Range>,
    /// The data that its DPI have left for DUY.
    pub(super) interest: Range,
    pub(super) asked_to_stop_sending: bool,
    pub(super) asked_to_stop_receiving: bool,
    pub(super) granted_stop: bool,
    pub(super) asked_to_pause: bool,
    /// How often it has asked for more data.
    pub(super) wants: u64,
    /// How often it has gone on after a pause.
    pub(super) resumptions: u64,
    pub(super) paused: bool,
}

impl Flow {
    /// `whole` says whether everything of it was captured.
    pub(super) fn new(xid: Xid, role: Option<Role>, whole: bool, largest: u64) -> Self {
        Self {
            xid,
            role,
            state: if whole { State::Before } else { State::Open },
            over: false,
            next: whole.then_some(0),
            cut_short: false,
            largest,
            kept: None,
            commitment: None,
            interest: Range { offset: 0, size: largest },
            asked_to_stop_sending: false,
            asked_to_stop_receiving: false,
            granted_stop: false,
            asked_to_pause: false,
            wants: 0,
            resumptions: 0,
            paused: false,
        }
    }

    /// The octets that the agent's data has covered so far, where that is known.
    pub(super) fn covered(&self) -> Option<u64> {
        self.next
    }

    fn broken(&self, rule: Rule, what: &str) -> Option<Violation> {
        Some(rule.broken(format!("transaction {}: {what}", self.xid)))
    }

    pub(super) fn start(&mut self) -> Option<Violation> {
        match std::mem::replace(&mut self.state, State::Open) {
            State::Before => None,
            // A flow whose beginning was not captured may have begun here.
            State::Open if self.next.is_none() => None,
            State::Open | State::Ended => self.broken(Rule::OneMessage, "a second AMS in one flow"),
        }
    }

    /// Data of this size, at this offset where the message says so.
    pub(super) fn data(&mut self, offset: Option<u64>, size: u64) -> Vec<Violation> {
        let mut found: Vec<_> = self.data_state().into_iter().collect();
        if let (Some(offset), Some(next)) = (offset, self.next)
            && offset != next
        {
            let what = format!("data begins at {offset}, and the data before it ended at {next}");
            found.extend(self.broken(Rule::NoGap, &what));
        }
        let from = offset.or(self.next);
        self.next = from.map(|from| from.saturating_add(size));
        if self.next.is_some_and(|end| end > self.largest) && from <= Some(self.largest) {
            found.extend(
                self.broken(Rule::MessageSize, &format!("more than {} octets of data", self.largest)),
            );
        }
        if size > 0 && std::mem::take(&mut self.paused) {
            self.resumptions += 1;
        }
        found
    }

    fn data_state(&mut self) -> Option<Violation> {
        let rule = match self.role {
            Some(Role::Server) => Rule::AmsBeforeAdapted,
            _ => Rule::AmsBeforeOriginal,
        };
        match self.state {
            State::Open => None,
            State::Ended => self.broken(Rule::NothingAfterAme, "data after AME"),
            State::Before => {
                self.state = State::Open;
                self.broken(rule, "data before AMS")
            }
        }
    }

    pub(super) fn end(&mut self, outcome: &Outcome) -> Option<Violation> {
        self.cut_short |= outcome.code == Code::Partial;
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Open => None,
            State::Ended => self.broken(Rule::NothingAfterAme, "a second AME"),
            // RFC 4037 section 11.7: the recipient of an AMS may refuse it by an AME of its own.
            State::Before if outcome.is_failure() => None,
            State::Before => self.broken(Rule::OneMessage, "AME, and no message was begun by AMS"),
        }
    }

    pub(super) fn keep(&mut self, range: Range) {
        self.kept = Some(self.kept.map_or(range, |kept| hull(kept, range)));
        self.commitment = Some(range);
    }

    pub(super) fn use_kept(&mut self, range: Range) -> Vec<Violation> {
        let mut found = self.data(None, range.size);
        if !covers(self.interest, range) {
            found.extend(self.broken(Rule::DuyOfDisposable, "DUY names data that DPI made disposable"));
        }
        found
    }

    pub(super) fn limit(&mut self, range: Range) -> Option<Violation> {
        let grows = !covers(self.interest, range);
        if !grows {
            self.interest = range;
            return None;
        }
        self.broken(Rule::DpiShrinks, "DPI names data that an earlier DPI made disposable")
    }

    pub(super) fn grant_stop(&mut self) -> Option<Violation> {
        self.granted_stop = true;
        if !self.cut_short {
            return None;
        }
        self.broken(Rule::NoDssAfterPartial, "DSS although the original flow was cut short")
    }

    /// Checks what PA or PR says of the original flow.
    pub(super) fn progress(&self, org_data: Option<u64>) -> Option<Violation> {
        let octets = org_data?;
        if self.over || self.role != Some(Role::Processor) {
            return None;
        }
        if self.state == State::Ended {
            return self
                .broken(Rule::NoOrgDataAfterAme, "Org-Data although AME of the original flow was sent");
        }
        if self.next.is_some_and(|sent| octets > sent) {
            return self.broken(Rule::OrgDataIsSoFar, "Org-Data exceeds the original data that was sent");
        }
        None
    }
}

/// Whether `outer` has every octet of `inner`.
pub(super) fn covers(outer: Range, inner: Range) -> bool {
    inner.size == 0 || inner.offset >= outer.offset && inner.end() <= outer.end()
}

fn hull(a: Range, b: Range) -> Range {
    if b.size == 0 {
        return a;
    }
    if a.size == 0 {
        return b;
    }
    let offset = a.offset.min(b.offset);
    Range { offset, size: a.end().max(b.end()) - offset }
}

/// What both ranges have.
pub(super) fn intersection(a: Range, b: Range) -> Range {
    let offset = a.offset.max(b.offset);
    Range { offset, size: a.end().min(b.end()).saturating_sub(offset) }
}
