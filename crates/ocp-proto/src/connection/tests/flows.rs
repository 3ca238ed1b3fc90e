//! Whole messages through both agents: whatever the cuts, the adapted message is what the services made of it.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;

use super::super::Connection;
use super::pair::{App, Pair, Random, for_seeds};
use crate::event::Event;
use crate::limits::Limits;
use crate::message::{Code, GroupId, Outcome, Xid};

/// How a server treats a message.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Plan {
    /// Sends it back as it is.
    Echo,
    /// Sends it back with every fifth octet changed.
    Change,
    /// Echoes up to some point, then asks to stop sending; reads on.
    StopSending(usize),
    /// The same, then leaves altogether.
    Leave(usize),
    /// Sends a message of its own and wants no more of the original.
    Replace,
    /// Fails in the middle.
    Fail(usize),
}

/// What the server does to an octet.
fn change(plan: Plan, offset: u64, octet: u8) -> u8 {
    if plan == Plan::Change && offset.is_multiple_of(5) { octet ^ 0xff } else { octet }
}

const REPLACEMENT: &[u8] = b"a message of the server's own";

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
struct Tally {
    /// Preserved octets were used.
    reused: usize,
    /// The original went on after AME 206, with octets that were given and not sent,
    rest_unsent: usize,
    /// or with octets that were not given yet.
    rest_later: usize,
    /// The original was cut.
    cut: usize,
}

/// The processor: gives originals in random pieces and collects adapted messages.
#[derive(Debug)]
struct Processor {
    tally: Tally,
    waiting: Vec<(Plan, Bytes)>,
    sending: BTreeMap<Xid, Sending>,
    finished: Vec<(Plan, Bytes, Option<Vec<u8>>)>,
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
            let adapted = adapted.then_some(sending.adapted);
            self.finished.push((sending.plan, sending.original, adapted));
        }
    }
}

