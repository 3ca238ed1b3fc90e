//! The processor's end of one connection, shared by its driver and the owners of its transactions.

#[cfg(test)]
mod inspect;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use bytes::Bytes;
use ocp_proto::codec::{RawMessage, number};
use ocp_proto::message::{Outcome, Service, Xid};
use ocp_proto::{Cause, Closed, Connection, Event, Fault, Limits, Role, StartError, XidMap};
use opes_profile::http::{self, AM_EL, AuxParts, Extensions, Part, Settings};
use tokio::sync::Notify;

use super::group::{Failures, GroupSpec, GroupState, LinkGroups};
use super::guard::Guard;
use super::inbox::{Adapted, Inbox, TransactionError};
use crate::budget::Budget;
use crate::clock::Clock;
use crate::driver::Agent;

/// What the links of a client have in common.
#[derive(Debug, Clone)]
pub(crate) struct LinkSettings {
    pub(crate) failures: Arc<Failures>,
    pub(crate) guard: Arc<Guard>,
    pub(crate) aux: AuxParts,
    pub(crate) extensions: Extensions,
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
    pub(crate) budget: Budget,
}

/// One connection to a callout server.
pub(crate) struct Link {
    pub(super) connection: Connection,
    clock: Clock,
    budget: Budget,
    groups: LinkGroups,
    failures: Arc<Failures>,
    guard: Arc<Guard>,
    pub(super) inboxes: XidMap<Inbox>,
    /// Transactions whose owners wait for room.
    blocked: Vec<Xid>,
    held: usize,
    /// The first offer was answered.
    negotiated: bool,
    closed: Option<String>,
    draining: bool,
    waker: Option<Waker>,
    /// Told when a group's state changes or the connection ends.
    pub(super) changed: Arc<Notify>,
}

impl Link {
    pub(super) fn new(specs: Vec<GroupSpec>, settings: LinkSettings) -> Self {
        let LinkSettings { failures, guard, aux, extensions, limits, clock, budget } = settings;
        let now = clock.now();
        let abilities = vec![http::profile::REQUEST.into(), http::profile::RESPONSE.into()];
        let mut connection = Connection::new(Role::Processor, limits, abilities, now);
        // RFC 4037 section 6.1: an offer immediately after CS, empty when there is nothing to negotiate yet. The
        // profiles are offered for each group, since one connection carries both.
        let _ = connection.offer(Vec::new(), None, now);
        Self {
            connection,
            clock,
            budget,
            groups: LinkGroups::new(specs, aux, extensions),
            failures,
            guard,
            inboxes: XidMap::default(),
            blocked: Vec::new(),
            held: 0,
            negotiated: false,
            closed: None,
            draining: false,
            waker: None,
            changed: Arc::new(Notify::new()),
        }
    }

    /// Why the connection is over.
    pub(crate) fn closed(&self) -> Option<&str> {
        self.closed.as_deref()
    }

    /// Whether the first negotiation is over.
    pub(crate) fn is_negotiated(&self) -> bool {
        self.negotiated && !self.connection.is_closing()
    }

    /// Whether new transactions may be started.
    pub(super) fn is_usable(&self) -> bool {
        self.is_negotiated() && !self.draining
    }

    /// Whether a negotiation holds new transactions back.
    pub(super) fn is_negotiating(&self) -> bool {
        self.connection.is_negotiating()
    }

    pub(super) fn load(&self) -> usize {
        self.connection.transactions()
    }

    pub(super) fn group(&self, spec: &GroupSpec) -> Option<&GroupState> {
        self.groups.state(spec)
    }

    /// Has the group created.
    pub(super) fn want_group(&mut self, spec: &GroupSpec) {
        self.groups.want(spec);
        self.wake();
    }

