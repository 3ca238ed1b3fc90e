//! What a transaction has received and its owner has not taken yet.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;
use ocp_proto::codec::RawMessage;
use ocp_proto::message::GroupId;
use opes_profile::http::{AM_PART, Part, PartError, PartOrder, Settings, Transition};
use opes_profile::notes::Notes;
use smallvec::SmallVec;
use thiserror::Error;

use super::notes::Heard;

/// Why a transaction failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TransactionError {
    /// The callout server has refused or given up the message.
    #[error("the callout server failed: {0}")]
    Refused(String),
    /// The connection was lost or ended.
    #[error("the connection to the callout server ended: {0}")]
    Lost(String),
    /// The callout server has broken the protocol, or has made no progress.
    #[error("the transaction was ended: {0}")]
    Broken(String),
}

/// A piece of the adapted message, in order.
#[derive(Debug)]
pub enum Adapted {
    /// The callout server has started the adapted message.
    Started {
        /// The body's size in octets, where the server announces it (AM-EL).
        length: Option<u64>,
        /// The services that the server says it may apply, where they differ.
        services: Option<Vec<String>>,
        /// What the server says beside the message, if anything.
        notes: Option<Box<Notes>>,
    },
    /// Octets of a part; may be empty.
    Data {
        /// The part.
        part: Part,
        /// The octets.
        octets: Bytes,
        /// Where in the original flow they stand, when the server used preserved data.
        original: Option<u64>,
        /// The server's prediction in percent, where the DUM has one.
        modp: Option<u8>,
    },
    /// From here on the adapted message is the original flow from this offset, to its end. It comes as further data,
    /// as far as it was given and whenever more of it is.
    RestIsOriginal {
        /// The offset in the original flow.
        from: u64,
    },
    /// The adapted message is complete.
    Ended {
        /// What the server has said beside it since it started, if anything. More may come until the transaction has
        /// ended, too: see [`Transaction::poll_notes`](super::Transaction::poll_notes).
        notes: Option<Box<Notes>>,
    },
}

/// The receiving end of one transaction.
#[derive(Debug)]
pub(super) struct Inbox {
    pub(super) group: GroupId,
    pub(super) settings: Arc<Settings>,
    events: VecDeque<Adapted>,
    failure: Option<TransactionError>,
    /// The message is complete or failed: nothing more will come.
    pub(super) closed: bool,
    /// Octets that wait to be taken.
    pub(super) octets: usize,
    /// The parts of the original as they are given, and those of the adapted message as they come.
    given_order: PartOrder,
    order: PartOrder,
    part: Option<Part>,
    /// Where each part of the original begins.
    original_parts: SmallVec<[(u64, Part); 4]>,
    /// Octets of the original that were given to the connection.
    pub(super) given: u64,
    /// Octets of the original that have crossed, once the transaction comes to its end.
    pub(super) crossed: u64,
    /// The original was given as a whole.
    pub(super) complete: bool,
    /// The adapted message goes on with what is given of the original.
    pub(super) rest_is_original: bool,
    /// The server has no further part in the message.
    pub(super) detached: bool,
    /// What the server has said beside the message.
    pub(super) notes: Heard,
    pub(super) receiver: Option<Waker>,
    pub(super) sender: Option<Waker>,
}

impl Inbox {
    pub(super) fn new(group: GroupId, settings: Arc<Settings>) -> Self {
        let order = PartOrder::new_adapted(settings.profile);
        let given_order = PartOrder::new_original(settings.profile, settings.aux);
        Self {
            group,
            settings,
            events: VecDeque::new(),
            failure: None,
            closed: false,
            octets: 0,
            given_order,
            order,
            part: None,
            original_parts: SmallVec::new(),
            given: 0,
            crossed: 0,
            complete: false,
            rest_is_original: false,
            detached: false,
            notes: Heard::default(),
            receiver: None,
            sender: None,
        }
    }

    /// Notes that `size` octets of `part` follow in the original; true when that begins the part.
    pub(super) fn giving(&mut self, part: Part, size: u64) -> Result<bool, PartError> {
        let begins = self.given_order.accept(part)? == Transition::Begins;
        if begins {
            self.original_parts.push((self.given, part));
        }
        self.given += size;
        Ok(begins)
    }

    pub(super) fn push(&mut self, event: Adapted) {
        if let Adapted::Data { octets, .. } = &event {
            self.octets += octets.len();
        }
        self.events.push_back(event);
        self.wake();
    }

