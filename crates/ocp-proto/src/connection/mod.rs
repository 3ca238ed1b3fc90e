//! One OCP connection, for either role, without I/O and without a clock.
//!
//! The driver feeds octets into [`Connection::read_buffer`], polls [`Connection::poll_event`] until it gives `None`,
//! takes octets with [`Connection::poll_transmit`], and calls [`Connection::handle_timeout`] once the time that
//! [`Connection::poll_timeout`] names has come. After any call that changes something, all three polls are due again.

mod actions;
mod clock;
mod ended;
mod groups;
mod large;
mod outbox;
mod ping;
mod ready;
mod receive;
mod report;
mod table;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Instant;

use bytes::{Bytes, BytesMut};

use crate::codec::Decoder;
use crate::event::{Closed, Event};
use crate::fault::{Cause, Fault, Verdict};
use crate::limits::Limits;
use crate::message::{Control, GroupId, Scope, Xid};
use crate::negotiation::Negotiation;
use crate::transaction::{Side, Transaction, Turn, turn};
use crate::transmit::Transmit;

pub use actions::{SendError, StartError};
use ended::Ended;
use groups::Groups;
use large::LargeSizes;
use outbox::Outbox;
use ready::Ready;
pub use table::XidMap;

/// Which agent this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The OPES processor, the client of OCP.
    Processor,
    /// The callout server.
    Server,
}

/// How far the connection is.
#[derive(Debug, PartialEq)]
enum Phase {
    /// The peer's CS has not come.
    Starting,
    Open,
    /// CE was queued or has come: input is ignored.
    Closing,
}

/// A question to the agent above that has to be answered before anything further is taken.
#[derive(Debug)]
enum Question {
    Group(GroupId),
    Offer,
}

/// Where the payload under way belongs.
#[derive(Debug, Clone, Copy)]
enum Payload {
    /// To the data of this transaction.
    Data(Xid),
    /// To a message that has no use for it (RFC 4037 section 11: ignored).
    Ignored,
}

/// The state machine of one connection (RFC 4037).
#[derive(Debug)]
pub struct Connection {
    role: Role,
    limits: Limits,
    abilities: Vec<Bytes>,
    phase: Phase,
    decoder: Decoder,
    payload: Option<Payload>,
    question: Option<Question>,
    negotiation: Negotiation,
    own_groups: Groups,
    peer_groups: Groups,
    large: LargeSizes,
    transactions: XidMap<Transaction>,
    last_xid: Option<Xid>,
    ended: Ended,
    kept: u64,
    events: VecDeque<Event>,
    control: Outbox,
    ready: Ready,
    /// When the last complete message came, or the last transaction ended.
    heard: Instant,
    /// When the peer last gave a sign of life: a message, or octets of a payload.
    alive: Instant,
    /// The peer has given none when it was asked for one.
    unanswered: bool,
    /// When the peer of an idle connection was asked whether it is there, until something is heard of it.
    pinged: Option<Instant>,
    /// The last transaction has ended since the time was known.
    emptied: bool,
    /// Transactions whose clock starts at the next known time.
    fresh: Vec<Xid>,
    /// When the negotiation that waits for the peer began to wait.
    negotiating: Option<Instant>,
}

impl Connection {
    /// A connection whose transport was just established. `abilities` are the features that an ability query is
    /// answered with `true` for (section 11.20).
    pub fn new(role: Role, limits: Limits, abilities: Vec<Bytes>, now: Instant) -> Self {
        let decoder = Decoder::new(limits.decoder);
        let mut control = Outbox::default();
        // RFC 4037 section 11.1: CS before any other message, exactly once.
        control.push(Control::Cs, false);
        Self {
            role,
            limits,
            abilities,
            phase: Phase::Starting,
            decoder,
            payload: None,
            question: None,
            negotiation: Negotiation::default(),
            own_groups: Groups::default(),
            peer_groups: Groups::default(),
            large: LargeSizes::default(),
            transactions: XidMap::default(),
            last_xid: None,
            ended: Ended::default(),
            kept: 0,
            events: VecDeque::new(),
            control,
            ready: Ready::default(),
            heard: now,
            alive: now,
            unanswered: false,
            pinged: None,
            emptied: false,
            fresh: Vec::new(),
            negotiating: None,
        }
    }

