//! One transaction at the callout server: the original through the services, the adapted message back.

use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use bytes::Bytes;
use ocp_proto::Connection;
use ocp_proto::codec::RawMessage;
use ocp_proto::message::{Code, Outcome, Xid};
use opes_profile::http::{self, AM_EL, Extensions, Part, Profile, Settings, am_el_parameter};
use opes_sdk::Attributes;

use super::body::{Body, Head, Served, unusable};
use super::notes::NoteKeeper;
use super::original::{Arrived, Original};
use crate::budget::Share;
use crate::clock::Clock;

/// After how much of the original the processor is told that it need not keep what lies before.
const DISPOSED: u64 = 64 * 1024;

/// How far the adapted message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Adapted {
    /// The services have not decided about the head.
    Held,
    /// The head was released.
    Flowing,
    /// The processor goes on without us; the services only read on.
    LookedAt,
    /// AME was queued.
    Ended,
}

/// Whether a transaction goes on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It does.
    Continues,
    /// It has ended and can be forgotten.
    Over,
}

/// One message on its way through the services of a group.
pub(super) struct Adaptation {
    xid: Xid,
    clock: Clock,
    share: Share,
    served: Arc<Served>,
    settings: Option<Arc<Settings>>,
    notes: NoteKeeper,
    original: Original,
    length: Option<u64>,
    /// What was negotiated about the body is in effect.
    agreed: bool,
    /// Apart, since it is large, and empty until the head is whole.
    body: Option<Box<Body>>,
    trailer: Vec<Bytes>,
    /// The services were told that the body is complete.
    body_ended: bool,
    /// The processor's AME has come.
    ended: bool,
    adapted: Adapted,
    /// The original below this offset was declared disposable.
    disposed: u64,
    paused: bool,
    /// How much of the original had come when it was asked to pause.
    paused_at: Option<u64>,
    /// When a service began to wait.
    waiting: Option<Instant>,
}

impl Adaptation {
    pub(super) fn new(
        xid: Xid,
        served: Arc<Served>,
        settings: Option<Arc<Settings>>,
        clock: Clock,
        share: Share,
        most_head: usize,
    ) -> Self {
        let parts = settings.as_ref().map(|settings| (settings.profile, settings.aux));
        let takes_request = served.services.iter().filter_map(|service| service.takes_request()).min();
        let takes_request =
            takes_request.filter(|_| parts.is_some_and(|(_, aux)| aux.contains(Part::RequestBody)));
        let paused = settings.as_ref().is_some_and(|settings| settings.pause_at_body.is_some());
        Self {
            xid,
            clock,
            share,
            served,
            notes: NoteKeeper::default(),
            settings,
            original: Original::new(parts, takes_request, most_head),
            length: None,
            agreed: false,
            body: None,
            trailer: Vec::new(),
            body_ended: false,
            ended: false,
            adapted: Adapted::Held,
            disposed: 0,
            paused,
            paused_at: None,
            waiting: None,
        }
    }

    /// Takes the processor's AMS.
    pub(super) fn start(&mut self, ams: &RawMessage, connection: &mut Connection) -> Progress {
        if let Some(settings) = &self.settings
            && let Some(value) = ams.named(AM_EL)
        {
            // RFC 4236 section 3.3: a size.
            let Some(length) = value.as_number_up_to(settings.largest_size()) else {
                return self.abort(connection, "AMS has no valid AM-EL");
            };
            self.length = Some(length);
        }
        if let Err(malformed) = self.notes.take_briefing(ams, self.extensions()) {
            return self.abort(connection, &format!("AMS has {malformed}"));
        }
        Progress::Continues
    }

    /// Takes original data.
    pub(super) fn data(
        &mut self,
        dum: Option<&RawMessage>,
        octets: Bytes,
        connection: &mut Connection,
        waker: &Waker,
    ) -> Progress {
        let arrived = match self.original.take(dum, octets) {
            Ok(arrived) => arrived,
            Err(error) => return self.abort(connection, &error.to_string()),
        };
        if self.overrun().is_some_and(|overrun| overrun > self.share.flood as u64) {
            return self.flooded(connection);
        }
        self.agree(connection);
        if let Err(reason) = self.begin(waker) {
            return self.abort(connection, &reason);
        }
        match arrived {
            Arrived::Nothing => {}
            Arrived::Body(octets) => {
                // RFC 4236 section 3.3: the exact size, on which what we announce relies.
                if self.length.is_some_and(|length| self.body_octets() > length) {
                    return self.abort(connection, "the body is longer than AM-EL says");
                }
                if let Some(body) = &mut self.body {
                    body.receive(octets);
                }
            }
            Arrived::Trailer(octets) => {
                self.end_body();
                self.trailer.push(octets);
            }
        }
        self.pump(connection)
    }