    /// Starts a transaction with a group that is ready. `parameters` are encoded ones of the AMS.
    ///
    /// # Errors
    /// See [`StartError`]; [`StartError::NoGroup`] when the group is not ready.
    pub(super) fn start(
        &mut self,
        spec: &GroupSpec,
        parameters: Bytes,
    ) -> Result<(Xid, Arc<Settings>), StartError> {
        let Some(GroupState::Ready { id, settings }) = self.groups.state(spec) else {
            return Err(StartError::NoGroup);
        };
        let (id, settings) = (*id, Arc::clone(settings));
        let xid = self.connection.start_transaction(id, parameters, self.clock.now())?;
        self.inboxes.insert(xid, Inbox::new(id, Arc::clone(&settings)));
        // RFC 4037 section 10.2: the connection ends once its identifiers are used up.
        if xid.0 == number::MAX {
            self.drain();
        }
        self.wake();
        Ok((xid, settings))
    }

    /// Gives original data to the transaction.
    ///
    /// # Errors
    /// The application message is too large for OCP, or the part may not come here.
    pub(super) fn send(&mut self, xid: Xid, part: Part, octets: Bytes) -> Result<(), TransactionError> {
        let Some(inbox) = self.inboxes.get_mut(&xid) else { return Ok(()) };
        let start = inbox.given;
        let begins = match inbox.giving(part, octets.len() as u64) {
            Ok(begins) => begins,
            Err(error) => {
                // RFC 4236 section 3.2.1: what is not listed, negotiated or in order is not sent.
                let error = TransactionError::Broken(error.to_string());
                self.connection.abort_transaction(xid, error.to_string());
                self.fail(xid, error.clone());
                return Err(error);
            }
        };
        let settings = Arc::clone(&inbox.settings);
        if begins && part == settings.profile.body() {
            // RFC 4236 sections 3.2.4 to 3.2.6: offsets into the body, as if DWP, DWSR and DPI had come. The last is
            // read as a prefix of the body behind all that precedes it: whoever means octets of the flow asks for less.
            if let Some(pause) = settings.pause_at_body {
                self.connection.pause_original_at(xid, start + pause);
            }
            if let Some(enough) = settings.stop_receiving_body {
                self.connection.stop_original_at(xid, start + enough);
            }
            if let Some(interest) = settings.preservation_interest_body {
                self.connection.preserve_up_to(xid, start + interest);
            }
        }
        if inbox.rest_is_original && !inbox.closed {
            let returned = octets.clone();
            self.data(xid, |inbox| inbox.yours(returned, start));
        }
        let sent = self.connection.send(xid, part.parameter(), octets, None);
        self.settle_rest(xid);
        self.wake();
        match sent {
            // A flow that was ended early needs no more data.
            Ok(()) | Err(ocp_proto::SendError::NotOpen) => Ok(()),
            Err(error @ ocp_proto::SendError::TooLarge) => Err(TransactionError::Broken(error.to_string())),
        }
    }

    /// The original was given as a whole.
    pub(super) fn complete(&mut self, xid: Xid) {
        self.connection.end_message(xid, Outcome::OK);
        self.data(xid, |inbox| {
            inbox.complete = true;
            inbox.end_with_original()
        });
        self.settle_rest(xid);
        self.wake();
    }

    /// Whether the transaction takes more of the original now; if not, `waker` is called once it does.
    pub(super) fn has_room(&mut self, xid: Xid, waker: &Waker) -> bool {
        let Some(inbox) = self.inboxes.get_mut(&xid) else { return true };
        if self.connection.queued_in(xid) < self.budget.unsent as u64
            && inbox.octets < self.budget.transaction
        {
            return true;
        }
        inbox.sender = Some(waker.clone());
        if !self.blocked.contains(&xid) {
            self.blocked.push(xid);
        }
        false
    }

    /// Whether the server still takes original data.
    pub(super) fn wants_original(&self, xid: Xid) -> bool {
        self.connection.is_sending(xid)
    }

