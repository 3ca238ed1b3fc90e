//! A strict observer beside one agent: decodes what the agent receives and sends, in the order in which the agent does,
//! and knows every rule that the agent has to follow.

mod connection;
mod dialogue;
mod flow;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use ocp_proto::Role;
use ocp_proto::codec::{Decoder, DecoderLimits, Item, RawMessage, number};
use ocp_proto::message::{Message, Xid};

use dialogue::{Agreed, Dialogue};

/// Whether a rule holds, or which one is broken.
type Rule = Result<(), &'static str>;

/// The original flows that were given to the transactions of a connection.
pub(super) type Given = Rc<RefCell<BTreeMap<u64, Vec<u8>>>>;

/// One direction of the connection.
struct Direction {
    decoder: Decoder,
    begun: bool,
    ended: bool,
    /// The payload under way: its transaction, where its next octet stands in the original flow, if anywhere.
    payload: Option<(u64, Option<u64>)>,
}

impl Direction {
    fn new() -> Self {
        let decoder = Decoder::new(DecoderLimits::default());
        Self { decoder, begun: false, ended: false, payload: None }
    }
}

/// What an agent may preserve (RFC 4037 section 7).
#[derive(Debug, Clone, Copy)]
pub(super) struct Preservation {
    pub(super) transaction: u64,
    pub(super) connection: u64,
}

/// An observer of one agent.
pub(super) struct Witness {
    role: Role,
    sent: Direction,
    received: Direction,
    dialogues: BTreeMap<u64, Dialogue>,
    /// Octets of the original flow that this agent has sent in each transaction.
    crossed: BTreeMap<u64, u64>,
    /// Transactions that this agent has ended.
    over: BTreeSet<u64>,
    last_xid: Option<u64>,
    groups: BTreeMap<u64, Agreed>,
    last_group: Option<u64>,
    /// An offer of the processor is not answered.
    offered: bool,
    /// Progress queries that this agent owes an answer, with the answer.
    queries: VecDeque<(Option<u64>, Option<u64>)>,
    unanswered: usize,
    preservation: Preservation,
    given: Given,
    /// The largest size that messages may name, as far as it was negotiated.
    largest: u64,
    /// The reasons of failures on this connection, as this agent has sent them.
    pub(super) failures: Vec<String>,
    /// What was said, if that is recorded.
    pub(super) journal: Option<Rc<RefCell<VecDeque<String>>>>,
}

impl Witness {
    pub(super) fn new(role: Role, preservation: Preservation, given: Given) -> Self {
        Self {
            role,
            sent: Direction::new(),
            received: Direction::new(),
            dialogues: BTreeMap::new(),
            crossed: BTreeMap::new(),
            over: BTreeSet::new(),
            last_xid: None,
            groups: BTreeMap::new(),
            last_group: None,
            offered: false,
            queries: VecDeque::new(),
            unanswered: 0,
            preservation,
            given,
            largest: number::MAX,
            failures: Vec::new(),
            journal: None,
        }
    }

    /// Takes octets that the agent has received and handled.
    pub(super) fn received(&mut self, octets: &[u8]) {
        self.received.decoder.buffer().extend_from_slice(octets);
        while !self.received.ended
            && let Some(item) = self.received.decoder.next().expect("an agent received a syntax error")
        {
            match item {
                Item::Message(raw) => self.hear(&raw),
                Item::Payload(octets) => self.check_payload(&octets, false),
                Item::End => self.received.payload = None,
            }
        }
    }

    /// Takes octets that the agent has decided to send.
    pub(super) fn sent(&mut self, octets: &[u8]) {
        assert!(octets.is_empty() || !self.sent.ended, "{:?} sends after CE", self.role);
        self.sent.decoder.buffer().extend_from_slice(octets);
        while let Some(item) = self.sent.decoder.next().expect("an agent sent a syntax error") {
            match item {
                Item::Message(raw) => self.say(&raw),
                Item::Payload(octets) => self.check_payload(&octets, true),
                Item::End => self.sent.payload = None,
            }
        }
    }

    /// Whether the peer was asked to pause its flow of this transaction, or that flow is over.
    pub(super) fn is_held_back(&self, xid: u64) -> bool {
        self.dialogues.get(&xid).is_none_or(|dialogue| {
            let flow = match self.role {
                Role::Processor => &dialogue.adapted,
                Role::Server => &dialogue.original,
            };
            flow.pause_wanted || !flow.is_open()
        })
    }

    /// Octets of the original flow that this agent has sent in a transaction that it has ended well.
    pub(super) fn original_octets(&self, xid: Xid) -> Option<u64> {
        self.crossed.get(&xid.0).copied()
    }

    /// Checks what has to hold when nothing is under way.
    pub(super) fn check_rest(&self) {
        let owing = self.dialogues.iter().find(|(_, dialogue)| {
            let own = match self.role {
                Role::Processor => &dialogue.original,
                Role::Server => &dialogue.adapted,
            };
            own.owes_pause()
        });
        assert!(owing.is_none(), "{:?} owes a DPM: {owing:?}", self.role);
        assert!(self.queries.is_empty(), "{:?} owes an answer to PQ", self.role);
    }

