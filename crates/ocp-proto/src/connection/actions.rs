//! What the agent above a connection may do.

use std::time::Instant;

use bytes::Bytes;
use thiserror::Error;

use super::clock::restart_clock;
use super::{Connection, Phase, Question, Role, make_ready};
use crate::codec::number;
use crate::event::Closed;
use crate::fault::{Cause, Fault, Origin};
use crate::message::{Control, Feature, GroupId, Outcome, Scope, Service, Xid};
use crate::negotiation::Offer;
use crate::transaction::{Extension, FlowState, Out, Piece, Side, StopSending, Transaction};

/// Why a transaction or group could not be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum StartError {
    /// The connection is over or not ready.
    #[error("the connection is closing")]
    Closing,
    /// A negotiation phase is open (RFC 4037 section 6.1).
    #[error("a negotiation is under way")]
    Negotiating,
    /// Every identifier was used (section 10.2): the connection has to be replaced.
    #[error("the identifiers of the connection are used up")]
    Exhausted,
    /// The service group does not exist.
    #[error("the service group is not active")]
    NoGroup,
}

/// Why data was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SendError {
    /// The transaction is over, or its flow has ended or not begun.
    #[error("the flow is not open")]
    NotOpen,
    /// The application message would exceed what OCP can carry: 2147483647 octets where nothing else was negotiated
    /// (section 10.3).
    #[error("the application message is larger than OCP can carry here")]
    TooLarge,
}