    /// How much of the original has come since the processor was asked to pause.
    pub(super) fn overrun(&self) -> Option<u64> {
        self.paused_at.map(|at| self.original.offset - at)
    }

    /// Octets of the body that the services hold.
    pub(super) fn buffered(&self) -> u64 {
        self.body.as_ref().map_or(0, |body| body.buffered())
    }

    /// Ends the transaction of a processor that does not pause.
    pub(super) fn flooded(&mut self, connection: &mut Connection) -> Progress {
        self.abort(connection, "the processor sends on although it was asked to pause")
    }

    /// Takes the processor's AME.
    pub(super) fn end(&mut self, outcome: &Outcome, connection: &mut Connection, waker: &Waker) -> Progress {
        match outcome.code {
            Code::Failure => return self.abort(connection, "the original message failed"),
            Code::Partial if self.needs_the_rest() => {
                return self.abort(connection, "the original message ended before the adapted one was made");
            }
            Code::Ok if self.is_short() => {
                return self.abort(connection, "the body is shorter than AM-EL says");
            }
            Code::Partial | Code::Ok => {}
        }
        if let Err(reason) = self.begin(waker) {
            return self.abort(connection, &reason);
        }
        let Some(body) = &mut self.body else {
            return self.abort(connection, "the original message ended before its head");
        };
        if outcome.code == Code::Partial {
            body.cut();
        }
        self.ended = true;
        self.end_body();
        self.pump(connection)
    }

    /// Takes DSS: everything that came before it belongs to the adapted flow, which then ends (RFC 4037 section
    /// 11.14).
    pub(super) fn stop(&mut self, connection: &mut Connection) -> Progress {
        if self.pump(connection) == Progress::Over {
            return Progress::Over;
        }
        if self.adapted == Adapted::Flowing {
            self.release_trailer(connection);
            let notes = self.note(Bytes::new());
            connection.end_message_with(self.xid, Outcome::PARTIAL, notes);
            self.adapted = Adapted::LookedAt;
        }
        self.pump(connection)
    }

    /// Goes on after something that the services waited for, or after data has left.
    pub(super) fn resume(&mut self, connection: &mut Connection) -> Progress {
        if let Some(body) = &mut self.body {
            body.resume();
        }
        self.pump(connection)
    }

    /// Whether a waker of one of its services may fire.
    pub(super) fn is_waiting(&self) -> bool {
        self.body.as_ref().is_some_and(|body| body.chain().waiting())
    }

    /// Since when a service waits.
    pub(super) fn waiting_since(&self) -> Option<Instant> {
        self.waiting
    }

    /// Whether the processor was asked to pause.
    pub(super) fn is_paused(&self) -> bool {
        self.paused
    }

    /// Puts into effect what was negotiated about the body, once it is known where in the flow the body begins.
    fn agree(&mut self, connection: &mut Connection) {
        let Some(settings) = self.settings.as_ref().filter(|_| !self.agreed && self.original.is_ready())
        else {
            return;
        };
        self.agreed = true;
        let base = self.original.body_offset();
        if let Some(enough) = settings.stop_receiving_body {
            connection.stop_receiving_at(self.xid, base + enough);
        }
        if let Some(interest) = settings.preservation_interest_body {
            connection.preserve_up_to(self.xid, base + interest);
        }
    }

    /// Whether the adapted message cannot be made without what is missing of the original one: once that is cut short,
    /// the adapted one has to be whole without it (RFC 4037 section 8.1).
    fn needs_the_rest(&self) -> bool {
        let refuses = self.body.as_ref().is_some_and(|body| body.chain().refuses());
        matches!(self.adapted, Adapted::Held | Adapted::Flowing) && !refuses
    }

    /// Whether less of the body has come than was announced. A body that is absent altogether is no short one: some
    /// announce what a response to HEAD describes.
    fn is_short(&self) -> bool {
        let flows = matches!(self.adapted, Adapted::Held | Adapted::Flowing);
        flows && self.body_octets() > 0 && self.length.is_some_and(|length| self.body_octets() < length)
    }

    /// Octets of the body so far, as long as the trailer was not released.
    fn body_octets(&self) -> u64 {
        let trailer: u64 = self.trailer.iter().map(|octets| octets.len() as u64).sum();
        self.original.offset - self.original.body_offset() - trailer
    }

    fn extensions(&self) -> Extensions {
        self.settings.as_ref().map(|settings| settings.extensions).unwrap_or_default()
    }

    fn profile(&self) -> Option<Profile> {
        self.settings.as_ref().map(|settings| settings.profile)
    }

