//! Listens to one agent and panics when it says what RFC 4037 forbids, whatever it hears.
//!
//! It knows messages and their order, nothing of the agent's insides: a second, smaller reading of the RFC.

use std::collections::{BTreeMap, BTreeSet};

use ocp_proto::Role;
use ocp_proto::codec::{Decoder, DecoderLimits, Item, number};
use ocp_proto::message::{Code, Message, Range, Xid};

/// How far the agent's flow in a transaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Before,
    Open,
    Ended,
}

/// A transaction that both agents may talk about.
#[derive(Debug)]
struct Transaction {
    flow: Flow,
    /// What the agent has said of its flow.
    offset: u64,
    /// The first octet that the peer does not want now.
    pause_at: Option<u64>,
    /// The agent has said that it pauses.
    paused: bool,
    /// DWM was heard, and what the agent says to that may still come: the order of the two is not known.
    resumed: bool,
    wanted_stop_sending: bool,
    wanted_stop_receiving: bool,
    /// The peer has said DSS (server) or DWSS (processor), respectively DWSR, or has ended its own flow.
    stop_sending: bool,
    stop_receiving: bool,
    /// Processor: DWSR came after DWSS.
    out_of_the_loop: bool,
    peer_ended: bool,
    /// Processor: DSS was said.
    stopped: bool,
    /// AME 206 was said.
    partial: bool,
    kept: Option<Range>,
    interest: Option<Range>,
    /// Server: DUY was said.
    used: bool,
    /// Server: the processor has dropped kept data before any DUY, so there may be none.
    void: bool,
}

impl Transaction {
    fn new() -> Self {
        Self {
            flow: Flow::Before,
            offset: 0,
            pause_at: None,
            paused: false,
            resumed: false,
            wanted_stop_sending: false,
            wanted_stop_receiving: false,
            stop_sending: false,
            stop_receiving: false,
            out_of_the_loop: false,
            peer_ended: false,
            stopped: false,
            partial: false,
            kept: None,
            interest: None,
            used: false,
            void: false,
        }
    }
}

/// What one agent has said and heard so far.
pub(crate) struct Auditor {
    role: Role,
    said: Decoder,
    heard: Decoder,
    begun: bool,
    ended: bool,
    /// The offer of the agent that was not answered yet.
    offering: bool,
    /// Server: the processor keeps the negotiation phase open.
    phase: bool,
    /// The phase may have changed since the agent last had nothing more to say.
    phase_changed: bool,
    groups: BTreeSet<u64>,
    last_group: Option<u64>,
    last_xid: Option<u64>,
    transactions: BTreeMap<u64, Transaction>,
    /// Processor: heard of transactions that it may have started, but has not said so yet.
    early: Vec<Message>,
    terms: Terms,
    /// Transactions that the agent has said to be over.
    over: BTreeSet<u64>,
}

/// What an auditor cannot hear.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Terms {
    /// The agents above use limits of a profile, which end a flow without a message.
    pub(crate) profile: bool,
    /// The peer keeps the rules, so that nothing has to be said twice.
    pub(crate) peaceful: bool,
    /// Large sizes were negotiated.
    pub(crate) large: bool,
}

impl Terms {
    /// The largest size or offset of a message.
    fn largest(self) -> u64 {
        if self.large { number::LARGE_MAX } else { number::MAX }
    }
}

impl Auditor {
    pub(crate) fn new(role: Role, terms: Terms) -> Self {
        let limits = DecoderLimits { message_octets: 1 << 20, nesting_depth: 64 };
        Self {
            role,
            said: Decoder::new(limits),
            heard: Decoder::new(limits),
            begun: false,
            ended: false,
            offering: false,
            phase: false,
            phase_changed: false,
            groups: BTreeSet::new(),
            last_group: None,
            last_xid: None,
            transactions: BTreeMap::new(),
            early: Vec::new(),
            terms,
            over: BTreeSet::new(),
        }
    }

    /// Octets that the agent is about to take.
    pub(crate) fn hears(&mut self, octets: &[u8]) {
        self.heard.buffer().extend_from_slice(octets);
        while let Ok(Some(item)) = self.heard.next() {
            if let Item::Message(raw) = item
                && let Ok(message) = Message::parse_up_to(&raw, self.terms.largest())
            {
                self.hear(message);
            }
        }
    }

    /// Octets that the agent has just given; `flushed` when it has nothing more to say now.
    pub(crate) fn says(&mut self, octets: &[u8], flushed: bool) {
        self.said.buffer().extend_from_slice(octets);
        loop {
            match self.said.next() {
                Err(error) => panic!("what an agent says can be read: {error}"),
                Ok(None) => break,
                Ok(Some(Item::Message(raw))) => match Message::parse_up_to(&raw, self.terms.largest()) {
                    Err(invalid) => panic!("what an agent says is valid: {invalid}"),
                    Ok(message) => self.say(&message, raw.payload().unwrap_or_default()),
                },
                Ok(Some(_)) => {}
            }
        }
        assert!(!self.said.in_message(), "an agent says whole messages");
        if flushed {
            self.phase_changed = false;
            self.early.clear();
            for transaction in self.transactions.values_mut() {
                if std::mem::take(&mut transaction.resumed) {
                    transaction.paused = false;
                    transaction.pause_at = None;
                }
            }
        }
    }