    fn note(&self, arrow: &str, raw: &RawMessage) {
        if let Some(journal) = &self.journal {
            let text = String::from_utf8_lossy(raw.octets()).trim_end().replace("\r\n", " | ");
            let size = raw.payload().map_or(String::new(), |size| format!(" [{size}]"));
            journal.borrow_mut().push_back(format!("{:?} {arrow} {text}{size}", self.role));
        }
    }

    fn hear(&mut self, raw: &RawMessage) {
        self.note("<-", raw);
        let message = Message::parse_up_to(raw, self.largest).expect("an agent received an invalid message");
        let size = raw.payload().unwrap_or_default();
        self.received.begun = true;
        match &message {
            Message::Ce(_) => self.received.ended = true,
            Message::Sgc { group, .. } => _ = self.groups.insert(group.0, Agreed::default()),
            Message::Sgd { group } => _ = self.groups.remove(&group.0),
            Message::Ts { xid, group } => self.begin(xid.0, group.0),
            Message::Te { xid, .. } => {
                self.dialogues.remove(&xid.0);
                if !self.over.contains(&xid.0) {
                    self.crossed.remove(&xid.0);
                }
            }
            Message::No { .. } => self.offered = true,
            Message::Nr { selected, group, .. } => self.negotiated(selected.as_ref(), *group),
            Message::Pq { xid } => self.query(xid.map(|xid| xid.0)),
            Message::Pa { .. } => self.unanswered -= 1,
            _ => {}
        }
        self.received.payload = self.payload_of(&message, size, false);
        let Some(xid) = message.xid().map(|xid| xid.0) else { return };
        let role = self.role;
        if let Some(dialogue) = self.dialogues.get_mut(&xid) {
            if role == Role::Server {
                enter_body(dialogue, &message, raw);
            }
            if let Err(rule) = dialogue.received(role, &message, size) {
                panic!("{role:?} has received, in transaction {xid}: {rule}: {message:?}");
            }
        }
    }

    fn say(&mut self, raw: &RawMessage) {
        self.note("->", raw);
        let message = Message::parse_up_to(raw, self.largest).expect("an agent sent an invalid message");
        let role = self.role;
        let first = !self.sent.begun;
        assert_eq!(matches!(message, Message::Cs), first, "{role:?}: CS first and once, but {message:?}");
        assert!(!self.sent.ended, "{role:?} sends after CE: {message:?}");
        self.sent.begun = true;
        if let Err(rule) = self.say_in_connection(&message) {
            panic!("{role:?} has broken a rule: {rule}: {message:?}");
        }
        let size = raw.payload().unwrap_or_default();
        self.sent.payload = self.payload_of(&message, size, true);
        let Some(xid) = message.xid().map(|xid| xid.0) else { return };
        if matches!(message, Message::Te { .. }) {
            return self.end(xid, &message);
        }
        assert!(!self.over.contains(&xid), "{role:?} sends in transaction {xid} after its TE: {message:?}");
        let Some(dialogue) = self.dialogues.get_mut(&xid) else {
            panic!("{role:?} sends in transaction {xid}, which is not active: {message:?}");
        };
        if role == Role::Processor {
            enter_body(dialogue, &message, raw);
        }
        if let Err(rule) = dialogue.sent(role, &message, size) {
            panic!("{role:?} has broken a rule in transaction {xid}: {rule}: {message:?}\n{dialogue:?}");
        }
        if role == Role::Processor {
            self.crossed.insert(xid, dialogue.original.offset);
        }
        self.check_preservation(xid);
    }

    fn payload_of(&self, message: &Message, size: u64, sent: bool) -> Option<(u64, Option<u64>)> {
        let Message::Dum { xid, offset, as_is, .. } = message else { return None };
        let original = (self.role == Role::Processor) == sent;
        let place = if original { Some(*offset) } else { as_is.filter(|_| size > 0) };
        Some((xid.0, place))
    }

    /// Original octets, and those that are said to equal them, are those that were given.
    fn check_payload(&mut self, octets: &[u8], sent: bool) {
        let direction = if sent { &mut self.sent } else { &mut self.received };
        let Some((xid, Some(place))) = &mut direction.payload else { return };
        let (from, to) = (*place as usize, *place as usize + octets.len());
        *place += octets.len() as u64;
        let given = self.given.borrow();
        let known = given.get(xid).and_then(|flow| flow.get(from..to));
        assert!(
            known == Some(octets),
            "{:?}: transaction {xid} has other octets at {from} than the original (sent: {sent})",
            self.role
        );
    }

    fn check_preservation(&self, xid: u64) {
        if self.role == Role::Server {
            return;
        }
        let one = self.dialogues.get(&xid).map_or(0, Dialogue::preserved);
        assert!(one <= self.preservation.transaction, "transaction {xid} preserves {one} octets");
        let all: u64 =
            self.dialogues.values().filter(|one| one.adapted.ended.is_none()).map(Dialogue::preserved).sum();
        assert!(all <= self.preservation.connection, "the connection preserves {all} octets");
    }
}

/// Notes where the body of the original begins; its header part has come then.
fn enter_body(dialogue: &mut Dialogue, message: &Message, raw: &RawMessage) {
    if let Message::Dum { offset, .. } = message
        && let Some(part) = raw.named("AM-Part").and_then(|value| value.as_atom())
        && part.ends_with(b"-body")
    {
        dialogue.body.get_or_insert(*offset);
    }
}