    /// Starts the services once the head is whole.
    fn begin(&mut self, waker: &Waker) -> Result<(), String> {
        if self.body.is_some() || !self.original.is_ready() {
            return Ok(());
        }
        let mut attributes = self.attributes().map_err(unusable)?;
        self.notes.brief(&mut attributes, self.extensions(), &self.clock);
        let whole = self.profile().zip(self.original.whole_head());
        let head = Head { whole, is_range: self.original.is_range() };
        self.body = Some(Box::new(Body::begin(&self.served, attributes, &head, waker)?));
        Ok(())
    }

    fn attributes(&mut self) -> Result<Attributes, http::HeadError> {
        let request = self.original.take_request_body();
        let attributes = match (&self.settings, self.original.whole_head()) {
            (Some(settings), Some(head))
                if self.served.services.iter().any(|service| service.wants_attributes()) =>
            {
                http::attributes(settings.profile, self.original.request_head(), head, self.length)?
            }
            _ => Attributes { length: self.length, ..Attributes::default() },
        };
        Ok(Attributes { transaction: Some(self.xid.0), request, ..attributes })
    }

    /// Tells the services that the body is complete, once.
    fn end_body(&mut self) {
        let Some(body) = self.body.as_mut().filter(|_| !self.body_ended) else { return };
        self.body_ended = true;
        body.end();
    }

    /// Moves whatever the services have ready to the connection.
    fn pump(&mut self, connection: &mut Connection) -> Progress {
        let Some(body) = &mut self.body else { return Progress::Continues };
        body.advance(self.share.high as u64);
        match (body.chain().waiting(), self.waiting) {
            (false, _) => self.waiting = None,
            (true, None) => self.waiting = Some(self.clock.now()),
            (true, Some(_)) => {}
        }
        if let Some(reason) = body.failure() {
            let reason = reason.to_owned();
            tracing::warn!(xid = self.xid.0, reason, "a service failed");
            return self.abort(connection, &reason);
        }
        if let Some(refusal) = body.chain().refusal() {
            let reason = refusal.reason.clone();
            return self.refuse(connection, &reason);
        }
        if self.adapted == Adapted::Held
            && body.decided()
            && let Err(reason) = self.release_head(connection)
        {
            return self.abort(connection, &reason);
        }
        self.release_body(connection);
        if self.body.as_ref().is_some_and(|body| body.holds_too_much()) {
            return self.abort(connection, "the services hold too much of the message");
        }
        self.leave(connection);
        self.flow(connection);
        self.finish(connection)
    }

    /// Releases AMS and the head, changed only as the services' description says.
    fn release_head(&mut self, connection: &mut Connection) -> Result<(), String> {
        let Some(body) = &self.body else { return Ok(()) };
        let never = !body.modifies();
        let described = Some(body.description()).filter(|description| !description.is_empty());
        // RFC 4236 section 3.3: AM-EL only when the length is known exactly.
        let length = self.length.filter(|_| never && self.settings.is_some());
        // RFC 4037 section 11.9: a prediction that is reliable has to be sent.
        let modp = (never && described.is_none()).then_some(0);
        let parameters = self.note(length.map_or(Bytes::new(), am_el_parameter));
        connection.start_message(self.xid, parameters, modp);
        self.adapted = Adapted::Flowing;
        let Some(profile) = self.profile() else { return Ok(()) };
        let (head, offset) = self.original.take_head();
        let part = profile.header();
        let (head, original) = if let Some(description) = described {
            let head = http::describe(&head, &description);
            (head.map_err(|error| format!("unusable head: {error}"))?, None)
        } else {
            (head, Some(offset))
        };
        self.send(connection, part, head, original);
        Ok(())
    }

    fn release_body(&mut self, connection: &mut Connection) {
        let base = self.original.body_offset();
        let part = self.profile().map(Profile::body);
        let Some(body) = &mut self.body else { return };
        match self.adapted {
            Adapted::Held => {}
            Adapted::Flowing => {
                let parameters = part.map_or(Bytes::new(), Part::parameter);
                while let Some(segment) = body.pull() {
                    let original = segment.original.map(|offset| base + offset);
                    let _ = connection.send(self.xid, parameters.clone(), segment.octets, original);
                }
            }
            Adapted::LookedAt | Adapted::Ended => while body.pull().is_some() {},
        }
    }

    /// Asks to leave the loop as far as the services allow it (RFC 4037 section 8).
    fn leave(&self, connection: &mut Connection) {
        let Some(body) = &self.body else { return };
        let out = match self.adapted {
            Adapted::Flowing => body.only_looks(),
            // The services may have left since: nobody reads on, and a pause would never end.
            Adapted::LookedAt => true,
            Adapted::Held | Adapted::Ended => false,
        };
        if self.ended || !out {
            return;
        }
        if self.adapted == Adapted::Flowing {
            connection.want_stop_sending(self.xid);
        }
        if body.has_left() {
            connection.want_stop_receiving(self.xid, self.original.offset);
        }
    }