impl Connection {
    /// Offers features, the favourite first (section 11.18), for one service group or the whole connection.
    ///
    /// # Errors
    /// An earlier offer is not answered yet, the group is not active, or the connection is closing.
    pub fn offer(
        &mut self,
        features: Vec<Feature>,
        group: Option<GroupId>,
        now: Instant,
    ) -> Result<(), &'static str> {
        if self.phase == Phase::Closing {
            return Err("the connection is closing");
        }
        if group.is_some_and(|group| !self.own_groups.contains(group) && !self.peer_groups.contains(group)) {
            return Err("the service group is not active");
        }
        self.negotiation.offered(Offer { features: features.clone(), group })?;
        self.negotiating = Some(now);
        self.say(Control::No { features, group, pending: false });
        Ok(())
    }

    /// Answers the offer of the last event with the selected feature, and says which were unknown (section 11.19).
    pub fn answer(&mut self, selected: Option<Feature>, rejects: Vec<Feature>, unknowns: Vec<Feature>) {
        let Some(offer) = self.negotiation.take_question() else {
            return;
        };
        self.question = None;
        self.say(Control::Nr { selected, group: offer.group, rejects, unknowns });
        self.settle_phase();
    }

    /// Creates the group of the last event.
    pub fn accept_group(&mut self, group: GroupId) {
        if matches!(self.question, Some(Question::Group(wanted)) if wanted == group) {
            self.question = None;
        }
    }

    /// Refuses the group of the last event: the connection ends (section 11.3).
    pub fn refuse_group(&mut self, reason: String) {
        self.question = None;
        self.fail(Fault { scope: Scope::Connection, origin: Origin::Local, cause: Cause::Refused(reason) });
    }

    /// Processor: creates a service group (section 11.3).
    ///
    /// # Errors
    /// The connection is closing, a negotiation is under way, or identifiers are used up.
    pub fn create_group(&mut self, services: Vec<Service>) -> Result<GroupId, StartError> {
        self.may_start()?;
        let group = self.own_groups.next().ok_or(StartError::Exhausted)?;
        self.own_groups.create(group).map_err(|_| StartError::Exhausted)?;
        self.say(Control::Sgc { group, services });
        Ok(group)
    }

    /// Processor: destroys a service group (section 11.4).
    pub fn destroy_group(&mut self, group: GroupId) {
        if self.own_groups.destroy(group) {
            self.large.forget(group);
            self.say(Control::Sgd { group });
        }
    }

    /// Processor: starts a transaction and its original message (sections 11.5 and 11.7). `extension` holds encoded
    /// named parameters of the AMS.
    ///
    /// # Errors
    /// The connection is closing, a negotiation is under way, the group is not active, or identifiers are used up.
    pub fn start_transaction(
        &mut self,
        group: GroupId,
        extension: Bytes,
        now: Instant,
    ) -> Result<Xid, StartError> {
        self.may_start()?;
        if !self.own_groups.contains(group) {
            return Err(StartError::NoGroup);
        }
        let mut xid = Xid(self.last_xid.map_or(0, |last| last.0 + 1));
        // A server may have named what was never started: our TE has terminated that identifier (section 11.6).
        while self.ended.contains(xid) {
            xid.0 += 1;
        }
        if xid.0 > number::MAX {
            return Err(StartError::Exhausted);
        }
        self.last_xid = Some(xid);
        let mut transaction = Transaction::processor(now, self.large.largest(group));
        transaction.outgoing.state = FlowState::Open;
        self.transactions.insert(xid, transaction);
        self.say(Control::Ts { xid, group });
        self.say(Control::Ams { xid, extension });
        Ok(xid)
    }

    /// Makes the next transaction identifier at least `xid`; for tests of exhaustion.
    #[doc(hidden)]
    pub fn skip_to(&mut self, xid: Xid) {
        self.last_xid = Some(Xid(xid.0.saturating_sub(1))).max(self.last_xid);
    }

    /// Makes the next service group identifier at least `group`; for tests of exhaustion.
    #[doc(hidden)]
    pub fn skip_to_group(&mut self, group: GroupId) {
        self.own_groups.skip_to(group);
    }

    /// Server: starts the adapted message (section 11.7). `modp` is the prediction to send with its first data.
    pub fn start_message(&mut self, xid: Xid, extension: Bytes, modp: Option<u8>) {
        let Some(transaction) = self.transactions.get_mut(&xid) else {
            return;
        };
        if transaction.outgoing.state != FlowState::Before {
            return;
        }
        transaction.outgoing.state = FlowState::Open;
        if let Some(side) = transaction.server_side() {
            side.modp = modp;
        }
        self.say(Control::Ams { xid, extension });
    }

    /// Server: changes the prediction that goes out with the next data (section 11.9).
    pub fn predict(&mut self, xid: Xid, modp: u8) {
        if let Some(side) = self.transactions.get_mut(&xid).and_then(Transaction::server_side) {
            side.modp = Some(modp);
        }
    }

    /// Adds data to this agent's flow. `parameters` are encoded named parameters of the DUM that will carry it. A
    /// server says where in the original flow the same octets stand, when they do.
    ///
    /// # Errors
    /// The flow is not open, or the message would become too large.
    pub fn send(
        &mut self,
        xid: Xid,
        parameters: Bytes,
        octets: Bytes,
        original: Option<u64>,
    ) -> Result<(), SendError> {
        let Some(transaction) = self.transactions.get_mut(&xid) else {
            return Err(SendError::NotOpen);
        };
        if !transaction.outgoing.accepts() {
            return Err(SendError::NotOpen);
        }
        if octets.len() as u64 > transaction.outgoing.room() {
            return Err(SendError::TooLarge);
        }
        restart_clock(xid, transaction, &mut self.fresh);
        transaction.outgoing.push(Piece { parameters, octets, original });
        end_if_enough(transaction);
        make_ready(xid, transaction, &mut self.ready);
        Ok(())
    }

    /// Ends this agent's flow once its data is sent (section 11.8).
    pub fn end_message(&mut self, xid: Xid, outcome: Outcome) {
        self.end_flow(xid, outcome, None);
    }

    /// As [`Connection::end_message`]; `extension` holds encoded named parameters of the AME.
    pub fn end_message_with(&mut self, xid: Xid, outcome: Outcome, extension: Bytes) {
        self.end_flow(xid, outcome, boxed(extension));
    }

    fn end_flow(&mut self, xid: Xid, outcome: Outcome, extension: Extension) {
        let Some(transaction) = self.transactions.get_mut(&xid) else {
            return;
        };
        if transaction.outgoing.accepts() {
            restart_clock(xid, transaction, &mut self.fresh);
            transaction.outgoing.end(outcome, extension);
            make_ready(xid, transaction, &mut self.ready);
        }
    }

    /// Ends the transaction once everything queued is sent (section 11.6). Nothing can be sent in it any more.
    pub fn end_transaction(&mut self, xid: Xid, outcome: Outcome) {
        self.close_transaction(xid, outcome, None);
    }

    /// As [`Connection::end_transaction`]; `extension` holds encoded named parameters of the TE.
    pub fn end_transaction_with(&mut self, xid: Xid, outcome: Outcome, extension: Bytes) {
        self.close_transaction(xid, outcome, boxed(extension));
    }

    fn close_transaction(&mut self, xid: Xid, outcome: Outcome, extension: Extension) {
        let Some(transaction) = self.transactions.get_mut(&xid) else {
            return;
        };
        if !transaction.outgoing.is_ending() {
            restart_clock(xid, transaction, &mut self.fresh);
            transaction.outgoing.close(outcome, extension);
            make_ready(xid, transaction, &mut self.ready);
        }
    }

    /// Processor: ends the transaction because the adapted message is complete. An original that is not yet sent as
    /// a whole ends as partial first (section 11.8: AME as soon as processing stops).
    pub fn complete_transaction(&mut self, xid: Xid) {
        let Some(transaction) = self.transactions.get_mut(&xid) else {
            return;
        };
        restart_clock(xid, transaction, &mut self.fresh);
        complete_original(transaction);
        self.end_transaction(xid, Outcome::OK);
    }

    /// Processor: does the same but for TE, where the server may have more to say about the transaction than data.
    pub fn complete_message(&mut self, xid: Xid) {
        let Some(transaction) = self.transactions.get_mut(&xid) else {
            return;
        };
        restart_clock(xid, transaction, &mut self.fresh);
        complete_original(transaction);
        make_ready(xid, transaction, &mut self.ready);
    }

    /// Ends the transaction at once with a failure; queued data is dropped (section 11.6).
    pub fn abort_transaction(&mut self, xid: Xid, reason: impl Into<Bytes>) {
        self.abort_transaction_with(xid, reason, Bytes::new());
    }

    /// As [`Connection::abort_transaction`]; `extension` holds encoded named parameters of the TE.
    pub fn abort_transaction_with(&mut self, xid: Xid, reason: impl Into<Bytes>, extension: Bytes) {
        if self.remove(xid) {
            self.ended.insert(xid);
            self.say(Control::Te { xid, outcome: Outcome::failure(reason), extension });
        }
    }

    /// Nobody above waits for this transaction any more. What is queued goes out if it ends with TE already and nothing
    /// in it waits for the peer, now or later; else the transaction ends at once with a failure (section 11.6).
    pub fn abandon_transaction(&mut self, xid: Xid, reason: &'static str) {
        let Some(transaction) = self.transactions.get_mut(&xid) else {
            return;
        };
        if transaction.outgoing.is_ending() && !transaction.is_held_up() {
            transaction.abandoned = Some(reason);
        } else {
            self.abort_transaction(xid, reason);
        }
    }

    /// Server: expects the processor to pause on its own, as Pause-At-Body asked for (RFC 4236 section 3.2.4). DWM is
    /// then left to [`Connection::resume`].
    pub fn expect_pause(&mut self, xid: Xid) {
        if let Some(transaction) = self.transactions.get_mut(&xid) {
            transaction.incoming.pause_expected = true;
        }
    }

    /// Asks the peer to pause its flow of this transaction at once (section 11.15).
    pub fn pause(&mut self, xid: Xid) {
        let Some(transaction) = self.transactions.get_mut(&xid) else {
            return;
        };
        if !transaction.incoming.paused && transaction.incoming.state != FlowState::Ended {
            transaction.incoming.paused = true;
            let offset = transaction.incoming.offset;
            self.say(Control::Dwp { xid, offset });
        }
    }

    /// Takes a pause back and asks for at least `size` octets where given (section 11.17).
    pub fn resume(&mut self, xid: Xid, size: Option<u64>, now: Instant) {
        let Some(transaction) = self.transactions.get_mut(&xid) else {
            return;
        };
        if transaction.incoming.paused || transaction.incoming.pause_expected {
            transaction.incoming.paused = false;
            transaction.incoming.pause_expected = false;
            transaction.active = now;
            if transaction.incoming.state != FlowState::Ended {
                self.say(Control::Dwm { xid, size_request: size });
            }
        }
    }

    /// Processor: acts as if DWP with this offset of the original flow had come before the flow began; what the HTTP
    /// profile's Pause-At-Body asks for (RFC 4236 section 3.2.4).
    pub fn pause_original_at(&mut self, xid: Xid, offset: u64) {
        let Some(transaction) = self.transactions.get_mut(&xid) else {
            return;
        };
        restart_clock(xid, transaction, &mut self.fresh);
        if transaction.outgoing.pause_as_agreed(offset) {
            self.say(Control::Dpm { xid });
        }
    }

    /// Processor: acts as if DWSR with this size had come; what Stop-Receiving-Body asks for (RFC 4236 section 3.2.5).
    pub fn stop_original_at(&mut self, xid: Xid, size: u64) {
        if let Some(side) = self.transactions.get_mut(&xid).and_then(Transaction::processor_side) {
            side.enough = Some(side.enough.map_or(size, |earlier| earlier.min(size)));
        }
        self.finish_if_enough(xid);
    }

    /// Acts as if DPI from offset 0 to `end` had come to a processor, or been sent by a server; what
    /// Preservation-Interest-Body asks for (RFC 4236 section 3.2.6). What is kept already stays.
    pub fn preserve_up_to(&mut self, xid: Xid, end: u64) {
        match self.transactions.get_mut(&xid).map(|transaction| &mut transaction.side) {
            Some(Side::Processor(side)) => side.preserved.agree(end),
            Some(Side::Server(side)) => side.commitment.agree(end),
            None => {}
        }
    }

    /// Processor: permits the server to stop sending (section 11.14). The original flow rests until it has.
    pub fn stop_sending(&mut self, xid: Xid) {
        let Some(transaction) = self.transactions.get_mut(&xid) else {
            return;
        };
        restart_clock(xid, transaction, &mut self.fresh);
        let offset = transaction.outgoing.offset;
        let over = transaction.incoming.state == FlowState::Ended;
        let Some(side) = transaction.processor_side() else {
            return;
        };
        // No answer would come once the adapted flow has ended (section 11.14).
        if side.stop == StopSending::Wanted && !over {
            side.stop = StopSending::Granted(offset);
            self.say(Control::Dss { xid });
        }
    }

    /// Server: asks for permission to stop sending (section 11.13).
    pub fn want_stop_sending(&mut self, xid: Xid) {
        let Some(transaction) = self.transactions.get_mut(&xid) else {
            return;
        };
        if !transaction.outgoing.accepts() {
            return;
        }
        let Some(side) = transaction.server_side() else {
            return;
        };
        if !side.wants_stop {
            side.wants_stop = true;
            self.say(Control::Dwss { xid });
        }
    }

    /// Server: asks for the end of the original flow after its first `size` octets (section 11.12).
    pub fn want_stop_receiving(&mut self, xid: Xid, size: u64) {
        let Some(transaction) = self.transactions.get_mut(&xid) else {
            return;
        };
        if transaction.incoming.state != FlowState::Open {
            return;
        }
        let Some(side) = transaction.server_side() else {
            return;
        };
        if side.enough.is_none() {
            side.enough = Some(size);
            self.say(Control::Dwsr { xid, size });
        }
    }

    /// Server: acts as if DWSR with this size had been sent; what Stop-Receiving-Body asks for (RFC 4236 section
    /// 3.2.5).
    pub fn stop_receiving_at(&mut self, xid: Xid, size: u64) {
        if let Some(side) = self.transactions.get_mut(&xid).and_then(Transaction::server_side) {
            side.enough.get_or_insert(size);
        }
    }

    /// Server: says that original data below this offset will not be used (section 11.11), after what is queued now.
    pub fn dispose(&mut self, xid: Xid, below: u64) {
        let Some(transaction) = self.transactions.get_mut(&xid) else {
            return;
        };
        if transaction.outgoing.accepts() {
            transaction.outgoing.queue.push_back(Out::Disposable(below));
            self.wake(xid);
        }
    }

    /// Asks how far the peer is (section 11.22).
    pub fn query_progress(&mut self, xid: Option<Xid>) {
        self.say(Control::Pq { xid });
    }

    /// Reports that a transaction is worked on (section 11.24).
    pub fn report_progress(&mut self, xid: Xid, now: Instant) {
        let Some(transaction) = self.transactions.get_mut(&xid) else {
            return;
        };
        transaction.active = now;
        let org_data = transaction.original_octets();
        self.say(Control::Pr { xid: Some(xid), org_data });
    }

    /// Asks whether the peer supports a feature (section 11.20).
    pub fn query_ability(&mut self, feature: Feature) {
        self.say(Control::Aq { feature });
    }

    /// Ends the connection (section 11.2); transactions end with it.
    pub fn end(&mut self, outcome: Outcome) {
        if self.phase != Phase::Closing {
            self.say(Control::Ce(outcome));
            self.close(Closed::Locally);
        }
    }

    /// The transport has closed, or failed, without CE (section 11.2).
    pub fn transport_closed(&mut self) {
        self.fail(Fault { scope: Scope::Connection, origin: Origin::Transport, cause: Cause::Closed });
        self.control.clear();
    }

    /// Octets of data that wait in the transaction's queue.
    pub fn queued_in(&self, xid: Xid) -> u64 {
        self.transactions.get(&xid).map_or(0, |transaction| transaction.outgoing.queued)
    }

    /// Octets of this agent's flow that were sent.
    pub fn sent_in(&self, xid: Xid) -> u64 {
        self.transactions.get(&xid).map_or(0, |transaction| transaction.outgoing.offset)
    }

    /// Whether this agent's flow of the transaction takes more data.
    pub fn is_sending(&self, xid: Xid) -> bool {
        self.transactions.get(&xid).is_some_and(|transaction| transaction.outgoing.accepts())
    }

    /// Whether the transaction's end waits to be sent, or was.
    pub fn is_ending(&self, xid: Xid) -> bool {
        self.transactions.get(&xid).is_none_or(|transaction| transaction.outgoing.is_ending())
    }

    /// Whether the transaction is active.
    pub fn is_active(&self, xid: Xid) -> bool {
        self.transactions.contains_key(&xid)
    }

    fn may_start(&self) -> Result<(), StartError> {
        debug_assert_eq!(self.role, Role::Processor, "only processors start groups and transactions");
        if self.phase != Phase::Open {
            return Err(StartError::Closing);
        }
        // RFC 4037 section 6.1: no other messages inside a negotiation phase.
        if self.is_negotiating() {
            return Err(StartError::Negotiating);
        }
        Ok(())
    }

    /// Processor: ends the original flow with AME 206 once the server needs no more of it (sections 8.1 and 8.3).
    pub(super) fn finish_if_enough(&mut self, xid: Xid) {
        if let Some(transaction) = self.transactions.get_mut(&xid)
            && end_if_enough(transaction)
        {
            make_ready(xid, transaction, &mut self.ready);
        }
    }
}

/// Ends the original flow where it stands: nobody needs more of it, nor a permission to stop sending.
fn complete_original(transaction: &mut Transaction) {
    if !transaction.outgoing.is_complete() {
        transaction.outgoing.drop_data();
        transaction.outgoing.end(Outcome::PARTIAL, None);
    }
    if let Some(side) = transaction.processor_side() {
        side.stop = StopSending::Done;
    }
}

/// Ends the original flow where the server needs no more of it than was given; true when it did.
fn end_if_enough(transaction: &mut Transaction) -> bool {
    let given = transaction.outgoing.offset + transaction.outgoing.queued;
    let Some(side) = transaction.processor_side() else { return false };
    let Some(enough) = side.enough else { return false };
    // RFC 4037 section 8.3: after DWSS, AME 206 only once DSS was sent; the flow rests until the server's AME.
    let in_order = matches!(side.stop, StopSending::None | StopSending::Done);
    let ended = given >= enough && in_order && transaction.outgoing.end_early(enough);
    if ended && let Some(side) = transaction.processor_side() {
        side.stop = StopSending::Done;
    }
    ended
}

fn boxed(lines: Bytes) -> Extension {
    (!lines.is_empty()).then(|| Box::new(lines))
}
