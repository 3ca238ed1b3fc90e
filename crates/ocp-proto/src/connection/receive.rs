//! What each received message does (RFC 4037 section 11).

use std::time::Instant;

use bytes::Bytes;

use super::ended::Ended;
use super::{Connection, Payload, Phase, Question, Role, XidMap, make_ready};
use crate::codec::{Decoder, Found};
use crate::event::{Closed, Event};
use crate::fault::{Cause, Fault, Origin};
use crate::message::{Code, Control, GroupId, InvalidMessage, Message, Outcome, Range, Scope, Service, Xid};
use crate::negotiation::Offer;
use crate::transaction::{FlowState, Out, Side, StopSending, Transaction};

/// The outcome of handling a message: a broken rule ends its scope.
type Handled = Result<(), Fault>;

impl Connection {
    pub(super) fn receive(&mut self, found: Found, now: Instant) {
        self.alive = now;
        let handled = match found {
            Found::Head => {
                self.heard_at(now);
                self.message(now)
            }
            Found::Payload(octets) => self.payload(octets, now),
            Found::End => {
                self.heard_at(now);
                self.payload = None;
                Ok(())
            }
        };
        if let Err(fault) = handled {
            self.fail(fault);
        }
    }

    fn message(&mut self, now: Instant) -> Handled {
        let head = self.decoder.head();
        self.payload = head.payload().map(|_| Payload::Ignored);
        let parsed = Message::read(head, self.large.largest_of_all());
        if self.phase == Phase::Starting {
            return self.first(&parsed);
        }
        let message = parsed.or_else(|invalid| self.excuse(invalid))?;
        if let Some(xid) = message.xid().or_else(|| message.mentioned())
            && let Some(transaction) = self.transactions.get_mut(&xid)
        {
            transaction.active = now;
            transaction.asked = None;
            if !matches!(message, Message::Pa { .. }) {
                transaction.pings = 0;
            }
        }
        self.check_phase(&message)?;
        self.check_sizes(&message)?;
        self.dispatch(message, now)
    }

    /// RFC 4037 section 11.1: a first message other than CS ends the connection.
    fn first(&mut self, parsed: &Result<Message, InvalidMessage>) -> Handled {
        if matches!(parsed, Ok(Message::Cs)) {
            self.phase = Phase::Open;
            self.events.push_back(Event::Connected);
            return Ok(());
        }
        Err(Fault::rule(Scope::Connection, "the first message has to be CS"))
    }

    /// An invalid message of a transaction that we have ended already crossed our TE.
    fn excuse(&mut self, invalid: InvalidMessage) -> Result<Message, Fault> {
        if let Scope::Transaction(xid) = invalid.scope {
            if self.has_ended(xid) {
                return Ok(Message::Unknown);
            }
            if self.role == Role::Server && invalid.message == "TS" {
                // RFC 4037 section 10.2: the identifier is used up all the same.
                self.last_xid = self.last_xid.max(Some(xid));
            }
        }
        Err(invalid.into())
    }

    /// Whether we have ended this transaction, so that messages of it crossed our TE.
    fn has_ended(&self, xid: Xid) -> bool {
        !self.transactions.contains_key(&xid) && self.ended.contains(xid)
    }

