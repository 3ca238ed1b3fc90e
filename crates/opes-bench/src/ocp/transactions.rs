//! The transactions of one connection: what has come in them, and what is to be written.

use std::collections::VecDeque;

use ocp_proto::Transmit;
use ocp_proto::codec::{MessageWriter, PAYLOAD_END, Structure, Value, number};
use ocp_proto::message::{Message, Outcome, Xid};

use super::adapted::Wrong;
use super::cargo::{Cargo, Cargoes};
use super::running::{Answer, Running, Then};
use super::shape::{Head, Lead};
use super::table::{Entry, Table};
use crate::background::MOST;
use crate::course::Ticket;
use crate::load::{Load, Mode};
use crate::message::Sample;

/// How much one transaction writes before it is another one's turn.
const TURN: usize = 64 * 1024;

/// A transaction that is over.
pub(super) struct Ended {
    /// `None` for one of the background.
    pub(super) ticket: Option<Ticket>,
    pub(super) result: Result<(), Wrong>,
}

/// The transactions of one connection.
pub(super) struct Transactions {
    table: Table<Running>,
    cargoes: Cargoes,
    queues: Queues,
    keeps: bool,
    digits: Vec<u8>,
}

/// Transactions in which something is to be done.
#[derive(Default)]
struct Queues {
    /// Those with something to write, in turn.
    sending: VecDeque<u64>,
    /// Those in which something is to be said once all that came has been read.
    owed: Vec<u64>,
    /// Whose data comes now; `None` where it is of no interest.
    receiving: Option<u64>,
}

impl Transactions {
    pub(super) fn new(load: &Load, counted: Sample, background: Option<Sample>, group: u64) -> Self {
        let cargo = |sample| Cargo::new(load, sample, group);
        Self {
            table: Table::new(load.inflight + MOST),
            cargoes: Cargoes { counted: cargo(counted), background: background.map(cargo) },
            queues: Queues::default(),
            keeps: load.mode == Mode::Look,
            digits: Vec::new(),
        }
    }

    /// Starts a transaction: one that counts has a ticket. False once identifiers have run out.
    pub(super) fn start(&mut self, ticket: Option<Ticket>) -> bool {
        let mut running = Running::new(ticket, self.keeps);
        running.original.queued = true;
        let xid = self.table.insert(running);
        self.queues.sending.extend(xid);
        xid.is_some()
    }

    /// Takes a message of a transaction whose head has these octets. What ends one is given back.
    ///
    /// # Errors
    /// The transaction was never started.
    pub(super) fn message(&mut self, xid: Xid, octets: &[u8], head: Head) -> Result<Option<Ended>, String> {
        let Xid(xid) = xid;
        let running = match self.table.get(xid) {
            Entry::Running(running) => running,
            // It may have crossed our TE.
            Entry::Ended => return Ok(None),
            Entry::Unknown => return Err(format!("transaction {xid} was not started")),
        };
        let (number, counted) = (running.messages, running.ticket.is_some());
        let cargo = self.cargoes.of(running);
        let ended = take(&mut self.table, &mut self.queues, cargo, xid, &head);
        self.cargoes.of_kind(counted).shapes.learn(number, octets, head);
        Ok(ended)
    }

    /// Takes the message at the start of `octets`, where all of it is there and its head has come before. Gives back
    /// how many octets it has, and what it ends.
    #[inline]
    pub(super) fn known_message(&mut self, octets: &[u8]) -> Option<(usize, Option<Ended>)> {
        let lead = Lead::read(octets)?;
        let running = self.table.running(lead.xid)?;
        let cargo = self.cargoes.of(running);
        let (head, length) = cargo.shapes.find(running.messages, &lead, octets)?;
        let Some(size) = head.payload else {
            return Some((length, take(&mut self.table, &mut self.queues, cargo, lead.xid, head)));
        };
        let end = length + size;
        if !octets.get(end..)?.starts_with(PAYLOAD_END) {
            return None;
        }
        let ended = take(&mut self.table, &mut self.queues, cargo, lead.xid, head);
        self.octets(&octets[length..end]);
        self.message_ended();
        Some((end + PAYLOAD_END.len(), ended))
    }

    /// A message is invalid.
    pub(super) fn invalid(&mut self, xid: Xid, wrong: Wrong) {
        if let Some(running) = self.table.running(xid.0) {
            running.wrong.get_or_insert(wrong);
            self.queues.owed.push(xid.0);
        }
    }

    /// Takes octets of the message that came last.
    pub(super) fn octets(&mut self, octets: &[u8]) {
        let Some(xid) = self.queues.receiving else { return };
        let Some(running) = self.table.running(xid) else { return };
        let sample = &self.cargoes.of(running).sample;
        if let Err(wrong) = running.adapted.octets(sample, octets) {
            running.wrong = Some(wrong);
            self.queues.receiving = None;
            self.queues.owed.push(xid);
        }
    }

    /// The message that came last has ended.
    pub(super) fn message_ended(&mut self) {
        self.queues.receiving = None;
    }

