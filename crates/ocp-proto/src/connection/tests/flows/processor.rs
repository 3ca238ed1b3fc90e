//! The processor of the flows: gives originals in random pieces and collects adapted messages.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;

use super::super::super::Connection;
use super::super::pair::{App, Random};
use super::{Fate, Plan};
use crate::event::Event;
use crate::message::{Code, GroupId, Outcome, Xid};

/// One transaction at the processor.
#[derive(Debug)]
struct Sending {
    plan: Plan,
    original: Bytes,
    given: usize,
    ended: bool,
    adapted: Vec<u8>,
    done: bool,
}

/// What has happened, so that the test knows that it was worth its name.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Tally {
    /// Preserved octets were used.
    pub(super) reused: usize,
    /// The original went on after AME 206, with octets that were given and not sent,
    pub(super) rest_unsent: usize,
    /// or with octets that were not given yet.
    pub(super) rest_later: usize,
    /// The original was cut.
    pub(super) cut: usize,
}

/// The processor: gives originals in random pieces and collects adapted messages.
#[derive(Debug, Default)]
pub(super) struct Processor {
    pub(super) tally: Tally,
    pub(super) waiting: Vec<(Plan, Bytes)>,
    sending: BTreeMap<Xid, Sending>,
    pub(super) finished: Vec<(Plan, Bytes, Fate)>,
}

impl Processor {
    fn give(
        tally: &mut Tally,
        sending: &mut Sending,
        xid: Xid,
        connection: &mut Connection,
        random: &mut Random,
    ) {
        let rest = sending.original.slice(sending.given..);
        let most = if random.one_in(2) { 2000 } else { 50 };
        let piece = rest.slice(..random.below(rest.len().min(most) + 2).min(rest.len()));
        sending.given += piece.len();
        let parameters = if random.one_in(4) { "Part: b\r\n" } else { "Part: a\r\n" };
        // After DWSR nothing more is taken; the rest of the original is ours all the same.
        let taken = connection.send(xid, Bytes::from_static(parameters.as_bytes()), piece, None);
        assert!(taken.is_ok() || !connection.is_sending(xid));
        tally.cut += usize::from(taken.is_err());
        if sending.given == sending.original.len() {
            sending.ended = true;
            connection.end_message(xid, Outcome::OK);
        }
    }

    fn finish(&mut self, xid: Xid, adapted: bool) {
        if let Some(sending) = self.sending.remove(&xid) {
            let fate = if adapted { Fate::Adapted(sending.adapted) } else { Fate::Failed };
            self.finished.push((sending.plan, sending.original, fate));
        }
    }

    /// Ends the transaction without waiting for anything.
    fn abandon(&mut self, xid: Xid, connection: &mut Connection) {
        connection.abort_transaction(xid, "abandoned");
        if let Some(sending) = self.sending.remove(&xid) {
            self.finished.push((sending.plan, sending.original, Fate::Abandoned));
        }
    }
}

impl App for Processor {
    fn event(&mut self, event: Event, connection: &mut Connection, _now: Instant) {
        match event {
            Event::Data { xid, octets, original, .. } => {
                let Some(sending) = self.sending.get_mut(&xid) else { return };
                if let Some(offset) = original {
                    self.tally.reused += octets.len();
                    let offset = offset as usize;
                    assert_eq!(
                        octets,
                        sending.original[offset..offset + octets.len()],
                        "kept data is the original"
                    );
                }
                sending.adapted.extend_from_slice(&octets);
            }
            Event::StopSendingWanted(xid) => connection.stop_sending(xid),
            Event::RestIsOriginal { xid, from, unsent } => {
                let Some(sending) = self.sending.get_mut(&xid) else { return };
                let from = from as usize;
                let unsent = unsent.concat();
                assert_eq!(unsent, sending.original[from..sending.given], "all that was given and not sent");
                self.tally.rest_unsent += usize::from(!unsent.is_empty());
                self.tally.rest_later += usize::from(sending.given < sending.original.len());
                sending.adapted.extend_from_slice(&sending.original[from..]);
                sending.done = true;
            }
            Event::MessageEnded { xid, outcome } => {
                if outcome.code == Code::Ok {
                    connection.complete_transaction(xid);
                    self.finish(xid, true);
                } else {
                    connection.abort_transaction(xid, "failed");
                    self.finish(xid, false);
                }
            }
            Event::TransactionEnded { xid, .. } => {
                let done = self.sending.get(&xid).is_some_and(|sending| sending.done);
                self.finish(xid, done);
            }
            Event::TransactionFailed { xid, fault } => panic!("{xid}: {fault}"),
            Event::Closed(closed) => panic!("{}", closed.reason()),
            _ => {}
        }
    }

    fn act(&mut self, connection: &mut Connection, random: &mut Random, now: Instant) -> bool {
        if !self.waiting.is_empty()
            && random.one_in(5)
            && let Ok(xid) = connection.start_transaction(GroupId(1), Bytes::new(), now)
        {
            let (plan, original) = self.waiting.remove(0);
            let sending =
                Sending { plan, original, given: 0, ended: false, adapted: Vec::new(), done: false };
            self.sending.insert(xid, sending);
            return true;
        }
        let Some((&xid, sending)) = self.sending.iter_mut().nth(random.below(4)) else {
            return !self.waiting.is_empty();
        };
        match random.below(200) {
            0 if random.one_in(5) => {
                self.abandon(xid, connection);
                return true;
            }
            0 => connection.pause(xid),
            6 => {
                // Refused while an offer is open; crosses one of the server now and then.
                let _ = connection.offer(Vec::new(), None, now);
            }
            1..6 => connection.resume(xid, None, now),
            _ if !sending.ended => Self::give(&mut self.tally, sending, xid, connection, random),
            // The server reads on after it has stopped sending; its flow ends, then the transaction.
            _ if sending.done && !connection.is_sending(xid) => connection.end_transaction(xid, Outcome::OK),
            _ => return false,
        }
        if sending.done && connection.is_ending(xid) && !connection.is_active(xid) {
            self.finish(xid, true);
        }
        true
    }
}