    /// RFC 4037 section 6.1: only negotiation phase messages inside a phase that the peer keeps open. Where a server
    /// has opened it by an offer, others may still have crossed our answer.
    fn check_phase(&self, message: &Message) -> Handled {
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
                | Message::Cs
                | Message::Unknown
        );
        let strict = self.role == Role::Server || self.negotiation.open_by_answer();
        if self.negotiation.phase_open() && strict && !allowed {
            return Err(Fault::rule(Scope::Connection, "a message that no negotiation phase allows"));
        }
        Ok(())
    }

    fn dispatch(&mut self, message: Message, now: Instant) -> Handled {
        match message {
            // RFC 4037 section 11.1: repeated CS are ignored; section 11: so are unknown messages.
            Message::Cs | Message::Unknown => Ok(()),
            Message::Ce(outcome) => {
                self.close(Closed::ByPeer(outcome));
                Ok(())
            }
            Message::Sgc { group, services } => self.group_created(group, services),
            Message::Sgd { group } => self.group_destroyed(group),
            Message::Ts { xid, group } => self.transaction_started(xid, group, now),
            Message::Te { xid, outcome } => {
                if self.decoder.has_names() {
                    self.note_extension(xid);
                }
                self.transaction_ended(xid, outcome)
            }
            Message::Ams { xid, services } => self.message_started(xid, services),
            Message::Ame { xid, outcome } => {
                if self.decoder.has_names() {
                    self.note_extension(xid);
                }
                self.message_ended(xid, outcome)
            }
            Message::Dum { xid, offset, kept, modp, .. } => self.dum(xid, offset, kept, modp),
            Message::Duy { xid, range } => self.duy(xid, range),
            Message::Dpi { xid, range } => self.interest(xid, range),
            Message::Dwss { xid } => self.stop_sending_wanted(xid),
            Message::Dwsr { xid, size } => self.stop_receiving_wanted(xid, size),
            Message::Dss { xid } => self.stopped(xid),
            Message::Dwp { xid, offset } => self.pause_wanted(xid, offset),
            Message::Dpm { xid } => self.paused(xid),
            Message::Dwm { xid, .. } => self.more_wanted(xid),
            Message::No { features, group, pending } => self.offered(Offer { features, group }, pending, now),
            Message::Nr { selected, group, pending, .. } => {
                self.negotiating = pending.then_some(now);
                let answered = self.negotiation.answer_received(selected.as_ref(), group, pending);
                answered.map_err(|rule| Fault::rule(Scope::Connection, rule))?;
                self.settle_phase();
                self.events.push_back(Event::Answer { selected, group });
                Ok(())
            }
            Message::Aq { feature } => {
                let supported = self.abilities.iter().any(|ability| ability == feature.uri());
                self.say(Control::Aa { supported });
                Ok(())
            }
            Message::Aa { supported } => {
                self.events.push_back(Event::Ability(supported));
                Ok(())
            }
            Message::Pq { xid } => {
                self.answer_progress(xid);
                Ok(())
            }
            Message::Pa { xid, org_data } | Message::Pr { xid, org_data } => {
                self.events.push_back(Event::Progress { xid, org_data });
                Ok(())
            }
        }
    }

    /// RFC 4037 sections 11.22 and 11.23: always answered, with the transaction only while it is worked on.
    fn answer_progress(&mut self, xid: Option<Xid>) {
        let active = xid.and_then(|xid| self.transactions.get(&xid));
        let org_data = active.and_then(Transaction::original_octets);
        self.say(Control::Pa { xid: xid.filter(|_| active.is_some()), org_data });
    }

    fn group_created(&mut self, group: GroupId, services: Vec<Service>) -> Handled {
        if self.peer_groups.len() >= self.limits.groups {
            return Err(Fault::limit(Scope::Connection, "too many service groups"));
        }
        self.peer_groups.create(group).map_err(|rule| Fault::rule(Scope::Connection, rule))?;
        if self.role == Role::Server {
            self.question = Some(Question::Group(group));
            self.events.push_back(Event::GroupWanted { group, services });
        }
        Ok(())
    }

    fn group_destroyed(&mut self, group: GroupId) -> Handled {
        if !self.peer_groups.destroy(group) {
            return Err(Fault::rule(Scope::Connection, "SGD for an inactive service group"));
        }
        self.large.forget(group);
        self.events.push_back(Event::GroupDestroyed(group));
        Ok(())
    }

    fn offered(&mut self, offer: Offer, pending: bool, now: Instant) -> Handled {
        let processor = self.role == Role::Processor;
        if self.negotiation.disregards_offers(processor) {
            return Ok(());
        }
        // A server may name a group of ours whose end has not reached it yet.
        let inactive = |group| !self.peer_groups.contains(group) && !self.own_groups.has_created(group);
        if offer.group.is_some_and(inactive) {
            return Err(Fault::rule(Scope::Connection, "an offer for an inactive service group"));
        }
        let event = Event::Offer { features: offer.features.clone(), group: offer.group };
        self.negotiation.offer_received(offer, pending);
        self.negotiating = pending.then_some(now);
        self.question = Some(Question::Offer);
        self.events.push_back(event);
        Ok(())
    }

    fn transaction_started(&mut self, xid: Xid, group: GroupId, now: Instant) -> Handled {
        let scope = Scope::Transaction(xid);
        if self.role == Role::Processor {
            return match self.active(xid)? {
                Some(_) => Err(Fault::rule(scope, "TS from a callout server")),
                None => Ok(()),
            };
        }
        if self.last_xid.is_some_and(|last| xid <= last) {
            return Err(Fault::rule(scope, "a transaction identifier is not higher than those before it"));
        }
        self.last_xid = Some(xid);
        if self.ended.contains(xid) {
            // The peer named it before it started it. Our TE has terminated the identifier (section 11.6), so that
            // nothing more may be said of it.
            return Ok(());
        }
        if !self.peer_groups.contains(group) {
            return Err(Fault::rule(scope, "TS names an inactive service group"));
        }
        if self.transactions.len() >= self.limits.transactions {
            return Err(Fault::limit(scope, "too many transactions"));
        }
        self.transactions.insert(xid, Transaction::server(now, self.large.largest(group)));
        self.events.push_back(Event::TransactionStarted { xid, group });
        Ok(())
    }

    fn transaction_ended(&mut self, xid: Xid, outcome: Outcome) -> Handled {
        // A TE for a transaction that is not active crossed ours, or refers to nothing that could be ended.
        if self.remove(xid) {
            self.events.push_back(Event::TransactionEnded { xid, outcome });
        }
        Ok(())
    }

    /// Reports the parameters of an AME or TE that OCP Core does not have.
    #[cold]
    fn note_extension(&mut self, xid: Xid) {
        if self.transactions.contains_key(&xid) {
            let message = self.decoder.take();
            self.events.push_back(Event::Extended { xid, message });
        }
    }

    /// The transaction of a message; `None` when the message crossed our TE.
    fn active(&mut self, xid: Xid) -> Result<Option<&mut Transaction>, Fault> {
        active(&mut self.transactions, &self.ended, xid)
    }

    fn message_started(&mut self, xid: Xid, services: Option<Vec<Service>>) -> Handled {
        let Some(transaction) = self.active(xid)? else {
            return Ok(());
        };
        transaction.incoming.start().map_err(|rule| Fault::rule(Scope::Transaction(xid), rule))?;
        let ams = self.decoder.take();
        self.events.push_back(Event::MessageStarted { xid, ams, services });
        Ok(())
    }

    fn message_ended(&mut self, xid: Xid, outcome: Outcome) -> Handled {
        let Some(transaction) = self.active(xid)? else {
            return Ok(());
        };
        let broken = |rule| Fault::rule(Scope::Transaction(xid), rule);
        transaction.incoming.end(outcome.is_failure()).map_err(broken)?;
        let partial = outcome.code == Code::Partial;
        match &transaction.side {
            Side::Processor(side) => {
                let granted = match side.stop {
                    StopSending::Granted(from) => Some(from),
                    _ => None,
                };
                if partial && granted.is_none() {
                    // RFC 4037 sections 8.2, 11.13: the server may end early only once DSS was sent.
                    return Err(broken("AME 206 although DSS was not sent"));
                }
                self.adapted_ended(xid, outcome, granted.filter(|_| partial));
            }
            Side::Server(side) => {
                // RFC 4037 section 8.1: a partial original is what DWSR asks for. Without it the adapted message
                // cannot be made any more, unless it is complete already.
                let enough = side.enough.is_some_and(|size| transaction.incoming.offset >= size);
                if partial && !enough && !transaction.outgoing.is_over() {
                    return Err(broken("AME 206 although nothing asked for a partial message"));
                }
                self.events.push_back(Event::MessageEnded { xid, outcome });
            }
        }
        Ok(())
    }

    /// Processor: the adapted flow has ended, by agreement at offset `rest` of the original one.
    fn adapted_ended(&mut self, xid: Xid, outcome: Outcome, rest: Option<u64>) {
        let Some(transaction) = self.transactions.get_mut(&xid) else { return };
        let unsent = rest.map(|_| transaction.outgoing.unsent()).unwrap_or_default();
        if let Some(side) = transaction.processor_side() {
            // RFC 4037 section 11.8: AME ends commitments. Where it crossed DSS, no other answer to that will come.
            side.stop = StopSending::Done;
            self.kept -= side.preserved.clear();
        }
        self.events.push_back(match rest {
            Some(from) => Event::RestIsOriginal { xid, from, unsent },
            None => Event::MessageEnded { xid, outcome },
        });
        self.finish_if_enough(xid);
        self.wake(xid);
    }

    fn dum(&mut self, xid: Xid, offset: u64, kept: Option<Range>, modp: Option<u8>) -> Handled {
        let size = self.decoder.head().payload().unwrap_or_default();
        let Some(transaction) = active(&mut self.transactions, &self.ended, xid)? else {
            return Ok(());
        };
        let broken = |rule| Fault::rule(Scope::Transaction(xid), rule);
        transaction.incoming.data(offset, size).map_err(broken)?;
        if let (Some(kept), Some(side)) = (kept, transaction.server_side())
            && !side.commitment.announce(kept).map_err(broken)?
        {
            // RFC 4037 section 7: who has decided to send no DUY says so immediately.
            transaction.outgoing.queue.push_front(Out::Disposable(u64::MAX));
            make_ready(xid, transaction, &mut self.ready);
        }
        self.payload = Some(Payload::Data(xid));
        let raw = self.decoder.take();
        let octets = first_octets(&mut self.decoder, size)?;
        transaction.incoming.received += octets.len() as u64;
        self.events.push_back(Event::Data { xid, dum: Some(raw), octets, original: None, modp });
        Ok(())
    }

    fn payload(&mut self, octets: Bytes, now: Instant) -> Handled {
        let Some(Payload::Data(xid)) = self.payload else {
            return Ok(());
        };
        let Some(transaction) = self.transactions.get_mut(&xid) else {
            return Ok(());
        };
        transaction.incoming.received += octets.len() as u64;
        transaction.active = now;
        transaction.pings = 0;
        self.events.push_back(Event::Data { xid, dum: None, octets, original: None, modp: None });
        Ok(())
    }

    fn duy(&mut self, xid: Xid, range: Range) -> Handled {
        let role = self.role;
        let Some(transaction) = self.active(xid)? else {
            return Ok(());
        };
        let broken = |rule| Fault::rule(Scope::Transaction(xid), rule);
        transaction.incoming.advance(range.size).map_err(broken)?;
        let side = transaction.processor_side().ok_or_else(|| broken(from_processor(role)))?;
        let pieces: Vec<_> = side.preserved.slices(range).map_err(broken)?.collect();
        for (offset, octets) in pieces {
            self.events.push_back(Event::Data { xid, dum: None, octets, original: Some(offset), modp: None });
        }
        Ok(())
    }

    fn interest(&mut self, xid: Xid, range: Range) -> Handled {
        let role = self.role;
        let Some(transaction) = self.active(xid)? else {
            return Ok(());
        };
        let broken = |rule| Fault::rule(Scope::Transaction(xid), rule);
        let side = transaction.processor_side().ok_or_else(|| broken(from_processor(role)))?;
        let before = side.preserved.size();
        side.preserved.limit(range).map_err(broken)?;
        self.kept -= before - side.preserved.size();
        self.events.push_back(Event::Interest { xid, range });
        Ok(())
    }

    fn stop_sending_wanted(&mut self, xid: Xid) -> Handled {
        let role = self.role;
        let Some(transaction) = self.active(xid)? else {
            return Ok(());
        };
        let ended = transaction.incoming.state == FlowState::Ended;
        let side = transaction
            .processor_side()
            .ok_or_else(|| Fault::rule(Scope::Transaction(xid), from_processor(role)))?;
        if side.stop == StopSending::None && !ended {
            side.stop = StopSending::Wanted;
            self.events.push_back(Event::StopSendingWanted(xid));
        }
        Ok(())
    }

    fn stop_receiving_wanted(&mut self, xid: Xid, size: u64) -> Handled {
        let role = self.role;
        let Some(transaction) = self.active(xid)? else {
            return Ok(());
        };
        let side = transaction
            .processor_side()
            .ok_or_else(|| Fault::rule(Scope::Transaction(xid), from_processor(role)))?;
        side.enough = Some(size);
        self.events.push_back(Event::StopReceivingWanted { xid, size });
        self.finish_if_enough(xid);
        Ok(())
    }

    fn stopped(&mut self, xid: Xid) -> Handled {
        let Some(transaction) = self.active(xid)? else {
            return Ok(());
        };
        let over = transaction.outgoing.is_over();
        let Some(side) = transaction.server_side() else {
            return Err(Fault::rule(Scope::Transaction(xid), "DSS from a callout server"));
        };
        // RFC 4037 section 11.14: ignored after the adapted flow was terminated.
        if over || side.stopped {
            return Ok(());
        }
        if !side.wants_stop {
            return Err(Fault::rule(Scope::Transaction(xid), "DSS although DWSS was not sent"));
        }
        side.stopped = true;
        self.events.push_back(Event::Stopped(xid));
        Ok(())
    }

    fn pause_wanted(&mut self, xid: Xid, offset: u64) -> Handled {
        let Some(transaction) = self.active(xid)? else {
            return Ok(());
        };
        let reached = transaction.outgoing.pause_at(offset);
        if transaction.is_held_up()
            && let Some(reason) = transaction.abandoned.take()
        {
            // RFC 4037 section 11.6: nobody is left who would send the rest once DWM comes.
            self.abort_transaction(xid, reason);
        } else if reached {
            // RFC 4037 section 11.15: once the data has stopped, DPM follows immediately.
            self.say(Control::Dpm { xid });
        }
        Ok(())
    }

    fn paused(&mut self, xid: Xid) -> Handled {
        let Some(transaction) = self.active(xid)? else {
            return Ok(());
        };
        if std::mem::take(&mut transaction.incoming.pause_expected) {
            transaction.incoming.paused = true;
            return Ok(());
        }
        // A pause that we did not ask for, or do not want any more: the peer waits for DWM.
        if !transaction.incoming.paused && transaction.incoming.state != FlowState::Ended {
            self.say(Control::Dwm { xid, size_request: None });
        }
        Ok(())
    }

    fn more_wanted(&mut self, xid: Xid) -> Handled {
        let Some(transaction) = self.active(xid)? else {
            return Ok(());
        };
        transaction.outgoing.resume();
        self.wake(xid);
        Ok(())
    }

    /// Gives a question that was not answered the answer that is always safe.
    pub(super) fn settle_question(&mut self) {
        match self.question.take() {
            None => {}
            Some(Question::Group(_)) => self.fail(Fault {
                scope: Scope::Connection,
                origin: Origin::Local,
                cause: Cause::Refused("the service group was not created".to_owned()),
            }),
            Some(Question::Offer) => {
                let Some(offer) = self.negotiation.take_question() else {
                    return;
                };
                self.say(Control::Nr {
                    selected: None,
                    group: offer.group,
                    rejects: Vec::new(),
                    unknowns: offer.features,
                });
                self.settle_phase();
            }
        }
    }
}

fn active<'a>(
    transactions: &'a mut XidMap<Transaction>,
    ended: &Ended,
    xid: Xid,
) -> Result<Option<&'a mut Transaction>, Fault> {
    match transactions.get_mut(&xid) {
        Some(transaction) => Ok(Some(transaction)),
        None if ended.contains(xid) => Ok(None),
        // RFC 4037 section 11: an identifier of an inactive state invalidates the message.
        None => Err(Fault::rule(Scope::Transaction(xid), "the transaction is not active")),
    }
}

/// The payload that has come together with its head, which saves an event for small messages.
fn first_octets(decoder: &mut Decoder, size: u64) -> Result<Bytes, Fault> {
    if size == 0 || decoder.buffer().is_empty() {
        return Ok(Bytes::new());
    }
    match decoder.find()? {
        Some(Found::Payload(octets)) => Ok(octets),
        _ => Ok(Bytes::new()),
    }
}

fn from_processor(role: Role) -> &'static str {
    debug_assert_eq!(role, Role::Server);
    "a message that only a callout server may send"
}