    /// The next piece of the adapted message; if there is none yet, `waker` is called once there is.
    pub(super) fn receive(&mut self, xid: Xid, waker: &Waker) -> Option<Result<Adapted, TransactionError>> {
        let Some(inbox) = self.inboxes.get_mut(&xid) else {
            return Some(Err(TransactionError::Broken("the transaction is over".to_owned())));
        };
        let before = inbox.octets;
        let taken = inbox.take();
        if taken.is_none() {
            inbox.receiver = Some(waker.clone());
        }
        let after = inbox.octets;
        self.held -= before - after;
        if before != after {
            if after < self.budget.transaction / 4 {
                // Fewer and larger messages cost less (RFC 4037 section 11.17).
                let room = (self.budget.transaction - after) as u64;
                self.connection.resume(xid, Some(room), self.clock.now());
            }
            self.wake();
            if after < self.budget.transaction
                && let Some(sender) = self.inboxes.get_mut(&xid).and_then(|inbox| inbox.sender.take())
            {
                sender.wake();
            }
        }
        taken
    }

    /// How many octets of the original have crossed to the server.
    pub(super) fn crossed(&self, xid: Xid) -> u64 {
        if self.connection.is_active(xid) {
            return self.connection.sent_in(xid);
        }
        self.inboxes.get(&xid).map_or(0, |inbox| inbox.crossed)
    }

    /// The owner has lost interest.
    pub(super) fn release(&mut self, xid: Xid) {
        self.stop_waiting_for_notes(xid);
        if let Some(inbox) = self.inboxes.remove(&xid) {
            self.held -= inbox.octets;
        }
        self.connection.abandon_transaction(xid, "the message is not needed any more");
        self.wake();
    }

    /// Takes no new transactions, and ends the connection once the present ones are over.
    pub(crate) fn drain(&mut self) {
        self.draining = true;
        self.changed.notify_waiters();
        self.wake();
    }