    /// Where received octets go. Bound what you add by how much [`Connection::poll_event`] has left there.
    pub fn read_buffer(&mut self) -> &mut BytesMut {
        self.decoder.buffer()
    }

    /// The next event, from the octets in the read buffer; `None` when more octets are needed.
    ///
    /// Some messages are answered here, so read no further while many wait to be sent ([`Connection::unsaid`]): a peer
    /// that does not read must not make its answers pile up. Data that waits is no reason: two agents that both wait
    /// to get rid of data before they read would wait for ever.
    pub fn poll_event(&mut self, now: Instant) -> Option<Event> {
        self.tick(now);
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            self.settle_question();
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            if self.phase == Phase::Closing {
                self.decoder.buffer().clear();
                return None;
            }
            match self.decoder.find() {
                Ok(None) => return None,
                Ok(Some(found)) => self.receive(found, now),
                Err(error) => self.fail(Fault::from(error)),
            }
        }
    }

    /// Moves octets for the transport into `out` until it holds `most` or nothing more can be sent now.
    ///
    /// Data becomes messages only here, so that what goes out last follows the latest state.
    pub fn poll_transmit(&mut self, now: Instant, out: &mut Transmit, most: usize) {
        let budget = (self.limits.kept_per_transaction, self.limits.kept_per_connection);
        self.tick(now);
        loop {
            self.write_control(out, most);
            if out.len() >= most || self.holds_back() {
                return;
            }
            let Some(xid) = self.ready.pop() else { return };
            let Some(transaction) = self.transactions.get_mut(&xid) else {
                continue;
            };
            transaction.ready = false;
            match turn(xid, transaction, &mut self.kept, budget, now, out) {
                Turn::More => {
                    transaction.ready = true;
                    self.ready.push(xid, transaction.outgoing.queued);
                }
                Turn::Done => {}
                Turn::Over => {
                    self.remove(xid);
                    self.ended.insert(xid);
                    self.tick(now);
                }
            }
        }
    }

    fn write_control(&mut self, out: &mut Transmit, most: usize) {
        while out.len() < most
            && let Some(mut control) = self.control.pop()
        {
            if self.is_still_true(&mut control) {
                control.write(out.head());
            }
        }
    }

    /// Whether a message that has waited is still to be sent; brings it up to date.
    fn is_still_true(&mut self, control: &mut Control) -> bool {
        let Some(xid) = control.needs() else { return true };
        match (self.transactions.get_mut(&xid), control) {
            // RFC 4037 section 11: no identifiers of what has ended meanwhile.
            (None, _) => false,
            // Section 11.16: data may follow a DWM that has come meanwhile.
            (Some(transaction), Control::Dpm { .. }) => transaction.outgoing.announce_pause(),
            // Section 11.24: the original flow may have ended meanwhile.
            (Some(transaction), Control::Pr { org_data, .. }) => {
                *org_data = transaction.original_octets();
                true
            }
            (Some(_), _) => true,
        }
    }

    /// Whether nothing waits to be sent that could be sent now.
    pub fn is_flushed(&self) -> bool {
        self.control.is_empty() && (self.ready.is_empty() || self.holds_back())
    }

    /// Whether CE was sent or received: once [`Connection::is_flushed`], the transport is to be closed.
    pub fn is_closing(&self) -> bool {
        self.phase == Phase::Closing
    }

    /// Whether the peer was given up since it did not answer: the transport is to be closed even if what is still to be
    /// sent cannot be.
    pub fn is_given_up(&self) -> bool {
        self.unanswered
    }

    /// Which agent this is.
    pub fn role(&self) -> Role {
        self.role
    }

    /// How many transactions are active.
    pub fn transactions(&self) -> usize {
        self.transactions.len()
    }

    /// Whether an answer to our offer is due, or the peer keeps the negotiation phase open (section 6.1): nothing
    /// but negotiation, queries and CE may be sent.
    pub fn is_negotiating(&self) -> bool {
        self.negotiation.awaits_answer() || self.negotiation.phase_open()
    }

    /// Octets of data that wait in all transactions' queues.
    pub fn queued(&self) -> u64 {
        self.transactions.values().map(|transaction| transaction.outgoing.queued).sum()
    }

    /// Those of them that the peer has not paused: they wait for nothing but the transport.
    pub fn sendable(&self) -> u64 {
        let flowing = self.transactions.values().filter(|transaction| !transaction.outgoing.is_paused());
        flowing.map(|transaction| transaction.outgoing.queued).sum()
    }

    /// Messages without data that wait to be sent, those that a negotiation phase holds back included.
    pub fn unsaid(&self) -> usize {
        self.control.len()
    }

    /// Octets of original data that are preserved for the peer (section 7).
    pub fn kept(&self) -> u64 {
        self.kept
    }

    /// Takes a fault and does what section 5 demands.
    fn fail(&mut self, fault: Fault) {
        self.unanswered |= matches!(fault.cause, Cause::Unanswered(_));
        match fault.verdict() {
            Verdict::EndTransaction(xid, outcome) => {
                let known = self.remove(xid);
                self.ended.insert(xid);
                self.say(Control::Te { xid, outcome, extension: Bytes::new() });
                if known {
                    self.events.push_back(Event::TransactionFailed { xid, fault });
                }
            }
            Verdict::EndConnection(outcome) => {
                self.say(Control::Ce(outcome));
                self.close(Closed::Fault(fault));
            }
            Verdict::Silence => self.close(Closed::Fault(fault)),
        }
    }

    /// Ends everything on the connection (section 11.2).
    fn close(&mut self, closed: Closed) {
        if self.phase == Phase::Closing {
            return;
        }
        self.phase = Phase::Closing;
        self.transactions.clear();
        self.ready.clear();
        self.control.drop_held();
        self.question = None;
        self.negotiation = Negotiation::default();
        self.own_groups = Groups::default();
        self.peer_groups = Groups::default();
        self.kept = 0;
        self.events.push_back(Event::Closed(closed));
    }

    /// Forgets a transaction; false when it was not active.
    fn remove(&mut self, xid: Xid) -> bool {
        let Some(transaction) = self.transactions.remove(&xid) else {
            return false;
        };
        self.emptied = self.transactions.is_empty();
        if let Side::Processor(mut side) = transaction.side {
            self.kept -= side.preserved.clear();
        }
        true
    }

    /// Queues a message without data. Nothing follows CE (section 11.2), and a negotiation phase holds back what does
    /// not belong to it (section 6.1).
    fn say(&mut self, control: Control) {
        let in_phase = self.holds_back();
        if self.phase != Phase::Closing && !self.control.push(control, in_phase) {
            self.fail(Fault::limit(Scope::Connection, "a negotiation phase holds back too many messages"));
        }
    }

    /// Whether a negotiation phase holds back all other messages: the peer keeps it open, or waits for our answer.
    fn holds_back(&self) -> bool {
        self.negotiation.phase_open() || matches!(self.question, Some(Question::Offer))
    }

    /// Lets go of what a negotiation phase has held back, if it is over.
    fn settle_phase(&mut self) {
        if !self.holds_back() {
            self.control.release();
        }
    }

    /// Puts a transaction that has something to send into the queue.
    fn wake(&mut self, xid: Xid) {
        if let Some(transaction) = self.transactions.get_mut(&xid) {
            make_ready(xid, transaction, &mut self.ready);
        }
    }
}

/// Puts a transaction that has something to send into the queue of those.
fn make_ready(xid: Xid, transaction: &mut Transaction, queue: &mut Ready) {
    if !transaction.ready && transaction.can_send() {
        transaction.ready = true;
        queue.push(xid, transaction.outgoing.queued);
    }
}