    /// Says what is owed, up to what ends a transaction; to be called until it gives `None`.
    pub(super) fn settle(&mut self, out: &mut Transmit) -> Option<Ended> {
        while let Some(xid) = self.queues.owed.pop() {
            let Some(running) = self.table.running(xid) else { continue };
            if let Some(result) = settle(xid, running, out.head()) {
                let ticket = running.ticket;
                self.table.remove(xid);
                return Some(Ended { ticket, result });
            }
            if running.may_send() {
                self.queues.send(xid, running);
            }
        }
        None
    }

    /// Writes what transactions have, each in turn, until so much waits. True when something is owed then.
    pub(super) fn fill(&mut self, out: &mut Transmit, most: usize) -> bool {
        while out.len() < most
            && let Some(xid) = self.queues.sending.pop_front()
        {
            let Some(running) = self.table.running(xid) else { continue };
            running.original.queued = false;
            self.digits.clear();
            number::write(xid, &mut self.digits);
            let cargo = self.cargoes.of_kind(running.ticket.is_some());
            if turn(running, cargo, &self.digits, out) {
                self.queues.send(xid, running);
            } else if running.owes() {
                self.queues.owed.push(xid);
            }
        }
        !self.queues.owed.is_empty()
    }

    /// What a PA says of a transaction: whether it is under way, and how much of an original that has not ended has been
    /// sent (RFC 4037 section 11.22).
    pub(super) fn progress(&mut self, xid: Xid) -> Option<Option<u64>> {
        let original = &self.table.running(xid.0)?.original;
        Some((!original.ended).then_some(original.sent))
    }
}

impl Queues {
    /// Puts a transaction that may send behind the others.
    fn send(&mut self, xid: u64, running: &mut Running) {
        if !std::mem::replace(&mut running.original.queued, true) {
            self.sending.push_back(xid);
        }
    }
}

/// Takes a message of a transaction that is under way.
#[inline]
fn take(
    table: &mut Table<Running>,
    queues: &mut Queues,
    cargo: &Cargo,
    xid: u64,
    head: &Head,
) -> Option<Ended> {
    if let Message::Te { outcome, .. } = &head.message {
        let ended = ended_by_server(table.running(xid)?, outcome);
        table.remove(xid);
        return Some(ended);
    }
    let running = table.running(xid)?;
    running.messages += 1;
    if running.wrong.is_some() {
        return None;
    }
    match running.take(&cargo.sample, head) {
        Ok(Then::Nothing) => {}
        Ok(Then::Data) => queues.receiving = Some(xid),
        Ok(Then::Owed) => queues.owed.push(xid),
        Ok(Then::Send) => queues.send(xid, running),
        Err(wrong) => {
            running.wrong = Some(wrong);
            queues.owed.push(xid);
        }
    }
    None
}

fn ended_by_server(running: &mut Running, outcome: &Outcome) -> Ended {
    let result = match running.wrong.take() {
        Some(wrong) => Err(wrong),
        None if outcome.is_failure() => Err(Wrong::Failure(outcome.clone())),
        None if running.is_answered() => Ok(()),
        None => Err(Wrong::NoEnd),
    };
    Ended { ticket: running.ticket, result }
}

/// Writes steps of a transaction up to a fair share; true when it could go on at once.
fn turn(running: &mut Running, cargo: &mut Cargo, digits: &[u8], out: &mut Transmit) -> bool {
    let mut written = 0;
    while running.may_send() {
        if written >= TURN {
            return true;
        }
        let template = cargo.template(running);
        let original = &mut running.original;
        let (octets, sent) = template.write(original.step, digits, out);
        written += octets;
        original.step += 1;
        original.sent = sent;
        original.ended = original.step == template.steps();
    }
    false
}

/// Says what is owed in a transaction; what it ends with when it is over.
fn settle(xid: u64, running: &mut Running, out: &mut Vec<u8>) -> Option<Result<(), Wrong>> {
    if let Some(wrong) = running.wrong.take() {
        let reason = Value::Atom(wrong.to_string().into());
        message(xid, out, "TE").structure(&Structure::new([Value::number(400), reason])).end();
        return Some(Err(wrong));
    }
    if running.may_end_early() {
        message(xid, out, "AME").structure(&Structure::new([Value::number(206)])).end();
        running.original.ended = true;
    }
    if running.original.must_pause() {
        message(xid, out, "DPM").end();
        running.original.paused = true;
    }
    match running.answer {
        Answer::StopWanted => {
            message(xid, out, "DSS").end();
            running.answer = Answer::StopGranted(running.original.sent);
        }
        // RFC 4037 section 11.6: nothing more will be sent.
        Answer::Whole | Answer::Partial if running.original.ended => {
            message(xid, out, "TE").end();
            return Some(Ok(()));
        }
        _ => {}
    }
    None
}

fn message<'a>(xid: u64, out: &'a mut Vec<u8>, name: &'static str) -> MessageWriter<'a> {
    MessageWriter::new(out, name).number(xid)
}