impl App for Processor {
    fn event(&mut self, event: Event, connection: &mut Connection, now: Instant) {
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
        let _ = now;
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
            0 => connection.pause(xid),
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

/// One transaction at the server.
#[derive(Debug)]
struct Adapting {
    plan: Plan,
    received: u64,
    stopped: bool,
    ended: bool,
}

/// The server: treats each message by the plan that its first octets name.
#[derive(Debug, Default)]
struct Server {
    adapting: BTreeMap<Xid, Adapting>,
    plans: Vec<Plan>,
}

impl Server {
    fn data(&mut self, xid: Xid, octets: Bytes, connection: &mut Connection) {
        let Some(adapting) = self.adapting.get_mut(&xid) else { return };
        let start = adapting.received;
        adapting.received += octets.len() as u64;
        if adapting.stopped || adapting.ended {
            return;
        }
        match adapting.plan {
            Plan::Replace => {
                connection.send(xid, Bytes::new(), Bytes::from_static(REPLACEMENT), None).unwrap();
                connection.want_stop_receiving(xid, adapting.received);
                connection.end_message(xid, Outcome::OK);
                adapting.ended = true;
                return;
            }
            Plan::Fail(at) if adapting.received >= at as u64 => {
                connection.end_message(xid, Outcome::failure("as planned"));
                adapting.ended = true;
                return;
            }
            _ => {}
        }
        let plan = adapting.plan;
        if plan == Plan::Change {
            let changed: Vec<u8> =
                (start..).zip(&octets).map(|(offset, octet)| change(plan, offset, *octet)).collect();
            connection.send(xid, Bytes::new(), changed.into(), None).unwrap();
        } else {
            connection.send(xid, Bytes::new(), octets, Some(start)).unwrap();
            if start.is_multiple_of(7) {
                connection.dispose(xid, start);
            }
        }
        let (leave_at, for_good) = match plan {
            Plan::StopSending(at) => (at, false),
            Plan::Leave(at) => (at, true),
            _ => return,
        };
        if adapting.received >= leave_at as u64 {
            connection.want_stop_sending(xid);
            if for_good {
                connection.want_stop_receiving(xid, adapting.received);
            }
        }
    }
}

impl App for Server {
    fn event(&mut self, event: Event, connection: &mut Connection, _now: Instant) {
        match event {
            Event::GroupWanted { group, .. } => connection.accept_group(group),
            Event::MessageStarted { xid, .. } => {
                let plan = self.plans[xid.0 as usize % self.plans.len()];
                connection.start_message(xid, Bytes::new(), Some(50));
                self.adapting.insert(xid, Adapting { plan, received: 0, stopped: false, ended: false });
            }
            Event::Data { xid, octets, .. } => self.data(xid, octets, connection),
            Event::Stopped(xid) => {
                connection.end_message(xid, Outcome::PARTIAL);
                if let Some(adapting) = self.adapting.get_mut(&xid) {
                    adapting.stopped = true;
                }
            }
            Event::MessageEnded { xid, .. } => {
                if let Some(adapting) = self.adapting.get_mut(&xid)
                    && !adapting.stopped
                    && !adapting.ended
                {
                    adapting.ended = true;
                    connection.end_message(xid, Outcome::OK);
                }
            }
            Event::TransactionEnded { xid, .. } => {
                self.adapting.remove(&xid);
            }
            Event::TransactionFailed { xid, fault } => panic!("{xid}: {fault}"),
            Event::Closed(closed) => panic!("{}", closed.reason()),
            _ => {}
        }
    }

    fn act(&mut self, connection: &mut Connection, random: &mut Random, now: Instant) -> bool {
        let Some(&xid) = self.adapting.keys().nth(random.below(3)) else { return false };
        // Rarely enough that a slow transport carries it.
        if !random.one_in(30) {
            return false;
        }
        match random.below(5) {
            0 => connection.pause(xid),
            1 => connection.report_progress(xid, now),
            2 => connection.query_progress(Some(xid)),
            _ => connection.resume(xid, Some(100), now),
        }
        true
    }
}

fn plan(random: &mut Random, size: usize) -> Plan {
    let at = random.below(size + 1);
    match random.below(7) {
        0 | 1 => Plan::Echo,
        2 => Plan::Change,
        3 => Plan::StopSending(at),
        4 => Plan::Leave(at),
        5 => Plan::Replace,
        _ => Plan::Fail(at.max(1)),
    }
}

/// What the processor has to end up with; `None` for a failure.
fn expected(plan: Plan, original: &[u8]) -> Option<Vec<u8>> {
    match plan {
        Plan::Echo | Plan::StopSending(_) | Plan::Leave(_) => Some(original.to_vec()),
        Plan::Change => {
            Some((0..).zip(original).map(|(offset, octet)| change(plan, offset, *octet)).collect())
        }
        Plan::Replace => Some(REPLACEMENT.to_vec()),
        Plan::Fail(_) => None,
    }
}

fn limits(random: &mut Random) -> Limits {
    let kept = [0, 150, 2000, 100_000];
    Limits {
        kept_per_transaction: kept[random.below(4)],
        kept_per_connection: kept[random.below(4)],
        ..Limits::default()
    }
}

fn run(mut random: Random, count: usize) -> Tally {
    // Octet by octet only what is short.
    let (grain, most) = [(1, 150), (3, 300), (20, 1000), (200, 4000), (100_000, 9000)][random.below(5)];
    let messages: Vec<(Plan, Bytes)> = (0..count)
        .map(|_| {
            let size = 1 + [random.below(10), random.below(most / 4), random.below(most)][random.below(3)];
            let original: Bytes = (0..size).map(|_| random.below(256) as u8).collect();
            (plan(&mut random, size), original)
        })
        .collect();
    let server = Server { plans: messages.iter().map(|(plan, _)| *plan).collect(), ..Server::default() };
    let processor = Processor {
        tally: Tally::default(),
        waiting: messages,
        sending: BTreeMap::new(),
        finished: Vec::new(),
    };
    let limits = [limits(&mut random), Limits::default()];
    let mut pair = Pair::new(random, grain, limits, processor, server);
    let waiting = std::mem::take(&mut pair.processor.app.waiting);
    pair.connect();
    pair.processor.app.waiting = waiting;
    let mut rounds = 0;
    while pair.processor.app.finished.len() < count {
        pair.run(200);
        rounds += 1;
        assert!(rounds < 100_000, "stuck: {:#?}", pair.processor);
    }
    pair.settle();
    pair.assert_at_rest();
    for (plan, original, adapted) in &pair.processor.app.finished {
        assert_eq!(*adapted, expected(*plan, original), "{plan:?}");
    }
    pair.processor.app.tally
}

/// Asserts that the runs have met what they are about.
fn assert_worthwhile(tallies: &[Tally]) {
    if tallies.is_empty() {
        return;
    }
    let met = |what: fn(&Tally) -> usize| tallies.iter().filter(|tally| what(tally) > 0).count();
    let met = [met(|tally| tally.reused), met(|tally| tally.rest_unsent), met(|tally| tally.rest_later)]
        .into_iter()
        .chain([met(|tally| tally.cut)])
        .collect::<Vec<_>>();
    assert!(met.iter().all(|seeds| *seeds > 10), "{met:?}");
}

// req: OCP-7-03, OCP-8.2-05, OCP-11.9-05, OCP-11.14-05
#[test]
fn adapted_messages_are_right_however_the_octets_are_cut() {
    assert_worthwhile(&for_seeds(|random| run(random, 1)));
}

// req: OCP-2.6-01, OCP-7-04, OCP-8.2-05, OCP-11.10-03, OCP-11.14-05
#[test]
fn many_messages_at_a_time_do_not_mix() {
    let tallies = for_seeds(|mut random| {
        let count = 2 + random.below(8);
        run(random, count)
    });
    assert_worthwhile(&tallies);
}