    /// Ends the connection at once.
    pub(crate) fn stop(&mut self, reason: &'static str) {
        self.connection.end(Outcome::failure(reason));
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Answer { selected, group } => {
                let answered = match group {
                    None => {
                        self.negotiated = true;
                        Ok(())
                    }
                    Some(group) => self.groups.answered(selected.as_ref(), group, &mut self.connection),
                };
                if let Err(reason) = answered {
                    self.connection.end(Outcome::failure(reason));
                }
                self.changed.notify_waiters();
            }
            Event::Progress { xid: None, .. } => self.groups.progressed(),
            Event::MessageStarted { xid, ams, services } => self.started(xid, &ams, services),
            Event::Data { xid, dum, octets, original, modp } => {
                self.data(xid, |inbox| match original {
                    Some(offset) => inbox.yours(octets, offset),
                    None => inbox.mine(dum.as_ref(), octets, modp),
                });
                self.check_flood(xid);
            }
            Event::Extended { xid, message } => {
                self.take_notes(xid, &message);
            }
            Event::MessageEnded { xid, outcome } => self.ended(xid, &outcome),
            Event::RestIsOriginal { xid, from, unsent } => {
                self.data(xid, |inbox| inbox.rest(from, unsent));
                self.settle_rest(xid);
            }
            Event::StopSendingWanted(xid) => self.connection.stop_sending(xid),
            Event::StopReceivingWanted { xid, .. } => {
                self.settle_rest(xid);
                self.note_crossed(xid);
            }
            Event::TransactionEnded { xid, outcome } => self.transaction_ended(xid, &outcome),
            Event::TransactionFailed { xid, fault } => {
                if let Cause::Timeout(_) = fault.cause {
                    self.guard.failed(&fault.to_string());
                }
                self.fail(xid, TransactionError::Broken(fault.to_string()));
            }
            Event::Closed(closed) => self.close(&closed),
            Event::Connected
            | Event::Progress { .. }
            | Event::Interest { .. }
            | Event::Ability(_)
            | Event::GroupWanted { .. }
            | Event::GroupDestroyed(_)
            | Event::Offer { .. }
            | Event::TransactionStarted { .. }
            | Event::Stopped(_) => {}
        }
    }

    fn started(&mut self, xid: Xid, ams: &RawMessage, services: Option<Vec<Service>>) {
        self.guard.succeeded();
        let services = services.map(|services| services.iter().map(uri).collect());
        let largest = self.inboxes.get(&xid).map_or(number::MAX, |inbox| inbox.settings.largest_size());
        let length = match ams.named(AM_EL).map(|value| value.as_number_up_to(largest)) {
            // RFC 4236 section 3.3: a size.
            Some(None) => return self.violate(xid, "AMS has no valid AM-EL".to_owned()),
            Some(length) => length,
            None => None,
        };
        if !self.take_notes(xid, ams) {
            return;
        }
        if let Some(inbox) = self.inboxes.get_mut(&xid) {
            let notes = inbox.notes.take();
            inbox.push(Adapted::Started { length, services, notes });
        }
    }

    fn data(&mut self, xid: Xid, take: impl FnOnce(&mut Inbox) -> Result<(), String>) {
        let Some(inbox) = self.inboxes.get_mut(&xid) else { return };
        let before = inbox.octets;
        let taken = take(inbox);
        let after = inbox.octets;
        self.held += after - before;
        if let Err(reason) = taken {
            return self.violate(xid, reason);
        }
        if after > self.budget.share(self.connection.transactions()).high {
            self.connection.pause(xid);
        }
    }

    /// Ends a transaction whose server does not pause. What the owner gives itself is its own affair.
    fn check_flood(&mut self, xid: Xid) {
        let flood = self.inboxes.get(&xid).is_some_and(|inbox| inbox.octets > self.budget.flood);
        if flood {
            self.violate(xid, "the callout server sends on although it was asked to pause".to_owned());
        }
    }

    fn ended(&mut self, xid: Xid, outcome: &Outcome) {
        if outcome.is_failure() {
            let reason = outcome.reason().into_owned();
            self.connection.abort_transaction(xid, "the adapted message failed");
            return self.fail(xid, TransactionError::Refused(reason));
        }
        match self.inboxes.get_mut(&xid).map(Inbox::end) {
            Some(Err(reason)) => self.violate(xid, reason),
            Some(Ok(())) | None => {
                self.settle(xid);
                self.note_crossed(xid);
            }
        }
    }

    fn transaction_ended(&mut self, xid: Xid, outcome: &Outcome) {
        // A refusal, too: what a message brings about must not keep the server from others.
        self.guard.succeeded();
        let Some(inbox) = self.inboxes.get_mut(&xid) else { return };
        inbox.settle();
        if outcome.is_failure() {
            self.fail(xid, TransactionError::Refused(outcome.reason().into_owned()));
        } else if inbox.rest_is_original {
            inbox.detached = true;
        } else {
            // RFC 4037 section 10.10: without AME the adapted message is not complete.
            let reason = "the transaction ended before the adapted message";
            self.fail(xid, TransactionError::Refused(reason.to_owned()));
        }
    }

    /// Once the original continues the adapted message and the server takes no more of it, nothing is left to send.
    fn settle_rest(&mut self, xid: Xid) {
        let Some(inbox) = self.inboxes.get_mut(&xid) else { return };
        if inbox.rest_is_original && !self.connection.is_sending(xid) && !self.connection.is_ending(xid) {
            inbox.detached = true;
            // Where trace records are in effect, the server's TE may bring some.
            if !inbox.awaits_notes() {
                self.connection.end_transaction(xid, Outcome::OK);
            }
            self.note_crossed(xid);
        }
    }

    /// Notes how much of the original will have crossed once TE is sent, if it waits to be.
    fn note_crossed(&mut self, xid: Xid) {
        let waits = self.inboxes.get(&xid).is_some_and(|inbox| inbox.detached || inbox.closed);
        if !self.connection.is_active(xid) || !(self.connection.is_ending(xid) || waits) {
            return;
        }
        let crossed = self.connection.sent_in(xid) + self.connection.queued_in(xid);
        if let Some(inbox) = self.inboxes.get_mut(&xid) {
            inbox.crossed = crossed;
        }
    }

    pub(super) fn violate(&mut self, xid: Xid, reason: String) {
        self.connection.abort_transaction(xid, reason.clone());
        self.fail(xid, TransactionError::Broken(reason));
    }

    fn fail(&mut self, xid: Xid, error: TransactionError) {
        if let Some(inbox) = self.inboxes.get_mut(&xid) {
            self.held -= inbox.fail(error);
            inbox.settle();
        }
    }

    /// A group cannot be created on this connection.
    fn cannot_create(&mut self, error: StartError) {
        match error {
            // RFC 4037 section 10.2: no identifier is left; what is under way comes to its end.
            StartError::Exhausted => self.drain(),
            _ => self.connection.end(Outcome::failure(error.to_string())),
        }
    }

    fn close(&mut self, closed: &Closed) {
        let reason = closed.reason();
        // RFC 4037 section 11.3: a server refuses a group by a CE that indicates a failure, and in no other way.
        let refused = matches!(closed, Closed::ByPeer(outcome) if outcome.is_failure());
        if refused && let Some(spec) = self.groups.culprit().filter(|_| !self.draining) {
            self.failures.note(spec, reason.clone(), self.clock.now());
        }
        self.judge(closed, &reason);
        for inbox in self.inboxes.values_mut() {
            self.held -= inbox.fail(TransactionError::Lost(reason.clone()));
            inbox.settle();
        }
        self.closed = Some(reason);
        self.changed.notify_waiters();
    }

    /// Tells the breaker what the end of the connection means.
    fn judge(&self, closed: &Closed, reason: &str) {
        let silent = |fault: &Fault| matches!(fault.cause, Cause::Unanswered(_));
        match closed {
            Closed::Fault(fault) if silent(fault) => self.guard.fell_silent(reason),
            Closed::Locally => {}
            Closed::ByPeer(outcome) if !outcome.is_failure() => {}
            // Whoever could not connect counts that; an idle connection may end.
            Closed::Fault(_) | Closed::ByPeer(_) => {
                if self.inboxes.values().any(|inbox| !inbox.closed) {
                    self.guard.failed(reason);
                }
            }
        }
    }

    /// Wakes owners that waited for room.
    fn unblock(&mut self) {
        let (connection, inboxes, budget) = (&self.connection, &mut self.inboxes, self.budget);
        self.blocked.retain(|xid| {
            if connection.queued_in(*xid) >= budget.unsent as u64
                || inboxes.get(xid).is_some_and(|inbox| inbox.octets >= budget.transaction)
            {
                return true;
            }
            if let Some(waker) = inboxes.get_mut(xid).and_then(|inbox| inbox.sender.take()) {
                waker.wake();
            }
            false
        });
    }
}

fn uri(service: &Service) -> String {
    String::from_utf8_lossy(service.uri()).into_owned()
}

impl Agent for Link {
    fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    fn advance(&mut self, now: Instant, waker: &Waker) {
        if !self.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            self.waker = Some(waker.clone());
        }
        while let Some(event) = self.connection.poll_event(now) {
            self.handle(event);
        }
        if self.negotiated && !self.connection.is_closing() {
            let in_use = |group| self.inboxes.values().any(|inbox| inbox.group == group);
            if let Err(error) = self.groups.advance(&mut self.connection, now, in_use) {
                self.cannot_create(error);
            }
        }
        self.unblock();
        if self.draining && self.connection.transactions() == 0 {
            self.connection.end(Outcome::OK);
            while let Some(event) = self.connection.poll_event(now) {
                self.handle(event);
            }
        }
    }

    fn is_congested(&self) -> bool {
        self.held > self.budget.connection
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.is_congested() {
            self.connection.excuse_silence(now);
        }
        self.connection.handle_timeout(now);
    }
}
