//! The server of the flows: treats each message by its plan.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;

use super::super::super::Connection;
use super::super::pair::{App, Random};
use super::{Plan, REPLACEMENT, change};
use crate::event::Event;
use crate::message::{Outcome, Xid};

/// One transaction at the server.
#[derive(Debug)]
struct Adapting {
    plan: Plan,
    received: u64,
    stopped: bool,
    ended: bool,
}

/// The server: treats each message by the plan for its identifier.
#[derive(Debug)]
pub(super) struct Server {
    adapting: BTreeMap<Xid, Adapting>,
    plans: Vec<Plan>,
}

impl Server {
    /// A server that treats the transactions by these plans, in the order of their identifiers.
    pub(super) fn new(plans: Vec<Plan>) -> Self {
        Self { adapting: BTreeMap::new(), plans }
    }

    fn data(&mut self, xid: Xid, octets: Bytes, connection: &mut Connection) {
        let Some(adapting) = self.adapting.get_mut(&xid) else { return };
        let start = adapting.received;
        adapting.received += octets.len() as u64;
        if adapting.stopped || adapting.ended {
            return;
        }
        match adapting.plan {
            Plan::Abort(at) if adapting.received >= at as u64 => {
                connection.abort_transaction(xid, "as planned");
                self.adapting.remove(&xid);
                return;
            }
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
        match random.below(6) {
            0 => connection.pause(xid),
            1 => connection.report_progress(xid, now),
            2 => connection.query_progress(Some(xid)),
            3 => {
                let _ = connection.offer(Vec::new(), None, now);
            }
            _ => connection.resume(xid, Some(100), now),
        }
        true
    }
}