    fn hear(&mut self, message: Message) {
        let server = self.role == Role::Server;
        match message {
            Message::No { pending, .. } => {
                self.phase_changed = true;
                self.phase = server && pending;
                if server {
                    self.offering = false;
                }
            }
            Message::Nr { pending, .. } => {
                self.phase_changed = true;
                self.phase = server && pending;
                self.offering = false;
            }
            Message::Ts { xid, .. } if server && self.last_xid.is_none_or(|last| xid.0 > last) => {
                self.last_xid = Some(xid.0);
                self.transactions.insert(xid.0, Transaction::new());
            }
            Message::Te { xid, .. } => {
                self.transactions.remove(&xid.0);
            }
            _ => {
                let Some(xid) = message.xid() else { return };
                match self.transactions.get_mut(&xid.0) {
                    Some(transaction) => hear(transaction, &message, server),
                    None if server => {}
                    None => self.early.push(message),
                }
            }
        }
    }

    fn say(&mut self, message: &Message, payload: u64) {
        assert!(!self.ended, "nothing follows CE (section 11.2): {message:?}");
        assert_eq!(
            self.begun,
            *message != Message::Cs,
            "CS comes first and once (section 11.1): {message:?}"
        );
        self.begun = true;
        if self.phase && !self.phase_changed {
            let allowed = matches!(
                message,
                Message::No { .. }
                    | Message::Nr { .. }
                    | Message::Aq { .. }
                    | Message::Aa { .. }
                    | Message::Pq { .. }
                    | Message::Pa { .. }
                    | Message::Pr { .. }
                    | Message::Ce(_)
            );
            assert!(allowed, "a negotiation phase is open (section 6.1): {message:?}");
        }
        match message {
            Message::Unknown => panic!("a message of an unknown name"),
            // An offer of a server that stands before its answer has crossed the processor's, and is void.
            Message::Nr { .. } => self.offering &= self.role == Role::Processor,
            Message::Cs | Message::Aq { .. } | Message::Aa { .. } => {}
            Message::Pq { .. } | Message::Pa { .. } | Message::Pr { .. } => {}
            Message::Ce(_) => self.ended = true,
            Message::No { .. } => {
                assert!(!self.offering, "one offer at a time (section 11.18)");
                self.offering = true;
            }
            Message::Sgc { group, .. } => {
                self.by(Role::Processor, message);
                assert!(self.last_group.is_none_or(|last| group.0 > last), "identifiers grow (section 10.2)");
                self.last_group = Some(group.0);
                self.groups.insert(group.0);
            }
            Message::Sgd { group } => {
                assert!(self.groups.remove(&group.0), "SGD ends an active group (section 11.4)");
            }
            Message::Ts { xid, group } => {
                self.by(Role::Processor, message);
                assert!(self.last_xid.is_none_or(|last| xid.0 > last), "identifiers grow (section 10.2)");
                assert!(self.groups.contains(&group.0), "TS names an active group (section 11.5)");
                self.last_xid = Some(xid.0);
                let mut transaction = Transaction::new();
                for early in self.early.iter().filter(|early| early.xid() == Some(*xid)) {
                    hear(&mut transaction, early, false);
                }
                self.transactions.insert(xid.0, transaction);
            }
            // A TE may cross the peer's, or answer a message of a transaction that is not active (section 5).
            Message::Te { xid, .. } => {
                let first = self.over.insert(xid.0);
                assert!(first || !self.terms.peaceful, "a transaction ends once");
                self.transactions.remove(&xid.0);
            }
            _ => self.say_in_transaction(message, payload),
        }
    }

    fn by(&self, role: Role, message: &Message) {
        assert_eq!(self.role, role, "not a message of this agent: {message:?}");
    }

    fn say_in_transaction(&mut self, message: &Message, payload: u64) {
        let xid = message.xid().unwrap_or(Xid(u64::MAX));
        if matches!(message, Message::Dss { .. }) {
            self.by(Role::Processor, message);
        }
        if matches!(
            message,
            Message::Duy { .. } | Message::Dpi { .. } | Message::Dwss { .. } | Message::Dwsr { .. }
        ) {
            self.by(Role::Server, message);
        }
        let Some(transaction) = self.transactions.get_mut(&xid.0) else {
            panic!("the transaction is not active (section 11): {message:?}");
        };
        say(transaction, message, payload, self.role == Role::Server, self.terms);
    }
}