    /// Octets that wait for a service which waits itself. What services hold at other times only more data sets free,
    /// or its end.
    pub(super) fn stuck(&self) -> u64 {
        self.body.as_ref().map_or(0, |body| body.stuck())
    }

    /// Pauses the processor while much is held, and lets it release what will not be used again.
    fn flow(&mut self, connection: &mut Connection) {
        let Some(body) = &self.body else { return };
        let high = self.share.high as u64;
        let held = connection.queued_in(self.xid) + self.stuck();
        if !self.paused && held > high {
            connection.pause(self.xid);
            self.paused = true;
            self.paused_at = Some(self.original.offset);
        } else if self.paused && held < high / 4 && self.wants_more(body) {
            // Fewer and larger messages cost less (RFC 4037 section 11.17).
            connection.resume(self.xid, Some(high - held), self.clock.now());
            self.paused = false;
            self.paused_at = None;
        }
        if self.adapted == Adapted::Flowing
            && body.buffered() == 0
            && self.original.offset >= self.disposed + DISPOSED
        {
            self.disposed = self.original.offset;
            connection.dispose(self.xid, self.disposed);
        }
    }

    /// Whether more of the body is needed than the processor sends before the pause that was negotiated.
    fn wants_more(&self, body: &Body) -> bool {
        let pause = self.settings.as_ref().and_then(|settings| settings.pause_at_body);
        let octets = self.original.offset - self.original.body_offset();
        pause.is_none_or(|pause| octets >= pause && !body.has_left())
    }

    fn finish(&mut self, connection: &mut Connection) -> Progress {
        let done = self.ended && self.body.as_ref().is_some_and(|body| body.finished());
        if !done || self.adapted == Adapted::Held {
            return Progress::Continues;
        }
        if self.adapted == Adapted::Flowing {
            self.release_trailer(connection);
            let notes = self.note(Bytes::new());
            connection.end_message_with(self.xid, Outcome::OK, notes);
            self.adapted = Adapted::Ended;
        }
        // RFC 4037 section 11.6: TE as soon as nothing more will be sent.
        let notes = self.note(Bytes::new());
        connection.end_transaction_with(self.xid, Outcome::OK, notes);
        Progress::Over
    }

    fn release_trailer(&mut self, connection: &mut Connection) {
        let Some(profile) = self.profile() else { return };
        let length: u64 = self.trailer.iter().map(|octets| octets.len() as u64).sum();
        let mut offset = self.original.offset - length;
        for octets in std::mem::take(&mut self.trailer) {
            let size = octets.len() as u64;
            self.send(connection, profile.trailer(), octets, Some(offset));
            offset += size;
        }
    }

    fn send(&self, connection: &mut Connection, part: Part, octets: Bytes, original: Option<u64>) {
        // A flow that does not take data any more was ended by the peer, which the next event reports.
        let _ = connection.send(self.xid, part.parameter(), octets, original);
    }

    /// Answers a message that must not pass: with a response of our own where HTTP allows it.
    fn refuse(&mut self, connection: &mut Connection, reason: &str) -> Progress {
        let Some(profile) = self.profile().filter(|_| self.adapted == Adapted::Held) else {
            return self.abort(connection, reason);
        };
        let (head, body) = http::refusal(profile, reason);
        // RFC 4037 section 10.5: 100 percent only where it is certain. The original may be just such a refusal.
        let modp = if self.original.whole_head() == Some(&head[..]) { 99 } else { 100 };
        let parameters = self.note(am_el_parameter(body.len() as u64));
        connection.start_message(self.xid, parameters, Some(modp));
        self.send(connection, Part::ResponseHeader, head, None);
        self.send(connection, Part::ResponseBody, body, None);
        connection.end_message(self.xid, Outcome::OK);
        connection.end_transaction(self.xid, Outcome::OK);
        Progress::Over
    }

    fn abort(&mut self, connection: &mut Connection, reason: &str) -> Progress {
        if let Some(body) = &mut self.body {
            body.abort();
        }
        let notes = self.note(Bytes::new());
        connection.abort_transaction_with(self.xid, reason.to_owned(), notes);
        Progress::Over
    }

    /// These encoded parameters and, where that was negotiated, what there is to tell the processor.
    fn note(&mut self, parameters: Bytes) -> Bytes {
        let extensions = self.extensions();
        let Some(body) = &mut self.body else { return parameters };
        let services = (body.chain_mut(), &self.served.services[..]);
        self.notes.note(parameters, self.xid, extensions, services, &self.clock)
    }
}