    /// Takes data that came in a DUM; `dum` is its head with the first octets.
    pub(super) fn mine(
        &mut self,
        dum: Option<&RawMessage>,
        octets: Bytes,
        modp: Option<u8>,
    ) -> Result<(), String> {
        if let Some(dum) = dum {
            let token = dum.named(AM_PART).and_then(|value| value.as_atom());
            // RFC 4236 sections 3.2.1 and 3.4: every DUM names its part, and parts that are not listed are errors.
            let part = token.and_then(Part::from_token).ok_or("DUM without a valid AM-Part")?;
            self.order.accept(part).map_err(|error: PartError| error.to_string())?;
            self.part = Some(part);
        }
        let Some(part) = self.part else { return Err("data without a part".to_owned()) };
        self.push(Adapted::Data { part, octets, original: None, modp });
        Ok(())
    }

    /// Takes preserved data that the server uses: its parts are those of the original.
    pub(super) fn yours(&mut self, mut octets: Bytes, mut offset: u64) -> Result<(), String> {
        while !octets.is_empty() {
            let (part, left) = self.original_part(offset);
            let part = part.ok_or("DUY refers to data that was not sent")?;
            self.order.accept(part).map_err(|error| error.to_string())?;
            self.part = Some(part);
            let size = usize::try_from(left).map_or(octets.len(), |left| left.min(octets.len()));
            let piece = octets.split_to(size);
            self.push(Adapted::Data { part, octets: piece, original: Some(offset), modp: None });
            offset += size as u64;
        }
        Ok(())
    }

    /// The original part at `offset`, and how many octets of it follow at most.
    fn original_part(&self, offset: u64) -> (Option<Part>, u64) {
        let next = self.original_parts.partition_point(|(start, _)| *start <= offset);
        let end = self.original_parts.get(next).map_or(u64::MAX, |(start, _)| *start);
        let part = next.checked_sub(1).map(|index| self.original_parts[index].1);
        (part, end - offset)
    }

    /// Goes on with the original from `from`; `unsent` is what of it was given already.
    pub(super) fn rest(&mut self, from: u64, unsent: Vec<Bytes>) -> Result<(), String> {
        if self.failure.is_some() {
            return Ok(());
        }
        self.rest_is_original = true;
        self.push(Adapted::RestIsOriginal { from });
        let mut offset = from;
        for octets in unsent {
            let size = octets.len() as u64;
            self.yours(octets, offset)?;
            offset += size;
        }
        self.end_with_original()
    }

    /// Ends the adapted message once the original that continues it is complete.
    pub(super) fn end_with_original(&mut self) -> Result<(), String> {
        match self.rest_is_original && self.complete && !self.closed {
            true => self.end(),
            false => Ok(()),
        }
    }

    /// The adapted flow is complete; an error when it has no head (RFC 4236 section 3.2.1).
    pub(super) fn end(&mut self) -> Result<(), String> {
        if self.failure.is_some() {
            return Ok(());
        }
        self.order.finish().map_err(|error| error.to_string())?;
        self.closed = true;
        self.push(Adapted::Ended { notes: None });
        Ok(())
    }

    /// The adapted message will not be complete. What was not taken of it is destroyed with it (RFC 4037 section
    /// 10.10); says how many octets that were.
    pub(super) fn fail(&mut self, error: TransactionError) -> usize {
        if self.closed || self.detached {
            return 0;
        }
        self.closed = true;
        self.failure = Some(error);
        for event in self.events.drain(..) {
            if let Adapted::Started { notes: Some(notes), .. } = event {
                self.notes.put_back(*notes);
            }
        }
        self.wake();
        std::mem::take(&mut self.octets)
    }

    /// The next piece, or the failure.
    pub(super) fn take(&mut self) -> Option<Result<Adapted, TransactionError>> {
        let Some(mut event) = self.events.pop_front() else { return self.failure.clone().map(Err) };
        match &mut event {
            Adapted::Data { octets, .. } => self.octets -= octets.len(),
            Adapted::Ended { notes } => *notes = self.notes.take(),
            Adapted::Started { .. } | Adapted::RestIsOriginal { .. } => {}
        }
        Some(Ok(event))
    }

    /// Whether the server's TE may bring something that is wanted.
    pub(super) fn awaits_notes(&self) -> bool {
        self.settings.extensions.trace_records && !self.notes.settled
    }

    /// The server will say nothing more.
    pub(super) fn settle(&mut self) {
        self.notes.settled = true;
        if self.settings.extensions.trace_records {
            self.wake();
        }
    }

    fn wake(&mut self) {
        for waker in [self.receiver.take(), self.sender.take()].into_iter().flatten() {
            waker.wake();
        }
    }
}