fn hear(transaction: &mut Transaction, message: &Message, server: bool) {
    match message {
        Message::Ame { .. } => transaction.peer_ended = true,
        Message::Dum { kept: Some(kept), .. } if server => keep(transaction, *kept),
        Message::Dss { .. } => transaction.stop_sending = true,
        Message::Dwss { .. } if !server => transaction.stop_sending = true,
        Message::Dwsr { .. } if !server => {
            transaction.stop_receiving = true;
            transaction.out_of_the_loop |= transaction.stop_sending;
        }
        Message::Dwp { offset, .. } => {
            let offset = transaction.offset.max(*offset);
            transaction.pause_at = Some(transaction.pause_at.map_or(offset, |before| before.min(offset)));
        }
        Message::Dwm { .. } => {
            transaction.resumed = true;
            transaction.paused = false;
            transaction.pause_at = None;
        }
        _ => {}
    }
}

/// Section 11.9: a commitment that drops what may still be wanted is not to be relied on.
fn keep(transaction: &mut Transaction, kept: Range) {
    let wanted = transaction.interest.unwrap_or(Range { offset: 0, size: number::LARGE_MAX });
    let dropped = transaction.kept.is_some_and(|before| {
        let (from, to) = (before.offset.max(wanted.offset), before.end().min(wanted.end()));
        from < to && (kept.offset > from || kept.end() < to)
    });
    transaction.void |= dropped && !transaction.used;
    transaction.kept = Some(kept);
}

fn say(transaction: &mut Transaction, message: &Message, payload: u64, server: bool, terms: Terms) {
    match message {
        Message::Ams { .. } => {
            assert_eq!(transaction.flow, Flow::Before, "one AMS (section 11.7)");
            transaction.flow = Flow::Open;
        }
        Message::Ame { outcome, .. } => {
            // A flow that has not begun may be refused.
            let begun = transaction.flow == Flow::Open || outcome.is_failure();
            assert!(begun && transaction.flow != Flow::Ended, "AME ends an open flow (section 11.8)");
            transaction.flow = Flow::Ended;
            if outcome.code == Code::Partial {
                let agreed = match server {
                    true => transaction.stop_sending && transaction.wanted_stop_sending,
                    false => transaction.stop_receiving || transaction.peer_ended || terms.profile,
                };
                assert!(agreed, "AME 206 is agreed on (section 8)");
                let early = transaction.out_of_the_loop && !transaction.stopped && !transaction.peer_ended;
                assert!(!early, "DSS comes before AME 206 (section 8.3)");
                transaction.partial = true;
            }
        }
        Message::Dum { offset, .. } => {
            assert_eq!(*offset, transaction.offset, "data has no gaps (section 11.9)");
            data(transaction, payload, terms);
        }
        Message::Duy { range, .. } => {
            let inside = |outer: Range| range.offset >= outer.offset && range.end() <= outer.end();
            assert!(transaction.kept.is_some_and(inside), "DUY uses what is kept (section 11.10)");
            assert!(
                transaction.interest.is_none_or(inside),
                "DUY uses what DPI has reserved (section 11.11)"
            );
            assert!(!transaction.void, "no DUY once kept data was dropped (section 11.9)");
            transaction.used = true;
            data(transaction, range.size, terms);
        }
        Message::Dpi { range, .. } => {
            let inside = |outer: Range| range.offset >= outer.offset && range.end() <= outer.end();
            let shrinks = range.size == 0 || transaction.interest.is_none_or(inside);
            assert!(shrinks, "what may be reused only shrinks (section 11.11)");
            transaction.interest = Some(*range);
        }
        Message::Dwss { .. } => {
            assert!(!transaction.wanted_stop_sending, "DWSS is said once");
            assert_eq!(transaction.flow, Flow::Open, "DWSS is about an open flow (section 11.13)");
            transaction.wanted_stop_sending = true;
        }
        Message::Dwsr { .. } => {
            assert!(!transaction.wanted_stop_receiving, "DWSR is said once");
            transaction.wanted_stop_receiving = true;
        }
        Message::Dss { .. } => {
            assert!(transaction.stop_sending, "DSS answers DWSS (section 11.14)");
            assert!(!transaction.stopped, "DSS is said once");
            assert!(!transaction.partial, "no DSS after AME 206, as the original is not whole (section 8.1)");
            transaction.stopped = true;
        }
        Message::Dpm { .. } => transaction.paused = true,
        _ => {}
    }
}

fn data(transaction: &mut Transaction, size: u64, terms: Terms) {
    assert_eq!(transaction.flow, Flow::Open, "data stands between AMS and AME (section 11.9)");
    transaction.offset += size;
    assert!(transaction.offset <= terms.largest(), "no larger messages (section 10.3)");
    if !transaction.resumed {
        assert!(!transaction.paused, "no data after DPM (section 11.16)");
        assert!(
            transaction.pause_at.is_none_or(|pause| transaction.offset <= pause),
            "no data past what DWP has named (section 11.15)"
        );
    }
}
